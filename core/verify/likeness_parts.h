/*
 * likeness_parts: what the two tests of likeness share: samples as a network takes them, the labels
 * that it gives them, and questions near an owner's boundaries.
 */
#ifndef VERIFY_LIKENESS_PARTS_H
#define VERIFY_LIKENESS_PARTS_H

#include "verify.h"

/* ---- Labels (likeness_labels.c) ---------------------------------------------------------- */

/* A network that is asked for classes, and for nothing else. Ended with labeller_done. */
struct labeller {
	struct nn_plan *plan;
	int64_t batch, classes, numbers; /* numbers: of a sample */
	float *input;
};
void labeller_done(struct labeller *);
/* E_INPUT for a network that does not take such samples, or does not tell classes apart. */
MUST bool labeller_open(struct ctx *, struct nn_graph *, const struct data_form *, int threads,
    struct labeller *ret);
/* The best of the first `classes` for each of n samples; -1 where an answer is not finite. */
MUST bool labeller_ask(struct ctx *, struct labeller *, const float *samples, int64_t n,
    int64_t classes, int32_t ret[]);

/* The first n of an order of all samples that the secret chooses for this purpose. */
MUST bool likeness_order(struct ctx *, const struct key256 *secret, uint32_t purpose,
    const struct train_data *, int64_t n, uint32_t **ret);
/* Some samples as a network takes them. */
MUST bool likeness_samples(
    struct ctx *, const struct train_data *, const uint32_t which[], int64_t n, float **ret);

/* ---- Questions near boundaries (boundary.c) ---------------------------------------------- */

/* First those around the owner's boundaries, then samples that the owner answers wrongly. */
struct boundary {
	float *samples;
	int32_t *answer; /* the owner's */
	int64_t near, mistakes, classes;
};
/* The owner's answers are among its first `classes`. */
MUST bool boundary_make(struct ctx *, struct labeller *owner, int64_t classes,
    const struct train_data *, const struct key256 *secret, struct boundary *ret);
struct boundary_score {
	int64_t near, mistakes; /* answered as the owner does */
	int64_t silent;         /* not answered with a number */
	double share;           /* of agreement, what is ranked */
};
MUST bool boundary_ask(
    struct ctx *, const struct boundary *, struct labeller *, struct boundary_score *ret);

/* ---- Maps (likeness_maps.c) -------------------------------------------------------------- */

/* Samples that the secret chooses, of all classes, and what the owner says of them. */
MUST bool probes_choose(struct ctx *, struct labeller *owner, int64_t classes,
    const struct train_data *, const struct key256 *secret, struct fingerprint_probes *ret);
/*
 * The fingerprint of the network without the smallest fifth of its weights, which are there again
 * after.
 */
MUST bool print_of_copy(struct ctx *, struct nn_graph *, const struct fingerprint_probes *,
    struct fingerprint *ret);
/* The first probes' maps side by side, deep Taylor's or epsilon's without their signs. */
MUST bool prints_show(struct ctx *, const struct fingerprint *owner,
    const struct fingerprint *suspect, bool taylor, struct evidence *);

/* ---- All together (likeness.c), and what follows (likeness_rank.c) ------------------------ */

/*
 * Beyond it the deep Taylor maps of two answers are one map (Sixt et al. 2020, arXiv 1912.09818).
 */
#define LIKENESS_BLURRED .99

/* What was found about one network. */
struct look {
	bool asked, answered, printed;
	struct boundary_score boundary;
	struct fingerprint print;
	struct fingerprint_scores scores;
	char why[200]; /* what was not possible, if anything was not */
};

struct likeness {
	const struct train_data *data;
	const struct key256 *secret;
	int threads;
	struct evidence *evidence;
	int64_t owner_classes, classes; /* classes: those that all are asked for */
	bool questions;                 /* there are some near the owner's boundaries */
	struct boundary boundary;
	struct fingerprint_probes probes;
	bool printed; /* the owner has maps */
	struct fingerprint print;
	double blur,
	    blank; /* blank: how like a map without anything the deep Taylor maps are */
	struct look suspect, *null; /* null: `nulls` of them */
	int nulls;
	bool by_taylor; /* which map is ranked */
};

/* The tests, and facts, from what was found. */
void likeness_rank(const struct likeness *);
double likeness_score(const struct fingerprint_scores *, bool taylor);

#endif
