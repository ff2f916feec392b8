/*
 * Codes against collusion: biases, lengths and likelihoods against values computed elsewhere, the
 * bound against sums over all words, and coalitions that are named while innocents are not.
 */
#include "test.h"

#include <math.h>

#include "stats.h"

#define NEAR(a, b, tolerance) ck_assert_double_eq_tol((a), (b), (tolerance))

static const struct key256 bias_key = { { 1 } }, code_key = { { 2 } };

/* ---- The law ----------------------------------------------------------------------------- */

static const struct {
	int colluders, atoms;
	double p[3], weight[3], mean, bound;
} laws[] = {
	{ 1, 1, { .5 }, { 1 }, 1, 1 },
	{ 2, 1, { .5 }, { 1 }, 1, 1 },
	{ 3, 2, { .21132, .78868 }, { .5, .5 }, .81650, 1.9319 },
	{ 4, 2, { .21132, .78868 }, { .5, .5 }, .81650, 1.9319 },
	{ 6, 3, { .11270, .5, .88730 }, { .33201, .33597, .33201 }, .75594, 2.8059 },
	{ 8, 4, { .06943, .33001, .66999 }, { .24833, .25167, .25167 }, .72585, 3.6610 },
	{ 10, 5, { .04691, .23077, .5 }, { .19829, .20104, .20135 }, .70786, 4.5075 },
};

START_TEST(biases_are_nuidas)
{
	struct ctx *c = test_ctx();
	struct code_law law;

	ck_ok(c, code_law(c, laws[_i].colluders, &law));
	ck_assert_int_eq(law.atoms, laws[_i].atoms);
	for (int i = 0; i < 3 && i < law.atoms; i++) {
		NEAR(law.p[i], laws[_i].p[i], 6e-6);
		NEAR(law.weight[i], laws[_i].weight[i], 6e-6);
	}
	NEAR(law.mean, laws[_i].mean, 6e-6);
	NEAR(law.bound, laws[_i].bound, 6e-5);
}
END_TEST

START_TEST(no_code_stands_against_everybody)
{
	struct ctx *c = test_ctx();
	struct code_law law;

	ck_fails(c, E_LIMIT, code_law(c, 0, &law));
	ck_fails(c, E_LIMIT, code_law(c, 11, &law));
}
END_TEST

/* What a coalition scores on average, whatever it does in slots where its bits differ. */
START_TEST(no_way_of_colluding_scores_less)
{
	struct ctx *c = test_ctx();
	struct code_law law;

	ck_ok(c, code_law(c, 3, &law));
	for (int way = 0; way < 9; way++) {
		double says[4] = { 0, (way % 3) / 2., (way / 3) / 2., 1 }, mean = 0;

		for (int i = 0; i < law.atoms; i++)
			for (int word = 0; word < 8; word++) {
				int z = (word & 1) + (word >> 1 & 1) + (word >> 2);
				double p = law.p[i];
				double chance = pow(p, z) * pow(1 - p, 3 - z);

				for (int bit = 0; bit < 3; bit++)
					for (uint8_t y = 0; y < 2; y++) {
						uint8_t x = word >> bit & 1;

						mean += law.weight[i] * chance *
						    (y ? says[z] : 1 - says[z]) *
						    code_score(&p, &x, &y, 1);
					}
			}
		NEAR(mean, law.mean, 1e-12);
	}
}
END_TEST

static const struct {
	int64_t customers;
	int colluders;
	int64_t planned, rigorous;
} lengths[] = {
	{ 10, 2, 208, 276 },
	{ 10, 3, 705, 847 },
	{ 100, 4, 1334, 1530 },
	{ 1000, 2, 254, 332 },
	{ 1000, 3, 861, 1029 },
	{ 1000, 4, 1469, 1682 },
	{ 1000, 6, 3655, 4092 },
	{ 1000, 8, 6788, 7538 },
};

START_TEST(lengths_are_as_planned)
{
	struct ctx *c = test_ctx();
	struct code_law law;

	ck_ok(c, code_law(c, lengths[_i].colluders, &law));
	ck_assert_int_eq(
	    code_length_planned(&law, lengths[_i].customers, 1e-6, .01), lengths[_i].planned);
	ck_assert_int_eq(
	    code_length_rigorous(&law, lengths[_i].customers, 1e-6, .01), lengths[_i].rigorous);
}
END_TEST

/* ---- The bound --------------------------------------------------------------------------- */

START_TEST(the_bound_is_chernoffs)
{
	double bias[200];
	uint8_t answer[200];

	for (int i = 0; i < 100; i++) {
		bias[i] = .5;
		answer[i] = CODE_ONE;
	}
	NEAR(code_bound_ln(bias, answer, 100, 60) / M_LN10, -8.3708, 5e-5);
	for (int i = 0; i < 200; i++) {
		bias[i] = i % 2 == 0 ? (1 - sqrt(1. / 3)) / 2 : (1 + sqrt(1. / 3)) / 2;
		answer[i] = i / 2 % 2 == 0;
	}
	NEAR(code_bound_ln(bias, answer, 200, 80), -16.025412, 1e-6);
	NEAR(code_bound_ln(bias, answer, 200, 100), -25.094067, 1e-6);
	ck_assert_double_eq(code_bound_ln(bias, answer, 200, 0), 0);
	ck_assert_double_eq(code_bound_ln(bias, answer, 200, -3), 0);
	memset(answer, CODE_ERASED, sizeof answer);
	ck_assert_double_eq(code_bound_ln(bias, answer, 200, 0), 0);
}
END_TEST

/* Against the chance itself, over all words of ten slots; the highest score of all included. */
START_TEST(the_bound_is_above_the_chance)
{
	const double bias[10] = { .2, .8, .2, .8, .5, .5, .8, .2, .2, .8 };
	const uint8_t answer[10] = { 1, 0, 0, 1, 1, 2, 0, 1, 0, 1 };
	double chance[1024], score[1024];

	for (int word = 0; word < 1024; word++) {
		uint8_t bits[10];

		chance[word] = 1;
		for (int i = 0; i < 10; i++) {
			bits[i] = word >> i & 1;
			chance[word] *= bits[i] ? bias[i] : 1 - bias[i];
		}
		score[word] = code_score(bias, bits, answer, 10);
	}
	for (int word = 0; word < 1024; word++) {
		double tail = 0, bound = code_bound_ln(bias, answer, 10, score[word]);

		for (int other = 0; other < 1024; other++)
			if (score[other] >= score[word] - 1e-9)
				tail += chance[other];
		ck_assert(isfinite(bound));
		ck_assert_double_ge(bound, log(tail) - 1e-6);
	}
}
END_TEST

START_TEST(an_innocent_scores_nothing)
{
	double p = .21132, mean = 0, square = 0;

	for (uint8_t y = 0; y < 2; y++)
		for (uint8_t x = 0; x < 2; x++) {
			double chance = x ? p : 1 - p, score = code_score(&p, &x, &y, 1);

			mean += chance * score;
			square += chance * score * score;
		}
	NEAR(mean, 0, 1e-12);
	NEAR(square, 2, 1e-9); /* one for each answer */
}
END_TEST

/* ---- Likelihoods ------------------------------------------------------------------------- */

START_TEST(ratios_are_right)
{
	/* The mean over the six ways of the ratios for one slot, c = 3, p = .21132. */
	static const double ratio[4][6] = {
		{ 2.244053, 3.284104, 1.651119, 1.962985, 4.732160, 2.013348 },
		{ .666667, .387994, .825538, .741977, 0, .728482 },
		{ .666667, .702919, .559059, 0, .964445, .645008 },
		{ 1.089314, 1.079600, 1.118146, 1.267941, 1.009527, 1.095117 },
	};
	const double p = .21132;
	struct ctx *c = test_ctx();
	struct code_weights w;

	for (int i = 0; i < 4; i++) {
		uint8_t y = i < 2, x = i % 2 == 0;
		double mean = 0;

		for (int way = 0; way < 6; way++)
			mean += ratio[i][way] / 6;
		ck_ok(c, code_weigh(c, &p, &y, 1, 3, 0, &w));
		NEAR(exp(code_likelihood_ln(&w, &x)), mean, 1e-6);
	}
	NEAR(code_threshold_ln(1000, 1e-6), 21.4164, 1e-4);
}
END_TEST

START_TEST(an_innocent_is_worth_one)
{
	const double bias[6] = { .2, .8, .5, .2, .8, .5 };
	const uint8_t answer[6] = { 1, 0, 1, 0, 2, 0 };
	struct ctx *c = test_ctx();
	struct code_weights w;
	double mean = 0;

	ck_ok(c, code_weigh(c, bias, answer, 6, 3, .005, &w));
	for (int word = 0; word < 64; word++) {
		uint8_t bits[6];
		double chance = 1;

		for (int i = 0; i < 6; i++) {
			bits[i] = word >> i & 1;
			chance *= bits[i] ? bias[i] : 1 - bias[i];
		}
		mean += chance * exp(code_likelihood_ln(&w, bits));
	}
	NEAR(mean, 1, 1e-12);
}
END_TEST

/* ---- All of it --------------------------------------------------------------------------- */

enum { CUSTOMERS = 200, SLOTS = 332 };

static const int ways[] = { 0, 1, 2 };

/* Two of two hundred mix their copies; they are accused, the others are not. */
START_TEST(colluders_are_named_and_innocents_are_not)
{
	struct ctx *c = test_ctx();
	uint8_t(*word)[SLOTS] = take(c, CUSTOMERS * sizeof *word), answer[SLOTS];
	double bias[SLOTS];
	struct code_weights w;
	struct code_law law;
	int named = 0;

	ck_ok(c, code_law(c, 2, &law));
	ck_ok(c, code_biases(c, &bias_key, 7, &law, SLOTS, bias));
	for (uint32_t u = 0; u < CUSTOMERS; u++)
		ck_ok(c, code_word(c, &code_key, u, bias, SLOTS, word[u]));
	for (int i = 0; i < SLOTS; i++) /* way: 0 alternately, 1 ones, 2 zeros */
		answer[i] = ways[_i] == 0
		    ? word[i % 2][i]
		    : (ways[_i] == 1 ? word[0][i] | word[1][i] : word[0][i] & word[1][i]);
	ck_ok(c, code_weigh(c, bias, answer, SLOTS, 2, .005, &w));
	for (uint32_t u = 0; u < CUSTOMERS; u++) {
		double score = code_score(bias, word[u], answer, SLOTS);
		bool accused = log(CUSTOMERS) + code_bound_ln(bias, answer, SLOTS, score) <=
			log(1e-6 / 2) ||
		    code_likelihood_ln(&w, word[u]) >= code_threshold_ln(CUSTOMERS, 1e-6);

		ck_assert(!accused || u < 2);
		named += accused;
	}
	ck_assert_int_ge(named, 1);
}
END_TEST

MAIN("stats_code", EACH(biases_are_nuidas, laws), ONE(no_code_stands_against_everybody),
    ONE(no_way_of_colluding_scores_less), EACH(lengths_are_as_planned, lengths),
    ONE(the_bound_is_chernoffs), ONE(the_bound_is_above_the_chance),
    ONE(an_innocent_scores_nothing), ONE(ratios_are_right), ONE(an_innocent_is_worth_one),
    EACH(colluders_are_named_and_innocents_are_not, ways))
