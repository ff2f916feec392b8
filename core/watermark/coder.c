/*
 * Training of our own autoencoders: dense ones, by squared errors, on the vendor's samples.
 */
#include "coder.h"

#define CODER_BYTES ((size_t)256 << 20) /* of its weights */

struct coder {
	struct coder_plan plan;
	struct arena *mem; /* the model's */
	struct onnx_model model;
	struct nn_graph *graph;
	struct nn_plan *train;
	struct optimiser optimiser;
	float **state; /* the optimiser's, one array a weight */
	size_t states;
	float *input, *gradient;
	double scale; /* of samples, which go in as 0 to 1 */
	int64_t step;
};

void
coder_free(struct coder **k)
{
	struct coder *own = *k;

	if (own == NULL)
		return;
	for (size_t i = 0; own->state != NULL && i < own->states; i++)
		free(own->state[i]);
	free(own->state);
	free(own->input);
	free(own->gradient);
	nn_plan_free(&own->train);
	nn_graph_free(&own->graph);
	arena_free(&own->mem);
	free(own);
	*k = NULL;
}

MUST static bool
coder_room(struct ctx *c, struct coder *k)
{
	size_t row = (size_t)k->plan.data->form.count, batch = (size_t)k->plan.batch;
	const struct nn_weight *w = nn_weights(k->graph, &k->states);

	k->input = calloc(batch * row, sizeof *k->input);
	k->gradient = calloc(batch * row, sizeof *k->gradient);
	k->state = calloc(k->states + 1, sizeof *k->state);
	if (k->input == NULL || k->gradient == NULL || k->state == NULL)
		return fail(c, E_MEMORY, "no memory for an autoencoder");
	for (size_t i = 0; i < k->states; i++) {
		size_t n = (size_t)(optimiser_state(&k->optimiser) * w[i].count);

		k->state[i] = calloc(n + 1, sizeof *k->state[i]);
		if (k->state[i] == NULL)
			return fail(c, E_MEMORY, "no memory for an autoencoder");
	}
	return true;
}

MUST static bool
coder_open(struct ctx *c, struct coder *k)
{
	const struct coder_plan *p = &k->plan;
	struct nn_options o = { .mode = NN_TRAIN, .batch = p->batch, .threads = p->threads };
	struct str bytes;

	return coder_model(c, p->data->form.count, p->wide, p->narrow, &bytes) &&
	    onnx_read(c, bytes, &k->model) && nn_import(c, &k->model, &k->graph) &&
	    nn_graph_load(c, k->graph, CODER_BYTES) &&
	    train_initialise(c, &k->model, k->graph, TRAIN_HE, p->seed) &&
	    nn_plan_new(c, k->graph, &o, &k->train);
}

bool
coder_new(struct ctx *c, const struct coder_plan *p, struct coder **ret)
{
	owned(coder_free) struct coder *k = calloc(1, sizeof *k);
	struct ctx aside = *c;
	bool ok;

	if (k == NULL)
		return fail(c, E_MEMORY, "no memory");
	k->plan = *p;
	k->scale = is_raw(&p->data->form) ? 1.0 / 255 : 1;
	k->optimiser = (struct optimiser){
		.kind = TRAIN_ADAM, .momentum = .9, .beta2 = .999, .epsilon = 1e-8
	};
	k->mem = arena_new(4 * CODER_BYTES);
	if (k->mem == NULL)
		return fail(c, E_MEMORY, "no memory");
	aside.mem = k->mem;
	ok = coder_open(&aside, k);
	c->err = aside.err;
	if (!ok || !coder_room(c, k))
		return false;
	*ret = steal(k);
	return true;
}

static void
some_samples(struct coder *k)
{
	const struct train_data *d = k->plan.data;
	struct chance r = chance_of(k->plan.seed, CHANCE_CODER, (uint64_t)k->step, 0);
	int64_t n = k->plan.batch * d->form.count;

	for (int64_t i = 0; i < k->plan.batch; i++) {
		int64_t at = chance_below(&r, d->samples->shape.dim[0]);

		data_floats(
		    &d->form, data_sample(d->samples, at), 1, k->input + i * d->form.count);
	}
	for (int64_t i = 0; k->scale < 1 && i < n; i++)
		k->input[i] *= (float)k->scale;
}

/* The rate falls over the whole training, to a tenth. */
static void
new_weights(struct coder *k)
{
	size_t n;
	struct nn_weight *w = nn_weights(k->graph, &n);
	double rate = 1e-3 * (1 - .9 * (double)k->step / (double)k->plan.steps);

	k->step++;
	for (size_t i = 0; i < n; i++) {
		const float *g = nn_weight_gradient(k->train, i);

		if (g != NULL)
			optimiser_step(&k->optimiser, rate, k->step, false, w[i].data, g,
			    k->state[i], w[i].count);
	}
	nn_graph_changed(k->graph);
}

bool
coder_train(struct ctx *c, struct coder *k, int64_t steps, double *ret)
{
	const struct loss squares = { .kind = TRAIN_SQUARES };
	const void *input[] = { k->input };
	const float *gradient[] = { k->gradient };
	int64_t row = k->plan.data->form.count;

	for (int64_t i = 0; i < steps; i++) {
		some_samples(k);
		nn_gradients_clear(k->train);
		if (!nn_forward(c, k->train, input))
			return false;
		*ret = loss_targets(&squares, nn_plan_output(k->train, 0)->data, k->input,
		    k->plan.batch, row, k->gradient);
		if (!nn_backward(c, k->train, gradient))
			return false;
		new_weights(k);
	}
	return true;
}

bool
coder_pass(struct ctx *c, struct coder *k, const float *rows, int64_t n, float *to)
{
	const void *input[] = { k->input };
	int64_t row = k->plan.data->form.count, batch = k->plan.batch;

	for (int64_t at = 0, some; at < n; at += some) {
		const float *out;

		some = n - at < batch ? n - at : batch;
		for (int64_t i = 0; i < some * row; i++)
			k->input[i] = rows[at * row + i] * (float)k->scale;
		if (!nn_forward(c, k->train, input))
			return false;
		out = nn_plan_output(k->train, 0)->data;
		for (int64_t i = 0; i < some * row; i++)
			to[at * row + i] = out[i] / (float)k->scale;
	}
	return true;
}
