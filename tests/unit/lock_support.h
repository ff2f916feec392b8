/*
 * A small trained network with its data divided, for the tests of the parameter lock.
 */
#ifndef LOCK_SUPPORT_H
#define LOCK_SUPPORT_H

#include "advparams.h"
#include "train_support.h"

enum { SAMPLES = 800, CLASSES = 4, OF_LOCK = 100, OF_VALIDATION = 200 };

/* A trained network and its data. */
struct shop {
	struct net net;
	struct toys toys;
	struct train_data data;
	struct protect_split split;
	struct protect_model model;
	struct protect_weights *plain;
	struct key256 key;
};
struct shop *shop_new(struct ctx *);
void shop_done(struct shop *);
/* Weights whose bits are not as they were. */
size_t weights_changed(struct shop *);
/* All answers become wrong ones. */
void make_useless(struct shop *);

#endif
