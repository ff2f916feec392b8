/*
 * Convolutions, plainly. Forward, the gradient of the image and the gradient of the weights are one
 * nest of loops that meets every pair (place of the image, place of the map) that a weight joins;
 * a transposed convolution is the same nest with image and map exchanged.
 */
#include "attrs.h"
#include "families.h"

/* A tensor of three spatial dimensions: strides of batch, channel and space. */
struct field {
	float *p;
	int64_t n, c, s[SPATIAL_MAX];
};

enum pass { TO_MAP, TO_IMAGE, TO_WEIGHTS };

struct nest {
	struct window w;
	int64_t group, maps; /* channels of the map */
	struct field image, map, weights;
	enum pass pass;
};

static struct field
field_of(const struct nn_tensor *t)
{
	struct field f = { t->data, t->stride[0], t->stride[1], { 0 } };

	for (int d = 2; d < t->rank; d++)
		f.s[SPATIAL_MAX - t->rank + d] = t->stride[d];
	return f;
}

/* The places o of the map with 0 <= o * stride + shift < in. */
static void
valid(const struct window *w, int d, int64_t shift, int64_t *ret_from, int64_t *ret_to)
{
	int64_t stride = w->stride[d], last = w->in[d] - 1 - shift;

	*ret_from = shift >= 0 ? 0 : (-shift + stride - 1) / stride;
	*ret_to = last < 0 ? 0 : last / stride + 1;
	if (*ret_to > w->out[d])
		*ret_to = w->out[d];
}

/* One row of the innermost dimension for one weight; returns what the weight's gradient gets. */
static double
row(const struct nest *v, float *image, float *map, int64_t count, float weight)
{
	int64_t i_step = v->image.s[2] * v->w.stride[2], m_step = v->map.s[2];
	float sum = 0;

	switch (v->pass) {
	case TO_MAP:
		if (i_step == 1 && m_step == 1)
			for (int64_t o = 0; o < count; o++)
				map[o] += weight * image[o];
		else
			for (int64_t o = 0; o < count; o++)
				map[o * m_step] += weight * image[o * i_step];
		break;
	case TO_IMAGE:
		for (int64_t o = 0; o < count; o++)
			image[o * i_step] += weight * map[o * m_step];
		break;
	case TO_WEIGHTS:
		for (int64_t o = 0; o < count; o++)
			sum += image[o * i_step] * map[o * m_step];
		break;
	}
	return (double)sum;
}

/* All rows of one image that the weight at place k of the kernel joins. */
static double
plane(const struct nest *v, float *image, float *map, const int64_t k[], float weight)
{
	const struct window *w = &v->w;
	int64_t shift[SPATIAL_MAX], from[SPATIAL_MAX], to[SPATIAL_MAX];
	double sum = 0;

	for (int d = 0; d < SPATIAL_MAX; d++) {
		shift[d] = k[d] * w->dilation[d] - w->pad[d];
		valid(w, d, shift[d], &from[d], &to[d]);
		if (from[d] >= to[d])
			return 0;
	}
	for (int64_t a = from[0]; a < to[0]; a++)
		for (int64_t b = from[1]; b < to[1]; b++)
			sum += row(v,
			    image + (a * w->stride[0] + shift[0]) * v->image.s[0] +
				(b * w->stride[1] + shift[1]) * v->image.s[1] +
				(from[2] * w->stride[2] + shift[2]) * v->image.s[2],
			    map + a * v->map.s[0] + b * v->map.s[1] + from[2] * v->map.s[2],
			    to[2] - from[2], weight);
	return sum;
}

/* Every place of the kernel between channel `c` of the image and channel `m` of the map. */
static void
channel_pair(const struct nest *v, int64_t m, int64_t c, int64_t first, int64_t last)
{
	int64_t per_group = v->w.channels / v->group;
	float *weights = v->weights.p + m * v->weights.n + c % per_group * v->weights.c;
	int64_t k[SPATIAL_MAX];

	for (k[0] = 0; k[0] < v->w.kernel[0]; k[0]++)
		for (k[1] = 0; k[1] < v->w.kernel[1]; k[1]++)
			for (k[2] = 0; k[2] < v->w.kernel[2]; k[2]++) {
				float *weight = weights + k[0] * v->weights.s[0] +
				    k[1] * v->weights.s[1] + k[2] * v->weights.s[2];
				double sum = 0;

				for (int64_t n = first; n < last; n++)
					sum += plane(v,
					    v->image.p + n * v->image.n + c * v->image.c,
					    v->map.p + n * v->map.n + m * v->map.c, k, *weight);
				if (v->pass == TO_WEIGHTS)
					*weight += (float)sum;
			}
}

static void
nest_images(const struct nest *v, int64_t first, int64_t last)
{
	int64_t images = v->w.channels / v->group, maps = v->maps / v->group;

	for (int64_t m = 0; m < v->maps; m++)
		for (int64_t c = m / maps * images; c < (m / maps + 1) * images; c++)
			channel_pair(v, m, c, first, last);
}

/* Adds into what the pass is towards. Weights see the whole batch at once, the others an image. */
static void
nest_run(const struct nest *v)
{
	if (v->pass == TO_WEIGHTS) {
		nest_images(v, 0, v->w.batch);
		return;
	}
	for (int64_t n = 0; n < v->w.batch; n++)
		nest_images(v, n, n + 1);
}

static void
run(const struct nn_call *k, const struct window *w, enum pass pass,
    const struct nn_tensor *image, const struct nn_tensor *map, const struct nn_tensor *weights)
{
	const struct window_attr *a = k->attr;
	const struct nest v = { *w, a->group, map->dim[1], field_of(image), field_of(map),
		field_of(weights), pass };

	if (nn_count(image) > 0 && nn_count(map) > 0)
		nest_run(&v);
}

/* ---- The bias, which both have ----------------------------------------------------------- */

static void
start_with_bias(struct nn_call *k)
{
	struct nn_tensor bias;

	if (k->ins < 3 || k->in[2] == NULL) {
		tensor_fill(k->out[0], 0);
		return;
	}
	bias = *k->in[2];
	for (int d = 2; d < k->out[0]->rank; d++)
		shape_push(&bias, 1);
	tensor_copy(k->out[0], &bias);
}

static void
bias_backward(struct nn_call *k)
{
	int64_t channels = k->dout[0]->dim[1];

	if (k->ins < 3 || k->din[2] == NULL)
		return;
	for (int64_t m = 0; m < channels; m++) {
		const struct nn_tensor one = tensor_at(k->dout[0], 1, m), *const t = &one;
		double sum = 0;

		for (struct walk w = walk_over(t, 1, &t); w.n > 0; walk_next(&w))
			for (int64_t i = 0; i < w.n; i++)
				sum += reals(t)[w.at[0] + i * w.by[0]];
		reals(k->din[2])[m * k->din[2]->stride[0]] += (float)sum;
	}
}

static void
output_shape(struct nn_call *k, int64_t channels, const int64_t space[SPATIAL_MAX])
{
	int spatial = k->in[0]->rank - 2;

	k->out[0]->type = NN_FLOAT;
	k->out[0]->rank = 0;
	shape_push(k->out[0], k->in[0]->dim[0]);
	shape_push(k->out[0], channels);
	for (int i = SPATIAL_MAX - spatial; i < SPATIAL_MAX; i++)
		shape_push(k->out[0], space[i]);
}

/* ---- Conv -------------------------------------------------------------------------------- */

bool
conv_shape(struct ctx *c, struct nn_call *k)
{
	struct window w;

	if (!window_of_conv(c, k, &w))
		return false;
	output_shape(k, k->in[1]->dim[0], w.out);
	return true;
}

void
conv_forward(struct nn_call *k)
{
	struct ctx c = { 0 };
	struct window w;

	if (!window_of_conv(&c, k, &w))
		return;
	start_with_bias(k);
	run(k, &w, TO_MAP, k->in[0], k->out[0], k->in[1]);
}

void
conv_backward(struct nn_call *k)
{
	struct ctx c = { 0 };
	struct window w;

	if (!window_of_conv(&c, k, &w))
		return;
	if (k->din[0] != NULL)
		run(k, &w, TO_IMAGE, k->din[0], k->dout[0], k->in[1]);
	if (k->din[1] != NULL)
		run(k, &w, TO_WEIGHTS, k->in[0], k->dout[0], k->din[1]);
	bias_backward(k);
}

/* ---- ConvTranspose ----------------------------------------------------------------------- */

bool
conv_transpose_shape(struct ctx *c, struct nn_call *k)
{
	struct window w;

	if (!window_of_conv_transpose(c, k, &w))
		return false;
	output_shape(k, w.channels, w.in);
	return true;
}

void
conv_transpose_forward(struct nn_call *k)
{
	struct ctx c = { 0 };
	struct window w;

	if (!window_of_conv_transpose(&c, k, &w))
		return;
	start_with_bias(k);
	run(k, &w, TO_IMAGE, k->out[0], k->in[0], k->in[1]);
}

void
conv_transpose_backward(struct nn_call *k)
{
	struct ctx c = { 0 };
	struct window w;

	if (!window_of_conv_transpose(&c, k, &w))
		return;
	if (k->din[0] != NULL)
		run(k, &w, TO_MAP, k->dout[0], k->din[0], k->in[1]);
	if (k->din[1] != NULL)
		run(k, &w, TO_WEIGHTS, k->dout[0], k->in[0], k->din[1]);
	bias_backward(k);
}
