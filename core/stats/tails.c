/*
 * Exact tails of one test. Sums of logarithms, so that 10^-300 is as good as one half.
 */
#include <math.h>

#include "stats.h"

static double
choose_ln(int64_t n, int64_t k)
{
	return lgamma((double)n + 1) - lgamma((double)k + 1) - lgamma((double)(n - k) + 1);
}

/* The logarithm of a sum whose terms come as logarithms. */
struct sum_ln {
	double most, rest; /* the sum is rest * e^most */
};
static void
sum_add(struct sum_ln *s, double ln)
{
	if (ln <= s->most) {
		s->rest += exp(ln - s->most);
		return;
	}
	s->rest = s->rest * exp(s->most - ln) + 1;
	s->most = ln;
}

static double
sum_log10(const struct sum_ln *s)
{
	return fmin(0, (s->most + log(s->rest)) / M_LN10);
}

double
binomial_log10(int64_t n, int64_t hits, double share)
{
	struct sum_ln s = { -INFINITY, 0 };

	if (hits <= 0)
		return 0;
	if (hits > n || share <= 0)
		return -INFINITY;
	if (share >= 1)
		return 0;
	for (int64_t t = hits; t <= n; t++)
		sum_add(&s,
		    choose_ln(n, t) + (double)t * log(share) + (double)(n - t) * log1p(-share));
	return sum_log10(&s);
}

int64_t
binomial_hits(int64_t n, double share, double log10_p)
{
	int64_t low = 0, high = n + 1;

	while (low < high) {
		int64_t middle = low + (high - low) / 2;

		if (binomial_log10(n, middle, share) <= log10_p)
			high = middle;
		else
			low = middle + 1;
	}
	return low;
}

double
pairs_log10(int64_t plus, int64_t minus)
{
	return binomial_log10(plus + minus, plus, .5);
}

static double
beta_ln(double a, double b)
{
	return lgamma(a) + lgamma(b) - lgamma(a + b);
}

double
beta_binomial_log10(int64_t n, int64_t hits, double mean, double rho)
{
	double a = mean * (1 - rho) / rho, b = (1 - mean) * (1 - rho) / rho;
	struct sum_ln s = { -INFINITY, 0 };

	if (hits <= 0)
		return 0;
	if (hits > n)
		return -INFINITY;
	for (int64_t t = hits; t <= n; t++)
		sum_add(&s,
		    choose_ln(n, t) + beta_ln((double)t + a, (double)(n - t) + b) -
			beta_ln(a, b));
	return sum_log10(&s);
}

/* The share at which that many hits or more have the chance alpha; grows with the share. */
static double
share_of_tail(int64_t n, int64_t hits, double alpha)
{
	double low = 0, high = 1, wanted = log10(alpha);

	for (int i = 0; i < 100; i++) {
		double middle = (low + high) / 2;

		if (binomial_log10(n, hits, middle) < wanted)
			low = middle;
		else
			high = middle;
	}
	return (low + high) / 2;
}

struct interval
share_interval(int64_t n, int64_t hits, double alpha)
{
	struct interval i = { 0, 1 };

	if (hits > 0)
		i.low = share_of_tail(n, hits, alpha / 2);
	/* So few hits: as many misses, seen from the other side. */
	if (hits < n)
		i.high = 1 - share_of_tail(n, n - hits, alpha / 2);
	return i;
}

double
rank_p(double value, const double null[], size_t n)
{
	size_t as_high = 0;

	/* What is no number counts against us. */
	for (size_t i = 0; i < n; i++)
		as_high += !(null[i] < value);
	return (double)(1 + as_high) / (double)(n + 1);
}
