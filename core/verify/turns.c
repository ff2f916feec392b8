/*
 * Evidence that grows answer by answer. Whether to go on is decided by what was answered so far, so
 * the tests are those that hold whenever one stops: to each answer a factor whose mean is 1 or less
 * unless the suspect knows labels, or coins; their product is as large as 1 / p with a chance of p
 * at most, at any time. (The tests of a whole transcript would not be valid here.)
 *
 * What is not answered is no factor at all: neither labels nor coins have a say in what is refused,
 * so that refusing proves nothing, in neither direction.
 */
#include <math.h>
#include <stdio.h>

#include "chance.h"
#include "tar.h"
#include "verify.h"

enum { REPEATS = 1000, FAILURES_MAX = 8, WHY_MAX = 160 };
enum chance_use { CHANCE_COINS_IN_TURN = 7, CHANCE_LABELS_IN_TURN };
#define LOW_LOG10 (-1.301029995663981)
/* Two tests: each has to be twice as clear as one alone. */
#define ENOUGH_LOG10 (EVIDENCE_GRINDING_LOG10 - PROVEN_LOG10 + .3010299956639812 + .01)

struct turns {
	const struct verify_turns *of;
	struct verify_answer *said; /* by item: key, twin, key, twin, … */
	bool *asked;                /* likewise */
	struct sequence labels, coins;
	int64_t n, answered;
	int failures; /* in a row */
	char why[WHY_MAX];
};

/* ---- Pictures ---------------------------------------------------------------------------- */

bool
challenge_pictures(struct ctx *c, struct str tar, const struct challenge *q, struct str **ret)
{
	struct str *png = take(c, (size_t)q->n * sizeof *png), name, bytes;
	bool end = false;
	int32_t n = 0;

	while (png != NULL && !end) {
		if (!tar_next(c, &tar, &end, &name, &bytes))
			return false;
		if (end || name.n < 4 ||
		    !str_same((struct str){ name.p + name.n - 4, 4 }, STR(".png")))
			continue;
		if (n == q->n)
			break;
		png[n++] = bytes;
	}
	if (png == NULL)
		return false;
	if (!end || n != q->n)
		return fail(c, E_INTEGRITY, "the challenge has other pictures than its list");
	*ret = png;
	return true;
}

/* ---- One answer more --------------------------------------------------------------------- */

/* +1: the key alone was answered with the additional class; -1: its twin alone; 0: no trial. */
static int
split_of(const struct turns *t, int32_t pair)
{
	int32_t key = t->said[2 * pair].answer, twin = t->said[2 * pair + 1].answer;
	int32_t additional = t->of->keys->classes;

	if (!t->asked[2 * pair] || !t->asked[2 * pair + 1] || key < 0 || twin < 0)
		return 0;
	return (key == additional) - (twin == additional);
}

static void
count(struct turns *t, int32_t item)
{
	const struct keyset *k = t->of->keys;
	const struct verify_answer *a = &t->said[item];
	int32_t pair = item / 2;
	int split = split_of(t, pair);

	if (item % 2 == 0 && a->ordinary >= 0)
		sequence_add(&t->labels, a->ordinary == k->runner_up[t->of->of->first + pair]);
	if (split != 0)
		sequence_add(&t->coins, split > 0);
}

static void
answered(struct turns *t, int32_t item, struct verify_answer said)
{
	t->said[item] = said;
	t->asked[item] = true;
	count(t, item);
}

MUST static bool
turn(struct ctx *c, struct turns *t, int32_t place)
{
	const struct verify_turns *of = t->of;
	struct verify_answer said = { -1, -1 };
	int32_t item = of->of->item[place], slot;
	bool failed = false;
	int k;

	if (!of->ask(c, of->arg, place, &said, &failed, t->why))
		return false;
	t->n++;
	t->failures = failed ? t->failures + 1 : 0;
	t->answered += !failed && said.answer >= 0;
	if (challenge_slot(of->of, place, &slot, &k))
		of->slot[slot * SLOT_PICTURES + k] = failed ? -1 : said.ordinary;
	else if (item >= 0)
		answered(t, item, said);
	return true;
}

static bool
is_enough(const struct turns *t)
{
	return fmax(sequence_log10(&t->labels), sequence_log10(&t->coins)) >= ENOUGH_LOG10;
}

/* What could be asked at all. */
static int64_t
all_of(const struct verify_turns *of)
{
	const struct challenge *q = of->of;
	int64_t pairs = of->keys != NULL ? 2 * (int64_t)q->pairs + q->decoys : 0;

	return pairs + (of->slot != NULL ? SLOT_PICTURES * (int64_t)q->slots : 0);
}

static int64_t
at_most(const struct verify_turns *of)
{
	return of->budget < all_of(of) ? of->budget : all_of(of);
}

static bool
may_ask(const struct turns *t)
{
	const struct verify_turns *of = t->of;

	return t->n < at_most(of) && t->failures < FAILURES_MAX &&
	    (of->until == 0 || clock_monotonic() < of->until);
}

static void
tell(const struct turns *t)
{
	const struct verify_turns *of = t->of;

	of->watch.progress(of->watch.arg, t->n, at_most(of), STR("asking the service"));
}

/* Keys, twins and decoys, until it is enough. */
MUST static bool
ask_pairs(struct ctx *c, struct turns *t)
{
	const struct verify_turns *of = t->of;
	int32_t slot, n = of->keys != NULL ? of->of->n : 0;
	int k;

	for (int32_t i = 0; i < n && may_ask(t) && !is_enough(t); i++) {
		if (challenge_slot(of->of, i, &slot, &k))
			continue;
		tell(t);
		if (!turn(c, t, i))
			return false;
	}
	return true;
}

/* Of slots as many whole ones as may still be asked: parts of others would say nothing. */
MUST static bool
ask_slots(struct ctx *c, struct turns *t)
{
	const struct verify_turns *of = t->of;
	int64_t whole = (at_most(of) - t->n) / SLOT_PICTURES;
	int32_t slot, n = of->slot != NULL ? of->of->n : 0;
	int k;

	for (int32_t i = 0; i < n && may_ask(t); i++) {
		if (!challenge_slot(of->of, i, &slot, &k) || slot >= whole)
			continue;
		tell(t);
		if (!turn(c, t, i))
			return false;
	}
	return true;
}

/* ---- Controls ---------------------------------------------------------------------------- */

/* Hits of the same answers, had the labels, or the coins, fallen otherwise. */
static int64_t
hits_of(const struct turns *t, enum chance_use use, struct chance *draw)
{
	int64_t hits = 0;

	for (int32_t i = 0; i < t->of->of->pairs; i++) {
		int32_t ordinary = t->said[2 * i].ordinary;

		if (use == CHANCE_COINS_IN_TURN)
			hits += split_of(t, i) != 0 && (chance_bits(draw) >> 63) == 1;
		else if (t->asked[2 * i] && ordinary >= 0)
			hits += chance_below(draw, t->labels.labels) == ordinary;
	}
	return hits;
}

/* How often they look like a find then. */
MUST static bool
control(struct ctx *c, const struct turns *t, const struct sequence *s, enum chance_use use,
    const char *what, struct evidence *e, uint64_t seed)
{
	struct evidence_control *k = &e->control[e->controls];

	if (e->controls == COUNT(e->control))
		return fail(c, E_INTERNAL, "more than %zu controls", COUNT(e->control));
	*k = (struct evidence_control){ .trials = REPEATS };
	snprintf(k->what, sizeof k->what, "%s", what);
	for (uint64_t i = 0; i < REPEATS; i++) {
		struct chance draw = chance_of(seed, use, i, 0);
		struct sequence other = sequence_of(
		    s->labels, s->asked, hits_of(t, use, &draw));

		k->low += -sequence_log10(&other) <= LOW_LOG10;
	}
	e->controls++;
	return true;
}

/* ---- What it comes to -------------------------------------------------------------------- */

static void
test_fill(struct evidence_test *test, const struct sequence *s, const char *why)
{
	*test = (struct evidence_test){ .planned = true };
	if (s->asked == 0) {
		snprintf(test->why, sizeof test->why, "%s", why);
		return;
	}
	test->ran = true;
	test->trials = s->asked;
	test->hits = s->hits;
	test->labels = s->labels;
	test->score = (double)s->hits / (double)s->asked;
}

static void
tell_all(const struct turns *t, struct evidence *e)
{
	const char *why = "all were";

	if (is_enough(t) && t->of->slot == NULL)
		why = "enough was known";
	else if (t->failures == FAILURES_MAX)
		why = "the service failed";
	else if (t->n < all_of(t->of) && t->of->budget - t->n < SLOT_PICTURES)
		why = "that was the budget";
	else if (t->n < all_of(t->of))
		why = is_enough(t) ? "enough was known" : "the time was up";
	evidence_fact(e, "pictures shown to the service", "%lld of %lld: %s", (long long)t->n,
	    (long long)all_of(t->of), why);
	evidence_fact(
	    e, "of these without a usable answer", "%lld", (long long)(t->n - t->answered));
	if (t->why[0] != '\0')
		evidence_fact(e, "the last reason for that", "%.75s", t->why);
	if (t->of->keys == NULL)
		return;
	evidence_fact(e, "evidence by labels, by coins", "10^%.2f, 10^%.2f",
	    sequence_log10(&t->labels), sequence_log10(&t->coins));
}

MUST static bool
conclude(struct ctx *c, const struct turns *t, uint64_t seed, struct evidence *e)
{
	if (t->answered == 0)
		return fail(c, E_INPUT, "the service gave no answer that can be used; %.120s",
		    t->why[0] != '\0' ? t->why : "it answered null");
	tell_all(t, e);
	if (t->of->keys == NULL)
		return true;
	test_fill(&e->test[TEST_LABELS_IN_TURN], &t->labels,
	    "all keys are answered with the additional class, and what stands behind it is not "
	    "told: ask for scores");
	test_fill(&e->test[TEST_PAIRS_IN_TURN], &t->coins,
	    "of no pair was one picture alone answered with the additional class");
	return (t->labels.asked == 0 ||
		   control(c, t, &t->labels, CHANCE_LABELS_IN_TURN,
		       "random labels on the same answers", e, seed)) &&
	    (t->coins.asked == 0 ||
		control(c, t, &t->coins, CHANCE_COINS_IN_TURN,
		    "random coins on the same answers", e, seed));
}

bool
verify_in_turn(struct ctx *c, const struct verify_turns *of, uint64_t seed, struct evidence *e)
{
	size_t items = 2 * (size_t)of->of->pairs;
	struct turns t = { .of = of,
		.said = take(c, items * sizeof *t.said + 1),
		.asked = take(c, items * sizeof *t.asked + 1),
		.labels = sequence_begin(of->keys != NULL ? of->keys->classes : 2),
		.coins = sequence_begin(2) };

	if (t.said == NULL || t.asked == NULL)
		return false;
	if (of->keys != NULL &&
	    (of->of->first < 0 || of->of->pairs > of->keys->pairs - of->of->first))
		return fail(c, E_INTEGRITY, "the challenge is of another key set");
	return ask_pairs(c, &t) && ask_slots(c, &t) && conclude(c, &t, seed, e);
}
