/*
 * Normalisation: a set of numbers is brought to mean 0 and variance 1, then scaled and shifted.
 * Batch, instance and layer normalisation differ in what belongs to one set; the arithmetic and its
 * gradient are the same (Ioffe and Szegedy 2015, section 3).
 */
#include <math.h>

#include "norm.h"

void
norm_statistics(const struct nn_tensor *x, double *ret_mean, double *ret_variance)
{
	double n = (double)nn_count(x), sum = 0, squares = 0;

	for (struct walk w = walk_over(x, 1, &x); w.n > 0; walk_next(&w))
		for (int64_t i = 0; i < w.n; i++)
			sum += reals(x)[w.at[0] + i * w.by[0]];
	*ret_mean = n > 0 ? sum / n : 0;
	for (struct walk w = walk_over(x, 1, &x); w.n > 0; walk_next(&w))
		for (int64_t i = 0; i < w.n; i++) {
			double d = reals(x)[w.at[0] + i * w.by[0]] - *ret_mean;

			squares += d * d;
		}
	*ret_variance = n > 0 ? squares / n : 0;
}

void
norm_set_forward(const struct set *s)
{
	const struct nn_tensor *shift = s->shift.data != NULL ? &s->shift : &s->scale;
	const struct nn_tensor *const t[] = { &s->y, &s->x, &s->scale, shift };
	float some = s->shift.data != NULL ? 1 : 0;

	for (struct walk w = walk_over(t[0], 4, t); w.n > 0; walk_next(&w))
		for (int64_t i = 0; i < w.n; i++) {
			double x = reals(t[1])[w.at[1] + i * w.by[1]];

			reals(
			    t[0])[w.at[0] + i * w.by[0]] = (float)((x - s->mean) * s->inverse) *
				reals(t[2])[w.at[2] + i * w.by[2]] +
			    some * reals(t[3])[w.at[3] + i * w.by[3]];
		}
}

/* The gradient of the scale: that of the output times the normalised input. */
static void
scale_backward(const struct set *s)
{
	const struct nn_tensor *const t[] = { &s->dy, &s->x, &s->dscale };

	for (struct walk w = walk_over(t[0], 3, t); w.n > 0; walk_next(&w)) {
		double sum = 0;

		for (int64_t i = 0; i < w.n; i++) {
			double x = reals(t[1])[w.at[1] + i * w.by[1]];
			double g = reals(t[0])[w.at[0] + i * w.by[0]] * (x - s->mean) *
			    s->inverse;

			if (w.by[2] != 0)
				reals(t[2])[w.at[2] + i * w.by[2]] += (float)g;
			else
				sum += g;
		}
		if (w.by[2] == 0)
			reals(t[2])[w.at[2]] += (float)sum;
	}
}

/* Means over the set of the scaled gradient, and of it times the normalised input. */
static void
means(const struct set *s, double *ret_plain, double *ret_along)
{
	const struct nn_tensor *const t[] = { &s->dy, &s->x, &s->scale };
	double n = (double)nn_count(&s->x), plain = 0, along = 0;

	for (struct walk w = walk_over(t[0], 3, t); w.n > 0; walk_next(&w))
		for (int64_t i = 0; i < w.n; i++) {
			double x = reals(t[1])[w.at[1] + i * w.by[1]];
			double g = (double)reals(t[0])[w.at[0] + i * w.by[0]] *
			    reals(t[2])[w.at[2] + i * w.by[2]];

			plain += g;
			along += g * (x - s->mean) * s->inverse;
		}
	*ret_plain = plain / n;
	*ret_along = along / n;
}

/* With `fixed`, mean and variance do not depend on the input. */
static void
input_backward(const struct set *s, bool fixed)
{
	const struct nn_tensor *const t[] = { &s->dx, &s->dy, &s->x, &s->scale };
	double plain = 0, along = 0;

	if (!fixed)
		means(s, &plain, &along);
	for (struct walk w = walk_over(t[0], 4, t); w.n > 0; walk_next(&w))
		for (int64_t i = 0; i < w.n; i++) {
			double x = reals(t[2])[w.at[2] + i * w.by[2]];
			double g = (double)reals(t[1])[w.at[1] + i * w.by[1]] *
			    reals(t[3])[w.at[3] + i * w.by[3]];

			g -= plain + along * (x - s->mean) * s->inverse;
			reals(t[0])[w.at[0] + i * w.by[0]] += (float)(g * s->inverse);
		}
}

void
norm_set_backward(const struct set *s, bool fixed)
{
	if (s->dx.data != NULL)
		input_backward(s, fixed);
	if (s->dscale.data != NULL)
		scale_backward(s);
	if (s->dshift.data != NULL)
		tensor_add(&s->dshift, &s->dy);
}

static const struct nn_tensor absent;

const struct nn_tensor *
norm_given(struct nn_tensor *const t[], int count, int i)
{
	return i < count && t[i] != NULL ? t[i] : &absent;
}

struct nn_tensor
norm_channel(const struct nn_tensor *t, int axis, int64_t channel)
{
	return t->data == NULL ? *t : tensor_at(t, axis, channel);
}
