/*
 * What a lock works on: the data divided, gradients over a set, weights kept and put back.
 */
#include <math.h>

#include "lock_support.h"

/* ---- The data divided -------------------------------------------------------------------- */

/* How many of each class a set has, and that no sample is in two sets. */
static void
count_set(const struct protect_set *s, int64_t count[CLASSES], bool seen[SAMPLES])
{
	memset(count, 0, CLASSES * sizeof *count);
	for (int64_t i = 0; i < s->n; i++) {
		ck_assert(!seen[s->chosen[i]]);
		seen[s->chosen[i]] = true;
		count[s->data->labels->v[s->chosen[i]]]++;
		ck_assert(i == 0 || s->chosen[i] > s->chosen[i - 1]);
	}
}

START_TEST(sets_are_disjoint_and_even)
{
	struct ctx *c = test_ctx();
	struct shop *s = shop_new(c);
	int64_t count[CLASSES];
	bool seen[SAMPLES] = { false };

	count_set(&s->split.lock, count, seen);
	for (int i = 0; i < CLASSES; i++)
		ck_assert_int_eq(count[i], OF_LOCK / CLASSES);
	count_set(&s->split.validation, count, seen);
	count_set(&s->split.thief, count, seen);
	ck_assert_int_eq(s->split.lock.n, OF_LOCK);
	ck_assert_int_eq(s->split.validation.n, OF_VALIDATION);
	ck_assert_int_eq(s->split.thief.n, SAMPLES - OF_LOCK - OF_VALIDATION);
	shop_done(s);
}
END_TEST

START_TEST(the_key_decides_the_sets)
{
	struct ctx *c = test_ctx();
	struct shop *s = shop_new(c);
	struct protect_split again, other;
	struct key256 key = { { 1 } };
	size_t size = OF_LOCK * sizeof(int64_t);

	ck_ok(c, protect_divide(c, &s->key, &s->data, NULL, OF_LOCK, OF_VALIDATION, &again));
	ck_ok(c, protect_divide(c, &key, &s->data, NULL, OF_LOCK, OF_VALIDATION, &other));
	ck_assert_mem_eq(again.lock.chosen, s->split.lock.chosen, size);
	ck_assert_mem_ne(other.lock.chosen, s->split.lock.chosen, size);
	shop_done(s);
}
END_TEST

START_TEST(test_data_serve_the_validation)
{
	struct ctx *c = test_ctx();
	struct shop *s = shop_new(c);
	struct toys more = toys_new(60, CLASSES);
	struct train_data test = toys_for(c, &s->net, &more);
	struct protect_split split;

	ck_ok(c, protect_divide(c, &s->key, &s->data, &test, OF_LOCK, 1000, &split));
	ck_assert_ptr_eq(split.validation.data, &test);
	ck_assert_int_eq(split.validation.n, 60);
	ck_assert_int_eq(split.thief.n, SAMPLES - OF_LOCK);
	toys_done(&more);
	shop_done(s);
}
END_TEST

START_TEST(few_samples_are_shared_out)
{
	struct ctx *c = test_ctx();
	struct shop *s = shop_new(c);
	struct toys few = toys_new(12, CLASSES), alike = toys_new(40, CLASSES);
	struct train_data data = toys_for(c, &s->net, &few);
	struct protect_split split;

	ck_ok(c, protect_divide(c, &s->key, &data, NULL, 512, 1000, &split));
	ck_assert_int_eq(split.lock.n, 6);
	ck_assert_int_eq(split.validation.n, 3);
	ck_assert_int_eq(split.thief.n, 3);
	memset(alike.labels.v, 0, 40 * sizeof *alike.labels.v);
	data = toys_for(c, &s->net, &alike);
	ck_fails(c, E_INPUT, protect_divide(c, &s->key, &data, NULL, 512, 1000, &split));
	few.samples.shape.dim[0] = few.labels.n = 1;
	data = toys_for(c, &s->net, &few);
	ck_fails(c, E_INPUT, protect_divide(c, &s->key, &data, NULL, 512, 1000, &split));
	toys_done(&few);
	toys_done(&alike);
	shop_done(s);
}
END_TEST

/* ---- Gradients --------------------------------------------------------------------------- */

/* The mean loss, by the plainest way. */
static double
loss_at(struct ctx *c, struct shop *s, struct slope *slope)
{
	struct slope_seen seen;

	nn_graph_changed(s->net.graph);
	ck_ok(c, slope_run(c, slope, &seen));
	return seen.loss;
}

static struct slope *
slope_ok(struct ctx *c, struct shop *s, size_t of)
{
	struct slope *slope = NULL;
	size_t n;
	bool *wanted;

	(void)nn_weights(s->net.graph, &n);
	wanted = take(c, n);
	wanted[of] = true;
	ck_ok(c, slope_new(c, &s->model, &s->split.lock, wanted, &slope));
	for (size_t i = 0; i < n; i++)
		ck_assert((slope_of(slope, i) != NULL) == (i == of));
	return slope;
}

/* Of a set that does not fill its last batch, against a difference; on a model that is wrong. */
START_TEST(gradients_are_those_of_the_mean_loss)
{
	struct ctx *c = test_ctx();
	struct shop *s = shop_new(c);
	struct nn_weight *w = nn_weight_by_name(s->net.graph, STR("gemm.w"));
	size_t n, at = (size_t)(w - nn_weights(s->net.graph, &n));
	struct slope *slope = slope_ok(c, s, at);
	double largest = 0;

	make_useless(s);
	ck_assert_int_ne(s->split.lock.n % s->model.batch, 0);
	for (int64_t k = 0; k < w->count; k += 31) {
		float before = w->data[k];
		double up, down, got;

		loss_at(c, s, slope);
		got = (double)slope_of(slope, at)[k];
		w->data[k] = before + 1e-2F;
		up = loss_at(c, s, slope);
		w->data[k] = before - 1e-2F;
		down = loss_at(c, s, slope);
		w->data[k] = before;
		ck_assert_double_eq_tol(got, (up - down) / 2e-2, 1e-3);
		largest = fmax(largest, fabs(got));
	}
	ck_assert_double_gt(largest, 0.05);
	slope_free(&slope);
	shop_done(s);
}
END_TEST

/* Plans that are at work see restored weights. */
START_TEST(restored_weights_are_used)
{
	struct ctx *c = test_ctx();
	struct shop *s = shop_new(c);
	struct nn_weight *w = nn_weight_by_name(s->net.graph, STR("conv.w"));
	size_t n;
	struct slope *slope = slope_ok(c, s, (size_t)(w - nn_weights(s->net.graph, &n)));
	double first = loss_at(c, s, slope);
	struct slope_seen seen;

	for (int64_t k = 0; k < w->count; k++)
		w->data[k] = -w->data[k];
	ck_assert_double_gt(loss_at(c, s, slope), first + 0.1);
	protect_restore(s->net.graph, s->plain);
	ck_ok(c, slope_run(c, slope, &seen));
	ck_assert_double_eq(seen.loss, first);
	ck_assert_uint_eq(weights_changed(s), 0);
	slope_free(&slope);
	shop_done(s);
}
END_TEST

START_TEST(a_constant_answer_is_seen)
{
	struct ctx *c = test_ctx();
	struct shop *s = shop_new(c);
	struct nn_weight *w = nn_weight_by_name(s->net.graph, STR("gemm.b"));
	size_t n;
	struct slope *slope = slope_ok(c, s, (size_t)(w - nn_weights(s->net.graph, &n)));
	struct slope_seen seen;
	bool alike = true;

	ck_ok(c, slope_peek(c, slope, 0.9, &seen, &alike));
	ck_assert(!alike);
	w->data[2] = 1000;
	nn_graph_changed(s->net.graph);
	ck_ok(c, slope_peek(c, slope, 0.9, &seen, &alike));
	ck_assert(alike && seen.most > 0.999 && seen.right < 0.5);
	slope_free(&slope);
	shop_done(s);
}
END_TEST

MAIN("protect_model", ONE(sets_are_disjoint_and_even), ONE(the_key_decides_the_sets),
    ONE(test_data_serve_the_validation), ONE(few_samples_are_shared_out),
    ONE(gradients_are_those_of_the_mean_loss), ONE(restored_weights_are_used),
    ONE(a_constant_answer_is_seen))
