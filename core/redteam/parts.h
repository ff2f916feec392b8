/*
 * The red team inside: a run and its means, suspects, and the attacks by family.
 */
#ifndef REDTEAM_PARTS_H
#define REDTEAM_PARTS_H

#include "chance.h"
#include "redteam.h"

/* ---- A run ------------------------------------------------------------------------------- */

/* Samples and labels of its own, and the view of them that trainings take. */
struct redteam_half {
	struct data_samples samples;
	struct data_labels labels;
	struct train_data data;
};

enum { REDTEAM_COLLUDERS = 8 }; /* copies of customers 1 … 8; the first one is the victim's */

struct redteam {
	struct redteam_case the;
	const char *row; /* id of the row at work */
	struct redteam_watch watch;
	struct verify_release release; /* the case's, and among its customers the colluders */
	uint32_t *customer;
	int copy
	    [REDTEAM_COLLUDERS];    /* memory files: what these customers unlock; -1: not yet */
	struct redteam_half thief;  /* half of the data, which is the thief's */
	struct redteam_half judges; /* test samples that accuracy is counted on */
	struct data_form form;      /* of samples in the network */
	float low, high;            /* what numbers of a sample lie between */
};
/* A thief's share of his samples: from the first on they are in an order of chance. */
int64_t redteam_share(const struct redteam *, double share);
/* What customer 1 … REDTEAM_COLLUDERS unlocks: a memory file, which stays the run's. */
MUST bool redteam_copy(struct ctx *, struct redteam *, int customer, int *ret);
/* A point of which nothing was measured. */
struct redteam_point redteam_nothing(double x);

/* ---- Suspects (suspect.c) ---------------------------------------------------------------- */

/* What stands before and behind a network that is only asked; both may be NULL. */
struct redteam_filter {
	/* Rows of numbers as the network takes them, changed in place. */
	bool (*before)(struct ctx *, void *arg, float *x, int64_t n);
	/* What the network says of them, changed in place; `x` as it went in. */
	bool (*behind)(
	    struct ctx *, void *arg, const float *x, float *out, int64_t n, int64_t classes);
	void (*done)(void *arg); /* may be NULL, too */
	void *arg;
};

struct redteam_claim; /* accuser.c */

/*
 * What a row makes: a model, and whatever stands around it. The context of an attack has the
 * suspect's memory: what it takes lives as long as the suspect.
 */
struct redteam_suspect {
	struct arena *mem;       /* of all of it */
	struct onnx_model model; /* its file's; the graph's weights may be others */
	struct nn_graph *graph;
	struct redteam_filter filter;
	bool asked_only; /* nobody sees its file: it answers, and that is all */
	int colluders;   /* copies of customers 1 … so many are in it; 1 at first */
	const struct redteam_claim
	    *claim; /* NULL; else somebody's own, which alone is measured */
	char what[64];
};
/* Customer `customer`'s copy (1 … REDTEAM_COLLUDERS), weights in place. */
MUST bool redteam_suspect_new(
    struct ctx *, struct redteam *, int customer, struct redteam_suspect *ret);
void redteam_suspect_done(struct redteam_suspect *);
/* The model in these bytes in its place: a copy of them, in its memory. */
MUST bool redteam_suspect_replace(struct ctx *, struct redteam_suspect *, struct str file);
/* Its file, the graph's weights in it, in the arena of the context. */
MUST bool redteam_suspect_file(struct ctx *, const struct redteam_suspect *, struct str *ret);

/* Rows through filter, network, filter: `classes` numbers each. */
struct redteam_asker;
MUST bool redteam_asker_new(
    struct ctx *, struct redteam *, struct redteam_suspect *, struct redteam_asker **ret);
void redteam_asker_free(struct redteam_asker **);
int64_t redteam_asker_classes(const struct redteam_asker *);
/* `x` is changed on the way. */
MUST bool redteam_asker_ask(
    struct ctx *, struct redteam_asker *, float *x, int64_t n, float *ret);

/* ---- What attacks share (means.c) -------------------------------------------------------- */

/*
 * Trains the suspect's weights on all of the thief's samples and their true labels. E_INPUT if that
 * goes astray.
 */
MUST bool redteam_train(
    struct ctx *, struct redteam *, struct redteam_suspect *, int64_t epochs, double rate);
/* A stream of chance of this row, and of `use` in it. */
struct chance redteam_chance(const struct redteam *, int use);
PRINTF(3, 4)
void redteam_tell(const struct redteam *, double share, const char *note, ...);
/* What a point is called, for a person: fills s->what. */
PRINTF(2, 3) void redteam_say(struct redteam_suspect *, const char *fmt, ...);

/* ---- The attacks, a file a family: input.c, weights.c, structure.c, training.c … ---------- */

#define ATTACK(name)                  \
	MUST bool redteam_try_##name( \
	    struct ctx *, struct redteam *, double x, struct redteam_suspect *)

/* input.c */
ATTACK(jpeg);
ATTACK(blur);
ATTACK(window);
ATTACK(grain);
ATTACK(levels);
ATTACK(depth);
ATTACK(mirror);
ATTACK(bits);
ATTACK(resize);
/* weights.c */
ATTACK(prune);
ATTACK(prune_all);
ATTACK(quantise);
ATTACK(quantise_tune);
ATTACK(formats);
ATTACK(signs);
ATTACK(noise);
/* structure.c */
ATTACK(permute);
ATTACK(dummies);
ATTACK(behead);
ATTACK(lipschitz);
/* training.c */
ATTACK(tune_last);
ATTACK(tune_all);
ATTACK(reset_last);
ATTACK(reset_all);
ATTACK(shift);
ATTACK(decay);
ATTACK(smooth);
ATTACK(mislabel);
ATTACK(adversarial);
/* removal.c */
ATTACK(fineprune);
ATTACK(cleanse);
ATTACK(gan);
ATTACK(overwrite);
/* extraction.c */
ATTACK(retrain);
ATTACK(distil);
ATTACK(pupils);
ATTACK(other_kind);
ATTACK(foreign);
/* combined.c */
ATTACK(transfer_smooth);
ATTACK(shift_smooth);
ATTACK(shift_prune);
ATTACK(shift_flip);
ATTACK(adversarial_reset);
/* evasion.c */
ATTACK(cache);
ATTACK(votes);
ATTACK(scores);
/* guards.c */
ATTACK(strip);
ATTACK(purify);
ATTACK(perturb);
/* accuser.c */
ATTACK(accuse);
ATTACK(grind);
ATTACK(forge);
/* collusion.c */
ATTACK(mean);
ATTACK(median);
ATTACK(least);
ATTACK(most);
ATTACK(any);
ATTACK(any_array);
ATTACK(bulk);
ATTACK(mean_tune);
ATTACK(majority);
ATTACK(minority);
ATTACK(anyone);
ATTACK(refuse);

#undef ATTACK

/* What comes of an accuser's claim against this suspect, in place of a measurement: accuser.c. */
MUST bool redteam_claim_measure(
    struct ctx *, struct redteam *, struct redteam_suspect *, struct redteam_point *ret);

#endif
