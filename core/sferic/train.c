/*
 * Training on what nobody has seen: the trainer's samples are an empty batch, which every step
 * fills with windows of its own, until the loss does not fall any more.
 */
#include "parts.h"

void
sferic_touch(const void *arg, int64_t epoch, int64_t sample, float *x, int32_t *label)
{
	const struct sferic_source *s = arg;
	uint64_t number = (uint64_t)(epoch * s->batch + sample), turn = 1;
	struct sferic_window w;

	if (s->fixed > 0) {
		turn += number / (uint64_t)s->fixed;
		number %= (uint64_t)s->fixed;
	}
	sferic_window(s->seed, number, s->still ? 0 : turn, &w);
	memcpy(x, w.x, sizeof w.x);
	for (int i = 0; i < SFERIC_POINTS; i++)
		label[i] = w.y[i];
}

bool
sferic_data_new(struct ctx *c, const struct nn_graph *g, int64_t batch, struct sferic_data *ret)
{
	const struct data_shape shape = { DATA_FLOAT, 3,
		{ batch, SFERIC_CHANNELS, SFERIC_POINTS }, SFERIC_ROW };

	*ret = (struct sferic_data){ .samples = { shape, NULL },
		.labels = { .n = batch, .classes = 2, .places = SFERIC_POINTS } };
	ret->samples.v = calloc((size_t)batch, SFERIC_ROW * sizeof(float));
	ret->labels.v = calloc((size_t)batch * SFERIC_POINTS, sizeof *ret->labels.v);
	ret->data = (struct train_data){ .samples = &ret->samples, .labels = &ret->labels };
	if (ret->samples.v == NULL || ret->labels.v == NULL)
		return fail(c, E_MEMORY, "no memory for %lld windows", (long long)batch);
	return train_fit(c, g, &shape, DATA_ORDER_AUTO, false, &ret->data.form);
}

void
sferic_data_done(struct sferic_data *d)
{
	data_samples_done(&d->samples);
	data_labels_done(&d->labels);
}

/* The mean of the `n` losses before `end`. */
static double
mean(const double loss[], int64_t end, int64_t n)
{
	double sum = 0;

	for (int64_t i = end - n; i < end; i++)
		sum += loss[i];
	return sum / (double)n;
}

bool
sferic_converged(const struct sferic_stop *s, const double loss[], int64_t steps)
{
	if (steps < s->apart + s->length)
		return false;
	return mean(loss, steps, s->length) >
	    (1 - s->least) * mean(loss, steps - s->apart, s->length);
}
