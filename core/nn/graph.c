/*
 * The graph while it is made: its memory, its values, the constants that decoders give to nodes,
 * and its weights.
 */
#include "graph.h"
#include "kernel.h"

void *
graph_take(struct ctx *c, struct nn_graph *g, size_t size)
{
	struct ctx own = *c;
	void *p;

	own.mem = g->mem;
	p = take(&own, size);
	if (p == NULL)
		c->err = own.err;
	return p;
}

bool
graph_add_value(struct ctx *c, struct nn_graph *g, struct nn_value v, int32_t *ret)
{
	if (g->values == g->values_max) {
		size_t max = g->values_max * 2 + 64;
		struct nn_value *more = graph_take(c, g, max * sizeof *more);

		if (more == NULL)
			return false;
		if (g->values > 0)
			memcpy(more, g->value, g->values * sizeof *more);
		g->value = more;
		g->values_max = max;
	}
	*ret = (int32_t)g->values;
	g->value[g->values++] = v;
	return true;
}

bool
node_has_input(const struct nn_node *node, int at)
{
	return at < node->ins && node->in[at] >= 0;
}

static bool
node_set_input(struct ctx *c, struct nn_graph *g, struct nn_node *node, int at, int32_t value)
{
	if (at >= node->ins) {
		int32_t *in = graph_take(c, g, (size_t)(at + 1) * sizeof *in);

		if (in == NULL)
			return false;
		for (int i = 0; i < at; i++)
			in[i] = i < node->ins ? node->in[i] : -1;
		node->in = in;
		node->ins = at + 1;
	}
	node->in[at] = value;
	return true;
}

static bool
add_constant(struct ctx *c, struct nn_graph *g, struct nn_node *node, int at,
    const struct nn_tensor *shape, const void *data)
{
	size_t size = (size_t)nn_count(shape) * nn_type_size(shape->type);
	struct nn_tensor *t = graph_take(c, g, sizeof *t);
	struct nn_value v = { .source = NN_FROM_CONSTANT, .constant = t };
	int32_t value;

	if (t == NULL)
		return false;
	*t = *shape;
	tensor_dense(t);
	t->data = graph_take(c, g, size + 1);
	if (t->data == NULL)
		return false;
	if (size > 0)
		memcpy(t->data, data, size);
	return graph_add_value(c, g, v, &value) && node_set_input(c, g, node, at, value);
}

bool
node_add_ints(struct ctx *c, struct nn_graph *g, struct nn_node *node, int at,
    const int64_t *list, size_t n, int rank)
{
	struct nn_tensor shape = { .type = NN_INT64, .rank = rank, .dim = { (int64_t)n } };

	return add_constant(c, g, node, at, &shape, list);
}

bool
node_add_floats(struct ctx *c, struct nn_graph *g, struct nn_node *node, int at,
    const float *list, size_t n, int rank)
{
	struct nn_tensor shape = { .type = NN_FLOAT, .rank = rank, .dim = { (int64_t)n } };

	return add_constant(c, g, node, at, &shape, list);
}

bool
node_fail(struct ctx *c, const struct nn_node *node)
{
	enum err_code code = c->err.code;
	char text[sizeof c->err.text], name[64];
	struct buf b = BUF(name);
	struct str of = node->name;

	if (of.n > 40)
		of.n = 40;
	text_escape(&b, of);
	memcpy(text, c->err.text, sizeof text);
	if (node->op == OP_COUNT)
		return fail(c, code, "node %.*s: %s", STRF(buf_str(&b)), text);
	return fail(
	    c, code, "node %.*s (%s): %s", STRF(buf_str(&b)), nn_ops[node->op].onnx, text);
}

void
nn_graph_free(struct nn_graph **g)
{
	if (*g == NULL)
		return;
	for (size_t i = 0; i < (*g)->weights; i++)
		free((*g)->weight[i].data);
	arena_free(&(*g)->mem);
	free(*g);
	*g = NULL;
}

/* ---- Weights ----------------------------------------------------------------------------- */

static bool
weight_load(struct ctx *c, struct nn_weight *w, const struct onnx_tensor *from)
{
	size_t size = ((size_t)w->count * sizeof(float) + 64) & ~(size_t)63;
	float *data;

	if (w->data != NULL)
		return true;
	data = aligned_alloc(64, size);
	if (data == NULL)
		return fail(c, E_MEMORY, "no memory for %zu bytes of weights", size);
	w->data = data;
	return onnx_tensor_floats(c, from, data);
}

bool
graph_load_small(struct ctx *c, struct nn_graph *g, int64_t max)
{
	for (size_t i = 0; i < g->weights; i++)
		if (g->weight[i].count <= max &&
		    !weight_load(c, &g->weight[i], g->weight_from[i]))
			return false;
	return true;
}

bool
nn_graph_load(struct ctx *c, struct nn_graph *g, size_t max)
{
	size_t sum = 0;

	if (g->loaded)
		return true;
	for (size_t i = 0; i < g->weights; i++) {
		size_t size = (size_t)g->weight[i].count * sizeof(float);

		if (size > max - sum)
			return fail(c, E_LIMIT, "the weights have more than %zu bytes", max);
		sum += size;
	}
	if (!graph_load_small(c, g, INT64_MAX))
		return false;
	g->loaded = true;
	return true;
}

struct nn_weight *
nn_weights(struct nn_graph *g, size_t *ret_n)
{
	*ret_n = g->weights;
	return g->weight;
}

struct nn_weight *
nn_weight_by_name(struct nn_graph *g, struct str name)
{
	for (size_t i = 0; i < g->weights; i++)
		if (str_same(g->weight[i].name, name))
			return &g->weight[i];
	return NULL;
}

void
nn_graph_changed(struct nn_graph *g)
{
	g->version++;
}

const struct nn_port *
nn_inputs(const struct nn_graph *g, size_t *ret_n)
{
	*ret_n = g->inputs;
	return g->input;
}

const struct nn_port *
nn_outputs(const struct nn_graph *g, size_t *ret_n)
{
	*ret_n = g->outputs;
	return g->output;
}

bool
nn_batch_free(const struct nn_graph *g)
{
	for (size_t i = 0; i < g->inputs; i++)
		if (g->input[i].rank > 0 && g->input[i].dim[0] < 0)
			return true;
	return false;
}
