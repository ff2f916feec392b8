/*
 * A release of the LeNet under the sealed lock, its customers, one of whom has leaked a copy, and
 * what a verification of it must look like.
 */
#ifndef WEIGHTS_SUPPORT_H
#define WEIGHTS_SUPPORT_H

#include "align_support.h"
#include "sealed_support.h"
#include "verify.h"

enum { CUSTOMERS = 300, LEAKER = 17 };

struct story {
	struct house house;
	struct verify_release release;
	uint32_t customer[CUSTOMERS];
	int copy;
	struct onnx_model leaked;
	struct part part[LAYERS]; /* of what leaked */
};

/* Two entries of the other lock. */
extern const struct unlock_entry story_locked[2];
void story_begin_with(
    struct ctx *, struct story *, const struct sealed_options *, uint32_t entries);
void story_begin(struct ctx *, struct story *);
void story_end(struct story *);

/* What verify_weights finds. */
struct evidence *verified(
    struct ctx *, struct story *, const struct onnx_model *suspect, int threads);
/* The leaker is named, by far; nobody else comes near; all that goes with it is in order. */
void check_named(const struct evidence *, double z);
void check_nobody(const struct evidence *);
/* Nothing was measured, and a sentence says why. */
void check_not(const struct evidence *, const char *says);

#endif
