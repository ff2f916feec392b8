/*
 * The way forward: what is kept and what is made again, which values lie in the block of a
 * concatenation, and then the tasks of each node in the order of the graph.
 */
#include "attrs.h"
#include "fast_parts.h"

/* ---- Decisions --------------------------------------------------------------------------- */

static bool
is_cheap(const struct fast_node *n)
{
	return n->kind == FAST_AFFINE || n->kind == FAST_NORM || n->kind == FAST_ADD ||
	    n->kind == FAST_ACT;
}

/* Nodes whose result has its channels last, if it has any order at all. */
static bool
makes_last(const struct fast_node *n)
{
	return n->kind == FAST_CONV || n->kind == FAST_AFFINE || n->kind == FAST_NORM ||
	    n->kind == FAST_POOL || n->kind == FAST_GLOBAL || n->kind == FAST_CONCAT;
}

static bool
prefers_last(struct fast *f, const struct fast_node *n)
{
	const struct nn_node *node = n->step->node;

	if (makes_last(n))
		return true;
	if (n->kind == FAST_ADD || n->kind == FAST_ACT)
		return value_of(f, n->x)->last || (n->u >= 0 && value_of(f, n->u)->last);
	if (n->kind != FAST_PLAIN || (n->step->row->flags & NN_PLAIN) != 0 ||
	    f->value[n->y].t->type != NN_FLOAT)
		return false;
	for (int i = 0; i < node->ins; i++)
		if (fast_batched(f, node->in[i]) && value_of(f, node->in[i])->last &&
		    value_of(f, node->in[i])->t->rank == f->value[n->y].t->rank)
			return true;
	return false;
}

static void
decide_order(struct fast *f, struct fast_node *n)
{
	bool last = prefers_last(f, n);
	const struct nn_node *node = n->step->node;

	value_of(f, n->y)->last = last;
	for (int i = 1; n->kind == FAST_PLAIN && i < node->outs; i++)
		if (node->out[i] >= 0 && f->value[node->out[i]].t->type == NN_FLOAT)
			value_of(f, node->out[i])->last = last;
}

static bool
is_output(const struct fast *f, const struct fast_value *v)
{
	for (size_t i = 0; i < f->values; i++)
		if (f->plan->value[i].is_output && &f->value[f->value[i].same] == v)
			return true;
	return false;
}

/* A result is made again if there is a later phase to make it for, and one input is enough. */
static void
decide_again(struct fast *f, struct fast_node *n)
{
	struct fast_value *y = value_of(f, n->y);

	y->again = is_cheap(n) && f->backward && n->u < 0 && !is_output(f, y);
}

static void
decide_sums(struct fast *f, struct fast_node *n)
{
	const struct norm_attr *a = n->kind == FAST_NORM ? n->step->call.attr : NULL;

	if (a == NULL)
		return;
	n->of_batch = n->step->call.training || a->training;
	value_of(f, n->x)->summed = n->of_batch;
}

/*
 * The parts of a concatenation are written to where they stand in it; if it is itself the first
 * part of another one, to where they stand in that. Each value lies in one at most.
 */
static void
decide_root(struct fast *f, struct fast_node *n)
{
	const struct nn_node *node = n->step->node;
	struct fast_value *y = value_of(f, n->y);
	int64_t skip = 0;

	if (n->kind != FAST_CONCAT)
		return;
	if (y->root < 0)
		y->root = (int32_t)(y - f->value);
	for (int i = 0; i < node->ins; i++) {
		struct fast_value *v = value_of(f, node->in[i]);
		const struct fast_node *maker = v->node < 0 ? NULL : &f->node[v->node];
		bool concat = maker != NULL && maker->kind == FAST_CONCAT;

		if (maker != NULL && v->root < 0 && v->t->type == NN_FLOAT &&
		    !is_output(f, v) && (concat ? i == 0 : makes_last(maker) && maker->u < 0)) {
			v->root = y->root;
			v->root_skip = y->root_skip + skip;
			v->again = false;
		}
		skip += fast_channels(v->t);
	}
}

static void
decide(struct fast *f)
{
	for (size_t i = 0; i < f->nodes; i++)
		if (f->node[i].kind != FAST_GONE && f->value[f->node[i].y].batched) {
			decide_order(f, &f->node[i]);
			decide_again(f, &f->node[i]);
			decide_sums(f, &f->node[i]);
		}
	for (size_t i = f->nodes; i-- > 0;)
		if (f->node[i].kind == FAST_CONCAT)
			decide_root(f, &f->node[i]);
}

/* ---- Nodes ------------------------------------------------------------------------------- */

static struct task
task_of(struct fast *f, struct fast_node *n, task_fn *run)
{
	const struct nn_tensor *t = f->value[n->y].t;
	struct task k = { .run = run,
		.node = n,
		.pixels = fast_pixels(t),
		.channels = fast_channels(t),
		.range = n->range };

	for (int i = 0; i < TASK_PLACES; i++)
		k.at[i] = nowhere;
	return k;
}

/* Uses that are still to come are counted down, so that the last one may write over its input. */
static void
used(struct fast *f, const struct fast_node *n)
{
	const struct nn_node *node = n->step->node;

	for (int i = 0; i < node->ins; i++)
		if (node->in[i] >= 0)
			value_of(f, node->in[i])->uses--;
	if (n->kind == FAST_CONV && n->u >= 0)
		value_of(f, n->u)->uses--;
}

/* What is added to a convolution's result stands where that comes, if nobody else reads it. */
static struct place
start_sum(struct fast *f, struct fast_node *n, int phase)
{
	struct fast_value *u = value_of(f, n->u);
	struct task k = task_of(f, n, task_copy);

	k.at[1] = fast_read(f, n->u, phase, ORDER_LAST);
	if (u->uses == 1 && u->node >= 0 && f->node[u->node].kind != FAST_VIEW && u->root < 0 &&
	    !u->again && k.at[1].block >= 0 && f->block[k.at[1].block].given == NULL)
		return k.at[1];
	k.at[0] = fast_room(f, f->value[n->y].t, true);
	fast_task(f, phase, &k);
	return k.at[0];
}

static void
emit_conv(struct fast *f, struct fast_node *n)
{
	int phase = larger_of(fast_ready(f, n->x), n->u >= 0 ? fast_ready(f, n->u) : 0);
	struct task k = task_of(f, n, task_conv);
	const struct nn_tensor *x = f->value[n->x].t;

	k.at[1] = fast_dense(f, x, fast_read(f, n->x, phase, ORDER_LAST), phase);
	k.at[0] = n->u >= 0 ? start_sum(f, n, phase) : fast_room(f, f->value[n->y].t, true);
	n->phase = phase;
	fast_task(f, phase, &k);
	fast_store(f, n->y, phase, k.at[0], true);
}

static void
emit_gemm(struct fast *f, struct fast_node *n)
{
	int phase = fast_ready(f, n->x);
	struct task k = task_of(f, n, task_gemm);
	const struct nn_tensor *x = f->value[n->x].t;

	k.at[1] = fast_dense(f, x, fast_read(f, n->x, phase, ORDER_FIRST), phase);
	k.at[0] = fast_room(f, f->value[n->y].t, true);
	fast_task(f, phase, &k);
	fast_store(f, n->y, phase, k.at[0], false);
}

static void
emit_pool(struct fast *f, struct fast_node *n)
{
	int phase = fast_ready(f, n->x);
	struct task k = task_of(f, n, n->kind == FAST_POOL ? task_pool : task_global);
	const struct nn_tensor *x = f->value[n->x].t;

	k.at[1] = fast_dense(f, x, fast_read(f, n->x, phase, ORDER_LAST), phase);
	k.at[0] = fast_room(f, f->value[n->y].t, true);
	if (n->max && f->backward && fast_wanted(f, n->x))
		k.at[2] = n->which = fast_block(
		    f, (k.pixels * k.channels + 63) / 64 * 64, 0, false);
	if (n->kind == FAST_GLOBAL)
		k.pixels = fast_pixels(x);
	fast_task(f, phase, &k);
	fast_store(f, n->y, phase, k.at[0], true);
}

static void
emit_cheap(struct fast *f, struct fast_node *n)
{
	struct fast_value *y = value_of(f, n->y);
	struct place at;
	int phase;

	if (n->kind == FAST_AFFINE || n->kind == FAST_NORM)
		n->k = fast_coefficients(f, fast_channels(y->t));
	if (n->kind == FAST_NORM)
		fast_norm(f, n);
	if (y->again)
		return;
	phase = fast_cheap_ready(f, n);
	at = fast_room(f, y->t, true);
	fast_cheap(f, n, phase, at);
	fast_store(f, n->y, phase, at, y->last);
}

static void
emit_concat(struct fast *f, struct fast_node *n)
{
	const struct nn_node *node = n->step->node;
	struct fast_value *y = value_of(f, n->y), *root = &f->value[y->root];
	struct place to;
	int64_t skip = y->root_skip;
	int phase = 0;

	for (int i = 0; i < node->ins; i++)
		phase = larger_of(phase, fast_ready(f, node->in[i]));
	if (root->place.block < 0)
		root->place = fast_room(f, root->t, true);
	to = root->place;
	for (int i = 0; i < node->ins; i++) {
		struct fast_value *v = value_of(f, node->in[i]);
		struct task k = task_of(f, n, task_copy);

		k.channels = fast_channels(v->t);
		k.at[0] = to;
		k.at[0].skip = skip;
		skip += k.channels;
		if (!v->again && v->place.block == to.block && v->place.skip == k.at[0].skip)
			continue;
		k.at[1] = fast_read(f, node->in[i], phase, ORDER_LAST);
		fast_task(f, phase, &k);
	}
	to.skip = y->root_skip;
	y->phase = phase;
	y->place = to;
	fast_sum_up(f, n->y);
}

static void
emit_view(struct fast *f, struct fast_node *n)
{
	int phase = fast_ready(f, n->x);
	const struct nn_tensor *x = f->value[n->x].t;
	struct place at = fast_dense(f, x, fast_read(f, n->x, phase, ORDER_FIRST), phase);

	at.step = fast_channels(f->value[n->y].t);
	value_of(f, n->x)->uses++; /* the result is read from there: nobody may write over it */
	fast_store(f, n->y, phase, at, false);
}

static void
emit(struct fast *f, struct fast_node *n)
{
	switch (n->kind) {
	case FAST_CONV:
		emit_conv(f, n);
		break;
	case FAST_GEMM:
		emit_gemm(f, n);
		break;
	case FAST_AFFINE:
	case FAST_NORM:
	case FAST_ADD:
	case FAST_ACT:
		emit_cheap(f, n);
		break;
	case FAST_POOL:
	case FAST_GLOBAL:
		emit_pool(f, n);
		break;
	case FAST_CONCAT:
		emit_concat(f, n);
		break;
	case FAST_VIEW:
		emit_view(f, n);
		break;
	case FAST_PLAIN:
	case FAST_WHOLE:
		fast_plain(f, n);
		break;
	case FAST_GONE:
		return;
	}
	used(f, n);
}

/* Without gaps, and not in memory of the caller's. */
static struct place
own_copy(struct fast *f, const struct fast_value *v, struct place at, int phase)
{
	struct task k = {
		.run = task_copy, .pixels = fast_pixels(v->t), .channels = fast_channels(v->t)
	};

	struct place to;

	if (at.block < 0 || (at.step == k.channels && f->block[at.block].given == NULL))
		return at;
	to = k.at[0] = fast_room(f, v->t, true);
	k.at[1] = at;
	k.at[2] = k.at[3] = nowhere;
	if (v->t->type != NN_FLOAT) /* each a pair of floats to who copies */
		k.channels = k.at[0].step = k.at[1].step = 2 * k.channels;
	fast_task(f, phase, &k);
	return to;
}

/* Outputs stay until the next run, in ONNX's own order. */
static void
emit_outputs(struct fast *f)
{
	const struct nn_graph *g = f->plan->graph;

	f->output = fast_take(f, g->outputs * sizeof *f->output);
	for (size_t i = 0; !f->failed && i < g->outputs; i++) {
		int32_t value = g->output_value[i];
		struct fast_value *v = value_of(f, value);
		int phase = fast_ready(f, value);

		f->output[i] = fast_read(f, value, phase, ORDER_FIRST);
		if (v->batched)
			f->output[i] = own_copy(f, v, f->output[i], phase);
		if (f->output[i].block >= 0)
			f->block[f->output[i].block].for_ever = true;
	}
}

void
fast_emit_forward(struct fast *f)
{
	decide(f);
	for (size_t i = 0; i < f->nodes && !f->failed; i++)
		emit(f, &f->node[i]);
	emit_outputs(f);
	f->forward_phases = f->phases;
}
