/*
 * Digests, derived keys, passphrases and the audit's chain, against the vectors of the RFCs that
 * define them. The other concerns of the module have programs of their own: crypto_seal,
 * crypto_shares, crypto_jose, crypto_hostile.
 */
#include "test.h"

#include <pthread.h>

#include "parts.h"

/* The bytes of a literal in hexadecimal. */
static struct str
hex(struct ctx *c, const char *text)
{
	size_t n = strlen(text) / 2;
	char *p = take(c, n + 1);

	ck_ok(c, hex_decode(c, str_of(text), p, n));
	return (struct str){ p, n };
}

/* `n` times the same byte. */
static struct str
repeat(struct ctx *c, char byte, size_t n)
{
	char *p = take(c, n + 1);

	memset(p, byte, n);
	return (struct str){ p, n };
}

static void
check_bytes(const void *got, size_t n, const char *want)
{
	char text[512];
	struct buf b = BUF(text);

	hex_put(&b, got, n);
	ck_assert_int_eq(b.n, strlen(want));
	buf_char(&b, '\0');
	ck_assert_str_eq(text, want);
}

/* FIPS 180-4's examples. */
static const struct {
	struct str message;
	const char *digest;
} sha_cases[] = {
	{ { "", 0 }, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855" },
	{ { NULL, 0 }, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855" },
	{ { "abc", 3 }, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad" },
	{ { "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq", 56 },
	    "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1" },
};

START_TEST(sha256_vectors)
{
	struct ctx *c = test_ctx();
	struct str s = sha_cases[_i].message;
	struct digest256 d;

	ck_ok(c, sha256(c, s, &d));
	check_bytes(d.b, sizeof d.b, sha_cases[_i].digest);
	for (size_t cut = 0; cut <= s.n; cut++) {
		struct str part[] = { { s.p, cut },
			{ s.p == NULL ? NULL : s.p + cut, s.n - cut } };

		ck_ok(c, sha256_parts(c, part, 2, &d));
		check_bytes(d.b, sizeof d.b, sha_cases[_i].digest);
	}
}
END_TEST

START_TEST(sha256_by_and_by)
{
	struct ctx *c = test_ctx();
	owned(sha256_done) struct sha256 h = { 0 };
	struct str thousand = repeat(c, 'a', 1000);
	struct digest256 d;

	for (int round = 0; round < 3; round++) {
		ck_ok(c, sha256_init(c, &h));
		for (int i = 0; i < 1000; i++)
			sha256_add(&h, thousand);
		ck_ok(c, sha256_end(c, &h, &d));
		check_bytes(d.b, sizeof d.b,
		    "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
	}
	sha256_done(&h);
	sha256_add(&h, thousand);
	ck_fails(c, E_CRYPTO, sha256_end(c, &h, &d));
}
END_TEST

/* RFC 4231, section 4; case 5 is about truncation. Keys and messages in hexadecimal. */
static const struct {
	char key_byte;
	size_t key_n;
	const char *key, *message, *tag;
} hmac_cases[] = {
	{ 0x0b, 20, NULL, "4869205468657265",
	    "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7" },
	{ 0, 0, "4a656665", "7768617420646f2079612077616e7420666f72206e6f7468696e673f",
	    "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843" },
	{ (char)0xaa, 20, NULL,
	    "dddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddd"
	    "dddddddddddddddddd",
	    "773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe" },
	{ 0, 0, "0102030405060708090a0b0c0d0e0f10111213141516171819",
	    "cdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcd"
	    "cdcdcdcdcdcdcdcdcd",
	    "82558a389a443c0ea4cc819899f2083a85f0faa3e578f8077a2e3ff46729665b" },
	{ (char)0xaa, 131, NULL,
	    "54657374205573696e67204c6172676572205468616e20426c6f636b2d53697a65204b6579202d2048"
	    "617368204b6579204669727374",
	    "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54" },
	{ (char)0xaa, 131, NULL,
	    "5468697320697320612074657374207573696e672061206c6172676572207468616e20626c6f636b2d"
	    "73697a65206b657920616e642061206c6172676572207468616e20626c6f636b2d73697a6520646174"
	    "612e20546865206b6579206e6565647320746f20626520686173686564206265666f7265206265696e"
	    "6720757365642062792074686520484d414320616c676f726974686d2e",
	    "9b09ffa71b942fcb27635fbcd5b0e944bfdc63644f0713938a7f51535c3a35e2" },
};

START_TEST(hmac_vectors)
{
	struct ctx *c = test_ctx();
	struct str key = hmac_cases[_i].key == NULL
	    ? repeat(c, hmac_cases[_i].key_byte, hmac_cases[_i].key_n)
	    : hex(c, hmac_cases[_i].key);
	struct digest256 d;

	for (int again = 0; again < 2; again++) {
		ck_ok(c, hmac_sha256(c, key, hex(c, hmac_cases[_i].message), &d));
		check_bytes(d.b, sizeof d.b, hmac_cases[_i].tag);
	}
}
END_TEST

/* RFC 5869, appendix A, the SHA-256 cases. */
static const struct {
	const char *key, *salt, *info, *out;
} hkdf_cases[] = {
	{ "0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b", "000102030405060708090a0b0c",
	    "f0f1f2f3f4f5f6f7f8f9",
	    "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b887185865" },
	{ "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f20212223242526272829"
	  "2a2b2c2d2e2f303132333435363738393a3b3c3d3e3f404142434445464748494a4b4c4d4e4f",
	    "606162636465666768696a6b6c6d6e6f707172737475767778797a7b7c7d7e7f80818283848586878889"
	    "8a8b8c8d8e8f909192939495969798999a9b9c9d9e9fa0a1a2a3a4a5a6a7a8a9aaabacadaeaf",
	    "b0b1b2b3b4b5b6b7b8b9babbbcbdbebfc0c1c2c3c4c5c6c7c8c9cacbcccdcecfd0d1d2d3d4d5d6d7d8d9"
	    "dadbdcdddedfe0e1e2e3e4e5e6e7e8e9eaebecedeeeff0f1f2f3f4f5f6f7f8f9fafbfcfdfeff",
	    "b11e398dc80327a1c8e7f78c596a49344f012eda2d4efad8a050cc4c19afa97c59045a99cac7827271cb"
	    "41c65e590e09da3275600c2f09b8367793a9aca3db71cc30c58179ec3e87c14c01d5c1f3434f1d87" },
	{ "0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b", "", "",
	    "8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d9d201395faa4b61a96c8" },
};

START_TEST(hkdf_vectors)
{
	struct ctx *c = test_ctx();
	struct str key = hex(c, hkdf_cases[_i].key), salt = hex(c, hkdf_cases[_i].salt);
	struct str info = hex(c, hkdf_cases[_i].info);
	size_t n = strlen(hkdf_cases[_i].out) / 2;
	struct str halves[] = { { info.p, info.n / 2 },
		{ info.p + info.n / 2, info.n - info.n / 2 } };
	uint8_t out[128];
	struct key256 k;

	ck_ok(c, hkdf_bytes(c, key, salt, halves, 2, out, n));
	check_bytes(out, n, hkdf_cases[_i].out);
	ck_ok(c, hkdf_sha256(c, key, salt, info, &k));
	ck_assert(secret_same(
	    (struct str){ (char *)k.b, sizeof k.b }, (struct str){ (char *)out, sizeof k.b }));
}
END_TEST

/* RFC 7914, section 12: the first 32 bytes are the same for every output length. */
static const struct {
	struct scrypt with;
	struct str passphrase;
	const char *key;
} scrypt_cases[] = {
	{ { 4, 1, 1, 0, { 0 } }, { "", 0 },
	    "77d6576238657b203b19ca42c18a0497f16b4844e3074ae8dfdffa3fede21442" },
	{ { 10, 8, 16, 4, "NaCl" }, { "password", 8 },
	    "fdbabe1c9d3472007856e7190d01e9fe7c6ad7cbc8237830e77376634b373162" },
	{ { 14, 8, 1, 14, "SodiumChloride" }, { "pleaseletmein", 13 },
	    "7023bdcb3afd7348461c06cd81fd38ebfda8fbba904f8e3ea9b543f6545da1f2" },
};

START_TEST(scrypt_vectors)
{
	struct ctx *c = test_ctx();
	struct key256 k;

	ck_ok(c, scrypt_key(c, &scrypt_cases[_i].with, scrypt_cases[_i].passphrase, &k));
	check_bytes(k.b, sizeof k.b, scrypt_cases[_i].key);
}
END_TEST

START_TEST(scrypt_is_stored_as_text)
{
	struct ctx *c = test_ctx();
	struct scrypt s = scrypt_new(c), back;
	char text[96];
	struct buf b = BUF(text);
	struct key256 one, two;

	scrypt_put(&b, &s);
	ck_ok(c, buf_ok(c, &b));
	ck_ok(c, scrypt_parse(c, buf_str(&b), &back));
	ck_ok(c, scrypt_key(c, &s, STR("correct horse"), &one));
	ck_ok(c, scrypt_key(c, &back, STR("correct horse"), &two));
	ck_assert(key256_same(&one, &two));
	ck_ok(c, scrypt_key(c, &back, STR("correct Horse"), &two));
	ck_assert(!key256_same(&one, &two));
}
END_TEST

/* Too weak, too costly, or not the form at all. */
static const char *const bad_scrypt[] = {
	"",
	"scrypt",
	"scrypt-17-8-1",
	"scrypt-17-8-1-",
	"scrypt-14-8-1-AAAAAAAAAAAAAAAAAAAAAA",
	"scrypt-21-8-1-AAAAAAAAAAAAAAAAAAAAAA",
	"scrypt-17-7-1-AAAAAAAAAAAAAAAAAAAAAA",
	"scrypt-17-17-1-AAAAAAAAAAAAAAAAAAAAAA",
	"scrypt-17-8-0-AAAAAAAAAAAAAAAAAAAAAA",
	"scrypt-17-8-5-AAAAAAAAAAAAAAAAAAAAAA",
	"scrypt-017-8-1-AAAAAAAAAAAAAAAAAAAAAA",
	"scrypt-17-8-1-AAAAAAAAAAAAAAAAAAAA",
	"scrypt-17-8-1-AAAAAAAAAAAAAAAAAAAAAB",
	"scrypt-17-8-1-AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
	"Scrypt-17-8-1-AAAAAAAAAAAAAAAAAAAAAA",
};

START_TEST(scrypt_refuses)
{
	struct ctx *c = test_ctx();
	struct scrypt s;

	ck_fails(c, E_INPUT, scrypt_parse(c, str_of(bad_scrypt[_i]), &s));
}
END_TEST

START_TEST(chain_is_a_fixed_format)
{
	struct ctx *c = test_ctx();
	struct str fields[] = { STR("token.create"), STR(""), STR("vnd_1") };
	struct digest256 d = { 0 };

	ck_ok(c, chain_next(c, &d, fields, COUNT(fields), &d));
	check_bytes(d.b, sizeof d.b,
	    "9804d62df74cd1859356b05b5a27af3110be995ba3ba0c39292d721b5e49ba7d");
	ck_ok(c, chain_next(c, &d, NULL, 0, &d));
	check_bytes(d.b, sizeof d.b,
	    "2bc637fce95e76273ab2fbb31d792d1dbf014d6acfb1f185f4f8a042443517f7");
}
END_TEST

/* Lists that a plain concatenation would confuse. */
START_TEST(chain_is_unambiguous)
{
	static const struct {
		struct str field[3];
		size_t n;
	} lists[] = {
		{ { { "ab", 2 }, { "c", 1 } }, 2 },
		{ { { "a", 1 }, { "bc", 2 } }, 2 },
		{ { { "abc", 3 } }, 1 },
		{ { { "abc", 3 }, { "", 0 } }, 2 },
		{ { { "", 0 }, { "abc", 3 } }, 2 },
		{ { { "", 0 } }, 1 },
		{ { { "", 0 }, { "", 0 } }, 2 },
		{ { { "", 0 } }, 0 },
	};
	struct ctx *c = test_ctx();
	struct digest256 d[COUNT(lists)], zero = { 0 };

	for (size_t i = 0; i < COUNT(lists); i++) {
		ck_ok(c, chain_next(c, &zero, lists[i].field, lists[i].n, &d[i]));
		for (size_t j = 0; j < i; j++)
			ck_assert(!digest256_same(&d[i], &d[j]));
	}
	ck_ok(c, chain_next(c, &d[0], lists[0].field, lists[0].n, &d[1]));
	ck_assert(!digest256_same(&d[0], &d[1]));
}
END_TEST

static void *
hash_and_end(void *unused)
{
	struct ctx c = { .random = os_random, .now = clock_now };
	struct digest256 d;
	bool ok = true;

	for (int i = 0; ok && i < 1000; i++)
		ok = sha256(&c, STR("abc"), &d) && d.b[0] == 0xba &&
		    hmac_sha256(&c, STR("Jefe"), STR("what do ya want for nothing?"), &d) &&
		    d.b[0] == 0x5b;
	return ok ? unused : NULL;
}

/* First use at once in several threads; their contexts go with them. */
START_TEST(threads_have_their_own_tools)
{
	pthread_t thread[8];
	void *ok;

	for (size_t i = 0; i < COUNT(thread); i++)
		ck_assert_int_eq(pthread_create(&thread[i], NULL, hash_and_end, thread), 0);
	for (size_t i = 0; i < COUNT(thread); i++) {
		ck_assert_int_eq(pthread_join(thread[i], &ok), 0);
		ck_assert_ptr_nonnull(ok);
	}
}
END_TEST

START_TEST(comparisons)
{
	struct key256 a = { { 1 } }, b = a;

	ck_assert(key256_same(&a, &b));
	for (size_t bit = 0; bit < 256; bit++) {
		b = a;
		b.b[bit / 8] ^= (uint8_t)(1 << bit % 8);
		ck_assert(!key256_same(&a, &b));
	}
	ck_assert(secret_same(STR("token"), STR("token")));
	ck_assert(!secret_same(STR("token"), STR("tokem")));
	ck_assert(!secret_same(STR("token"), STR("tokens")));
	ck_assert(secret_same(STR(""), (struct str){ NULL, 0 }));
	key256_done(&a);
	ck_assert(key256_same(&a, &(struct key256){ { 0 } }));
}
END_TEST

MAIN("crypto", EACH(sha256_vectors, sha_cases), ONE(sha256_by_and_by),
    EACH(hmac_vectors, hmac_cases), EACH(hkdf_vectors, hkdf_cases),
    EACH(scrypt_vectors, scrypt_cases), ONE(scrypt_is_stored_as_text),
    EACH(scrypt_refuses, bad_scrypt), ONE(chain_is_a_fixed_format), ONE(chain_is_unambiguous),
    ONE(threads_have_their_own_tools), ONE(comparisons))
