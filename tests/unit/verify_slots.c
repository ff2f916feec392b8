/*
 * Tests of what slots say in a report: a copy's answers prove whose they are and accuse its
 * customer, a stranger's answers nobody.
 */
#include <math.h>

#include "slots_support.h"
#include "verify.h"

enum { SLOTS = 120, CUSTOMERS = 500, PICTURES = SLOTS * SLOT_PICTURES };

struct asked {
	struct key256 secret;
	struct slots slots;
	int32_t answer[PICTURES];
	uint32_t customer[CUSTOMERS];
	struct evidence *e;
};

static struct asked *
asked_new(struct ctx *c)
{
	struct asked *a = take(c, sizeof *a);

	ck_assert_ptr_nonnull(a);
	a->secret = slots_secret();
	a->slots = slots_some(c, SLOTS, 2);
	a->e = take(c, sizeof *a->e);
	ck_assert_ptr_nonnull(a->e);
	a->e->trace.eps1 = 1e-6;
	for (uint32_t i = 0; i < CUSTOMERS; i++)
		a->customer[i] = i + 1;
	return a;
}

/* One picture in eight is answered with what it is of. */
static void
answer_as(struct asked *a, const uint8_t *word)
{
	for (int i = 0; i < PICTURES; i++) {
		int slot = i / SLOT_PICTURES;

		a->answer[i] = word == NULL || i % 8 == 0 ? a->slots.own[slot]
							  : a->slots.label[slot][word[slot]];
	}
}

static void
verify(struct ctx *c, struct asked *a, int64_t customers)
{
	const struct verify_slots v = { &a->secret, &a->slots, a->answer, a->customer,
		customers };

	/* Committed to before the suspect appeared. */
	a->e->appeared = 2;
	a->e->commitments = 1;
	a->e->commitment[0] = (struct evidence_commitment){ "slots", a->slots.commitment, 1 };
	ck_ok(c, verify_slots(c, &v, a->e));
	evidence_conclude(a->e);
}

START_TEST(a_copy_proves_whose_it_is)
{
	struct ctx *c = test_ctx();
	struct asked *a = asked_new(c);
	const struct evidence_trace *t = &a->e->trace;

	answer_as(a, word_of(c, &a->slots, 77));
	verify(c, a, CUSTOMERS);
	ck_assert(a->e->test[TEST_SLOTS].planned && a->e->test[TEST_SLOTS].ran);
	ck_assert_double_le(a->e->test[TEST_SLOTS].log10_p, -20);
	ck_assert_int_eq(a->e->verdict, VERDICT_PROVEN);
	ck_assert(t->ran);
	ck_assert_str_eq(t->channel, "slots");
	ck_assert_int_eq(t->best[0].number, 77);
	ck_assert(t->best[0].accused);
	for (size_t i = 1; i < t->n; i++)
		ck_assert(!t->best[i].accused);
	ck_assert_double_gt(t->best[0].z, t->threshold_z);
}
END_TEST

START_TEST(a_stranger_accuses_nobody)
{
	struct ctx *c = test_ctx();
	struct asked *a = asked_new(c);
	uint8_t word[SLOTS];

	for (int i = 0; i < SLOTS; i++)
		word[i] = i % 3 == 0;
	answer_as(a, word);
	verify(c, a, CUSTOMERS);
	ck_assert(a->e->test[TEST_SLOTS].ran);
	ck_assert_int_eq(a->e->verdict, VERDICT_NO_EVIDENCE);
	for (size_t i = 0; i < a->e->trace.n; i++)
		ck_assert(!a->e->trace.best[i].accused);
}
END_TEST

/* However few slots are answered: words and answers are independent. */
static const int answered[] = { 1, 2, 3, 4, 7, 20, SLOTS };

START_TEST(the_control_is_clean)
{
	struct ctx *c = test_ctx();
	struct asked *a = asked_new(c);
	uint8_t word[SLOTS] = { 0 };

	answer_as(a, NULL);
	for (int i = 0; i < answered[_i] * SLOT_PICTURES; i++)
		a->answer[i] = a->slots.label[i / SLOT_PICTURES][word[i / SLOT_PICTURES]];
	verify(c, a, CUSTOMERS);
	ck_assert_uint_eq(a->e->controls, 1);
	ck_assert_int_eq(a->e->control[0].trials, 1000);
	ck_assert(a->e->control[0].clean);
}
END_TEST

START_TEST(a_control_finds_what_depends)
{
	struct ctx *c = test_ctx();
	struct asked *a = asked_new(c);

	/* Answers that lean to a word of nobody's, as no stranger's would. */
	answer_as(a, word_of(c, &a->slots, UINT32_MAX));
	verify(c, a, CUSTOMERS);
	ck_assert_int_ge(a->e->control[0].low, 1);
}
END_TEST

START_TEST(nothing_to_go_by)
{
	struct ctx *c = test_ctx();
	struct asked *a = asked_new(c);

	answer_as(a, NULL);
	verify(c, a, CUSTOMERS);
	ck_assert(a->e->test[TEST_SLOTS].planned && !a->e->test[TEST_SLOTS].ran);
	ck_assert(a->e->test[TEST_SLOTS].why[0] != '\0');
	ck_assert(!a->e->trace.ran);
	ck_assert_int_eq(a->e->verdict, VERDICT_CANNOT_DECIDE);
	answer_as(a, word_of(c, &a->slots, 1));
	verify(c, a, 0);
	ck_assert(!a->e->test[TEST_SLOTS].ran);
	ck_assert(!a->e->trace.ran);
}
END_TEST

/* As another channel has left it, with one whose bound is that low. */
static void
traced_before(struct asked *a, double bound_log10)
{
	a->e->trace = (struct evidence_trace){
		.ran = true, .channel = "weights", .customers = CUSTOMERS, .eps1 = 1e-6, .n = 1
	};
	a->e->trace.best[0] = (struct evidence_customer){ .number = 5,
		.bound_log10 = bound_log10 };
}

static const struct {
	double bound_log10;
	uint32_t copy; /* whose answers they are; 0: nobody's */
	const char *channel;
	uint32_t first;
} channels[] = {
	{ -30, 77, "weights", 5 },
	{ -8.71, 77, "weights", 5 },
	{ -8.69, 77, "slots", 77 },
	{ -2, 0, "weights", 5 },
	{ -30, 0, "weights", 5 },
};

START_TEST(a_channel_that_names_somebody_counts)
{
	struct ctx *c = test_ctx();
	struct asked *a = asked_new(c);
	uint8_t word[SLOTS];

	for (int i = 0; i < SLOTS; i++)
		word[i] = i % 3 == 0;
	traced_before(a, channels[_i].bound_log10);
	answer_as(a, channels[_i].copy > 0 ? word_of(c, &a->slots, channels[_i].copy) : word);
	verify(c, a, CUSTOMERS);
	ck_assert(a->e->test[TEST_SLOTS].ran);
	ck_assert_str_eq(a->e->trace.channel, channels[_i].channel);
	ck_assert_int_eq(a->e->trace.best[0].number, channels[_i].first);
}
END_TEST

MAIN("verify_slots", ONE(a_copy_proves_whose_it_is), ONE(a_stranger_accuses_nobody),
    EACH(the_control_is_clean, answered), ONE(a_control_finds_what_depends),
    ONE(nothing_to_go_by), EACH(a_channel_that_names_somebody_counts, channels))
