/*
 * job_effects: what the effects of jobs share, and those that have a file of their own. Each kind
 * has up to two: one that prepares the act (it may ask the custodian), one within the act that
 * stores the job's success.
 */
#ifndef JOB_EFFECTS_H
#define JOB_EFFECTS_H

#include "job.h"
#include "jobs.h"

/* The members of a job's result: the worker says them, nobody has to believe them. */
struct said {
	struct json_part *part;
	size_t n;
};
MUST bool said_read(struct ctx *, const struct run *, struct said *ret);
/* False if there is none of that name within the range; no failure is recorded. */
bool said_number(
    const struct said *, const char *name, int64_t least, int64_t most, int64_t *ret);
bool said_digest(struct ctx *, const struct said *, const char *name, struct digest256 *ret);

/* All that it wrote is whole. *ret_gone: what it wrote nothing to. */
MUST bool outputs_store(
    struct ctx *, struct db *, const struct run *, struct blob_row **ret_gone, size_t *ret_n);

typedef bool effect_prepares(struct jobs *, struct run *);
typedef bool effect_does(
    struct ctx *, struct db *, struct run *, struct blob_row **ret_gone, size_t *ret_n);

/* job_effects_models.c */
effect_prepares model_prepare, watermark_prepare, slots_prepare;
effect_does modelled, watermarked, slotted;
/* job_effects_verify.c */
effect_prepares challenge_prepare, verify_prepare;
effect_does challenged, verified;
/* job_effects_redteam.c */
effect_prepares redteam_prepare;
effect_does redteamed;

#endif
