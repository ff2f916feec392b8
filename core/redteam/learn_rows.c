/*
 * Rows of numbers through a network, in batches of its own; and the way back: which way each number
 * has to go for the network to say something else.
 */
#include <math.h>

#include "learn.h"

enum { BATCH = 64 };
#define LEAST 1e-7 /* a probability that counts as none */

bool
redteam_floats(struct ctx *c, int64_t n, float **ret)
{
	*ret = calloc((size_t)n + 1, sizeof **ret);
	if (*ret == NULL)
		return fail(c, E_MEMORY, "no memory for %lld numbers", (long long)n);
	return true;
}

void
redteam_floats_free(float **v)
{
	free(*v);
	*v = NULL;
}

/* ---- There ------------------------------------------------------------------------------- */

/* A plan of which no weight has a gradient; what may be trained is as before afterwards. */
MUST static bool
plan_rows(struct ctx *c, struct nn_graph *g, const struct data_form *form,
    const struct nn_options *o, struct redteam_rows *r)
{
	size_t n;
	struct nn_weight *w = nn_weights(g, &n);
	bool *before = calloc(n + 1, sizeof *before), ok;

	if (before == NULL)
		return fail(c, E_MEMORY, "no memory");
	for (size_t i = 0; i < n; i++) {
		before[i] = w[i].trainable;
		w[i].trainable = false;
	}
	ok = train_plan(c, g, form, *o, &r->plan, &r->batch, &r->outputs);
	for (size_t i = 0; i < n; i++)
		w[i].trainable = before[i];
	free(before);
	return ok;
}

bool
redteam_rows_new(struct ctx *c, struct nn_graph *g, const struct data_form *form, bool slopes,
    int threads, struct redteam_rows *ret)
{
	owned(redteam_rows_done) struct redteam_rows r = { .count = form->count };
	const struct nn_options o = {
		.mode = slopes ? NN_DIFFERENTIATE : NN_INFER,
		.batch = BATCH,
		.threads = threads,
		.input_gradients = slopes,
	};

	if (!plan_rows(c, g, form, &o, &r) || !redteam_floats(c, r.batch * r.count, &r.in) ||
	    (slopes && !redteam_floats(c, r.batch * r.outputs, &r.gradient)))
		return false;
	*ret = r;
	r = (struct redteam_rows){ 0 };
	return true;
}

void
redteam_rows_done(struct redteam_rows *r)
{
	nn_plan_free(&r->plan);
	redteam_floats_free(&r->in);
	redteam_floats_free(&r->gradient);
}

/* The next rows, no more than a batch: *ret_n of them, and their outputs until the next ones. */
MUST static bool
pass(struct ctx *c, struct redteam_rows *r, const float *x, int64_t left, int64_t *ret_n,
    const float **ret_out)
{
	const void *input[] = { r->in };
	int64_t n = left < r->batch ? left : r->batch;

	memcpy(r->in, x, (size_t)(n * r->count) * sizeof *x);
	if (!nn_forward(c, r->plan, input))
		return false;
	*ret_n = n;
	*ret_out = nn_plan_output(r->plan, 0)->data;
	return true;
}

bool
redteam_rows_ask(struct ctx *c, struct redteam_rows *r, const float *x, int64_t n, float *ret)
{
	for (int64_t at = 0, some = 0; at < n; at += some) {
		const float *out;

		if (!pass(c, r, x + at * r->count, n - at, &some, &out))
			return false;
		memcpy(ret + at * r->outputs, out, (size_t)(some * r->outputs) * sizeof *ret);
	}
	return true;
}

/* ---- And back ---------------------------------------------------------------------------- */

bool
redteam_rows_slope(struct ctx *c, struct redteam_rows *r, const struct loss *l, const float *x,
    const float *target, int64_t n, float *ret)
{
	const float *gradient[] = { r->gradient };

	for (int64_t at = 0, some = 0; at < n; at += some) {
		const float *out;

		if (!pass(c, r, x + at * r->count, n - at, &some, &out))
			return false;
		memset(r->gradient, 0, (size_t)(r->batch * r->outputs) * sizeof *r->gradient);
		(void)loss_targets(
		    l, out, target + at * r->outputs, some, r->outputs, r->gradient);
		nn_gradients_clear(r->plan);
		if (!nn_backward(c, r->plan, gradient))
			return false;
		memcpy(ret + at * r->count, nn_input_gradient(r->plan, 0),
		    (size_t)(some * r->count) * sizeof *ret);
	}
	return true;
}

static float
between(float v, float low, float high)
{
	return v < low ? low : v > high ? high : v;
}

bool
redteam_rows_climb(struct ctx *c, struct redteam_rows *r, const struct loss *l,
    const struct redteam_climb *how, const float *target, int64_t n, float *x)
{
	owned(redteam_floats_free) float *slope = NULL, *from = NULL;
	float step = (float)(how->up ? how->step : -how->step), far = (float)how->far;
	int64_t numbers = n * r->count;

	if (!redteam_floats(c, numbers, &slope) || !redteam_floats(c, numbers, &from))
		return false;
	memcpy(from, x, (size_t)numbers * sizeof *x);
	for (int k = 0; k < how->steps; k++) {
		if (!redteam_rows_slope(c, r, l, x, target, n, slope))
			return false;
		for (int64_t i = 0; i < numbers; i++) {
			float way = (float)((slope[i] > 0) - (slope[i] < 0));

			x[i] = between(x[i] + step * way, from[i] - far, from[i] + far);
			x[i] = between(x[i], how->low, how->high);
		}
	}
	return true;
}

/* ---- Targets ----------------------------------------------------------------------------- */

void
redteam_target(const struct loss *l, const int32_t *label, int64_t outputs, float *ret)
{
	bool each = loss_places(l, outputs) > 1 || outputs == 1;

	for (int64_t k = 0; k < outputs; k++)
		ret[k] = each ? (float)label[k] : (float)(k == *label);
}

/* Cross-entropy over several: the only loss whose answers compete with each other. */
static bool
competes(const struct loss *l, int64_t outputs)
{
	return l->kind == TRAIN_CROSS_ENTROPY && outputs > 1;
}

static double
logarithm(const struct loss *l, double out)
{
	return l->output == TRAIN_PROBABILITIES ? log(fmax(out, LEAST)) : out;
}

void
redteam_soften(
    const struct loss *l, double temperature, const float *out, int64_t outputs, float *ret)
{
	double most = -INFINITY, all = 0;

	if (!competes(l, outputs)) {
		for (int64_t k = 0; k < outputs; k++)
			ret[k] = l->output == TRAIN_LOGITS && l->kind != TRAIN_SQUARES
			    ? (float)(1 / (1 + exp(-(double)out[k])))
			    : out[k];
		return;
	}
	for (int64_t k = 0; k < outputs; k++)
		most = fmax(most, logarithm(l, (double)out[k]));
	for (int64_t k = 0; k < outputs; k++)
		all += exp((logarithm(l, (double)out[k]) - most) / temperature);
	for (int64_t k = 0; k < outputs; k++)
		ret[k] = (float)(exp((logarithm(l, (double)out[k]) - most) / temperature) /
		    all);
}

void
redteam_harden(const struct loss *l, int64_t outputs, float *inout)
{
	bool each = !competes(l, outputs);

	for (int64_t k = 0; k < outputs; k++) {
		double p = fmin(fmax((double)inout[k], LEAST), 1);

		if (l->kind == TRAIN_SQUARES || l->output == TRAIN_PROBABILITIES)
			continue;
		inout[k] = (float)(each ? log(p) - log(fmax(1 - p, LEAST)) : log(p));
	}
}
