/*
 * train: what turns a network that runs into one that learns, and says how good it is. Losses,
 * optimisers, schedules and first weights are plain functions; a trainer joins them with a
 * graph and a data set, step by step; an evaluator counts right answers.
 *
 * Whatever is random follows from the seed and from where training is, never from how it got
 * there: a training that was saved and taken up again goes on bit for bit, and the same seed
 * with the same number of threads gives the same weights.
 */
#ifndef TRAIN_H
#define TRAIN_H

#include "base.h"
#include "data.h"
#include "nn.h"
#include "onnx.h"

/* ---- Losses ------------------------------------------------------------------------------ */

/* Mask: every output is a place of the sample that has a label of its own, 0 or 1. */
enum train_loss { TRAIN_CROSS_ENTROPY, TRAIN_BINARY, TRAIN_SQUARES, TRAIN_MASK };
/* What the network's last operator leaves. Squares take it as it is. */
enum train_output { TRAIN_LOGITS, TRAIN_PROBABILITIES, TRAIN_LOG_PROBABILITIES };

struct loss {
	enum train_loss kind;
	enum train_output output; /* binary and mask: logits or probabilities */
	double positive; /* the weight of positive targets; 0: 1, or, of masks, by rareness */
};

/*
 * The loss of `rows` outputs of `classes` numbers each: cross-entropy is the mean over rows,
 * the others over all numbers. Targets are class numbers (as one-hot rows; with one output per
 * row, the number itself, 0 or 1; of masks, a label an output) or rows of numbers. Of masks all
 * rows together are one: what is marked weighs as much as the share of what is not, and the other
 * way round; where nothing is marked, there is no loss. `gradient` may be NULL.
 */
double loss_labels(const struct loss *, const float *out, const int32_t *label, int64_t rows,
    int64_t classes, float *gradient);
double loss_targets(const struct loss *, const float *out, const float *target, int64_t rows,
    int64_t classes, float *gradient);
/*
 * The class that one row of outputs means; with one output per row, 0 or 1; of a mask, 1 if it
 * marks anything.
 */
int64_t loss_answer(const struct loss *, const float *out, int64_t classes);
/* Is that the sample's label? Of masks, see struct train_score. */
bool loss_right(const struct loss *, const float *out, const int32_t *label, int64_t outputs);
/* Of so many outputs: the labels that a sample has, and the classes that each tells apart. */
int64_t loss_places(const struct loss *, int64_t outputs);
int64_t loss_classes(const struct loss *, int64_t outputs);

/* ---- Optimisers -------------------------------------------------------------------------- */

/* Adam adds the decay to the gradient; AdamW shrinks the weights themselves. */
enum train_optimiser { TRAIN_SGD, TRAIN_ADAM, TRAIN_ADAMW };

struct optimiser {
	enum train_optimiser kind;
	double momentum; /* Adam's first beta */
	double beta2, epsilon;
	double decay; /* of weights; none for arrays of one dimension: biases and norms */
	bool nesterov;
};
/* Floats of state for each weight. */
int optimiser_state(const struct optimiser *);
/*
 * One step, the `step`th from 1 on, over n weights, with n times optimiser_state floats of
 * state that are zero before the first. `decay` false leaves the decay out.
 */
void optimiser_step(const struct optimiser *, double rate, int64_t step, bool decay, float *w,
    const float *gradient, float *state, int64_t n);

/* ---- Schedules --------------------------------------------------------------------------- */

enum train_schedule { TRAIN_CONSTANT, TRAIN_COSINE, TRAIN_STEPS, TRAIN_ONE_CYCLE };

struct schedule {
	enum train_schedule kind;
	double rate;   /* the highest */
	double warmup; /* share of all steps in which the rate rises; one-cycle: 0 means 0.3 */
	int64_t every; /* steps: epochs between two of them; 0 means a third of all */
	double factor; /* steps: each multiplies the rate by this; 0 means 0.1 */
	double start,
	    end; /* one-cycle: divide the highest, and that quotient; 0: 25 and 10^4 */
	double momentum_low; /* one-cycle: momentum where the rate is highest; 0: unchanged */
};
/* The rate at a step (from 0) of `steps`, of which `epoch` make an epoch. */
double schedule_rate(const struct schedule *, int64_t step, int64_t steps, int64_t epoch);
double schedule_momentum(const struct schedule *, double momentum, int64_t step, int64_t steps);

/* ---- First weights ----------------------------------------------------------------------- */

/* He: normal, variance 2 / inputs. Xavier: uniform, variance 2 / (inputs + outputs). */
enum train_initial { TRAIN_KEEP, TRAIN_HE, TRAIN_XAVIER };
/*
 * New values for all that is trained: weights at random, biases zero, norms the identity. The
 * model is the one that the graph was made of.
 */
MUST bool train_initialise(struct ctx *, const struct onnx_model *, struct nn_graph *,
    enum train_initial, uint64_t seed);

/* ---- Training ---------------------------------------------------------------------------- */

/* Samples in the order of their file; all of it must outlive the trainer. */
struct train_data {
	const struct data_samples *samples;
	const struct data_labels *labels;
	struct data_form form;
};

/* The form in which samples of this shape go into the graph's one input; see data_fit. */
MUST bool train_fit(struct ctx *, const struct nn_graph *, const struct data_shape *,
    enum data_order, bool raw, struct data_form *ret);

/*
 * A plan for batches of samples of this form: options gives all but symbols, and the batch that is
 * wanted; a model of fixed batch keeps its own. *ret_outputs is the numbers in a row of the first
 * output. E_INPUT if the graph's input or first output is not of that kind.
 */
MUST bool train_plan(struct ctx *, struct nn_graph *, const struct data_form *,
    struct nn_options, struct nn_plan **ret, int64_t *ret_batch, int64_t *ret_outputs);

/*
 * Changes a sample, in its network's form, and its label (or labels) as it comes by: a pure
 * function of what it is given.
 */
typedef void train_touch(
    const void *arg, int64_t epoch, int64_t sample, float *x, int32_t *label);

struct train_options {
	int64_t epochs, batch;
	int threads;
	uint64_t seed;
	struct loss loss;
	struct optimiser optimiser;
	struct schedule schedule;
	double clip;        /* the gradient's largest norm over all weights; 0: any */
	int64_t crop;       /* images are moved by up to so many pixels, zeros coming in */
	bool flip;          /* images are mirrored half of the time */
	size_t memory_max;  /* of the plan; 0: as the plan's own */
	train_touch *touch; /* NULL: samples go in as they are */
	const void *touch_arg;
};

struct trainer;
/*
 * A training from the graph's present weights. Samples of the last, incomplete batch of an
 * epoch are left out; another epoch draws others. E_INPUT if the graph's first input or output
 * does not fit.
 */
MUST bool trainer_new(struct ctx *, struct nn_graph *, const struct train_data *,
    const struct train_options *, struct trainer **ret);
void trainer_free(struct trainer **);
/* False after the last step. */
bool trainer_more(const struct trainer *);
/*
 * One batch: forward, loss, backward, new weights in the graph. Between two steps the caller
 * may stop, save or evaluate. E_INPUT if the loss is no number any more.
 */
MUST bool trainer_step(struct ctx *, struct trainer *);

/* Where training is. Time counts from the first step of this trainer. */
struct train_progress {
	int64_t step, steps;   /* done, in all */
	int64_t epoch, epochs; /* complete ones */
	double loss;           /* of the last step */
	double epoch_loss;     /* mean since the epoch began; of the whole epoch at its end */
	double rate;           /* of learning, in the last step */
	double speed;          /* samples a second */
	double left;           /* seconds; negative while unknown */
};
struct train_progress trainer_progress(const struct trainer *);
size_t trainer_memory(const struct trainer *); /* bytes: plan, optimiser, batch */

/*
 * All weights, the optimiser's state and the place in the training, as bytes; and back, into a
 * new trainer of the same graph, data and options. E_INTEGRITY for bytes that are none of this
 * training, after which neither trainer nor graph is of further use.
 */
MUST bool trainer_save(struct ctx *, const struct trainer *, onnx_sink *, void *arg);
MUST bool trainer_load(struct ctx *, struct trainer *, struct str bytes);

/* ---- Evaluation -------------------------------------------------------------------------- */

enum { TRAIN_CONFUSION_MAX = 512 };

/* Of masks, a sample is correct if marks and truth share half of what either has. */
struct train_score {
	int64_t samples, correct, classes;
	double accuracy; /* share of correct samples; of masks, F1 of the marked places */
	double loss;     /* mean over samples */
	int64_t *truth, *answer; /* by class: samples (or places) of it, answers that say it */
	int64_t *right;          /* by class: answers that say it rightly */
	int64_t *confusion; /* [truth * classes + answer]; NULL beyond TRAIN_CONFUSION_MAX */
};

struct evaluator;
/* `batch` samples are run at once; a model of fixed batch has its own. */
MUST bool evaluator_new(struct ctx *, struct nn_graph *, const struct data_form *,
    const struct loss *, int64_t batch, int threads, struct evaluator **ret);
void evaluator_free(struct evaluator **);
/* The number of classes that the model tells apart. */
int64_t evaluator_classes(const struct evaluator *);
/* The labels of one sample: see loss_places. */
int64_t evaluator_places(const struct evaluator *);
/* Counts n samples, as they stand in the file. */
MUST bool evaluator_add(
    struct ctx *, struct evaluator *, const void *rows, const int32_t *label, int64_t n);
/* What was counted since the beginning or the last clearing; lives as long as the evaluator. */
const struct train_score *evaluator_score(struct evaluator *);
void evaluator_clear(struct evaluator *);

/* ---- Back into a file -------------------------------------------------------------------- */

/* The model with the graph's present weights; whatever is unchanged stays byte for byte. */
MUST bool train_write(
    struct ctx *, const struct onnx_model *, struct nn_graph *, onnx_sink *, void *arg);

#endif
