/*
 * Masks: networks whose every output is a place that is marked or not. Their loss against values
 * worked out by hand and against its own differences, their training, and how they are judged.
 */
#include <math.h>

#include "test.h"
#include "train_support.h"

enum { PLACES = 4, SAMPLES = 32 };

static const struct loss probabilities = { TRAIN_MASK, TRAIN_PROBABILITIES, 0 };
static const struct loss logits = { TRAIN_MASK, TRAIN_LOGITS, 0 };

static void
near_to(double got, double want, double within)
{
	ck_assert_msg(
	    fabs(got - want) <= within * (1 + fabs(want)), "%.9g, not %.9g", got, want);
}

/* ---- The loss ---------------------------------------------------------------------------- */

START_TEST(marks_weigh_by_how_rare_they_are)
{
	const float p[PLACES] = { .8f, .1f, .2f, .3f };
	const int32_t label[PLACES] = { 1, 0, 0, 0 }, none[PLACES] = { 0 };
	const float target[PLACES] = { 1, 0, 0, 0 };
	float x[PLACES], gradient[PLACES];
	const struct loss plain = { TRAIN_MASK, TRAIN_PROBABILITIES, 1 };

	for (int i = 0; i < PLACES; i++)
		x[i] = logf(p[i] / (1 - p[i]));
	near_to(loss_labels(&probabilities, p, label, 1, PLACES, NULL), .0846631, 1e-7);
	near_to(loss_labels(&logits, x, label, 1, PLACES, NULL), .0846631, 1e-7);
	near_to(loss_targets(&logits, x, target, 1, PLACES, NULL), .0846631, 1e-7);
	/* The rows of a batch are one mask. */
	near_to(loss_labels(&probabilities, p, label, 2, PLACES / 2, NULL), .0846631, 1e-7);
	near_to(loss_labels(&plain, p, label, 1, PLACES, NULL),
	    -(log(.8) + log(.9) + log(.8) + log(.7)) / 4, 1e-6);
	ck_assert_double_eq(loss_labels(&probabilities, p, none, 1, PLACES, gradient), 0);
	for (int i = 0; i < PLACES; i++)
		ck_assert_double_eq((double)gradient[i], 0);
}
END_TEST

static const struct loss *const kinds[] = { &probabilities, &logits };

START_TEST(gradients_are_differences)
{
	float out[PLACES] = { .8f, .1f, .35f, .55f }, gradient[PLACES];
	const int32_t label[PLACES] = { 1, 0, 0, 1 };

	(void)loss_labels(kinds[_i], out, label, 1, PLACES, gradient);
	for (int i = 0; i < PLACES; i++) {
		float was = out[i], up = was + 1e-3f, down = was - 1e-3f;
		double rise;

		out[i] = up;
		rise = loss_labels(kinds[_i], out, label, 1, PLACES, NULL);
		out[i] = down;
		rise -= loss_labels(kinds[_i], out, label, 1, PLACES, NULL);
		out[i] = was;
		near_to((double)gradient[i], rise / ((double)up - (double)down), 1e-4);
	}
}
END_TEST

START_TEST(nothing_overflows)
{
	const float p[PLACES] = { 0, 1, 0, 1 }, x[PLACES] = { -1e4f, 1e4f, -1e4f, 1e4f };
	const int32_t label[PLACES] = { 1, 0, 0, 1 };
	float gradient[PLACES];

	near_to(
	    loss_labels(&probabilities, p, label, 1, PLACES, gradient), -log(1e-7) / 4, 1e-6);
	for (int i = 0; i < PLACES; i++)
		ck_assert(isfinite(gradient[i]));
	near_to(loss_labels(&logits, x, label, 1, PLACES, gradient), 2e4 / 8, 1e-9);
	near_to((double)gradient[0], -.5 / 4, 1e-9);
	near_to((double)gradient[1], .5 / 4, 1e-9);
}
END_TEST

START_TEST(a_mask_is_right_when_half_of_it_is)
{
	const float half[PLACES] = { 1, 1, -1, -1 }, none[PLACES] = { -1, -1, -1, -1 };
	const int32_t one[PLACES] = { 1, 0, 0, 0 }, three[PLACES] = { 1, 0, 1, 1 };
	const int32_t nothing[PLACES] = { 0 };

	ck_assert(loss_right(&logits, half, one, PLACES));
	ck_assert(!loss_right(&logits, half, three, PLACES));
	ck_assert(!loss_right(&logits, half, nothing, PLACES));
	ck_assert(loss_right(&logits, none, nothing, PLACES));
	ck_assert_int_eq(loss_answer(&logits, half, PLACES), 1);
	ck_assert_int_eq(loss_answer(&logits, none, PLACES), 0);
	ck_assert_int_eq(loss_places(&logits, PLACES), PLACES);
	ck_assert_int_eq(loss_classes(&logits, PLACES), 2);
}
END_TEST

/* ---- A network --------------------------------------------------------------------------- */

/* The toys' kind as a mask: kind k marks the places up to k - 1. */
static void
mark_kinds(struct toys *t)
{
	int32_t *v = calloc(SAMPLES * PLACES, sizeof *v);

	ck_assert_ptr_nonnull(v);
	for (int i = 0; i < SAMPLES; i++)
		for (int k = 0; k < t->labels.v[i]; k++)
			v[i * PLACES + k] = 1;
	free(t->labels.v);
	t->labels = (struct data_labels){ SAMPLES, 2, v, PLACES };
}

START_TEST(networks_learn_masks)
{
	struct ctx *c = test_ctx();
	owned(net_done) struct net net = net_fresh(c, PLACES, 1);
	owned(toys_done) struct toys toys = toys_new(SAMPLES, PLACES);
	const struct train_options o = { .epochs = 40,
		.batch = 8,
		.loss = logits,
		.optimiser = { TRAIN_ADAM, .9, .999, 1e-8, 0, false },
		.schedule = { .kind = TRAIN_CONSTANT, .rate = .02 } };
	double accuracy[2];

	mark_kinds(&toys);
	for (int k = 0; k < 2; k++) {
		struct train_data d = toys_for(c, &net, &toys);
		owned(evaluator_free) struct evaluator *e = NULL;
		const struct train_score *s;

		ck_ok(c, evaluator_new(c, net.graph, &d.form, &logits, 5, 1, &e));
		ck_assert_int_eq(evaluator_places(e), PLACES);
		ck_assert_int_eq(evaluator_classes(e), 2);
		ck_ok(c, evaluator_add(c, e, toys.samples.v, toys.labels.v, SAMPLES));
		s = evaluator_score(e);
		ck_assert_int_eq(s->samples, SAMPLES);
		ck_assert_int_eq(s->truth[0] + s->truth[1], SAMPLES * PLACES);
		near_to(s->accuracy,
		    2 * (double)s->right[1] / (double)(s->truth[1] + s->answer[1]), 1e-12);
		accuracy[k] = s->accuracy;
		if (k == 0) {
			owned(trainer_free) struct trainer *t = trainer_ok(c, &net, &toys, &o);

			train_until(c, t, trainer_progress(t).steps);
		}
	}
	ck_assert_double_gt(accuracy[1], .9);
	ck_assert_double_gt(accuracy[1], accuracy[0]);
}
END_TEST

START_TEST(labels_have_to_fit_the_loss)
{
	struct ctx *c = test_ctx();
	owned(net_done) struct net net = net_fresh(c, PLACES, 1);
	owned(toys_done) struct toys toys = toys_new(SAMPLES, 2);
	struct train_data d = toys_for(c, &net, &toys);
	struct train_options o = { .epochs = 1,
		.batch = 8,
		.loss = logits,
		.schedule = { .kind = TRAIN_CONSTANT, .rate = .1 } };
	struct trainer *t = NULL;

	ck_fails(c, E_INPUT, trainer_new(c, net.graph, &d, &o, &t));
	mark_kinds(&toys);
	o.loss = (struct loss){ TRAIN_CROSS_ENTROPY };
	ck_fails(c, E_INPUT, trainer_new(c, net.graph, &d, &o, &t));
	o.loss = (struct loss){ TRAIN_MASK, TRAIN_LOG_PROBABILITIES, 0 };
	ck_fails(c, E_INPUT, trainer_new(c, net.graph, &d, &o, &t));
}
END_TEST

MAIN("train_mask", ONE(marks_weigh_by_how_rare_they_are),
    EACH(gradients_are_differences, kinds), ONE(nothing_overflows),
    ONE(a_mask_is_right_when_half_of_it_is), ONE(networks_learn_masks),
    ONE(labels_have_to_fit_the_loss))
