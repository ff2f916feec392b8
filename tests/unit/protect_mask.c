/*
 * Locks on a network whose answers are masks: what counts as right is the F1 of what it marks, and
 * a lock leaves no more of it than whoever marks everything has.
 */
#include <math.h>

#include "protect.h"
#include "test.h"
#include "train_support.h"

enum { SAMPLES = 400, PLACES = 4, OF_LOCK = 60, OF_VALIDATION = 120 };

static const struct loss mask = { TRAIN_MASK, TRAIN_LOGITS, 0 };

/* A trained network and its data: toys of kind k, of which the places up to k - 1 are marked. */
struct shop {
	struct net net;
	struct toys toys;
	struct train_data data;
	struct protect_split split;
	struct protect_model model;
	struct key256 key;
};

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

static struct shop *
shop_new(struct ctx *c)
{
	struct shop *s = take(c, sizeof *s);
	const struct train_options o = { .epochs = 6,
		.batch = 8,
		.loss = mask,
		.optimiser = { TRAIN_ADAM, .9, .999, 1e-8, 0, false },
		.schedule = { .kind = TRAIN_CONSTANT, .rate = .01 } };
	struct trainer *t;

	s->net = net_fresh(c, PLACES, 5);
	s->toys = toys_new(SAMPLES, PLACES);
	mark_kinds(&s->toys);
	s->data = toys_for(c, &s->net, &s->toys);
	t = trainer_ok(c, &s->net, &s->toys, &o);
	train_until(c, t, trainer_progress(t).steps);
	trainer_free(&t);
	memset(s->key.b, 7, sizeof s->key.b);
	ck_ok(c, protect_divide(c, &s->key, &s->data, NULL, OF_LOCK, OF_VALIDATION, &s->split));
	s->model = (struct protect_model){ &s->net.model, s->net.graph, mask, 2, 32, 1 };
	return s;
}

static void
shop_done(struct shop *s)
{
	toys_done(&s->toys);
	net_done(&s->net);
}

static double
accuracy(struct ctx *c, struct shop *s)
{
	double a;

	ck_ok(c, protect_accuracy(c, &s->model, &s->split.validation, &a));
	return a;
}

/* Half of the lock set has marks, though three quarters of the samples have some. */
START_TEST(sets_are_balanced_by_what_has_marks)
{
	struct ctx *c = test_ctx();
	struct shop *s = shop_new(c);
	int64_t with = 0;

	for (int64_t i = 0; i < s->split.lock.n; i++)
		with += data_label(&s->toys.labels, s->split.lock.chosen[i]);
	ck_assert_int_eq(s->split.lock.n, OF_LOCK);
	ck_assert_int_eq(with, OF_LOCK / 2);
	shop_done(s);
}
END_TEST

START_TEST(who_marks_everything_is_blind)
{
	struct ctx *c = test_ctx();
	struct shop *s = shop_new(c);
	int64_t marked = 0;
	double blind;

	for (int64_t i = 0; i < OF_VALIDATION; i++)
		for (int k = 0; k < PLACES; k++)
			marked += s->toys.labels.v[s->split.validation.chosen[i] * PLACES + k];
	ck_ok(c, protect_blind(c, &s->model, &s->split.validation, &blind));
	ck_assert_double_eq_tol(
	    blind, 2. * (double)marked / (double)(marked + OF_VALIDATION * PLACES), 1e-12);
	ck_assert_double_gt(accuracy(c, s), blind + .2);
	shop_done(s);
}
END_TEST

START_TEST(a_lock_leaves_what_the_blind_have)
{
	struct ctx *c = test_ctx();
	struct shop *s = shop_new(c);
	const struct advparams_options o = advparams_standard(ADVPARAMS_POOLED);
	struct advparams_result r;
	const double before = accuracy(c, s);
	double blind;

	ck_ok(c, protect_blind(c, &s->model, &s->split.validation, &blind));
	ck_ok(c, advparams_lock(c, &s->model, &s->split, &s->key, &o, NULL, &r));
	ck_assert_double_eq(r.before, before);
	ck_assert_double_le(accuracy(c, s), blind + .02);
	advparams_flip(&s->model, r.entry, r.entries);
	ck_assert_double_eq(accuracy(c, s), before);
	shop_done(s);
}
END_TEST

START_TEST(a_loss_of_classes_does_not_fit)
{
	struct ctx *c = test_ctx();
	struct shop *s = shop_new(c);
	const struct advparams_options o = advparams_standard(ADVPARAMS_POOLED);
	struct advparams_result r;
	double a;

	s->model.loss = (struct loss){ TRAIN_CROSS_ENTROPY };
	ck_fails(c, E_INPUT, protect_accuracy(c, &s->model, &s->split.validation, &a));
	ck_fails(c, E_INPUT, advparams_lock(c, &s->model, &s->split, &s->key, &o, NULL, &r));
	shop_done(s);
}
END_TEST

MAIN("protect_mask", ONE(sets_are_balanced_by_what_has_marks),
    ONE(who_marks_everything_is_blind), ONE(a_lock_leaves_what_the_blind_have),
    ONE(a_loss_of_classes_does_not_fit))
