/*
 * Local response normalisation over channels: y = x / s^beta with s = bias + alpha / size times the
 * sum of squares of the neighbouring channels (Krizhevsky, Sutskever, Hinton 2012, section 3.3).
 */
#include <math.h>

#include "attrs.h"
#include "families.h"

bool
lrn_shape(struct ctx *c, struct nn_call *k)
{
	if (k->in[0]->rank < 2)
		return fail(c, E_INPUT, "an input of rank %d", k->in[0]->rank);
	return shape_same(c, k);
}

/* One line of channels. */
struct line {
	const float *p;
	int64_t n, step;
};

static void
neighbours(
    const struct lrn_attr *a, int64_t n, int64_t channel, int64_t *ret_from, int64_t *ret_to)
{
	int64_t from = channel - (a->size - 1) / 2, to = channel + a->size / 2 + 1;

	*ret_from = from < 0 ? 0 : from;
	*ret_to = to > n ? n : to;
}

static double
strength(const struct lrn_attr *a, const struct line *x, int64_t channel)
{
	int64_t from, to;
	double sum = 0;

	neighbours(a, x->n, channel, &from, &to);
	for (int64_t i = from; i < to; i++)
		sum += (double)x->p[i * x->step] * x->p[i * x->step];
	return a->bias + a->alpha / (double)a->size * sum;
}

static void
line_forward(const struct lrn_attr *a, const struct line *x, float *y, int64_t step)
{
	for (int64_t c = 0; c < x->n; c++)
		y[c * step] = (float)(x->p[c * x->step] * pow(strength(a, x, c), -a->beta));
}

/* Channel c of the output reaches all its neighbours of the input. */
static void
line_backward(const struct lrn_attr *a, const struct line *x, const struct line *dy, float *dx,
    int64_t step)
{
	double factor = 2 * a->alpha * a->beta / (double)a->size;

	for (int64_t c = 0; c < x->n; c++) {
		double s = strength(a, x, c), g = dy->p[c * dy->step];
		double through = g * factor * x->p[c * x->step] * pow(s, -a->beta - 1);
		int64_t from, to;

		dx[c * step] += (float)(g * pow(s, -a->beta));
		neighbours(a, x->n, c, &from, &to);
		for (int64_t i = from; i < to; i++)
			dx[i * step] -= (float)(through * x->p[i * x->step]);
	}
}

void
lrn_forward(struct nn_call *k)
{
	struct nn_tensor in, out, line;

	tensor_split(k->in[0], 2, &in, &line);
	tensor_split(k->out[0], 2, &out, &line);
	for (struct walk w = walk_over(&out, 2, (const struct nn_tensor *[]){ &out, &in });
	     w.n > 0; walk_next(&w))
		for (int64_t i = 0; i < w.n; i++) {
			const struct line x = { reals(&in) + w.at[1] + i * w.by[1],
				k->in[0]->dim[1], k->in[0]->stride[1] };

			line_forward(k->attr, &x, reals(&out) + w.at[0] + i * w.by[0],
			    k->out[0]->stride[1]);
		}
}

void
lrn_backward(struct nn_call *k)
{
	struct nn_tensor in, din, dout, line;
	const struct nn_tensor *const t[] = { &din, &dout, &in };

	tensor_split(k->in[0], 2, &in, &line);
	tensor_split(k->din[0], 2, &din, &line);
	tensor_split(k->dout[0], 2, &dout, &line);
	for (struct walk w = walk_over(&din, 3, t); w.n > 0; walk_next(&w))
		for (int64_t i = 0; i < w.n; i++) {
			const struct line x = { reals(&in) + w.at[2] + i * w.by[2],
				k->in[0]->dim[1], k->in[0]->stride[1] };
			const struct line dy = { reals(&dout) + w.at[1] + i * w.by[1], x.n,
				k->dout[0]->stride[1] };

			line_backward(k->attr, &x, &dy, reals(&din) + w.at[0] + i * w.by[0],
			    k->din[0]->stride[1]);
		}
}
