/*
 * Codes against collusion: the law of their biases, how long they have to be, and the words.
 */
#include <math.h>

#include "stats.h"

/* Legendre's polynomial of degree k at x, and its derivative. */
static double
legendre(int k, double x, double *ret_slope)
{
	double before = 1, p = x;

	for (int i = 2; i <= k; i++) {
		double next = ((2 * i - 1) * x * p - (i - 1) * before) / i;

		before = p;
		p = next;
	}
	*ret_slope = k * (x * p - before) / (x * x - 1);
	return p;
}

/* Root number i from above, by Newton's way from a near guess. */
static double
legendre_root(int k, int i, double *ret_slope)
{
	double x = cos(M_PI * (i + .75) / (k + .5));

	for (int step = 0; step < 100; step++) {
		double move = legendre(k, x, ret_slope) / *ret_slope;

		x -= move;
		if (fabs(move) < 1e-15)
			break;
	}
	(void)legendre(k, x, ret_slope);
	return x;
}

/* What `c` colluders score together in a slot of this bias who give the bit of one of them. */
static double
coalition_score(int c, double p)
{
	double one = sqrt((1 - p) / p), zero = sqrt(p / (1 - p)), sum = 0, chance;

	for (int z = 0; z <= c; z++) {
		chance = exp(lgamma(c + 1) - lgamma(z + 1) - lgamma(c - z + 1) + z * log(p) +
		    (c - z) * log1p(-p));
		sum += chance * (2. * z / c - 1) * (z * one - (c - z) * zero);
	}
	return sum;
}

bool
code_law(struct ctx *c, int colluders, struct code_law *ret)
{
	struct code_law law = { .colluders = colluders, .atoms = (colluders + 1) / 2 };
	double all = 0;

	if (colluders < 1 || colluders > CODE_COLLUDERS_MAX)
		return fail(c, E_LIMIT, "a code stands against 1 to %d colluders, not %d",
		    CODE_COLLUDERS_MAX, colluders);
	for (int i = 0; i < law.atoms; i++) {
		double slope, x = legendre_root(law.atoms, law.atoms - 1 - i, &slope);
		double p = (x + 1) / 2;

		law.p[i] = p;
		law.weight[i] = 2 / ((1 - x * x) * slope * slope) / sqrt(p * (1 - p));
		all += law.weight[i];
	}
	for (int i = 0; i < law.atoms; i++) {
		law.weight[i] /= all;
		law.mean += law.weight[i] * coalition_score(colluders, law.p[i]);
	}
	law.bound = sqrt((1 - law.p[0]) / law.p[0]);
	*ret = law;
	return true;
}

/* ---- Lengths ----------------------------------------------------------------------------- */

int64_t
code_length_planned(const struct code_law *law, int64_t customers, double eps1, double eps2)
{
	double c = law->colluders, mean = law->mean;
	double innocent = c * sqrt(log((double)customers / eps1));
	double guilty = sqrt((c - mean * mean) * log(1 / eps2));

	return (int64_t)ceil(2 / (mean * mean) * (innocent + guilty) * (innocent + guilty));
}

/* How far a sum of that variance, with terms of at most b, may stray with chance e^-l. */
static double
bernstein(double variance, double b, double l)
{
	double third = l * b / 3;

	return third + sqrt(third * third + 2 * variance * l);
}

static bool
long_enough(const struct code_law *law, double m, double ln_innocent, double ln_guilty)
{
	double c = law->colluders;
	double least = m * law->mean - bernstein(m * c, c * law->bound + law->mean, ln_guilty);

	return least / c >= bernstein(m, law->bound, ln_innocent);
}

int64_t
code_length_rigorous(const struct code_law *law, int64_t customers, double eps1, double eps2)
{
	double innocent = log((double)customers / eps1), guilty = log(1 / eps2);
	int64_t low = 1, high = INT64_C(1) << 40;

	while (low < high) {
		int64_t middle = low + (high - low) / 2;

		if (long_enough(law, (double)middle, innocent, guilty))
			high = middle;
		else
			low = middle + 1;
	}
	return low;
}

/* ---- Words ------------------------------------------------------------------------------- */

bool
code_biases(struct ctx *c, const struct key256 *bias, uint32_t at, const struct code_law *law,
    size_t slots, double ret[])
{
	struct prf s = prf_stream(bias, "bias", at, 0);

	for (size_t i = 0; i < slots; i++) {
		double left = prf_real(&s);
		int atom = 0;

		while (atom < law->atoms - 1 && left >= law->weight[atom])
			left -= law->weight[atom++];
		ret[i] = law->p[atom];
	}
	return prf_end(c, &s);
}

bool
code_word(struct ctx *c, const struct key256 *code, uint32_t customer, const double bias[],
    size_t slots, uint8_t ret[])
{
	struct prf s = prf_stream(code, "code", customer, 0);

	for (size_t i = 0; i < slots; i++)
		ret[i] = prf_real(&s) < bias[i];
	return prf_end(c, &s);
}
