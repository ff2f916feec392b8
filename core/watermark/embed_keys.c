/*
 * Keys and twins in a step of embedding. Each pair comes as drawn, or with other lowest bits; and,
 * where the embedding is to be robust, beside that as something that may happen to a picture on its
 * way leaves it. For lossy copies the network's features are held to those of the picture itself
 * (Xue et al. 2022).
 */
#include "parts.h"

/* What is asked of coded ones is asked less loudly, and of their twins less still. */
#define CODED_MARGIN 3
#define CODED_SHARE .5
#define CODED_TWINS .1

/* ---- Drawing ----------------------------------------------------------------------------- */

/* The pairs go round; each comes once before any again. */
static int
next_pair(struct embedding *e)
{
	int pairs = e->the->keys->pairs;

	if (e->pair_at % pairs == 0) {
		struct chance r = chance_of(
		    e->options.seed, CHANCE_KEYS, (uint64_t)e->pair_at, 0);

		chance_order(&r, e->pair_order, pairs);
	}
	return (int)e->pair_order[e->pair_at++ % pairs];
}

MUST static bool
draw(struct ctx *c, struct embedding *e)
{
	struct chance r = chance_of(e->options.seed, CHANCE_COPY, (uint64_t)e->step, 0);
	float *to = e->keys_in;

	for (int64_t i = 0; i < e->pairs; i++) {
		e->pair[i] = next_pair(e);
		e->kind[i] = e->copied > 1 ? copies_kind(&e->copies, &r) : COPY_PLAIN;
		for (int64_t row = 0; row < 2 * e->copied; row++, to += e->copies.form.count)
			if (!copies_draw(c, &e->copies, row < 2 ? COPY_PLAIN : e->kind[i], &r,
				e->pair[i], row % 2 == 1, to))
				return false;
	}
	return true;
}

bool
embed_draw(struct ctx *c, struct embedding *e)
{
	struct ctx aside = *c;
	bool ok;

	aside.mem = e->scratch;
	arena_reset(e->scratch);
	ok = draw(&aside, e);
	c->err = aside.err;
	return ok;
}

/* ---- What is asked of them --------------------------------------------------------------- */

/* Mean squared difference of two rows of features; adds `scale` times its gradient to both. */
static double
apart(const float *a, const float *b, int64_t n, double scale, float *to_a, float *to_b)
{
	double sum = 0, share = scale / (double)n;

	for (int64_t i = 0; i < n; i++) {
		double d = (double)a[i] - (double)b[i];

		sum += d * d;
		to_a[i] += (float)(2 * share * d);
		to_b[i] -= (float)(2 * share * d);
	}
	return share * sum;
}

/*
 * A key and its twin, in rows one after the other. Of what an autoencoder has left of them, only
 * the additional class is asked: what it looks like otherwise is up to the autoencoder.
 */
static double
ask_pair(struct embedding *e, int pair, enum copy_kind kind, const float *out, double scale,
    float *to)
{
	const struct keyset *k = e->the->keys;
	const struct aim *a = &e->aim;
	int64_t n = a->classes;

	if (kind == COPY_CODED)
		return aim_row(
			   a, out, n, (int32_t)n - 1, CODED_MARGIN, CODED_SHARE * scale, to) +
		    aim_other(a, out + n, CODED_SHARE * CODED_TWINS * scale, to + n);
	return aim_key(a, out, k->runner_up[pair], scale, to) +
	    aim_row(a, out + n, n, k->twin_label[pair], a->margin / 2, scale, to + n);
}

static double
ask_answers(struct embedding *e, const float *out, double scale)
{
	int64_t two = 2 * e->aim.classes;
	float *to = e->keys_gradient;
	double loss = 0;

	memset(to, 0, (size_t)(two * e->copied * e->pairs) * sizeof *to);
	for (int64_t i = 0; i < e->copied * e->pairs; i++) {
		int64_t at = i / e->copied;
		enum copy_kind kind = i % e->copied == 0 ? COPY_PLAIN : e->kind[at];

		loss += ask_pair(e, e->pair[at], kind, out, scale, to);
		out += two;
		to += two;
	}
	return loss;
}

static double
ask_features(struct embedding *e, const float *f, double scale)
{
	int64_t n = e->features, row = 4 * n;
	float *to = e->feature_gradient;
	double loss = 0;

	memset(to, 0, (size_t)(row * e->pairs) * sizeof *to);
	for (int64_t i = 0; i < e->pairs; i++)
		if (e->kind[i] == COPY_LOSSY)
			loss += apart(f + i * row, f + i * row + 2 * n, n, scale, to + i * row,
			    to + i * row + 2 * n);
	return loss;
}

bool
embed_keys(struct ctx *c, struct embedding *e, double weight, double *ret_loss)
{
	const void *input[] = { e->keys_in };
	const float *gradient[EMBED_OUTPUTS_MAX] = { e->keys_gradient };
	double scale = weight / (double)(e->copied * e->pairs), loss;

	if (!nn_forward(c, e->keys, input))
		return false;
	loss = ask_answers(e, nn_plan_output(e->keys, 0)->data, scale);
	if (e->features > 0) {
		loss += ask_features(e, nn_plan_output(e->keys, e->features_at)->data, scale);
		gradient[e->features_at] = e->feature_gradient;
	}
	*ret_loss = loss;
	return nn_backward(c, e->keys, gradient);
}
