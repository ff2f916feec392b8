/*
 * A small trained network and its data, locked by hand.
 */
#ifndef ATTACK_SUPPORT_H
#define ATTACK_SUPPORT_H

#include "attack.h"
#include "train_support.h"

enum { SAMPLES = 600, LOCKED = 6 };

/* A trained network and its data; the weights before and after a lock by hand. */
struct house {
	struct net net;
	struct toys toys;
	struct train_data data;
	struct protect_split split;
	struct protect_weights *plain, *locked;
	struct advparams_options options;
	struct key256 key;
	struct mark_terms terms;
	struct attack_case on;
	double before, after;
};
/*
 * Of 600 samples 360 are the thief's. Parameter lock: six weights of the dense layer lie where no
 * other one is. Sealed lock: other first weights everywhere.
 */
struct house *house_new(struct ctx *, unsigned locks);
void house_done(struct house **);
struct nn_weight *dense(struct house *);

/* The one attack that is asked for. */
struct attack_result run_one(struct ctx *, struct house *, const char *id);
/* The point whose text begins so. */
const struct attack_point *point_of(const struct attack_result *, const char *what);

#endif
