/*
 * Samples as the methods see them: their shape, the numbers between which they lie, and some of
 * them drawn by chance.
 */
#include <float.h>

#include "parts.h"

struct backdoor_shape
backdoor_shape_of(const struct data_form *f)
{
	switch (f->rank) {
	case 3:
		return (struct backdoor_shape){ f->dim[0], f->dim[1], f->dim[2] };
	case 2:
		return (struct backdoor_shape){ f->dim[0], 1, f->dim[1] };
	default:
		return (struct backdoor_shape){ 1, 1, f->count };
	}
}

void
backdoor_floats_free(float **v)
{
	free(*v);
	*v = NULL;
}

bool
backdoor_floats(struct ctx *c, int64_t n, float **ret)
{
	float *v = calloc((size_t)n + 1, sizeof *v);

	if (v == NULL)
		return fail(c, E_MEMORY, "no memory for %lld numbers", (long long)n);
	*ret = v;
	return true;
}

bool
backdoor_range(struct ctx *c, const struct train_data *d, float *ret_low, float *ret_high)
{
	owned(backdoor_floats_free) float *x = NULL;
	float low = FLT_MAX, high = -FLT_MAX;

	if (d->form.type == DATA_UINT8) {
		*ret_low = d->form.value[0];
		*ret_high = d->form.value[255];
		return true;
	}
	if (!backdoor_floats(c, d->form.count, &x))
		return false;
	for (int64_t i = 0; i < d->samples->shape.dim[0]; i++) {
		data_floats(&d->form, data_sample(d->samples, i), 1, x);
		for (int64_t k = 0; k < d->form.count; k++) {
			low = x[k] < low ? x[k] : low;
			high = x[k] > high ? x[k] : high;
		}
	}
	if (!(low < high))
		return fail(c, E_INPUT, "all numbers of the samples are the same");
	*ret_low = low;
	*ret_high = high;
	return true;
}

void
backdoor_draw_done(struct backdoor_draw *d)
{
	free(d->x);
	free(d->label);
	*d = (struct backdoor_draw){ 0 };
}

static void
order_free(int64_t **order)
{
	free(*order);
}

bool
backdoor_draw_new(
    struct ctx *c, const struct backdoor_case *k, int64_t n, struct backdoor_draw *ret)
{
	const struct train_data *d = k->data;
	int64_t all = d->samples->shape.dim[0];
	struct chance r = chance_of(k->seed, CHANCE_DRAW, 0, 0);
	struct backdoor_draw s = { .n = n < all ? n : all, .count = d->form.count };
	owned(order_free) int64_t *order = calloc((size_t)all + 1, sizeof *order);
	owned(backdoor_draw_done) struct backdoor_draw own = s;

	own.label = calloc((size_t)s.n + 1, sizeof *own.label);
	if (order == NULL || own.label == NULL)
		return fail(c, E_MEMORY, "no memory to draw %lld samples", (long long)s.n);
	if (own.n < 1 || d->labels->n != all)
		return fail(c, E_INPUT, "there have to be samples, and a label for each");
	if (!backdoor_floats(c, own.n * own.count, &own.x))
		return false;
	chance_order(&r, order, all);
	for (int64_t i = 0; i < own.n; i++) {
		data_floats(
		    &d->form, data_sample(d->samples, order[i]), 1, own.x + i * own.count);
		own.label[i] = d->labels->v[order[i]];
	}
	*ret = own;
	own = (struct backdoor_draw){ 0 };
	return true;
}
