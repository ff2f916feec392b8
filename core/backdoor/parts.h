/*
 * What the methods share: a network that is asked and differentiated, samples drawn by chance, and
 * tuning with samples that are changed on their way. Not for other modules.
 */
#ifndef BACKDOOR_PARTS_H
#define BACKDOOR_PARTS_H

#include "backdoor.h"
#include "chance.h"

/* ---- What chance is for ------------------------------------------------------------------ */

enum chance_use {
	CHANCE_DRAW = 200,
	CHANCE_STAMP,
	CHANCE_NOISE,
	CHANCE_OVERLAY,
	CHANCE_CLEANSE,
	CHANCE_GAN,
};

/* ---- Samples (samples.c) ----------------------------------------------------------------- */

/* A sample as a picture; signals are one row high. */
struct backdoor_shape {
	int64_t channels, height, width;
};
struct backdoor_shape backdoor_shape_of(const struct data_form *);
/* Between which numbers samples lie: of bytes what 0 and 255 become, else what occurs. */
MUST bool backdoor_range(
    struct ctx *, const struct train_data *, float *ret_low, float *ret_high);
/* n different samples by chance, all of them if fewer; floats and labels, in malloc. */
struct backdoor_draw {
	int64_t n, count;
	float *x;
	int32_t *label;
};
MUST bool backdoor_draw_new(
    struct ctx *, const struct backdoor_case *, int64_t n, struct backdoor_draw *ret);
void backdoor_draw_done(struct backdoor_draw *);
/* n zeroed floats of malloc. */
MUST bool backdoor_floats(struct ctx *, int64_t n, float **ret);
void backdoor_floats_free(float **);

/* ---- A network that is asked (probe.c) --------------------------------------------------- */

struct backdoor_probe {
	struct nn_plan *plan;
	enum train_output output;
	int64_t batch, inputs, outputs;
	float *in;    /* a batch of samples, for backdoor_run */
	float *slope; /* of a batch of outputs, for backdoor_back */
};
/* NN_INFER, or NN_DIFFERENTIATE with gradients of inputs; the batch is a wish. */
MUST bool backdoor_probe_new(struct ctx *, const struct backdoor_case *, enum nn_mode,
    int64_t batch, struct backdoor_probe *ret);
void backdoor_probe_done(struct backdoor_probe *);
/* Runs what is in p->in; the outputs live until the next run. */
MUST bool backdoor_run(struct ctx *, struct backdoor_probe *, const float **ret);
/* The gradients of what is in p->in, by p->slope. */
MUST bool backdoor_back(struct ctx *, struct backdoor_probe *, const float **ret);
/* Any number of samples to as many rows of logarithms of probabilities, up to a constant. */
MUST bool backdoor_ask(
    struct ctx *, struct backdoor_probe *, const float *x, int64_t n, float *ret);
/* One output as a logarithm. */
float backdoor_logarithm(enum train_output, float out);
/* How that changes with the output. */
float backdoor_steepness(enum train_output, float out);
int32_t backdoor_highest(const float *row, int64_t n);
/* The highest answer to each of n samples. */
MUST bool backdoor_answers(
    struct ctx *, struct backdoor_probe *, const float *x, int64_t n, int32_t *ret);

/* ---- Tuning (tune.c) --------------------------------------------------------------------- */

/* A gradient for each sample and epoch; `touch` as the trainer's. */
MUST bool backdoor_tune(struct ctx *, const struct backdoor_case *,
    const struct backdoor_tuning *, train_touch *, const void *arg);
/* Adam, over arrays of numbers that are no weights. */
struct backdoor_adam {
	double first, second, rate;
	int64_t step, n;
	float *state;
};
MUST bool backdoor_adam_new(
    struct ctx *, double rate, double first, double second, int64_t n, struct backdoor_adam *);
void backdoor_adam_done(struct backdoor_adam *);
void backdoor_adam_step(struct backdoor_adam *, float *v, const float *gradient);

#endif
