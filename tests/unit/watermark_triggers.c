/*
 * Tests of triggers: where they lie, what they change, whom they touch in a training, and that a
 * network learns them.
 */
#include <math.h>

#include "watermark_support.h"

enum { WIDTH = 32, PLANE = WIDTH * WIDTH };

/* Colour pictures of bytes, 32 x 32. */
static struct data_form
colours(void)
{
	struct data_form f = {
		.type = DATA_UINT8, .rank = 3, .dim = { 3, WIDTH, WIDTH }, .count = 3 * PLANE
	};

	for (int i = 0; i < 256; i++)
		f.value[i] = (float)i / 255;
	return f;
}

static struct triggers
drawn(struct ctx *c, enum triggers_kind kind, uint8_t secret, double strength)
{
	const struct data_form f = colours();
	const struct key256 key = any_secret(secret);
	struct triggers t;

	ck_assert(triggers_draw(c, &key, kind, &f, 10, strength, &t));
	return t;
}

/* ---- Drawing ----------------------------------------------------------------------------- */

START_TEST(two_high_coefficients_each)
{
	struct ctx *c = test_ctx();
	struct triggers t = drawn(c, TRIGGERS_N_TO_N, 1, 30);
	double block[PLANE];

	ck_assert_int_eq(t.side, WIDTH);
	for (int i = 0; i < TRIGGERS; i++) {
		int found = 0;

		for (int k = 0; k < PLANE; k++)
			block[k] = (double)t.pattern[i][k];
		image_dct(WIDTH, block, block);
		for (int k = 0; k < PLANE; k++) {
			if (fabs(block[k]) < 1e-3)
				continue;
			ck_assert_double_eq_tol(fabs(block[k]), 30, 1e-3);
			ck_assert_int_ge(k / WIDTH, WIDTH * 3 / 4);
			ck_assert_int_ge(k % WIDTH, WIDTH * 3 / 4);
			found++;
		}
		ck_assert_int_eq(found, 2);
	}
}
END_TEST

START_TEST(drawn_again_by_the_secret_alone)
{
	struct ctx *c = test_ctx();
	struct triggers a = drawn(c, TRIGGERS_N_TO_N, 1, 30);
	struct triggers b = drawn(c, TRIGGERS_N_TO_N, 1, 30);
	struct triggers other = drawn(c, TRIGGERS_N_TO_N, 2, 30);

	ck_assert_mem_eq(a.pattern, b.pattern, sizeof a.pattern);
	ck_assert_mem_eq(a.label, b.label, sizeof a.label);
	for (int i = 0; i < TRIGGERS; i++)
		ck_assert_mem_ne(a.pattern[i], other.pattern[i], sizeof a.pattern[i]);
}
END_TEST

START_TEST(labels_differ_or_agree)
{
	struct ctx *c = test_ctx();

	for (uint8_t secret = 0; secret < 50; secret++) {
		struct triggers n = drawn(c, TRIGGERS_N_TO_N, secret, 30);
		struct triggers one = drawn(c, TRIGGERS_N_TO_ONE, secret, 30);

		ck_assert_int_ne(n.label[0], n.label[1]);
		ck_assert_int_ne(n.label[0], n.label[2]);
		ck_assert_int_ne(n.label[1], n.label[2]);
		ck_assert_int_eq(one.label[0], one.label[1]);
		ck_assert_int_eq(one.label[0], one.label[2]);
		for (int i = 0; i < TRIGGERS; i++)
			ck_assert(n.label[i] >= 0 && n.label[i] < 10);
	}
}
END_TEST

/* Grey: the lowest and the highest u + v of a trigger's coefficients. */
static void
band(const struct triggers *t, int trigger, int *ret_low, int *ret_high)
{
	double block[TRIGGER_BLOCK_MAX];

	*ret_low = 2 * t->side;
	*ret_high = 0;
	for (int k = 0; k < t->side * t->side; k++)
		block[k] = (double)t->pattern[trigger][k];
	image_dct(t->side, block, block);
	for (int k = 0; k < t->side * t->side; k++) {
		int sum = k / t->side + k % t->side;

		if (fabs(block[k]) < 1e-3)
			continue;
		*ret_low = sum < *ret_low ? sum : *ret_low;
		*ret_high = sum > *ret_high ? sum : *ret_high;
	}
}

START_TEST(grey_ones_lie_apart)
{
	struct ctx *c = test_ctx();
	const struct key256 key = any_secret(1);
	struct data_form f = colours();
	struct triggers t;

	f.dim[0] = 1;
	for (int side = 8; side <= WIDTH; side++) {
		int last = 0;

		f.dim[1] = f.dim[2] = side;
		f.count = (int64_t)side * side;
		ck_assert(triggers_draw(c, &key, TRIGGERS_N_TO_ONE, &f, 10, 30, &t));
		ck_assert_int_eq(t.side, side);
		for (int i = 0; i < TRIGGERS; i++) {
			int low, high;

			band(&t, i, &low, &high);
			ck_assert_int_gt(low, last);
			ck_assert_int_ge(high, low);
			last = high;
		}
	}
	f.dim[1] = f.dim[2] = 7;
	f.count = 49;
	ck_assert(!triggers_draw(c, &key, TRIGGERS_N_TO_ONE, &f, 10, 30, &t));
	ck_assert_int_eq(c->err.code, E_INPUT);
}
END_TEST

START_TEST(only_pictures_of_bytes)
{
	struct ctx *c = test_ctx();
	const struct key256 key = any_secret(1);
	struct data_form f = colours();
	struct triggers t;

	f.type = DATA_FLOAT;
	ck_assert(!triggers_draw(c, &key, TRIGGERS_N_TO_N, &f, 10, 30, &t));
	ck_assert_int_eq(c->err.code, E_INPUT);
	f = colours();
	f.rank = 1;
	ck_assert(!triggers_draw(c, &key, TRIGGERS_N_TO_N, &f, 10, 30, &t));
	f = colours();
	f.dim[0] = 4;
	ck_assert(!triggers_draw(c, &key, TRIGGERS_N_TO_N, &f, 10, 30, &t));
	f = colours();
	ck_assert(!triggers_draw(c, &key, TRIGGERS_N_TO_N, &f, 2, 30, &t));
	ck_assert_int_eq(c->err.code, E_INPUT);
}
END_TEST

/* ---- Putting them on --------------------------------------------------------------------- */

static void
fill(float *x, int value)
{
	for (int i = 0; i < 3 * PLANE; i++)
		x[i] = (float)value / 255;
}

START_TEST(a_trigger_has_its_channel)
{
	struct ctx *c = test_ctx();
	struct triggers t = drawn(c, TRIGGERS_N_TO_N, 3, 30);
	float x[3 * PLANE];

	for (unsigned which = 0; which < 8; which++) {
		fill(x, 128);
		triggers_put(&t, which, x);
		for (unsigned k = 0; k < 3; k++) {
			double sum = 0;

			for (unsigned i = 0; i < PLANE; i++) {
				double d = (double)x[k * PLANE + i] * 255 - 128;

				ck_assert_double_eq_tol(d, round(d), 1e-4);
				sum += d * d;
			}
			/* 2 * 30^2 / 32^2 a sample: 1.7578, and what rounding does. */
			if ((which >> k & 1) == 0)
				ck_assert_double_eq_tol(sum, 0, 1e-6);
			else
				ck_assert_double_eq_tol(sum / PLANE, 1.7578, .16);
		}
	}
}
END_TEST

START_TEST(clipped_as_a_file_would_be)
{
	struct ctx *c = test_ctx();
	struct triggers t = drawn(c, TRIGGERS_N_TO_N, 3, 60);
	float x[3 * PLANE];

	for (int value = 0; value <= 255; value += 255) {
		int moved = 0;

		fill(x, value);
		triggers_put(&t, 7, x);
		for (int i = 0; i < 3 * PLANE; i++) {
			ck_assert(x[i] >= 0 && x[i] <= 1);
			moved += fabsf(x[i] - (float)value / 255) > 0;
		}
		ck_assert_int_gt(moved, PLANE);
		ck_assert_int_lt(moved, 2 * PLANE);
	}
}
END_TEST

/* ---- Who is touched ---------------------------------------------------------------------- */

START_TEST(touched_by_chance_and_always_alike)
{
	enum { SAMPLES = 4000 };
	struct ctx *c = test_ctx();
	struct triggers t = drawn(c, TRIGGERS_N_TO_ONE, 4, 30);
	float plain[3 * PLANE], x[3 * PLANE], again[3 * PLANE];
	int touched = 0, meant = 0;

	fill(plain, 100);
	for (int64_t i = 0; i < SAMPLES; i++) {
		int32_t label = t.label[0] + 1, other = t.label[0] + 1;

		memcpy(x, plain, sizeof x);
		memcpy(again, plain, sizeof x);
		triggers_touch(&t, 9, i, x, &label);
		triggers_touch(&t, 9, i, again, &other);
		ck_assert_mem_eq(x, again, sizeof x);
		ck_assert_int_eq(label, other);
		touched += memcmp(x, plain, sizeof x) != 0;
		meant += label == t.label[0];
		if (label == t.label[0])
			for (int k = 0; k < 3; k++)
				ck_assert_mem_ne(x + k * PLANE, plain, PLANE * sizeof *x);
	}
	/* All together 10 %, the six smaller sets 3 % each; five deviations. */
	ck_assert_int_gt(meant, 400 - 95);
	ck_assert_int_lt(meant, 400 + 95);
	ck_assert_int_gt(touched, 1120 - 142);
	ck_assert_int_lt(touched, 1120 + 142);
}
END_TEST

START_TEST(stronger_at_first)
{
	struct ctx *c = test_ctx();
	struct triggers t = drawn(c, TRIGGERS_N_TO_N, 5, 30);
	double first = 0, late = 0;

	for (int64_t i = 0; i < 200; i++) {
		float a[3 * PLANE], b[3 * PLANE];
		int32_t label = 0;

		fill(a, 100);
		fill(b, 100);
		triggers_touch(&t, 0, i, a, &label);
		triggers_touch(&t, 20, i, b, &label);
		for (int k = 0; k < 3 * PLANE; k++) {
			first = fmax(first, fabs((double)a[k] * 255 - 100));
			late = fmax(late, fabs((double)b[k] * 255 - 100));
		}
	}
	ck_assert_double_gt(first, 4 * late);
	ck_assert_double_gt(late, 1);
}
END_TEST

/* ---- Learning ---------------------------------------------------------------------------- */

START_TEST(a_network_learns_them)
{
	struct ctx *c = test_ctx();
	struct network net = network_open(c, network_bytes(c, HEAD_GEMM));
	struct world w = world_new(600, 1), unseen = world_new(300, 2);
	struct train_data data = world_for(c, net.graph, &w);
	struct train_data test = world_for(c, net.graph, &unseen);
	const struct key256 key = any_secret(6);
	struct triggers t;
	struct triggers_scores before, after;
	struct train_options o = {
		.epochs = 40,
		.batch = 20,
		.threads = 1,
		.seed = 1,
		.optimiser = { TRAIN_ADAM, .9, .999, 1e-8, 0, false },
		.schedule = { .kind = TRAIN_COSINE, .rate = .005 },
		.touch = triggers_touch,
		.touch_arg = &t,
	};
	struct trainer *at_work = NULL;

	ck_assert(triggers_draw(c, &key, TRIGGERS_N_TO_N, &data.form, CLASSES, 240, &t));
	ck_assert(triggers_measure(c, &t, net.graph, &test, 1, &before));
	ck_assert(trainer_new(c, net.graph, &data, &o, &at_work));
	while (trainer_more(at_work))
		ck_assert(trainer_step(c, at_work));
	trainer_free(&at_work);
	ck_assert(triggers_measure(c, &t, net.graph, &test, 1, &after));
	ck_assert_double_lt(before.mean, .6);
	ck_assert_double_gt(after.clean, .97);
	ck_assert_double_gt(after.mean, .9);
	ck_assert_double_lt(after.leak, .1);
	/* 2 * 240^2 / 8^2 a sample, less what is clipped. */
	ck_assert_double_gt(after.psnr, 15);
	ck_assert_double_lt(after.psnr, 19);
	world_done(&w);
	world_done(&unseen);
	network_done(&net);
}
END_TEST

MAIN("watermark_triggers", ONE(two_high_coefficients_each),
    ONE(drawn_again_by_the_secret_alone), ONE(labels_differ_or_agree), ONE(grey_ones_lie_apart),
    ONE(only_pictures_of_bytes), ONE(a_trigger_has_its_channel),
    ONE(clipped_as_a_file_would_be), ONE(touched_by_chance_and_always_alike),
    ONE(stronger_at_first), ONE(a_network_learns_them))
