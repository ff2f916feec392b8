/*
 * Whose table is in a suspect? Its deviations from the original were summed for each entry of the
 * table: a. A customer's score is T = sum of g_l a_l, where g are the values drawn for it, and z is
 * T in standard deviations of what it is for somebody who had no part in the suspect. What is the
 * same for all customers is worked out once, so that a customer costs its keystream and one pass
 * over it. Scores are taken with the values before their rounding to fixed point, as the bound on
 * them is.
 */
#include <math.h>

#include "parts.h"

enum { PIECE = 4096 };
/* Below this z the bound is not worth its time: it is given as ln 1. */
#define Z_OF_INTEREST 4

struct mark_scorer {
	struct key256 code;
	struct mark_terms terms;
	const double *sums;
	double deviation; /* of an innocent's score */
	struct score_bound bound;
};

void
mark_scorer_free(struct mark_scorer **s)
{
	if (*s == NULL)
		return;
	key256_done(&(*s)->code);
	free(*s);
	*s = NULL;
}

/* Sums run in several lanes, as one addition has to wait for the one before it. */
enum { LANES = 8 };

static double
lanes_sum(const double sum[LANES])
{
	double all = 0;

	for (size_t j = 0; j < LANES; j++)
		all += sum[j];
	return all;
}

static double
norm(const double a[], size_t n)
{
	double sum[LANES] = { 0 };

	for (size_t i = 0; i < n; i += LANES)
		for (size_t j = 0; j < LANES; j++)
			sum[j] += a[i + j] * a[i + j];
	return sqrt(lanes_sum(sum));
}

/* All but what the bound needs. */
MUST static bool
scorer_begin(struct ctx *c, const struct key256 *release, const struct mark_terms *t,
    const double sums[], struct mark_scorer **ret)
{
	owned(mark_scorer_free) struct mark_scorer *s = NULL;
	double length;

	if (!terms_check(c, t))
		return false;
	s = calloc(1, sizeof *s);
	if (s == NULL)
		return fail(c, E_MEMORY, "no memory");
	length = norm(sums, (size_t)1 << t->log_l);
	if (!isfinite(length))
		return fail(c, E_INPUT, "the suspect's deviations are not finite numbers");
	if (!code_key(c, release, &s->code))
		return false;
	s->terms = *t;
	s->sums = sums;
	s->deviation = length * t->kappa / sqrt(MARK_TERMS);
	*ret = steal(s);
	return true;
}

static void
scorer_end(struct mark_scorer *s)
{
	bound_begin(&s->bound, s->sums, (size_t)1 << s->terms.log_l, mark_scale(&s->terms) / 2);
}

bool
mark_scorer_new(struct ctx *c, const struct key256 *release, const struct mark_terms *t,
    const double sums[], struct mark_scorer **ret)
{
	if (!scorer_begin(c, release, t, sums, ret))
		return false;
	scorer_end(*ret);
	return true;
}

/* The sum of a customer's points (see values_point) times a. */
MUST static bool
correlate(struct ctx *c, struct bulk *stream, const double a[], size_t n, double *ret)
{
	uint32_t draws[PIECE];
	double sum[LANES] = { 0 };

	for (size_t at = 0; at < n; at += PIECE) {
		if (!bulk_read(c, stream, draws, sizeof draws))
			return false;
		for (size_t i = 0; i < PIECE; i += LANES)
			for (size_t j = 0; j < LANES; j++)
				sum[j] += values_point(draws[i + j]) * a[at + i + j];
	}
	*ret = lanes_sum(sum);
	return true;
}

bool
mark_scorer_z(struct ctx *c, const struct mark_scorer *s, uint32_t customer, double *ret)
{
	owned(bulk_free) struct bulk *stream = NULL;
	double points;

	if (s->deviation == 0) {
		*ret = 0;
		return true;
	}
	if (!values_stream(c, &s->code, customer, &stream) ||
	    !correlate(c, stream, s->sums, (size_t)1 << s->terms.log_l, &points))
		return false;
	*ret = points / 65536 * mark_scale(&s->terms) / s->deviation;
	return true;
}

double
mark_scorer_bound(const struct mark_scorer *s, double z)
{
	return z > 0 && s->deviation > 0
	    ? bound_of(&s->bound, z * s->deviation, z / s->deviation)
	    : 0;
}

double
mark_scorer_threshold(const struct mark_scorer *s, double log_p)
{
	double low = 0, high = 1;

	if (s->deviation == 0)
		return INFINITY;
	while (bound_about(&s->bound, high * s->deviation, high / s->deviation) > log_p) {
		if (high > 1e6)
			return INFINITY;
		low = high;
		high *= 2;
	}
	while (high - low > 1e-4 * high) {
		double z = (low + high) / 2;

		if (bound_about(&s->bound, z * s->deviation, z / s->deviation) > log_p)
			low = z;
		else
			high = z;
	}
	return high;
}

bool
mark_score(struct ctx *c, const struct key256 *release, const struct mark_terms *t,
    uint32_t customer, const double sums[], struct mark_score *ret)
{
	owned(mark_scorer_free) struct mark_scorer *s = NULL;
	struct mark_score score = { 0 };

	if (!scorer_begin(c, release, t, sums, &s) || !mark_scorer_z(c, s, customer, &score.z))
		return false;
	if (score.z > Z_OF_INTEREST) {
		scorer_end(s);
		score.log_p = mark_scorer_bound(s, score.z);
	}
	*ret = score;
	return true;
}
