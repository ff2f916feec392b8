/*
 * The trainer inside, for what runs it and for what saves it.
 */
#ifndef TRAIN_TRAINER_H
#define TRAIN_TRAINER_H

#include "batch.h"

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
	float *input, *room, *gradient; /* of a batch; of one sample; of the output */
	int32_t *label;
	int64_t *order; /* of the samples in `ordered` */
	int64_t ordered;
	int64_t batch, outputs; /* rows at once, numbers in a row of the output */
	int64_t places;         /* labels of a sample */
	int64_t per_epoch;
	int64_t step, steps;
	double loss, epoch_loss; /* of the last step; the sum of this epoch's */
	int64_t since, from;     /* when this trainer began, and at which step */
};

#endif
