/*
 * What follows from what was counted: laws, allowance, adjustment, controls, accusations, verdicts;
 * with the check values of the literature and of an independent computation.
 */
#include <math.h>
#include <stdio.h>

#include "evidence_support.h"
#include "test.h"

#define CLOSE(a, b) ck_assert_double_eq_tol((a), (b), 1.1e-6)

/* Only that one test was planned, and ran. */
static struct evidence
one_test(enum evidence_test_id id, struct evidence_test t)
{
	struct evidence e = { 0 };

	e.test[id] = t;
	e.test[id].planned = e.test[id].ran = true;
	evidence_conclude(&e);
	return e;
}

/* ---- Laws -------------------------------------------------------------------------------- */

static const struct {
	enum evidence_test_id id;
	int64_t trials, hits, misses, labels;
	double bound, log10_p;
} law_cases[] = {
	{ TEST_LABELS, 100, 28, 0, 10, 0, -6.458243 },
	{ TEST_LABELS, 100, 33, 0, 10, 0, -9.490465 },
	{ TEST_LABELS, 100, 20, 0, 11, 0, -3.209996 },
	{ TEST_LABELS, 100, 74, 0, 2, 0, -6.079000 },
	{ TEST_LABELS, 254, 200, 0, 2, 0, -20.468665 },
	{ TEST_LABELS, 1000, 600, 0, 2, 0, -9.865112 },
	{ TEST_LABELS, 100, 95, 0, 10, 0, -87.349547 },
	{ TEST_LABELS, 100, 100, 0, 10, 0, -100 },
	{ TEST_LABELS, 100, 0, 0, 10, 0, 0 },
	{ TEST_LABELS, 0, 0, 0, 10, 0, 0 },
	{ TEST_LABELS, 100, 100, 0, 1, 0, 0 },
	{ TEST_LABELS, 100, 100, 0, 0, 0, 0 },
	{ TEST_LABELS, 100, 101, 0, 10, 0, 0 },
	{ TEST_LABELS, -5, -5, 0, 10, 0, 0 },
	{ TEST_LABELS, EVIDENCE_ASKED_MAX + 1, EVIDENCE_ASKED_MAX, 0, 10, 0, 0 },
	{ TEST_WATERMARK, 20, 20, 0, 0, 0, -6.020600 },
	{ TEST_WATERMARK, 100, 30, 0, 0, 0, -9.030900 },
	{ TEST_WATERMARK, 40, 38, 2, 0, 0, -9.126857 },
	{ TEST_WATERMARK, 40, 36, 4, 0, 0, -7.032212 },
	{ TEST_WATERMARK, 40, 34, 6, 0, 0, -5.378586 },
	{ TEST_WATERMARK, 100, 80, 20, 0, 0, -9.253401 },
	{ TEST_WATERMARK, 100, 0, 0, 0, 0, 0 },
	{ TEST_WATERMARK, 0, 0, 0, 0, 0, 0 },
	{ TEST_WATERMARK, 30, 31, 0, 0, 0, 0 },
	{ TEST_WATERMARK, 30, 20, 11, 0, 0, 0 },
	{ TEST_WATERMARK, INT64_MAX, INT64_MAX, INT64_MAX, 0, 0, 0 },
	{ TEST_LABELS_IN_TURN, 7, 7, 0, 10, 0, -6.152810 },
	{ TEST_LABELS_IN_TURN, 6, 6, 0, 10, 0, -5.221052 },
	{ TEST_LABELS_IN_TURN, 100, 10, 0, 10, 0, 0 },
	{ TEST_LABELS_IN_TURN, 0, 0, 0, 10, 0, 0 },
	{ TEST_LABELS_IN_TURN, 40, 40, 0, 1, 0, 0 },
	{ TEST_LABELS_IN_TURN, 7, 8, 0, 10, 0, 0 },
	{ TEST_PAIRS_IN_TURN, 103, 103, 0, 2, 0, -25.691008 },
	{ TEST_WEIGHTS, 1000, 0, 0, 0, -41.5, -38.5 },
	{ TEST_WEIGHTS, 1000, 0, 0, 0, -2, 0 },
	{ TEST_WEIGHTS, 0, 0, 0, 0, -50, 0 },
	{ TEST_WEIGHTS, 1000, 0, 0, 0, NAN, 0 },
	{ TEST_WEIGHTS, 1000, 0, 0, 0, 1, 0 },
	{ TEST_WEIGHTS, 1, 0, 0, 0, -INFINITY, -1e9 },
	{ TEST_LOCK_KEY, 9999999, 0, 0, 0, 0, -7 },
	{ TEST_FINGERPRINT, 19, 0, 0, 0, 0, -1.301030 },
	{ TEST_FINGERPRINT, 20, 0, 0, 0, 0, -1.322219 },
	{ TEST_FINGERPRINT, 19, 19, 0, 0, 0, 0 },
	{ TEST_FINGERPRINT, 0, 0, 0, 0, 0, 0 },
};

START_TEST(laws_hold)
{
	const struct evidence_test t = { .trials = law_cases[_i].trials,
		.hits = law_cases[_i].hits,
		.misses = law_cases[_i].misses,
		.labels = law_cases[_i].labels,
		.bound_log10 = law_cases[_i].bound };
	struct evidence e = one_test(law_cases[_i].id, t);

	CLOSE(e.test[law_cases[_i].id].log10_p, law_cases[_i].log10_p);
	ck_assert(e.test[law_cases[_i].id].log10_p <= 0);
}
END_TEST

START_TEST(grinding_is_allowed_for)
{
	struct evidence e = one_test(
	    TEST_WATERMARK, (struct evidence_test){ .trials = 100, .hits = 98, .misses = 2 });

	CLOSE(e.test[0].allowed, e.test[0].log10_p + 19.265920);
	ck_assert(e.test[0].allowed <= -6);
	e = one_test(
	    TEST_WATERMARK, (struct evidence_test){ .trials = 100, .hits = 97, .misses = 3 });
	ck_assert(e.test[0].allowed > -6 && e.test[0].log10_p < -20);
	e = one_test(
	    TEST_WATERMARK, (struct evidence_test){ .trials = 30, .hits = 30, .misses = 0 });
	ck_assert(e.test[0].allowed == 0 && e.verdict == VERDICT_NO_EVIDENCE);
	/* Customers' tables follow from a secret that is older than any suspect. */
	e = one_test(TEST_WEIGHTS, (struct evidence_test){ .trials = 10, .bound_log10 = -8 });
	CLOSE(e.test[TEST_WEIGHTS].allowed, -7);
}
END_TEST

/* {3e-9, 4e-4, .02, .3} gives {1.2e-8, .0012, .04, .3}. */
START_TEST(holm_is_over_all_that_were_planned)
{
	struct evidence e = { 0 };

	e.test[TEST_SLOTS] = (struct evidence_test){ true, true, .trials = 1,
		.bound_log10 = log10(3e-9) };
	e.test[TEST_WEIGHTS] = (struct evidence_test){ true, true, .trials = 1,
		.bound_log10 = log10(4e-4) };
	e.test[TEST_FINGERPRINT] = (struct evidence_test){ true, true, .trials = 49 };
	e.test[TEST_BOUNDARY] = (struct evidence_test){ true, true, .trials = 9, .hits = 2 };
	evidence_conclude(&e);
	CLOSE(e.test[TEST_SLOTS].adjusted, log10(1.2e-8));
	CLOSE(e.test[TEST_WEIGHTS].adjusted, log10(.0012));
	CLOSE(e.test[TEST_FINGERPRINT].adjusted, log10(.04));
	CLOSE(e.test[TEST_BOUNDARY].adjusted, log10(.3));

	/* One more was planned and could not be run. */
	e.test[TEST_LOCK_KEY] = (struct evidence_test){ .planned = true };
	evidence_conclude(&e);
	CLOSE(e.test[TEST_SLOTS].adjusted, log10(1.5e-8));
	ck_assert(e.test[TEST_LOCK_KEY].adjusted == 0);

	/* What was not planned was chosen afterwards: it counts nothing. */
	e.test[TEST_SLOTS].planned = false;
	evidence_conclude(&e);
	ck_assert(!e.test[TEST_SLOTS].ran && e.test[TEST_SLOTS].adjusted == 0);
	CLOSE(e.test[TEST_WEIGHTS].adjusted, log10(4e-4 * 4));
}
END_TEST

/* ---- Controls ---------------------------------------------------------------------------- */

static const struct {
	int64_t trials, low;
	bool clean;
} control_cases[] = {
	{ 1000, 0, true },
	{ 1000, 50, true },
	{ 1000, 86, true }, /* log10 of the chance of 86 and more: -5.93; of 87: -6.19 */
	{ 1000, 87, false },
	{ 1000, 1000, false },
	{ 100, 18, true }, /* -5.65; of 19: -6.30 */
	{ 100, 19, false },
	{ EVIDENCE_ASKED_MAX, 3200, true },
	{ EVIDENCE_ASKED_MAX + 1, 0, false },
	{ 0, 0, false },
	{ -1, 0, false },
	{ 1, 2, false },
};

START_TEST(controls_are_clean_or_not)
{
	struct evidence e;

	evidence_plausible(&e);
	e.control[1].trials = control_cases[_i].trials;
	e.control[1].low = control_cases[_i].low;
	evidence_conclude(&e);
	ck_assert(e.control[1].clean == control_cases[_i].clean);
	ck_assert(e.verdict == (control_cases[_i].clean ? VERDICT_PROVEN : VERDICT_INDICATIVE));
	ck_assert(e.trace.best[0].accused == control_cases[_i].clean);
}
END_TEST

/* ---- Verdicts ---------------------------------------------------------------------------- */

static void
as_it_is(struct evidence *e)
{
	(void)e;
}

static void
no_answers(struct evidence *e)
{
	e->test[TEST_WATERMARK].ran = e->test[TEST_LABELS].ran = false;
}

static void
weak(struct evidence *e)
{
	no_answers(e);
	e->test[TEST_WEIGHTS].bound_log10 = -7.5; /* 6 * 1000 * 10^-7.5: 10^-3.7 */
}

static void
nothing_found(struct evidence *e)
{
	no_answers(e);
	e->test[TEST_WEIGHTS].bound_log10 = -6.5;
}

static void
young(struct evidence *e)
{
	e->commitment[1].at = e->appeared;
}

static void
weak_and_young(struct evidence *e)
{
	weak(e);
	young(e);
}

static void
nothing_found_and_young(struct evidence *e)
{
	nothing_found(e);
	young(e);
}

static void
uncommitted(struct evidence *e)
{
	e->commitments = 0;
}

static void
undated(struct evidence *e)
{
	e->commitment[0].at = 0;
}

static void
unknown_age(struct evidence *e)
{
	e->appeared = 0;
}

static void
uncontrolled(struct evidence *e)
{
	e->controls = 0;
}

static void
unreadable(struct evidence *e)
{
	snprintf(e->cannot, sizeof e->cannot, "The file ends too early.");
}

static void
nothing_ran(struct evidence *e)
{
	for (size_t i = 0; i < TEST_COUNT; i++)
		e->test[i].ran = false;
}

static void
nothing_planned(struct evidence *e)
{
	for (size_t i = 0; i < TEST_COUNT; i++)
		e->test[i].planned = false;
}

/* However clear: 10^15 null models. */
static void
only_maps(struct evidence *e)
{
	no_answers(e);
	e->test[TEST_WEIGHTS].ran = false;
	e->test[TEST_FINGERPRINT].trials = INT64_C(1000000000000000);
}

static const struct {
	void (*change)(struct evidence *);
	enum verdict verdict;
	bool accuses;
	const char *says;
} verdict_cases[] = {
	{ as_it_is, VERDICT_PROVEN, true, "10^-37 at most" },
	{ no_answers, VERDICT_PROVEN, true, "Marks in the weights" },
	{ weak, VERDICT_INDICATIVE, true, "10^-3 at most" },
	{ nothing_found, VERDICT_NO_EVIDENCE, false, "does not show" },
	{ young, VERDICT_INDICATIVE, false, "appeared before" },
	{ weak_and_young, VERDICT_INDICATIVE, false, "appeared before" },
	{ nothing_found_and_young, VERDICT_NO_EVIDENCE, false, "does not show" },
	{ uncommitted, VERDICT_INDICATIVE, false, "nothing was committed" },
	{ undated, VERDICT_INDICATIVE, false, "appeared before" },
	{ unknown_age, VERDICT_INDICATIVE, false, "not known when" },
	{ uncontrolled, VERDICT_INDICATIVE, false, "no negative control" },
	{ unreadable, VERDICT_CANNOT_DECIDE, false, "The file ends too early." },
	{ nothing_ran, VERDICT_CANNOT_DECIDE, false, "None of the tests" },
	{ nothing_planned, VERDICT_CANNOT_DECIDE, false, "None of the tests" },
	{ only_maps, VERDICT_NO_EVIDENCE, false, "only support" },
};

START_TEST(verdicts_follow)
{
	struct evidence e;

	evidence_plausible(&e);
	verdict_cases[_i].change(&e);
	evidence_conclude(&e);
	ck_assert_str_eq(verdict_names[e.verdict], verdict_names[verdict_cases[_i].verdict]);
	ck_assert_msg(strstr(e.reason, verdict_cases[_i].says) != NULL, "%s", e.reason);
	ck_assert(e.trace.best[0].accused == verdict_cases[_i].accuses);
	ck_assert(!e.trace.best[1].accused);
}
END_TEST

/* Between the thresholds and at them. */
START_TEST(thresholds_are_exact)
{
	static const struct {
		double bound;
		enum verdict verdict;
	} cases[] = { { -6, VERDICT_PROVEN }, { -5.999999, VERDICT_INDICATIVE },
		{ -3, VERDICT_INDICATIVE }, { -2.999999, VERDICT_NO_EVIDENCE } };

	for (size_t i = 0; i < COUNT(cases); i++) {
		struct evidence e;

		evidence_plausible(&e);
		nothing_planned(&e);
		e.test[TEST_SLOTS] = (struct evidence_test){ true, true, .trials = 1,
			.bound_log10 = cases[i].bound };
		evidence_conclude(&e);
		ck_assert_int_eq(e.verdict, cases[i].verdict);
	}
}
END_TEST

/* ---- Accusations ------------------------------------------------------------------------- */

static const struct {
	int64_t customers;
	double eps1, bound;
	bool accused;
} trace_cases[] = {
	{ 1000, 1e-6, -9, true },
	{ 1000, 1e-6, -8.9999, false },
	{ 1001, 1e-6, -9, false },
	{ 1000000, 1e-6, -12, true },
	{ 1, 1e-6, -6, true },
	{ 0, 1e-6, -50, false },
	{ -1, 1e-6, -50, false },
	{ 1000, 0, -50, false },
	{ 1000, -1, -50, false },
	{ 1000, NAN, -50, false },
	{ 1000, 1, -6, true },     /* at most a thousandth is accepted */
	{ 1000, 1, -5.99, false }, /* whatever was asked for */
	{ 1000, INFINITY, -50, false },
	{ 1000, 1e-6, NAN, false },
	{ 1000, 1e-6, INFINITY, false },
	{ 1000, 1e-6, -INFINITY, true },
};

START_TEST(accusations_are_bounded)
{
	struct evidence e;

	evidence_plausible(&e);
	e.trace.customers = trace_cases[_i].customers;
	e.trace.eps1 = trace_cases[_i].eps1;
	e.trace.best[2].bound_log10 = trace_cases[_i].bound;
	e.trace.best[3].accused = true;
	evidence_conclude(&e);
	ck_assert(e.trace.best[2].accused == trace_cases[_i].accused);
	ck_assert(!e.trace.best[3].accused); /* whoever says so */
	e.trace.ran = false;
	evidence_conclude(&e);
	ck_assert(!e.trace.best[2].accused);
}
END_TEST

/* Each row says all that the report needs of it. */
START_TEST(rows_are_whole)
{
	ck_assert_ptr_nonnull(evidence_rows[_i].id);
	ck_assert_ptr_nonnull(evidence_rows[_i].title);
	ck_assert_ptr_nonnull(evidence_rows[_i].null);
	ck_assert_int_lt(evidence_rows[_i].law, LAW_COUNT);
}
END_TEST

MAIN("evidence", EACH(laws_hold, law_cases), ONE(grinding_is_allowed_for),
    ONE(holm_is_over_all_that_were_planned), EACH(controls_are_clean_or_not, control_cases),
    EACH(verdicts_follow, verdict_cases), ONE(thresholds_are_exact),
    EACH(accusations_are_bounded, trace_cases), { rows_are_whole, TEST_COUNT })
