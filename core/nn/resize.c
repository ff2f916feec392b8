/*
 * Resize (and Upsample, its older form): nearest, linear and cubic interpolation. It is separable:
 * along each dimension a place of the output is a weighted sum of a few places of the input, so
 * that one list of taps per dimension serves forward and backward.
 */
#include <math.h>

#include "attrs.h"
#include "families.h"

enum { TAPS = 4 };

/* For one place of the output along one dimension. */
struct taps {
	int64_t at[TAPS];
	float weight[TAPS];
	int32_t count;
	bool outside; /* takes the extrapolation value */
};

/* How many places each dimension has, and by what it grows. Inputs: data, roi, scales, sizes. */
static bool
scales_of(struct ctx *c, const struct nn_call *k, double scale[], int64_t size[])
{
	const struct nn_tensor *in = k->in[0];
	const struct nn_tensor *scales = k->ins > 2 ? k->in[2] : NULL;
	bool by_size = k->ins > 3 && k->in[3] != NULL;
	size_t n;

	if (by_size) {
		if (!shape_ints(c, k, 3, NN_RANK_MAX, size, &n))
			return false;
		for (int d = 0; d < in->rank && n == (size_t)in->rank; d++)
			scale[d] = (double)size[d] / (double)(in->dim[d] > 0 ? in->dim[d] : 1);
	} else {
		if (scales == NULL || !is_real(scales) || scales->rank != 1)
			return fail(c, E_INPUT, "neither scales nor sizes are given");
		if (scales->data == NULL)
			return fail_unknown(c, 2);
		n = (size_t)scales->dim[0];
		for (int d = 0; d < in->rank && n == (size_t)in->rank; d++) {
			scale[d] = reals(scales)[d * scales->stride[0]];
			if (!(scale[d] > 0) || scale[d] > 1e6)
				return fail(c, E_INPUT, "a scale of %g", scale[d]);
			size[d] = (int64_t)floor((double)in->dim[d] * scale[d]);
		}
	}
	if (n != (size_t)in->rank)
		return fail(c, E_INPUT, "%zu scales for a tensor of rank %d", n, in->rank);
	for (int d = 0; d < in->rank; d++)
		if (size[d] < 0 || size[d] > COUNT_MAX || (in->dim[d] == 0 && size[d] > 0))
			return fail(c, E_INPUT, "a size of %lld", (long long)size[d]);
	return true;
}

bool
resize_shape(struct ctx *c, struct nn_call *k)
{
	const struct resize_attr *attr = k->attr;
	double scale[NN_RANK_MAX];
	int64_t size[NN_RANK_MAX], sum = 0;

	if (!is_real(k->in[0]) || k->in[0]->rank < 1)
		return fail(c, E_INPUT, "the input has to be real");
	if (!scales_of(c, k, scale, size))
		return false;
	if (attr->place == PLACE_CROP && k->ins > 1 && k->in[1] != NULL &&
	    k->in[1]->data == NULL)
		return fail_unknown(c, 1);
	if (attr->place == PLACE_CROP &&
	    (k->ins < 2 || k->in[1] == NULL || !is_real(k->in[1]) ||
		nn_count(k->in[1]) != 2 * k->in[0]->rank))
		return fail(c, E_INPUT, "the region does not fit the input");
	shape_like(k->out[0], k->in[0]);
	for (int d = 0; d < k->in[0]->rank; d++) {
		k->out[0]->dim[d] = size[d];
		sum += size[d];
	}
	k->scratch_bytes = (size_t)sum * sizeof(struct taps);
	return true;
}

/* ---- Taps -------------------------------------------------------------------------------- */

struct along {
	const struct resize_attr *attr;
	double scale, from, to; /* from, to: the region, as shares of the input */
	int64_t in, out;
	bool by_size; /* else the output's length is the scaled one, a fraction maybe */
};

/* The input's coordinate of place x of the output (ONNX, operator Resize). */
static double
place(const struct along *a, int64_t x)
{
	double at = (double)x, in = (double)a->in;
	double out = a->by_size ? (double)a->out : in * a->scale;

	switch (a->attr->place) {
	case PLACE_HALF_PIXEL:
		return (at + 0.5) / a->scale - 0.5;
	case PLACE_PYTORCH_HALF_PIXEL:
		return a->out > 1 ? (at + 0.5) / a->scale - 0.5 : 0;
	case PLACE_ASYMMETRIC:
		return at / a->scale;
	case PLACE_ALIGN_CORNERS:
		return a->out > 1 ? at * (in - 1) / (out - 1) : 0;
	case PLACE_TF_HALF_PIXEL:
		return (at + 0.5) / a->scale;
	case PLACE_CROP:
		return a->out > 1
		    ? a->from * (in - 1) + at * (a->to - a->from) * (in - 1) / (out - 1)
		    : 0.5 * (a->from + a->to) * (in - 1);
	}
	abort();
}

static int64_t
clamp(double x, int64_t n)
{
	return x < 0 ? 0 : x > (double)(n - 1) ? n - 1 : (int64_t)x;
}

static double
rounded(enum resize_round how, double x)
{
	switch (how) {
	case ROUND_PREFER_FLOOR:
		return ceil(x - 0.5);
	case ROUND_PREFER_CEIL:
		return floor(x + 0.5);
	case ROUND_FLOOR:
		return floor(x);
	case ROUND_CEIL:
		return ceil(x);
	}
	abort();
}

/* Keys' cubic convolution (1981) with parameter a, for the places -1, 0, 1, 2 around. */
static void
cubic_weights(double a, double t, double w[TAPS])
{
	double s = 1 - t, p = 1 + t, q = 1 + s;

	w[0] = ((a * p - 5 * a) * p + 8 * a) * p - 4 * a;
	w[1] = ((a + 2) * t - (a + 3)) * t * t + 1;
	w[2] = ((a + 2) * s - (a + 3)) * s * s + 1;
	w[3] = ((a * q - 5 * a) * q + 8 * a) * q - 4 * a;
}

static struct taps
cubic_taps(const struct along *a, double x)
{
	struct taps t = { .count = TAPS };
	double first = floor(x), w[TAPS], sum = 0;

	cubic_weights((double)a->attr->cubic_a, x - first, w);
	for (int i = 0; i < TAPS; i++) {
		double at = first - 1 + i;

		if (a->attr->exclude_outside && (at < 0 || at > (double)(a->in - 1)))
			w[i] = 0;
		t.at[i] = clamp(at, a->in);
		sum += w[i];
	}
	for (int i = 0; i < TAPS; i++)
		t.weight[i] = (float)(a->attr->exclude_outside ? w[i] / sum : w[i]);
	return t;
}

static struct taps
linear_taps(const struct along *a, double x)
{
	double inside = x < 0 ? 0 : x > (double)(a->in - 1) ? (double)(a->in - 1) : x;
	double first = floor(inside);
	struct taps t = { .count = 2 };

	t.at[0] = (int64_t)first;
	t.at[1] = t.at[0] + 1 < a->in ? t.at[0] + 1 : t.at[0];
	t.weight[1] = (float)(inside - first);
	t.weight[0] = 1 - t.weight[1];
	return t;
}

static struct taps
taps_at(const struct along *a, int64_t out)
{
	double x = place(a, out);
	struct taps t = { .count = 1 };

	if (a->scale == 1 && a->in == a->out && a->attr->place != PLACE_CROP) {
		t.at[0] = out;
		t.weight[0] = 1;
	} else if (a->attr->mode == RESIZE_NEAREST) {
		t.at[0] = clamp(rounded(a->attr->round, x), a->in);
		t.weight[0] = 1;
	} else if (a->attr->mode == RESIZE_LINEAR) {
		t = linear_taps(a, x);
	} else {
		t = cubic_taps(a, x);
	}
	t.outside = a->attr->place == PLACE_CROP && (x < 0 || x > (double)(a->in - 1));
	return t;
}

/* One list after the other, by dimension. */
static bool
all_taps(const struct nn_call *k, struct taps *taps)
{
	const struct resize_attr *attr = k->attr;
	double scale[NN_RANK_MAX];
	int64_t size[NN_RANK_MAX];
	struct ctx c = { 0 };
	int rank = k->in[0]->rank;

	if (!scales_of(&c, k, scale, size))
		return false;
	for (int d = 0; d < rank; d++) {
		struct along a = { attr, scale[d], 0, 1, k->in[0]->dim[d], size[d],
			k->ins > 3 && k->in[3] != NULL };

		if (attr->place == PLACE_CROP) {
			a.from = tensor_read(k->in[1], d);
			a.to = tensor_read(k->in[1], d + rank);
		}
		for (int64_t i = 0; i < size[d]; i++)
			*taps++ = taps_at(&a, i);
	}
	return true;
}

/* ---- Sums over taps ---------------------------------------------------------------------- */

/* A row along the last dimension: the taps of the others, and all of the last one's. */
struct point {
	const struct taps *tap[NN_RANK_MAX];
	int rank;
	bool outside; /* by the others */
	bool single;  /* the others have one tap each, which lead to `base` */
	int64_t base;
};

static struct point
row_of(const struct nn_tensor *out, const struct nn_tensor *in, const struct taps *taps,
    int64_t nth)
{
	struct point p = { .rank = out->rank, .single = true };

	for (int d = out->rank - 1; d >= 0; d--) {
		const struct taps *list = taps;

		for (int e = 0; e < d; e++)
			list += out->dim[e];
		p.tap[d] = list;
		if (d + 1 == out->rank)
			continue;
		p.tap[d] += nth % out->dim[d];
		nth /= out->dim[d];
		p.outside |= p.tap[d]->outside;
		p.single &= p.tap[d]->count == 1;
		p.base += p.tap[d]->at[0] * in->stride[d];
	}
	return p;
}

static float
read_point(const struct point *p, const struct nn_tensor *in, int d, int64_t at)
{
	const struct taps *t = p->tap[d];
	float sum = 0;

	for (int i = 0; i < t->count; i++) {
		int64_t place_in = at + t->at[i] * in->stride[d];

		sum += t->weight[i] *
		    (d + 1 == p->rank ? reals(in)[place_in]
				      : read_point(p, in, d + 1, place_in));
	}
	return sum;
}

static void
write_point(const struct point *p, const struct nn_tensor *din, int d, int64_t at, float g)
{
	const struct taps *t = p->tap[d];

	for (int i = 0; i < t->count; i++) {
		int64_t place_in = at + t->at[i] * din->stride[d];

		if (d + 1 == p->rank)
			reals(din)[place_in] += g * t->weight[i];
		else
			write_point(p, din, d + 1, place_in, g * t->weight[i]);
	}
}

/* Along the last dimension alone. */
static float
read_last(const struct taps *t, const float *in, int64_t stride)
{
	float sum = 0;

	for (int i = 0; i < t->count; i++)
		sum += t->weight[i] * in[t->at[i] * stride];
	return sum;
}

static void
write_last(const struct taps *t, float *din, int64_t stride, float g)
{
	for (int i = 0; i < t->count; i++)
		din[t->at[i] * stride] += g * t->weight[i];
}

void
resize_forward(struct nn_call *k)
{
	const struct resize_attr *attr = k->attr;
	const struct nn_tensor *in = k->in[0], *out = k->out[0];
	int last = out->rank - 1;
	int64_t width = out->dim[last], rows = width > 0 ? nn_count(out) / width : 0;

	if (!all_taps(k, k->scratch))
		return;
	for (int64_t row = 0; row < rows; row++) {
		struct point p = row_of(out, in, k->scratch, row);
		float *to = reals(out) + tensor_nth(out, row * width);
		const struct taps *t = p.tap[last];

		for (int64_t x = 0; x < width; x++, t++, to += out->stride[last]) {
			p.tap[last] = t;
			if (p.outside || t->outside)
				*to = attr->outside;
			else if (p.single)
				*to = read_last(t, reals(in) + p.base, in->stride[last]);
			else
				*to = read_point(&p, in, 0, 0);
		}
	}
}

void
resize_backward(struct nn_call *k)
{
	const struct nn_tensor *din = k->din[0], *dout = k->dout[0];
	int last = dout->rank - 1;
	int64_t width = dout->dim[last], rows = width > 0 ? nn_count(dout) / width : 0;

	if (!all_taps(k, k->scratch))
		return;
	for (int64_t row = 0; row < rows; row++) {
		struct point p = row_of(dout, din, k->scratch, row);
		const float *from = reals(dout) + tensor_nth(dout, row * width);
		const struct taps *t = p.tap[last];

		for (int64_t x = 0; x < width; x++, t++, from += dout->stride[last]) {
			p.tap[last] = t;
			if (p.outside || t->outside)
				continue;
			if (p.single)
				write_last(t, reals(din) + p.base, din->stride[last], *from);
			else
				write_point(&p, din, 0, 0, *from);
		}
	}
}
