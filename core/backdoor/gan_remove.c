/*
 * Removal by what a generator found: the samples with its changes on them, under their true labels,
 * among clean ones. Changes are kept as bytes, so that many samples fit into memory.
 */
#include <math.h>

#include "gan_parts.h"

enum { BATCH = 32, FULL = 127 };

struct removal {
	const struct train_data *data;
	struct gan_net generator;
	int8_t *change; /* of every sample, in parts of FULL */
	float *in;
	float low, high;
	uint64_t seed;
	double share;
};

static void
removal_done(struct removal *r)
{
	gan_net_done(&r->generator);
	free(r->change);
	free(r->in);
}

MUST static bool
changes(struct ctx *c, struct removal *r)
{
	const struct train_data *d = r->data;
	int64_t n = d->samples->shape.dim[0], count = d->form.count;

	for (int64_t at = 0, rows; at < n; at += rows) {
		const float *out = NULL;

		rows = n - at < BATCH ? n - at : BATCH;
		data_floats(&d->form, data_sample(d->samples, at), rows, r->in);
		for (int64_t i = 0; i < rows * count; i++)
			r->in[i] = (r->in[i] - r->low) / (r->high - r->low);
		if (!gan_net_run(c, &r->generator, r->in, &out))
			return false;
		for (int64_t i = 0; i < rows * count; i++)
			r->change[at * count + i] = (int8_t)lrintf(FULL * out[i]);
	}
	return true;
}

static void
removal_touch(const void *arg, int64_t epoch, int64_t sample, float *x, int32_t *label)
{
	const struct removal *r = arg;
	struct chance coin = chance_of(
	    r->seed, CHANCE_STAMP, (uint64_t)epoch, (uint64_t)sample);
	const int8_t *change = r->change + sample * r->data->form.count;

	(void)label;
	if (chance_unit(&coin) >= r->share)
		return;
	for (int64_t i = 0; i < r->data->form.count; i++) {
		float y = x[i] + (r->high - r->low) * (float)change[i] / FULL;

		x[i] = y < r->low ? r->low : y > r->high ? r->high : y;
	}
}

struct backdoor_tuning
gan_removing(void)
{
	return (struct backdoor_tuning){
		.epochs = 10, .batch = 32, .rate = 1e-3, .share = .5, .adam = true
	};
}

bool
gan_remove(struct ctx *c, const struct backdoor_case *k, const struct gan *g, int32_t class,
    const struct backdoor_tuning *t)
{
	owned(removal_done) struct removal r = {
		.data = k->data,
		.seed = k->seed,
		.share = t->share,
	};
	int64_t n = k->data->samples->shape.dim[0], count = k->data->form.count;

	if (class < g->first || class >= g->last)
		return fail(c, E_INPUT, "no generator was trained for class %d", class);
	if (g->shape.channels * g->shape.height * g->shape.width != count)
		return fail(c, E_INPUT, "the generator was trained on samples of another size");
	if (!backdoor_range(c, k->data, &r.low, &r.high) ||
	    !gan_net_new(c, gan_generator, &g->shape, BATCH, k->threads, &r.generator) ||
	    !backdoor_floats(c, BATCH * count, &r.in))
		return false;
	r.change = calloc((size_t)(n * count), 1);
	if (r.change == NULL)
		return fail(
		    c, E_MEMORY, "no memory for the changes of %lld samples", (long long)n);
	gan_net_load(&r.generator, g->weights + class * g->numbers);
	return changes(c, &r) && backdoor_tune(c, k, t, removal_touch, &r);
}
