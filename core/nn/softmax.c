/*
 * Softmax, its logarithm, and Hardmax, along one axis (or, before opset 13, over all axes from one
 * on). Every line is shifted by its maximum, so that nothing overflows.
 */
#include <math.h>

#include "attrs.h"
#include "families.h"

bool
softmax_shape(struct ctx *c, struct nn_call *k)
{
	const struct axis_attr *attr = k->attr;
	int axis;

	/* The old form may flatten nothing at all: axis == rank. */
	if (!(attr->flatten && attr->axis == k->in[0]->rank) &&
	    !shape_axis(c, attr->axis, k->in[0]->rank, &axis))
		return false;
	return shape_same(c, k);
}

static uint32_t
line_mask(const struct nn_call *k)
{
	const struct axis_attr *attr = k->attr;
	int rank = k->in[0]->rank;
	int axis = (int)(attr->axis < 0 ? attr->axis + rank : attr->axis);

	return attr->flatten ? ((1u << rank) - 1) & ~((1u << axis) - 1) : 1u << axis;
}

/* The lines of up to three tensors of one shape. */
struct lines {
	struct nn_tensor outer[3], inner[3];
	struct walk w;
	int64_t i;
	int count;
};

static struct lines
lines_of(const struct nn_call *k, int count, const struct nn_tensor *const t[])
{
	struct lines l = { .count = count };
	const struct nn_tensor *outer[3];

	for (int n = 0; n < count; n++) {
		tensor_split(t[n], line_mask(k), &l.outer[n], &l.inner[n]);
		outer[n] = &l.outer[n];
	}
	l.w = walk_over(outer[0], count, outer);
	return l;
}

/* The next line of each tensor; false after the last one. */
static bool
lines_next(struct lines *l, struct nn_tensor line[])
{
	if (l->i == l->w.n && l->w.n > 0) {
		walk_next(&l->w);
		l->i = 0;
	}
	if (l->w.n == 0)
		return false;
	for (int n = 0; n < l->count; n++)
		line[n] = tensor_moved(&l->inner[n], l->w.at[n] + l->i * l->w.by[n]);
	l->i++;
	return true;
}

static float
largest(const struct nn_tensor *x)
{
	float best = -INFINITY;

	for (struct walk w = walk_over(x, 1, &x); w.n > 0; walk_next(&w))
		for (int64_t i = 0; i < w.n; i++)
			best = fmaxf(best, reals(x)[w.at[0] + i * w.by[0]]);
	return best;
}

static double
sum_of_powers(const struct nn_tensor *x, float shift)
{
	double sum = 0;

	for (struct walk w = walk_over(x, 1, &x); w.n > 0; walk_next(&w))
		for (int64_t i = 0; i < w.n; i++)
			sum += expf(reals(x)[w.at[0] + i * w.by[0]] - shift);
	return sum;
}

static void
softmax_line(const struct nn_tensor *y, const struct nn_tensor *x, bool logarithm)
{
	const struct nn_tensor *const t[] = { y, x };
	float shift = largest(x);
	double sum = sum_of_powers(x, shift);
	float by = (float)(1 / sum), less = (float)log(sum);

	for (struct walk w = walk_over(y, 2, t); w.n > 0; walk_next(&w))
		for (int64_t i = 0; i < w.n; i++) {
			float d = reals(x)[w.at[1] + i * w.by[1]] - shift;

			reals(y)[w.at[0] + i * w.by[0]] = logarithm ? d - less : expf(d) * by;
		}
}

static void
forward(struct nn_call *k, bool logarithm)
{
	const struct nn_tensor *const t[] = { k->out[0], k->in[0] };
	struct lines l = lines_of(k, 2, t);
	struct nn_tensor line[2];

	while (lines_next(&l, line))
		softmax_line(&line[0], &line[1], logarithm);
}

void
softmax_forward(struct nn_call *k)
{
	forward(k, false);
}

void
log_softmax_forward(struct nn_call *k)
{
	forward(k, true);
}

/* Softmax: dx = y * (dy - sum dy * y). Its logarithm: dx = dy - exp(y) * sum dy. */
static void
line_backward(const struct nn_tensor *dx, const struct nn_tensor *dy, const struct nn_tensor *y,
    bool logarithm)
{
	const struct nn_tensor *const t[] = { dx, dy, y };
	double sum = 0;

	for (struct walk w = walk_over(dx, 3, t); w.n > 0; walk_next(&w))
		for (int64_t i = 0; i < w.n; i++)
			sum += (double)reals(dy)[w.at[1] + i * w.by[1]] *
			    (logarithm ? 1 : reals(y)[w.at[2] + i * w.by[2]]);
	for (struct walk w = walk_over(dx, 3, t); w.n > 0; walk_next(&w))
		for (int64_t i = 0; i < w.n; i++) {
			float g = reals(dy)[w.at[1] + i * w.by[1]];
			float value = reals(y)[w.at[2] + i * w.by[2]];

			reals(dx)[w.at[0] + i * w.by[0]] += logarithm
			    ? g - expf(value) * (float)sum
			    : value * (g - (float)sum);
		}
}

static void
backward(struct nn_call *k, bool logarithm)
{
	const struct nn_tensor *const t[] = { k->din[0], k->dout[0], k->out[0] };
	struct lines l = lines_of(k, 3, t);
	struct nn_tensor line[3];

	while (lines_next(&l, line))
		line_backward(&line[0], &line[1], &line[2], logarithm);
}

void
softmax_backward(struct nn_call *k)
{
	backward(k, false);
}

void
log_softmax_backward(struct nn_call *k)
{
	backward(k, true);
}

/* One where the first maximum is, else zero. */
void
hardmax_forward(struct nn_call *k)
{
	const struct nn_tensor *const t[] = { k->out[0], k->in[0] };
	struct lines l = lines_of(k, 2, t);
	struct nn_tensor line[2];

	while (lines_next(&l, line)) {
		int64_t n = nn_count(&line[1]), best = 0;

		for (int64_t i = 0; i < n; i++) {
			reals(&line[0])[tensor_nth(&line[0], i)] = 0;
			if (reals(&line[1])[tensor_nth(&line[1], i)] >
			    reals(&line[1])[tensor_nth(&line[1], best)])
				best = i;
		}
		if (n > 0)
			reals(&line[0])[tensor_nth(&line[0], best)] = 1;
	}
}
