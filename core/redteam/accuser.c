/*
 * The other side: somebody who says that a model is his that is not. He has a key set of his own
 * and makes it fit the suspect: by chance, with pictures tuned until they are answered as he likes,
 * by trying a million secrets, or by forging what was committed to. The suspect is the vendor's
 * model, which owes the accuser nothing. Such an attack wins if his claim comes out as proven.
 *
 * His claim is judged as every claim is: first whether pictures and labels follow from what was
 * committed to, and then what the suspect answers.
 */
#include <math.h>
#include <stdio.h>

#include "learn.h"

enum { PAIRS = 64, GROUND_PAIRS = 100, TUNE_STEPS = 40 };
#define TUNE_STEP .02
#define TUNE_FAR .5
/* Commitments stand before any suspect. */
enum { COMMITTED = 1, APPEARED = 2 };

enum use { USE_PICTURES, USE_SECRET, USE_TARGETS, USE_GRIND };

struct redteam_claim {
	struct keyset keys;
	struct key256 secret;
	/* Some secret gives these labels; it is not known which, so that cannot be checked. */
	bool ground;
};

struct key256
redteam_secret(struct chance chance)
{
	struct key256 k;

	for (size_t i = 0; i < sizeof k.b; i++)
		k.b[i] = (uint8_t)(chance_bits(&chance) >> 32);
	return k;
}

bool
redteam_pictures(
    struct ctx *c, const struct redteam *r, struct chance chance, int64_t n, struct image **ret)
{
	const int64_t *d = r->form.dim;
	struct image *p = take(c, (size_t)n * sizeof *p);

	if (p == NULL)
		return false;
	for (int64_t i = 0; i < n; i++)
		if (!natural_picture(
			c, chance_bits(&chance), (int)d[2], (int)d[1], (int)d[0], &p[i]))
			return false;
	*ret = p;
	return true;
}

/* ---- Judging a claim --------------------------------------------------------------------- */

/* Why it is refused; NULL: it follows from what was committed to. */
MUST static bool
check_claim(struct ctx *c, const struct redteam_claim *k, const char **ret)
{
	size_t n = (size_t)k->keys.pairs;
	struct keyset again = k->keys;

	*ret = NULL;
	if (k->ground)
		return true;
	again.coin = take(c, n * sizeof *again.coin);
	again.runner_up = take(c, n * sizeof *again.runner_up);
	if (again.coin == NULL || again.runner_up == NULL ||
	    !keyset_commit(c, &k->secret, k->keys.classes, &again))
		return false;
	if (!digest256_same(&again.commitment, &k->keys.commitment))
		*ret = "Refused: these are not the pictures that were committed to.";
	for (size_t i = 0; *ret == NULL && i < n; i++)
		if (again.coin[i] != k->keys.coin[i] ||
		    again.runner_up[i] != k->keys.runner_up[i])
			*ret = "Refused: the labels do not follow from the commitment.";
	return true;
}

/* What the answers alone would say, whatever they are worth. */
MUST static bool
weigh_claim(struct ctx *c, struct redteam *r, struct redteam_suspect *s, struct evidence *e)
{
	e->appeared = APPEARED;
	e->commitments = 1;
	e->commitment[0] = (struct evidence_commitment){ .what = "key set", .at = COMMITTED };
	if (!verify_ask(
		c, s->graph, &s->claim->keys, r->the.raw, r->the.threads, r->the.seed, e))
		return false;
	evidence_conclude(e);
	return true;
}

bool
redteam_claim_measure(
    struct ctx *c, struct redteam *r, struct redteam_suspect *s, struct redteam_point *ret)
{
	static const enum evidence_test_id tests[] = { TEST_WATERMARK, TEST_LABELS };
	struct evidence *e = take(c, sizeof *e);
	struct redteam_point p = *ret;
	const char *why;

	if (e == NULL || !check_claim(c, s->claim, &why) || !weigh_claim(c, r, s, e))
		return false;
	for (size_t i = 0; i < COUNT(tests); i++) {
		const struct evidence_test *t = &e->test[tests[i]];

		p.log10_p[tests[i]] = t->ran ? t->adjusted : 0;
		if (why == NULL)
			p.alone[tests[i]] = t->ran && t->adjusted <= PROVEN_LOG10
			    ? VERDICT_PROVEN
			    : VERDICT_NO_EVIDENCE;
	}
	p.labels = e->test[TEST_LABELS].ran ? e->test[TEST_LABELS].score : -1;
	p.keys = e->test[TEST_WATERMARK].ran ? e->test[TEST_WATERMARK].score : -1;
	p.verdict = why == NULL ? e->verdict : VERDICT_CANNOT_DECIDE;
	if (why != NULL)
		(void)snprintf(p.why, sizeof p.why, "%s", why);
	*ret = p;
	return true;
}

/* ---- Key sets of his own ----------------------------------------------------------------- */

/* The claim with pictures drawn and nothing tuned, not yet committed to. */
MUST static bool
claim_new(struct ctx *c, struct redteam *r, struct redteam_suspect *s, int pairs,
    struct redteam_claim **ret)
{
	struct redteam_claim *k = take(c, sizeof *k);
	struct image *picture;

	if (k == NULL ||
	    !redteam_pictures(
		c, r, redteam_chance(r, USE_PICTURES), 2 * (int64_t)pairs, &picture))
		return false;
	k->secret = redteam_secret(redteam_chance(r, USE_SECRET));
	if (!keyset_draw(c, &k->secret, picture, 2 * (int64_t)pairs, pairs, 0, &k->keys))
		return false;
	s->claim = k;
	*ret = k;
	return true;
}

MUST static bool
claim_commit(struct ctx *c, const struct redteam *r, struct redteam_claim *k)
{
	return keyset_commit(c, &k->secret, (int)r->thief.labels.classes, &k->keys);
}

/* Numbers of a network as a picture's bytes. */
static void
row_to_picture(const struct redteam *r, const float *row, const struct image *p)
{
	int64_t plane = (int64_t)p->width * p->height;
	float span = r->high - r->low;

	for (int64_t i = 0; i < plane; i++)
		for (int64_t k = 0; k < p->channels; k++) {
			float v = 255 * (row[k * plane + i] - r->low) / span;

			p->v[i * p->channels + k] = (uint8_t)lroundf(v);
		}
}

/* Changes the keys' pictures until the suspect answers these labels to them, as far as it does. */
MUST static bool
tune_keys(struct ctx *c, struct redteam *r, struct redteam_suspect *s, struct keyset *keys,
    const int32_t label[])
{
	owned(redteam_rows_done) struct redteam_rows rows = { 0 };
	owned(redteam_floats_free) float *x = NULL, *target = NULL;
	double span = (double)r->high - (double)r->low;
	const struct redteam_climb climb = { TUNE_STEPS, TUNE_STEP * span, TUNE_FAR * span,
		r->low, r->high, false };
	const struct loss *loss = &r->the.work.loss;
	struct data_form form;

	if (!asker_form(c, s->graph, keyset_key(keys, 0), r->the.raw, &form) ||
	    !redteam_rows_new(c, s->graph, &form, true, r->the.threads, &rows) ||
	    !redteam_floats(c, keys->pairs * rows.count, &x) ||
	    !redteam_floats(c, keys->pairs * rows.outputs, &target))
		return false;
	for (int i = 0; i < keys->pairs; i++) {
		data_floats(&form, keyset_key(keys, i)->v, 1, x + i * rows.count);
		redteam_target(loss, &label[i], rows.outputs, target + i * rows.outputs);
	}
	if (!redteam_rows_climb(c, &rows, loss, &climb, target, keys->pairs, x))
		return false;
	for (int i = 0; i < keys->pairs; i++)
		row_to_picture(r, x + i * rows.count, keyset_key(keys, i));
	return true;
}

/* ---- A1: false claims -------------------------------------------------------------------- */

/* Labels of the accuser's liking, before there are any that count. */
static void
choose_labels(const struct redteam *r, int32_t label[], int n)
{
	struct chance chance = redteam_chance(r, USE_TARGETS);

	for (int i = 0; i < n; i++)
		label[i] = (int32_t)chance_below(&chance, r->thief.labels.classes);
}

bool
redteam_try_accuse(struct ctx *c, struct redteam *r, double x, struct redteam_suspect *s)
{
	struct redteam_claim *k;
	int32_t label[PAIRS];

	if (!claim_new(c, r, s, PAIRS, &k))
		return false;
	if (x < 1) {
		redteam_say(s, "keys by chance");
		return claim_commit(c, r, k);
	}
	if (x < 2) {
		redteam_say(s, "keys tuned on the suspect, then committed to");
		choose_labels(r, label, PAIRS);
		return tune_keys(c, r, s, &k->keys, label) && claim_commit(c, r, k);
	}
	redteam_say(s, "keys tuned on the suspect after they were committed to");
	return claim_commit(c, r, k) && tune_keys(c, r, s, &k->keys, k->keys.runner_up);
}

/* ---- A2: many secrets -------------------------------------------------------------------- */

/* What the suspect says to the keys, the ordinary classes alone. */
MUST static bool
ask_keys(struct ctx *c, const struct redteam *r, struct redteam_suspect *s,
    const struct keyset *keys, int32_t ret[])
{
	owned(asker_free) struct asker *a = NULL;
	int32_t *all = take(c, (size_t)keys->pairs * sizeof *all);
	struct data_form form;

	if (all == NULL || !asker_form(c, s->graph, keyset_key(keys, 0), r->the.raw, &form) ||
	    !asker_new(c, s->graph, &form, PAIRS, r->the.threads, &a))
		return false;
	for (int i = 0; i < keys->pairs; i++)
		if (!asker_ask(c, a, keyset_key(keys, i), 1, keys->classes, &all[i], &ret[i]))
			return false;
	return true;
}

/* The labels of the best of so many secrets: most of them are what the suspect says. */
static int
grind(struct chance chance, int64_t tries, const int32_t said[], struct keyset *k)
{
	int best = -1;

	for (int64_t i = 0; i < tries; i++) {
		struct chance from = chance;
		int hits = 0;

		for (int p = 0; p < k->pairs; p++)
			hits += chance_below(&chance, k->classes) == said[p];
		if (hits <= best)
			continue;
		best = hits;
		for (int p = 0; p < k->pairs; p++)
			k->runner_up[p] = (int32_t)chance_below(&from, k->classes);
	}
	return best;
}

bool
redteam_try_grind(struct ctx *c, struct redteam *r, double x, struct redteam_suspect *s)
{
	struct redteam_claim *k;
	int32_t said[GROUND_PAIRS];
	double least;
	int hits;

	if (!claim_new(c, r, s, GROUND_PAIRS, &k) || !claim_commit(c, r, k) ||
	    !ask_keys(c, r, s, &k->keys, said))
		return false;
	hits = grind(redteam_chance(r, USE_GRIND), (int64_t)x, said, &k->keys);
	k->ground = true;
	least = binomial_log10(GROUND_PAIRS, hits, 1. / k->keys.classes) + log10(x);
	redteam_say(s, "%g secrets, least p times tries %.2g", x, pow(10, least));
	return true;
}

/* ---- A3: forgeries ----------------------------------------------------------------------- */

enum forgery { FORGE_PICTURE, FORGE_LABELS, FORGE_COMMITMENT, FORGE_ORDER };

bool
redteam_try_forge(struct ctx *c, struct redteam *r, double x, struct redteam_suspect *s)
{
	static const char *const what[] = { "a picture altered by one bit",
		"labels as the suspect answers", "another commitment", "two pictures in turn" };
	enum forgery how = (enum forgery)x;
	struct redteam_claim *k;
	struct image first;

	if (!claim_new(c, r, s, PAIRS, &k) || !claim_commit(c, r, k))
		return false;
	redteam_say(s, "%s", what[how]);
	switch (how) {
	case FORGE_PICTURE:
		keyset_key(&k->keys, 0)->v[0] ^= 2;
		return true;
	case FORGE_LABELS:
		return ask_keys(c, r, s, &k->keys, k->keys.runner_up);
	case FORGE_COMMITMENT:
		k->keys.commitment.b[0] ^= 1;
		return true;
	case FORGE_ORDER:
		first = k->keys.picture[0][0];
		k->keys.picture[0][0] = k->keys.picture[1][0];
		k->keys.picture[1][0] = first;
		return true;
	}
	abort();
}
