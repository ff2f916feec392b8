/*
 * Sealed values: the vectors of AES-GCM and of key wrap, round trips, and then damage, of which
 * every bit and every cut is tried.
 */
#include "test.h"

#include "parts.h"

static struct str
hex(struct ctx *c, const char *text)
{
	size_t n = strlen(text) / 2;
	char *p = take(c, n + 1);

	ck_ok(c, hex_decode(c, str_of(text), p, n));
	return (struct str){ p, n };
}

static struct str
noise(struct ctx *c, size_t n)
{
	char *p = take(c, n + 1);

	c->random(p, n);
	return (struct str){ p, n };
}

static struct key256
key(uint8_t first)
{
	return (struct key256){ { first, 1, 2, 3 } };
}

/* McGrew and Viega's test cases 13 to 16, which NIST took over. */
#define KEY_1516 "feffe9928665731c6d6a8f9467308308feffe9928665731c6d6a8f9467308308"
#define PLAIN_16                                                                       \
	"d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a721c3c0c959568" \
	"09532fcf0e2449a6b525b16aedf5aa0de657ba637b39"
#define BODY_16                                                                        \
	"522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa8cb08e48590d" \
	"bb3da7b08b1056828838c5f61e6393ba7a0abcc9f662"
static const struct {
	const char *key, *nonce, *aad, *plain, *sealed;
} gcm_cases[] = {
	{ "0000000000000000000000000000000000000000000000000000000000000000",
	    "000000000000000000000000", "", "", "530f8afbc74536b9a963b4f1c4cb738b" },
	{ "0000000000000000000000000000000000000000000000000000000000000000",
	    "000000000000000000000000", "", "00000000000000000000000000000000",
	    "cea7403d4d606b6e074ec5d3baf39d18d0d1c8a799996bf0265b98b5d48ab919" },
	{ KEY_1516, "cafebabefacedbaddecaf888", "", PLAIN_16 "1aafd255",
	    BODY_16 "898015adb094dac5d93471bdec1a502270e3cc6c" },
	{ KEY_1516, "cafebabefacedbaddecaf888", "feedfacedeadbeeffeedfacedeadbeefabaddad2",
	    PLAIN_16, BODY_16 "76fc6ece0f4e1768cddf8853bb2d551b" },
};

START_TEST(gcm_vectors)
{
	struct ctx *c = test_ctx();
	struct str k = hex(c, gcm_cases[_i].key), nonce = hex(c, gcm_cases[_i].nonce);
	struct str aad = hex(c, gcm_cases[_i].aad), plain = hex(c, gcm_cases[_i].plain);
	struct str want = hex(c, gcm_cases[_i].sealed);
	struct key256 key256;
	uint8_t out[128];

	memcpy(key256.b, k.p, sizeof key256.b);
	ck_ok(c, gcm_seal(c, &key256, (const uint8_t *)nonce.p, aad, plain, out));
	ck_assert(secret_same((struct str){ (char *)out, plain.n + GCM_TAG }, want));
	ck_ok(c, gcm_open(c, &key256, (const uint8_t *)nonce.p, aad, want, out));
	ck_assert(secret_same((struct str){ (char *)out, plain.n }, plain));
}
END_TEST

/* RFC 3394, 4.6: 256 bits of key data under a key of 256 bits. */
START_TEST(wrap_vector)
{
	struct ctx *c = test_ctx();
	struct str kek = hex(
	    c, "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f");
	struct str data = hex(
	    c, "00112233445566778899aabbccddeeff000102030405060708090a0b0c0d0e0f");
	struct str want = hex(c,
	    "28c9f404c4b810f4cbccb35cfb87f8263f5786e2d80ed326cbc7f0e71a99f43bfb988b9b7a02dd21");
	struct key256 k, d, back;
	char out[WRAPPED_KEY];

	memcpy(k.b, kek.p, sizeof k.b);
	memcpy(d.b, data.p, sizeof d.b);
	ck_ok(c, key_wrap(c, &k, &d, (uint8_t *)out));
	ck_assert(secret_same((struct str){ out, sizeof out }, want));
	ck_ok(c, key_unwrap(c, &k, want, &back));
	ck_assert(key256_same(&d, &back));
	for (size_t bit = 0; bit < 8 * sizeof out; bit++) {
		out[bit / 8] ^= (char)(1 << bit % 8);
		ck_fails(
		    c, E_INTEGRITY, key_unwrap(c, &k, (struct str){ out, sizeof out }, &back));
		out[bit / 8] ^= (char)(1 << bit % 8);
	}
	ck_fails(c, E_INTEGRITY, key_unwrap(c, &k, (struct str){ out, 32 }, &back));
}
END_TEST

static struct buf
sealed_value(struct ctx *c, const struct key256 *k, struct str aad, struct str plain)
{
	struct buf b;

	ck_ok(c, take_buf(c, plain.n + SEAL_OVERHEAD, &b));
	ck_ok(c, seal(c, k, aad, plain, &b));
	ck_assert_int_eq(b.n, plain.n + SEAL_OVERHEAD);
	return b;
}

START_TEST(values_open_again)
{
	static const size_t sizes[] = { 0, 1, 15, 16, 17, 64, 4096, 100000 };
	struct ctx *c = test_ctx();
	struct key256 k = key(1);

	for (size_t i = 0; i < COUNT(sizes); i++) {
		struct str plain = noise(c, sizes[i]), back;
		struct buf one = sealed_value(c, &k, STR("row"), plain);
		struct buf two = sealed_value(c, &k, STR("row"), plain);

		ck_ok(c, unseal(c, &k, STR("row"), buf_str(&one), &back));
		ck_assert(secret_same(back, plain));
		ck_assert(!secret_same(buf_str(&one), buf_str(&two)));
	}
}
END_TEST

START_TEST(values_refuse_every_damage)
{
	struct ctx *c = test_ctx();
	struct key256 k = key(1), other = key(2), back;
	struct buf b = sealed_value(
	    c, &k, STR("row 1"), (struct str){ (char *)other.b, sizeof other.b });
	struct str plain, s = buf_str(&b);

	ck_ok(c, key256_unseal(c, &k, STR("row 1"), s, &back));
	ck_assert(key256_same(&back, &other));
	ck_fails(c, E_INTEGRITY, unseal(c, &k, STR("row 2"), s, &plain));
	ck_fails(c, E_INTEGRITY, unseal(c, &k, STR(""), s, &plain));
	ck_fails(c, E_INTEGRITY, unseal(c, &other, STR("row 1"), s, &plain));
	for (size_t bit = 0; bit < 8 * b.n; bit++) {
		b.p[bit / 8] ^= (char)(1 << bit % 8);
		ck_fails(c, E_INTEGRITY, unseal(c, &k, STR("row 1"), s, &plain));
		ck_fails(c, E_INTEGRITY, key256_unseal(c, &k, STR("row 1"), s, &back));
		b.p[bit / 8] ^= (char)(1 << bit % 8);
	}
	for (size_t n = 0; n < b.n; n++) {
		ck_fails(c, E_INTEGRITY,
		    unseal(c, &k, STR("row 1"), (struct str){ b.p, n }, &plain));
		ck_fails(c, E_INTEGRITY,
		    key256_unseal(c, &k, STR("row 1"), (struct str){ b.p, n }, &back));
	}
	ck_ok(c, unseal(c, &k, STR("row 1"), s, &plain));
}
END_TEST

START_TEST(a_value_that_does_not_fit_is_not_cut)
{
	struct ctx *c = test_ctx();
	struct key256 k = key(1);
	char room[SEAL_OVERHEAD + 9];
	struct buf b = BUF(room);

	ck_fails(c, E_LIMIT, seal(c, &k, STR(""), STR("0123456789"), &b));
	ck_assert(b.full);
}
END_TEST

MAIN("crypto_seal", EACH(gcm_vectors, gcm_cases), ONE(wrap_vector), ONE(values_open_again),
    ONE(values_refuse_every_damage), ONE(a_value_that_does_not_fit_is_not_cut))
