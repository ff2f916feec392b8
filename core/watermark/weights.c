/*
 * Weights as they may become in other hands: kept aside and put back, made noisy, pruned. A network
 * that answers its keys with such weights too has the mark deeper than in their last digits.
 */
#include <math.h>

#include "parts.h"

/* ---- Kept aside -------------------------------------------------------------------------- */

void
kept_done(struct kept *k)
{
	for (size_t i = 0; k->v != NULL && i < k->n; i++)
		free(k->v[i]);
	free(k->v);
	*k = (struct kept){ 0 };
}

bool
kept_new(struct ctx *c, struct nn_graph *g, struct kept *ret)
{
	owned(kept_done) struct kept k = { .graph = g };
	struct nn_weight *w = nn_weights(g, &k.n);

	k.v = calloc(k.n + 1, sizeof k.v[0]);
	for (size_t i = 0; k.v != NULL && i < k.n; i++) {
		k.v[i] = calloc((size_t)w[i].count + 1, sizeof k.v[i][0]);
		if (k.v[i] == NULL)
			return fail(c, E_MEMORY, "no memory for another copy of the weights");
	}
	if (k.v == NULL)
		return fail(c, E_MEMORY, "no memory for another copy of the weights");
	*ret = k;
	k = (struct kept){ 0 };
	return true;
}

void
kept_take(struct kept *k)
{
	size_t n;
	const struct nn_weight *w = nn_weights(k->graph, &n);

	for (size_t i = 0; i < n; i++)
		memcpy(k->v[i], w[i].data, (size_t)w[i].count * sizeof k->v[i][0]);
}

void
kept_put(const struct kept *k)
{
	size_t n;
	struct nn_weight *w = nn_weights(k->graph, &n);

	for (size_t i = 0; i < n; i++)
		memcpy(w[i].data, k->v[i], (size_t)w[i].count * sizeof k->v[i][0]);
	nn_graph_changed(k->graph);
}

void
weights_copy(struct nn_graph *from, struct nn_graph *to)
{
	size_t n;
	const struct nn_weight *a = nn_weights(from, &n);

	for (size_t i = 0; i < n; i++) {
		struct nn_weight *b = nn_weight_by_name(to, a[i].name);

		if (b != NULL && b->count == a[i].count)
			memcpy(b->data, a[i].data, (size_t)b->count * sizeof *b->data);
	}
	nn_graph_changed(to);
}

/* ---- Changed ----------------------------------------------------------------------------- */

static bool
is_matrix(const struct nn_weight *w)
{
	return w->trainable && w->rank > 1;
}

static double
deviation(const struct nn_weight *w)
{
	double sum = 0, squares = 0, n = (double)w->count;

	for (int64_t i = 0; i < w->count; i++) {
		sum += (double)w->data[i];
		squares += (double)w->data[i] * (double)w->data[i];
	}
	return sqrt(fmax(squares / n - sum / n * (sum / n), 0));
}

void
weights_noise(struct nn_graph *g, double share, struct chance *r)
{
	size_t n;
	struct nn_weight *w = nn_weights(g, &n);

	for (size_t i = 0; i < n; i++) {
		double scale = is_matrix(&w[i]) ? share * deviation(&w[i]) : 0;

		for (int64_t k = 0; scale > 0 && k < w[i].count; k++)
			w[i].data[k] += (float)(scale * chance_normal(r));
	}
	nn_graph_changed(g);
}

enum { LOOKED_AT = 1024 };

static int
by_value(const void *a, const void *b)
{
	const float *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

/* The magnitude below which that share of the array lies, by looking at some of it. */
static float
threshold(const struct nn_weight *w, double share, struct chance *r)
{
	float seen[LOOKED_AT] = { 0 };
	int64_t n = w->count < LOOKED_AT ? w->count : LOOKED_AT;

	for (int64_t i = 0; i < n; i++)
		seen[i] = fabsf(w->data[n < LOOKED_AT ? i : chance_below(r, w->count)]);
	qsort(seen, (size_t)n, sizeof seen[0], by_value);
	return seen[(int64_t)(share * (double)(n - 1))];
}

void
weights_prune(struct nn_graph *g, double share, struct chance *r)
{
	size_t n;
	struct nn_weight *w = nn_weights(g, &n);

	for (size_t i = 0; i < n; i++) {
		float least;

		if (!is_matrix(&w[i]) || w[i].count < 2)
			continue;
		least = threshold(&w[i], share, r);
		for (int64_t k = 0; k < w[i].count; k++)
			if (fabsf(w[i].data[k]) <= least)
				w[i].data[k] = 0;
	}
	nn_graph_changed(g);
}
