/*
 * What goes into a step: randomness without state, samples on their way into a network, the plan
 * that takes them.
 */
#ifndef TRAIN_BATCH_H
#define TRAIN_BATCH_H

#include "train.h"

/* ---- Randomness -------------------------------------------------------------------------- */

/* A generator that begins from the seed and from what it is for, e.g. an epoch and a sample. */
struct random {
	uint64_t state;
};
enum random_use { RANDOM_ORDER, RANDOM_SAMPLE, RANDOM_START, RANDOM_DROPOUT };
struct random random_of(uint64_t seed, enum random_use, uint64_t a, uint64_t b);
uint64_t random_bits(struct random *);
/* Evenly 0 … n - 1, for n below 2^32. */
int64_t random_below(struct random *, int64_t n);
double random_unit(struct random *);   /* [0, 1) */
double random_normal(struct random *); /* mean 0, variance 1 */
/* Numbers 0 … n - 1 in the order of this epoch. */
void random_order(uint64_t seed, int64_t epoch, int64_t *ret, int64_t n);

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
/* The classes that so many outputs a row tell apart. */
int64_t batch_classes(int64_t outputs);
/* E_INPUT unless the loss can be had of so many outputs a row. */
MUST bool batch_loss(struct ctx *, const struct loss *, int64_t outputs);

#endif
