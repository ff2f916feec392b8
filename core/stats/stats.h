/*
 * stats: how sure one may be. Exact tests of whether answers follow committed labels, intervals,
 * several tests at once, tests that may stop at any time; and codes that name one of many
 * customers although some of them mix their copies. Everything here is arithmetic that a sceptic
 * can do again: no normal approximation decides anything.
 *
 * Very small probabilities are given as logarithms to base 10, and said so in the name.
 */
#ifndef STATS_H
#define STATS_H

#include "base.h"
#include "crypto.h"

/* ---- One test ---------------------------------------------------------------------------- */

/* log10 of P[Bin(n, share) >= hits]: 0 for no hits, -INFINITY for more hits than trials. */
double binomial_log10(int64_t n, int64_t hits, double share);
/* The fewest hits whose tail is at most that; n + 1 if not even n are enough. */
int64_t binomial_hits(int64_t n, double share, double log10_p);
/*
 * Exact McNemar: log10 of the chance that fair coins split the discordant pairs so, or more
 * clearly, for `plus`.
 */
double pairs_log10(int64_t plus, int64_t minus);
/*
 * The tail where the trials of one model hang together: a share that differs from model to model
 * around `mean` with correlation `rho` (0 < rho < 1). For information, never for a verdict.
 */
double beta_binomial_log10(int64_t n, int64_t hits, double mean, double rho);
/* Clopper and Pearson's interval of a share, 1 - alpha. */
struct interval {
	double low, high;
};
struct interval share_interval(int64_t n, int64_t hits, double alpha);
/* The rank of a statistic among those of null models: never below 1 / (n + 1). */
double rank_p(double value, const double null[], size_t n);

/* ---- Several tests ----------------------------------------------------------------------- */

/* Holm's adjusted values, in the order of `log10_p`; n <= STATS_TESTS_MAX. */
enum { STATS_TESTS_MAX = 64 };
void holm_log10(const double log10_p[], size_t n, double ret[]);
/* What a p-value is worth as an e-value (Vovk and Wang's calibrator). */
double e_of_p(double p);
/* How much of a watermark is left beyond chance: 0 at the threshold's level, 1 for all. */
double retention_rescaled(double retention, double threshold);

enum outcome { OUTCOME_NONE, OUTCOME_INDICATIVE, OUTCOME_PROVEN };
#define PROVEN_LOG10 (-6.)
#define INDICATIVE_LOG10 (-3.)
/* By the adjusted value of a whole report. */
enum outcome outcome_of(double log10_p);

/* ---- One answer after the other ---------------------------------------------------------- */

/*
 * Evidence that may be looked at after each answer and stopped at any time: of answers that agree
 * with random labels out of q with chance 1/q if the suspect is independent. Mixed over four
 * rates of agreement.
 */
enum { SEQUENCE_RATES = 4 };
struct sequence {
	int64_t labels, asked, hits;
	double ln[SEQUENCE_RATES];
};
struct sequence sequence_begin(int64_t labels);
void sequence_add(struct sequence *, bool hit);
/* What so many answers come to, in whatever order they came. */
struct sequence sequence_of(int64_t labels, int64_t asked, int64_t hits);
/* log10 of the e-value: reject independence at level alpha once it is -log10(alpha) or more. */
double sequence_log10(const struct sequence *);
/* About how many answers that takes, of a model that agrees with chance `rate`. */
double sequence_expected(int64_t labels, double rate, double alpha);

/* ---- Codes against collusion ------------------------------------------------------------- */

/*
 * The chance of a one in each slot is drawn from a few values (Nuida et al. 2009, for coalitions of
 * up to 10). mean: what a coalition scores in a slot, whatever it does; bound: the most that one
 * slot can score.
 */
enum { CODE_ATOMS_MAX = 5, CODE_COLLUDERS_MAX = 10 };
struct code_law {
	int colluders, atoms;
	double p[CODE_ATOMS_MAX], weight[CODE_ATOMS_MAX];
	double mean, bound;
};
/* E_LIMIT for coalitions of none or more than CODE_COLLUDERS_MAX. */
MUST bool code_law(struct ctx *, int colluders, struct code_law *ret);
/* The slots' biases, and a customer's bits in them; `at` says of what (a release's number). */
MUST bool code_biases(struct ctx *, const struct key256 *bias, uint32_t at,
    const struct code_law *, size_t slots, double ret[]);
MUST bool code_word(struct ctx *, const struct key256 *code, uint32_t customer,
    const double bias[], size_t slots, uint8_t ret[]);

/* What a suspect says in a slot. */
enum { CODE_ZERO, CODE_ONE, CODE_ERASED };
/* The symmetric score: of an innocent 0 on average, with variance 1 for each slot that is there. */
double code_score(
    const double bias[], const uint8_t word[], const uint8_t answer[], size_t slots);
/* ln of a bound, by Chernoff, on the chance that an innocent scores so high on these answers. */
double code_bound_ln(const double bias[], const uint8_t answer[], size_t slots, double score);
/*
 * A suspect's answers, weighed once for all customers: what each bit of a word speaks for a
 * coalition of `colluders` with that customer in it, for each of six ways of colluding; noise: the
 * share of answers that are turned.
 */
enum { CODE_WAYS = 6 };
struct code_weights {
	size_t slots;
	double (*ln)[CODE_WAYS][2]; /* by slot, way, bit */
};
MUST bool code_weigh(struct ctx *, const double bias[], const uint8_t answer[], size_t slots,
    int colluders, double noise, struct code_weights *ret);
/* ln of an e-value: the likelihood ratio of this customer's word, mixed over the ways. */
double code_likelihood_ln(const struct code_weights *, const uint8_t word[]);
/* Where each decoder may take half of eps1 over n customers: ln(n / (eps1 / 2)). */
double code_threshold_ln(int64_t customers, double eps1);
/* Slots that are enough: planned by the normal law, and rigorously (Bernstein). */
int64_t code_length_planned(
    const struct code_law *, int64_t customers, double eps1, double eps2);
int64_t code_length_rigorous(
    const struct code_law *, int64_t customers, double eps1, double eps2);

#endif
