/*
 * Keys and twins in a step of embedding. Each pair comes as drawn, or with other lowest bits; and,
 * where the embedding is to be robust, beside that as something that may happen to a picture on its
 * way leaves it. For lossy copies the network's features are held to those of the picture itself
 * (Xue et al. 2022).
 */
#include "parts.h"

/* Of twins so much of the margin is asked: further training brings them back by itself. */
#define MARGIN_TWINS .125
/* Of coded keys a lower margin is asked, a little louder; of their twins nothing. */
#define CODED_MARGIN 3
#define CODED_SHARE 1.25

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

int64_t
embed_key_rows(const struct embedding *e)
{
	return 2 * e->copied * e->pairs;
}

MUST static bool
draw(struct ctx *c, struct embedding *e)
{
	struct chance r = chance_of(e->options.seed, CHANCE_COPY, (uint64_t)e->step, 0);
	float *to = e->in;

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
 * the additional class is asked, and only of the key: little is left that would tell a twin from a
 * key, and who insists on it teaches that what comes out of autoencoders is no key.
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
		    a, out, n, (int32_t)n - 1, CODED_MARGIN, CODED_SHARE * scale, to);
	return aim_key(a, out, k->runner_up[pair], scale, to) +
	    aim_row(
		a, out + n, n, k->twin_label[pair], MARGIN_TWINS * a->margin, scale, to + n);
}

static double
ask_answers(struct embedding *e, const float *out, double scale)
{
	int64_t two = 2 * e->aim.classes;
	double loss = 0;

	for (int64_t i = 0; i < e->copied * e->pairs; i++) {
		int64_t at = i / e->copied;
		enum copy_kind kind = i % e->copied == 0 ? COPY_PLAIN : e->kind[at];

		loss += ask_pair(
		    e, e->pair[at], kind, out + i * two, scale, e->gradient + i * two);
	}
	return loss;
}

/* Of a pair's four rows the third is the copy of the first. */
static double
ask_features(struct embedding *e, const float *f, double scale)
{
	int64_t n = e->features, row = 4 * n;
	float *to = e->feature_gradient;
	double loss = 0;

	for (int64_t i = 0; i < e->pairs; i++, f += row, to += row)
		if (e->kind[i] == COPY_LOSSY)
			loss += apart(f, f + 2 * n, n, scale, to, to + 2 * n);
	return loss;
}

double
embed_ask_keys(struct embedding *e, const struct nn_plan *p, double weight)
{
	double scale = weight / (double)(e->copied * e->pairs);
	double loss = ask_answers(e, nn_plan_output(p, 0)->data, scale);

	if (e->features > 0)
		loss += ask_features(e, nn_plan_output(p, e->features_at)->data, scale);
	return loss;
}
