/*
 * The parameter lock inside: tensors that may be locked, how far a weight may move, candidates,
 * and the ways to choose among them.
 */
#ifndef PROTECT_ADVPARAMS_H
#define PROTECT_ADVPARAMS_H

#include "model.h"

/* ---- Tensors that may be locked ---------------------------------------------------------- */

struct lockable {
	size_t weight;      /* among the graph's */
	uint32_t tensor;    /* the initializer in the file */
	struct str name;    /* of it */
	float *v;           /* the graph's values */
	const float *plain; /* as they were */
	int64_t count;
	float step;       /* of one move */
	float low, high;  /* locked values lie between */
	float floor, top; /* plain values of candidates lie between */
	float *gradient;  /* of the plain weights; NULL until kept */
	double deviation; /* standard deviation of the plain values */
};

/* The lock at work. */
struct lock {
	const struct protect_model *model;
	const struct protect_split *split;
	const struct key256 *release;
	struct advparams_options options;
	const struct protect_watch *watch;
	struct lockable *tensor;
	size_t tensors;
	int64_t weights; /* of all of them */
	struct slope *slope;
	struct judge *judge;
	struct protect_weights *plain;
	struct slope_seen seen; /* in the last pass */
	double target, chance;
	double accuracy;       /* last measured on the validation set */
	int64_t rounds, draws; /* of the state that stands */
	int64_t pool;          /* candidates that were drawn from */
	int64_t passes;        /* gradients so far */
};

/* Finds the tensors, and what moves are allowed. E_INPUT if there is nothing to lock. */
MUST bool lock_find(struct ctx *, struct lock *);
/*
 * Takes the graph's weights as the plain ones and makes everything ready; gradients are those of
 * the set, which must outlive it. What it has taken so far goes with lock_done.
 */
MUST bool lock_begin(struct ctx *, struct lock *, const struct protect_set *);
void lock_done(struct lock *);

/* ---- Steps ------------------------------------------------------------------------------- */

/* A place that may be locked, and the gain in loss that moving it promises. */
struct candidate {
	double score;
	uint32_t tensor, index; /* among the lockable; flat */
};

/* Where the weight goes in one step up this gradient; where it is if it may not go. */
float lock_move(const struct lockable *, float from, float gradient);
/* The plain weights again. */
void lock_reset(struct lock *);
/* The gradient at the present weights. E_INPUT if the plain model gives no numbers. */
MUST bool lock_pass(struct ctx *, struct lock *);
/* Accuracy on the validation set; *ret: the target is met. */
MUST bool lock_measure(struct ctx *, struct lock *, bool *ret);
void lock_say(const struct lock *, const char *note);

/*
 * Moves all the chosen up the gradient, round after round, until the target is met twice or the
 * rounds are over; *ret: it is met.
 */
MUST bool lock_climb(
    struct ctx *, struct lock *, const struct candidate[], int64_t n, bool *ret);

/* ---- Candidates -------------------------------------------------------------------------- */

/*
 * At most `size` candidates, the best first, with no more than the cap in one tensor. Leaves the
 * plain weights.
 */
MUST bool lock_pool(
    struct ctx *, struct lock *, int64_t size, struct candidate **ret, int64_t *ret_n);

/* The pool of as many candidates as `count` positions are drawn from. E_CONFLICT for too few. */
MUST bool lock_pool_for(struct ctx *, struct lock *, int64_t count, struct candidate **ret);
/* A permutation of the pool under the release's secret; a draw is how it begins. */
enum { LOCK_DRAWS = 10, LOCK_DRAWS_PLAIN = 5 };
MUST bool lock_order(
    struct ctx *, const struct lock *, const char *tag, uint32_t draw, uint32_t ret[]);
/* What the draws after the first LOCK_DRAWS_PLAIN take: half as many again. */
int64_t lock_more(int64_t count);

/* ---- Ways -------------------------------------------------------------------------------- */

typedef bool lock_way(struct ctx *, struct lock *, bool *ret_reached);
lock_way lock_pooled, lock_greedy, lock_signed_greedy, lock_random, lock_largest;

#endif
