/*
 * Whom the answers of a suspect point to: a score whose chance among innocents is bounded for the
 * very answers at hand, and a likelihood ratio, which is an e-value.
 */
#include <math.h>

#include "stats.h"

/* What a slot of this bias adds where the suspect says `answer` and the customer has `bit`. */
static double
slot_score(double p, int bit, int answer)
{
	double same = answer == CODE_ONE ? sqrt((1 - p) / p) : sqrt(p / (1 - p));

	return bit == answer ? same : -1 / same;
}

double
code_score(const double bias[], const uint8_t word[], const uint8_t answer[], size_t slots)
{
	double sum = 0;

	for (size_t i = 0; i < slots; i++)
		if (answer[i] != CODE_ERASED)
			sum += slot_score(bias[i], word[i], answer[i]);
	return sum;
}

/* ---- The bound --------------------------------------------------------------------------- */

/* ln E[e^(l score)] of an innocent, slot by slot, less l times the score that was seen. */
static double
chernoff(const double bias[], const uint8_t answer[], size_t slots, double score, double l)
{
	double sum = -l * score;

	for (size_t i = 0; i < slots; i++) {
		double p = bias[i], one, zero, most;

		if (answer[i] == CODE_ERASED)
			continue;
		one = log(p) + l * slot_score(p, 1, answer[i]);
		zero = log1p(-p) + l * slot_score(p, 0, answer[i]);
		most = fmax(one, zero);
		sum += most + log(exp(one - most) + exp(zero - most));
	}
	return sum;
}

double
code_bound_ln(const double bias[], const uint8_t answer[], size_t slots, double score)
{
	const double golden = .6180339887498949, widest = 1e4;
	double low = 0, high = 1, left, right, at_left, at_right;

	if (!(score > 0))
		return 0;
	/* Convex in l: past the lowest point once it rises again. Any l gives a valid bound. */
	while (high < widest &&
	    chernoff(bias, answer, slots, score, high) >
		chernoff(bias, answer, slots, score, 2 * high))
		high *= 2;
	high *= 2;
	left = high - golden * (high - low);
	right = low + golden * (high - low);
	at_left = chernoff(bias, answer, slots, score, left);
	at_right = chernoff(bias, answer, slots, score, right);
	for (int i = 0; i < 100 && high - low > 1e-9 * high; i++) {
		if (at_left < at_right) {
			high = right;
			right = left;
			at_right = at_left;
			left = high - golden * (high - low);
			at_left = chernoff(bias, answer, slots, score, left);
		} else {
			low = left;
			left = right;
			at_left = at_right;
			right = low + golden * (high - low);
			at_right = chernoff(bias, answer, slots, score, right);
		}
	}
	return fmin(0, fmin(at_left, at_right));
}

double
code_threshold_ln(int64_t customers, double eps1)
{
	return log(2 * (double)customers / eps1);
}

/* ---- Likelihoods ------------------------------------------------------------------------- */

enum collusion { INTERLEAVE, MAJORITY, MINORITY, ALL_ONE, ALL_ZERO, COIN };

/* The chance that c colluders, z of whom have a one, let the suspect say one. */
static double
says_one(enum collusion how, int c, int z)
{
	if (z == 0 || z == c)
		return z == 0 ? 0 : 1;
	switch (how) {
	case INTERLEAVE:
		return (double)z / c;
	case MAJORITY:
		return 2 * z == c ? .5 : 2 * z > c;
	case MINORITY:
		return 2 * z == c ? .5 : 2 * z < c;
	case ALL_ONE:
		return 1;
	case ALL_ZERO:
		return 0;
	case COIN:
		return .5;
	}
	abort();
}

/* The same where the customer's bit is known and the others' are drawn with bias p. */
static double
one_given(enum collusion how, int c, double p, int bit)
{
	double sum = 0;

	for (int k = 0; k < c; k++) {
		double chance = exp(lgamma(c) - lgamma(k + 1) - lgamma(c - k) + k * log(p) +
		    (c - 1 - k) * log1p(-p));

		sum += chance * says_one(how, c, k + bit);
	}
	return sum;
}

static double
noisy(double chance, double noise)
{
	return (1 - noise) * chance + noise * (1 - chance);
}

/* How much likelier the answer is if the customer, with this bit, is one of them. */
static double
ratio_ln(enum collusion how, int c, double p, int bit, int answer, double noise)
{
	double with_one = one_given(how, c, p, 1), with_zero = one_given(how, c, p, 0);
	double any = noisy(p * with_one + (1 - p) * with_zero, noise);
	double given = noisy(bit == 1 ? with_one : with_zero, noise);

	if (answer == CODE_ZERO) {
		any = 1 - any;
		given = 1 - given;
	}
	return log(given) - log(any);
}

bool
code_weigh(struct ctx *c, const double bias[], const uint8_t answer[], size_t slots,
    int colluders, double noise, struct code_weights *ret)
{
	struct code_weights w = { .slots = slots };

	if (colluders < 1 || colluders > CODE_COLLUDERS_MAX || !(noise >= 0 && noise < .5))
		return fail(
		    c, E_INPUT, "no such coalition: %d colluders, noise %g", colluders, noise);
	w.ln = take(c, slots * sizeof *w.ln);
	if (w.ln == NULL)
		return false;
	for (size_t i = 0; i < slots; i++)
		for (int way = 0; way < CODE_WAYS; way++)
			for (int bit = 0; bit < 2; bit++)
				w.ln[i][way][bit] = answer[i] == CODE_ERASED
				    ? 0
				    : ratio_ln((enum collusion)way, colluders, bias[i], bit,
					  answer[i], noise);
	*ret = w;
	return true;
}

double
code_likelihood_ln(const struct code_weights *w, const uint8_t word[])
{
	double ln[CODE_WAYS] = { 0 }, most = -INFINITY, sum = 0;

	for (size_t i = 0; i < w->slots; i++)
		for (int way = 0; way < CODE_WAYS; way++)
			ln[way] += w->ln[i][way][word[i]];
	for (int way = 0; way < CODE_WAYS; way++) {
		/* Without noise, a way of colluding that cannot have led here says nothing. */
		if (isnan(ln[way]))
			ln[way] = -INFINITY;
		most = fmax(most, ln[way]);
	}
	if (most == -INFINITY)
		return -INFINITY;
	for (int way = 0; way < CODE_WAYS; way++)
		sum += exp(ln[way] - most) / CODE_WAYS;
	return most + log(sum);
}
