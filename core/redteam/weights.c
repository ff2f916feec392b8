/*
 * What a thief can do to weights without any data: make small ones zero, round them, turn signs,
 * add noise. Biases and norms, which are few and matter much, are left alone.
 */
#include <math.h>

#include "parts.h"

static bool
is_matrix(const struct nn_weight *w)
{
	return w->rank > 1 && w->count > 1 && w->data != NULL && !w->constant;
}

static double
deviation(const struct nn_weight *w)
{
	double sum = 0, squares = 0, n = (double)w->count;

	for (int64_t i = 0; i < w->count; i++) {
		sum += (double)w->data[i];
		squares += (double)w->data[i] * (double)w->data[i];
	}
	return sqrt(fmax(squares / n - sum / n * (sum / n), 0));
}

/* ---- W1 ---------------------------------------------------------------------------------- */

bool
redteam_try_prune(struct ctx *c, struct redteam *r, double x, struct redteam_suspect *s)
{
	size_t n;
	struct nn_weight *w = nn_weights(s->graph, &n);

	(void)r;
	redteam_say(s, "%g %% of each layer's weights", 100 * x);
	for (size_t i = 0; i < n; i++)
		if (is_matrix(&w[i]) && !protect_prune(c, &w[i], x))
			return false;
	return true;
}

static int
by_size(const void *a, const void *b)
{
	const float *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

bool
redteam_try_prune_all(struct ctx *c, struct redteam *r, double x, struct redteam_suspect *s)
{
	size_t n, all = 0, at = 0;
	struct nn_weight *w = nn_weights(s->graph, &n);
	float *size, least;

	(void)r;
	redteam_say(s, "%g %% of all weights", 100 * x);
	for (size_t i = 0; i < n; i++)
		all += is_matrix(&w[i]) ? (size_t)w[i].count : 0;
	size = take(c, (all + 1) * sizeof *size);
	if (size == NULL)
		return false;
	for (size_t i = 0; i < n; i++)
		for (int64_t k = 0; is_matrix(&w[i]) && k < w[i].count; k++)
			size[at++] = fabsf(w[i].data[k]);
	qsort(size, all, sizeof *size, by_size);
	least = size[(size_t)(x * (double)all)];
	for (size_t i = 0; i < n; i++)
		for (int64_t k = 0; is_matrix(&w[i]) && k < w[i].count; k++)
			if (fabsf(w[i].data[k]) < least)
				w[i].data[k] = 0;
	return true;
}

/* ---- W2 ---------------------------------------------------------------------------------- */

/* To 2^bits values, evenly from the least weight to the largest. */
static void
round_evenly(struct nn_weight *w, int bits)
{
	float low = w->data[0], high = low, step;

	for (int64_t i = 1; i < w->count; i++) {
		low = fminf(low, w->data[i]);
		high = fmaxf(high, w->data[i]);
	}
	step = (high - low) / (float)((1 << bits) - 1);
	for (int64_t i = 0; step > 0 && i < w->count; i++)
		w->data[i] = low + step * rintf((w->data[i] - low) / step);
}

bool
redteam_try_quantise(struct ctx *c, struct redteam *r, double x, struct redteam_suspect *s)
{
	size_t n;
	struct nn_weight *w = nn_weights(s->graph, &n);

	(void)c;
	(void)r;
	redteam_say(s, "%g bits a weight", x);
	for (size_t i = 0; i < n; i++)
		if (is_matrix(&w[i]))
			round_evenly(&w[i], (int)x);
	return true;
}

bool
redteam_try_quantise_tune(struct ctx *c, struct redteam *r, double x, struct redteam_suspect *s)
{
	if (!redteam_try_quantise(c, r, x, s))
		return false;
	redteam_say(s, "%g bits a weight, then 1 epoch", x);
	return redteam_train(c, r, s, 1, .001);
}

/* x: bits of significand. */
bool
redteam_try_formats(struct ctx *c, struct redteam *r, double x, struct redteam_suspect *s)
{
	const enum onnx_type type = x > 8 ? ONNX_FLOAT16 : ONNX_BFLOAT16;
	size_t n;
	struct nn_weight *w = nn_weights(s->graph, &n);

	(void)r;
	redteam_say(s, "%s", x > 8 ? "float16" : "bfloat16");
	for (size_t i = 0; i < n; i++) {
		void *room;

		if (!is_matrix(&w[i]))
			continue;
		room = take(c, (size_t)w[i].count * onnx_type_size(type));
		if (room == NULL)
			return false;
		onnx_floats_put(type, w[i].data, (size_t)w[i].count, room);
		onnx_floats_get(type, room, (size_t)w[i].count, w[i].data);
	}
	return true;
}

/* ---- W3, W4 ------------------------------------------------------------------------------ */

bool
redteam_try_signs(struct ctx *c, struct redteam *r, double x, struct redteam_suspect *s)
{
	struct chance chance = redteam_chance(r, 0);
	size_t n;
	struct nn_weight *w = nn_weights(s->graph, &n);

	(void)c;
	redteam_say(s, "the signs of %g %% of the weights", 100 * x);
	for (size_t i = 0; i < n; i++)
		for (int64_t k = 0; is_matrix(&w[i]) && k < w[i].count; k++)
			if (chance_unit(&chance) < x)
				w[i].data[k] = -w[i].data[k];
	return true;
}

bool
redteam_try_noise(struct ctx *c, struct redteam *r, double x, struct redteam_suspect *s)
{
	struct chance chance = redteam_chance(r, 0);
	size_t n;
	struct nn_weight *w = nn_weights(s->graph, &n);

	(void)c;
	redteam_say(s, "noise of %g of a layer's deviation", x);
	for (size_t i = 0; i < n; i++) {
		double scale = is_matrix(&w[i]) ? x * deviation(&w[i]) : 0;

		for (int64_t k = 0; scale > 0 && k < w[i].count; k++)
			w[i].data[k] += (float)(scale * chance_normal(&chance));
	}
	return true;
}
