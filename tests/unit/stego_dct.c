/*
 * The payload in the luminance: below notice, through JPEG and back, and of ten thousand claims
 * none confirmed but the right one.
 */
#include <math.h>

#include "test.h"

#include "stego_support.h"

static const struct {
	int width, height, channels;
} sizes[] = { { 64, 64, 1 }, { 64, 64, 3 }, { 96, 96, 3 }, { 71, 90, 3 }, { 128, 128, 1 },
	{ 224, 224, 3 } };

static const int qualities[] = { 95, 85, 75, 60 };

START_TEST(unseen_and_through_jpeg)
{
	struct ctx *c = test_ctx();
	struct stego_keys keys = keys_of(c, 1);

	for (int round = 0; round < 10; round++) {
		struct image base = picture(
				 c, sizes[_i].width, sizes[_i].height, sizes[_i].channels),
			     i, jpeg, again;
		struct stego_payload p = payload(c), got;
		int repaired;

		ck_assert_uint_eq(stego_capacity(STEGO_DCT, &base), 16);
		ck_ok(c, stego_embed(c, STEGO_DCT, &keys, &base, &p, &i));
		ck_assert(image_psnr(&base, &i) >= 40 && image_psnr(&base, &i) < 40.5);
		ck_assert(found_in(c, STEGO_DCT, &keys, &i, &base, &p, &got, &repaired) ==
		    STEGO_FOUND);
		ck_assert(payload_same(&got, &p));
		ck_assert_int_eq(repaired, 0);
		ck_ok(c, stego_embed(c, STEGO_DCT, &keys, &base, &p, &again));
		ck_assert_mem_eq(i.v, again.v, image_bytes(&i));
		for (size_t q = 0; q < COUNT(qualities); q++) {
			ck_ok(c, image_jpeg(c, &i, qualities[q], &jpeg, NULL));
			ck_assert_msg(found_in(c, STEGO_DCT, &keys, &jpeg, &base, &p, NULL,
					  &repaired) == STEGO_FOUND,
			    "JPEG %d", qualities[q]);
		}
		arena_reset(c->mem);
	}
}
END_TEST

/* Without its base, a large picture is still heard; the base alone says nothing. */
START_TEST(heard_blindly)
{
	struct ctx *c = test_ctx();
	struct stego_keys keys = keys_of(c, 1);

	for (int round = 0; round < 10; round++) {
		struct image base = picture(c, 224, 224, 3), i, jpeg;
		struct stego_payload p = payload(c);

		ck_ok(c, stego_embed(c, STEGO_DCT, &keys, &base, &p, &i));
		ck_ok(c, image_jpeg(c, &i, 75, &jpeg, NULL));
		ck_assert(
		    found_in(c, STEGO_DCT, &keys, &jpeg, NULL, &p, NULL, NULL) == STEGO_FOUND);
		ck_assert(
		    found_in(c, STEGO_DCT, &keys, &base, NULL, &p, NULL, NULL) == STEGO_NONE);
		ck_assert(
		    found_in(c, STEGO_DCT, &keys, &base, &base, &p, NULL, NULL) == STEGO_NONE);
		arena_reset(c->mem);
	}
}
END_TEST

/* At this size not always, and oftener because the weakest bytes are given up. */
START_TEST(heard_blindly_at_the_limit)
{
	struct ctx *c = test_ctx();
	struct stego_keys keys = keys_of(c, 1);
	int heard = 0;

	for (int round = 0; round < 60; round++) {
		struct image base = picture(c, 144, 144, 1), i;
		struct stego_payload p = payload(c);

		ck_ok(c, stego_embed(c, STEGO_DCT, &keys, &base, &p, &i));
		heard += found_in(c, STEGO_DCT, &keys, &i, NULL, &p, NULL, NULL) == STEGO_FOUND;
		arena_reset(c->mem);
	}
	ck_assert_int_ge(heard, 44);
}
END_TEST

/* Black and white: half of every push is cut off, and the pushes grow by what that leaves. */
START_TEST(hidden_in_black_and_white)
{
	struct ctx *c = test_ctx();
	struct stego_keys keys = keys_of(c, 1);
	struct stego_payload p = payload(c);
	struct image base, i;

	ck_ok(c, image_new(c, 64, 64, 3, &base));
	for (int white = 0; white < 2; white++) {
		memset(base.v, white * 255, image_bytes(&base));
		ck_ok(c, stego_embed(c, STEGO_DCT, &keys, &base, &p, &i));
		ck_assert(image_psnr(&base, &i) >= 40);
		ck_assert(
		    found_in(c, STEGO_DCT, &keys, &i, &base, &p, NULL, NULL) == STEGO_FOUND);
	}
}
END_TEST

START_TEST(sizes_have_limits)
{
	struct ctx *c = test_ctx();
	struct stego_keys keys = keys_of(c, 1);
	struct stego_payload p = payload(c);
	struct image narrow = picture(c, 63, 200, 3), base = picture(c, 64, 72, 3), i;
	struct image turned;

	ck_assert_uint_eq(stego_capacity(STEGO_DCT, &narrow), 0);
	ck_fails(c, E_INPUT, stego_embed(c, STEGO_DCT, &keys, &narrow, &p, &i));
	ck_assert(found_in(c, STEGO_DCT, &keys, &narrow, NULL, &p, NULL, NULL) == STEGO_NONE);
	ck_ok(c, stego_embed(c, STEGO_DCT, &keys, &base, &p, &i));
	turned = base;
	turned.width = 72;
	turned.height = 64;
	ck_assert(found_in(c, STEGO_DCT, &keys, &i, &base, &p, NULL, NULL) == STEGO_FOUND);
	ck_assert(found_in(c, STEGO_DCT, &keys, &i, &turned, &p, NULL, NULL) == STEGO_NONE);
}
END_TEST

/* ---- Wrong claims ------------------------------------------------------------------------ */

struct claim {
	struct stego_keys keys;
	struct stego_payload p;
	struct image base, shown, clean; /* clean: what shown was made of */
};

static void
customer(struct ctx *c, struct claim *l)
{
	l->p.customer += 1 + some(c, 1000);
}

static void
serial(struct ctx *c, struct claim *l)
{
	l->p.serial += 1 + some(c, 1000);
}

static void
release(struct ctx *c, struct claim *l)
{
	l->p.release ^= 1u << some(c, 32);
}

static void
issued(struct ctx *c, struct claim *l)
{
	l->p.issued += 1 + some(c, 1000);
}

static void
expires(struct ctx *c, struct claim *l)
{
	l->p.expires = l->p.expires == 0 ? 1 + some(c, 1000) : 0;
}

static void
key(struct ctx *c, struct claim *l)
{
	l->keys = keys_of(c, (uint8_t)(2 + some(c, 200)));
}

static void
mac_key(struct ctx *c, struct claim *l)
{
	c->random(&l->keys.mac, sizeof l->keys.mac);
}

static void
base(struct ctx *c, struct claim *l)
{
	l->base = picture(c, 64, 64, 3);
}

/* The pattern is lifted off and laid over another picture. */
static void
moved(struct ctx *c, struct claim *l)
{
	struct image other = picture(c, 64, 64, 3);

	for (size_t i = 0; i < image_bytes(&other); i++) {
		int v = other.v[i] + l->shown.v[i] - l->clean.v[i];

		other.v[i] = (uint8_t)(v < 0 ? 0 : v > 255 ? 255 : v);
	}
	l->shown = other;
}

/* The reason, and how many of a thousand may have another (but never STEGO_FOUND). */
static const struct {
	const char *name;
	void (*make)(struct ctx *, struct claim *);
	enum stego_found want;
	uint32_t others;
} claims[] = {
	{ "customer", customer, STEGO_NONE, 3 },
	{ "serial", serial, STEGO_FORGED, 0 },
	{ "release", release, STEGO_FORGED, 0 },
	{ "issued", issued, STEGO_FORGED, 0 },
	{ "expires", expires, STEGO_FORGED, 0 },
	{ "key", key, STEGO_NONE, 3 },
	{ "mac key", mac_key, STEGO_FORGED, 0 },
	{ "base", base, STEGO_NONE, ROUNDS },
	{ "moved", moved, STEGO_NONE, ROUNDS },
};

/* Five claims on each picture. */
START_TEST(none_is_confirmed)
{
	struct ctx *c = test_ctx();
	struct claim real = { .keys = keys_of(c, 1) };
	uint32_t others = 0;

	for (uint32_t round = 0; round < ROUNDS; round++) {
		enum stego_found found;
		struct claim l;

		if (round % 5 == 0) {
			arena_reset(c->mem);
			real.p = payload(c);
			real.base = real.clean = picture(c, 64, 64, 3);
			ck_ok(c,
			    stego_embed(
				c, STEGO_DCT, &real.keys, &real.clean, &real.p, &real.shown));
		}
		l = real;
		claims[_i].make(c, &l);
		found = found_in(c, STEGO_DCT, &l.keys, &l.shown, &l.base, &l.p, NULL, NULL);
		ck_assert_msg(found != STEGO_FOUND && found != STEGO_OTHER_RELEASE,
		    "%s, %u: %s", claims[_i].name, round, stego_found_name(found));
		others += found != claims[_i].want;
	}
	ck_assert_msg(
	    others <= claims[_i].others, "%s: %u for another reason", claims[_i].name, others);
}
END_TEST

/* A third of the blocks pushed the other way. */
static void
mangled(struct ctx *c, struct claim *l)
{
	for (int block = 0; block < 64; block++) {
		if (some(c, 100) >= 35)
			continue;
		for (int k = 0; k < 64 * 3; k++) {
			int at = (block / 8 * 8 + k / 24) * 64 * 3 + block % 8 * 24 + k % 24;
			int v = 2 * l->clean.v[at] - l->shown.v[at];

			l->shown.v[at] = (uint8_t)(v < 0 ? 0 : v > 255 ? 255 : v);
		}
	}
}

/* Too much is gone, but it was there; now and then, it is not yet too much. */
START_TEST(damage_is_told)
{
	struct ctx *c = test_ctx();
	int count[STEGO_FOUND + 1] = { 0 };

	for (uint32_t round = 0; round < 200; round++) {
		struct claim l = { .keys = keys_of(c, 1), .p = payload(c) };

		l.clean = picture(c, 64, 64, 3);
		ck_ok(c, stego_embed(c, STEGO_DCT, &l.keys, &l.clean, &l.p, &l.shown));
		mangled(c, &l);
		count[found_in(c, STEGO_DCT, &l.keys, &l.shown, &l.clean, &l.p, NULL, NULL)]++;
		arena_reset(c->mem);
	}
	ck_assert_int_ge(count[STEGO_DAMAGED], 130);
	ck_assert_int_eq(count[STEGO_FORGED] + count[STEGO_OTHER_RELEASE], 0);
}
END_TEST

/* The same where much is heard: a wrong base hides nothing then, and must be noticed for itself. */
START_TEST(large_pictures_know_their_base)
{
	struct ctx *c = test_ctx();

	for (uint32_t round = 0; round < 100; round++) {
		struct stego_keys keys = keys_of(c, 1);
		struct stego_payload p = payload(c), claim = p;
		struct image clean = picture(c, 192, 192, 1), other = picture(c, 192, 192, 1),
			     i;

		ck_ok(c, stego_embed(c, STEGO_DCT, &keys, &clean, &p, &i));
		ck_assert(
		    found_in(c, STEGO_DCT, &keys, &i, &other, &p, NULL, NULL) != STEGO_FOUND);
		claim.serial++;
		ck_assert(found_in(c, STEGO_DCT, &keys, &i, &clean, &claim, NULL, NULL) ==
		    STEGO_FORGED);
		ck_assert(
		    found_in(c, STEGO_DCT, &keys, &i, NULL, &claim, NULL, NULL) != STEGO_FOUND);
		arena_reset(c->mem);
	}
}
END_TEST

MAIN("stego_dct", EACH(unseen_and_through_jpeg, sizes), ONE(heard_blindly),
    ONE(heard_blindly_at_the_limit), ONE(hidden_in_black_and_white), ONE(sizes_have_limits),
    EACH(none_is_confirmed, claims), ONE(damage_is_told), ONE(large_pictures_know_their_base))
