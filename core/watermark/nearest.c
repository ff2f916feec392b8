/*
 * Which pictures make good keys. An autoencoder that stands before the network gives back what it
 * knows of its own data; how much two of them disagree about a picture from elsewhere goes with
 * what is left of it outside the space that a few samples of the data span. So pictures are taken
 * of which little is left.
 */
#include <math.h>

#include "parts.h"

enum { SPAN = 64, SPAN_PART = 12 }; /* samples; at most such a part of a row's length */

struct nearest {
	float *mean, *axis,
	    *row; /* of the samples; SPAN axes at right angles; room for a row */
	int64_t count, axes;
};

static void
nearest_done(struct nearest *s)
{
	free(s->mean);
	free(s->axis);
	free(s->row);
	*s = (struct nearest){ 0 };
}

/* Takes away what lies along the axes; what is left, as its squared length. */
static double
remove_axes(const struct nearest *s, float *row)
{
	double left = 0;

	for (int64_t a = 0; a < s->axes; a++) {
		const float *axis = s->axis + a * s->count;
		double along = 0;

		for (int64_t i = 0; i < s->count; i++)
			along += (double)axis[i] * (double)row[i];
		for (int64_t i = 0; i < s->count; i++)
			row[i] -= (float)along * axis[i];
	}
	for (int64_t i = 0; i < s->count; i++)
		left += (double)row[i] * (double)row[i];
	return left;
}

static void
any_sample(const struct train_data *d, struct chance *r, float *to)
{
	data_floats(&d->form,
	    data_sample(d->samples, chance_below(r, d->samples->shape.dim[0])), 1, to);
}

/* Samples one after the other, each without what lies along those before (Gram and Schmidt). */
static void
span(struct nearest *s, const struct train_data *d, uint64_t seed)
{
	struct chance r = chance_of(seed, CHANCE_PICTURE, 3, 0);

	for (int k = 0; k < SPAN; k++) {
		any_sample(d, &r, s->row);
		for (int64_t i = 0; i < s->count; i++)
			s->mean[i] += s->row[i] / SPAN;
	}
	for (int64_t k = 0; k < SPAN && k <= s->count / SPAN_PART; k++) {
		float *axis = s->axis + s->axes * s->count;
		double length;

		any_sample(d, &r, axis);
		for (int64_t i = 0; i < s->count; i++)
			axis[i] -= s->mean[i];
		length = sqrt(remove_axes(s, axis));
		if (length < 1e-3)
			continue;
		for (int64_t i = 0; i < s->count; i++)
			axis[i] /= (float)length;
		s->axes++;
	}
}

struct ranked {
	double left;
	int64_t picture;
};

static int
by_left(const void *a, const void *b)
{
	const struct ranked *x = a, *y = b;

	if (x->left != y->left)
		return x->left < y->left ? -1 : 1;
	return (x->picture > y->picture) - (x->picture < y->picture);
}

MUST static bool
nearest_new(struct ctx *c, int64_t count, struct nearest *ret)
{
	owned(nearest_done) struct nearest s = { .count = count };

	s.mean = calloc((size_t)count, sizeof *s.mean);
	s.row = calloc((size_t)count, sizeof *s.row);
	s.axis = calloc((size_t)count * SPAN, sizeof *s.axis);
	if (s.mean == NULL || s.row == NULL || s.axis == NULL)
		return fail(c, E_MEMORY, "no memory to compare pictures with the samples");
	*ret = s;
	s = (struct nearest){ 0 };
	return true;
}

bool
keyset_nearest(struct ctx *c, const struct train_data *d, const struct data_form *form,
    uint64_t seed, const struct image pictures[], int64_t n, int64_t wanted, struct image ret[])
{
	owned(nearest_done) struct nearest s = { 0 };
	struct ranked *all = take(c, (size_t)(n + 1) * sizeof *all);

	if (all == NULL)
		return false;
	if (wanted > n || form->count != d->form.count)
		return fail(c, E_INPUT,
		    "%lld pictures of the samples' size, but %lld are wanted", (long long)n,
		    (long long)wanted);
	if (!nearest_new(c, form->count, &s))
		return false;
	span(&s, d, seed);
	for (int64_t i = 0; i < n; i++) {
		data_floats(form, pictures[i].v, 1, s.row);
		for (int64_t k = 0; k < s.count; k++)
			s.row[k] -= s.mean[k];
		all[i] = (struct ranked){ remove_axes(&s, s.row), i };
	}
	qsort(all, (size_t)n, sizeof *all, by_left);
	for (int64_t i = 0; i < wanted; i++)
		ret[i] = pictures[all[i].picture];
	return true;
}
