/*
 * How likely is a score for somebody who had no part in the suspect? That customer's values are
 * independent of the sums a; so, given the suspect, its score T is a sum of independent symmetric
 * variables of known distribution, and Chernoff's bound holds without any model of what innocents
 * are like:
 *
 *	ln P(T >= t) <= -v t + sum of 2 ln(sinh(v b_l) / (v b_l))   for every v > 0,
 *
 * with b_l = half * |a_l|. (The uniform distribution on the 65,536 points of table.c has a smaller
 * moment generating function than the continuous one, which the formula takes.) The v that is
 * chosen decides how tight the bound is, never whether it holds: so v is sought over a histogram of
 * b, and the bound is taken there over all of b.
 */
#include <math.h>

#include "parts.h"

enum { STEPS = 60 };

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

void
bound_begin(struct score_bound *s, const double a[], size_t n, double half)
{
	double largest = 0;

	*s = (struct score_bound){ .a = a, .n = n, .half = half };
	for (size_t i = 0; i < n; i++)
		largest = fmax(largest, fabs(a[i]));
	for (size_t i = 0; i < n && largest > 0; i++) {
		double b = half * fabs(a[i]);
		size_t at = (size_t)(fabs(a[i]) / largest * (BOUND_BINS - 1));

		s->count[at]++;
		s->b[at] += b * b;
	}
	for (size_t i = 0; i < BOUND_BINS; i++)
		s->b[i] = s->count[i] > 0 ? sqrt(s->b[i] / s->count[i]) : 0;
}

/* The exponent at v over the histogram, and its slope in v; convex in v. */
static double
exponent_about(const struct score_bound *s, double v, double t)
{
	double sum = 0;

	for (size_t i = 0; i < BOUND_BINS; i++)
		if (s->count[i] > 0)
			sum += s->count[i] * log_sinhc(v * s->b[i]);
	return 2 * sum - v * t;
}

static double
slope_about(const struct score_bound *s, double v, double t)
{
	double sum = 0;

	for (size_t i = 0; i < BOUND_BINS; i++)
		if (s->count[i] > 0)
			sum += s->count[i] * s->b[i] * log_sinhc_slope(v * s->b[i]);
	return 2 * sum - t;
}

/*
 * Where the exponent is least, by bisection of its slope; `guess` is the v of a normal distribution
 * with the same variance, which is too small a v, as the tails here are lighter.
 */
static double
best_v(const struct score_bound *s, double t, double guess)
{
	double low = 0, high = guess;

	for (int i = 0; i < STEPS && slope_about(s, high, t) < 0; i++) {
		low = high;
		high *= 2;
	}
	for (int i = 0; i < STEPS && high - low > 1e-4 * high; i++) {
		double v = (low + high) / 2;

		if (slope_about(s, v, t) < 0)
			low = v;
		else
			high = v;
	}
	return low > 0 ? low : high;
}

double
bound_of(const struct score_bound *s, double t, double guess)
{
	double v = best_v(s, t, guess), sum = 0;

	for (size_t i = 0; i < s->n; i++)
		sum += log_sinhc(v * s->half * fabs(s->a[i]));
	return fmin(0, 2 * sum - v * t);
}

double
bound_about(const struct score_bound *s, double t, double guess)
{
	return fmin(0, exponent_about(s, best_v(s, t, guess), t));
}
