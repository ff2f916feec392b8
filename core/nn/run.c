/*
 * Running a plan: steps in order, and back.
 */
#include "fast.h"
#include "kernel.h"
#include "relevance.h"

/* ---- One step ---------------------------------------------------------------------------- */

static int64_t
wrapped(enum nn_type type, int64_t x)
{
	switch (type) {
	case NN_INT32:
		return (int32_t)x;
	case NN_INT8:
		return (int8_t)x;
	case NN_UINT8:
		return (uint8_t)x;
	case NN_BOOL:
		return x != 0;
	case NN_INT64:
	case NN_FLOAT:
		return x;
	}
	abort();
}

/* Results of narrow types wrap as they would in their own width. */
static void
narrow(const struct nn_tensor *t)
{
	if (t == NULL || t->type == NN_FLOAT || t->type == NN_INT64)
		return;
	for (struct walk w = walk_over(t, 1, &t); w.n > 0; walk_next(&w))
		for (int64_t i = 0; i < w.n; i++) {
			int64_t *x = &wholes(t)[w.at[0] + i * w.by[0]];

			*x = wrapped(t->type, *x);
		}
}

bool
step_forward(struct ctx *c, struct nn_step *s)
{
	s->call.bad = NULL;
	if (s->conv != NULL)
		relevance_conv_step(s->conv, &s->call);
	else
		s->row->forward(&s->call);
	if (s->call.bad != NULL)
		return fail(c, E_INPUT, "%s", s->call.bad);
	for (int i = 0; i < s->call.outs; i++)
		narrow(s->call.out[i]);
	return true;
}

static void
step_backward(struct nn_step *s)
{
	struct nn_call *k = &s->call;

	for (int i = 0; i < k->ins; i++)
		if (k->fresh[i] && (s->row->flags & NN_FRESH) == 0)
			tensor_fill(k->din[i], 0);
	s->row->backward(k);
}

/* ---- Forward ----------------------------------------------------------------------------- */

/* The callers' arrays are read, never written: a value that shares one is never overwritten. */
static void *
readable(const void *p)
{
	void *q;

	memcpy(&q, &p, sizeof q);
	return q;
}

static void
bind_inputs(struct nn_plan *p, const void *const input[])
{
	const struct nn_graph *g = p->graph;

	for (size_t i = 0; i < g->inputs; i++)
		if (!p->value[g->input_value[i]].known)
			p->value[g->input_value[i]].t.data = readable(input[i]);
	for (size_t n = 0; n < p->steps; n++)
		for (int i = 0; i < p->step[n].node->outs; i++) {
			int32_t out = p->step[n].node->out[i], root = out;

			while (root >= 0 && p->value[root].same != root)
				root = p->value[root].same;
			if (root != out && g->value[root].source == NN_FROM_INPUT)
				p->value[out].t.data = p->value[root].t.data;
		}
}

static uint64_t
mixed(uint64_t x)
{
	x = (x ^ x >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	x = (x ^ x >> 27) * UINT64_C(0x94d049bb133111eb);
	return x ^ x >> 31;
}

/* Weights may live at the same place with other numbers; what was computed from them is redone. */
static bool
refresh(struct ctx *c, struct nn_plan *p)
{
	if (p->version == p->graph->version)
		return true;
	for (size_t n = 0; n < p->steps; n++)
		if (p->step[n].once && !step_forward(c, &p->step[n]))
			return node_fail(c, p->step[n].node);
	p->version = p->graph->version;
	return true;
}

bool
nn_forward(struct ctx *c, struct nn_plan *p, const void *const input[])
{
	uint64_t run = mixed(p->options.seed + ++p->runs * UINT64_C(0x9e3779b97f4a7c15));

	p->backward_due = false;
	bind_inputs(p, input);
	if (!refresh(c, p))
		return false;
	for (size_t n = 0; n < p->steps; n++) {
		struct nn_step *s = &p->step[n];

		s->call.seed = mixed(run + n);
		if (!s->once && p->fast == NULL && !step_forward(c, s))
			return node_fail(c, s->node);
	}
	if (p->fast != NULL && !fast_forward(c, p->fast))
		return false;
	p->backward_due = p->options.mode != NN_INFER;
	return true;
}

/* ---- Backward ---------------------------------------------------------------------------- */

/* Gradients from outside: those of the outputs, which may be one value more than once. */
void
plan_start_gradients(struct nn_plan *p, const float *const given[])
{
	const struct nn_graph *g = p->graph;

	for (size_t i = 0; i < g->outputs; i++) {
		struct plan_value *v = &p->value[g->output_value[i]];

		if (v->has_grad && g->value[g->output_value[i]].source != NN_FROM_WEIGHT)
			tensor_fill(&v->grad, 0);
	}
	for (size_t i = 0; i < g->outputs; i++) {
		struct plan_value *v = &p->value[g->output_value[i]];
		struct nn_tensor from = v->t;

		tensor_dense(&from);
		from.data = readable(given[i]);
		if (v->has_grad && given[i] != NULL)
			tensor_add(&v->grad, &from);
	}
}

bool
nn_backward(struct ctx *c, struct nn_plan *p, const float *const output_gradient[])
{
	if (!p->backward_due)
		return fail(c, E_INTERNAL, "backward without a forward run");
	p->backward_due = false;
	if (p->fast != NULL) {
		fast_backward(p->fast, output_gradient);
		return true;
	}
	plan_start_gradients(p, output_gradient);
	for (size_t n = p->steps; n-- > 0;)
		if (p->step[n].backward)
			step_backward(&p->step[n]);
	return true;
}
