/*
 * What the files of this module share. Not for other modules.
 */
#ifndef MARK_PARTS_H
#define MARK_PARTS_H

#include "mark.h"

MUST bool terms_check(struct ctx *, const struct mark_terms *);
/* What x1 + x2 is multiplied with: an entry of G in standard deviations of its tensor. */
double mark_scale(const struct mark_terms *);
/* The key of all customers' values, and the stream from which one customer's are drawn. */
MUST bool code_key(struct ctx *, const struct key256 *release, struct key256 *ret);
MUST bool values_stream(
    struct ctx *, const struct key256 *code, uint32_t customer, struct bulk **ret);

/* What the bound on an innocent's score needs of the sums a; the sums stay the caller's. */
enum { BOUND_BINS = 1024 };
struct score_bound {
	const double *a;
	size_t n;
	double half;                             /* b = half * |a| */
	double count[BOUND_BINS], b[BOUND_BINS]; /* a histogram of b; its values, by bin */
};
void bound_begin(struct score_bound *, const double a[], size_t n, double half);
/* ln of the bound on a score of t or more; guess: t over the score's variance. */
double bound_of(const struct score_bound *, double t, double guess);
/* The same over the histogram alone: about the same. */
double bound_about(const struct score_bound *, double t, double guess);

/* A customer's table in the making. */
enum { TABLE_PIECE = 4096 }; /* entries */
struct table_maker {
	struct bulk *spread, *code;
	struct mark_terms terms;
};
MUST bool maker_begin(struct ctx *, const struct key256 *release, const struct mark_terms *,
    uint32_t customer, struct table_maker *ret);
MUST bool maker_next(struct ctx *, struct table_maker *, uint32_t to[TABLE_PIECE]);
void maker_done(struct table_maker *);

/* 65536 (x1 + x2) of one draw: a whole number in [-65535, 65535]. */
static inline int32_t
values_point(uint32_t draw)
{
	return (int32_t)(draw & 0xffff) + (int32_t)(draw >> 16) - 65535;
}

#endif
