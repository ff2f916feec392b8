/*
 * Which gradients a plan needs. A value has one if it depends on something whose gradient is wanted
 * and if it matters for a real output; a step runs backward if it joins two such values.
 */
#include "plan.h"
#include "kernel.h"

/* A gradient comes to the value from some later step, or from outside. */
static bool
step_passes(const struct nn_plan *p, const struct nn_step *s)
{
	for (int i = 0; i < s->node->outs; i++)
		if (s->node->out[i] >= 0 && p->value[s->node->out[i]].has_grad)
			return true;
	return false;
}

static void
mark_step(struct nn_plan *p, struct nn_step *s)
{
	s->backward = false;
	if (s->once || !step_passes(p, s))
		return;
	for (int i = 0; i < s->node->ins; i++) {
		struct plan_value *v = s->node->in[i] < 0 ? NULL : &p->value[s->node->in[i]];

		if (v == NULL || !v->varies || !nn_mask(s->row->diff, i))
			continue;
		v->has_grad = true;
		s->backward = true;
	}
}

static void
bind_step(struct nn_plan *p, struct nn_step *s)
{
	struct nn_call *k = &s->call;

	for (int i = 0; s->backward && i < s->node->ins; i++) {
		struct plan_value *v = s->node->in[i] < 0 ? NULL : &p->value[s->node->in[i]];

		k->din[i] = v != NULL && v->has_grad && nn_mask(s->row->diff, i) ? &v->grad
										 : NULL;
	}
	for (int i = 0; s->backward && i < s->node->outs; i++) {
		struct plan_value *v = s->node->out[i] < 0 ? NULL : &p->value[s->node->out[i]];

		k->dout[i] = v != NULL && v->has_grad ? &v->grad : NULL;
	}
}

/* Relevance has no rule for some operators: none is made up. */
static bool
all_explained(struct ctx *c, const struct nn_plan *p)
{
	for (size_t n = 0; n < p->steps; n++)
		if (p->step[n].backward && p->step[n].row->relevance == NULL)
			return fail(c, E_INPUT, "no relevance is defined for %s",
				   p->step[n].row->onnx) ||
			    node_fail(c, p->step[n].node);
	return true;
}

bool
plan_trains(const struct nn_plan *p)
{
	return p->options.mode == NN_DIFFERENTIATE || p->options.mode == NN_TRAIN;
}

/* The last step that uses a value runs backward first: it finds the gradient empty. */
static void
mark_fresh(struct nn_plan *p, bool *begun)
{
	const struct nn_graph *g = p->graph;

	for (size_t n = p->steps; n-- > 0;) {
		struct nn_step *s = &p->step[n];

		for (int i = 0; s->backward && i < s->node->ins; i++) {
			int32_t in = s->node->in[i];

			if (s->call.din[i] == NULL || g->value[in].source == NN_FROM_WEIGHT)
				continue;
			s->call.fresh[i] = !p->value[in].is_output && !begun[in];
			begun[in] = true;
		}
	}
}

static bool
weight_gradients(struct ctx *c, struct nn_plan *p)
{
	const struct nn_graph *g = p->graph;

	p->weight_grad = plan_take(c, p, g->weights * sizeof *p->weight_grad + 1);
	if (p->weight_grad == NULL)
		return false;
	for (size_t i = 0; i < g->values; i++)
		p->value[i].grad = p->value[i].t;
	return true;
}

bool
plan_gradients(struct ctx *c, struct nn_plan *p)
{
	const struct nn_graph *g = p->graph;
	bool *begun = plan_take(c, p, g->values + 1);

	if (begun == NULL || !weight_gradients(c, p))
		return false;
	if (p->options.mode == NN_INFER)
		return true;
	for (size_t i = 0; i < g->outputs; i++) {
		struct plan_value *v = &p->value[g->output_value[i]];

		v->has_grad = v->varies && is_real(&v->t);
	}
	for (size_t n = p->steps; n-- > 0;)
		mark_step(p, &p->step[n]);
	for (size_t n = 0; n < p->steps; n++)
		bind_step(p, &p->step[n]);
	mark_fresh(p, begun);
	if (p->options.mode == NN_EXPLAIN)
		return all_explained(c, p) && plan_first_layers(c, p) && plan_folds(c, p);
	return true;
}
