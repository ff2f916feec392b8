/*
 * job_effects: what the effects of jobs share, and those that have a file of their own. Each kind
 * has up to three: one that prepares the act (it may ask the custodian), one within the act that
 * stores the job's success, one within the act that stores its failure or its cancel.
 */
#ifndef JOB_EFFECTS_H
#define JOB_EFFECTS_H

#include "job.h"
#include "jobs.h"

/* The code and the sentence that tell why the job is not done. */
struct reason {
	struct str code, text;
};
struct reason reason_of(const struct job_row *);
/* What is not in the state in which the job left it has its end from somebody else. */
MUST bool unless_over(struct ctx *, bool ok);

/* All that it wrote is whole. *ret_gone: what it wrote nothing to. */
MUST bool outputs_store(
    struct ctx *, struct db *, const struct run *, struct blob_row **ret_gone, size_t *ret_n);
/* Everything that belongs to what the job worked for. */
MUST bool outputs_erase(struct ctx *, struct db *, const struct job_row *,
    struct blob_row **ret_gone, size_t *ret_n);

typedef bool effect_prepares(struct jobs *, struct run *);
typedef bool effect_does(
    struct ctx *, struct db *, struct run *, struct blob_row **ret_gone, size_t *ret_n);
typedef bool effect_ends(struct ctx *, struct db *, const struct job_row *,
    struct blob_row **ret_gone, size_t *ret_n);

/* job_effects_models.c */
effect_prepares model_prepare, watermark_prepare;
effect_does modelled, watermarked;
effect_ends not_modelled, not_watermarked;
/* job_effects_verify.c */
effect_prepares challenge_prepare, verify_prepare;
effect_does challenged, verified;
effect_ends not_challenged, not_verified;

#endif
