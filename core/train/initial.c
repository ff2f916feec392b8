/*
 * First weights. What an array is for stands in the model: the operator that reads it, and at
 * which input. Each array is filled from its own name's place in the graph, so that the order
 * of operators does not matter.
 */
#include <math.h>

#include "batch.h"

enum fill {
	FILL_OUT_FIRST,
	FILL_IN_FIRST,
	FILL_GEMM,
	FILL_MATRIX,
	FILL_ZERO,
	FILL_ONE,
	FILL_SLOPE
};

/* clang-format off */
static const struct {
	const char *op;
	size_t input;
	enum fill fill;
} rules[] = {
	{ "Conv",                  1, FILL_OUT_FIRST },
	{ "Conv",                  2, FILL_ZERO },
	{ "ConvTranspose",         1, FILL_IN_FIRST },
	{ "ConvTranspose",         2, FILL_ZERO },
	{ "Gemm",                  1, FILL_GEMM },
	{ "Gemm",                  2, FILL_ZERO },
	{ "MatMul",                1, FILL_MATRIX },
	{ "BatchNormalization",    1, FILL_ONE },
	{ "BatchNormalization",    2, FILL_ZERO },
	{ "BatchNormalization",    3, FILL_ZERO },
	{ "BatchNormalization",    4, FILL_ONE },
	{ "InstanceNormalization", 1, FILL_ONE },
	{ "InstanceNormalization", 2, FILL_ZERO },
	{ "LayerNormalization",    1, FILL_ONE },
	{ "LayerNormalization",    2, FILL_ZERO },
	{ "PRelu",                 1, FILL_SLOPE },
	{ "LSTM",                  1, FILL_OUT_FIRST },
	{ "LSTM",                  2, FILL_OUT_FIRST },
	{ "LSTM",                  3, FILL_ZERO },
	{ "GRU",                   1, FILL_OUT_FIRST },
	{ "GRU",                   2, FILL_OUT_FIRST },
	{ "GRU",                   3, FILL_ZERO },
	{ "Add",                   0, FILL_ZERO },
	{ "Add",                   1, FILL_ZERO },
	{ "Sub",                   1, FILL_ZERO },
	{ "Mul",                   0, FILL_ONE },
	{ "Mul",                   1, FILL_ONE },
	{ "Div",                   1, FILL_ONE },
};
/* clang-format on */

/* The product of the dimensions from `first` on. */
static double
product(const struct nn_weight *w, int first)
{
	double n = 1;

	for (int i = first; i < w->rank; i++)
		n *= (double)w->dim[i];
	return n;
}

/* How many numbers go into one of the array's results, and come from one of its inputs. */
static void
fans(const struct nn_weight *w, enum fill fill, double *ret_in, double *ret_out)
{
	double first = w->rank > 0 ? (double)w->dim[0] : 1;
	double second = w->rank > 1 ? (double)w->dim[1] : 1;
	double points = product(w, 2);

	if (fill == FILL_MATRIX && w->rank > 2) {
		/* A stack of matrices: the last two dimensions count. */
		first = (double)w->dim[w->rank - 2];
		second = (double)w->dim[w->rank - 1];
		points = 1;
	}
	if (fill == FILL_OUT_FIRST) {
		*ret_in = second * points;
		*ret_out = first * points;
	} else {
		*ret_in = first * points;
		*ret_out = second * points;
	}
}

static void
fill_random(struct nn_weight *w, enum fill fill, enum train_initial how, struct chance r)
{
	double in, out, bound;

	fans(w, fill, &in, &out);
	bound = sqrt(6 / (in + out));
	for (int64_t i = 0; i < w->count; i++)
		w->data[i] = how == TRAIN_HE ? (float)(chance_normal(&r) * sqrt(2 / in))
					     : (float)((2 * chance_unit(&r) - 1) * bound);
}

static void
fill_same(struct nn_weight *w, float value)
{
	for (int64_t i = 0; i < w->count; i++)
		w->data[i] = value;
}

MUST static bool
fill_weight(struct ctx *c, const struct onnx_node *node, struct nn_weight *w, enum fill fill,
    enum train_initial how, struct chance r)
{
	int64_t turned = 0;

	switch (fill) {
	case FILL_ZERO:
		fill_same(w, 0);
		break;
	case FILL_ONE:
		fill_same(w, 1);
		break;
	case FILL_SLOPE:
		fill_same(w, 0.25f);
		break;
	case FILL_GEMM:
		if (!onnx_attr_int(c, node, "transB", 0, &turned))
			return false;
		fill_random(w, turned != 0 ? FILL_OUT_FIRST : FILL_MATRIX, how, r);
		break;
	case FILL_OUT_FIRST:
	case FILL_IN_FIRST:
	case FILL_MATRIX:
		fill_random(w, fill, how, r);
		break;
	}
	return true;
}

/* Constants that are not trained stay, except what batch norms have learnt. */
static bool
is_ours(const struct onnx_node *node, const struct nn_weight *w)
{
	return w->trainable || str_same(node->op, STR("BatchNormalization"));
}

bool
train_initialise(struct ctx *c, const struct onnx_model *m, struct nn_graph *g,
    enum train_initial how, uint64_t seed)
{
	size_t n;
	struct nn_weight *all = nn_weights(g, &n);

	if (how == TRAIN_KEEP)
		return true;
	for (size_t k = 0; k < m->nodes * COUNT(rules); k++) {
		const struct onnx_node *node = &m->node[k / COUNT(rules)];
		size_t rule = k % COUNT(rules), input = rules[rule].input;
		struct nn_weight *w = NULL;

		if (input < node->inputs && str_same(node->op, str_of(rules[rule].op)))
			w = nn_weight_by_name(g, node->input[input]);
		if (w == NULL || !is_ours(node, w))
			continue;
		if (!fill_weight(c, node, w, rules[rule].fill, how,
			chance_of(seed, RANDOM_START, (uint64_t)(w - all), 0)))
			return false;
	}
	nn_graph_changed(g);
	return true;
}
