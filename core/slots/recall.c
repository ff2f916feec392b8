/*
 * Recall: what a network says of every sample before it is changed.
 */
#include <math.h>

#include "parts.h"

enum { BATCH = 64 };

struct recalling {
	struct nn_plan *plan;
	float *input;
	int64_t batch, outputs;
};

static void
recalling_done(struct recalling *r)
{
	nn_plan_free(&r->plan);
	free(r->input);
}

/* A row of outputs as probabilities. */
static void
probabilities(enum train_output output, const float *row, int64_t n, float *to)
{
	double most = row[0], sum = 0;

	for (int64_t k = 1; k < n; k++)
		most = fmax(most, row[k]);
	for (int64_t k = 0; k < n; k++) {
		to[k] = output == TRAIN_PROBABILITIES ? row[k] : expf(row[k] - (float)most);
		sum += to[k];
	}
	for (int64_t k = 0; k < n; k++)
		to[k] = (float)(to[k] / sum);
}

bool
teaching_recall(struct ctx *c, struct embedding *e)
{
	const struct train_data *d = e->the->data;
	const struct nn_options o = {
		.mode = NN_INFER, .batch = BATCH, .threads = e->options.threads
	};
	owned(recalling_done) struct recalling r = { 0 };
	int64_t n = d->labels->n;

	if (!train_plan(c, e->the->graph, &d->form, o, &r.plan, &r.batch, &r.outputs))
		return false;
	r.input = calloc((size_t)(r.batch * d->form.count), sizeof *r.input);
	e->knew = calloc((size_t)(n * r.outputs), sizeof *e->knew);
	if (r.input == NULL || e->knew == NULL)
		return fail(c, E_MEMORY, "no memory for answers to %lld samples", (long long)n);
	for (int64_t at = 0; at < n; at += r.batch) {
		int64_t some = n - at < r.batch ? n - at : r.batch;
		const void *input[] = { r.input };
		const float *out;

		data_floats(&d->form, data_sample(d->samples, at), some, r.input);
		if (!nn_forward(c, r.plan, input))
			return false;
		out = nn_plan_output(r.plan, 0)->data;
		for (int64_t i = 0; i < some; i++)
			probabilities(e->the->output, out + i * r.outputs, r.outputs,
			    e->knew + (at + i) * r.outputs);
	}
	return true;
}
