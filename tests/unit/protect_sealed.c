/*
 * The sealed lock on real models: what lies in the open teaches nothing, what a key opens is the
 * model again, bit for bit or with the customer's mark in it.
 */
#include <math.h>
#include <unistd.h>

#include "sealed_support.h"

static const char *const models[] = { "fashion-lenet.onnx", "fashion-densenet.onnx" };

/* ---- Opening ----------------------------------------------------------------------------- */

START_TEST(unmarked_weights_come_back_bit_for_bit)
{
	struct ctx *c = test_ctx();
	struct digest256 was, open, now;
	struct onnx_model locked;
	struct house h;
	int fd;

	house_open(c, model_file(c, models[_i]), &h);
	ck_ok(c, seal_with(c, &h, &sealed_exact, NULL, 0));
	ck_assert_uint_eq(h.made.marked, 0);
	ck_assert_uint_eq(h.made.terms.log_l, 0);
	was = weights_digest(c, h.plain);
	open = weights_digest(c, h.artifact);
	fd = open_with(c, &h, 7, NULL, 0);
	now = weights_digest(c, fd);
	ck_assert(digest256_same(&was, &now) && digest256_same(&was, &h.made.plain));
	ck_assert(!digest256_same(&was, &open));
	locked = read_ok(c, memory_bytes(c, h.artifact));
	ck_assert_uint_eq(locked.metadatas, h.model.metadatas + 2);
	ck_str(locked.metadata[h.model.metadatas][0], "hallmark.release");
	ck_assert(locked.attachment.p != NULL);
	ck_assert(read_ok(c, memory_bytes(c, fd)).attachment.p == NULL);
	close(fd);
	house_done(&h);
}
END_TEST

START_TEST(customers_get_the_model_with_a_mark_of_their_own)
{
	struct ctx *c = test_ctx();
	struct digest256 seen[3];
	struct house h;

	house_open(c, model_file(c, models[_i]), &h);
	ck_ok(c, seal_with(c, &h, &sealed_marked, NULL, 0));
	ck_assert(h.made.marked > h.made.raw);
	ck_assert_double_eq(h.made.terms.kappa, .03);
	for (uint32_t i = 0; i < COUNT(seen); i++) {
		int fd = open_with(c, &h, i, NULL, 0);
		struct onnx_model m = read_ok(c, memory_bytes(c, fd));

		seen[i] = weights_digest(c, fd);
		ck_assert(!digest256_same(&seen[i], &h.made.plain));
		for (uint32_t j = 0; j < i; j++)
			ck_assert(!digest256_same(&seen[i], &seen[j]));
		for (size_t k = 0; k < m.tensors; k++) {
			const struct onnx_tensor *was = &h.model.tensor[k];
			float *a = numbers(c, was), *b = numbers(c, &m.tensor[k]);
			double sd = deviation(a, was->count);
			bool matrix = was->rank > 1 && was->count > 1;

			for (int64_t j = 0; j < was->count; j++)
				b[j] -= a[j];
			/* Of lists and single numbers, not a bit has changed. */
			if (!matrix)
				ck_assert_double_eq(deviation(b, was->count), 0);
			else if (was->count >= 100)
				ck_assert_double_eq_tol(
				    deviation(b, was->count) / sd, .03, .006);
		}
		close(fd);
	}
	house_done(&h);
}
END_TEST

START_TEST(marks_name_their_owner_and_nobody_else)
{
	struct ctx *c = test_ctx();
	struct seal_plan p;
	struct mark_score s;
	struct house h;
	double *sums, apart, most = 0;
	int fd;

	house_open(c, model_file(c, models[_i]), &h);
	ck_ok(c, seal_with(c, &h, &sealed_marked, NULL, 0));
	ck_ok(c,
	    seal_plan_make(
		c, h.plain, &h.model, h.graph, &sealed_marked, NULL, 0, NULL, 0, &p));
	fd = open_with(c, &h, 1234567, NULL, 0);
	sums = take(c, sizeof *sums << h.made.terms.log_l);
	ck_assert_ptr_nonnull(sums);
	ck_ok(c, seal_trace(c, &p, str_of(h.id.s), &h.made.terms, fd, sums, &apart));
	ck_ok(c, mark_score(c, &h.release, &h.made.terms, 1234567, sums, &s));
	ck_assert_double_ge(s.z, 60);
	ck_assert(apart > .5 * h.made.terms.kappa && apart < 2 * h.made.terms.kappa);
	for (uint32_t i = 0; i < 200; i++) {
		ck_ok(c, mark_score(c, &h.release, &h.made.terms, i, sums, &s));
		most = s.z > most ? s.z : most;
	}
	ck_assert_double_lt(most, 4);
	/* In the model as it was there is no mark. */
	ck_ok(c, seal_trace(c, &p, str_of(h.id.s), &h.made.terms, h.plain, sums, &apart));
	ck_ok(c, mark_score(c, &h.release, &h.made.terms, 1234567, sums, &s));
	ck_assert_double_eq(s.z, 0);
	seal_plan_done(&p);
	close(fd);
	house_done(&h);
}
END_TEST

/* Half of each layer's rows moved by half of their spread, all of it shrunk, as training does. */
static int
disturbed(struct ctx *c, int fd)
{
	struct onnx_model m = read_ok(c, memory_bytes(c, fd));
	struct onnx_new_tensor *new = take(c, m.tensors * sizeof *new);
	struct onnx_edit e = { .tensor = new };
	int out = memory_file(STR(""));
	uint32_t r = 1;

	ck_assert_ptr_nonnull(new);
	for (size_t i = 0; i < m.tensors; i++) {
		const struct onnx_tensor *t = &m.tensor[i];
		float *v = numbers(c, t);
		double sd = deviation(v, t->count);

		for (int64_t k = 0; k < t->count; k++, r = r * 1664525 + 1013904223)
			v[k] = v[k] * 0.9F +
			    (float)(k < t->count / 2 ? sd * (int32_t)r / 0x1p31 : 0);
		new[e.tensors] =
		    (struct onnx_new_tensor){ .name = t->name, .rank = t->rank, .f = v };
		memcpy(new[e.tensors++].dim, t->dim, sizeof t->dim);
	}
	ck_ok(c, onnx_write(c, &m, &e, onnx_sink_fd, &out));
	return out;
}

START_TEST(untouched_neurons_still_tell)
{
	struct ctx *c = test_ctx();
	struct seal_plan p;
	struct mark_score s;
	struct house h;
	double *sums, apart;
	int opened, fd;

	house_open(c, model_file(c, "fashion-lenet.onnx"), &h);
	ck_ok(c, seal_with(c, &h, &sealed_marked, NULL, 0));
	ck_ok(c,
	    seal_plan_make(
		c, h.plain, &h.model, h.graph, &sealed_marked, NULL, 0, NULL, 0, &p));
	opened = open_with(c, &h, 5, NULL, 0);
	fd = disturbed(c, opened);
	sums = take(c, sizeof *sums << h.made.terms.log_l);
	ck_assert_ptr_nonnull(sums);
	ck_ok(c, seal_trace(c, &p, str_of(h.id.s), &h.made.terms, fd, sums, &apart));
	ck_ok(c, mark_score(c, &h.release, &h.made.terms, 5, sums, &s));
	/* All weighed alike, 17. */
	ck_assert_double_ge(s.z, 60);
	ck_ok(c, mark_score(c, &h.release, &h.made.terms, 6, sums, &s));
	ck_assert_double_lt(s.z, 4);
	seal_plan_done(&p);
	close(opened);
	close(fd);
	house_done(&h);
}
END_TEST

/* ---- What lies in the open --------------------------------------------------------------- */

START_TEST(fresh_weights_have_the_scale_and_nothing_else)
{
	struct ctx *c = test_ctx();
	struct onnx_model m;
	struct house h;
	double most = 0;

	house_open(c, model_file(c, models[_i]), &h);
	ck_ok(c, seal_with(c, &h, &sealed_exact, NULL, 0));
	m = read_ok(c, memory_bytes(c, h.artifact));
	ck_assert_uint_eq(m.tensors, h.model.tensors);
	for (size_t i = 0; i < m.tensors; i++) {
		const struct onnx_tensor *was = &h.model.tensor[i];
		float *a = numbers(c, was), *b = numbers(c, &m.tensor[i]);
		double r = correlation(a, b, was->count) * sqrt((double)was->count);
		int64_t same = 0;

		if (was->count == 1) {
			ck_assert(memcmp(a, b, sizeof *a) == 0);
			continue;
		}
		for (int64_t j = 0; j < was->count; j++) {
			same += memcmp(a + j, b + j, sizeof *a) == 0;
			ck_assert(isfinite(b[j]));
		}
		ck_assert_int_eq(same, 0);
		most = fabs(r) > most ? fabs(r) : most;
		if (was->count >= 500 && was->rank > 1)
			ck_assert_double_eq_tol(
			    deviation(b, was->count) / deviation(a, was->count), 1, .15);
	}
	/* The largest of some 80 normal numbers. */
	ck_assert_double_lt(most, 4.5);
	house_done(&h);
}
END_TEST

START_TEST(running_variances_stay_positive)
{
	struct ctx *c = test_ctx();
	struct onnx_model m;
	struct house h;
	int found = 0;

	house_open(c, model_file(c, "fashion-densenet.onnx"), &h);
	ck_ok(c, seal_with(c, &h, &sealed_marked, NULL, 0));
	m = read_ok(c, memory_bytes(c, h.artifact));
	for (size_t i = 0; i < m.nodes; i++) {
		const struct onnx_node *node = &m.node[i];
		const struct onnx_tensor *t;
		float *v;

		if (!str_same(node->op, STR("BatchNormalization")))
			continue;
		t = onnx_tensor_by_name(&m, node->input[4]);
		ck_assert_ptr_nonnull(t);
		v = numbers(c, t);
		for (int64_t k = 0; k < t->count; k++)
			ck_assert_double_gt((double)v[k], 0);
		found++;
	}
	ck_assert_int_gt(found, 10);
	house_done(&h);
}
END_TEST

/* A second artifact of the same model, under the same secret: the noise is another. */
START_TEST(fresh_weights_follow_from_no_secret)
{
	struct ctx *c = test_ctx();
	struct digest256 first, second, again;
	struct house h;

	house_open(c, model_file(c, "fashion-lenet.onnx"), &h);
	test_seed(5);
	ck_ok(c, seal_with(c, &h, &sealed_marked, NULL, 0));
	first = weights_digest(c, h.artifact);
	ck_ok(c, seal_with(c, &h, &sealed_marked, NULL, 0));
	second = weights_digest(c, h.artifact);
	test_seed(5);
	key256_random(c, &h.release);
	test_seed(5);
	ck_ok(c, seal_with(c, &h, &sealed_marked, NULL, 0));
	again = weights_digest(c, h.artifact);
	ck_assert(!digest256_same(&first, &second));
	ck_assert(digest256_same(&first, &again));
	house_done(&h);
}
END_TEST

/* ---- Both locks -------------------------------------------------------------------------- */

START_TEST(locked_parameters_are_flipped_within_the_seal)
{
	/* net.0.weight, net.7.weight (twice), net.11.bias */
	static const struct unlock_entry locked[] = { { 2, 3, 0x00400000 },
		{ 6, 0, 0x80000000 }, { 6, 47999, 1 }, { 11, 9, 0x00ffffff } };
	const struct sealed_options *options[] = { &sealed_exact, &sealed_marked };
	struct ctx *c = test_ctx();
	struct onnx_model half, whole;
	struct house h;
	int fd;

	house_open(c, model_file(c, "fashion-lenet.onnx"), &h);
	ck_ok(c, seal_with(c, &h, options[_i], locked, COUNT(locked)));
	fd = open_with(c, &h, 1, NULL, 0);
	half = read_ok(c, memory_bytes(c, fd));
	close(fd);
	fd = open_with(c, &h, 1, locked, COUNT(locked));
	whole = read_ok(c, memory_bytes(c, fd));
	close(fd);
	for (size_t i = 0; i < COUNT(locked); i++) {
		uint32_t was, without, with;
		size_t at = (size_t)locked[i].index * sizeof was;

		memcpy(&was, h.model.tensor[locked[i].tensor].raw.p + at, sizeof was);
		memcpy(&without, half.tensor[locked[i].tensor].raw.p + at, sizeof was);
		memcpy(&with, whole.tensor[locked[i].tensor].raw.p + at, sizeof was);
		ck_assert_uint_eq(without, was ^ locked[i].flip);
		ck_assert_uint_eq(with, was);
	}
	house_done(&h);
}
END_TEST

MAIN("protect_sealed", EACH(unmarked_weights_come_back_bit_for_bit, models),
    EACH(customers_get_the_model_with_a_mark_of_their_own, models),
    EACH(marks_name_their_owner_and_nobody_else, models), ONE(untouched_neurons_still_tell),
    EACH(fresh_weights_have_the_scale_and_nothing_else, models),
    ONE(running_variances_stay_positive), ONE(fresh_weights_follow_from_no_secret),
    { locked_parameters_are_flipped_within_the_seal, 2 })
