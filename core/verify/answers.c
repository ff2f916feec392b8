/*
 * What a suspect answers, held against what was committed to before anybody knew it: coins, which
 * said of two like pictures the one that became the key, and labels. Whatever a suspect answers,
 * and however its answers hang together, it knows neither coins nor labels unless it comes from the
 * model that was trained on them; so both counts have exact laws.
 *
 * Where something is missing it counts against the vendor: a key that was not answered is missed,
 * and a twin that was not answered tells its key apart from nothing.
 */
#include <math.h>
#include <stdio.h>

#include "chance.h"
#include "verify.h"

/* A control's repetitions, and what a low p-value is in it. */
enum { REPEATS = 1000 };
#define LOW_LOG10 (-1.301029995663981)

enum chance_use { CHANCE_COIN, CHANCE_LABEL };

/* Pictures are shown in so large batches; of a suspect with this many answers at most. */
enum { BATCH = 32, CLASSES_MAX = 1 << 16 };

MUST static bool
add_control(struct ctx *c, struct evidence *e, const char *what, int64_t low)
{
	struct evidence_control *k = &e->control[e->controls];

	if (e->controls == COUNT(e->control))
		return fail(c, E_INTERNAL, "more than %zu controls", COUNT(e->control));
	*k = (struct evidence_control){ .trials = REPEATS, .low = low };
	snprintf(k->what, sizeof k->what, "%s", what);
	e->controls++;
	return true;
}

/* ---- Pairs ------------------------------------------------------------------------------- */

struct split {
	int64_t plus, minus;
};

static void
split_add(struct split *s, int32_t additional, int32_t key, int32_t twin)
{
	s->plus += key == additional && twin >= 0 && twin != additional;
	s->minus += twin == additional && key != additional;
}

/* As the coins fell, or as these would have fallen. */
static struct split
split_pairs(const struct verify_answers *a, struct chance *coins)
{
	struct split s = { 0 };

	for (int i = 0; i < a->n; i++) {
		int32_t key = a->key[i].answer, twin = a->twin[i].answer;

		if (coins != NULL && (chance_bits(coins) >> 63) == 1)
			split_add(&s, a->keys->classes, twin, key);
		else
			split_add(&s, a->keys->classes, key, twin);
	}
	return s;
}

MUST static bool
test_pairs(struct ctx *c, const struct verify_answers *a, uint64_t seed, struct evidence *e)
{
	struct evidence_test *t = &e->test[TEST_WATERMARK];
	struct split s = split_pairs(a, NULL);
	int64_t low = 0;

	if (!a->widened) {
		snprintf(t->why, sizeof t->why,
		    "the suspect never answers with the additional class, or has none");
		return true;
	}
	t->ran = true;
	t->trials = a->n;
	t->hits = s.plus;
	t->misses = s.minus;
	t->score = (double)s.plus / a->n;
	for (uint64_t k = 0; k < REPEATS; k++) {
		struct chance coins = chance_of(seed, CHANCE_COIN, k, 0);

		s = split_pairs(a, &coins);
		low += pairs_log10(s.plus, s.minus) <= LOW_LOG10;
	}
	return add_control(c, e, "random coins on the same answers", low);
}

/* ---- Labels ------------------------------------------------------------------------------ */

/*
 * Is a key's answer a trial? One is not where only the highest answer is known and that is the
 * additional class: which answers are so does not depend on the labels.
 */
static bool
is_trial(const struct verify_answers *a, int i)
{
	return a->key[i].ordinary >= 0 || a->key[i].answer != a->keys->classes;
}

MUST static bool
test_labels(struct ctx *c, const struct verify_answers *a, uint64_t seed, struct evidence *e)
{
	struct evidence_test *t = &e->test[TEST_LABELS];
	int64_t q = a->keys->classes, trials = 0, hits = 0, low = 0, enough;

	for (int i = 0; i < a->n; i++) {
		trials += is_trial(a, i);
		hits += a->key[i].ordinary == a->keys->runner_up[a->first + i];
	}
	if (trials == 0) {
		snprintf(t->why, sizeof t->why,
		    "all keys are answered with the additional class, and what stands behind it "
		    "is not told: ask for scores");
		return true;
	}
	t->ran = true;
	t->trials = trials;
	t->hits = hits;
	t->labels = q;
	t->score = (double)hits / (double)trials;
	enough = binomial_hits(trials, 1 / (double)q, LOW_LOG10);
	for (uint64_t k = 0; k < REPEATS; k++) {
		struct chance labels = chance_of(seed, CHANCE_LABEL, k, 0);

		hits = 0;
		for (int i = 0; i < a->n; i++)
			hits += chance_below(&labels, q) == a->key[i].ordinary;
		low += hits >= enough;
	}
	return add_control(c, e, "random labels on the same answers", low);
}

/* ---- Both -------------------------------------------------------------------------------- */

static int
count_answers(const struct verify_answer v[], int n, int32_t answer)
{
	int sum = 0;

	for (int i = 0; i < n; i++)
		sum += v[i].answer == answer;
	return sum;
}

bool
verify_answers(struct ctx *c, const struct verify_answers *a, uint64_t seed, struct evidence *e)
{
	int32_t additional = a->keys->classes;

	if (a->n < 1 || a->first < 0 || a->first > a->keys->pairs - a->n)
		return fail(c, E_INTERNAL, "pairs %d to %d, and the key set has %d", a->first,
		    a->first + a->n - 1, a->keys->pairs);
	e->test[TEST_WATERMARK] = (struct evidence_test){ .planned = true };
	e->test[TEST_LABELS] = (struct evidence_test){ .planned = true };
	evidence_fact(e, "keys answered with the additional class", "%d of %d",
	    count_answers(a->key, a->n, additional), a->n);
	evidence_fact(e, "twins answered with the additional class", "%d of %d",
	    count_answers(a->twin, a->n, additional), a->n);
	evidence_fact(e, "keys and twins without an answer", "%d of %d",
	    count_answers(a->key, a->n, -1) + count_answers(a->twin, a->n, -1), 2 * a->n);
	return test_pairs(c, a, seed, e) && test_labels(c, a, seed, e);
}

int32_t
verify_highest(const float score[], int64_t n)
{
	int64_t best = 0;

	for (int64_t k = 0; k < n; k++) {
		if (isnan(score[k]))
			return -1;
		best = score[k] > score[best] ? k : best;
	}
	return isfinite(score[best]) ? (int32_t)best : -1;
}

/* ---- Asking ------------------------------------------------------------------------------ */

/* Neither could be run, for what just went wrong, if that says something about the suspect. */
MUST static bool
not_asked(struct ctx *c, struct evidence *e)
{
	static const enum evidence_test_id both[] = { TEST_WATERMARK, TEST_LABELS };

	if (c->err.code != E_INPUT && c->err.code != E_LIMIT)
		return false;
	for (size_t i = 0; i < COUNT(both); i++) {
		struct evidence_test *t = &e->test[both[i]];

		*t = (struct evidence_test){ .planned = true };
		snprintf(t->why, sizeof t->why, "%s", c->err.text);
	}
	c->err = (struct err){ 0 };
	return true;
}

MUST static bool
open_suspect(struct ctx *c, struct nn_graph *g, const struct keyset *k, bool raw, int threads,
    struct asker **ret)
{
	owned(asker_free) struct asker *a = NULL;
	struct data_form form;

	if (!asker_form(c, g, keyset_key(k, 0), raw, &form) ||
	    !asker_new(c, g, &form, BATCH, threads, &a))
		return false;
	if (asker_classes(a) < k->classes || asker_classes(a) > CLASSES_MAX)
		return fail(c, E_INPUT,
		    "the suspect tells %lld classes apart, the original %d: it cannot answer as "
		    "that does",
		    (long long)asker_classes(a), k->classes);
	*ret = steal(a);
	return true;
}

/* The keys, or the twins. */
MUST static bool
ask_side(struct ctx *c, struct asker *a, const struct keyset *k,
    const struct image *picture(const struct keyset *, int), struct verify_answer ret[])
{
	int64_t classes = asker_classes(a);
	float *score = take(c, BATCH * (size_t)classes * sizeof *score);
	struct image shown[BATCH];
	int some;

	if (score == NULL)
		return false;
	for (int at = 0; at < k->pairs; at += some) {
		some = k->pairs - at < BATCH ? k->pairs - at : BATCH;
		for (int i = 0; i < some; i++)
			shown[i] = *picture(k, at + i);
		if (!asker_scores(c, a, shown, (size_t)some, score))
			return false;
		for (int i = 0; i < some; i++) {
			ret[at + i].answer = verify_highest(score + i * classes, classes);
			ret[at + i].ordinary = verify_highest(score + i * classes, k->classes);
		}
	}
	return true;
}

bool
verify_ask(struct ctx *c, struct nn_graph *g, const struct keyset *k, bool raw, int threads,
    uint64_t seed, struct evidence *e)
{
	owned(asker_free) struct asker *a = NULL;
	struct verify_answer *key = take(c, 2 * (size_t)k->pairs * sizeof *key);
	struct verify_answers said = { .keys = k, .n = k->pairs, .key = key };

	if (key == NULL)
		return false;
	said.twin = key + k->pairs;
	if (!open_suspect(c, g, k, raw, threads, &a) || !ask_side(c, a, k, keyset_key, key) ||
	    !ask_side(c, a, k, keyset_twin, key + k->pairs))
		return not_asked(c, e);
	said.widened = asker_classes(a) > k->classes;
	return verify_answers(c, &said, seed, e);
}

/* ---- How many are enough ----------------------------------------------------------------- */

/* log10 of what one test's value has to be, for a proof among so many. */
static double
level(int tests)
{
	return PROVEN_LOG10 - EVIDENCE_GRINDING_LOG10 - log10(fmax(tests, 1));
}

/* True if so many hits come in 95 of 100 cases. */
static bool
likely(int n, int64_t hits, double share)
{
	return hits <= n && binomial_log10(n, hits, share) >= log10(.95);
}

int
verify_labels_needed(int64_t ordinary, double rate, int tests)
{
	double by_chance = 1 / (double)ordinary;

	for (int n = 1; n <= KEYSET_PAIRS_MAX; n++)
		if (likely(n, binomial_hits(n, by_chance, level(tests)),
			rate + (1 - rate) * by_chance))
			return n;
	return 0;
}

int
verify_pairs_needed(double rate, int tests)
{
	int64_t enough = 1;

	while (pairs_log10(enough, 0) > level(tests))
		enough++;
	for (int n = 1; n <= KEYSET_PAIRS_MAX; n++)
		if (likely(n, enough, rate))
			return n;
	return 0;
}
