/*
 * Whose table is in a suspect? Its deviations from the original were summed for each entry of the
 * table: a. A customer's score is T = sum of g_l a_l, where g are the values drawn for it. Whoever
 * had no part in the suspect has values that are independent of a; so, given the suspect, T is a
 * sum of independent symmetric variables of known distribution, and Chernoff's bound holds without
 * any model of what innocents are like:
 *
 *	ln P(T >= t) <= -v t + sum of 2 ln(sinh(v b_l) / (v b_l))   for every v > 0,
 *
 * with b_l = scale / 2 * |a_l|. (The uniform distribution on the 65,536 points of table.c has a
 * smaller moment generating function than the continuous one, which the formula takes.) The v that
 * is chosen decides how tight the bound is, never whether it holds. Scores are taken with the
 * values before their rounding to fixed point, as the bound is.
 */
#include <math.h>

#include "parts.h"

enum { PIECE = 4096, STEPS = 40 };
/* Below this z the bound is not worth its time: it is given as ln 1. */
#define Z_OF_INTEREST 4

/* ln(sinh(x) / x), x >= 0, and its derivative coth(x) - 1 / x. */
static double
log_sinhc(double x)
{
	double xx = x * x;

	if (x < .05) /* the next term of the series is below 1e-15 */
		return xx * (1. / 6 - xx * (1. / 180 - xx * (1. / 2835 - xx / 37800)));
	return x + log(-expm1(-2 * x) / (2 * x));
}

static double
log_sinhc_slope(double x)
{
	double xx = x * x;

	if (x < .05)
		return x * (1. / 3 - xx * (1. / 45 - xx * (2. / 945 - xx / 4725)));
	return 1 / tanh(x) - 1 / x;
}

/* The exponent at v, and its slope in v; convex in v. `half` is scale / 2. */
static double
exponent(double v, double t, double half, const double a[], size_t n)
{
	double sum = 0;

	for (size_t i = 0; i < n; i++)
		sum += log_sinhc(v * half * fabs(a[i]));
	return 2 * sum - v * t;
}

static double
exponent_slope(double v, double t, double half, const double a[], size_t n)
{
	double sum = 0;

	for (size_t i = 0; i < n; i++) {
		double b = half * fabs(a[i]);

		sum += b * log_sinhc_slope(v * b);
	}
	return 2 * sum - t;
}

/*
 * The least exponent, by bisection of its slope; `guess` is the v of a normal distribution with
 * the same variance, which is too small a v, as the tails here are lighter.
 */
static double
bound(double t, double guess, double half, const double a[], size_t n)
{
	double low = 0, high = guess;

	for (int i = 0; i < STEPS && exponent_slope(high, t, half, a, n) < 0; i++) {
		low = high;
		high *= 2;
	}
	for (int i = 0; i < STEPS && high - low > 1e-4 * high; i++) {
		double v = (low + high) / 2;

		if (exponent_slope(v, t, half, a, n) < 0)
			low = v;
		else
			high = v;
	}
	return fmin(0, exponent(low > 0 ? low : high, t, half, a, n));
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

static double
norm(const double a[], size_t n)
{
	double sum[LANES] = { 0 };

	for (size_t i = 0; i < n; i += LANES)
		for (size_t j = 0; j < LANES; j++)
			sum[j] += a[i + j] * a[i + j];
	return sqrt(lanes_sum(sum));
}

bool
mark_score(struct ctx *c, const struct key256 *release, const struct mark_terms *t,
    uint32_t customer, const double sums[], struct mark_score *ret)
{
	owned(bulk_free) struct bulk *stream = NULL;
	double points, length, deviation, score;
	size_t n;

	if (!terms_check(c, t) || !values_stream(c, release, customer, &stream))
		return false;
	n = (size_t)1 << t->log_l;
	if (!correlate(c, stream, sums, n, &points))
		return false;
	length = norm(sums, n);
	if (!isfinite(length) || !isfinite(points))
		return fail(c, E_INPUT, "the suspect's deviations are not finite numbers");
	*ret = (struct mark_score){ 0 };
	if (length == 0)
		return true;
	score = points / 65536 * mark_scale(t);
	deviation = length * t->kappa / sqrt(MARK_TERMS);
	ret->z = score / deviation;
	if (ret->z > Z_OF_INTEREST)
		ret->log_p = bound(
		    score, score / deviation / deviation, mark_scale(t) / 2, sums, n);
	return true;
}
