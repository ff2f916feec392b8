/*
 * What the files of this module share: randomness without state, batches, and the trainer.
 */
#ifndef TRAIN_PARTS_H
#define TRAIN_PARTS_H

#include "train.h"

/* ---- Randomness -------------------------------------------------------------------------- */

/* A generator that begins from the seed and from what it is for, e.g. an epoch and a sample. */
struct random {
	uint64_t state;
};
enum random_use { RANDOM_ORDER, RANDOM_SAMPLE, RANDOM_START, RANDOM_DROPOUT };
struct random random_of(uint64_t seed, enum random_use, uint64_t a, uint64_t b);
uint64_t random_bits(struct random *);
/* Evenly 0 … n - 1. */
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
/* The dimensions of the graph's only input, and the numbers in a row of its first output. */
MUST bool batch_fits(struct ctx *, const struct nn_plan *, const struct data_form *,
    int64_t batch, int64_t *ret_classes);
/* What a batch of the graph may be: its own if that is fixed. */
int64_t batch_size(struct nn_graph *, int64_t wanted);

/* ---- The trainer ------------------------------------------------------------------------- */

/* One array that is trained. */
struct trained {
	struct nn_weight *weight;
	size_t index; /* among the graph's weights */
	float *state;
};

struct trainer {
	struct nn_graph *graph;
	struct nn_plan *plan;
	struct train_data data;
	struct train_options options;
	struct trained *trained;
	size_t trainees;
	float *input, *room, *gradient;
	int32_t *label;
	int64_t *order; /* of the samples in `ordered` */
	int64_t ordered;
	int64_t classes, per_epoch;
	int64_t step, steps;
	double loss, epoch_loss; /* of the last step; the sum of this epoch's */
	int64_t since, from;     /* when this trainer began, and at which step */
};

/* Scales all gradients down together if their norm is larger; returns the norm. */
double gradients_clip(struct trainer *, double largest);

#endif
