/*
 * What goes into a step: samples on their way into a network, and the plan that takes them.
 */
#ifndef TRAIN_BATCH_H
#define TRAIN_BATCH_H

#include "chance.h"
#include "train.h"

/* ---- What chance is for ------------------------------------------------------------------ */

enum random_use { RANDOM_ORDER, RANDOM_SAMPLE, RANDOM_START, RANDOM_DROPOUT };

/* ---- Batches ----------------------------------------------------------------------------- */

/* How images are changed on their way. */
struct change {
	uint64_t seed;
	int64_t crop;
	bool flip;
};
/*
 * Sample number `i`, as it is in this epoch. `room` has space for one sample and is used if
 * something is changed.
 */
void batch_sample(const struct train_data *, const struct change *, int64_t epoch, int64_t i,
    float *room, float *to);
/* E_INPUT unless the loss can be had of so many outputs a row. */
MUST bool batch_loss(struct ctx *, const struct loss *, int64_t outputs);

/* ---- Masks ------------------------------------------------------------------------------- */

/* Of n places, by targets, or, if those are NULL, by labels. */
double loss_mask(const struct loss *, const float *out, const float *target,
    const int32_t *label, int64_t n, float *gradient);
/* Does the output mark its place; does any of n? */
bool loss_marked(const struct loss *, float out);
bool loss_any_marked(const struct loss *, const float *out, int64_t n);

#endif
