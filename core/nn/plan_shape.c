/*
 * The first step of a plan: the shape of every value, for one batch size. What depends on constants
 * and shapes alone is computed right here, so that Reshape and its like find their numbers; what
 * depends on weights alone is computed too, and again when they change.
 */
#include "plan.h"
#include "kernel.h"

void *
plan_take(struct ctx *c, struct nn_plan *p, size_t size)
{
	struct ctx own = *c;
	void *got;

	own.mem = p->mem;
	got = take(&own, size);
	if (got == NULL) {
		p->full = true;
		c->err = own.err;
		c->err.code = E_LIMIT;
	}
	return got;
}

/* ---- What the graph brings --------------------------------------------------------------- */

static void
weight_value(struct nn_plan *p, size_t i, struct plan_value *v)
{
	const struct nn_weight *w = &p->graph->weight[i];

	v->t = (struct nn_tensor){ .type = NN_FLOAT, .data = w->data };
	for (int d = 0; d < w->rank; d++)
		shape_push(&v->t, w->dim[d]);
	tensor_dense(&v->t);
	v->known = v->once = w->data != NULL;
	v->varies = plan_trains(p) && w->trainable;
}

static bool
start_values(struct ctx *c, struct nn_plan *p)
{
	const struct nn_graph *g = p->graph;

	p->value = plan_take(c, p, g->values * sizeof *p->value + 1);
	p->step = plan_take(c, p, g->nodes * sizeof *p->step + 1);
	if (p->value == NULL || p->step == NULL)
		return false;
	for (size_t i = 0; i < g->values; i++) {
		struct plan_value *v = &p->value[i];

		v->same = v->grad_same = (int32_t)i;
		if (g->value[i].source == NN_FROM_WEIGHT) {
			weight_value(p, g->value[i].index, v);
		} else if (g->value[i].source == NN_FROM_CONSTANT) {
			v->t = *g->value[i].constant;
			v->known = true;
		}
	}
	return true;
}

/* Back from the outputs: what nobody needs is not computed. */
static void
mark_needed(struct nn_plan *p)
{
	const struct nn_graph *g = p->graph;

	for (size_t i = 0; i < g->outputs; i++) {
		p->value[g->output_value[i]].needed = true;
		p->value[g->output_value[i]].is_output = true;
	}
	for (size_t n = g->nodes; n-- > 0;) {
		const struct nn_node *node = &g->node[n];
		bool needed = false;

		for (int i = 0; i < node->outs; i++)
			needed |= node->out[i] >= 0 && p->value[node->out[i]].needed;
		for (int i = 0; needed && i < node->ins; i++)
			if (node->in[i] >= 0)
				p->value[node->in[i]].needed = true;
	}
}

static bool
node_needed(const struct nn_plan *p, const struct nn_node *node)
{
	for (int i = 0; i < node->outs; i++)
		if (node->out[i] >= 0 && p->value[node->out[i]].needed)
			return true;
	return false;
}

/* ---- One node ---------------------------------------------------------------------------- */

static bool
call_new(struct ctx *c, struct nn_plan *p, const struct nn_node *node, struct nn_call *k)
{
	size_t n = (size_t)(node->ins + node->outs);
	struct nn_tensor **list = plan_take(c, p, 2 * n * sizeof *list + 1);

	*k = (struct nn_call){ .attr = node->attr, .ins = node->ins, .outs = node->outs };
	k->fresh = plan_take(c, p, (size_t)node->ins * sizeof *k->fresh + 1);
	if (list == NULL || k->fresh == NULL)
		return false;
	k->in = list;
	k->out = list + node->ins;
	k->din = list + n;
	k->dout = list + n + node->ins;
	k->training = p->options.mode == NN_TRAIN;
	for (int i = 0; i < node->ins; i++)
		k->in[i] = node->in[i] < 0 ? NULL : &p->value[node->in[i]].t;
	for (int i = 0; i < node->outs; i++)
		k->out[i] = node->out[i] < 0 ? NULL : &p->value[node->out[i]].t;
	return true;
}

static bool
check_output(struct ctx *c, struct nn_tensor *t)
{
	if (t->rank > NN_RANK_MAX)
		return fail(c, E_LIMIT, "a result of rank %d", t->rank);
	if (!tensor_bounded(t))
		return fail(c, E_LIMIT, "the result is too large");
	tensor_dense(t);
	return true;
}

static bool
shape_of(struct ctx *c, struct nn_step *s)
{
	if ((s->row->flags & NN_REAL) != 0 && !is_real(s->call.in[0]))
		return fail(c, E_INPUT, "the input has to be real");
	/* A first output that nobody names is still where the kernel writes. */
	if (s->call.out[0] == NULL && (s->row->flags & NN_ALL_OUT) == 0)
		return fail(c, E_INPUT, "the first output has no name");
	if (!s->row->shape(c, &s->call))
		return false;
	for (int i = 0; i < s->call.outs; i++)
		if (s->call.out[i] != NULL && !check_output(c, s->call.out[i]))
			return false;
	return true;
}

/* What a node's outputs inherit from its inputs. */
static void
inherit(struct nn_plan *p, const struct nn_step *s, bool *ret_known, bool *ret_once)
{
	bool known = true, once = false, varies = false;

	for (int i = 0; i < s->node->ins; i++) {
		const struct plan_value *v;

		if (s->node->in[i] < 0)
			continue;
		v = &p->value[s->node->in[i]];
		known = known && v->known && !v->varies;
		once = once || v->once;
		varies = varies || (v->varies && nn_mask(s->row->diff, i));
	}
	if ((s->row->flags & NN_OF_SHAPE) != 0) {
		known = true;
		once = false;
	}
	*ret_known = known && !((s->row->flags & NN_RANDOM) != 0 && s->call.training);
	*ret_once = once;
	for (int i = 0; i < s->node->outs; i++)
		if (s->node->out[i] >= 0)
			p->value[s->node->out[i]].varies = varies && is_real(s->call.out[i]) &&
			    (i == 0 || (s->row->flags & NN_ALL_OUT) != 0);
}

/* Runs a node whose inputs are known; the result stays in the plan's own memory. */
static bool
fold(struct ctx *c, struct nn_plan *p, struct nn_step *s, bool once)
{
	s->call.saved = plan_take(c, p, s->call.saved_bytes + 1);
	s->call.scratch = plan_take(c, p, s->call.scratch_bytes + 1);
	if (s->call.saved == NULL || s->call.scratch == NULL)
		return false;
	for (int i = 0; i < s->node->outs; i++) {
		struct nn_tensor *t = s->call.out[i];

		if (t == NULL)
			continue;
		t->data = plan_take(c, p, (size_t)nn_count(t) * nn_type_size(t->type) + 1);
		if (t->data == NULL)
			return false;
		p->value[s->node->out[i]].known = true;
		p->value[s->node->out[i]].once = once;
	}
	return step_forward(c, s);
}

static bool
shape_node(struct ctx *c, struct nn_plan *p, const struct nn_node *node)
{
	struct nn_step *s = &p->step[p->steps];
	bool known, once;

	*s = (struct nn_step){ .node = node, .row = &nn_ops[node->op] };
	if (!call_new(c, p, node, &s->call) || !shape_of(c, s))
		return false;
	inherit(p, s, &known, &once);
	if (known && !fold(c, p, s, once))
		return false;
	s->once = known && once;
	if (!known || once)
		p->steps++;
	return true;
}

bool
plan_shape(struct ctx *c, struct nn_plan *p)
{
	const struct nn_graph *g = p->graph;

	if (!start_values(c, p) || !plan_inputs(c, p))
		return false;
	mark_needed(p);
	for (size_t i = 0; i < g->nodes; i++)
		if (node_needed(p, &g->node[i]) && !shape_node(c, p, &g->node[i]))
			return node_fail(c, &g->node[i]);
	p->version = g->version;
	return plan_gradients(c, p);
}
