/*
 * Attributes of the normalisations, reductions, resizing, recurrent layers and constants.
 */
#include "decode.h"

/* ---- Normalisation ----------------------------------------------------------------------- */

/*
 * BatchNormalization: from opset 14 on an attribute says whether batch statistics are used; before
 * 7 one said so too, and in between it is meant by more than one output.
 */
bool
decode_batch_norm(
    struct ctx *c, struct nn_graph *g, struct nn_node *node, const struct onnx_node *n)
{
	struct norm_attr *attr = graph_take(c, g, sizeof *attr);
	bool spatial, test;

	node->attr = attr;
	if (attr == NULL || !onnx_attr_float(c, n, "epsilon", 1e-5f, &attr->epsilon) ||
	    !onnx_attr_float(c, n, "momentum", 0.9f, &attr->momentum) ||
	    !attr_bool(c, n, "training_mode", false, &attr->training) ||
	    !attr_bool(c, n, "spatial", true, &spatial) ||
	    !attr_bool(c, n, "is_test", g->opset >= 7, &test))
		return false;
	if (g->opset < 9 && !spatial)
		return fail(c, E_INPUT, "statistics of single places are not supported");
	if (g->opset < 14)
		attr->training = node->outs > 1 || !test;
	return true;
}

bool
decode_instance_norm(
    struct ctx *c, struct nn_graph *g, struct nn_node *node, const struct onnx_node *n)
{
	struct norm_attr *attr = graph_take(c, g, sizeof *attr);

	node->attr = attr;
	return attr != NULL && onnx_attr_float(c, n, "epsilon", 1e-5f, &attr->epsilon);
}

bool
decode_layer_norm(
    struct ctx *c, struct nn_graph *g, struct nn_node *node, const struct onnx_node *n)
{
	struct norm_attr *attr = graph_take(c, g, sizeof *attr);

	node->attr = attr;
	return attr != NULL && onnx_attr_float(c, n, "epsilon", 1e-5f, &attr->epsilon) &&
	    onnx_attr_int(c, n, "axis", -1, &attr->axis);
}

bool
decode_lrn(struct ctx *c, struct nn_graph *g, struct nn_node *node, const struct onnx_node *n)
{
	struct lrn_attr *attr = graph_take(c, g, sizeof *attr);

	node->attr = attr;
	if (attr == NULL || !onnx_attr_float(c, n, "alpha", 1e-4f, &attr->alpha) ||
	    !onnx_attr_float(c, n, "beta", 0.75f, &attr->beta) ||
	    !onnx_attr_float(c, n, "bias", 1, &attr->bias) ||
	    !onnx_attr_int(c, n, "size", 0, &attr->size))
		return false;
	if (attr->size < 1 || attr->size > 1 << 20)
		return fail(c, E_INPUT, "size of %lld", (long long)attr->size);
	return true;
}

/* ---- Reductions -------------------------------------------------------------------------- */

/* The axes were an attribute before opset 18, for ReduceSum before 13. */
bool
decode_reduce(
    struct ctx *c, struct nn_graph *g, struct nn_node *node, const struct onnx_node *n)
{
	struct reduce_attr *attr = graph_take(c, g, sizeof *attr);
	const int64_t *axes;
	size_t count;

	node->attr = attr;
	if (attr == NULL || !attr_bool(c, n, "keepdims", true, &attr->keep) ||
	    !attr_bool(c, n, "noop_with_empty_axes", false, &attr->none_if_empty) ||
	    !onnx_attr_ints(c, n, "axes", &axes, &count))
		return false;
	if (g->opset >= (node->op == OP_REDUCE_SUM ? 13 : 18) || count == 0)
		return true;
	return node_add_ints(c, g, node, 1, axes, count, 1);
}

bool
decode_arg(struct ctx *c, struct nn_graph *g, struct nn_node *node, const struct onnx_node *n)
{
	struct reduce_attr *attr = graph_take(c, g, sizeof *attr);

	node->attr = attr;
	return attr != NULL && attr_bool(c, n, "keepdims", true, &attr->keep) &&
	    attr_bool(c, n, "select_last_index", false, &attr->last) &&
	    onnx_attr_int(c, n, "axis", 0, &attr->axis);
}

bool
decode_cumsum(
    struct ctx *c, struct nn_graph *g, struct nn_node *node, const struct onnx_node *n)
{
	struct reduce_attr *attr = graph_take(c, g, sizeof *attr);

	node->attr = attr;
	return attr != NULL && attr_bool(c, n, "exclusive", false, &attr->exclusive) &&
	    attr_bool(c, n, "reverse", false, &attr->reverse);
}

/* ---- Resize ------------------------------------------------------------------------------ */

/* Older forms have the scales as second input, or as an attribute: they become the third. */
static bool
scales_to_third(
    struct ctx *c, struct nn_graph *g, struct nn_node *node, const struct onnx_node *n)
{
	const struct onnx_attr *scales = onnx_attr_by_name(n, "scales");
	int32_t *in;

	if (scales != NULL && scales->type == ONNX_ATTR_FLOATS)
		return node_add_floats(c, g, node, 2, scales->floats, scales->n, 1);
	if (node->ins < 2)
		return fail(c, E_INPUT, "the scales are missing");
	in = graph_take(c, g, 3 * sizeof *in);
	if (in == NULL)
		return false;
	in[0] = node->in[0];
	in[1] = -1;
	in[2] = node->in[1];
	node->in = in;
	node->ins = 3;
	return true;
}

static bool
refuse_if_given(struct ctx *c, const struct onnx_node *n, const char *name)
{
	const struct onnx_attr *a = onnx_attr_by_name(n, name);

	if (a != NULL && (a->i != 0 || a->n != 0 || a->s.n != 0))
		return fail(c, E_INPUT, "%s is not supported", name);
	return true;
}

bool
decode_resize(
    struct ctx *c, struct nn_graph *g, struct nn_node *node, const struct onnx_node *n)
{
	static const char *const modes[] = { "nearest", "linear", "cubic", "bilinear" };
	static const char *const places[] = { "half_pixel", "pytorch_half_pixel", "asymmetric",
		"align_corners", "tf_half_pixel_for_nn", "tf_crop_and_resize" };
	static const char *const policies[] = { "stretch" };
	static const char *const rounds[] = { "round_prefer_floor", "round_prefer_ceil",
		"floor", "ceil" };
	struct resize_attr *attr = graph_take(c, g, sizeof *attr);
	bool old = node->op == OP_UPSAMPLE || g->opset < 11;
	int mode = 0, round = old ? ROUND_FLOOR : ROUND_PREFER_FLOOR;
	int policy = 0, place = old ? PLACE_ASYMMETRIC : PLACE_HALF_PIXEL;

	node->attr = attr;
	if (attr == NULL || !attr_word(c, n, "mode", modes, COUNT(modes), &mode) ||
	    !attr_word(c, n, "coordinate_transformation_mode", places, COUNT(places), &place) ||
	    !attr_word(c, n, "nearest_mode", rounds, COUNT(rounds), &round) ||
	    !onnx_attr_float(c, n, "cubic_coeff_a", -0.75f, &attr->cubic_a) ||
	    !onnx_attr_float(c, n, "extrapolation_value", 0, &attr->outside) ||
	    !attr_bool(c, n, "exclude_outside", false, &attr->exclude_outside) ||
	    !attr_word(c, n, "keep_aspect_ratio_policy", policies, 1, &policy) ||
	    !refuse_if_given(c, n, "antialias") || !refuse_if_given(c, n, "axes"))
		return false;
	attr->mode = mode == 3 ? RESIZE_LINEAR : (enum resize_mode)mode;
	attr->place = (enum resize_place)place;
	attr->round = (enum resize_round)round;
	return !old || scales_to_third(c, g, node, n);
}

/* ---- LSTM, GRU -------------------------------------------------------------------------- */

/* Other activations than the usual ones are refused. */
static bool
usual_activations(struct ctx *c, const struct onnx_node *n, bool lstm)
{
	static const char *const usual[2][3] = { { "Sigmoid", "Tanh" },
		{ "Sigmoid", "Tanh", "Tanh" } };
	const struct onnx_attr *a = onnx_attr_by_name(n, "activations");
	size_t period = lstm ? 3 : 2;

	for (size_t i = 0; a != NULL && a->type == ONNX_ATTR_STRINGS && i < a->n; i++)
		if (!str_same(a->strings[i], str_of(usual[lstm][i % period])))
			return fail(c, E_INPUT, "other activations are not supported");
	return true;
}

bool
decode_recurrent(
    struct ctx *c, struct nn_graph *g, struct nn_node *node, const struct onnx_node *n)
{
	static const char *const words[] = { "forward", "reverse", "bidirectional" };
	struct recurrent_attr *attr = graph_take(c, g, sizeof *attr);
	bool forget;
	int word = 0;

	if (attr == NULL || !attr_word(c, n, "direction", words, COUNT(words), &word) ||
	    !onnx_attr_int(c, n, "hidden_size", 0, &attr->hidden) ||
	    !attr_bool(c, n, "layout", false, &attr->batch_first) ||
	    !attr_bool(c, n, "linear_before_reset", false, &attr->linear_before_reset) ||
	    !attr_bool(c, n, "input_forget", false, &forget) ||
	    !usual_activations(c, n, node->op == OP_LSTM))
		return false;
	if (forget || onnx_attr_by_name(n, "clip") != NULL)
		return fail(c, E_INPUT, "clip and input_forget are not supported");
	attr->directions = word == 2 ? 2 : 1;
	attr->reverse = word == 1;
	node->attr = attr;
	return true;
}

/* ---- Constants --------------------------------------------------------------------------- */

/* One element, of float32 zero if nothing is said. */
bool
decode_constant_of_shape(
    struct ctx *c, struct nn_graph *g, struct nn_node *node, const struct onnx_node *n)
{
	const struct onnx_attr *value = onnx_attr_by_name(n, "value");
	struct nn_tensor *t = graph_take(c, g, sizeof *t + sizeof(int64_t));

	if (t == NULL)
		return false;
	t->data = t + 1;
	node->attr = t;
	if (value == NULL)
		return true;
	if (value->type != ONNX_ATTR_TENSOR || value->tensor == NULL ||
	    value->tensor->count != 1)
		return fail(c, E_INPUT, "the value has to be one number");
	if (!type_of(c, (int64_t)value->tensor->type, &t->type))
		return false;
	return t->type == NN_FLOAT ? onnx_tensor_floats(c, value->tensor, t->data)
				   : onnx_tensor_ints(c, value->tensor, t->data);
}
