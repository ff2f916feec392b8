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

/* At most, and as many as a `share` of 0 wants; each more halves them. */
enum { BOUNDARY_WAYS = 64, BOUNDARY_MISTAKES = 64, BOUNDARY_OF_WAY = 4, SHARE_LEAST = 3 };

/* First those around the owner's boundaries, then samples that the owner answers wrongly. */
struct boundary {
	int64_t ways; /* each has BOUNDARY_OF_WAY questions about where it turns */
	const float *from, *to, *wrong;
	const double *turn;
	float *samples;
	int32_t *answer; /* the owner's */
	int64_t near, mistakes, classes;
};
/* The owner's answers are among its first `classes`. */
MUST bool boundary_make(struct ctx *, struct labeller *owner, int64_t classes,
    const struct train_data *, const struct key256 *secret, int share, struct boundary *ret);
/* The samples, out of everything else. */
MUST bool boundary_lay(struct ctx *, int64_t numbers, struct boundary *);
/* Without the questions that the owner answers with a class that is not among the first ones. */
MUST bool boundary_within(struct ctx *, const struct boundary *, int64_t numbers,
    int64_t classes, struct boundary *ret);
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
    const struct train_data *, const struct key256 *secret, int share,
    struct fingerprint_probes *ret);
/*
 * The fingerprint of the network without the smallest fifth of its weights, which are there again
 * after.
 */
MUST bool print_of_copy(struct ctx *, struct nn_graph *, const struct fingerprint_probes *,
    struct fingerprint *ret);
/* Without the probes, and their maps, that are about other classes than the first ones. */
MUST bool prints_within(
    struct ctx *, int64_t classes, struct fingerprint_probes *, struct fingerprint *);
/* The first probes' maps side by side, deep Taylor's or epsilon's without their signs. */
MUST bool prints_show(struct ctx *, const struct fingerprint *owner,
    const struct fingerprint *suspect, bool taylor, struct evidence *);

/* ---- What the owner says (probes.c, probes_file.c) --------------------------------------- */

/*
 * Beyond it the deep Taylor maps of two answers are one map (Sixt et al. 2020, arXiv 1912.09818).
 */
#define LIKENESS_BLURRED .99

struct probe_set {
	struct digest256 model;         /* of the owner's file */
	struct data_form form;          /* of a sample: its rank, dimensions and count */
	int64_t owner_classes, classes; /* classes: those that are told apart by its answers */
	bool questions;                 /* there are some near the owner's boundaries */
	struct boundary boundary;
	char no_questions[200]; /* why not, a sentence */
	bool printed;           /* the owner has maps */
	struct fingerprint_probes probes;
	struct fingerprint print;
	char no_print[200];
	double blur,
	    blank;   /* blank: how like a map without anything the deep Taylor maps are */
	bool copied; /* the next are those of a damaged copy of the owner */
	struct fingerprint_scores copy;
};

/* True if the failure was the network's own fault: then it is a sentence, and no failure. */
bool likeness_excused(struct ctx *, const char *what, char why[static 200]);

/* ---- All together (likeness.c), and what follows (likeness_rank.c) ------------------------ */

/* What was found about one network. */
struct look {
	bool asked, answered, printed;
	struct boundary_score boundary;
	struct fingerprint print;
	struct fingerprint_scores scores;
	char why[200]; /* what was not possible, if anything was not */
};

struct likeness {
	struct probe_set owner; /* as far as the suspect knows its classes */
	int threads;
	struct evidence *evidence;
	struct look suspect, *null; /* null: `nulls` of them */
	int nulls;
	bool by_taylor; /* which map is ranked */
};

/* The tests, and facts, from what was found. */
void likeness_rank(const struct likeness *);
double likeness_score(const struct fingerprint_scores *, bool taylor);

#endif
