/*
 * Customers' copies as the attacks on marks make them: the plain weights plus each customer's mark,
 * piece by piece, so that a coalition of any size needs no more than a few pages. All arrays of
 * two dimensions that are trained are marked, in the graph's order.
 */
#ifndef PROTECT_ATTACK_MARKS_H
#define PROTECT_ATTACK_MARKS_H

#include "attack.h"

enum { MARKS_PIECE = 4096, MARKS_COPIES = 8 };

/* Walks in step, one a table. */
struct marks {
	size_t n;
	struct mark_walk *walk[MARKS_COPIES];
};
MUST bool marks_new(
    struct ctx *, const struct attack *, uint32_t *const table[], size_t n, struct marks *ret);
void marks_done(struct marks *);

/* A table of the length that the terms say. */
MUST bool marks_table(struct ctx *, const struct attack *, uint32_t **ret);
void table_done(uint32_t **);

/* The arrays that are marked, with their plain values. */
struct marked {
	const float *plain;
	float *now; /* in the graph */
	int64_t n;
	double sigma;
};
MUST bool marks_arrays(struct ctx *, const struct attack *, struct marked **ret, size_t *ret_n);

/* z of a customer's mark in the graph's weights, by the owner's way of tracing. */
MUST bool marks_sums(struct ctx *, const struct attack *, double **ret);
void sums_done(double **);

#endif
