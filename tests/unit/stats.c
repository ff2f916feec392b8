/*
 * Statistics: against values computed elsewhere to all digits shown, and against slow
 * computations that use nothing of the module.
 */
#include "test.h"

#include <math.h>

#include "stats.h"

#define NEAR(a, b, tolerance) ck_assert_double_eq_tol((a), (b), (tolerance))

/* ---- One test ---------------------------------------------------------------------------- */

START_TEST(binomial_tails_are_exact)
{
	static const struct {
		int64_t n, hits, q;
		double log10_p;
	} row[] = {
		{ 100, 28, 10, -6.458243 },
		{ 100, 33, 10, -9.490465 },
		{ 100, 20, 11, -3.209996 },
		{ 100, 74, 2, -6.079000 },
		{ 254, 200, 2, -20.468665 },
		{ 1000, 600, 2, -9.865112 },
		{ 100, 95, 10, -87.349547 },
		{ 100, 100, 10, -100.000000 },
	};

	for (size_t i = 0; i < COUNT(row); i++)
		NEAR(binomial_log10(row[i].n, row[i].hits, 1. / (double)row[i].q),
		    row[i].log10_p, 5e-7);
	ck_assert_double_eq(binomial_log10(10, 0, .5), 0);
	ck_assert(isinf(binomial_log10(10, 11, .5)));
	ck_assert(isinf(binomial_log10(10, 1, 0)));
	ck_assert_double_eq(binomial_log10(10, 10, 1), 0);
}
END_TEST

/* The tail by rows of Pascal's triangle with the chances in it. */
static double
slow_tail(int n, int hits, double share)
{
	double p[64] = { 1 }, sum = 0;

	for (int i = 1; i <= n; i++)
		for (int k = i; k >= 0; k--)
			p[k] = (k < i ? p[k] * (1 - share) : 0) +
			    (k > 0 ? p[k - 1] * share : 0);
	for (int k = hits; k <= n; k++)
		sum += p[k];
	return sum;
}

START_TEST(binomial_tails_agree_with_slow_ones)
{
	for (int n = 1; n < 60; n += 7)
		for (int hits = 0; hits <= n; hits++)
			for (double share = .05; share < 1; share += .15)
				NEAR(pow(10, binomial_log10(n, hits, share)),
				    slow_tail(n, hits, share), 1e-12);
}
END_TEST

START_TEST(the_fewest_hits_that_prove)
{
	static const struct {
		int64_t q, n, wanted[4]; /* at 1e-3, 1e-6, 1e-9, and 1e-6 / 2^64 */
	} row[] = {
		{ 2, 20, { 18, 20, 21, 21 } },
		{ 2, 40, { 31, 35, 38, 41 } },
		{ 2, 100, { 66, 74, 80, 98 } },
		{ 2, 200, { 123, 134, 143, 171 } },
		{ 10, 40, { 12, 16, 20, 33 } },
		{ 10, 100, { 21, 28, 33, 53 } },
		{ 11, 100, { 20, 26, 31, 51 } },
		{ 43, 20, { 5, 7, 9, 18 } },
		{ 43, 200, { 13, 19, 23, 41 } },
	};
	const double level[4] = { -3, -6, -9, -6 - 64 * log10(2) };

	for (size_t i = 0; i < COUNT(row); i++)
		for (int k = 0; k < 4; k++)
			ck_assert_int_eq(
			    binomial_hits(row[i].n, 1. / (double)row[i].q, level[k]),
			    row[i].wanted[k]);
}
END_TEST

START_TEST(pairs_are_mcnemars)
{
	static const struct {
		int64_t plus, minus;
		double p;
	} row[] = {
		{ 20, 0, 9.537e-7 },
		{ 30, 0, 9.313e-10 },
		{ 40, 0, 9.095e-13 },
		{ 38, 2, 7.467e-10 },
		{ 36, 4, 9.285e-8 },
		{ 34, 6, 4.182e-6 },
		{ 80, 20, 5.579e-10 },
	};

	for (size_t i = 0; i < COUNT(row); i++)
		NEAR(pow(10, pairs_log10(row[i].plus, row[i].minus)) / row[i].p, 1, 2e-4);
	ck_assert_double_eq(pairs_log10(0, 0), 0);
	/* With the allowance for grinding, a hundred pairs need 98. */
	ck_assert(pairs_log10(98, 2) + 64 * log10(2) <= -6);
	ck_assert(pairs_log10(97, 3) + 64 * log10(2) > -6);
}
END_TEST

START_TEST(trials_that_hang_together_prove_less)
{
	NEAR(pow(10, binomial_log10(100, 30, .1)) / 2.445e-8, 1, 5e-4);
	NEAR(pow(10, beta_binomial_log10(100, 30, .1, .05)) / 1.880e-2, 1, 5e-4);
	NEAR(pow(10, beta_binomial_log10(100, 30, .1, .2)) / 9.831e-2, 1, 5e-4);
	NEAR(pow(10, beta_binomial_log10(100, 40, .1, .05)) / 2.286e-3, 1, 5e-4);
	NEAR(pow(10, beta_binomial_log10(100, 40, .1, .2)) / 5.151e-2, 1, 5e-4);
	NEAR(pow(10, binomial_log10(100, 15, .1)), .0726, 5e-5);
}
END_TEST

START_TEST(intervals_are_clopper_and_pearsons)
{
	static const struct {
		int64_t n, hits;
		double low, high;
	} row[] = {
		{ 100, 28, .194794, .378667 },
		{ 100, 0, 0, .036217 },
		{ 100, 95, .887165, .983568 },
		{ 20, 20, .831567, 1 },
	};

	for (size_t i = 0; i < COUNT(row); i++) {
		struct interval at = share_interval(row[i].n, row[i].hits, .05);

		NEAR(at.low, row[i].low, 1e-6);
		NEAR(at.high, row[i].high, 1e-6);
	}
}
END_TEST

START_TEST(ranks_have_a_floor)
{
	double null[99];

	for (int i = 0; i < 99; i++)
		null[i] = i;
	NEAR(rank_p(1000, null, 99), .01, 1e-15);
	NEAR(rank_p(98, null, 99), .02, 1e-15); /* a tie counts against us */
	NEAR(rank_p(-1, null, 99), 1, 1e-15);
	null[3] = NAN;
	NEAR(rank_p(1000, null, 99), .02, 1e-15);
	NEAR(rank_p(0, NULL, 0), 1, 1e-15);
}
END_TEST

/* ---- Several tests ----------------------------------------------------------------------- */

START_TEST(several_tests_are_holms)
{
	const double p[] = { log10(.02), log10(3e-9), log10(.3), log10(4e-4) };
	double adjusted[4];

	holm_log10(p, 4, adjusted);
	NEAR(pow(10, adjusted[0]), .04, 1e-12);
	NEAR(pow(10, adjusted[1]) / 1.2e-8, 1, 1e-9);
	NEAR(pow(10, adjusted[2]), .3, 1e-12);
	NEAR(pow(10, adjusted[3]), .0012, 1e-12);
	NEAR(e_of_p(1e-3), 20.791, 5e-4);
	NEAR(e_of_p(1e-6), 5239.14, 5e-3);
	NEAR(retention_rescaled(.3, .3), .5, 1e-12);
	NEAR(retention_rescaled(.65, .3), .75, 1e-12);
	NEAR(retention_rescaled(1, .3), 1, 1e-12);
	NEAR(retention_rescaled(.6, .2), .75, 1e-12);
	ck_assert_int_eq(outcome_of(-6), OUTCOME_PROVEN);
	ck_assert_int_eq(outcome_of(-5.99), OUTCOME_INDICATIVE);
	ck_assert_int_eq(outcome_of(-2.99), OUTCOME_NONE);
	ck_assert_int_eq(outcome_of(NAN), OUTCOME_NONE);
}
END_TEST

START_TEST(one_may_stop_at_any_time)
{
	struct sequence s = sequence_begin(10);
	double mean = 0;

	for (int i = 0; i < 6; i++)
		sequence_add(&s, true);
	ck_assert(sequence_log10(&s) < 6);
	sequence_add(&s, true);
	ck_assert(sequence_log10(&s) >= 6); /* the seventh of seven */
	NEAR(sequence_expected(10, .9, 1e-6), 7.9, .05);
	NEAR(sequence_expected(10, .7, 1e-6), 13.4, .05);
	NEAR(sequence_expected(10, .5, 1e-6), 27.0, .1);
	NEAR(sequence_expected(10, .3, 1e-6), 89.9, .1);
	/* Of an independent suspect the value is 1 on average, over all 2^10 courses. */
	for (int course = 0; course < 1024; course++) {
		double chance = 1;

		s = sequence_begin(10);
		for (int i = 0; i < 10; i++) {
			bool hit = (course >> i & 1) != 0;

			sequence_add(&s, hit);
			chance *= hit ? .1 : .9;
		}
		mean += chance * pow(10, sequence_log10(&s));
	}
	NEAR(mean, 1, 1e-12);
}
END_TEST

MAIN("stats", ONE(binomial_tails_are_exact), ONE(binomial_tails_agree_with_slow_ones),
    ONE(the_fewest_hits_that_prove), ONE(pairs_are_mcnemars),
    ONE(trials_that_hang_together_prove_less), ONE(intervals_are_clopper_and_pearsons),
    ONE(ranks_have_a_floor), ONE(several_tests_are_holms), ONE(one_may_stop_at_any_time))
