/*
 * The network with its features as its last output: the activations behind the last convolution.
 */
#include "parts.h"

static bool
is_op(const struct onnx_node *n, const char *op)
{
	return str_same(n->op, str_of(op));
}

static bool
reads(const struct onnx_node *n, struct str name)
{
	for (size_t i = 0; i < n->inputs; i++)
		if (str_same(n->input[i], name))
			return true;
	return false;
}

/* The first Relu behind the last Conv; NULL if there is none. Nodes are sorted. */
static const struct onnx_node *
activations(const struct onnx_model *m)
{
	struct str at = { 0 };

	for (size_t i = m->nodes; i-- > 0 && at.p == NULL;)
		if (is_op(&m->node[i], "Conv"))
			at = m->node[i].output[0];
	for (size_t i = 0; at.p != NULL && i < m->nodes; i++)
		if (reads(&m->node[i], at)) {
			at = m->node[i].output[0];
			if (is_op(&m->node[i], "Relu"))
				return &m->node[i];
		}
	return NULL;
}

static bool
is_output(const struct onnx_model *m, struct str name)
{
	for (size_t i = 0; i < m->outputs; i++)
		if (str_same(m->output[i].name, name))
			return true;
	return false;
}

bool
features_write(
    struct ctx *c, const struct onnx_model *m, onnx_sink *sink, void *arg, bool *ret_found)
{
	const struct onnx_node *n = activations(m);
	struct onnx_value output = { .type = ONNX_FLOAT, .rank = -1 };
	struct onnx_edit edit = { .output = &output, .outputs = 1 };
	bool found = n != NULL && !is_output(m, n->output[0]);

	if (found) {
		output.name = n->output[0];
		if (!onnx_write(c, m, &edit, sink, arg))
			return false;
	}
	*ret_found = found;
	return true;
}
