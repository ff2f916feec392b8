/*
 * Plans: making them in their steps, and what can be asked of them.
 */
#include "fast.h"
#include "kernel.h"
#include "relevance.h"

#define MEMORY_STANDARD ((size_t)4 << 30)
#define MEMORY_TRIAL ((size_t)64 << 20)

static bool
plan_begin(struct ctx *c, struct nn_graph *g, const struct nn_options *o, struct nn_plan **ret)
{
	struct nn_plan *p = calloc(1, sizeof *p);

	if (p == NULL)
		return fail(c, E_MEMORY, "no memory for a plan");
	p->graph = g;
	p->options = *o;
	if (p->options.batch == 0)
		p->options.batch = 1;
	if (p->options.threads == 0)
		p->options.threads = 1;
	if (p->options.mode == NN_EXPLAIN)
		p->options.plain = p->options.input_gradients = true;
	if (p->options.memory_max == 0)
		p->options.memory_max = MEMORY_STANDARD;
	p->mem = arena_new(p->options.memory_max);
	if (p->mem == NULL) {
		free(p);
		return fail(c, E_MEMORY, "no memory for a plan");
	}
	*ret = p;
	return true;
}

void
nn_plan_free(struct nn_plan **p)
{
	if (*p == NULL)
		return;
	fast_free(&(*p)->fast);
	for (size_t n = 0; n < (*p)->steps; n++)
		relevance_conv_free(&(*p)->step[n].conv);
	free((*p)->memory);
	free((*p)->weight_grads);
	arena_free(&(*p)->mem);
	free(*p);
	*p = NULL;
}

bool
nn_plan_new(struct ctx *c, struct nn_graph *g, const struct nn_options *o, struct nn_plan **ret)
{
	owned(nn_plan_free) struct nn_plan *p = NULL;

	if (o->batch < 0 || o->threads < 0)
		return fail(c, E_INPUT, "a negative batch or number of threads");
	if (!plan_begin(c, g, o, &p) || !nn_graph_load(c, g, p->options.memory_max))
		return false;
	if (!plan_shape(c, p)) {
		if (c->err.code == E_ABSENT)
			c->err.code = E_INPUT;
		return false;
	}
	if (!plan_weight_gradients(c, p))
		return false;
	if (p->options.plain || !fast_fits(p)) {
		if (!plan_layout(c, p) || !plan_memory(c, p))
			return false;
		if (p->options.mode == NN_EXPLAIN && !plan_convolutions(c, p))
			return false;
	} else if (!fast_new(c, p, &p->fast)) {
		return false;
	}
	*ret = steal(p);
	return true;
}

/* Every free dimension that is not the batch could be anything: then only a real plan can tell. */
static bool
only_batch_free(const struct nn_graph *g)
{
	for (size_t i = 0; i < g->inputs; i++)
		for (int d = 1; d < g->input[i].rank; d++)
			if (g->input[i].dim[d] < 0)
				return false;
	return true;
}

/*
 * A shape that depends on what the model is given, or constants that need much memory, say nothing
 * against the graph: a real plan will.
 */
bool
plan_trial(struct ctx *c, struct nn_graph *g)
{
	const struct nn_options o = { .mode = NN_INFER, .memory_max = MEMORY_TRIAL };
	owned(nn_plan_free) struct nn_plan *p = NULL;

	if (!only_batch_free(g))
		return true;
	if (!plan_begin(c, g, &o, &p))
		return false;
	if (plan_shape(c, p))
		return true;
	if (c->err.code != E_ABSENT && !p->full)
		return false;
	c->err = (struct err){ 0 };
	return true;
}

size_t
nn_plan_memory(const struct nn_plan *p)
{
	return p->memory_size + p->weight_grads_size + arena_used(p->mem);
}

void
nn_plan_seed(struct nn_plan *p, uint64_t seed)
{
	p->options.seed = seed;
	p->runs = 0;
}

const struct nn_tensor *
nn_plan_input(const struct nn_plan *p, size_t i)
{
	return i < p->graph->inputs ? &p->value[p->graph->input_value[i]].t : NULL;
}

const struct nn_tensor *
nn_plan_output(const struct nn_plan *p, size_t i)
{
	return i < p->graph->outputs ? &p->value[p->graph->output_value[i]].t : NULL;
}

float *
nn_weight_gradient(struct nn_plan *p, size_t weight)
{
	return weight < p->graph->weights ? p->weight_grad[weight] : NULL;
}

const float *
nn_input_gradient(const struct nn_plan *p, size_t input)
{
	const struct plan_value *v = NULL;

	if (input < p->graph->inputs)
		v = &p->value[p->graph->input_value[input]];
	if (v == NULL || !v->has_grad)
		return NULL;
	return p->fast != NULL ? fast_input_gradient(p->fast, input) : v->grad.data;
}

void
nn_gradients_clear(struct nn_plan *p)
{
	memset(p->weight_grads, 0, p->weight_grads_size);
}
