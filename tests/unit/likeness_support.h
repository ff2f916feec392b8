/*
 * A release on a small network, and models that are known to be independent of it.
 */
#ifndef LIKENESS_SUPPORT_H
#define LIKENESS_SUPPORT_H

#include "train_support.h"
#include "verify.h"

enum { CLASSES = 4, NULLS = 5, SAMPLES = 400 };

/* A network that has learned the toys from weights of its own. */
struct net taught(struct ctx *, const struct toys *, int64_t outputs, uint64_t seed);
/* The same a little later: every weight is moved. */
struct net copy_of(struct ctx *, const struct net *, float by);

struct house {
	struct ctx *c;
	struct toys toys;
	struct net owner, null[NULLS];
	struct onnx_model model[NULLS + 1];
	struct train_data data;
	struct verify_nulls nulls;
	struct key256 secret;
};

void house_open(struct house *);
void house_done(struct house *);
/* What its release is known by; and a suspect held against that. */
const struct probe_set *house_probes(struct house *);
struct evidence *likened_by(struct house *, const struct probe_set *, struct net *suspect);

#endif
