/*
 * Signals as carriers: a window of sferics, as 16-bit samples, that has a customer's identity in
 * its lowest bits. What it bears, what it does not, and who cannot read it.
 */
#include "sferic.h"
#include "stego_support.h"
#include "test.h"

enum { WORDS = 3, LENGTH = 170 };

/* A window of its own for each number. */
static struct stego_signal
window(struct ctx *c, uint64_t number)
{
	struct sferic_window *w = take(c, sizeof *w);
	struct stego_signal s = { SFERIC_CHANNELS, SFERIC_POINTS,
		take(c, SFERIC_ROW * sizeof(int16_t)) };

	sferic_window(1, number, 1, w);
	sferic_quantise(&w->x[0][0], s.v);
	return s;
}

static enum stego_found
heard(struct ctx *c, const struct stego_keys *keys, const struct stego_signal *s,
    const struct stego_payload *claim, struct stego_payload *ret, int *ret_repaired)
{
	struct stego_payload p;
	enum stego_found found;
	int repaired;

	ck_ok(c,
	    stego_signal_extract(c, keys, s, claim, &found, ret != NULL ? ret : &p,
		ret_repaired != NULL ? ret_repaired : &repaired));
	return found;
}

START_TEST(windows_bear_an_identity)
{
	struct ctx *c = test_ctx();
	const struct stego_keys keys = keys_of(c, 1), others = keys_of(c, 2);

	for (uint64_t i = 0; i < 20; i++) {
		struct stego_signal base = window(c, i), made, again;
		struct stego_payload hidden = payload(c), got, other = hidden;
		int repaired;

		ck_assert_uint_eq(stego_signal_capacity(&base), WORDS * LENGTH);
		ck_ok(c, stego_signal_embed(c, &keys, &base, &hidden, &made));
		ck_ok(c, stego_signal_embed(c, &keys, &base, &hidden, &again));
		ck_assert_mem_eq(made.v, again.v, SFERIC_ROW * sizeof *made.v);
		for (int k = 0; k < SFERIC_ROW; k++)
			ck_assert_int_eq(made.v[k] & ~1, base.v[k] & ~1);
		ck_assert_int_eq(heard(c, &keys, &made, &hidden, &got, &repaired), STEGO_FOUND);
		ck_assert(payload_same(&got, &hidden) && repaired == 0);
		ck_assert_int_eq(heard(c, &keys, &base, &hidden, NULL, NULL), STEGO_NONE);
		ck_assert_int_eq(heard(c, &others, &made, &hidden, NULL, NULL), STEGO_NONE);
		other.customer ^= 1;
		ck_assert_int_eq(heard(c, &keys, &made, &other, NULL, NULL), STEGO_NONE);
		other = hidden;
		other.release ^= 1;
		ck_assert_int_eq(
		    heard(c, &keys, &made, &other, NULL, NULL), STEGO_OTHER_RELEASE);
	}
}
END_TEST

START_TEST(a_window_hears_the_same_with_it)
{
	struct ctx *c = test_ctx();
	const struct stego_keys keys = keys_of(c, 1);
	const struct stego_payload hidden = payload(c);
	struct stego_signal base = window(c, 3), made;
	float *x = take(c, 2 * SFERIC_ROW * sizeof *x);
	int16_t *back = take(c, SFERIC_ROW * sizeof *back);

	ck_ok(c, stego_signal_embed(c, &keys, &base, &hidden, &made));
	sferic_restore(base.v, x);
	sferic_restore(made.v, x + SFERIC_ROW);
	sferic_quantise(x + SFERIC_ROW, back);
	ck_assert_mem_eq(back, made.v, SFERIC_ROW * sizeof *back);
	for (int i = 0; i < SFERIC_ROW; i++)
		ck_assert_float_le(x[i] - x[SFERIC_ROW + i], 1.f / SFERIC_STEPS);
}
END_TEST

START_TEST(it_is_bound_to_its_window)
{
	struct ctx *c = test_ctx();
	const struct stego_keys keys = keys_of(c, 1);
	const struct stego_payload hidden = payload(c);
	struct stego_signal base = window(c, 1), other = window(c, 2), made;

	ck_ok(c, stego_signal_embed(c, &keys, &base, &hidden, &made));
	for (int i = 0; i < SFERIC_ROW; i++)
		other.v[i] = (int16_t)((other.v[i] & ~1) | (made.v[i] & 1));
	ck_assert_int_eq(heard(c, &keys, &other, &hidden, NULL, NULL), STEGO_FORGED);
	made.v[some(c, SFERIC_ROW)] ^= 2;
	ck_assert_int_eq(heard(c, &keys, &made, &hidden, NULL, NULL), STEGO_FORGED);
	/* A picture's payload is none of a signal's, though the samples be the same. */
	base.points = 512;
	base.channels = 8;
	ck_assert_int_eq(heard(c, &keys, &base, &hidden, NULL, NULL), STEGO_NONE);
}
END_TEST

START_TEST(some_damage_is_mended)
{
	struct ctx *c = test_ctx();
	const struct stego_keys keys = keys_of(c, 1);
	const struct stego_payload hidden = payload(c);
	struct stego_signal base = window(c, 4), made;
	struct stego_payload got;
	int repaired;

	ck_ok(c, stego_signal_embed(c, &keys, &base, &hidden, &made));
	/* 40 bits of 4096: some 13 bytes of a word, which could lose 64. */
	for (int i = 0; i < 40; i++)
		made.v[i * 100] ^= 1;
	ck_assert_int_eq(heard(c, &keys, &made, &hidden, &got, &repaired), STEGO_FOUND);
	ck_assert(payload_same(&got, &hidden));
	ck_assert_int_gt(repaired, 0);
	/* 12 bits instead of 16: nothing is left of it. */
	for (int i = 0; i < SFERIC_ROW; i++)
		made.v[i] = (int16_t)(made.v[i] & ~15);
	ck_assert_int_eq(heard(c, &keys, &made, &hidden, NULL, NULL), STEGO_NONE);
}
END_TEST

static const struct {
	int channels, points;
} small[] = { { 1, 783 }, { 0, 1024 }, { 4, 0 }, { -1, -1024 }, { 1 << 16, 1 << 16 } };

START_TEST(what_is_too_small_bears_nothing)
{
	static int16_t v[1024];
	struct ctx *c = test_ctx();
	const struct stego_keys keys = keys_of(c, 1);
	const struct stego_payload hidden = payload(c);
	struct stego_signal s = { small[_i].channels, small[_i].points, v }, made;

	ck_assert_uint_eq(stego_signal_capacity(&s), 0);
	ck_fails(c, E_INPUT, stego_signal_embed(c, &keys, &s, &hidden, &made));
	ck_assert_int_eq(heard(c, &keys, &s, &hidden, NULL, NULL), STEGO_NONE);
}
END_TEST

MAIN("stego_signal", ONE(windows_bear_an_identity), ONE(a_window_hears_the_same_with_it),
    ONE(it_is_bound_to_its_window), ONE(some_damage_is_mended),
    EACH(what_is_too_small_bears_nothing, small))
