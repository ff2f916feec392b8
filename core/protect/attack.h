/*
 * What the attacks share: the attack at work, samples that a thief chooses, and how values lie in a
 * layer. An attack changes the graph's weights as it likes; the table puts the
 * locked ones back before and after it.
 */
#ifndef PROTECT_ATTACK_H
#define PROTECT_ATTACK_H

#include <math.h>

#include "model.h"

/* A locked position: what a thief of the parameter lock looks for. */
struct attack_place {
	size_t weight; /* among the graph's */
	int64_t index;
	uint32_t flip; /* plain bits xor locked bits */
};

/* One attack at work. */
struct attack {
	const struct attack_case *on;
	const struct protect_watch *watch;
	const struct attack_row *row;
	size_t nth, rows; /* this row among those that run */
	const struct attack_place *place;
	size_t places;
	int64_t began; /* the present point */
	struct attack_result *result;
};

/* What a thief sees: a file under both locks looks like one under the sealed lock. */
enum attack_seen { SEEN_FLIPPED = 1, SEEN_UNRELATED = 2 };
enum attack_seen attack_seen(unsigned locks);

/* A row of the table; `run` adds its points. */
struct attack_row {
	const char *id, *title, *does, *axis, *against;
	unsigned seen;
	enum protect_effort effort; /* the least */
	size_t points;              /* at most */
	bool data;                  /* needs samples of the thief's own */
	bool (*run)(struct ctx *, struct attack *);
};
MUST bool attack_tune(struct ctx *, struct attack *);
MUST bool attack_prune(struct ctx *, struct attack *);
MUST bool attack_repair(struct ctx *, struct attack *);
MUST bool attack_clip(struct ctx *, struct attack *);
MUST bool attack_descend(struct ctx *, struct attack *);
MUST bool attack_rebuild(struct ctx *, struct attack *);
MUST bool attack_keys(struct ctx *, struct attack *);
MUST bool attack_collude(struct ctx *, struct attack *);
MUST bool attack_formats(struct ctx *, struct attack *);

/* ---- Points ------------------------------------------------------------------------------ */

/* The locked weights again; a point's time begins. */
void attack_reset(struct attack *);
/* A point without accuracy or comparison, to be filled in and added. */
PRINTF(2, 3) struct attack_point attack_point(double x, const char *what, ...);
/* Adds it with its time; the next one begins. E_INTERNAL if the row has said fewer points. */
MUST bool attack_add(struct ctx *, struct attack *, const struct attack_point *);
/* Adds it with the accuracy of the graph's weights as they are. */
MUST bool attack_measure(struct ctx *, struct attack *, struct attack_point *);
/* Progress within this attack, as a share. */
PRINTF(3, 4) void attack_tell(const struct attack *, double share, const char *note, ...);

/* ---- Weights ----------------------------------------------------------------------------- */

struct nn_weight *attack_weights(const struct attack *, size_t *ret_n);
/* Worth an attack: trained, and not all the same. */
bool attack_worth(const struct nn_weight *);
/* Recall and precision of a set of positions, each once, against the locked ones. */
struct attack_found {
	int64_t named, right;
};
bool attack_is_place(const struct attack *, size_t weight, int64_t index);
void attack_score(const struct attack *, const struct attack_found *, struct attack_point *);

/* How values lie: the median, and the median of distances from it. Changes the order of v. */
struct spread {
	double median, mad;
};
struct spread spread_of(float v[], int64_t n);
/* The value that k of n are below, by changing the order of v. */
float spread_nth(float v[], int64_t n, int64_t k);
/* The nearest number of float16 and bfloat16, ties to even; beyond the largest, the largest. */
float attack_half(float);
float attack_bfloat(float);
MUST bool attack_floats(struct ctx *, int64_t n, float **ret);
void floats_done(float **);

/* ---- What a thief draws ------------------------------------------------------------------ */

/* A stream of this attack's own. */
struct prf attack_draws(const struct attack *, const char *tag, uint32_t a, uint32_t b);

/* Samples of the thief's data, class-balanced; copies of them lie together, fit for training. */
struct loot {
	struct protect_set set; /* the same samples where they lie */
	struct data_samples samples;
	struct data_labels labels;
	int64_t *chosen;
};
/* A share of them; a larger share holds the smaller one. At most LOOT_MAX bytes. */
#define LOOT_MAX (INT64_C(1) << 30)
/* A batch of `usual` samples, or of as many as the model is made for. */
int64_t loot_batch(const struct attack *, int64_t usual);
MUST bool loot_take(struct ctx *, const struct attack *, double share, struct loot *ret);
void loot_done(struct loot *);

/* A training of the present weights; the accuracy afterwards, chance if it went astray. */
struct attack_training {
	const struct loot *loot;
	const struct train_options *options;
	double from, to; /* its part of the attack's work */
	const char *note;
};
MUST bool attack_train(
    struct ctx *, const struct attack *, const struct attack_training *, double *ret);

#endif
