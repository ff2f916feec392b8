/*
 * The payload in the lowest bits: fixed values of its parts, which every picture that was ever
 * given out hangs on; what it leaves of a picture; and that it comes back, mended if need be.
 */
#include <math.h>

#include "test.h"

#include "stego_support.h"

static void
check_hex(const uint8_t *got, const char *want)
{
	char text[128];
	struct buf b = BUF(text);

	hex_put(&b, got, strlen(want) / 2);
	buf_char(&b, '\0');
	ck_assert_str_eq(text, want);
}

/* ---- Parts ------------------------------------------------------------------------------- */

START_TEST(checksum_is_fixed)
{
	ck_assert_uint_eq(crc16(STR("123456789")), 0x29b1);
	ck_assert_uint_eq(crc16(STR("")), 0xffff);
}
END_TEST

/* The code of a QR code's first version, as its standard has it; and two of our sizes. */
START_TEST(codes_are_fixed)
{
	struct ctx *c = test_ctx();
	uint8_t word[WORD_MAX] = { 32, 91, 11, 120, 209, 114, 220, 77, 67, 64, 236, 17, 236, 17,
		236, 17 };
	static const uint8_t parity[] = { 196, 35, 39, 119, 235, 215, 231, 226, 93, 23 };
	static const struct {
		int length;
		const char *first, *last;
	} want[] = { { 98, "e27e2948fa95d2c4", "e092f4cb" },
		{ 192, "ed1a248dfc95bc4d", "16f881ca" } };
	struct rs *code;

	ck_ok(c, rs_new(c, 26, 16, &code));
	rs_encode(code, word);
	ck_assert_mem_eq(word + 16, parity, sizeof parity);
	rs_free(&code);
	for (size_t k = 0; k < COUNT(want); k++) {
		for (uint8_t i = 0; i < 37; i++)
			word[i] = i;
		ck_ok(c, rs_new(c, want[k].length, 37, &code));
		rs_encode(code, word);
		check_hex(word + 37, want[k].first);
		check_hex(word + want[k].length - 4, want[k].last);
		rs_free(&code);
	}
}
END_TEST

/* As many errors as the code has room for, twice as many losses, and no more. */
START_TEST(words_are_mended)
{
	struct ctx *c = test_ctx();
	uint8_t word[98], bad[98];
	int lost[57];
	struct rs *code;

	c->random(word, sizeof word);
	ck_ok(c, rs_new(c, 98, PAYLOAD_SIZE, &code));
	rs_encode(code, word);
	for (int wrong = 0; wrong <= 60; wrong++) {
		memcpy(bad, word, sizeof bad);
		for (int i = 0; i < wrong; i++)
			bad[(i * 41 + wrong) % 98] ^= (uint8_t)(1 + some(c, 255));
		ck_assert_int_eq(rs_mend(code, bad, NULL, 0), wrong <= 28 ? wrong : -1);
		ck_assert_int_eq(memcmp(bad, word, sizeof bad) == 0, wrong <= 28);
		for (int i = 0; i < wrong && i < 57; i++)
			lost[i] = (i * 41 + wrong) % 98;
		if (wrong > 28 && wrong <= 57) {
			ck_assert_int_ge(rs_mend(code, bad, lost, wrong), 0);
			ck_assert_mem_eq(bad, word, sizeof bad);
		}
	}
	rs_free(&code);
	ck_assert_ptr_null(code);
}
END_TEST

static struct image
ramp(struct ctx *c)
{
	struct image i;

	ck_ok(c, image_new(c, 28, 28, 1, &i));
	for (size_t k = 0; k < image_bytes(&i); k++)
		i.v[k] = (uint8_t)(37 * k);
	return i;
}

/* The first version of the payload had no serial; its MAC and checksum say the same of the rest. */
START_TEST(digests_and_macs_are_fixed)
{
	struct ctx *c = test_ctx();
	struct image i = ramp(c);
	uint8_t old[35] = "HM\1", message[19 + 32], key[32];
	struct digest256 picture, mac;

	ck_ok(c, stego_picture_digest(c, &i, &picture));
	check_hex(picture.b, "ffad0baf8ff3b13c");
	for (uint8_t k = 0; k < sizeof key; k++)
		key[k] = k;
	be32_put(old + 3, 7);
	be32_put(old + 7, 42);
	be32_put(old + 11, 1700000000);
	be32_put(old + 15, 1731536000);
	memcpy(message, old, 19);
	memcpy(message + 19, picture.b, sizeof picture.b);
	ck_ok(c,
	    hmac_sha256(c, (struct str){ (char *)key, sizeof key },
		(struct str){ (char *)message, sizeof message }, &mac));
	check_hex(mac.b, "a59a551c5d0f6ae695b665307d945229");
	memcpy(old + 19, mac.b, 16);
	ck_assert_uint_eq(crc16((struct str){ (char *)old, sizeof old }), 0x1e20);
}
END_TEST

/* What this version writes, byte for byte. */
START_TEST(payload_is_fixed)
{
	struct ctx *c = test_ctx();
	struct image i = ramp(c);
	const struct lowest on = lowest_of_image(&i);
	struct stego_payload p = { 7, 42, 3, 1700000000, 1731536000 }, got;
	struct stego_keys keys = { 0 };
	uint8_t bytes[PAYLOAD_SIZE];

	for (uint8_t k = 0; k < 32; k++)
		keys.mac.b[k] = k;
	ck_ok(c, payload_put(c, &keys, &on, &p, bytes));
	check_hex(bytes, "484d02000000070000002a6553f1006735248000000003");
	ck_assert(payload_whole(bytes));
	got = payload_get(bytes);
	ck_assert(payload_same(&got, &p));
	for (size_t k = 0; k < 8 * sizeof bytes; k++) {
		bytes[k / 8] ^= (uint8_t)(1 << k % 8);
		ck_assert(!payload_whole(bytes));
		bytes[k / 8] ^= (uint8_t)(1 << k % 8);
	}
}
END_TEST

/* Each bit and each size counts, and in one of the digests the lowest bits do not. */
START_TEST(digests_tell_pictures_apart)
{
	struct ctx *c = test_ctx();
	struct image i = ramp(c), turned = i;
	struct digest256 upper, all, d;

	ck_ok(c, stego_picture_digest(c, &i, &upper));
	ck_ok(c, stego_pixels_digest(c, &i, &all));
	ck_assert(!digest256_same(&upper, &all));
	for (int bit = 0; bit < 8; bit++) {
		i.v[783] ^= (uint8_t)(1 << bit);
		ck_ok(c, stego_picture_digest(c, &i, &d));
		ck_assert_int_eq(digest256_same(&upper, &d), bit == 0);
		ck_ok(c, stego_pixels_digest(c, &i, &d));
		ck_assert(!digest256_same(&all, &d));
		i.v[783] ^= (uint8_t)(1 << bit);
	}
	turned.width = 14;
	turned.height = 56;
	ck_ok(c, stego_picture_digest(c, &turned, &d));
	ck_assert(!digest256_same(&upper, &d));
	ck_ok(c, stego_pixels_digest(c, &turned, &d));
	ck_assert(!digest256_same(&all, &d));
}
END_TEST

START_TEST(releases_have_short_ids)
{
	struct id id = { "rel_01a1f7b4-613b-78db-864f-cf642ca115e9" };

	ck_assert_uint_eq(stego_release(&id), 0x2ca115e9);
}
END_TEST

START_TEST(keys_follow_from_the_secret)
{
	struct ctx *c = test_ctx();
	struct stego_keys a = keys_of(c, 1), again = keys_of(c, 1), b = keys_of(c, 2);

	ck_assert_mem_eq(&a, &again, sizeof a);
	ck_assert(!key256_same(&a.order, &b.order));
	ck_assert(!key256_same(&a.white, &b.white));
	ck_assert(!key256_same(&a.mac, &b.mac));
	ck_assert(!key256_same(&a.order, &a.white));
	ck_assert(!key256_same(&a.white, &a.mac));
	stego_keys_done(&a);
	ck_assert_mem_eq(&a, &(struct stego_keys){ 0 }, sizeof a);
}
END_TEST

/* An order is a permutation, in which every place is as likely as the other. */
START_TEST(orders_are_even)
{
	struct ctx *c = test_ctx();
	struct key256 k = { { 3 } };
	uint32_t count[5][5] = { 0 }, *v;
	double chi = 0;

	for (uint32_t a = 0; a < 5000; a++) {
		unsigned seen = 0;

		ck_ok(c, draw_order(c, &k, "order", a, 5, &v));
		for (uint32_t i = 0; i < 5; i++) {
			ck_assert_uint_lt(v[i], 5);
			count[i][v[i]]++;
			seen |= 1u << v[i];
		}
		ck_assert_uint_eq(seen, 31);
	}
	for (int i = 0; i < 25; i++)
		chi += pow(count[i / 5][i % 5] - 1000.0, 2) / 1000;
	ck_assert(chi < 45); /* 16 degrees of freedom: 1e-4 */
}
END_TEST

/* ---- Hidden and found -------------------------------------------------------------------- */

static const struct {
	int width, height, channels;
	size_t capacity;
} sizes[] = {
	{ 28, 28, 1, 98 },
	{ 32, 32, 3, 384 },
	{ 29, 28, 1, 101 },
	{ 1, 785, 1, 98 },
	{ 64, 64, 3, 1533 },
	{ 31, 45, 3, 522 },
	{ 224, 224, 3, 18796 },
	{ 28, 27, 1, 0 },
	{ 16, 16, 3, 0 },
	{ 4096, 1025, 1, 0 },
};

START_TEST(payloads_come_back)
{
	struct ctx *c = test_ctx();
	struct stego_keys keys = keys_of(c, 1);
	struct stego_payload p = payload(c), got;
	struct image base, i, again;
	int repaired;

	ck_ok(c, image_new(c, sizes[_i].width, sizes[_i].height, sizes[_i].channels, &base));
	c->random(base.v, image_bytes(&base));
	ck_assert_uint_eq(stego_capacity(STEGO_LSB, &base), sizes[_i].capacity);
	if (sizes[_i].capacity == 0) {
		ck_fails(c, E_INPUT, stego_embed(c, STEGO_LSB, &keys, &base, &p, &i));
		ck_assert(
		    found_in(c, STEGO_LSB, &keys, &base, NULL, &p, NULL, NULL) == STEGO_NONE);
		return;
	}
	ck_ok(c, image_copy(c, &base, &again));
	ck_ok(c, stego_embed(c, STEGO_LSB, &keys, &base, &p, &i));
	ck_assert_mem_eq(base.v, again.v, image_bytes(&base));
	ck_assert(found_in(c, STEGO_LSB, &keys, &i, NULL, &p, &got, &repaired) == STEGO_FOUND);
	ck_assert(payload_same(&got, &p));
	ck_assert_int_eq(repaired, 0);
	ck_ok(c, stego_embed(c, STEGO_LSB, &keys, &base, &p, &again));
	ck_assert_mem_eq(i.v, again.v, image_bytes(&i));
}
END_TEST

/* Of the claim, only the customer and the release need be known. */
START_TEST(the_picture_says_the_rest)
{
	struct ctx *c = test_ctx();
	struct stego_keys keys = keys_of(c, 1);
	struct stego_payload p = { UINT32_MAX, UINT32_MAX, UINT32_MAX, UINT32_MAX, UINT32_MAX };
	struct stego_payload claim = { UINT32_MAX, UINT32_MAX, 0, 0, 0 }, got;
	struct image i = picture(c, 28, 28, 1);

	ck_ok(c, stego_embed(c, STEGO_LSB, &keys, &i, &p, &i));
	ck_assert(found_in(c, STEGO_LSB, &keys, &i, NULL, &claim, &got, NULL) == STEGO_FOUND);
	ck_assert(payload_same(&got, &p));
}
END_TEST

static const struct stego_payload no_times[] = {
	{ .issued = -1 },
	{ .issued = INT64_C(1) << 32 },
	{ .expires = -1 },
	{ .expires = INT64_C(1) << 32 },
};

START_TEST(times_have_limits)
{
	struct ctx *c = test_ctx();
	struct stego_keys keys = keys_of(c, 1);
	struct image i = picture(c, 64, 64, 1);

	ck_fails(c, E_INPUT, stego_embed(c, STEGO_LSB, &keys, &i, &no_times[_i], &i));
	ck_fails(c, E_INPUT, stego_embed(c, STEGO_DCT, &keys, &i, &no_times[_i], &i));
}
END_TEST

/*
 * Above 50 dB, whatever the picture; no other bit changes; and the lowest ones are as good as
 * random, unlike each other for two customers.
 */
START_TEST(only_the_lowest_bits_change)
{
	struct ctx *c = test_ctx();
	struct stego_keys keys = keys_of(c, 1);
	struct stego_payload p = payload(c), other = p;
	struct image base = picture(c, 64, 64, 3), i, second;
	size_t ones = 0, differ = 0, n = image_bytes(&base);
	double bar = 3.9 * sqrt((double)n) / 2; /* 1e-4 */

	other.customer++;
	ck_ok(c, stego_embed(c, STEGO_LSB, &keys, &base, &p, &i));
	ck_ok(c, stego_embed(c, STEGO_LSB, &keys, &base, &other, &second));
	ck_assert(image_psnr(&base, &i) >= 50);
	for (size_t k = 0; k < n; k++) {
		ck_assert((i.v[k] & 0xfe) == (base.v[k] & 0xfe));
		ones += i.v[k] & 1;
		differ += (i.v[k] ^ second.v[k]) & 1;
	}
	ck_assert(fabs((double)ones - (double)n / 2) < bar);
	ck_assert(fabs((double)differ - (double)n / 2) < bar);
}
END_TEST

START_TEST(names_are_known)
{
	ck_assert_str_eq(stego_carrier_name(STEGO_LSB), "lsb");
	ck_assert_str_eq(stego_carrier_name(STEGO_DCT), "dct");
	for (enum stego_found f = STEGO_NONE; f <= STEGO_FOUND; f++)
		ck_assert_ptr_nonnull(stego_found_name(f));
}
END_TEST

MAIN("stego", ONE(checksum_is_fixed), ONE(codes_are_fixed), ONE(words_are_mended),
    ONE(digests_and_macs_are_fixed), ONE(payload_is_fixed), ONE(digests_tell_pictures_apart),
    ONE(releases_have_short_ids), ONE(keys_follow_from_the_secret), ONE(orders_are_even),
    EACH(payloads_come_back, sizes), ONE(the_picture_says_the_rest),
    EACH(times_have_limits, no_times), ONE(only_the_lowest_bits_change), ONE(names_are_known))
