/*
 * From a model to a graph: names become numbers, constants become values, every node finds its row
 * and has its attributes decoded. A trial plan then checks that everything fits.
 */
#include "plan.h"
#include "kernel.h"
#include "attrs.h"

/* Weights of so many numbers are read at once: shapes may depend on them. */
enum { SMALL_WEIGHT = 4096 };
#define GRAPH_MEMORY ((size_t)1 << 30)

/* ---- Names ------------------------------------------------------------------------------- */

/* Open addressing; a slot holds a value's number and one. */
struct names {
	const struct nn_graph *g;
	uint32_t *slot;
	size_t mask;
	uint64_t key;
};

static size_t
first_slot(const struct names *n, struct str name)
{
	uint64_t h = n->key;

	for (size_t i = 0; i < name.n; i++)
		h = (h ^ (unsigned char)name.p[i]) * UINT64_C(0x100000001b3);
	return (size_t)(h ^ h >> 29) & n->mask;
}

static bool
names_new(struct ctx *c, const struct nn_graph *g, size_t count, struct names *ret)
{
	size_t size = 64;

	while (size < count * 2)
		size *= 2;
	*ret = (struct names){ g, take(c, size * sizeof *ret->slot), size - 1, 0 };
	if (ret->slot == NULL)
		return false;
	c->random(&ret->key, sizeof ret->key);
	return true;
}

/* The slot of the name, or the free one where it would be. */
static uint32_t *
names_find(const struct names *n, struct str name)
{
	size_t i = first_slot(n, name);

	while (n->slot[i] != 0 && !str_same(n->g->value[n->slot[i] - 1].name, name))
		i = (i + 1) & n->mask;
	return &n->slot[i];
}

static bool
add_named(struct ctx *c, struct nn_graph *g, struct names *n, struct nn_value v, int32_t *ret)
{
	uint32_t *slot = names_find(n, v.name);

	if (*slot != 0)
		return fail(c, E_INPUT, "two values are named %.*s",
		    (int)(v.name.n > 40 ? 40 : v.name.n), v.name.p);
	if (!graph_add_value(c, g, v, ret))
		return false;
	*slot = (uint32_t)*ret + 1;
	return true;
}

static bool
value_of(struct ctx *c, const struct names *n, struct str name, int32_t *ret)
{
	uint32_t slot = name.n == 0 ? 0 : *names_find(n, name);

	if (slot == 0 && name.n != 0)
		return fail(c, E_INPUT, "an input comes from nowhere");
	*ret = (int32_t)slot - 1;
	return true;
}

/* ---- Inputs, weights, constants ---------------------------------------------------------- */

static bool
read_port(struct ctx *c, const struct onnx_value *from, bool input, struct nn_port *ret)
{
	*ret = (struct nn_port){ .name = from->name, .rank = from->rank };
	if (input && from->rank < 0)
		return fail(c, E_INPUT, "an input has no shape");
	if ((input || from->type != 0) && !type_of(c, (int64_t)from->type, &ret->type))
		return false;
	for (int d = 0; d < from->rank; d++) {
		ret->dim[d] = from->dim[d];
		ret->symbol[d] = from->symbol[d];
		if (from->dim[d] > COUNT_MAX)
			return fail(c, E_LIMIT, "a dimension of %lld", (long long)from->dim[d]);
	}
	return true;
}

static bool
read_inputs(struct ctx *c, struct nn_graph *g, struct names *names, const struct onnx_model *m)
{
	g->input = graph_take(c, g, m->inputs * sizeof *g->input + 1);
	g->input_value = graph_take(c, g, m->inputs * sizeof *g->input_value + 1);
	if (g->input == NULL || g->input_value == NULL)
		return false;
	for (size_t i = 0; i < m->inputs; i++) {
		const struct nn_value v = { m->input[i].name, NN_FROM_INPUT, i, NULL };

		if (!read_port(c, &m->input[i], true, &g->input[i]) ||
		    !add_named(c, g, names, v, &g->input_value[i]))
			return false;
		g->inputs++;
	}
	return true;
}

static bool
add_weight(struct ctx *c, struct nn_graph *g, struct names *names, struct str name,
    const struct onnx_tensor *t)
{
	const struct nn_value v = { name, NN_FROM_WEIGHT, g->weights, NULL };
	struct nn_weight *w = &g->weight[g->weights];
	int32_t value;

	if (t->count > COUNT_MAX)
		return fail(c, E_LIMIT, "a tensor of %lld numbers", (long long)t->count);
	*w = (struct nn_weight){ .name = name, .rank = t->rank, .count = t->count };
	for (int d = 0; d < t->rank; d++)
		w->dim[d] = t->dim[d];
	g->weight_from[g->weights++] = t;
	return add_named(c, g, names, v, &value);
}

static bool
add_whole(struct ctx *c, struct nn_graph *g, struct names *names, struct str name,
    const struct onnx_tensor *t, enum nn_type type)
{
	struct nn_tensor *own = graph_take(c, g, sizeof *own);
	const struct nn_value v = { name, NN_FROM_CONSTANT, 0, own };
	int32_t value;

	if (own == NULL)
		return false;
	own->type = type;
	for (int d = 0; d < t->rank; d++)
		shape_push(own, t->dim[d]);
	tensor_dense(own);
	own->data = graph_take(c, g, (size_t)t->count * sizeof(int64_t) + 1);
	return own->data != NULL && onnx_tensor_ints(c, t, own->data) &&
	    add_named(c, g, names, v, &value);
}

static bool
add_tensor(struct ctx *c, struct nn_graph *g, struct names *names, struct str name,
    const struct onnx_tensor *t)
{
	enum nn_type type;

	if (!type_of(c, (int64_t)t->type, &type))
		return false;
	return type == NN_FLOAT ? add_weight(c, g, names, name, t)
				: add_whole(c, g, names, name, t, type);
}

/* Lists of numbers in a Constant node's attributes. */
static bool
add_list(struct ctx *c, struct nn_graph *g, struct names *names, struct str name,
    const struct onnx_attr *a)
{
	bool real = a->type == ONNX_ATTR_FLOAT || a->type == ONNX_ATTR_FLOATS;
	bool single = a->type == ONNX_ATTR_FLOAT || a->type == ONNX_ATTR_INT;
	size_t n = single ? 1 : a->n;
	struct nn_node holder = { 0 };
	struct nn_value v;
	int32_t value;
	bool done;

	if (!real && a->type != ONNX_ATTR_INT && a->type != ONNX_ATTR_INTS)
		return fail(c, E_INPUT, "a constant of an unknown kind");
	done = real ? node_add_floats(c, g, &holder, 0, single ? &a->f : a->floats, n, !single)
		    : node_add_ints(c, g, &holder, 0, single ? &a->i : a->ints, n, !single);
	if (!done)
		return false;
	v = g->value[holder.in[0]];
	v.name = name;
	return add_named(c, g, names, v, &value);
}

static bool
read_constant(struct ctx *c, struct nn_graph *g, struct names *names, const struct onnx_node *n)
{
	static const char *const lists[] = { "value_float", "value_floats", "value_int",
		"value_ints" };
	const struct onnx_attr *a = onnx_attr_by_name(n, "value");

	if (n->outputs != 1)
		return fail(c, E_INPUT, "a constant has one output");
	if (a != NULL && a->type == ONNX_ATTR_TENSOR && a->tensor != NULL) {
		size_t before = g->weights;

		if (!add_tensor(c, g, names, n->output[0], a->tensor))
			return false;
		if (g->weights > before)
			g->weight[before].constant = true;
		return true;
	}
	for (size_t i = 0; i < COUNT(lists); i++)
		if (onnx_attr_by_name(n, lists[i]) != NULL)
			return add_list(
			    c, g, names, n->output[0], onnx_attr_by_name(n, lists[i]));
	return fail(c, E_INPUT, "a constant of an unknown kind");
}

static bool
read_weights(struct ctx *c, struct nn_graph *g, struct names *names, const struct onnx_model *m)
{
	size_t max = m->tensors + m->nodes + 1;

	g->weight = graph_take(c, g, max * sizeof *g->weight);
	g->weight_from = graph_take(c, g, max * sizeof *g->weight_from);
	if (g->weight == NULL || g->weight_from == NULL)
		return false;
	for (size_t i = 0; i < m->tensors; i++)
		if (!add_tensor(c, g, names, m->tensor[i].name, &m->tensor[i]))
			return false;
	return true;
}

/* ---- Nodes ------------------------------------------------------------------------------- */

static bool
op_of(struct ctx *c, const struct onnx_node *n, enum nn_op *ret)
{
	for (int op = 0; op < OP_COUNT; op++)
		if (str_same(n->op, str_of(nn_ops[op].onnx))) {
			*ret = (enum nn_op)op;
			return true;
		}
	*ret = OP_COUNT;
	return fail(c, E_INPUT, "operator %.*s is not supported",
	    (int)(n->op.n > 40 ? 40 : n->op.n), n->op.p);
}

static bool
check_arity(struct ctx *c, const struct nn_node *node)
{
	const struct nn_row *row = &nn_ops[node->op];

	if (node->ins < row->in_min || node->ins > row->in_max || node->outs < 1 ||
	    node->outs > row->out_max)
		return fail(c, E_INPUT, "%d inputs and %d outputs", node->ins, node->outs);
	for (int i = 0; i < row->in_min; i++)
		if (node->in[i] < 0)
			return fail(c, E_INPUT, "input %d is missing", i);
	return true;
}

static bool
find_inputs(struct ctx *c, struct nn_graph *g, struct names *names, struct nn_node *node,
    const struct onnx_node *n)
{
	node->ins = (int)n->inputs;
	node->in = graph_take(c, g, n->inputs * sizeof *node->in + 1);
	if (node->in == NULL)
		return false;
	for (size_t i = 0; i < n->inputs; i++)
		if (!value_of(c, names, n->input[i], &node->in[i]))
			return false;
	return true;
}

static bool
add_outputs(struct ctx *c, struct nn_graph *g, struct names *names, struct nn_node *node,
    const struct onnx_node *n)
{
	node->out = graph_take(c, g, n->outputs * sizeof *node->out + 1);
	if (node->out == NULL)
		return false;
	for (size_t i = 0; i < n->outputs; i++) {
		const struct nn_value v = { n->output[i], NN_FROM_NODE, g->nodes, NULL };

		node->out[i] = -1;
		if (v.name.n > 0 && !add_named(c, g, names, v, &node->out[i]))
			return false;
	}
	return true;
}

/* Weights in a parameter's place are trained unless somebody decides otherwise. */
static void
mark_parameters(struct nn_graph *g, const struct nn_node *node)
{
	for (int i = 0; i < node->ins; i++) {
		const struct nn_value *v = node->in[i] < 0 ? NULL : &g->value[node->in[i]];

		if (v != NULL && v->source == NN_FROM_WEIGHT &&
		    nn_mask(nn_ops[node->op].param, i) && !g->weight[v->index].constant)
			g->weight[v->index].trainable = true;
	}
}

static bool
read_node(struct ctx *c, struct nn_graph *g, struct names *names, const struct onnx_node *n)
{
	struct nn_node *node = &g->node[g->nodes];

	node->name = n->name;
	for (size_t i = 0; node->name.n == 0 && i < n->outputs; i++)
		node->name = n->output[i];
	if (!op_of(c, n, &node->op))
		return node_fail(c, node);
	if (node->op == OP_CONSTANT)
		return read_constant(c, g, names, n) || node_fail(c, node);
	node->outs = (int)n->outputs;
	if (!find_inputs(c, g, names, node, n) ||
	    (nn_ops[node->op].decode != NULL && !nn_ops[node->op].decode(c, g, node, n)) ||
	    !check_arity(c, node) || !add_outputs(c, g, names, node, n))
		return node_fail(c, node);
	mark_parameters(g, node);
	g->nodes++;
	return true;
}

static bool
read_nodes(struct ctx *c, struct nn_graph *g, struct names *names, const struct onnx_model *m)
{
	g->node = graph_take(c, g, m->nodes * sizeof *g->node + 1);
	if (g->node == NULL)
		return false;
	for (size_t i = 0; i < m->nodes; i++)
		if (!read_node(c, g, names, &m->node[i]))
			return false;
	return true;
}

static bool
read_outputs(struct ctx *c, struct nn_graph *g, struct names *names, const struct onnx_model *m)
{
	g->output = graph_take(c, g, m->outputs * sizeof *g->output + 1);
	g->output_value = graph_take(c, g, m->outputs * sizeof *g->output_value + 1);
	if (g->output == NULL || g->output_value == NULL)
		return false;
	for (size_t i = 0; i < m->outputs; i++) {
		if (!read_port(c, &m->output[i], false, &g->output[i]) ||
		    !value_of(c, names, m->output[i].name, &g->output_value[i]))
			return false;
		if (g->output_value[i] < 0)
			return fail(c, E_INPUT, "an output has no name");
		g->outputs++;
	}
	return true;
}

/* ---- The whole --------------------------------------------------------------------------- */

static size_t
names_of(const struct onnx_model *m)
{
	size_t n = m->inputs + m->tensors;

	for (size_t i = 0; i < m->nodes; i++)
		n += m->node[i].outputs;
	return n;
}

static bool
graph_new(struct ctx *c, const struct onnx_model *m, struct nn_graph **ret)
{
	struct nn_graph *g = calloc(1, sizeof *g);

	if (g == NULL)
		return fail(c, E_MEMORY, "no memory for a graph");
	g->mem = arena_new(GRAPH_MEMORY);
	if (g->mem == NULL) {
		free(g);
		return fail(c, E_MEMORY, "no memory for a graph");
	}
	g->model = m;
	g->opset = m->opset;
	*ret = g;
	return true;
}

bool
nn_import(struct ctx *c, const struct onnx_model *m, struct nn_graph **ret)
{
	owned(nn_graph_free) struct nn_graph *g = NULL;
	struct names names;

	if (!graph_new(c, m, &g) || !names_new(c, g, names_of(m), &names) ||
	    !read_inputs(c, g, &names, m) || !read_weights(c, g, &names, m) ||
	    !read_nodes(c, g, &names, m) || !read_outputs(c, g, &names, m) ||
	    !graph_load_small(c, g, SMALL_WEIGHT) || !plan_trial(c, g))
		return false;
	*ret = steal(g);
	return true;
}
