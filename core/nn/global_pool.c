/*
 * Pools over all of the space that there is: mean and maximum of each channel of each image.
 */
#include <math.h>

#include "families.h"

bool
global_pool_shape(struct ctx *c, struct nn_call *k)
{
	if (!is_real(k->in[0]) || k->in[0]->rank < 2)
		return fail(c, E_INPUT, "an input of rank %d does not fit", k->in[0]->rank);
	shape_like(k->out[0], k->in[0]);
	for (int d = 2; d < k->out[0]->rank; d++) {
		if (k->in[0]->dim[d] < 1)
			return fail(c, E_INPUT, "the input is empty");
		k->out[0]->dim[d] = 1;
	}
	return true;
}

/* The space of channel `c` of image `n`. */
static struct nn_tensor
space_of(const struct nn_tensor *t, int64_t n, int64_t c)
{
	const struct nn_tensor image = tensor_at(t, 0, n);

	return tensor_at(&image, 0, c);
}

static float *
place(const struct nn_tensor *t, int64_t n, int64_t c)
{
	return reals(t) + n * t->stride[0] + c * t->stride[1];
}

static float
mean_of(const struct nn_tensor *t)
{
	double sum = 0;

	for (struct walk w = walk_over(t, 1, &t); w.n > 0; walk_next(&w))
		for (int64_t i = 0; i < w.n; i++)
			sum += reals(t)[w.at[0] + i * w.by[0]];
	return (float)(sum / (double)nn_count(t));
}

void
global_average_forward(struct nn_call *k)
{
	for (int64_t n = 0; n < k->in[0]->dim[0]; n++)
		for (int64_t c = 0; c < k->in[0]->dim[1]; c++) {
			const struct nn_tensor space = space_of(k->in[0], n, c);

			*place(k->out[0], n, c) = mean_of(&space);
		}
}

static void
add_to_all(const struct nn_tensor *t, float share)
{
	for (struct walk w = walk_over(t, 1, &t); w.n > 0; walk_next(&w))
		for (int64_t i = 0; i < w.n; i++)
			reals(t)[w.at[0] + i * w.by[0]] += share;
}

void
global_average_backward(struct nn_call *k)
{
	for (int64_t n = 0; n < k->din[0]->dim[0]; n++)
		for (int64_t c = 0; c < k->din[0]->dim[1]; c++) {
			const struct nn_tensor space = space_of(k->din[0], n, c);

			add_to_all(&space, *place(k->dout[0], n, c) / (float)nn_count(&space));
		}
}

static float
largest_of(const struct nn_tensor *t)
{
	float best = -INFINITY;

	for (struct walk w = walk_over(t, 1, &t); w.n > 0; walk_next(&w))
		for (int64_t i = 0; i < w.n; i++) {
			float x = reals(t)[w.at[0] + i * w.by[0]];

			if (x > best || x != x)
				best = x;
		}
	return best;
}

void
global_max_forward(struct nn_call *k)
{
	for (int64_t n = 0; n < k->in[0]->dim[0]; n++)
		for (int64_t c = 0; c < k->in[0]->dim[1]; c++) {
			const struct nn_tensor space = space_of(k->in[0], n, c);

			*place(k->out[0], n, c) = largest_of(&space);
		}
}

/* To the first place that holds the maximum. */
static void
give_to_first(const struct nn_tensor *in, const struct nn_tensor *din, float best, float g)
{
	const struct nn_tensor *const t[] = { in, din };

	for (struct walk w = walk_over(in, 2, t); w.n > 0; walk_next(&w))
		for (int64_t i = 0; i < w.n; i++)
			if (reals(in)[w.at[0] + i * w.by[0]] == best) {
				reals(din)[w.at[1] + i * w.by[1]] += g;
				return;
			}
}

void
global_max_backward(struct nn_call *k)
{
	for (int64_t n = 0; n < k->din[0]->dim[0]; n++)
		for (int64_t c = 0; c < k->din[0]->dim[1]; c++) {
			const struct nn_tensor in = space_of(k->in[0], n, c);
			const struct nn_tensor din = space_of(k->din[0], n, c);

			give_to_first(
			    &in, &din, *place(k->out[0], n, c), *place(k->dout[0], n, c));
		}
}
