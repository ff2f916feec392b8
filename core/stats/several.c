/*
 * Several tests in one report, and tests whose answers come one after the other.
 */
#include <math.h>

#include "stats.h"

void
holm_log10(const double log10_p[], size_t n, double ret[])
{
	size_t order[STATS_TESTS_MAX] = { 0 };
	double most = -INFINITY;

	if (n > STATS_TESTS_MAX)
		abort();
	for (size_t i = 0; i < n; i++) {
		size_t at = i;

		for (; at > 0 && log10_p[order[at - 1]] > log10_p[i]; at--)
			order[at] = order[at - 1];
		order[at] = i;
	}
	for (size_t i = 0; i < n; i++) {
		most = fmax(most, log10_p[order[i]] + log10((double)(n - i)));
		ret[order[i]] = fmin(0, most);
	}
}

double
e_of_p(double p)
{
	double ln = log(p);

	if (p >= 1)
		return .5; /* the limit */
	if (p <= 0)
		return INFINITY;
	return (1 - p + p * ln) / (p * ln * ln);
}

double
retention_rescaled(double retention, double threshold)
{
	const double half = .5;

	return fmax(
	    0, (1 - half) / (1 - threshold) * retention + (half - threshold) / (1 - threshold));
}

enum outcome
outcome_of(double log10_p)
{
	if (log10_p <= PROVEN_LOG10)
		return OUTCOME_PROVEN;
	return log10_p <= INDICATIVE_LOG10 ? OUTCOME_INDICATIVE : OUTCOME_NONE;
}

/* ---- One answer after the other ---------------------------------------------------------- */

static const double rates[SEQUENCE_RATES] = { .3, .5, .7, .9 };

struct sequence
sequence_begin(int64_t labels)
{
	return (struct sequence){ .labels = labels };
}

void
sequence_add(struct sequence *s, bool hit)
{
	double q = (double)s->labels;

	for (int i = 0; i < SEQUENCE_RATES; i++)
		s->ln[i] += hit ? log(rates[i] * q) : log((1 - rates[i]) / (1 - 1 / q));
	s->asked++;
	s->hits += hit;
}

struct sequence
sequence_of(int64_t labels, int64_t asked, int64_t hits)
{
	struct sequence s = { .labels = labels, .asked = asked, .hits = hits };
	double q = (double)labels;

	for (int i = 0; i < SEQUENCE_RATES; i++)
		s.ln[i] = (double)hits * log(rates[i] * q) +
		    (double)(asked - hits) * log((1 - rates[i]) / (1 - 1 / q));
	return s;
}

double
sequence_log10(const struct sequence *s)
{
	double most = -INFINITY, sum = 0;

	for (int i = 0; i < SEQUENCE_RATES; i++)
		most = fmax(most, s->ln[i]);
	for (int i = 0; i < SEQUENCE_RATES; i++)
		sum += exp(s->ln[i] - most) / SEQUENCE_RATES;
	return (most + log(sum)) / M_LN10;
}

double
sequence_expected(int64_t labels, double rate, double alpha)
{
	double q = 1 / (double)labels;
	double gain = rate * log(rate / q) + (1 - rate) * log((1 - rate) / (1 - q));

	return log(1 / alpha) / gain;
}
