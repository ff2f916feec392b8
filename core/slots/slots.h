/*
 * slots: a customer's code word in how a network behaves, for those who will only ever see a black
 * box. A slot is a few pictures out of the vendor's own kind of data with a change of their cosine
 * coefficients that nobody sees, and two ordinary classes that were drawn by chance: a customer's
 * copy answers the first if its bit there is 0, the second if it is 1. The words are Nuida's codes
 * (stats.h), so that several customers who mix their copies or answers still name one of
 * themselves.
 *
 * The slots belong to a model and are the same for all of its customers; each customer's copy is
 * fine-tuned when it is issued.
 */
#ifndef SLOTS_H
#define SLOTS_H

#include "base.h"
#include "crypto.h"
#include "image.h"
#include "nn.h"
#include "stats.h"
#include "train.h"

enum { SLOT_PICTURES = 4, SLOTS_MAX = 4096 };

/* ---- How many (plan.c) ------------------------------------------------------------------- */

struct slots_need {
	int64_t customers;
	int colluders;     /* 1 … CODE_COLLUDERS_MAX */
	double eps1, eps2; /* of accusing any innocent; of naming none of the guilty */
	double flips;      /* share of slots that are expected to answer wrongly, below 1/2 */
};
/* How many slots a model of so many trainable weights learns. */
int64_t slots_capacity(int64_t weights);
/* What may be trained in a graph. */
int64_t slots_weights(struct nn_graph *);
/*
 * The fewest slots that are enough. E_CONFLICT where a model of so many trainable weights is too
 * small to learn as many; the sentence names what would fit: fewer customers, fewer colluders, or a
 * larger model.
 */
MUST bool slots_plan(
    struct ctx *, const struct slots_need *, int64_t weights, int64_t *ret_slots);

/* ---- The slots of a model (draw.c, file.c, words.c) -------------------------------------- */

struct slots {
	int n, classes, colluders;
	struct image (*picture)[SLOT_PICTURES]; /* n of them, triggers in place */
	int32_t *own;                           /* the class that a slot's pictures are of */
	int32_t (*label)[2];                    /* what a 0 and what a 1 answers; never equal */
	struct digest256 commitment;            /* to pictures, before labels */
};
/*
 * Pictures, then the commitment, then labels: each follows from the secret and what came before.
 * The pictures of a slot are of one class, which is neither of its labels. E_INPUT for samples that
 * are no grey or colour pictures of bytes, too few of them, or fewer than three classes.
 */
MUST bool slots_draw(struct ctx *, const struct key256 *secret, const struct train_data *,
    int n, int classes, int colluders, struct slots *ret);
/* E_INTEGRITY unless pictures, commitment and labels are those that this secret drew. */
MUST bool slots_match(struct ctx *, const struct key256 *secret, const struct slots *);
/* As a file; E_INPUT for what is none. */
MUST bool slots_put(struct ctx *, const struct slots *, struct str *ret);
MUST bool slots_read(struct ctx *, struct str bytes, struct slots *ret);
/* Room for n slots in the arena, nothing in it. */
MUST bool slots_room(struct ctx *, int n, struct slots *ret);
/* The biases, and a customer's word, n numbers each; in the arena, secret. */
MUST bool slots_biases(
    struct ctx *, const struct key256 *secret, const struct slots *, double **ret);
MUST bool slots_word(struct ctx *, const struct key256 *secret, const struct slots *,
    uint32_t customer, uint8_t **ret);
/*
 * Of these customers, the one whose word differs least from another's, and in how many slots; 0:
 * two have the same, and the slots cannot tell them apart. n + 1 with nobody else.
 */
MUST bool slots_nearest(struct ctx *, const struct key256 *secret, const struct slots *,
    uint32_t customer, const uint32_t others[], int64_t n, int64_t *ret_distance);

/* ---- One customer's copy (embed.c, step.c) ----------------------------------------------- */

struct slots_options {
	int64_t epochs, boost; /* at most; how often a slot's picture comes in an epoch */
	int64_t samples;       /* clean ones in an epoch; 0: all */
	int64_t batch;         /* rows of a step, slots and clean samples together */
	double rate, drop_max; /* of clean accuracy, as a share */
	int threads;
	uint64_t seed;
};
struct slots_options slots_standard(void);
struct slots_result {
	double before, after; /* clean accuracy */
	double right;         /* share of slots that answer the customer's bit */
	int64_t epochs;
	double seconds;
	bool reached; /* 98 % of the slots, within drop_max */
};
#define SLOTS_RIGHT .98
struct slots_case {
	struct nn_graph *graph; /* trained in place */
	enum train_output output;
	const struct train_data *data, *test;
	const struct slots *slots;
	const uint8_t *word;
	/* Other pictures whose answers must stay, a watermark's say; they come as slots' do. */
	const struct image *kept;
	const int32_t *kept_label;
	int64_t n_kept;
};
/*
 * Fine-tunes all layers on the customer's answers and on clean samples, until an epoch ends with
 * SLOTS_RIGHT of the slots and within drop_max. `progress` (may be NULL) counts steps. What is not
 * reached is no failure: the result says so.
 */
MUST bool slots_embed(struct ctx *, const struct slots_case *, const struct slots_options *,
    void (*progress)(void *arg, int64_t done, int64_t total), void *arg,
    struct slots_result *ret);

/* ---- What a suspect says (answers.c) ----------------------------------------------------- */

/*
 * Asks a network all pictures: SLOT_PICTURES * n answers, slot by slot, in the arena; -1 where it
 * answers with no number. E_INPUT if it does not take such pictures.
 */
MUST bool slots_ask(struct ctx *, struct nn_graph *, const struct data_form *,
    const struct slots *, int threads, int32_t **ret);
/* The form in which the slots' pictures go into a graph; `raw`: bytes are 0 to 255 for it. */
MUST bool slots_form(struct ctx *, const struct nn_graph *, const struct slots *, bool raw,
    struct data_form *ret);
/*
 * From the answers to all pictures, slot by slot (-1: none), to CODE_ZERO, CODE_ONE or, where
 * neither label has more than half, CODE_ERASED.
 */
void slots_answers(const struct slots *, const int32_t answer[], uint8_t ret[]);

/* ---- Whose word it is (trace.c) ---------------------------------------------------------- */

struct slots_trial {
	const struct key256 *secret;
	const struct slots *slots;
	const uint8_t *answer; /* CODE_…, n of them */
	const uint32_t *customer;
	int64_t customers;
	double noise; /* share of turned answers that the ratio reckons with */
};
#define SLOTS_NOISE .02
struct slots_score {
	uint32_t customer;
	double score, z;       /* the symmetric score; and in deviations of an innocent's */
	double chernoff_log10; /* a bound on the chance of an innocent's being as high */
	double ratio_ln;       /* ln of the likelihood ratio, an e-value */
	/* The two together, each with half of what may go wrong: twice the smaller of Chernoff's
	 * bound and one over the ratio. Still a bound. */
	double bound_log10;
};
struct slots_traced {
	struct slots_score *best; /* by bound, the lowest first */
	size_t n;
	double *z; /* of every customer, in their order */
	int64_t erased;
	/* About the z from which the score alone accuses one of so many, at eps1; 0: none does. */
	double threshold_z;
};
/*
 * Every customer's word against the answers; the `most` with the lowest bounds. With no answers at
 * all nobody has any score.
 */
MUST bool slots_trace(struct ctx *, const struct slots_trial *, double eps1, size_t most,
    struct slots_traced *ret);

#endif
