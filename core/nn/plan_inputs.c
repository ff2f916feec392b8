/*
 * The shapes of a plan's inputs: the free first dimensions are the batch, other free ones are given
 * by name.
 */
#include "plan.h"
#include "kernel.h"

/* True if some input's first dimension has this name, so that it means the batch everywhere. */
static bool
is_batch(const struct nn_graph *g, struct str symbol)
{
	for (size_t i = 0; symbol.n > 0 && i < g->inputs; i++)
		if (g->input[i].rank > 0 && g->input[i].dim[0] < 0 &&
		    str_same(g->input[i].symbol[0], symbol))
			return true;
	return false;
}

static bool
free_dimension(
    struct ctx *c, const struct nn_plan *p, const struct nn_port *port, int d, int64_t *ret)
{
	const struct nn_options *o = &p->options;
	struct str symbol = port->symbol[d];

	for (size_t i = 0; i < o->symbols; i++)
		if (symbol.n > 0 && str_same(o->symbol[i].name, symbol)) {
			*ret = o->symbol[i].value;
			return true;
		}
	if (d == 0 || is_batch(p->graph, symbol)) {
		*ret = o->batch;
		return true;
	}
	return fail(c, E_INPUT, "dimension %d of input %.*s is free: it has to be given", d,
	    (int)(port->name.n > 40 ? 40 : port->name.n), port->name.p);
}

static bool
input_shape(
    struct ctx *c, const struct nn_plan *p, const struct nn_port *port, struct nn_tensor *t)
{
	*t = (struct nn_tensor){ .type = port->type };
	for (int d = 0; d < port->rank; d++) {
		int64_t dim = port->dim[d];

		if (dim < 0 && !free_dimension(c, p, port, d, &dim))
			return false;
		shape_push(t, dim);
	}
	if (!tensor_bounded(t))
		return fail(c, E_LIMIT, "an input is too large");
	tensor_dense(t);
	return true;
}

/* A value that the caller fixed is a constant from now on. */
static bool
fix_input(struct ctx *c, struct nn_plan *p, struct plan_value *v, const void *data)
{
	size_t size = (size_t)nn_count(&v->t) * nn_type_size(v->t.type);

	v->t.data = plan_take(c, p, size + 1);
	if (v->t.data == NULL)
		return false;
	if (size > 0)
		memcpy(v->t.data, data, size);
	v->known = true;
	v->varies = false;
	return true;
}

bool
plan_inputs(struct ctx *c, struct nn_plan *p)
{
	const struct nn_graph *g = p->graph;

	if (p->options.batch > 1 && g->inputs > 0 && !nn_batch_free(g) &&
	    g->input[0].rank > 0 && g->input[0].dim[0] != p->options.batch)
		return fail(c, E_INPUT,
		    "the model is for a batch of %lld only: export it with a free batch size",
		    (long long)g->input[0].dim[0]);
	for (size_t i = 0; i < g->inputs; i++) {
		struct plan_value *v = &p->value[g->input_value[i]];

		if (!input_shape(c, p, &g->input[i], &v->t))
			return false;
		v->varies = p->options.input_gradients && p->options.mode != NN_INFER &&
		    is_real(&v->t);
		if (p->options.known != NULL && p->options.known[i] != NULL &&
		    !fix_input(c, p, v, p->options.known[i]))
			return false;
	}
	return true;
}
