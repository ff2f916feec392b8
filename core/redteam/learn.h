/*
 * What thieves who train stand on: rows of numbers through a network and back to where they came
 * from, and a training towards whatever targets they have.
 */
#ifndef REDTEAM_LEARN_H
#define REDTEAM_LEARN_H

#include "chance.h"
#include "parts.h"

/* ---- Rows through a network (learn_rows.c) ----------------------------------------------- */

/* Room for n numbers, all zero. */
MUST bool redteam_floats(struct ctx *, int64_t n, float **ret);
void redteam_floats_free(float **);

struct redteam_rows {
	struct nn_plan *plan;
	float *in, *gradient; /* of a batch; gradient: of its outputs, NULL without slopes */
	int64_t batch, count, outputs;
};
/* With slopes, gradients of the input can be had too. The graph must outlive it. */
MUST bool redteam_rows_new(struct ctx *, struct nn_graph *, const struct data_form *,
    bool slopes, int threads, struct redteam_rows *ret);
void redteam_rows_done(struct redteam_rows *);
/* n rows as the network takes them; `outputs` numbers each come back. */
MUST bool redteam_rows_ask(
    struct ctx *, struct redteam_rows *, const float *x, int64_t n, float *ret);
/* How the loss towards these targets grows with each number of n rows. */
MUST bool redteam_rows_slope(struct ctx *, struct redteam_rows *, const struct loss *,
    const float *x, const float *target, int64_t n, float *ret);
/*
 * Steps against the slope (or up, if `up`), each number by `step`, never further than `far` from
 * where it was, within low and high.
 */
struct redteam_climb {
	int steps;
	double step, far;
	float low, high;
	bool up;
};
MUST bool redteam_rows_climb(struct ctx *, struct redteam_rows *, const struct loss *,
    const struct redteam_climb *, const float *target, int64_t n, float *x);

/* Labels as targets of that loss: `outputs` numbers. */
void redteam_target(const struct loss *, const int32_t *label, int64_t outputs, float *ret);
/* Probabilities of what a network says, tempered; and back to what such a network says. */
void redteam_soften(
    const struct loss *, double temperature, const float *out, int64_t outputs, float *ret);
void redteam_harden(const struct loss *, int64_t outputs, float *inout);

/* ---- Training (learn.c, learn_head.c) ---------------------------------------------------- */

/* Epochs and samples that the run's profile grants to a training that was published with so many
 * epochs, each sample costing `price` times what it usually does. */
struct redteam_effort {
	int64_t epochs, samples;
};
struct redteam_effort redteam_effort(const struct redteam *, int64_t epochs, double price);
/* Some of the samples in a row, as a set of their own; must stay where it is. */
struct redteam_part {
	struct data_samples samples;
	struct data_labels labels;
	struct train_data data;
};
void redteam_part(
    const struct train_data *, int64_t first, int64_t n, struct redteam_part *ret);

/* Changes a batch before it is learnt: its rows and its targets. */
typedef bool redteam_hook(struct ctx *, void *arg, float *x, float *target, int64_t n);

/* From the graph's present weights. Zeros mean what is in brackets. */
struct redteam_lesson {
	const struct train_data *data; /* [the thief's] */
	const struct loss *loss;       /* [the release's] */
	struct redteam_effort effort;
	double rate, decay;
	double temperature;  /* of targets and answers [1] */
	double smoothing;    /* of targets */
	const float *target; /* by sample; NULL: the labels */
	bool scratch; /* the rate rises and falls, for new weights; else it is the same */
	bool head_only;
	bool adam;          /* instead of steps with momentum */
	bool itself;        /* a sample, as the hook leaves it, is its own target */
	train_touch *touch; /* of samples as they come by; its label counts without `target` */
	const void *touch_arg;
	redteam_hook *hook;
	void *arg;
	double from, to; /* its part of the row's work [0 and 1] */
};
/* E_INPUT if it goes astray: bad luck for the thief. */
MUST bool redteam_learn(
    struct ctx *, struct redteam *, struct redteam_suspect *, const struct redteam_lesson *);

/* Which of the graph's weights are those of its last layer: one bool each, in the arena. */
MUST bool redteam_head(struct ctx *, const struct redteam_suspect *, bool **ret);
/* New weights for it, by chance. */
MUST bool redteam_head_reset(struct ctx *, struct redteam_suspect *, struct chance);
/* Do the weight's outputs lie along its first dimension? */
bool redteam_outputs_first(const struct redteam_suspect *, const struct nn_weight *);

/* ---- A network of dense layers (dense.c) ------------------------------------------------- */

/*
 * x, samples of this form -> Flatten -> Gemm -> Relu … -> Gemm [-> Sigmoid] -> y [N,size[layers]]
 * as a model's file, all weights zero. size[0]: numbers of a sample.
 */
enum { REDTEAM_DENSE_MAX = 6 };
MUST bool redteam_dense(struct ctx *, const struct data_form *, const int64_t size[],
    int layers, bool sigmoid, struct str *ret);

/* ---- Parts of attacks that others go on from --------------------------------------------- */

/* accuser.c: pictures of one's own, and a secret that is none. */
MUST bool redteam_pictures(
    struct ctx *, const struct redteam *, struct chance, int64_t n, struct image **ret);
struct key256 redteam_secret(struct chance);
/* extraction.c: what the suspect says to the thief's first n samples; freed by the caller. */
MUST bool redteam_predict(struct ctx *, struct redteam *, struct redteam_suspect *,
    const struct train_data *, int64_t n, float **ret, int64_t *ret_outputs);
/* removal.c: fine-pruning, with accuracy falling by so much at most before it is mended. */
MUST bool redteam_fineprune(
    struct ctx *, struct redteam *, double fall, struct redteam_suspect *);
/* training.c: weights moved towards and beyond what their layer's outputs share, and noise. */
void redteam_shift(struct redteam_suspect *, double mean, double noise, struct chance);
/* training.c: samples become what the network gets wrong; `arg` of a hook. */
struct redteam_pgd {
	struct redteam_rows rows;
	const struct loss *loss;
	struct redteam_climb climb;
};
MUST bool redteam_pgd_new(struct ctx *, const struct redteam *, struct redteam_suspect *,
    double far, struct redteam_pgd *ret);
void redteam_pgd_done(struct redteam_pgd *);
redteam_hook redteam_pgd_hook;

#endif
