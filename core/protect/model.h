/*
 * A model at work, for what measures it often: right answers, and the gradient of the mean loss,
 * each over one set of samples.
 */
#ifndef PROTECT_MODEL_H
#define PROTECT_MODEL_H

#include "protect.h"

/* Counts right answers over one set as often as it is asked. The set must outlive it. */
struct judge;
MUST bool judge_new(
    struct ctx *, const struct protect_model *, const struct protect_set *, struct judge **ret);
void judge_free(struct judge **);
/* The share of right answers with the graph's present weights. */
MUST bool judge_run(struct ctx *, struct judge *, double *ret);

/* The gradient of the mean loss over one set, norms as in inference. */
struct slope;
struct slope_seen {               /* what the same pass tells besides */
	double loss, right, most; /* mean; shares: of right answers, of the commonest answer */
};
/* Of the weights that `wanted` says, by their place in the graph. The set must outlive it. */
MUST bool slope_new(struct ctx *, const struct protect_model *, const struct protect_set *,
    const bool wanted[], struct slope **ret);
void slope_free(struct slope **);
MUST bool slope_run(struct ctx *, struct slope *, struct slope_seen *ret);
/*
 * Forward alone, given up (*ret_alike false) as soon as answers differ more than that: whether the
 * commonest answer has this share or more.
 */
MUST bool slope_peek(
    struct ctx *, struct slope *, double share, struct slope_seen *ret, bool *ret_alike);
/* Of the last run, in the weight's layout; NULL for one that was not wanted. */
const float *slope_of(struct slope *, size_t weight);

#endif
