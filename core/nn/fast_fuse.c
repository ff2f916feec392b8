/*
 * Fusing: an activation becomes part of what comes before it; a factor and a summand by channel
 * become part of a convolution's weights; a sum becomes part of the convolution or the batch norm
 * that made one side of it. The plan's steps stay what they were.
 */
#include <math.h>

#include "fast_parts.h"

static void
count_uses(struct fast *f)
{
	const struct nn_graph *g = f->plan->graph;

	for (size_t i = 0; i < f->nodes; i++) {
		const struct nn_node *node = f->node[i].step->node;

		if (f->node[i].kind == FAST_GONE)
			continue;
		for (int k = 0; k < node->ins; k++)
			if (node->in[k] >= 0)
				value_of(f, node->in[k])->uses++;
		for (int k = 0; k < node->outs; k++)
			if (node->out[k] >= 0)
				value_of(f, node->out[k])->node = (int32_t)i;
	}
	for (size_t i = 0; i < g->outputs; i++)
		value_of(f, g->output_value[i])->uses++;
}

static bool
free_range(const struct fast_node *n)
{
	return n->range.low == -INFINITY && n->range.high == INFINITY;
}

/* The node that makes the value, if nobody else reads it; else NULL. */
static struct fast_node *
sole_maker(struct fast *f, int32_t v)
{
	const struct fast_value *value = value_of(f, v);

	return value->uses == 1 && value->node >= 0 ? &f->node[value->node] : NULL;
}

static void
take_over(struct fast *f, struct fast_node *to, struct fast_node *from)
{
	to->y = from->y;
	value_of(f, to->y)->node = (int32_t)(to - f->node);
	from->kind = FAST_GONE;
}

static void
fuse_act(struct fast *f, struct fast_node *n)
{
	struct fast_node *p = sole_maker(f, n->x);

	if (p == NULL || !free_range(p))
		return;
	if (p->kind != FAST_CONV && p->kind != FAST_GEMM && p->kind != FAST_AFFINE &&
	    p->kind != FAST_NORM && p->kind != FAST_ADD)
		return;
	p->range = n->range;
	take_over(f, p, n);
}

/* True if the convolution's weights may be multiplied: no gradient is wanted of them. */
static bool
conv_stands_still(const struct fast *f, const struct fast_node *n)
{
	const struct nn_node *node = n->step->node;

	for (int i = 1; i < node->ins; i++)
		if (node->in[i] >= 0 && f->plan->value[node->in[i]].varies)
			return false;
	return !n->transposed;
}

static void
fuse_affine(struct fast *f, struct fast_node *n)
{
	struct fast_node *p = sole_maker(f, n->x);

	if (p == NULL || !free_range(p) || p->u >= 0 || p->chained + n->chained > CHAIN_MAX)
		return;
	if (p->kind != FAST_AFFINE && !(p->kind == FAST_CONV && conv_stands_still(f, p)))
		return;
	for (int i = 0; i < n->chained; i++)
		p->chain[p->chained++] = n->chain[i];
	take_over(f, p, n);
}

/* The later of the two makers takes the other side as what is added to its result. */
static void
fuse_add(struct fast *f, struct fast_node *n)
{
	const int32_t side[2] = { n->x, n->u };
	struct fast_node *best = NULL;
	int32_t other = -1;

	if (value_of(f, side[0]) == value_of(f, side[1]))
		return;
	for (int i = 0; i < 2; i++) {
		struct fast_node *p = sole_maker(f, side[i]);

		if (p == NULL || p < best || p->u >= 0 || !free_range(p) ||
		    !(p->kind == FAST_NORM ||
			(p->kind == FAST_CONV && !f->backward && !p->transposed)))
			continue;
		best = p;
		other = side[1 - i];
	}
	if (best == NULL)
		return;
	best->u = other;
	best->y = n->y;
	*n = *best;
	best->kind = FAST_GONE;
	value_of(f, n->y)->node = (int32_t)(n - f->node);
}

void
fast_fuse(struct fast *f)
{
	count_uses(f);
	for (size_t i = 0; i < f->nodes; i++) {
		struct fast_node *n = &f->node[i];

		if (n->kind == FAST_ACT)
			fuse_act(f, n);
		else if (n->kind == FAST_AFFINE)
			fuse_affine(f, n);
		else if (n->kind == FAST_ADD)
			fuse_add(f, n);
	}
}
