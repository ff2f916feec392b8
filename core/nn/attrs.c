/*
 * Attributes: read with their limits, and older opsets brought into the newest form. An attribute
 * that has become an input is given to the node as a constant input.
 */
#include "decode.h"

/* ---- Reading ----------------------------------------------------------------------------- */

bool
attr_word(struct ctx *c, const struct onnx_node *n, const char *name, const char *const words[],
    size_t count, int *ret)
{
	struct str s;

	if (!onnx_attr_string(c, n, name, str_of(words[*ret]), &s))
		return false;
	for (size_t i = 0; i < count; i++)
		if (str_same(s, str_of(words[i]))) {
			*ret = (int)i;
			return true;
		}
	return fail(c, E_INPUT, "%s is unknown", name);
}

bool
attr_ints(struct ctx *c, const struct onnx_node *n, const char *name, size_t max, int64_t ret[],
    size_t *ret_n)
{
	const int64_t *list;
	size_t count;

	if (!onnx_attr_ints(c, n, name, &list, &count))
		return false;
	if (count > max)
		return fail(c, E_INPUT, "%s has %zu numbers", name, count);
	for (size_t i = 0; i < count; i++)
		ret[i] = list[i];
	*ret_n = count;
	return true;
}

bool
attr_bool(struct ctx *c, const struct onnx_node *n, const char *name, bool otherwise, bool *ret)
{
	int64_t v;

	if (!onnx_attr_int(c, n, name, otherwise, &v))
		return false;
	*ret = v != 0;
	return true;
}

bool
type_of(struct ctx *c, int64_t onnx, enum nn_type *ret)
{
	switch (onnx) {
	case ONNX_FLOAT:
	case ONNX_FLOAT16:
	case ONNX_BFLOAT16:
	case ONNX_DOUBLE:
		*ret = NN_FLOAT;
		return true;
	case ONNX_INT64:
		*ret = NN_INT64;
		return true;
	case ONNX_INT32:
		*ret = NN_INT32;
		return true;
	case ONNX_INT8:
		*ret = NN_INT8;
		return true;
	case ONNX_UINT8:
		*ret = NN_UINT8;
		return true;
	case ONNX_BOOL:
		*ret = NN_BOOL;
		return true;
	default:
		return fail(c, E_INPUT, "elements of type %s", onnx_type_name((int)onnx));
	}
}

/* The attribute as constant input `at`, if it is there. */
static bool
ints_to_input(struct ctx *c, struct nn_graph *g, struct nn_node *node,
    const struct onnx_node *n, const char *name, int at)
{
	const int64_t *list;
	size_t count;

	if (onnx_attr_by_name(n, name) == NULL)
		return true;
	return onnx_attr_ints(c, n, name, &list, &count) &&
	    node_add_ints(c, g, node, at, list, count, 1);
}

static bool
float_to_input(struct ctx *c, struct nn_graph *g, struct nn_node *node,
    const struct onnx_node *n, const char *name, int at)
{
	float v;

	if (onnx_attr_by_name(n, name) == NULL)
		return true;
	return onnx_attr_float(c, n, name, 0, &v) && node_add_floats(c, g, node, at, &v, 1, 0);
}

/* ---- One or two numbers ------------------------------------------------------------------ */

/* clang-format off */
static const struct {
	enum nn_op op;
	const char *a, *b;
	float a_otherwise, b_otherwise;
} real_rows[] = {
	{ OP_CELU,             "alpha", NULL,    1,          0 },
	{ OP_ELU,              "alpha", NULL,    1,          0 },
	{ OP_HARD_SIGMOID,     "alpha", "beta",  0.2f,       0.5f },
	{ OP_LEAKY_RELU,       "alpha", NULL,    0.01f,      0 },
	{ OP_SELU,             "alpha", "gamma", 1.6732632f, 1.0507010f },
	{ OP_SHRINK,           "lambd", "bias",  0.5f,       0 },
	{ OP_THRESHOLDED_RELU, "alpha", NULL,    1,          0 },
};
/* clang-format on */

bool
decode_reals(struct ctx *c, struct nn_graph *g, struct nn_node *node, const struct onnx_node *n)
{
	struct reals_attr *attr = graph_take(c, g, sizeof *attr);

	if (attr == NULL)
		return false;
	node->attr = attr;
	for (size_t i = 0; i < COUNT(real_rows); i++) {
		if (real_rows[i].op != node->op)
			continue;
		if (!onnx_attr_float(c, n, real_rows[i].a, real_rows[i].a_otherwise, &attr->a))
			return false;
		return real_rows[i].b == NULL ||
		    onnx_attr_float(c, n, real_rows[i].b, real_rows[i].b_otherwise, &attr->b);
	}
	return fail(c, E_INTERNAL, "no row for the attributes");
}

bool
decode_gelu(struct ctx *c, struct nn_graph *g, struct nn_node *node, const struct onnx_node *n)
{
	static const char *const words[] = { "none", "tanh" };
	struct reals_attr *attr = graph_take(c, g, sizeof *attr);
	int word = 0;

	if (attr == NULL || !attr_word(c, n, "approximate", words, COUNT(words), &word))
		return false;
	attr->a = (float)word;
	node->attr = attr;
	return true;
}

/* a: negative infinity counts; b: positive infinity counts. */
bool
decode_isinf(struct ctx *c, struct nn_graph *g, struct nn_node *node, const struct onnx_node *n)
{
	struct reals_attr *attr = graph_take(c, g, sizeof *attr);
	bool negative, positive;

	if (attr == NULL || !attr_bool(c, n, "detect_negative", true, &negative) ||
	    !attr_bool(c, n, "detect_positive", true, &positive))
		return false;
	attr->a = negative;
	attr->b = positive;
	node->attr = attr;
	return true;
}

/* ---- Axes -------------------------------------------------------------------------------- */

static struct axis_attr *
axis_new(struct ctx *c, struct nn_graph *g, struct nn_node *node, const struct onnx_node *n,
    int64_t otherwise)
{
	struct axis_attr *attr = graph_take(c, g, sizeof *attr);

	if (attr == NULL || !onnx_attr_int(c, n, "axis", otherwise, &attr->axis))
		return NULL;
	node->attr = attr;
	return attr;
}

bool
decode_axis_0(
    struct ctx *c, struct nn_graph *g, struct nn_node *node, const struct onnx_node *n)
{
	return axis_new(c, g, node, n, 0) != NULL;
}

bool
decode_axis_1(
    struct ctx *c, struct nn_graph *g, struct nn_node *node, const struct onnx_node *n)
{
	return axis_new(c, g, node, n, 1) != NULL;
}

bool
decode_softmax(
    struct ctx *c, struct nn_graph *g, struct nn_node *node, const struct onnx_node *n)
{
	struct axis_attr *attr = axis_new(c, g, node, n, g->opset < 13 ? 1 : -1);

	if (attr == NULL)
		return false;
	attr->flatten = g->opset < 13;
	return true;
}

bool
decode_split(struct ctx *c, struct nn_graph *g, struct nn_node *node, const struct onnx_node *n)
{
	return axis_new(c, g, node, n, 0) != NULL &&
	    (g->opset >= 13 || ints_to_input(c, g, node, n, "split", 1));
}

bool
decode_trilu(struct ctx *c, struct nn_graph *g, struct nn_node *node, const struct onnx_node *n)
{
	struct axis_attr *attr = graph_take(c, g, sizeof *attr);

	node->attr = attr;
	return attr != NULL && onnx_attr_int(c, n, "upper", 1, &attr->axis);
}

/* Squeeze, Unsqueeze. */
bool
decode_axes(struct ctx *c, struct nn_graph *g, struct nn_node *node, const struct onnx_node *n)
{
	return g->opset >= 13 || ints_to_input(c, g, node, n, "axes", 1);
}

/* ---- Two inputs -------------------------------------------------------------------------- */

bool
decode_binary(
    struct ctx *c, struct nn_graph *g, struct nn_node *node, const struct onnx_node *n)
{
	struct binary_attr *attr = graph_take(c, g, sizeof *attr);
	bool broadcast;

	node->attr = attr;
	if (attr == NULL || !attr_bool(c, n, "fmod", false, &attr->fmod) ||
	    !attr_bool(c, n, "broadcast", false, &broadcast))
		return false;
	if (g->opset >= 7 || !broadcast || onnx_attr_by_name(n, "axis") == NULL)
		return true;
	attr->aligned = true;
	return onnx_attr_int(c, n, "axis", 0, &attr->axis);
}

/* Before opset 7 a slope for each channel. */
bool
decode_prelu(struct ctx *c, struct nn_graph *g, struct nn_node *node, const struct onnx_node *n)
{
	struct binary_attr *attr = graph_take(c, g, sizeof *attr);

	(void)n;
	if (attr == NULL)
		return false;
	attr->aligned = g->opset < 7;
	attr->axis = 1;
	node->attr = attr;
	return true;
}

bool
decode_gemm(struct ctx *c, struct nn_graph *g, struct nn_node *node, const struct onnx_node *n)
{
	struct gemm_attr *attr = graph_take(c, g, sizeof *attr);

	node->attr = attr;
	return attr != NULL && onnx_attr_float(c, n, "alpha", 1, &attr->alpha) &&
	    onnx_attr_float(c, n, "beta", 1, &attr->beta) &&
	    attr_bool(c, n, "transA", false, &attr->trans_a) &&
	    attr_bool(c, n, "transB", false, &attr->trans_b);
}

/* ---- Bounds, frames, slices, dropout ----------------------------------------------------- */

bool
decode_clip(struct ctx *c, struct nn_graph *g, struct nn_node *node, const struct onnx_node *n)
{
	return g->opset >= 11 ||
	    (float_to_input(c, g, node, n, "min", 1) &&
		float_to_input(c, g, node, n, "max", 2));
}

bool
decode_pad(struct ctx *c, struct nn_graph *g, struct nn_node *node, const struct onnx_node *n)
{
	static const char *const modes[] = { "constant", "reflect", "edge", "wrap" };
	struct axis_attr *attr = graph_take(c, g, sizeof *attr);
	int mode = PAD_CONSTANT;

	if (attr == NULL || !attr_word(c, n, "mode", modes, COUNT(modes), &mode))
		return false;
	attr->axis = mode;
	node->attr = attr;
	return g->opset >= 11 ||
	    (ints_to_input(c, g, node, n, "pads", 1) &&
		float_to_input(c, g, node, n, "value", 2));
}

bool
decode_slice(struct ctx *c, struct nn_graph *g, struct nn_node *node, const struct onnx_node *n)
{
	return g->opset >= 10 ||
	    (ints_to_input(c, g, node, n, "starts", 1) &&
		ints_to_input(c, g, node, n, "ends", 2) &&
		ints_to_input(c, g, node, n, "axes", 3));
}

bool
decode_dropout(
    struct ctx *c, struct nn_graph *g, struct nn_node *node, const struct onnx_node *n)
{
	return g->opset >= 12 || float_to_input(c, g, node, n, "ratio", 1);
}

/* ---- Lists, types, blocks ---------------------------------------------------------------- */

bool
decode_transpose(
    struct ctx *c, struct nn_graph *g, struct nn_node *node, const struct onnx_node *n)
{
	struct ints_attr *attr = graph_take(c, g, sizeof *attr);

	if (attr == NULL || !attr_ints(c, n, "perm", NN_RANK_MAX, attr->v, &attr->n))
		return false;
	attr->given = onnx_attr_by_name(n, "perm") != NULL;
	node->attr = attr;
	return true;
}

bool
decode_reshape(
    struct ctx *c, struct nn_graph *g, struct nn_node *node, const struct onnx_node *n)
{
	struct ints_attr *attr = graph_take(c, g, sizeof *attr);

	node->attr = attr;
	return attr != NULL && attr_bool(c, n, "allowzero", false, &attr->given);
}

bool
decode_shape(struct ctx *c, struct nn_graph *g, struct nn_node *node, const struct onnx_node *n)
{
	struct ints_attr *attr = graph_take(c, g, sizeof *attr);

	node->attr = attr;
	return attr != NULL && onnx_attr_int(c, n, "start", 0, &attr->v[0]) &&
	    onnx_attr_int(c, n, "end", INT64_MAX, &attr->v[1]);
}

bool
decode_cast(struct ctx *c, struct nn_graph *g, struct nn_node *node, const struct onnx_node *n)
{
	struct type_attr *attr = graph_take(c, g, sizeof *attr);
	int64_t to;

	node->attr = attr;
	return attr != NULL && onnx_attr_int(c, n, "to", 0, &to) && type_of(c, to, &attr->type);
}

bool
decode_blocks(
    struct ctx *c, struct nn_graph *g, struct nn_node *node, const struct onnx_node *n)
{
	static const char *const modes[] = { "DCR", "CRD" };
	struct blocks_attr *attr = graph_take(c, g, sizeof *attr);
	int mode = 0;

	if (attr == NULL || !onnx_attr_int(c, n, "blocksize", 0, &attr->size) ||
	    !attr_word(c, n, "mode", modes, COUNT(modes), &mode))
		return false;
	if (attr->size < 1 || attr->size > 1024)
		return fail(c, E_INPUT, "blocksize of %lld", (long long)attr->size);
	attr->crd = mode == 1;
	node->attr = attr;
	return true;
}
