/*
 * Services that are asked slots, too: after what is enough for the key set, as many whole ones as
 * the budget still allows.
 */
#include "chance.h"
#include "test.h"
#include "verify.h"

enum { PAIRS = 60, DECOYS = 40, SLOTS = 25, CLASSES = 10 };
enum { ASKED = 2 * PAIRS, PICTURES = SLOTS * SLOT_PICTURES, ALL = ASKED + PICTURES + DECOYS };

/* What the service is asked, by item; decoys behind all others. */
struct service {
	bool knows, fails;
	struct keyset keys;
	struct challenge asked;
	int times[ALL], n;
	int last_pair, first_slot; /* when */
	int32_t said[PICTURES];
};

static void
told(void *arg, int64_t done, int64_t total, struct str note)
{
	(void)arg;
	ck_assert_int_lt(done, total);
	ck_assert_uint_gt(note.n, 0);
}

/* Keys as the vendor's model answers them, pictures of a slot with a class that tells which. */
static bool
ask(struct ctx *c, void *arg, int32_t place, struct verify_answer *ret, bool *ret_failed,
    char why[160])
{
	struct service *s = arg;
	int32_t item = s->asked.item[place], label = 3;

	(void)c;
	s->times[item < 0 ? ASKED + PICTURES - 1 - item : item]++;
	s->n++;
	if (item < ASKED)
		s->last_pair = s->n;
	else if (s->first_slot == 0)
		s->first_slot = s->n;
	*ret_failed = s->fails;
	if (s->fails)
		memcpy(why, "it hangs", sizeof "it hangs");
	if (item >= ASKED)
		label = (item - ASKED) % 7;
	else if (item >= 0 && item % 2 == 0 && s->knows)
		label = s->keys.runner_up[item / 2];
	*ret = (struct verify_answer){ label, label };
	return true;
}

static struct service *
service(struct ctx *c, bool knows)
{
	struct service *s = take(c, sizeof *s);
	struct chance draw = chance_of(7, 2, 0, 0);

	*s = (struct service){ .knows = knows,
		.keys = { .pairs = PAIRS, .classes = CLASSES },
		.asked = { .pairs = PAIRS, .slots = SLOTS, .decoys = DECOYS, .n = ALL } };
	s->keys.runner_up = take(c, PAIRS * sizeof *s->keys.runner_up);
	s->asked.item = take(c, ALL * sizeof *s->asked.item);
	for (int i = 0; i < PAIRS; i++)
		s->keys.runner_up[i] = (int32_t)chance_below(&draw, CLASSES);
	for (int32_t i = 0; i < ALL; i++) {
		int32_t at = (int32_t)chance_below(&draw, i + 1);

		s->asked.item[i] = s->asked.item[at];
		s->asked.item[at] = i < ASKED + PICTURES ? i : ASKED + PICTURES - 1 - i;
	}
	for (int i = 0; i < PICTURES; i++)
		s->said[i] = -1;
	return s;
}

static struct verify_turns
turns_of(struct service *s, int64_t budget)
{
	return (struct verify_turns){ .keys = &s->keys,
		.of = &s->asked,
		.slot = s->said,
		.budget = budget,
		.ask = ask,
		.arg = s,
		.watch = { told, NULL } };
}

static struct evidence *
blank(struct ctx *c)
{
	struct evidence *e = take(c, sizeof *e);

	ck_assert_ptr_nonnull(e);
	return e;
}

/* Of those pictures the first `n` were asked, once, and their answers stand in their place. */
static void
slots_asked(const struct service *s, int n)
{
	for (int i = 0; i < PICTURES; i++) {
		ck_assert_int_eq(s->times[ASKED + i], i < n);
		ck_assert_int_eq(s->said[i], i < n ? i % 7 : -1);
	}
}

START_TEST(slots_come_when_enough_is_known)
{
	struct ctx *c = test_ctx();
	struct service *s = service(c, true);
	struct verify_turns t = turns_of(s, 4000);
	struct evidence *e = blank(c);

	ck_ok(c, verify_in_turn(c, &t, 5, e));
	slots_asked(s, PICTURES);
	ck_assert_int_lt(s->last_pair, s->first_slot);
	ck_assert_int_lt(s->n, ALL); /* for it was enough */
	ck_assert(e->test[TEST_LABELS_IN_TURN].ran);
}
END_TEST

START_TEST(whole_slots_within_the_budget)
{
	struct ctx *c = test_ctx();
	struct service *s = service(c, false);
	struct verify_turns t = turns_of(s, ASKED + DECOYS + 11);
	struct evidence *e = blank(c);

	ck_ok(c, verify_in_turn(c, &t, 5, e));
	ck_assert_int_eq(s->n, ASKED + DECOYS + 8);
	slots_asked(s, 8);
	for (int i = 0; i < ASKED; i++)
		ck_assert_int_eq(s->times[i], 1);
	/* With a smaller one there is none left for slots. */
	s = service(c, false);
	t = turns_of(s, 50);
	ck_ok(c, verify_in_turn(c, &t, 5, e));
	ck_assert_int_eq(s->n, 50);
	slots_asked(s, 0);
}
END_TEST

START_TEST(slots_alone)
{
	struct ctx *c = test_ctx();
	struct service *s = service(c, true);
	struct verify_turns t = turns_of(s, 4000);
	struct evidence *e = blank(c);

	t.keys = NULL;
	ck_ok(c, verify_in_turn(c, &t, 5, e));
	ck_assert_int_eq(s->n, PICTURES);
	slots_asked(s, PICTURES);
	ck_assert(!e->test[TEST_LABELS_IN_TURN].planned);
	ck_assert_uint_eq(e->controls, 0);
	/* And pairs alone. */
	s = service(c, false);
	t = turns_of(s, 4000);
	t.slot = NULL;
	ck_ok(c, verify_in_turn(c, &t, 5, e));
	ck_assert_int_eq(s->n, ASKED + DECOYS);
	ck_assert_int_eq(s->first_slot, 0);
}
END_TEST

START_TEST(a_service_that_fails_is_left_alone)
{
	struct ctx *c = test_ctx();
	struct service *s = service(c, true);
	struct verify_turns t = turns_of(s, 4000);

	s->fails = true;
	ck_fails(c, E_INPUT, verify_in_turn(c, &t, 5, blank(c)));
	ck_assert_int_eq(s->n, 8);
	slots_asked(s, 0);
	t.keys = NULL;
	ck_fails(c, E_INPUT, verify_in_turn(c, &t, 5, blank(c)));
	ck_assert_int_eq(s->n, 16);
}
END_TEST

MAIN("verify_turns_slots", ONE(slots_come_when_enough_is_known),
    ONE(whole_slots_within_the_budget), ONE(slots_alone),
    ONE(a_service_that_fails_is_left_alone))
