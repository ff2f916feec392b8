/*
 * A graph's weights, kept and put back: every lock and every attack begins from one state and has
 * to be able to return to it, bit for bit.
 */
#include "protect.h"

struct protect_weights {
	size_t n;
	float *all;   /* one block, weight after weight */
	float **each; /* by weight, into it; NULL: the graph had not read it */
};

void
protect_weights_free(struct protect_weights **w)
{
	if (*w == NULL)
		return;
	free((*w)->all);
	free((*w)->each);
	free(*w);
	*w = NULL;
}

bool
protect_keep(struct ctx *c, struct nn_graph *g, struct protect_weights **ret)
{
	owned(protect_weights_free) struct protect_weights *w = calloc(1, sizeof *w);
	const struct nn_weight *from;
	size_t sum = 0, at = 0;

	if (w == NULL)
		return fail(c, E_MEMORY, "no memory to keep the weights");
	if (!nn_graph_load(c, g, SIZE_MAX))
		return false;
	from = nn_weights(g, &w->n);
	for (size_t i = 0; i < w->n; i++)
		sum += (size_t)from[i].count;
	w->all = malloc((sum + 1) * sizeof *w->all);
	w->each = calloc(w->n + 1, sizeof *w->each);
	if (w->all == NULL || w->each == NULL)
		return fail(c, E_MEMORY, "no memory to keep %zu weights", sum);
	for (size_t i = 0; i < w->n; i++) {
		w->each[i] = w->all + at;
		memcpy(w->each[i], from[i].data, (size_t)from[i].count * sizeof(float));
		at += (size_t)from[i].count;
	}
	*ret = steal(w);
	return true;
}

void
protect_restore(struct nn_graph *g, const struct protect_weights *w)
{
	size_t n;
	struct nn_weight *to = nn_weights(g, &n);

	for (size_t i = 0; i < n && i < w->n; i++)
		memcpy(to[i].data, w->each[i], (size_t)to[i].count * sizeof(float));
	nn_graph_changed(g);
}

const float *
protect_kept(const struct protect_weights *w, size_t weight)
{
	return weight < w->n ? w->each[weight] : NULL;
}
