/*
 * A network that is asked: samples in, answers out, and what of a sample an answer hangs on. Behind
 * the last samples a batch holds what it held before; answers to that are dropped.
 */
#include <math.h>

#include "parts.h"

/* Below this a probability counts as this. */
#define LEAST 1e-12F
#define LEAST_SLOPE 1e-7F

void
backdoor_probe_done(struct backdoor_probe *p)
{
	nn_plan_free(&p->plan);
	free(p->in);
	free(p->slope);
	*p = (struct backdoor_probe){ 0 };
}

bool
backdoor_probe_new(struct ctx *c, const struct backdoor_case *k, enum nn_mode mode,
    int64_t batch, struct backdoor_probe *ret)
{
	owned(backdoor_probe_done) struct backdoor_probe p = {
		.output = k->output,
		.inputs = k->data->form.count,
	};
	const struct nn_options o = {
		.mode = mode,
		.batch = batch,
		.threads = k->threads,
		.input_gradients = mode == NN_DIFFERENTIATE,
	};

	if (!train_plan(c, k->graph, &k->data->form, o, &p.plan, &p.batch, &p.outputs))
		return false;
	if (p.outputs < 2)
		return fail(
		    c, E_INPUT, "the model has one output: there is no class to lead to");
	if (!backdoor_floats(c, p.batch * p.inputs, &p.in) ||
	    !backdoor_floats(c, p.batch * p.outputs, &p.slope))
		return false;
	*ret = p;
	p = (struct backdoor_probe){ 0 };
	return true;
}

bool
backdoor_run(struct ctx *c, struct backdoor_probe *p, const float **ret)
{
	const void *input[] = { p->in };

	if (!nn_forward(c, p->plan, input))
		return false;
	*ret = nn_plan_output(p->plan, 0)->data;
	return true;
}

bool
backdoor_back(struct ctx *c, struct backdoor_probe *p, const float **ret)
{
	const float *gradient[] = { p->slope };

	if (!nn_backward(c, p->plan, gradient))
		return false;
	*ret = nn_input_gradient(p->plan, 0);
	return true;
}

float
backdoor_logarithm(enum train_output output, float out)
{
	if (output != TRAIN_PROBABILITIES)
		return out;
	return logf(out > LEAST ? out : LEAST);
}

float
backdoor_steepness(enum train_output output, float out)
{
	if (output != TRAIN_PROBABILITIES)
		return 1;
	return 1 / (out > LEAST_SLOPE ? out : LEAST_SLOPE);
}

bool
backdoor_ask(struct ctx *c, struct backdoor_probe *p, const float *x, int64_t n, float *ret)
{
	for (int64_t at = 0, some; at < n; at += some) {
		const float *out = NULL;

		some = n - at < p->batch ? n - at : p->batch;
		memcpy(p->in, x + at * p->inputs, (size_t)(some * p->inputs) * sizeof *x);
		if (!backdoor_run(c, p, &out))
			return false;
		for (int64_t i = 0; i < some * p->outputs; i++)
			ret[at * p->outputs + i] = backdoor_logarithm(p->output, out[i]);
	}
	return true;
}

int32_t
backdoor_highest(const float *row, int64_t n)
{
	int64_t best = 0;

	for (int64_t i = 1; i < n; i++)
		if (row[i] > row[best])
			best = i;
	return (int32_t)best;
}

bool
backdoor_answers(
    struct ctx *c, struct backdoor_probe *p, const float *x, int64_t n, int32_t *ret)
{
	for (int64_t at = 0, some; at < n; at += some) {
		const float *out = NULL;

		some = n - at < p->batch ? n - at : p->batch;
		memcpy(p->in, x + at * p->inputs, (size_t)(some * p->inputs) * sizeof *x);
		if (!backdoor_run(c, p, &out))
			return false;
		for (int64_t i = 0; i < some; i++)
			ret[at + i] = backdoor_highest(out + i * p->outputs, p->outputs);
	}
	return true;
}
