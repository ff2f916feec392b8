/*
 * What a lock leaves to be seen in the weights, layer by layer: histograms before and after, the
 * Kolmogorov-Smirnov test that somebody might use who has both, and how many values stand out.
 */
#include <math.h>

#include "attack.h"

/* ---- Touched weights --------------------------------------------------------------------- */

static uint64_t
touched_in(const float a[], const float b[], int64_t n)
{
	uint64_t sum = 0;

	for (int64_t i = 0; i < n; i++)
		sum += memcmp(&a[i], &b[i], sizeof a[i]) != 0;
	return sum;
}

uint64_t
protect_touched(struct nn_graph *g, const struct protect_weights *plain,
    const struct protect_weights *locked)
{
	size_t n;
	const struct nn_weight *w = nn_weights(g, &n);
	uint64_t sum = 0;

	for (size_t i = 0; i < n; i++)
		sum += touched_in(protect_kept(plain, i), protect_kept(locked, i), w[i].count);
	return sum;
}

/* ---- One layer --------------------------------------------------------------------------- */

static int
by_value(const void *a, const void *b)
{
	const float *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

/* The asymptotic distribution of the two-sample statistic d, for n values each. */
static double
ks_chance(double d, double n)
{
	double root = sqrt(n / 2), at = (root + 0.12 + 0.11 / root) * d, sum = 0;

	if (at < 0.2) /* the series does not converge there; the chance is 1 */
		return 1;
	for (int k = 1; k <= 100; k++)
		sum += (k % 2 == 1 ? 2 : -2) * exp(-2 * at * at * k * k);
	return sum < 0 ? 0 : sum > 1 ? 1 : sum;
}

/* Both sorted, n values each. */
static double
ks(const float a[], const float b[], int64_t n)
{
	int64_t i = 0, j = 0, most = 0;

	while (i < n && j < n) {
		float at = a[i] < b[j] ? a[i] : b[j];
		int64_t apart;

		while (i < n && a[i] <= at)
			i++;
		while (j < n && b[j] <= at)
			j++;
		apart = i > j ? i - j : j - i;
		most = apart > most ? apart : most;
	}
	return ks_chance((double)most / (double)n, (double)n);
}

static void
histogram(const float v[], int64_t n, double low, double high, uint64_t bin[LAYER_BINS])
{
	double width = (high - low) / LAYER_BINS;

	for (int64_t i = 0; i < n; i++) {
		int at = width > 0 ? (int)((v[i] - low) / width) : LAYER_BINS / 2;

		bin[at < 0 ? 0 : at >= LAYER_BINS ? LAYER_BINS - 1 : at]++;
	}
}

/* v is sorted and loses its order. */
static void
outliers(const float was[], float v[], int64_t n, uint64_t ret[3])
{
	struct spread s = spread_of(v, n);

	for (int64_t i = 0; i < n; i++)
		for (int k = 0; k < 3; k++)
			ret[k] += fabs(was[i] - s.median) > (4 + 2 * k) * s.mad;
}

MUST static bool
layer_fill(struct ctx *c, const float plain[], const float locked[], int64_t n,
    struct protect_layer *l)
{
	owned(floats_done) float *before = NULL, *after = NULL;

	if (!attack_floats(c, n, &before) || !attack_floats(c, n, &after))
		return false;
	memcpy(before, plain, (size_t)n * sizeof *before);
	memcpy(after, locked, (size_t)n * sizeof *after);
	qsort(before, (size_t)n, sizeof *before, by_value);
	qsort(after, (size_t)n, sizeof *after, by_value);
	l->low = fminf(before[0], after[0]);
	l->high = fmaxf(before[n - 1], after[n - 1]);
	l->ks_p = ks(before, after, n);
	histogram(before, n, l->low, l->high, l->before);
	histogram(after, n, l->low, l->high, l->after);
	outliers(plain, before, n, l->outliers_before);
	outliers(locked, after, n, l->outliers_after);
	return true;
}

/* ---- The layers that were touched most --------------------------------------------------- */

struct place {
	size_t weight;
	uint64_t touched;
};

static int
by_touched(const void *a, const void *b)
{
	const struct place *x = a, *y = b;

	if (x->touched != y->touched)
		return x->touched > y->touched ? -1 : 1;
	return (x->weight > y->weight) - (x->weight < y->weight);
}

bool
protect_layers(struct ctx *c, struct nn_graph *g, const struct protect_weights *plain,
    const struct protect_weights *locked, size_t max, struct protect_layer **ret, size_t *ret_n)
{
	size_t n, found = 0;
	const struct nn_weight *w = nn_weights(g, &n);
	struct place *place = take(c, (n + 1) * sizeof *place);
	struct protect_layer *l;

	if (place == NULL)
		return false;
	for (size_t i = 0; i < n; i++) {
		uint64_t sum = touched_in(
		    protect_kept(plain, i), protect_kept(locked, i), w[i].count);

		if (sum > 0)
			place[found++] = (struct place){ i, sum };
	}
	qsort(place, found, sizeof *place, by_touched);
	found = found < max ? found : max;
	l = take(c, (found + 1) * sizeof *l);
	if (l == NULL)
		return false;
	for (size_t i = 0; i < found; i++) {
		const struct nn_weight *one = &w[place[i].weight];

		l[i].name = one->name;
		l[i].count = (uint64_t)one->count;
		l[i].touched = place[i].touched;
		if (!layer_fill(c, protect_kept(plain, place[i].weight),
			protect_kept(locked, place[i].weight), one->count, &l[i]))
			return false;
	}
	*ret = l;
	*ret_n = found;
	return true;
}
