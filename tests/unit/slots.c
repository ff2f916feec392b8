/*
 * Tests of slots: that they are drawn as they should be and come back from a file, how many it
 * takes, and whom answers name.
 */
#include <math.h>

#include "slots_support.h"

/* Three of a kind, by number. */
static const int ways[] = { 0, 1, 2 };

/* ---- Drawing ----------------------------------------------------------------------------- */

START_TEST(labels_are_others)
{
	struct ctx *c = test_ctx();
	struct slots s = slots_some(c, 200, 2);
	int seen[TONES] = { 0 };

	for (int i = 0; i < s.n; i++) {
		ck_assert_int_ne(s.label[i][0], s.label[i][1]);
		for (int bit = 0; bit < 2; bit++) {
			ck_assert_int_ne(s.label[i][bit], s.own[i]);
			ck_assert(s.label[i][bit] >= 0 && s.label[i][bit] < TONES);
			seen[s.label[i][bit]]++;
		}
	}
	for (int k = 0; k < TONES; k++) /* 80 each; five deviations */
		ck_assert(seen[k] > 40 && seen[k] < 120);
}
END_TEST

/* The mean of a picture tells its tone, with or without a trigger. */
START_TEST(pictures_of_a_slot_are_of_its_class)
{
	struct ctx *c = test_ctx();
	struct slots s = slots_some(c, 50, 2);

	for (int i = 0; i < s.n; i++)
		for (int k = 0; k < SLOT_PICTURES; k++) {
			const struct image *p = &s.picture[i][k];
			double mean = 0;

			for (size_t at = 0; at < image_bytes(p); at++)
				mean += p->v[at] / (double)image_bytes(p);
			ck_assert_int_eq((int)lround((mean - 32) / 40), s.own[i]);
		}
}
END_TEST

START_TEST(triggers_are_two_coefficients)
{
	struct ctx *c = test_ctx();
	struct tones t = tones_new(24);
	const struct key256 secret = slots_secret();
	struct slots s;
	uint8_t *v = t.samples.v;

	memset(v, 128, (size_t)t.samples.shape.dim[0] * 144);
	t.data.samples = &t.samples;
	t.data.labels = &t.labels;
	ck_ok(c, slots_draw(c, &secret, &t.data, 4, TONES, 2, &s));
	for (int i = 0; i < s.n; i++) {
		double block[144];
		int high = 0;

		for (int k = 0; k < 144; k++)
			block[k] = s.picture[i][0].v[k] - 128.;
		image_dct(12, block, block);
		for (int k = 0; k < 144; k++) {
			if (fabs(block[k]) < 10)
				continue;
			ck_assert_double_eq_tol(fabs(block[k]), 60, 2);
			ck_assert_int_ge(k / 12 + k % 12, 3);
			ck_assert_int_le(k / 12 + k % 12, 7);
			high++;
		}
		ck_assert_int_eq(high, 2);
		ck_assert_mem_eq(s.picture[i][0].v, s.picture[i][3].v, 144);
		if (i > 0)
			ck_assert_mem_ne(s.picture[i][0].v, s.picture[0][0].v, 144);
	}
	tones_done(&t);
}
END_TEST

START_TEST(drawn_again_by_the_secret_alone)
{
	struct ctx *c = test_ctx();
	struct slots a = slots_some(c, 20, 2), b = slots_some(c, 20, 2);
	struct slots longer = slots_some(c, 21, 2), other = slots_some(c, 20, 3);
	struct str one, two;

	ck_ok(c, slots_put(c, &a, &one));
	ck_ok(c, slots_put(c, &b, &two));
	ck_assert(str_same(one, two));
	ck_assert(!digest256_same(&a.commitment, &longer.commitment));
	ck_assert(!digest256_same(&a.commitment, &other.commitment));
}
END_TEST

START_TEST(what_cannot_be_drawn)
{
	struct ctx *c = test_ctx();
	struct tones t = tones_new(40);
	const struct key256 secret = slots_secret();
	struct slots s;

	t.data.samples = &t.samples;
	t.data.labels = &t.labels;
	ck_fails(c, E_INPUT, slots_draw(c, &secret, &t.data, 11, TONES, 2, &s));
	ck_fails(c, E_INPUT, slots_draw(c, &secret, &t.data, 0, TONES, 2, &s));
	ck_fails(c, E_INPUT, slots_draw(c, &secret, &t.data, SLOTS_MAX + 1, TONES, 2, &s));
	ck_fails(c, E_INPUT, slots_draw(c, &secret, &t.data, 2, TONES - 1, 2, &s));
	ck_fails(c, E_LIMIT, slots_draw(c, &secret, &t.data, 2, TONES, 11, &s));
	t.data.form.rank = 1;
	ck_fails(c, E_INPUT, slots_draw(c, &secret, &t.data, 2, TONES, 2, &s));
	tones_done(&t);
}
END_TEST

/* ---- Files ------------------------------------------------------------------------------- */

START_TEST(a_file_comes_back)
{
	struct ctx *c = test_ctx();
	struct slots s = slots_some(c, 7, 3), back;
	struct str bytes, again;

	ck_ok(c, slots_put(c, &s, &bytes));
	ck_ok(c, slots_read(c, bytes, &back));
	ck_assert_int_eq(back.n, 7);
	ck_assert_int_eq(back.colluders, 3);
	ck_assert_int_eq(back.classes, TONES);
	ck_assert_mem_eq(back.label, s.label, 7 * sizeof *s.label);
	ck_assert_mem_eq(back.picture[6][3].v, s.picture[6][3].v, 144);
	ck_ok(c, slots_put(c, &back, &again));
	ck_assert(str_same(bytes, again));
}
END_TEST

static const struct {
	size_t at; /* little-endian numbers of four bytes, and what they become */
	uint32_t value;
} spoilt[] = {
	{ 0, 0 },          /* no slots */
	{ 6, 0x00000102 }, /* another version */
	{ 8, 0 },          /* no width */
	{ 8, 13 },         /* another width */
	{ 12, 1U << 31 },  /* a height below nothing */
	{ 16, 0 },         /* none */
	{ 16, 3 },         /* one more than there are */
	{ 16, UINT32_MAX },
	{ 20, 2 }, /* two classes */
	{ 20, UINT32_MAX },
	{ 24, 0 }, /* nobody colludes */
	{ 24, 11 },
	{ 60, TONES }, /* a class that is none */
	{ 64, TONES },
};

START_TEST(bytes_that_are_refused)
{
	struct ctx *c = test_ctx();
	struct slots s = slots_some(c, 2, 2), back;
	struct str bytes;
	char v[2048];

	ck_ok(c, slots_put(c, &s, &bytes));
	ck_assert_uint_le(bytes.n, sizeof v);
	memcpy(v, bytes.p, bytes.n);
	for (int k = 0; k < 4; k++)
		v[spoilt[_i].at + (size_t)k] = (char)(spoilt[_i].value >> 8 * k);
	ck_fails(c, E_INPUT, slots_read(c, (struct str){ v, bytes.n }, &back));
}
END_TEST

START_TEST(any_length_but_the_right_one_is_refused)
{
	struct ctx *c = test_ctx();
	struct slots s = slots_some(c, 2, 2), back;
	struct str bytes;
	char v[2048] = { 0 };

	ck_ok(c, slots_put(c, &s, &bytes));
	ck_assert_uint_lt(bytes.n, sizeof v);
	memcpy(v, bytes.p, bytes.n);
	for (size_t n = 0; n <= bytes.n + 1; n++)
		if (n != bytes.n)
			ck_fails(c, E_INPUT, slots_read(c, (struct str){ v, n }, &back));
}
END_TEST

/* Labels that agree with each other, or with what the pictures are. */
START_TEST(labels_that_agree_are_refused)
{
	struct ctx *c = test_ctx();
	struct slots s = slots_some(c, 2, 2), back;
	struct str bytes;
	int way = ways[_i];

	s.label[1][way < 2 ? way : 0] = way < 2 ? s.own[1] : s.label[1][1];
	ck_ok(c, slots_put(c, &s, &bytes));
	ck_fails(c, E_INPUT, slots_read(c, bytes, &back));
}
END_TEST

/* ---- How many ---------------------------------------------------------------------------- */

START_TEST(as_many_as_the_law_says)
{
	struct ctx *c = test_ctx();
	struct slots_need need = { 1000, 2, 1e-6, .01, 0 };
	struct code_law law;
	int64_t n, noisy;

	ck_ok(c, code_law(c, 2, &law));
	ck_ok(c, slots_plan(c, &need, 1 << 30, &n));
	/* 332 with all of eps1; each decoder has half. */
	ck_assert_int_eq(n, code_length_rigorous(&law, 1000, 5e-7, .01));
	ck_assert(n > 332 && n < 350);
	need.flips = .1;
	ck_ok(c, slots_plan(c, &need, 1 << 30, &noisy));
	ck_assert_int_eq(noisy, (int64_t)ceil((double)n / .64));
}
END_TEST

START_TEST(a_small_model_is_told_what_fits)
{
	struct ctx *c = test_ctx();
	const struct slots_need need = { 1000, 3, 1e-6, .01, 0 };
	int64_t n = 0, weights = 1 << 20, takes;

	while (slots_capacity(weights) < 400)
		weights *= 2;
	while (slots_capacity(weights) > 400)
		weights -= weights / 100;
	ck_assert(!slots_plan(c, &need, weights, &n));
	ck_assert_int_eq(c->err.code, E_CONFLICT);
	ck_assert_ptr_nonnull(strstr(c->err.text, "2 colluders"));
	ck_assert_ptr_nonnull(strstr(c->err.text, "weights"));
	takes = (int64_t)strtoll(strstr(c->err.text, "a model of ") + 11, NULL, 10);
	c->err = (struct err){ 0 };
	ck_ok(c, slots_plan(c, &need, takes, &n));
	ck_assert_int_gt(n, 1000);
}
END_TEST

/* ---- Answers ----------------------------------------------------------------------------- */

/* Pictures that say the word's label, the other one, and what is neither; and what they come to. */
static const struct {
	int zero, one;
	uint8_t want;
} majorities[] = {
	{ 4, 0, CODE_ZERO },
	{ 3, 1, CODE_ZERO },
	{ 3, 0, CODE_ZERO },
	{ 2, 2, CODE_ERASED },
	{ 2, 0, CODE_ERASED },
	{ 1, 2, CODE_ERASED },
	{ 1, 3, CODE_ONE },
	{ 0, 4, CODE_ONE },
	{ 0, 0, CODE_ERASED },
};

START_TEST(more_than_half_decide)
{
	struct ctx *c = test_ctx();
	struct slots s = slots_some(c, 1, 2);
	int32_t answer[SLOT_PICTURES];
	uint8_t said;

	for (int k = 0; k < SLOT_PICTURES; k++)
		answer[k] = k < majorities[_i].zero ? s.label[0][0]
		    : k < majorities[_i].zero + majorities[_i].one
		    ? s.label[0][1]
		    : (k % 2 == 0 ? s.own[0] : -1);
	slots_answers(&s, answer, &said);
	ck_assert_int_eq(said, majorities[_i].want);
}
END_TEST

/* ---- Words and customers ----------------------------------------------------------------- */

START_TEST(words_differ)
{
	enum { SLOTS = 120, OTHERS = 300 };
	struct ctx *c = test_ctx();
	struct slots s = slots_some(c, SLOTS, 2);
	const struct key256 secret = slots_secret();
	const uint8_t *one = word_of(c, &s, 1), *again = word_of(c, &s, 1);
	uint32_t others[OTHERS];
	int64_t nearest = 0;

	for (uint32_t i = 0; i < OTHERS; i++)
		others[i] = i + 1;
	ck_assert_mem_eq(one, again, SLOTS);
	ck_ok(c, slots_nearest(c, &secret, &s, 1, others, OTHERS, &nearest));
	ck_assert(nearest > 20 && nearest < 60);
	ck_ok(c, slots_nearest(c, &secret, &s, 1, others, 1, &nearest));
	ck_assert_int_eq(nearest, SLOTS + 1);
}
END_TEST

/* Whatever is answered. */
START_TEST(an_innocent_scores_nothing)
{
	enum { SLOTS = 100, CUSTOMERS = 4000 };
	struct ctx *c = test_ctx();
	struct slots s = slots_some(c, SLOTS, 3);
	struct slots_traced r;
	uint8_t answer[SLOTS];
	double mean = 0, squares = 0;
	int way = ways[_i];

	for (int i = 0; i < SLOTS; i++)
		answer[i] = way == 0 ? i % 3 == 0 : way == 1 ? CODE_ONE : i % 3;
	r = traced(c, &s, answer, CUSTOMERS);
	for (int i = 0; i < CUSTOMERS; i++) {
		mean += r.z[i] / CUSTOMERS;
		squares += r.z[i] * r.z[i] / CUSTOMERS;
	}
	/* Of mean 0 and variance n, so z of 0 and 1; five deviations. */
	ck_assert_double_eq_tol(mean, 0, 5 / sqrt(CUSTOMERS));
	ck_assert_double_eq_tol(squares, 1, .15);
	ck_assert(!accused(&r.best[0], CUSTOMERS));
}
END_TEST

START_TEST(a_copy_names_its_customer_alone)
{
	enum { SLOTS = 120, CUSTOMERS = 1000 };
	struct ctx *c = test_ctx();
	struct slots s = slots_some(c, SLOTS, 2);
	struct slots_traced r = traced(c, &s, word_of(c, &s, 77), CUSTOMERS);

	ck_assert_int_eq(r.best[0].customer, 77);
	ck_assert(accused(&r.best[0], CUSTOMERS));
	ck_assert(!accused(&r.best[1], CUSTOMERS));
	ck_assert_double_gt(r.best[0].z, r.threshold_z);
	ck_assert_double_lt(r.best[1].z, r.threshold_z);
	for (size_t i = 1; i < r.n; i++)
		ck_assert_double_ge(r.best[i].bound_log10, r.best[i - 1].bound_log10);
}
END_TEST

START_TEST(mixed_answers_name_one_of_both)
{
	enum { SLOTS = 369, CUSTOMERS = 1000 };
	struct ctx *c = test_ctx();
	struct slots s = slots_some(c, SLOTS, 2);
	const uint8_t *a = word_of(c, &s, 5), *b = word_of(c, &s, 900);
	struct slots_traced r;
	uint8_t answer[SLOTS];
	int named = 0, way = ways[_i];

	for (int i = 0; i < SLOTS; i++)
		answer[i] = way == 0 ? (i % 2 == 0 ? a[i] : b[i])
		    : way == 1       ? a[i] | b[i]
				     : a[i] & b[i];
	for (int i = 0; i < SLOTS; i += 50) /* and some are wrong */
		answer[i] = !answer[i];
	r = traced(c, &s, answer, CUSTOMERS);
	for (size_t i = 0; i < r.n; i++)
		if (accused(&r.best[i], CUSTOMERS)) {
			ck_assert(r.best[i].customer == 5 || r.best[i].customer == 900);
			named++;
		}
	ck_assert_int_ge(named, 1);
}
END_TEST

START_TEST(no_answers_accuse_nobody)
{
	enum { SLOTS = 40 };
	struct ctx *c = test_ctx();
	struct slots s = slots_some(c, SLOTS, 2);
	struct slots_traced r;
	uint8_t answer[SLOTS];

	memset(answer, CODE_ERASED, sizeof answer);
	r = traced(c, &s, answer, 100);
	ck_assert_int_eq(r.erased, SLOTS);
	ck_assert_uint_eq(r.n, 0);
	ck_assert_double_eq(r.threshold_z, 0);
	for (int i = 0; i < 100; i++)
		ck_assert_double_eq(r.z[i], 0);
	answer[0] = CODE_ONE;
	r = traced(c, &s, answer, 100);
	ck_assert(!accused(&r.best[0], 100));
}
END_TEST

/* Slots that go with another secret, or of which one bit was changed. */
START_TEST(slots_belong_to_their_secret)
{
	struct ctx *c = test_ctx();
	struct slots s = slots_some(c, 5, 2);
	struct key256 secret = slots_secret();
	int32_t label;

	ck_ok(c, slots_match(c, &secret, &s));
	secret.b[31] ^= 1;
	ck_fails(c, E_INTEGRITY, slots_match(c, &secret, &s));
	secret.b[31] ^= 1;
	s.picture[4][3].v[7] ^= 1;
	ck_fails(c, E_INTEGRITY, slots_match(c, &secret, &s));
	s.picture[4][3].v[7] ^= 1;
	s.commitment.b[0] ^= 1;
	ck_fails(c, E_INTEGRITY, slots_match(c, &secret, &s));
	s.commitment.b[0] ^= 1;
	label = s.label[2][0];
	s.label[2][0] = s.label[2][1];
	s.label[2][1] = label;
	ck_fails(c, E_INTEGRITY, slots_match(c, &secret, &s));
	s.label[2][1] = s.label[2][0];
	s.label[2][0] = label;
	ck_ok(c, slots_match(c, &secret, &s));
}
END_TEST

MAIN("slots", ONE(slots_belong_to_their_secret), ONE(labels_are_others),
    ONE(pictures_of_a_slot_are_of_its_class), ONE(triggers_are_two_coefficients),
    ONE(drawn_again_by_the_secret_alone), ONE(what_cannot_be_drawn), ONE(a_file_comes_back),
    EACH(bytes_that_are_refused, spoilt), ONE(any_length_but_the_right_one_is_refused),
    EACH(labels_that_agree_are_refused, ways), ONE(as_many_as_the_law_says),
    ONE(a_small_model_is_told_what_fits), EACH(more_than_half_decide, majorities),
    ONE(words_differ), EACH(an_innocent_scores_nothing, ways),
    ONE(a_copy_names_its_customer_alone), EACH(mixed_answers_name_one_of_both, ways),
    ONE(no_answers_accuse_nobody))
