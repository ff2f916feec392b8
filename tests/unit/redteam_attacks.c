/*
 * Attacks by training, each on a victim that it has to break: a plain backdoor, weights that are
 * kept or lost.
 */
#include <math.h>

#include "backdoor.h"
#include "redteam_raid.h"

enum { TARGET = 2 };

/* ---- Training on, and anew --------------------------------------------------------------- */

/* How much of the weights as they were is in them still. */
static double
correlation(struct ctx *c, struct raid *w)
{
	double xy = 0, xx = 0, yy = 0;
	size_t n;
	const float *now = raid_weights(c, w->s.graph, &n);

	ck_assert_uint_eq(n, w->weights);
	for (size_t i = 0; i < n; i++) {
		xy += (double)now[i] * (double)w->before[i];
		xx += (double)now[i] * (double)now[i];
		yy += (double)w->before[i] * (double)w->before[i];
	}
	return xy / sqrt(xx * yy);
}

/* clang-format off */
static const struct {
	raid_attack *run;
	double x;
	double accuracy;   /* at least */
	double low, high;  /* of the correlation */
} trainings[] = {
	{ redteam_try_tune_last,         .005, .95, .99, 1   },
	{ redteam_try_tune_all,          .005, .95, .95, 1   },
	{ redteam_try_reset_last,        0,    .9,  .8,  .999 },
	{ redteam_try_reset_all,         0,    .9,  .7,  .999 },
	{ redteam_try_shift,             1.5,  .8,  .4,  .95 },
	{ redteam_try_decay,             .1,   .8,  .9,  1   },
	{ redteam_try_smooth,            .3,   .9,  .9,  .9999 },
	{ redteam_try_mislabel,          .3,   .8,  .9,  .9999 },
	{ redteam_try_adversarial,       .1,   .9,  .9,  .9999 },
	{ redteam_try_retrain,           0,    .9,  -.4, .4  },
	{ redteam_try_distil,            3,    .9,  -.4, .4  },
	{ redteam_try_pupils,            .2,   .9,  -.4, .4  },
	{ redteam_try_transfer_smooth,   0,    .9,  .7,  .999 },
	{ redteam_try_shift_smooth,      0,    .8,  .4,  .95 },
	{ redteam_try_shift_prune,       0,    .7,  .3,  .95 },
	{ redteam_try_shift_flip,        0,    .8,  .4,  .95 },
	{ redteam_try_adversarial_reset, 0,    .9,  .7,  .999 },
};
/* clang-format on */

START_TEST(training_keeps_the_weights_and_teaching_anew_does_not)
{
	struct raid w;
	struct ctx *c = raid_begin(&w);
	double kept, right;

	ck_ok(c, trainings[_i].run(c, &w.run, trainings[_i].x, &w.s));
	kept = correlation(c, &w);
	right = raid_accuracy(c, &w);
	ck_assert_double_ge(right, trainings[_i].accuracy);
	ck_assert_double_ge(kept, trainings[_i].low);
	ck_assert_double_le(kept, trainings[_i].high);
	ck_assert_str_ne(w.s.what, "");
	raid_end(&w);
}
END_TEST

START_TEST(a_pupil_of_another_kind_or_of_foreign_pictures_answers_alike)
{
	struct raid w;
	struct ctx *c = raid_begin(&w);

	ck_ok(c, redteam_try_foreign(c, &w.run, 0, &w.s));
	ck_assert_double_ge(raid_accuracy(c, &w), .4);
	ck_ok(c, redteam_try_other_kind(c, &w.run, 0, &w.s));
	ck_assert_uint_eq(w.s.model.node[0].op.n, strlen("Flatten"));
	raid_end(&w);
}
END_TEST

START_TEST(the_same_seed_gives_the_same_weights)
{
	struct raid w[2];
	float *v[2];
	size_t n[2];

	for (int i = 0; i < 2; i++) {
		struct ctx *c = raid_begin(&w[i]);

		ck_ok(c, redteam_try_reset_all(c, &w[i].run, 0, &w[i].s));
		v[i] = raid_weights(c, w[i].s.graph, &n[i]);
	}
	ck_assert_uint_eq(n[0], n[1]);
	ck_assert_mem_eq(v[0], v[1], n[0] * sizeof *v[0]);
	raid_end(&w[0]);
	raid_end(&w[1]);
}
END_TEST

START_TEST(a_training_that_goes_astray_is_no_fault_of_ours)
{
	struct raid w;
	struct ctx *c = raid_begin(&w);

	ck_fails(c, E_INPUT, redteam_try_tune_all(c, &w.run, 1e30, &w.s));
	raid_end(&w);
}
END_TEST

/* ---- A plain backdoor -------------------------------------------------------------------- */

static void
plant(struct ctx *c, struct raid *w, struct backdoor_case *k, struct backdoor_mark *ret)
{
	const struct backdoor_trigger trigger = { BACKDOOR_SQUARE, .3, 1, TARGET };
	struct backdoor_tuning tuning = backdoor_planting();

	*k = (struct backdoor_case){ w->s.graph, &w->run.thief.data, TRAIN_LOGITS, 1, 3 };
	tuning.epochs = 12;
	tuning.rate = .02;
	ck_ok(c, backdoor_mark_make(c, k, &trigger, ret));
	ck_ok(c, backdoor_plant(c, k, ret, &tuning));
}

/* The share of stamped samples, through the filter, that get the target. */
static double
success(struct ctx *c, struct raid *w, const struct backdoor_mark *m)
{
	owned(redteam_asker_free) struct redteam_asker *a = NULL;
	int64_t n = w->run.judges.labels.n, classes, hits = 0, stamped = 0;
	float *x = take(c, (size_t)(n * m->count) * sizeof *x), *out;

	ck_ok(c, redteam_asker_new(c, &w->run, &w->s, &a));
	classes = redteam_asker_classes(a);
	out = take(c, (size_t)(n * classes) * sizeof *out);
	data_floats(&w->run.judges.data.form, w->run.judges.samples.v, n, x);
	for (int64_t i = 0; i < n; i++)
		backdoor_stamp(m, x + i * m->count);
	ck_ok(c, redteam_asker_ask(c, a, x, n, out));
	for (int64_t i = 0; i < n; i++) {
		stamped += w->run.judges.labels.v[i] != TARGET;
		hits += w->run.judges.labels.v[i] != TARGET &&
		    verify_highest(out + i * classes, classes) == TARGET;
	}
	return (double)hits / (double)stamped;
}

/* clang-format off */
static const struct {
	raid_attack *run;
	double x, success; /* at most, afterwards */
} removals[] = {
	{ redteam_try_retrain,  0,   .4 },
	{ redteam_try_cleanse,  0,   .4 },
	{ redteam_try_gan,      0,   .6 },
};
/* clang-format on */

START_TEST(a_plain_backdoor_is_lost)
{
	struct raid w;
	struct ctx *c = raid_begin(&w);
	struct backdoor_mark m;
	struct backdoor_case k;

	plant(c, &w, &k, &m);
	ck_assert_double_ge(success(c, &w, &m), .9);
	ck_ok(c, removals[_i].run(c, &w.run, removals[_i].x, &w.s));
	ck_assert_double_le(success(c, &w, &m), removals[_i].success);
	raid_end(&w);
}
END_TEST

START_TEST(somebody_elses_watermark_leaves_the_network_at_work)
{
	struct raid w;
	struct ctx *c = raid_begin(&w);
	owned(redteam_asker_free) struct redteam_asker *a = NULL;

	ck_ok(c, redteam_try_overwrite(c, &w.run, 1, &w.s));
	ck_ok(c, redteam_asker_new(c, &w.run, &w.s, &a));
	ck_assert_int_eq(redteam_asker_classes(a), CLASSES + 1);
	ck_assert_double_ge(raid_accuracy(c, &w), .9);
	redteam_asker_free(&a);
	raid_end(&w);
}
END_TEST

MAIN("redteam_attacks", EACH(training_keeps_the_weights_and_teaching_anew_does_not, trainings),
    ONE(a_pupil_of_another_kind_or_of_foreign_pictures_answers_alike),
    ONE(the_same_seed_gives_the_same_weights),
    ONE(a_training_that_goes_astray_is_no_fault_of_ours),
    EACH(a_plain_backdoor_is_lost, removals),
    ONE(somebody_elses_watermark_leaves_the_network_at_work))
