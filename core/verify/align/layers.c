/*
 * Reads a network as layers and spaces: walks its nodes once, in order, and knows of each value
 * which channels it has. What an operator does that is not known here leaves the channels around it
 * as they are: nothing is guessed.
 */
#include <math.h>

#include "reading.h"

/* ---- Layers ------------------------------------------------------------------------------ */

static struct layer *
new_layer(struct reading *r, const struct onnx_node *n, enum layer_kind kind)
{
	struct layer *l = &r->l.layer[r->l.n++];

	*l = (struct layer){ .kind = kind, .node = n->output[0], .spread = 1, .k = 1, .in = 1 };
	return l;
}

MUST static bool
floats_of(struct ctx *c, const struct onnx_tensor *t, int64_t n, float **ret)
{
	float *v = take(c, (size_t)n * sizeof *v + 1);

	if (v == NULL)
		return false;
	if (t == NULL)
		memset(v, 0, (size_t)n * sizeof *v);
	else if (t->count != n)
		return fail(c, E_CONFLICT, "%.*s does not fit its layer", STRF(t->name));
	else if (!onnx_tensor_floats(c, t, v))
		return false;
	*ret = v;
	return true;
}

void
layer_turn(const struct layer *l, const float *from, float *to, bool back)
{
	int64_t k = l->spread > 1 ? 1 : l->k, inputs = l->in * l->k / k;

	for (int64_t i = 0; i < inputs; i++)
		for (int64_t o = 0; o < l->out; o++)
			for (int64_t j = 0; j < k; j++) {
				int64_t file = (i * l->out + o) * k + j;
				int64_t ours = (o * inputs + i) * k + j;

				to[back ? file : ours] = from[back ? ours : file];
			}
}

/* Weights outputs first, whatever the file has, and the bias. */
MUST static bool
numbers_read(struct ctx *c, struct layer *l)
{
	float *w;

	if (!floats_of(c, l->weights, l->weights->count, &w) ||
	    !floats_of(c, l->bias, l->out, &l->b))
		return false;
	l->w = w;
	if (!l->inputs_first)
		return true;
	l->w = take(c, (size_t)l->weights->count * sizeof *w);
	if (l->w == NULL)
		return false;
	layer_turn(l, w, l->w, false);
	return true;
}

/* The layer's result: one new space, whose maker it is. */
static void
layer_ends(struct reading *r, struct layer *l, const struct onnx_node *n)
{
	struct value *v = value_named(r, n->output[0]);

	v->chord = l->to;
	v->layer = (int)(l - r->l.layer);
}

MUST static bool
read_conv(struct ctx *c, struct reading *r, const struct onnx_node *n, bool transposed)
{
	const struct chord from = value_named(r, n->input[0])->chord;
	const struct onnx_tensor *w = tensor_in(r, n, 1);
	int64_t group, channels = chord_size(&r->l, &from);
	struct layer *l;

	if (!onnx_attr_int(c, n, "group", 1, &group))
		return false;
	if (w == NULL || w->rank < 3 || w->count == 0 || from.n == 0 ||
	    (group != 1 &&
		(transposed || group != channels || w->dim[0] != group || w->dim[1] != 1))) {
		chord_fix(&r->l, &from);
		return true;
	}
	l = new_layer(r, n, group == 1 ? LAYER_DENSE : LAYER_OWN);
	l->weights = w;
	l->bias = tensor_in(r, n, 2);
	l->inputs_first = transposed;
	l->out = transposed ? w->dim[1] : w->dim[0];
	l->in = transposed ? w->dim[0] : w->dim[1];
	l->k = w->count / (l->out * l->in);
	l->from = from;
	if (group == 1 && l->in != channels)
		return fail(c, E_CONFLICT, "%.*s does not fit what it reads", STRF(l->node));
	l->to = group == 1 ? space_new(&r->l, l->out, false) : chord_rescaled(&r->l, &from);
	layer_ends(r, l, n);
	return numbers_read(c, l);
}

/* Gemm, or MatMul with constant weights. */
MUST static bool
read_dense(struct ctx *c, struct reading *r, const struct onnx_node *n, bool gemm)
{
	const struct chord from = value_named(r, n->input[0])->chord;
	const struct onnx_tensor *w = tensor_in(r, n, 1);
	int64_t outputs_first = 0, turned = 0, channels = chord_size(&r->l, &from);
	struct layer *l;

	if (gemm &&
	    (!onnx_attr_int(c, n, "transB", 0, &outputs_first) ||
		!onnx_attr_int(c, n, "transA", 0, &turned)))
		return false;
	if (w == NULL || w->rank != 2 || w->count == 0 || channels == 0 || turned != 0 ||
	    w->dim[outputs_first != 0 ? 1 : 0] % channels != 0) {
		chord_fix(&r->l, &from);
		return true;
	}
	l = new_layer(r, n, LAYER_DENSE);
	l->weights = w;
	l->bias = gemm ? tensor_in(r, n, 2) : NULL;
	l->inputs_first = outputs_first == 0;
	l->out = w->dim[outputs_first != 0 ? 0 : 1];
	l->spread = w->count / l->out / channels;
	l->in = channels;
	l->k = l->spread;
	l->from = from;
	l->to = space_new(&r->l, l->out, false);
	layer_ends(r, l, n);
	return numbers_read(c, l);
}

/* ---- Norms ------------------------------------------------------------------------------- */

/* What a norm multiplies by and subtracts before, and where its numbers lie. */
MUST static bool
norm_terms(struct ctx *c, struct reading *r, const struct onnx_node *n, int64_t channels,
    struct layer *l, float **ret_beta)
{
	float *gamma, *variance, eps;

	l->gamma = tensor_in(r, n, 1);
	l->beta = tensor_in(r, n, 2);
	if (!onnx_attr_float(c, n, "epsilon", 1e-5F, &eps) ||
	    !floats_of(c, l->gamma, channels, &gamma) ||
	    !floats_of(c, l->beta, channels, ret_beta) ||
	    !floats_of(c, tensor_in(r, n, 3), channels, &l->mean) ||
	    !floats_of(c, tensor_in(r, n, 4), channels, &variance))
		return false;
	for (int64_t i = 0; i < channels; i++)
		gamma[i] /= sqrtf(variance[i] + eps);
	l->factor = gamma;
	return true;
}

static void
fold(struct layer *l, const float *beta)
{
	for (int64_t o = 0; o < l->out; o++) {
		for (int64_t i = 0; i < l->in * l->k; i++)
			l->w[o * l->in * l->k + i] *= l->factor[o];
		l->b[o] = (l->b[o] - l->mean[o]) * l->factor[o] + beta[o];
	}
}

MUST static bool
read_norm(struct ctx *c, struct reading *r, const struct onnx_node *n)
{
	struct value *from = value_named(r, n->input[0]);
	int64_t channels = chord_size(&r->l, &from->chord);
	struct layer *l = from->layer >= 0 ? &r->l.layer[from->layer] : NULL;
	bool behind = l != NULL && l->factor == NULL && from->uses == 1;
	float *beta;

	if (channels == 0 || tensor_in(r, n, 1) == NULL || tensor_in(r, n, 2) == NULL ||
	    tensor_in(r, n, 3) == NULL || tensor_in(r, n, 4) == NULL) {
		chord_fix(&r->l, &from->chord);
		return true;
	}
	if (!behind) {
		l = new_layer(r, n, LAYER_OWN);
		l->norm = true;
		l->out = channels;
		l->from = from->chord;
		l->to = chord_rescaled(&r->l, &from->chord);
		if (!floats_of(c, NULL, channels, &l->w) ||
		    !floats_of(c, NULL, channels, &l->b))
			return false;
		for (int64_t i = 0; i < channels; i++)
			l->w[i] = 1;
	}
	if (!norm_terms(c, r, n, channels, l, &beta))
		return false;
	fold(l, beta);
	layer_ends(r, l, n);
	return true;
}

/* ---- What has no weights ----------------------------------------------------------------- */

static bool
one_of(struct str op, const char *const list[], size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (str_same(op, str_of(list[i])))
			return true;
	return false;
}

/* Channels stay, each with its scale. */
static const char *const passing[] = { "Relu", "LeakyRelu", "Identity", "Dropout", "MaxPool",
	"AveragePool", "GlobalAveragePool", "GlobalMaxPool", "Flatten", "Reshape", "Squeeze",
	"ReduceMean", "ReduceMax", "Pad", "Resize", "Upsample", "Cast", "QuantizeLinear",
	"DequantizeLinear" };
/* Channels stay, but would answer otherwise if they were scaled. */
static const char *const bending[] = { "Sigmoid", "Tanh", "Elu", "Selu", "Gelu", "Erf", "Clip",
	"HardSigmoid", "HardSwish", "Softplus", "Exp", "Log", "Sqrt", "Pow", "Abs", "Neg" };
static const char *const adding[] = { "Add", "Sum", "Max", "Mean" };
static const char *const mixing[] = { "Sub", "Mul", "Div", "Min", "PRelu" };

/* A bias behind a MatMul is the layer's own. */
MUST static bool
absorbed(struct ctx *c, struct reading *r, const struct onnx_node *n, bool *ret)
{
	*ret = false;
	for (size_t i = 0; i < 2 && n->inputs == 2; i++) {
		struct value *v = value_named(r, n->input[i]);
		const struct onnx_tensor *t = tensor_in(r, n, 1 - i);
		struct layer *l = v->layer < 0 ? NULL : &r->l.layer[v->layer];

		if (l == NULL || t == NULL || l->bias != NULL || l->factor != NULL ||
		    v->uses != 1 || t->count != l->out || l->kind != LAYER_DENSE)
			continue;
		l->bias = t;
		*ret = true;
		layer_ends(r, l, n);
		return floats_of(c, t, l->out, &l->b);
	}
	return true;
}

MUST static bool
read_sum(struct ctx *c, struct reading *r, const struct onnx_node *n, bool adds)
{
	struct value *out = value_named(r, n->output[0]);
	struct chord first = { 0 };
	bool done = false;

	if (str_same(n->op, STR("Add")) && !absorbed(c, r, n, &done))
		return false;
	for (size_t i = 0; !done && i < n->inputs; i++) {
		const struct value *v = value_named(r, n->input[i]);

		/* A number for all channels scales or shifts them all; a list is one for each. */
		if (v->tensor != NULL) {
			if (v->tensor->count > 1 || str_same(n->op, STR("Sub")) || adds)
				chord_unscale(&r->l, &value_named(r, n->input[0])->chord);
			if (v->tensor->count > 1)
				chord_fix(&r->l, &value_named(r, n->input[0])->chord);
			continue;
		}
		if (first.n == 0)
			first = v->chord;
		else
			chord_join(&r->l, &first, &v->chord, adds);
		if (!adds)
			chord_unscale(&r->l, &v->chord);
	}
	if (!done)
		out->chord = first;
	return true;
}

MUST static bool
read_concat(struct ctx *c, struct reading *r, const struct onnx_node *n)
{
	struct value *out = value_named(r, n->output[0]);
	struct chord all = { 0 };
	bool known = true;
	int64_t axis;

	if (!onnx_attr_int(c, n, "axis", 1, &axis))
		return false;
	for (size_t i = 0; i < n->inputs; i++) {
		const struct chord *part = &value_named(r, n->input[i])->chord;

		known = known && axis == 1 && part->n > 0 && all.n + part->n <= CHORD_MAX;
		for (int k = 0; known && k < part->n; k++)
			all.space[all.n++] = part->space[k];
	}
	for (size_t i = 0; !known && i < n->inputs; i++)
		chord_fix(&r->l, &value_named(r, n->input[i])->chord);
	if (known)
		out->chord = all;
	return true;
}

static void
read_passing(struct reading *r, const struct onnx_node *n, bool bends)
{
	const struct value *from = value_named(r, n->input[0]);
	struct value *out = value_named(r, n->output[0]);

	out->chord = from->chord;
	if (bends)
		chord_unscale(&r->l, &from->chord);
}

MUST static bool
read_node(struct ctx *c, struct reading *r, const struct onnx_node *n)
{
	if (n->inputs == 0 || n->outputs == 0 || value_named(r, n->output[0])->tensor != NULL)
		return true;
	if (str_same(n->op, STR("Conv")) || str_same(n->op, STR("ConvTranspose")))
		return read_conv(c, r, n, str_same(n->op, STR("ConvTranspose")));
	if (str_same(n->op, STR("Gemm")) || str_same(n->op, STR("MatMul")))
		return read_dense(c, r, n, str_same(n->op, STR("Gemm")));
	if (str_same(n->op, STR("BatchNormalization")))
		return read_norm(c, r, n);
	if (str_same(n->op, STR("Concat")))
		return read_concat(c, r, n);
	if (one_of(n->op, adding, COUNT(adding)) || one_of(n->op, mixing, COUNT(mixing)))
		return read_sum(c, r, n, one_of(n->op, adding, COUNT(adding)));
	if (one_of(n->op, passing, COUNT(passing)) || one_of(n->op, bending, COUNT(bending))) {
		read_passing(r, n, one_of(n->op, bending, COUNT(bending)));
		return true;
	}
	for (size_t i = 0; i < n->inputs; i++)
		chord_fix(&r->l, &value_named(r, n->input[i])->chord);
	return true;
}

/* ---- All --------------------------------------------------------------------------------- */

static void
read_ends(struct reading *r, bool begin)
{
	const struct onnx_model *m = r->l.model;

	for (size_t i = 0; begin && i < m->inputs; i++) {
		const struct onnx_value *v = &m->input[i];
		int64_t channels = v->rank >= 2 && v->dim[1] > 0 ? v->dim[1] : 0;

		if (channels > 0)
			value_named(r, v->name)->chord = space_new(&r->l, channels, true);
	}
	/* Classes may be in another order, or fewer; their scores are what they are. */
	for (size_t i = 0; !begin && i < m->outputs; i++)
		chord_unscale(&r->l, &value_named(r, m->output[i].name)->chord);
}

MUST static bool
reading_begin(struct ctx *c, const struct onnx_model *m, struct reading *r)
{
	if (!values_begin(c, m, r) || !order_nodes(c, r))
		return false;
	r->l.layer = take(c, (m->nodes + 1) * sizeof *r->l.layer);
	r->l.space = take(c, SPACES_MAX * sizeof *r->l.space);
	if (r->l.layer == NULL || r->l.space == NULL)
		return false;
	for (size_t i = 0; i < r->nodes; i++)
		for (size_t k = 0; k < r->order[i]->inputs; k++)
			if (r->order[i]->input[k].n > 0)
				value_named(r, r->order[i]->input[k])->uses++;
	for (size_t i = 0; i < m->outputs; i++)
		value_named(r, m->output[i].name)->uses++;
	return true;
}

bool
layers_read(struct ctx *c, const struct onnx_model *m, struct layers *ret)
{
	struct reading r;

	if (!reading_begin(c, m, &r))
		return false;
	read_ends(&r, true);
	for (size_t i = 0; i < r.nodes; i++)
		if (!read_node(c, &r, r.order[i]))
			return false;
	read_ends(&r, false);
	if (r.l.n == 0)
		return fail(
		    c, E_CONFLICT, "the model has no layers with weights that are known");
	*ret = r.l;
	return true;
}
