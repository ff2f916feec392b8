/*
 * Labels alone: which class a network says for a sample. That is all a black box tells, so what is
 * built on it can be asked of one.
 */
#include <math.h>

#include "likeness_parts.h"

enum { BATCH = 64 };

void
labeller_done(struct labeller *l)
{
	nn_plan_free(&l->plan);
}

bool
labeller_open(struct ctx *c, struct nn_graph *g, const struct data_form *form, int threads,
    struct labeller *ret)
{
	const struct nn_options o = { .mode = NN_INFER, .batch = BATCH, .threads = threads };
	owned(labeller_done) struct labeller l = { .numbers = form->count };

	if (!train_plan(c, g, form, o, &l.plan, &l.batch, &l.classes))
		return false;
	if (l.classes < 2)
		return fail(c, E_INPUT, "the network has a single output, no classes");
	l.input = take(c, (size_t)(l.batch * l.numbers) * sizeof *l.input);
	if (l.input == NULL)
		return false;
	*ret = l;
	l.plan = NULL;
	return true;
}

static int32_t
label_of(const float row[], int64_t all, int64_t classes)
{
	int32_t best = 0;

	for (int64_t k = 0; k < all; k++) {
		if (!isfinite(row[k]))
			return -1;
		if (k < classes && row[k] > row[best])
			best = (int32_t)k;
	}
	return best;
}

bool
labeller_ask(struct ctx *c, struct labeller *l, const float *samples, int64_t n,
    int64_t classes, int32_t ret[])
{
	const void *input[] = { l->input };

	for (int64_t at = 0, some; at < n; at += some) {
		const float *out;

		some = n - at < l->batch ? n - at : l->batch;
		memcpy(l->input, samples + at * l->numbers,
		    (size_t)(some * l->numbers) * sizeof *samples);
		if (!nn_forward(c, l->plan, input))
			return false;
		out = nn_plan_output(l->plan, 0)->data;
		for (int64_t i = 0; i < some; i++)
			ret[at + i] = label_of(out + i * l->classes, l->classes, classes);
	}
	return true;
}

/* ---- Samples ----------------------------------------------------------------------------- */

bool
likeness_order(struct ctx *c, const struct key256 *secret, uint32_t purpose,
    const struct train_data *d, int64_t n, uint32_t **ret)
{
	uint32_t all = (uint32_t)d->samples->shape.dim[0];
	uint32_t *order = take(c, (size_t)all * sizeof *order + 1);
	owned(key256_done) struct key256 key = { 0 };
	struct prf stream;

	if (order == NULL || !prf_subkey(c, secret, "probe", &key))
		return false;
	if (n > (int64_t)all || d->labels->n != (int64_t)all)
		return fail(c, E_INPUT, "%lld samples, of %u with labels", (long long)n, all);
	stream = prf_stream(&key, "likeness", purpose, 0);
	prf_perm(&stream, all, order);
	*ret = order;
	return prf_end(c, &stream);
}

bool
likeness_samples(
    struct ctx *c, const struct train_data *d, const uint32_t which[], int64_t n, float **ret)
{
	float *x = take(c, (size_t)(n * d->form.count) * sizeof *x + 1);

	if (x == NULL)
		return false;
	for (int64_t i = 0; i < n; i++)
		data_floats(
		    &d->form, data_sample(d->samples, which[i]), 1, x + i * d->form.count);
	*ret = x;
	return true;
}
