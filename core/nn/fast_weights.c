/*
 * What stands still between two changes of the weights: primitives, weights in the library's own
 * layouts, with fused factors and summands folded in, and coefficients by channel.
 */
#include <math.h>

#include "attrs.h"
#include "fast_weights.h"

static int32_t
input_of(const struct fast_node *n, int i)
{
	const struct nn_node *node = n->step->node;

	return i < node->ins ? node->in[i] : -1;
}

static bool
wanted_at(const struct fast *f, const struct fast_node *n, int i)
{
	return input_of(n, i) >= 0 && fast_wanted(f, input_of(n, i));
}

/* ---- Convolutions ------------------------------------------------------------------------ */

static bool
shape_of(const struct fast_node *n, struct conv_shape *ret)
{
	const struct nn_call *k = &n->step->call;
	const struct window_attr *a = k->attr;
	struct ctx c = { 0 };
	struct window w;

	if (n->transposed ? !window_of_conv_transpose(&c, k, &w) : !window_of_conv(&c, k, &w))
		return false;
	*ret = (struct conv_shape){ .channels = w.channels,
		.maps = k->in[1]->dim[0],
		.group = a->group,
		.space = k->in[0]->rank == 5 ? 3 : 2 };
	memcpy(ret->in, w.in, sizeof w.in);
	memcpy(ret->out, w.out, sizeof w.out);
	memcpy(ret->kernel, w.kernel, sizeof w.kernel);
	memcpy(ret->stride, w.stride, sizeof w.stride);
	memcpy(ret->dilation, w.dilation, sizeof w.dilation);
	memcpy(ret->pad, w.pad, sizeof w.pad);
	memcpy(ret->pad_end, w.pad_end, sizeof w.pad_end);
	return true;
}

/* A transposed convolution runs forward as another one runs back to its image. */
static bool
pass_needed(const struct fast *f, const struct fast_node *n, enum conv_pass pass)
{
	if (pass == CONV_TO_WEIGHTS)
		return f->backward && (wanted_at(f, n, 1) || wanted_at(f, n, 2));
	return pass == fast_conv_forward(n) || (f->backward && fast_wanted(f, n->x));
}

bool
fast_conv_possible(struct ctx *c, struct fast *f, const struct fast_node *n, bool *ret)
{
	struct conv_part one = { .images = 1 };
	struct conv_shape shape;
	bool can = shape_of(n, &shape);

	one.to = can ? shape.out[1] : 0;
	for (enum conv_pass pass = CONV_FORWARD; can && pass <= CONV_TO_WEIGHTS; pass++) {
		owned(conv_free) struct conv *v = NULL;

		if (!pass_needed(f, n, pass))
			continue;
		if (!conv_new(c, &shape, pass, NULL, &one, 1, 1, &v))
			return false;
		can = v != NULL;
	}
	*ret = can;
	return true;
}

/* A chunk and what is left of the batch; or, of one image, the rows of each thread. */
static int
parts_of(const struct fast *f, const struct fast_node *n, int phase,
    struct conv_part ret[CONV_VARIANTS])
{
	int64_t chunk = f->phase[phase].chunk, rows = n->conv->shape.out[1];
	int64_t images[2] = { chunk, f->batch % chunk };
	int parts = n->split ? f->threads : images[1] > 0 ? 2 : 1;

	for (int i = 0; i < parts; i++)
		ret[i] = n->split
		    ? (struct conv_part){ 1, rows * i / parts, rows * (i + 1) / parts }
		    : (struct conv_part){ images[i], 0, rows };
	return parts;
}

/* What is left to the library when the node's own result comes. */
static struct conv_after
after_of(const struct fast *f, const struct fast_node *n, enum conv_pass pass)
{
	struct conv_after after = { .range = { -INFINITY, INFINITY } };

	if (n->transposed)
		return after;
	after.bias = pass == CONV_FORWARD ? input_of(n, 2) >= 0 || n->chained > 0
					  : wanted_at(f, n, 2);
	after.adds = n->u >= 0;
	after.range = n->range;
	return after;
}

static bool
pass_new(struct ctx *c, struct fast *f, struct fast_node *n, enum conv_pass pass)
{
	struct fast_conv *v = n->conv;
	const struct conv_after after = after_of(f, n, pass);
	bool forward = pass == fast_conv_forward(n);
	int phase = forward ? n->phase : n->back_phase, parts;
	struct conv_part part[CONV_VARIANTS];

	if (!pass_needed(f, n, pass) || (!forward && n->back_phase == 0))
		return true;
	parts = parts_of(f, n, phase, part);
	v->chunk[pass] = f->phase[phase].chunk;
	if (!conv_new(c, &v->shape, pass, &after, part, parts, f->threads, &v->run[pass]))
		return false;
	if (v->run[pass] == NULL)
		return fail(c, E_INTERNAL, "a convolution cannot be made");
	if (v->scratch < conv_scratch(v->run[pass]))
		v->scratch = (conv_scratch(v->run[pass]) + 63) & ~(size_t)63;
	if (pass != CONV_TO_WEIGHTS)
		v->packed[pass] = fast_floats(f, conv_packed(v->run[pass]));
	return true;
}

static void
sums_new(struct fast *f, const struct fast_node *n, struct fast_conv *v)
{
	if (v->run[CONV_TO_WEIGHTS] == NULL)
		return;
	v->sums_packed = (conv_packed(v->run[CONV_TO_WEIGHTS]) + 15) & ~(size_t)15;
	v->sums_count = v->sums_packed +
	    (size_t)(n->transposed ? v->shape.channels : v->shape.maps);
	v->sums = fast_take(f, (size_t)f->threads * sizeof *v->sums);
	v->begun = fast_take(f, (size_t)f->threads * sizeof *v->begun);
	v->unpacked = fast_floats(f, (size_t)nn_count(n->step->call.in[1]));
	for (int i = 0; v->sums != NULL && i < f->threads; i++)
		v->sums[i] = fast_floats(f, v->sums_count);
}

/* A bias that is added after the library is done. */
static void
bias_new(struct fast *f, struct fast_node *n, int64_t count)
{
	n->bias_count = input_of(n, 2) < 0 ? 0 : count;
	if (n->bias_count > 0) {
		n->bias = fast_floats(f, (size_t)count);
		n->ones = fast_floats(f, (size_t)count);
	}
}

static bool
conv_node_new(struct ctx *c, struct fast *f, struct fast_node *n)
{
	struct fast_conv *v = n->conv = fast_take(f, sizeof *v);

	if (v == NULL || !shape_of(n, &v->shape))
		return fail(c, E_MEMORY, "no memory for a convolution");
	for (enum conv_pass pass = CONV_FORWARD; pass <= CONV_TO_WEIGHTS; pass++)
		if (!pass_new(c, f, n, pass))
			return false;
	if (n->chained > 0)
		v->folded = fast_floats(f, (size_t)nn_count(n->step->call.in[1]));
	if (n->transposed)
		bias_new(f, n, v->shape.channels);
	else if (n->chained > 0 || input_of(n, 2) >= 0)
		v->bias = fast_floats(f, (size_t)v->shape.maps);
	sums_new(f, n, v);
	fast_scratch(f, v->scratch + v->sums_count * sizeof(float));
	return true;
}

/* ---- Factors and summands ---------------------------------------------------------------- */

static double
number(const struct fast *f, int32_t value, int64_t c)
{
	return (double)fast_fixed(f, value)[nn_count(f->value[value].t) == 1 ? 0 : c];
}

/* One more step of the chain: x * a + b, then this. */
static void
chain_step(struct fast *f, const struct nn_step *s, int64_t c, double *a, double *b)
{
	const struct nn_node *node = s->node;
	bool swapped = !fast_batched(f, node->in[0]);
	double k = node->op == OP_BATCH_NORMALIZATION ? 0
						      : number(f, node->in[swapped ? 0 : 1], c);

	if (node->op == OP_BATCH_NORMALIZATION) {
		const struct norm_attr *attr = s->call.attr;
		double scale = number(f, node->in[1], c) /
		    sqrt(number(f, node->in[4], c) + (double)attr->epsilon);

		*b = (*b - number(f, node->in[3], c)) * scale + number(f, node->in[2], c);
		*a *= scale;
	} else if (node->op == OP_ADD) {
		*b += k;
	} else if (node->op == OP_SUB) {
		*a = swapped ? -*a : *a;
		*b = swapped ? k - *b : *b - k;
	} else {
		k = node->op == OP_DIV ? 1 / k : k;
		*a *= k;
		*b *= k;
	}
}

static void
chain(struct fast *f, const struct fast_node *n, int64_t c, double *ret_a, double *ret_b)
{
	*ret_a = 1;
	*ret_b = 0;
	for (int i = 0; i < n->chained; i++)
		chain_step(f, n->chain[i], c, ret_a, ret_b);
}

/* ---- Preparing --------------------------------------------------------------------------- */

static void
prepare_conv(struct fast *f, struct fast_node *n)
{
	struct fast_conv *v = n->conv;
	const float *weights = fast_fixed(f, input_of(n, 1));
	const float *bias = input_of(n, 2) < 0 ? NULL : fast_fixed(f, input_of(n, 2));
	int64_t each = nn_count(n->step->call.in[1]) / v->shape.maps;

	for (int64_t m = 0; v->bias != NULL && m < v->shape.maps; m++) {
		double a, b;

		chain(f, n, m, &a, &b);
		v->bias[m] = (float)(b + a * (bias == NULL ? 0 : (double)bias[m]));
		for (int64_t i = m * each; v->folded != NULL && i < (m + 1) * each; i++)
			v->folded[i] = (float)((double)weights[i] * a);
	}
	if (v->folded != NULL)
		weights = v->folded;
	for (int pass = CONV_FORWARD; pass <= CONV_TO_IMAGE; pass++)
		if (v->packed[pass] != NULL)
			conv_pack(v->run[pass], weights, v->packed[pass]);
}

static void
prepare_affine(struct fast *f, struct fast_node *n)
{
	for (int64_t c = 0; c < n->k->channels; c++) {
		double a, b;

		chain(f, n, c, &a, &b);
		n->k->a[c] = (float)a;
		n->k->b[c] = (float)b;
	}
}

static void
prepare_norm(struct fast *f, struct fast_node *n)
{
	const struct nn_node *node = n->chain[0]->node;

	for (int64_t c = 0; c < n->k->channels; c++)
		fast_norm_channel(
		    f, n, c, number(f, node->in[3], c), number(f, node->in[4], c));
}

static void
prepare_bias(const struct fast *f, struct fast_node *n)
{
	for (int64_t i = 0; i < n->bias_count; i++) {
		n->ones[i] = 1;
		n->bias[i] = fast_fixed(f, input_of(n, 2))[i];
	}
}

void
fast_weights_prepare(struct fast *f, struct fast_node *n)
{
	if (n->kind == FAST_CONV)
		prepare_conv(f, n);
	prepare_bias(f, n);
	if (n->kind == FAST_AFFINE)
		prepare_affine(f, n);
	if (n->kind == FAST_NORM && !n->of_batch)
		prepare_norm(f, n);
	if (n->kind == FAST_AFFINE || (n->kind == FAST_NORM && !n->of_batch)) {
		fast_norm_done(n);
		memcpy(n->k->back[2], n->k->a, (size_t)n->k->period * sizeof(float));
	}
}

/* ---- Making and freeing ------------------------------------------------------------------ */

static void
gemm_node_new(struct fast *f, struct fast_node *n)
{
	size_t weights = (size_t)(n->product.k * n->product.n), maps = (size_t)n->product.n;

	bias_new(f, n, n->product.n);
	if (!f->backward || !(wanted_at(f, n, 1) || wanted_at(f, n, 2)))
		return;
	n->sums = fast_take(f, (size_t)f->threads * sizeof *n->sums);
	for (int i = 0; n->sums != NULL && i < f->threads; i++)
		n->sums[i] = fast_floats(f, weights + maps);
}

bool
fast_weights_new(struct ctx *c, struct fast *f, struct fast_node *n)
{
	if (n->kind == FAST_GEMM)
		gemm_node_new(f, n);
	return n->kind != FAST_CONV || conv_node_new(c, f, n);
}

void
fast_weights_free(struct fast_node *n)
{
	for (int i = 0; n->conv != NULL && i < 3; i++)
		conv_free(&n->conv->run[i]);
}
