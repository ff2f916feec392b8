/*
 * Attacks on what is asked: what a thief puts around a served model, and what an accuser makes of
 * a model that is not his.
 */
#include <math.h>

#include "redteam_raid.h"

/* ---- Around a served model --------------------------------------------------------------- */

/* Two questions that differ a little: one row each. */
static void
ask_twice(struct ctx *c, struct raid *w, float far, float ret[2 * CLASSES])
{
	owned(redteam_asker_free) struct redteam_asker *a = NULL;
	int64_t n = w->run.form.count;
	float *x = take(c, (size_t)(2 * n) * sizeof *x);

	data_floats(&w->run.form, data_sample(&w->run.judges.samples, 0), 1, x);
	for (int64_t i = 0; i < n; i++)
		x[n + i] = x[i] + far;
	ck_ok(c, redteam_asker_new(c, &w->run, &w->s, &a));
	ck_ok(c, redteam_asker_ask(c, a, x, 2, ret));
}

START_TEST(a_memory_gives_near_questions_the_same_answer)
{
	struct raid w;
	struct ctx *c = raid_begin(&w);
	float out[2 * CLASSES];

	ck_ok(c, redteam_try_cache(c, &w.run, .01, &w.s));
	ck_assert(w.s.asked_only);
	ask_twice(c, &w, .009F, out);
	ck_assert_mem_eq(out, out + CLASSES, CLASSES * sizeof *out);
	ask_twice(c, &w, .02F, out);
	ck_assert_mem_ne(out, out + CLASSES, CLASSES * sizeof *out);
	raid_end(&w);
}
END_TEST

START_TEST(scores_say_less_and_answers_stay)
{
	struct raid w;
	struct ctx *c = raid_begin(&w);
	double right = raid_accuracy(c, &w);
	float out[2 * CLASSES];

	ck_ok(c, redteam_try_scores(c, &w.run, 0, &w.s));
	ask_twice(c, &w, 0, out);
	redteam_soften(&w.run.the.work.loss, 1, out, CLASSES, out);
	for (int k = 0; k < CLASSES; k++)
		ck_assert_double_lt(
		    fabs((double)out[k] * 10 - round((double)out[k] * 10)), 1e-3);
	ck_assert_double_ge(raid_accuracy(c, &w), right - .05);
	ck_ok(c, redteam_try_scores(c, &w.run, 1, &w.s));
	ck_assert_double_ge(raid_accuracy(c, &w), right);
	raid_end(&w);
}
END_TEST

START_TEST(votes_agree_with_the_network_unless_noise_is_all)
{
	struct raid w;
	struct ctx *c = raid_begin(&w);

	ck_ok(c, redteam_try_votes(c, &w.run, .03, &w.s));
	ck_assert_double_ge(raid_accuracy(c, &w), .95);
	w.s.filter.done(w.s.filter.arg);
	w.s.filter = (struct redteam_filter){ 0 };
	ck_ok(c, redteam_try_votes(c, &w.run, 20, &w.s));
	ck_assert_double_lt(raid_accuracy(c, &w), .8);
	raid_end(&w);
}
END_TEST

/* The share of judges' samples that are answered otherwise when they are asked again. */
static double
fickle(struct ctx *c, struct raid *w)
{
	owned(redteam_asker_free) struct redteam_asker *a = NULL;
	int64_t n = w->run.judges.labels.n, changed = 0;
	float *x = take(c, (size_t)(n * w->run.form.count) * sizeof *x);
	float *out = take(c, (size_t)(2 * n * CLASSES) * sizeof *out);

	ck_ok(c, redteam_asker_new(c, &w->run, &w->s, &a));
	data_floats(&w->run.judges.data.form, w->run.judges.samples.v, n, x);
	ck_ok(c, redteam_asker_ask(c, a, x, n, out));
	ck_ok(c, redteam_asker_ask(c, a, x, n, out + n * CLASSES));
	for (int64_t i = 0; i < n; i++)
		changed += memcmp(out + i * CLASSES, out + (n + i) * CLASSES,
			       CLASSES * sizeof *out) != 0;
	return (double)changed / (double)n;
}

/* clang-format off */
static const struct {
	raid_attack *run;
} guards[] = {
	{ redteam_try_strip },
	{ redteam_try_perturb },
};
/* clang-format on */

START_TEST(a_guard_answers_a_few_by_chance)
{
	struct raid w;
	struct ctx *c = raid_begin(&w);

	ck_assert_double_eq(fickle(c, &w), 0);
	ck_ok(c, guards[_i].run(c, &w.run, .05, &w.s));
	ck_assert(w.s.asked_only);
	ck_assert_double_gt(fickle(c, &w), 0);
	ck_assert_double_lt(fickle(c, &w), .3);
	ck_assert_double_ge(raid_accuracy(c, &w), .8);
	raid_end(&w);
}
END_TEST

START_TEST(an_autoencoder_takes_a_trigger_away_and_leaves_the_picture)
{
	struct raid w;
	struct ctx *c = raid_begin(&w);
	const int64_t n = 64;
	float x[64], clean[64];
	double noise = 0, left = 0;

	ck_assert_int_eq(w.run.form.count, n);
	ck_ok(c, redteam_try_purify(c, &w.run, 0, &w.s));
	data_floats(&w.run.form, data_sample(&w.run.judges.samples, 0), 1, clean);
	for (int64_t i = 0; i < n; i++)
		x[i] = clean[i] + (i % 9 == 0 ? .5F : 0);
	for (int64_t i = 0; i < n; i++)
		noise += fabs((double)x[i] - (double)clean[i]);
	ck_ok(c, w.s.filter.before(c, w.s.filter.arg, x, 1));
	for (int64_t i = 0; i < n; i += 9)
		left += fabs((double)x[i] - (double)clean[i]);
	ck_assert_double_lt(left, .7 * noise);
	ck_assert_double_ge(raid_accuracy(c, &w), .9);
	raid_end(&w);
}
END_TEST

/* ---- Accusers ---------------------------------------------------------------------------- */

static struct redteam_point
claimed(struct ctx *c, struct raid *w)
{
	struct redteam_point p = { .accuracy = -1 };

	for (size_t i = 0; i < TEST_COUNT; i++)
		p.alone[i] = VERDICT_CANNOT_DECIDE;
	ck_ok(c, redteam_claim_measure(c, &w->run, &w->s, &p));
	return p;
}

START_TEST(keys_of_ones_own_prove_nothing)
{
	struct raid w;
	struct ctx *c = raid_begin(&w);
	struct redteam_point p;

	for (int x = 0; x < 2; x++) {
		ck_ok(c, redteam_try_accuse(c, &w.run, x, &w.s));
		p = claimed(c, &w);
		ck_assert_str_eq(p.why, "");
		ck_assert_int_eq(p.verdict, VERDICT_NO_EVIDENCE);
		ck_assert_int_eq(p.alone[TEST_LABELS], VERDICT_NO_EVIDENCE);
	}
	raid_end(&w);
}
END_TEST

START_TEST(keys_tuned_afterwards_would_prove_all_and_are_refused)
{
	struct raid w;
	struct ctx *c = raid_begin(&w);
	struct redteam_point p;

	ck_ok(c, redteam_try_accuse(c, &w.run, 2, &w.s));
	p = claimed(c, &w);
	ck_assert_double_ge(p.labels, .9);
	ck_assert_double_le(p.log10_p[TEST_LABELS], PROVEN_LOG10);
	ck_assert_int_eq(p.verdict, VERDICT_CANNOT_DECIDE);
	ck_assert_int_eq(p.alone[TEST_LABELS], VERDICT_CANNOT_DECIDE);
	ck_assert_ptr_nonnull(strstr(p.why, "Refused"));
	raid_end(&w);
}
END_TEST

START_TEST(many_secrets_come_to_less_than_the_allowance)
{
	struct raid w;
	struct ctx *c = raid_begin(&w);
	struct redteam_point p;

	ck_ok(c, redteam_try_grind(c, &w.run, 10000, &w.s));
	p = claimed(c, &w);
	/* It is worth the trouble: far more labels fit than the third that would by chance. */
	ck_assert_double_ge(p.labels, .45);
	ck_assert_int_eq(p.verdict, VERDICT_NO_EVIDENCE);
	raid_end(&w);
}
END_TEST

/* What the refusal speaks of. */
static const char *const forged[] = { "pictures", "labels", "pictures", "pictures" };

START_TEST(forgeries_are_refused)
{
	struct raid w;
	struct ctx *c = raid_begin(&w);
	struct redteam_point p;

	ck_ok(c, redteam_try_forge(c, &w.run, _i, &w.s));
	p = claimed(c, &w);
	ck_assert_int_eq(p.verdict, VERDICT_CANNOT_DECIDE);
	ck_assert_ptr_nonnull(strstr(p.why, forged[_i]));
	raid_end(&w);
}
END_TEST

MAIN("redteam_accusers", ONE(a_memory_gives_near_questions_the_same_answer),
    ONE(scores_say_less_and_answers_stay),
    ONE(votes_agree_with_the_network_unless_noise_is_all),
    EACH(a_guard_answers_a_few_by_chance, guards),
    ONE(an_autoencoder_takes_a_trigger_away_and_leaves_the_picture),
    ONE(keys_of_ones_own_prove_nothing),
    ONE(keys_tuned_afterwards_would_prove_all_and_are_refused),
    ONE(many_secrets_come_to_less_than_the_allowance), EACH(forgeries_are_refused, forged))
