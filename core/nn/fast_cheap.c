/*
 * Nodes that are cheap: a factor and a summand by channel, a sum, a range. Their result is not kept
 * for later phases if one input is enough to make it again.
 */
#include <math.h>

#include "fast_parts.h"

enum { PERIOD_MAX = 4096, LANES_MOST = 16, SUMS_AT_ONCE = 64 };

/* ---- Coefficients ------------------------------------------------------------------------ */

/* So many floats are whole channels and a multiple of `of`; `otherwise` if that is too many. */
static int64_t
period_of(int64_t channels, int64_t of, int64_t otherwise)
{
	int64_t period = channels;

	while (period % of != 0 && period <= PERIOD_MAX)
		period += channels;
	return period > PERIOD_MAX ? otherwise : period;
}

struct coefficients *
fast_coefficients(struct fast *f, int64_t channels)
{
	struct coefficients *k = fast_take(f, sizeof *k);
	float **all[] = { &k->a, &k->b, &k->mean, &k->back[2], &k->back[3], &k->back[4] };

	if (k == NULL)
		return NULL;
	k->channels = channels;
	k->narrow = period_of(channels, LANES_MOST, channels);
	k->period = period_of(channels, SUMS_AT_ONCE, k->narrow);
	for (size_t i = 0; i < COUNT(all); i++) {
		*all[i] = fast_floats(f, (size_t)k->period);
		if (*all[i] == NULL)
			return NULL;
	}
	k->back[0] = k->a;
	k->back[1] = k->b;
	k->inverse = fast_take(f, (size_t)channels * sizeof(double));
	k->sums = fast_take(f, (size_t)(f->threads * channels * 2) * sizeof(double));
	/* The most that a task takes from the scratch memory for sums by column. */
	fast_scratch(f, (size_t)k->period * 3 * sizeof(float) + 64);
	return k;
}

/* ---- Emission ---------------------------------------------------------------------------- */

int
fast_cheap_ready(struct fast *f, const struct fast_node *n)
{
	int phase = larger_of(fast_ready(f, n->x), n->u >= 0 ? fast_ready(f, n->u) : 0);

	if (n->kind == FAST_NORM)
		phase = larger_of(phase, n->known_from);
	return phase;
}

void
fast_cheap(struct fast *f, struct fast_node *n, int phase, struct place to)
{
	const struct nn_tensor *t = f->value[n->y].t;
	struct task k = { .node = n,
		.pixels = fast_pixels(t),
		.channels = fast_channels(t),
		.range = n->range,
		.arg = n->k };
	enum order order = value_of(f, n->y)->last ? ORDER_LAST : ORDER_FIRST;

	k.at[0] = to;
	k.at[1] = fast_read(f, n->x, phase, order);
	k.at[2] = n->u >= 0 ? fast_read(f, n->u, phase, order) : nowhere;
	k.at[3] = nowhere;
	if (n->kind == FAST_ADD)
		k.run = task_add;
	else if (n->kind == FAST_ACT)
		k.run = task_act;
	else
		k.run = n->u >= 0 ? task_affine_add : task_affine;
	fast_task(f, phase, &k);
}

/* ---- Batch norm -------------------------------------------------------------------------- */

/* Sums by channel of one value, made in the phase in which it is. */
static struct moments *
moments_of(struct fast *f, struct fast_value *v)
{
	struct task k = { .run = task_moments,
		.pixels = fast_pixels(v->t),
		.channels = fast_channels(v->t) };
	struct moments *m = v->moments;
	int32_t value = (int32_t)(v - f->value);

	if (m != NULL)
		return m;
	m = v->moments = fast_take(f, sizeof *m);
	if (m == NULL)
		return NULL;
	m->phase = fast_ready(f, value);
	m->channels = k.channels;
	m->k = fast_coefficients(f, k.channels);
	m->sums = fast_take(f, (size_t)(f->threads * (2 * k.channels + 1)) * sizeof(double));
	m->mean = fast_take(f, (size_t)k.channels * sizeof(double));
	m->variance = fast_take(f, (size_t)k.channels * sizeof(double));
	k.arg = m;
	k.at[0] = v->fresh.block >= 0 ? v->fresh : fast_read(f, value, m->phase, ORDER_LAST);
	k.at[1] = k.at[2] = k.at[3] = nowhere;
	fast_task(f, m->phase, &k);
	fast_fix(f, m->phase);
	k.run = task_moments_end;
	k.at[0] = nowhere;
	fast_end(f, m->phase, &k);
	return m;
}

void
fast_sum_up(struct fast *f, int32_t value)
{
	struct fast_value *v = value_of(f, value);

	if (v->summed)
		(void)moments_of(f, v);
}

/* A concatenation has the sums of its parts, which are summed but once. */
static void
gather(struct fast *f, struct fast_node *n, int32_t value)
{
	struct fast_value *v = value_of(f, value);
	const struct fast_node *maker = v->node < 0 ? NULL : &f->node[v->node];
	struct moments *m;

	if (maker != NULL && maker->kind == FAST_CONCAT) {
		const struct nn_node *node = maker->step->node;

		for (int i = 0; i < node->ins; i++)
			gather(f, n, node->in[i]);
		return;
	}
	m = moments_of(f, v);
	if (m == NULL)
		return;
	if (n->known_from < m->phase + 1)
		n->known_from = m->phase + 1;
	if (n->piece != NULL)
		n->piece[n->pieces++] = m;
}

void
fast_norm(struct fast *f, struct fast_node *n)
{
	struct task k = { .run = task_norm_end, .node = n, .arg = n->k };

	for (int i = 0; i < TASK_PLACES; i++)
		k.at[i] = nowhere;
	if (!n->of_batch)
		return;
	n->piece = fast_take(
	    f, (size_t)fast_channels(f->value[n->y].t) * sizeof(struct moments *));
	gather(f, n, n->x);
	fast_end(f, n->known_from - 1, &k);
}
