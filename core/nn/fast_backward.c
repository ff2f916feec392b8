/*
 * The way back: the gradients that come to each value are added up, and each node, in the opposite
 * order, gives its part to the values it read. A gradient may be lent (the sum of two values lends
 * its own to both): what is lent is read, never written.
 */
#include "fast_backward.h"

static const struct range all_of_it = { -__builtin_inff(), __builtin_inff() };

bool
fast_wanted(const struct fast *f, int32_t value)
{
	return value >= 0 && f->plan->value[f->value[value].same].has_grad;
}

static struct task
simple(const struct nn_tensor *t, task_fn *run, struct place to, struct place a, struct place b)
{
	struct task k = { .run = run,
		.pixels = fast_pixels(t),
		.channels = fast_channels(t),
		.range = all_of_it,
		.at = { to, a, b, { -1, 0, 0 } } };

	return k;
}

/* ---- The gradient of a value ------------------------------------------------------------- */

/* Gradients within a concatenation lie in the block of its gradient. */
static struct fast_value *
owner(struct fast *f, struct fast_value *v)
{
	return v->root >= 0 ? &f->value[v->root] : v;
}

bool
grad_come(struct fast *f, int32_t value)
{
	return owner(f, value_of(f, value))->has_grad;
}

int
grad_phase(struct fast *f, int32_t value)
{
	return larger_of(owner(f, value_of(f, value))->grad_phase, f->now);
}

static struct place
grad_place(struct fast *f, struct fast_value *v)
{
	struct place at = owner(f, v)->grad;

	at.skip += v->root_skip;
	return at;
}

bool
grad_own(struct fast *f, int32_t value)
{
	const struct fast_value *v = value_of(f, value);

	return v->root < 0 && !v->lent;
}

struct place
grad_read(struct fast *f, int32_t value, int phase, bool last)
{
	struct fast_value *v = value_of(f, value);
	struct place at = grad_place(f, v);

	return fast_has_order(v->t) && v->last != last ? fast_turned(f, v->t, at, last, phase)
						       : at;
}

/* Into the gradient of the concatenation, which begins as zeros unless all of it is given. */
static void
give_to_root(struct fast *f, struct fast_value *v, int phase, struct place at)
{
	struct fast_value *root = owner(f, v);
	struct task k;

	if (!root->has_grad) {
		root->grad = fast_room(f, root->t, true);
		k = simple(
		    root->t, v == root ? task_copy : task_clear, root->grad, at, nowhere);
		if (v != root)
			k.at[1] = nowhere;
		fast_task(f, phase, &k);
		root->has_grad = true;
		if (v == root) {
			root->grad_phase = phase;
			return;
		}
	}
	phase = larger_of(phase, fast_touched(f, root->grad));
	k = simple(v->t, task_add, grad_place(f, v), grad_place(f, v), at);
	fast_task(f, phase, &k);
	root->grad_phase = phase;
}

/* To what came before: one of the two is written over, if it may be. */
static void
give_more(struct fast *f, struct fast_value *v, int phase, struct place at, bool lent)
{
	struct place to = v->grad, other = at;
	struct task k;

	phase = larger_of(phase, v->grad_phase);
	if (v->lent && lent) {
		to = fast_room(f, v->t, true);
		k = simple(v->t, task_add, to, v->grad, at);
	} else {
		if (v->lent) {
			to = at;
			other = v->grad;
		}
		phase = larger_of(phase, fast_touched(f, to));
		k = simple(v->t, task_add, to, to, other);
	}
	fast_task(f, phase, &k);
	v->grad = to;
	v->lent = false;
	v->grad_phase = phase;
}

void
fast_give(struct fast *f, int32_t value, int phase, struct place at, bool last, bool lent)
{
	struct fast_value *v = value_of(f, value);

	if (!fast_wanted(f, value))
		return;
	if (fast_has_order(v->t) && last != v->last) {
		at = fast_turned(f, v->t, at, v->last, phase);
		lent = false;
	}
	if (v->root >= 0) {
		give_to_root(f, v, phase, at);
	} else if (v->has_grad) {
		give_more(f, v, phase, at, lent);
	} else {
		v->has_grad = true;
		v->grad = at;
		v->grad_phase = phase;
		v->lent = lent;
	}
}

float *
fast_total(const struct fast *f, int32_t value)
{
	const struct fast_value *v = &f->value[f->value[value].same];
	const struct nn_value *from = &f->plan->graph->value[v - f->value];

	return from->source == NN_FROM_WEIGHT ? f->plan->weight_grad[from->index]
					      : v->total_grad;
}

void
fast_total_begin(struct fast *f, int32_t value, int phase)
{
	struct fast_value *v = value_of(f, value);

	v->has_grad = true;
	v->grad_phase = larger_of(v->grad_phase, phase);
	if (f->plan->graph->value[v - f->value].source != NN_FROM_WEIGHT &&
	    v->total_grad == NULL)
		v->total_grad = fast_floats(f, (size_t)nn_count(v->t));
}

struct grad_target
grad_target(struct fast *f, int32_t value, int phase)
{
	struct fast_value *v = value_of(f, value), *own = owner(f, v);
	struct grad_target to = { .phase = phase };

	if (own->has_grad && !own->lent) {
		to.phase = larger_of(phase, fast_touched(f, own->grad));
		to.at = grad_place(f, v);
		to.adds = true;
		own->grad_phase = to.phase;
		return to;
	}
	to.at = fast_room(f, v->t, true);
	return to;
}

struct place
grad_masked(struct fast *f, const struct fast_node *n, int phase, bool last)
{
	const struct nn_tensor *t = f->value[n->y].t;
	struct place g = grad_read(f, n->y, phase, last), to;
	struct task k;

	if (n->range.low == -__builtin_inff() && n->range.high == __builtin_inff())
		return g;
	to = grad_own(f, n->y) ? g : fast_room(f, t, true);
	k = simple(
	    t, task_mask, to, g, fast_read(f, n->y, phase, last ? ORDER_LAST : ORDER_FIRST));
	k.range = n->range;
	fast_task(f, phase, &k);
	return to;
}

/* ---- Nodes that only pass gradients on --------------------------------------------------- */

static int
masked_phase(struct fast *f, const struct fast_node *n)
{
	return larger_of(grad_phase(f, n->y), fast_ready(f, n->y));
}

static void
add_back(struct fast *f, struct fast_node *n)
{
	bool last = value_of(f, n->y)->last;
	int phase = masked_phase(f, n);
	struct place g = grad_masked(f, n, phase, last);

	fast_give(f, n->x, phase, g, last, n->u >= 0 || !grad_own(f, n->y));
	if (n->u >= 0)
		fast_give(f, n->u, phase, g, last, true);
}

static void
concat_back(struct fast *f, struct fast_node *n)
{
	const struct nn_node *node = n->step->node;
	struct fast_value *y = value_of(f, n->y);
	int phase = grad_phase(f, n->y);
	struct place g = grad_place(f, y);

	for (int i = 0; i < node->ins; i++) {
		struct fast_value *v = value_of(f, node->in[i]);
		int64_t here = g.skip - owner(f, y)->grad.skip;

		if (v->root != y->root || v->root_skip != here)
			fast_give(f, node->in[i], phase, g, true, true);
		g.skip += fast_channels(v->t);
	}
}

static void
view_back(struct fast *f, struct fast_node *n)
{
	int phase = grad_phase(f, n->y);
	struct place g = grad_read(f, n->y, phase, false);

	g = fast_dense(f, f->value[n->y].t, g, phase);
	g.step = fast_channels(f->value[n->x].t);
	fast_give(f, n->x, phase, g, false, !grad_own(f, n->y));
}

static void
pool_back(struct fast *f, struct fast_node *n)
{
	const struct nn_tensor *t = f->value[n->x].t;
	int phase = grad_phase(f, n->y);
	struct place g = fast_dense(
	    f, f->value[n->y].t, grad_read(f, n->y, phase, true), phase);
	struct place to = fast_room(f, t, true);
	struct task k = simple(
	    t, n->kind == FAST_POOL ? task_pool_back : task_global_back, to, g, n->which);

	k.node = n;
	fast_task(f, phase, &k);
	fast_give(f, n->x, phase, to, true, false);
}

/* ---- All --------------------------------------------------------------------------------- */

static void
back(struct fast *f, struct fast_node *n)
{
	switch (n->kind) {
	case FAST_CONV:
		fast_conv_back(f, n);
		break;
	case FAST_GEMM:
		fast_gemm_back(f, n);
		break;
	case FAST_AFFINE:
		fast_affine_back(f, n);
		break;
	case FAST_NORM:
		fast_norm_back(f, n);
		break;
	case FAST_ADD:
	case FAST_ACT:
		add_back(f, n);
		break;
	case FAST_POOL:
	case FAST_GLOBAL:
		pool_back(f, n);
		break;
	case FAST_CONCAT:
		concat_back(f, n);
		break;
	case FAST_VIEW:
		view_back(f, n);
		break;
	case FAST_PLAIN:
	case FAST_WHOLE:
		fast_plain_back(f, n);
		break;
	case FAST_GONE:
		break;
	}
}

/* The gradients of the outputs come from outside. */
static void
start(struct fast *f)
{
	const struct nn_graph *g = f->plan->graph;
	int64_t most = 0;

	f->given = fast_take(f, g->outputs * sizeof *f->given);
	for (size_t i = 0; i < f->values; i++)
		if (f->plan->value[i].is_output && most < nn_count(f->value[i].t))
			most = nn_count(f->value[i].t);
	for (size_t i = 0; i < g->inputs; i++)
		if (most < nn_count(f->value[g->input_value[i]].t))
			most = nn_count(f->value[g->input_value[i]].t);
	f->zeros = fast_floats(f, (size_t)most);
	for (size_t i = 0; !f->failed && i < g->outputs; i++) {
		int32_t value = g->output_value[i];
		const struct fast_value *v = value_of(f, value);
		struct place at;

		if (!fast_wanted(f, value))
			continue;
		if (!v->batched) {
			fast_total_begin(f, value, f->now);
			continue;
		}
		at = fast_room(f, v->t, true);
		if (at.block < 0)
			return;
		f->block[at.block].given = &f->given[i];
		fast_give(f, value, f->now, at, false, true);
	}
}

/* Those of the inputs go outside. */
static void
finish(struct fast *f)
{
	const struct nn_graph *g = f->plan->graph;

	f->input_grad = fast_take(f, g->inputs * sizeof *f->input_grad);
	for (size_t i = 0; !f->failed && i < g->inputs; i++) {
		int32_t value = g->input_value[i];
		const struct fast_value *v = value_of(f, value);
		int phase;

		f->input_grad[i] = nowhere;
		if (!fast_wanted(f, value) || !v->batched || !grad_come(f, value))
			continue;
		phase = grad_phase(f, value);
		f->input_grad[i] = fast_dense(
		    f, v->t, grad_read(f, value, phase, false), phase);
		if (f->input_grad[i].block >= 0)
			f->block[f->input_grad[i].block].for_ever = true;
	}
}

void
fast_emit_backward(struct fast *f)
{
	f->now = f->forward_phases;
	start(f);
	for (size_t i = f->nodes; !f->failed && i-- > 0;) {
		struct fast_node *n = &f->node[i];
		bool plain = n->kind == FAST_PLAIN || n->kind == FAST_WHOLE;

		if (n->kind != FAST_GONE && (plain || grad_come(f, n->y)))
			back(f, n);
	}
	finish(f);
}
