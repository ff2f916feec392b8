/*
 * One class more, or the last one less: the layer that makes a number of each class gets another
 * row, or loses one; the rest of the file stays as it is. Walks back from the output over what only
 * passes numbers on (Softmax, Flatten, a pooling over all positions), over the Add of a bias, to
 * the Gemm, MatMul or 1x1 Conv whose weights hold one row a class.
 */
#include <math.h>

#include "parts.h"

#define NEW_ROW 0.01 /* deviation of the new weights */

/* The layer that is widened. */
struct head {
	const struct onnx_node *node, *add; /* add: NULL if there is none */
	const struct onnx_tensor *weight, *bias;
	int axis; /* of the weight, along which the classes lie */
	int64_t classes;
};

/* ---- Finding it -------------------------------------------------------------------------- */

static const struct onnx_node *
maker(const struct onnx_model *m, struct str name)
{
	for (size_t i = 0; i < m->nodes; i++)
		for (size_t k = 0; k < m->node[i].outputs; k++)
			if (str_same(m->node[i].output[k], name))
				return &m->node[i];
	return NULL;
}

/* How often a value is read. */
static int
readers(const struct onnx_model *m, struct str name)
{
	int n = 0;

	for (size_t i = 0; i < m->nodes; i++)
		for (size_t k = 0; k < m->node[i].inputs; k++)
			n += str_same(m->node[i].input[k], name);
	return n;
}

static bool
is_op(const struct onnx_node *n, const char *op)
{
	return str_same(n->op, str_of(op));
}

/* Does the node keep one number a class, whatever their count is? */
static bool
passes_on(const struct onnx_node *n)
{
	static const char *const ops[] = { "Softmax", "LogSoftmax", "Sigmoid", "Identity",
		"Flatten", "Squeeze", "GlobalAveragePool", "GlobalMaxPool", "ReduceMean",
		"Dropout", "Cast" };

	for (size_t i = 0; i < COUNT(ops); i++)
		if (is_op(n, ops[i]))
			return true;
	return false;
}

MUST static bool
in_the_way(struct ctx *c, const struct onnx_node *n, const char *why)
{
	struct str name = n->name.n > 0 ? n->name : n->output[0];

	return fail(c, E_INPUT,
	    "no class can be added to this model: %.*s '%.*s' is in the way (%s)", STRF(n->op),
	    (int)(name.n > 60 ? 60 : name.n), name.p, why);
}

/* An initializer that nobody else reads. */
MUST static bool
own_tensor(struct ctx *c, const struct onnx_model *m, const struct onnx_node *n,
    struct str name, const struct onnx_tensor **ret)
{
	*ret = onnx_tensor_by_name(m, name);
	if (*ret == NULL)
		return in_the_way(c, n, "its weights are no initializer");
	if (readers(m, name) != 1)
		return in_the_way(c, n, "its weights are used elsewhere too");
	return true;
}

/* A bias of one number a class; NULL for one that is the same for all. */
MUST static bool
bias_of(struct ctx *c, const struct onnx_model *m, const struct onnx_node *n, struct str name,
    struct head *h)
{
	const struct onnx_tensor *t = NULL;

	if (!own_tensor(c, m, n, name, &t))
		return false;
	if (t->count == 1)
		return true;
	if (t->count != h->classes || t->dim[t->rank - 1] != h->classes)
		return in_the_way(c, n, "its bias is not one number a class");
	h->bias = t;
	return true;
}

MUST static bool
gemm_head(struct ctx *c, const struct onnx_model *m, struct head *h)
{
	int64_t turned = 0;

	if (!own_tensor(c, m, h->node, h->node->input[1], &h->weight) ||
	    !onnx_attr_int(c, h->node, "transB", 0, &turned))
		return false;
	if (h->weight->rank != 2)
		return in_the_way(c, h->node, "its weights are no matrix");
	h->axis = turned != 0 ? 0 : 1;
	h->classes = h->weight->dim[h->axis];
	return h->node->inputs < 3 || h->node->input[2].n == 0 ||
	    bias_of(c, m, h->node, h->node->input[2], h);
}

MUST static bool
conv_head(struct ctx *c, const struct onnx_model *m, struct head *h)
{
	int64_t group = 0;

	if (!own_tensor(c, m, h->node, h->node->input[1], &h->weight) ||
	    !onnx_attr_int(c, h->node, "group", 1, &group))
		return false;
	for (int i = 2; i < h->weight->rank; i++)
		if (h->weight->dim[i] != 1)
			return in_the_way(c, h->node, "it is larger than 1x1");
	if (h->weight->rank < 3 || group != 1)
		return in_the_way(c, h->node, "it is in groups");
	h->axis = 0;
	h->classes = h->weight->dim[0];
	return h->node->inputs < 3 || h->node->input[2].n == 0 ||
	    bias_of(c, m, h->node, h->node->input[2], h);
}

MUST static bool
matmul_head(struct ctx *c, const struct onnx_model *m, struct head *h)
{
	if (!own_tensor(c, m, h->node, h->node->input[1], &h->weight))
		return false;
	if (h->weight->rank != 2)
		return in_the_way(c, h->node, "its weights are no matrix");
	h->axis = 1;
	h->classes = h->weight->dim[1];
	if (h->add == NULL)
		return true;
	return bias_of(c, m, h->add,
	    h->add->input[onnx_tensor_by_name(m, h->add->input[1]) != NULL ? 1 : 0], h);
}

/* Back over the Add of a bias, to the product that it is added to. */
MUST static bool
over_add(struct ctx *c, const struct onnx_model *m, struct head *h)
{
	const struct onnx_node *add = h->node;
	int side = onnx_tensor_by_name(m, add->input[1]) != NULL ? 0 : 1;

	h->add = add;
	h->node = maker(m, add->input[side]);
	if (h->node == NULL || !is_op(h->node, "MatMul") || readers(m, add->input[side]) != 1)
		return in_the_way(c, add, "it adds no bias to a MatMul");
	return true;
}

MUST static bool
find_head(struct ctx *c, const struct onnx_model *m, struct head *ret)
{
	struct str at = m->outputs > 0 ? m->output[0].name : (struct str){ 0 };
	struct head h = { 0 };

	while ((h.node = maker(m, at)) != NULL && passes_on(h.node)) {
		at = h.node->input[0];
		if (readers(m, at) != 1)
			return in_the_way(c, h.node, "what it takes is used elsewhere too");
	}
	if (h.node == NULL)
		return fail(c, E_INPUT, "the model's output comes from nowhere");
	if (is_op(h.node, "Add") && !over_add(c, m, &h))
		return false;
	*ret = h;
	if (is_op(h.node, "Gemm"))
		return gemm_head(c, m, ret);
	if (is_op(h.node, "MatMul"))
		return matmul_head(c, m, ret);
	if (is_op(h.node, "Conv"))
		return conv_head(c, m, ret);
	return in_the_way(c, h.node, "a Gemm, a MatMul with an Add, or a 1x1 Conv is needed");
}

/* ---- Widening it ------------------------------------------------------------------------- */

/*
 * The tensor with `classes` + 1 instead of `classes` along the axis; the new numbers are normal
 * with that deviation.
 */
MUST static bool
widen(struct ctx *c, const struct onnx_tensor *t, int axis, double deviation, uint64_t seed,
    struct onnx_new_tensor *ret)
{
	int64_t outer = 1, inner = 1, n = t->dim[axis];
	float *old = take(c, (size_t)t->count * sizeof *old), *new;
	struct chance chance = chance_of(seed, CHANCE_HEAD, (uint64_t)axis, 0);

	for (int i = 0; i < axis; i++)
		outer *= t->dim[i];
	for (int i = axis + 1; i < t->rank; i++)
		inner *= t->dim[i];
	new = take(c, (size_t)(outer * (n + 1) * inner) * sizeof *new);
	if (old == NULL || new == NULL || !onnx_tensor_floats(c, t, old))
		return false;
	for (int64_t o = 0; o < outer; o++) {
		float *to = new + o *(n + 1) * inner;

		memcpy(to, old + o * n * inner, (size_t)(n * inner) * sizeof *to);
		for (int64_t k = 0; k < inner; k++)
			to[n * inner + k] = (float)(deviation * chance_normal(&chance));
	}
	*ret = (struct onnx_new_tensor){ .name = t->name, .rank = t->rank, .f = new };
	memcpy(ret->dim, t->dim, sizeof t->dim);
	ret->dim[axis] = n + 1;
	return true;
}

/* The tensor without the last number along the axis. */
MUST static bool
narrow(struct ctx *c, const struct onnx_tensor *t, int axis, struct onnx_new_tensor *ret)
{
	int64_t outer = 1, inner = 1, n = t->dim[axis];
	float *old = take(c, (size_t)t->count * sizeof *old);

	for (int i = 0; i < axis; i++)
		outer *= t->dim[i];
	for (int i = axis + 1; i < t->rank; i++)
		inner *= t->dim[i];
	if (old == NULL || !onnx_tensor_floats(c, t, old))
		return false;
	for (int64_t o = 0; o < outer; o++)
		memmove(old + o * (n - 1) * inner, old + o * n * inner,
		    (size_t)((n - 1) * inner) * sizeof *old);
	*ret = (struct onnx_new_tensor){ .name = t->name, .rank = t->rank, .f = old };
	memcpy(ret->dim, t->dim, sizeof t->dim);
	ret->dim[axis] = n - 1;
	return true;
}

/* The output as it is declared, with so many classes more. */
MUST static bool
output_by(struct ctx *c, const struct onnx_model *m, const struct head *h, int more,
    struct onnx_value *ret)
{
	int found = 0;

	*ret = m->output[0];
	for (int i = 1; i < ret->rank; i++)
		if (ret->dim[i] == h->classes) {
			ret->dim[i] += more;
			found++;
		}
	if (ret->rank > 1 && found == 0 && ret->dim[1] >= 0)
		return fail(c, E_INPUT,
		    "no class can be added to this model: its output does not have the %lld "
		    "classes of its last layer",
		    (long long)h->classes);
	return true;
}

bool
head_widen(struct ctx *c, const struct onnx_model *m, uint64_t seed, onnx_sink *sink, void *arg)
{
	struct head h = { 0 };
	struct onnx_new_tensor tensor[2];
	struct onnx_value output;
	struct onnx_edit edit = {
		.tensor = tensor, .tensors = 1, .output = &output, .outputs = 1
	};

	if (!find_head(c, m, &h))
		return false;
	if (h.classes < 2)
		return in_the_way(c, h.node, "a class can be added to two or more");
	if (!widen(c, h.weight, h.axis, NEW_ROW, seed, &tensor[0]) ||
	    !output_by(c, m, &h, 1, &output))
		return false;
	if (h.bias != NULL) {
		if (!widen(c, h.bias, h.bias->rank - 1, 0, seed, &tensor[1]))
			return false;
		edit.tensors = 2;
	}
	return onnx_write(c, m, &edit, sink, arg);
}

bool
head_narrow(struct ctx *c, const struct onnx_model *m, onnx_sink *sink, void *arg)
{
	struct head h = { 0 };
	struct onnx_new_tensor tensor[2];
	struct onnx_value output;
	struct onnx_edit edit = {
		.tensor = tensor, .tensors = 1, .output = &output, .outputs = 1
	};

	if (!find_head(c, m, &h))
		return false;
	if (h.classes < 3)
		return in_the_way(c, h.node, "two classes are needed at least");
	if (!narrow(c, h.weight, h.axis, &tensor[0]) || !output_by(c, m, &h, -1, &output))
		return false;
	if (h.bias != NULL) {
		if (!narrow(c, h.bias, h.bias->rank - 1, &tensor[1]))
			return false;
		edit.tensors = 2;
	}
	return onnx_write(c, m, &edit, sink, arg);
}
