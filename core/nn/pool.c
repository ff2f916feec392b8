/*
 * Pools, plainly: the largest or the mean of what each window sees of the image. MaxPool remembers
 * the winner of each window for the way back, ties go to the first.
 */
#include <math.h>

#include "attrs.h"
#include "families.h"

/* One channel of one image with the three spatial strides of both sides. */
struct sight {
	const struct window *w;
	const struct nn_tensor *in, *out;
	int64_t in_step[SPATIAL_MAX], out_step[SPATIAL_MAX];
};

/* What a window at one place of the output sees, along each dimension: from, to (inside only). */
struct span {
	int64_t start[SPATIAL_MAX];                 /* of the window, may lie in the padding */
	int64_t from[SPATIAL_MAX], to[SPATIAL_MAX]; /* kernel places that are inside */
};

typedef void visit_fn(struct nn_call *, const struct sight *, const struct span *,
    int64_t in_at, int64_t out_at, int64_t nth);

static void
steps_of(const struct nn_tensor *t, int64_t step[SPATIAL_MAX])
{
	for (int i = 0; i < SPATIAL_MAX; i++) {
		int d = t->rank - SPATIAL_MAX + i;

		step[i] = d < 2 ? 0 : t->stride[d];
	}
}

static void
span_along(const struct window *w, int d, int64_t o, struct span *s)
{
	int64_t start = o * w->stride[d] - w->pad[d], by = w->dilation[d];

	s->start[d] = start;
	s->from[d] = start >= 0 ? 0 : (-start + by - 1) / by;
	s->to[d] = w->in[d] - start <= 0 ? 0 : (w->in[d] - start - 1) / by + 1;
	if (s->to[d] > w->kernel[d])
		s->to[d] = w->kernel[d];
}

/* Calls `visit` for each place of the output, in ONNX's order. */
static void
each_window(struct nn_call *k, const struct sight *s, visit_fn *visit)
{
	const struct window *w = s->w;
	int64_t nth = 0, o[SPATIAL_MAX];
	struct span span;

	for (int64_t n = 0; n < w->batch; n++)
		for (int64_t ch = 0; ch < w->channels; ch++) {
			int64_t in_at = n * s->in->stride[0] + ch * s->in->stride[1];
			int64_t out_at = n * s->out->stride[0] + ch * s->out->stride[1];

			for (o[0] = 0; o[0] < w->out[0]; o[0]++)
				for (o[1] = 0; o[1] < w->out[1]; o[1]++)
					for (o[2] = 0; o[2] < w->out[2]; o[2]++, nth++) {
						int64_t at = out_at;

						for (int d = 0; d < SPATIAL_MAX; d++) {
							span_along(w, d, o[d], &span);
							at += o[d] * s->out_step[d];
						}
						visit(k, s, &span, in_at, at, nth);
					}
		}
}

static void
pool_run(
    struct nn_call *k, const struct nn_tensor *in, const struct nn_tensor *out, visit_fn *visit)
{
	struct ctx c = { 0 };
	struct window w;
	struct sight s = { &w, in, out, { 0 }, { 0 } };

	if (!window_of_pool(&c, k, &w))
		return;
	steps_of(in, s.in_step);
	steps_of(out, s.out_step);
	each_window(k, &s, visit);
}

/* Element of the input at one place of the kernel; *ret_flat is its number in ONNX's order. */
static int64_t
seen_at(const struct sight *s, const struct span *p, int64_t a, int64_t b, int64_t e,
    int64_t *ret_flat)
{
	const struct window *w = s->w;
	int64_t x = p->start[0] + a * w->dilation[0], y = p->start[1] + b * w->dilation[1];
	int64_t z = p->start[2] + e * w->dilation[2];

	*ret_flat = (x * w->in[1] + y) * w->in[2] + z;
	return x * s->in_step[0] + y * s->in_step[1] + z * s->in_step[2];
}

#define EACH_SEEN(p)                                                \
	for (int64_t a = (p)->from[0]; a < (p)->to[0]; a++)         \
		for (int64_t b = (p)->from[1]; b < (p)->to[1]; b++) \
			for (int64_t e = (p)->from[2]; e < (p)->to[2]; e++)

static void
pool_output(struct nn_call *k, const struct window *w, struct nn_tensor *out)
{
	shape_like(out, k->in[0]);
	for (int d = 2; d < out->rank; d++)
		out->dim[d] = w->out[SPATIAL_MAX - out->rank + d];
}

/* ---- MaxPool ----------------------------------------------------------------------------- */

bool
max_pool_shape(struct ctx *c, struct nn_call *k)
{
	struct window w;

	if (!window_of_pool(c, k, &w))
		return false;
	pool_output(k, &w, k->out[0]);
	if (k->outs > 1 && k->out[1] != NULL) {
		pool_output(k, &w, k->out[1]);
		k->out[1]->type = NN_INT64;
	}
	k->saved_bytes = (size_t)nn_count(k->out[0]) * sizeof(int32_t);
	return true;
}

/* The index that ONNX gives counts the whole tensor; with storage_order, columns first. */
static int64_t
public_index(const struct nn_call *k, const struct window *w, int64_t nth, int64_t flat)
{
	const struct window_attr *attr = k->attr;
	int64_t plane = w->in[0] * w->in[1] * w->in[2];
	int64_t places = w->out[0] * w->out[1] * w->out[2];

	if (attr->storage_order && k->in[0]->rank == 4)
		flat = flat % w->in[2] * w->in[1] + flat / w->in[2];
	return nth / places * plane + flat;
}

static void
max_visit(struct nn_call *k, const struct sight *s, const struct span *p, int64_t in_at,
    int64_t out_at, int64_t nth)
{
	int32_t *winner = k->saved;
	const float *in = reals(k->in[0]) + in_at;
	float best = -INFINITY;
	int64_t flat, best_flat = -1;

	EACH_SEEN(p)
	{
		float x = in[seen_at(s, p, a, b, e, &flat)];

		if (best_flat < 0 || x > best || (x != x && best == best)) {
			best = x;
			best_flat = flat;
		}
	}
	reals(k->out[0])[out_at] = best;
	winner[nth] = (int32_t)best_flat;
	if (k->outs > 1 && k->out[1] != NULL)
		wholes(k->out[1])[tensor_nth(k->out[1], nth)] = public_index(
		    k, s->w, nth, best_flat);
}

void
max_pool_forward(struct nn_call *k)
{
	pool_run(k, k->in[0], k->out[0], max_visit);
}

static void
max_visit_back(struct nn_call *k, const struct sight *s, const struct span *p, int64_t in_at,
    int64_t out_at, int64_t nth)
{
	int64_t flat = ((const int32_t *)k->saved)[nth], in1 = s->w->in[1], in2 = s->w->in[2];

	(void)p;
	if (flat >= 0)
		reals(k->din[0])[in_at + flat / (in1 * in2) * s->in_step[0] +
		    flat / in2 % in1 * s->in_step[1] + flat % in2 * s->in_step[2]] +=
		    reals(k->dout[0])[out_at];
}

void
max_pool_backward(struct nn_call *k)
{
	pool_run(k, k->din[0], k->dout[0], max_visit_back);
}

/* ---- AveragePool ------------------------------------------------------------------------- */

bool
average_pool_shape(struct ctx *c, struct nn_call *k)
{
	struct window w;

	if (!window_of_pool(c, k, &w))
		return false;
	pool_output(k, &w, k->out[0]);
	return true;
}

/* By how many the sum is divided: places inside, or those of the padding as well. */
static float
divisor(const struct nn_call *k, const struct window *w, const struct span *p)
{
	const struct window_attr *attr = k->attr;
	int64_t count = 1;

	for (int d = 0; d < SPATIAL_MAX; d++) {
		int64_t n = p->to[d] - p->from[d];

		if (attr->count_include_pad) {
			int64_t room = w->in[d] + w->pad_end[d] - p->start[d];

			n = (room + w->dilation[d] - 1) / w->dilation[d];
			n = n > w->kernel[d] ? w->kernel[d] : n;
		}
		count *= n > 0 ? n : 0;
	}
	return count > 0 ? (float)count : 1;
}

static void
average_visit(struct nn_call *k, const struct sight *s, const struct span *p, int64_t in_at,
    int64_t out_at, int64_t nth)
{
	const float *in = reals(k->in[0]) + in_at;
	double sum = 0;
	int64_t flat;

	(void)nth;
	EACH_SEEN(p)
	sum += in[seen_at(s, p, a, b, e, &flat)];
	reals(k->out[0])[out_at] = (float)sum / divisor(k, s->w, p);
}

void
average_pool_forward(struct nn_call *k)
{
	pool_run(k, k->in[0], k->out[0], average_visit);
}

static void
average_visit_back(struct nn_call *k, const struct sight *s, const struct span *p,
    int64_t in_at, int64_t out_at, int64_t nth)
{
	float *din = reals(k->din[0]) + in_at;
	float share = reals(k->dout[0])[out_at] / divisor(k, s->w, p);
	int64_t flat;

	(void)nth;
	EACH_SEEN(p)
	din[seen_at(s, p, a, b, e, &flat)] += share;
}

void
average_pool_backward(struct nn_call *k)
{
	pool_run(k, k->din[0], k->dout[0], average_visit_back);
}
