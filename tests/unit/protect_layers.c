/*
 * What the attacks and the report stand on: samples that a thief draws, how values lie in a layer,
 * numbers rounded to narrower formats, and what a lock leaves to be seen.
 */
#include <math.h>

#include "attack_support.h"

/* ---- Their parts ------------------------------------------------------------------------- */

START_TEST(loot_is_even_and_nested)
{
	struct ctx *c = test_ctx();
	owned(house_done) struct house *h = house_new(c, LOCK_ADVPARAMS);
	const struct attack a = { .on = &h->on };
	owned(loot_done) struct loot few = { 0 }, many = { 0 };
	int each[4] = { 0 };

	ck_ok(c, loot_take(c, &a, 0.1, &few));
	ck_ok(c, loot_take(c, &a, 0.5, &many));
	ck_assert_int_eq(few.labels.n, 36);
	ck_assert_int_eq(few.set.n, 36);
	ck_assert_int_eq(many.labels.n, 180);
	for (int64_t i = 0; i < few.labels.n; i++) {
		bool also = false;

		each[few.labels.v[i]]++;
		for (int64_t k = 0; k < many.labels.n; k++)
			also |= many.chosen[k] == few.chosen[i];
		ck_assert(also);
		ck_assert_int_eq(few.labels.v[i], h->toys.labels.v[few.chosen[i]]);
		ck_assert_mem_eq(data_sample(&few.samples, i),
		    data_sample(&h->toys.samples, few.chosen[i]), 72);
		for (int64_t k = 0; k < i; k++)
			ck_assert_int_ne(few.chosen[k], few.chosen[i]);
	}
	for (int k = 0; k < 4; k++)
		ck_assert_int_eq(each[k], 9);
	/* All of it, though the classes are not even. */
	loot_done(&many);
	ck_ok(c, loot_take(c, &a, 1, &many));
	ck_assert_int_eq(many.labels.n, h->split.thief.n);
}
END_TEST

START_TEST(selection_is_sorting)
{
	static const float given[] = { 3, -1, 3, 8, 0, -7, 2, 3, 5, 1, 4 };
	static const float sorted[] = { -7, -1, 0, 1, 2, 3, 3, 3, 4, 5, 8 };
	struct spread s;
	float v[COUNT(given)];

	for (size_t k = 0; k < COUNT(given); k++) {
		memcpy(v, given, sizeof v);
		ck_assert(fabsf(spread_nth(v, COUNT(v), (int64_t)k) - sorted[k]) == 0);
	}
	memcpy(v, given, sizeof v);
	s = spread_of(v, COUNT(v));
	/* Distances from 3: 0 0 0 1 1 2 2 3 4 5 10. */
	ck_assert(fabs(s.median - 3) == 0 && fabs(s.mad - 2) == 0);
}
END_TEST

static const struct {
	float given, half, bfloat;
} rounds[] = {
	{ 1, 1, 1 }, { 0, 0, 0 }, { 0.1F, 0.0999755859375F, 0.10009765625F },
	{ 1 + 0x1p-11F, 1, 1 },               /* a tie, to even */
	{ 1 + 3 * 0x1p-11F, 1 + 0x1p-9F, 1 }, /* a tie, to even */
	{ 65519, 65504, 65536 }, { 1e6F, 65504, 999424 },
	{ -0x1p-24F, -0x1p-24F, -0x1p-24F }, /* the least of float16 */
	{ 0x1p-26F, 0, 0x1p-26F },
	{ 0x1.8p-24F, 0x1p-23F, 0x1.8p-24F }, /* a tie among its least ones */
};

START_TEST(numbers_are_rounded_rightly)
{
	ck_assert_msg(fabsf(attack_half(rounds[_i].given) - rounds[_i].half) == 0, "%.9g: %.9g",
	    (double)rounds[_i].given, (double)attack_half(rounds[_i].given));
	ck_assert_msg(fabsf(attack_bfloat(rounds[_i].given) - rounds[_i].bfloat) == 0,
	    "%.9g: %.9g", (double)rounds[_i].given, (double)attack_bfloat(rounds[_i].given));
}
END_TEST

/* ---- Layers ------------------------------------------------------------------------------ */

/* Values k / n before; after, the lowest `moved` of them have gone beyond the highest. */
static void
ramp(
    struct house *h, int moved, struct protect_weights **before, struct protect_weights **after)
{
	struct ctx *c = test_ctx();
	struct nn_weight *w = dense(h);

	for (int64_t i = 0; i < w->count; i++)
		w->data[i] = (float)i / (float)w->count;
	ck_ok(c, protect_keep(c, h->net.graph, before));
	for (int i = 0; i < moved; i++)
		w->data[i] += 1;
	ck_ok(c, protect_keep(c, h->net.graph, after));
}

/* By the same series, computed elsewhere. */
static const struct {
	int moved;
	double p;
} shifts[] = {
	{ 20, 0.8725808937129342 },
	{ 40, 0.11926555293425253 },
	{ 60, 0.0035162413812734614 },
	{ 90, 1.2658712668762187e-06 },
};

START_TEST(distributions_are_compared)
{
	struct ctx *c = test_ctx();
	owned(house_done) struct house *h = house_new(c, LOCK_ADVPARAMS);
	owned(protect_weights_free) struct protect_weights *before = NULL, *after = NULL;
	struct protect_layer *l;
	uint64_t sum[2] = { 0 };
	size_t n;

	ramp(h, shifts[_i].moved, &before, &after);
	ck_ok(c, protect_layers(c, h->net.graph, before, after, 8, &l, &n));
	ck_assert_uint_eq(n, 1);
	ck_str(l->name, "gemm.w");
	ck_assert_uint_eq(l->count, 576);
	ck_assert_uint_eq(l->touched, (uint64_t)shifts[_i].moved);
	ck_assert_uint_eq(protect_touched(h->net.graph, before, after), l->touched);
	ck_assert_msg(fabs(l->ks_p / shifts[_i].p - 1) < 1e-6, "%.10g", l->ks_p);
	for (int i = 0; i < LAYER_BINS; i++) {
		sum[0] += l->before[i];
		sum[1] += l->after[i];
	}
	ck_assert_uint_eq(sum[0], 576);
	ck_assert_uint_eq(sum[1], 576);
	ck_assert_uint_gt(l->before[0], 0);
	ck_assert_uint_eq(l->after[0], 0);
}
END_TEST

START_TEST(layers_come_by_what_was_touched)
{
	struct ctx *c = test_ctx();
	owned(house_done) struct house *h = house_new(c, LOCK_ADVPARAMS);
	owned(protect_weights_free) struct protect_weights *after = NULL;
	struct protect_layer *l;
	size_t n;

	ck_ok(c, protect_layers(c, h->net.graph, h->plain, h->plain, 8, &l, &n));
	ck_assert_uint_eq(n, 0);
	nn_weight_by_name(h->net.graph, STR("conv.b"))->data[2] += 1;
	ck_ok(c, protect_keep(c, h->net.graph, &after));
	ck_ok(c, protect_layers(c, h->net.graph, h->plain, after, 8, &l, &n));
	ck_assert_uint_eq(n, 2);
	ck_str(l[0].name, "gemm.w");
	ck_str(l[1].name, "conv.b");
	ck_assert_uint_eq(l[0].touched, LOCKED);
	/* The locked ones stand out by far. */
	ck_assert_uint_ge(l[0].outliers_after[2], l[0].outliers_before[2] + LOCKED);
	ck_assert(l[0].ks_p > 0.99);
	ck_ok(c, protect_layers(c, h->net.graph, h->plain, after, 1, &l, &n));
	ck_assert_uint_eq(n, 1);
}
END_TEST

MAIN("protect_layers", ONE(loot_is_even_and_nested), ONE(selection_is_sorting),
    EACH(numbers_are_rounded_rightly, rounds), EACH(distributions_are_compared, shifts),
    ONE(layers_come_by_what_was_touched))
