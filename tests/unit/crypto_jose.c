/*
 * P-256 keys, JWS and JWE against the examples of their RFCs, and round trips. What is refused is
 * the business of crypto_hostile; what other implementations make of it that of tests/interop.
 */
#include "test.h"

#include "parts.h"

static struct str
bytes(struct ctx *c, const char *base64url)
{
	struct str s;

	ck_ok(c, base64url_decode(c, str_of(base64url), &s));
	return s;
}

static struct ec_key *
private_key(struct ctx *c, const char *d)
{
	struct str s = bytes(c, d);
	struct ec_key *k = NULL;
	struct key256 secret;

	ck_assert_int_eq(s.n, sizeof secret.b);
	memcpy(secret.b, s.p, sizeof secret.b);
	ck_ok(c, ec_key_from_secret(c, &secret, &k));
	return k;
}

static struct ec_key *
fresh_key(struct ctx *c)
{
	struct ec_key *k = NULL;

	ck_ok(c, ec_key_generate(c, &k));
	return k;
}

static void
check_base64url(const void *got, size_t n, const char *want)
{
	char text[256];
	struct buf b = BUF(text);

	base64url_put(&b, got, n);
	buf_char(&b, '\0');
	ck_assert(!b.full);
	ck_assert_str_eq(text, want);
}

/* ---- Keys -------------------------------------------------------------------------------- */

/* RFC 7515, A.3; RFC 7518, appendix C; RFC 9449, 4.1 with 6.1. */
#define A3_JWK                                                                                     \
	"{\"crv\":\"P-256\",\"kty\":\"EC\",\"x\":\"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU\"," \
	"\"y\":\"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0\"}"
#define A3_SECRET "jpsQnnGQmL-YBIffH1136cspYG6-0iY7X1fCE9-E9LI"
#define DPOP_JWK                                                                  \
	"{\"kty\":\"EC\", \"x\":\"l8tFrhx-34tV3hRICRDY9zCkDlpBhF42UQUfWVAWBFs\"," \
	"\"y\":\"9VE4jf_Ok_o64zbTTlcuNJajHmt6v9TDVrU0CdvGRDA\", \"crv\":\"P-256\"}"

START_TEST(a_secret_gives_its_point)
{
	struct ctx *c = test_ctx();
	owned(ec_key_free) struct ec_key *k = private_key(c, A3_SECRET), *public = NULL;
	char text[JWK_MAX];
	struct buf b = BUF(text);
	struct key256 secret;

	ec_key_to_jwk(&b, k);
	ck_str(buf_str(&b), A3_JWK);
	ck_ok(c, ec_key_to_secret(c, k, &secret));
	check_base64url(secret.b, sizeof secret.b, A3_SECRET);
	ck_assert(ec_key_is_private(k));
	ck_ok(c, ec_key_public(c, k, &public));
	ck_assert(!ec_key_is_private(public));
	b.n = 0;
	ec_key_to_jwk(&b, public);
	ck_str(buf_str(&b), A3_JWK);
	ck_fails(c, E_INTERNAL, ec_key_to_secret(c, public, &secret));
	ec_key_free(&public);
}
END_TEST

START_TEST(thumbprints)
{
	struct ctx *c = test_ctx();
	owned(ec_key_free) struct ec_key *k = NULL;
	struct digest256 d;

	ck_ok(c, ec_key_from_jwk(c, STR(DPOP_JWK), &k));
	d = ec_key_thumbprint(k);
	check_base64url(d.b, sizeof d.b, "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I");
}
END_TEST

/* The border of what is a scalar of P-256: its order, SEC 2, 2.4.2. */
static const struct {
	const char *d;
	enum err_code want;
} scalars[] = {
	{ "0000000000000000000000000000000000000000000000000000000000000000", E_INPUT },
	{ "0000000000000000000000000000000000000000000000000000000000000001", E_NONE },
	{ "ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632550", E_NONE },
	{ "ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551", E_INPUT },
	{ "ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff", E_INPUT },
};

START_TEST(only_scalars)
{
	struct ctx *c = test_ctx();
	owned(ec_key_free) struct ec_key *k = NULL;
	struct key256 d, back;

	ck_ok(c, hex_decode(c, str_of(scalars[_i].d), d.b, sizeof d.b));
	if (scalars[_i].want != E_NONE) {
		ck_fails(c, scalars[_i].want, ec_key_from_secret(c, &d, &k));
		return;
	}
	ck_ok(c, ec_key_from_secret(c, &d, &k));
	ck_ok(c, ec_key_to_secret(c, k, &back));
	ck_assert(key256_same(&d, &back));
}
END_TEST

#define X "\"x\":\"l8tFrhx-34tV3hRICRDY9zCkDlpBhF42UQUfWVAWBFs\","
#define Y "\"y\":\"9VE4jf_Ok_o64zbTTlcuNJajHmt6v9TDVrU0CdvGRDA\""
static const struct {
	const char *json;
	enum err_code want;
} jwks[] = {
	{ "{\"kty\":\"EC\",\"crv\":\"P-256\"," X Y "}", E_NONE },
	{ "{\"kty\":\"EC\",\"crv\":\"P-256\"," X Y
	  ",\"kid\":\"a\",\"use\":\"sig\",\"alg\":\"ES256\","
	  "\"key_ops\":[\"verify\"],\"ext\":true}",
	    E_NONE },
	{ "", E_JSON },
	{ "[]", E_JSON },
	{ "{\"kty\":\"EC\",\"crv\":\"P-256\"," X Y "} ]", E_JSON },
	{ "{\"kty\":\"EC\",\"crv\":\"P-256\"," X X Y "}", E_JSON },
	{ "{\"kty\":\"EC\",\"crv\":\"P-256\"," X "\"y\":\"\"}", E_INPUT },
	{ "{\"kty\":\"EC\",\"crv\":\"P-256\"," Y "}", E_INPUT },
	{ "{\"kty\":\"EC\",\"crv\":\"P-384\"," X Y "}", E_INPUT },
	{ "{\"kty\":\"OKP\",\"crv\":\"P-256\"," X Y "}", E_INPUT },
	{ "{\"kty\":\"EC\",\"crv\":\"P-256\"," X Y ",\"d\":\"AA\"}", E_INPUT },
	{ "{\"kty\":\"EC\",\"crv\":\"P-256\"," X Y ",\"d\":\"\"}", E_INPUT },
	{ "{\"kty\":\"EC\",\"crv\":\"P-256\"," X Y ",\"x5u\":\"https://a\"}", E_FIELD },
	/* Not on the curve; a byte less; a byte more before, and after; padded; zero. */
	{ "{\"kty\":\"EC\",\"crv\":\"P-256\"," X
	  "\"y\":\"9VE4jf_Ok_o64zbTTlcuNJajHmt6v9TDVrU0CdvGRDE\"}",
	    E_INPUT },
	{ "{\"kty\":\"EC\",\"crv\":\"P-256\"," X
	  "\"y\":\"9VE4jf_Ok_o64zbTTlcuNJajHmt6v9TDVrU0CdvGRA\"}",
	    E_INPUT },
	{ "{\"kty\":\"EC\",\"crv\":\"P-256\"," X
	  "\"y\":\"APVROI3_zpP6OuM2005XLjSWox5rer_Uw1a1NAnbxkQw\"}",
	    E_INPUT },
	{ "{\"kty\":\"EC\",\"crv\":\"P-256\"," X
	  "\"y\":\"9VE4jf_Ok_o64zbTTlcuNJajHmt6v9TDVrU0CdvGRDAA\"}",
	    E_INPUT },
	{ "{\"kty\":\"EC\",\"crv\":\"P-256\"," X
	  "\"y\":\"9VE4jf_Ok_o64zbTTlcuNJajHmt6v9TDVrU0CdvGRDA=\"}",
	    E_INPUT },
	{ "{\"kty\":\"EC\",\"crv\":\"P-256\",\"x\":\"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\","
	  "\"y\":\"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\"}",
	    E_INPUT },
};

START_TEST(jwk_is_strict)
{
	struct ctx *c = test_ctx();
	owned(ec_key_free) struct ec_key *k = NULL;

	if (jwks[_i].want == E_NONE)
		ck_ok(c, ec_key_from_jwk(c, str_of(jwks[_i].json), &k));
	else
		ck_fails(c, jwks[_i].want, ec_key_from_jwk(c, str_of(jwks[_i].json), &k));
}
END_TEST

/* ---- JWS --------------------------------------------------------------------------------- */

START_TEST(rfc7515_example)
{
	struct ctx *c = test_ctx();
	owned(ec_key_free) struct ec_key *k = NULL;
	struct str payload;
	struct jose_header h;

	ck_ok(c, ec_key_from_jwk(c, STR(A3_JWK), &k));
	ck_ok(c,
	    jws_verify(c, k, STR(""),
		STR("eyJhbGciOiJFUzI1NiJ9."
		    "eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvb"
		    "S9pc19yb290Ijp0cnVlfQ."
		    "DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJ"
		    "qPP3-Kg6NU1Q"),
		&h, &payload));
	ck_str(payload,
	    "{\"iss\":\"joe\",\r\n \"exp\":1300819380,\r\n \"http://example.com/is_root\":true}");
}
END_TEST

START_TEST(signatures_verify)
{
	struct ctx *c = test_ctx();
	owned(ec_key_free) struct ec_key *k = fresh_key(c);
	owned(ec_key_free) struct ec_key *other = fresh_key(c);
	char *big = take(c, 100000);
	struct str payloads[] = { STR(""), STR("{}"), { big, 100000 } }, got;
	struct jose_header h;

	for (size_t i = 0; i < COUNT(payloads); i++) {
		struct buf b;

		ck_ok(c, take_buf(c, jws_size(payloads[i].n), &b));
		ck_ok(c, jws_sign(c, k, STR("a+jwt"), STR("key \"1\""), payloads[i], &b));
		ck_ok(c, jws_verify(c, k, STR("a+jwt"), buf_str(&b), &h, &got));
		ck_assert(str_same(got, payloads[i]));
		ck_str(h.typ, "a+jwt");
		ck_str(h.kid, "key \"1\"");
		ck_fails(c, E_INPUT, jws_verify(c, k, STR("b+jwt"), buf_str(&b), &h, &got));
		ck_fails(c, E_INPUT, jws_verify(c, k, STR(""), buf_str(&b), &h, &got));
		ck_fails(
		    c, E_INTEGRITY, jws_verify(c, other, STR("a+jwt"), buf_str(&b), &h, &got));
		ck_fails(c, E_INPUT, jwe_decrypt(c, k, STR("a+jwt"), buf_str(&b), &h, &got));
		ck_ok(c, jose_peek(c, buf_str(&b), STR("ES256"), &h));
		ck_str(h.kid, "key \"1\"");
	}
}
END_TEST

START_TEST(signing_refuses)
{
	struct ctx *c = test_ctx();
	owned(ec_key_free) struct ec_key *k = fresh_key(c);
	owned(ec_key_free) struct ec_key *public = NULL;
	char room[64], wide[8192], *kid = take(c, JOSE_HEADER_MAX);
	struct buf small = BUF(room), b = BUF(wide);

	ck_ok(c, ec_key_public(c, k, &public));
	ck_fails(c, E_INTERNAL, jws_sign(c, public, STR("t"), STR("k"), STR("p"), &b));
	ck_fails(c, E_LIMIT, jws_sign(c, k, STR("t"), STR("k"), STR("p"), &small));
	ck_fails(c, E_INPUT, jws_sign(c, k, STR("t\n"), STR("k"), STR("p"), &b));
	memset(kid, 'k', JOSE_HEADER_MAX);
	b.n = 0;
	ck_fails(c, E_LIMIT,
	    jws_sign(c, k, STR("t"), (struct str){ kid, JOSE_HEADER_MAX }, STR("p"), &b));
}
END_TEST

/* ---- JWE --------------------------------------------------------------------------------- */

/* RFC 7518, appendix C: the agreement and the key derivation (there for A128GCM). */
START_TEST(rfc7518_example)
{
	struct ctx *c = test_ctx();
	owned(ec_key_free) struct ec_key *alice = private_key(
	    c, "0_NxaRPUMQoAJt50Gz8YiTr8gRTwyEaCumd-MToTmIo");
	owned(ec_key_free) struct ec_key *bob = private_key(
	    c, "VEmDZpDXXK8p8N0Cndsxs924q6nS1RXFASRl6BfUqdw");
	struct key256 z, want, k;

	ck_ok(c,
	    hex_decode(c,
		STR("9e56d91d817135d372834283bf84269cfb316ea3da806a48f6daa7798cfe90c4"), want.b,
		sizeof want.b));
	ck_ok(c, ec_agree(c, alice, bob, &z));
	ck_assert(key256_same(&z, &want));
	ck_ok(c, ec_agree(c, bob, alice, &z));
	ck_assert(key256_same(&z, &want));
	ck_ok(c, concat_kdf(c, &z, STR("A128GCM"), STR("Alice"), STR("Bob"), 128, &k));
	check_base64url(k.b, 16, "VqqN6vgjbSBcIijNcacQGg");
}
END_TEST

/* RFC 7516, A.1: the content encryption A256GCM (the key there comes by RSA). */
START_TEST(rfc7516_example)
{
	struct ctx *c = test_ctx();
	struct str cek = bytes(c, "saH0gFSP4XM_tAP_a5rU9ooHbltwLiJpL4LLLnrqQPw");
	struct str nonce = bytes(c, "48V1_ALb6US04U3b");
	struct str want = bytes(c,
	    "5eym8TW_c8SuK0ltJ3rpYIzOeDQz7TALvtu6UG9oMo4vpzs9tX_EFShS8iB7j6jiSdiwkIr3ajwQzaBtQD_"
	    "A");
	struct str aad = STR("eyJhbGciOiJSU0EtT0FFUCIsImVuYyI6IkEyNTZHQ00ifQ");
	struct str plain = STR(
	    "The true sign of intelligence is not knowledge but imagination.");
	struct key256 k;
	uint8_t out[128];

	memcpy(k.b, cek.p, sizeof k.b);
	ck_ok(c, gcm_seal(c, &k, (const uint8_t *)nonce.p, aad, plain, out));
	ck_assert(secret_same((struct str){ (char *)out, plain.n }, want));
	check_base64url(out + plain.n, GCM_TAG, "XFBoMYUZodetZdvTiFvSkQ");
}
END_TEST

START_TEST(encryptions_open)
{
	struct ctx *c = test_ctx();
	owned(ec_key_free) struct ec_key *k = fresh_key(c);
	owned(ec_key_free) struct ec_key *other = fresh_key(c);
	owned(ec_key_free) struct ec_key *public = NULL;
	const struct jose_member extra[] = { { "lic", STR("lic_1") }, { "art", STR("a\"b") } };
	char *big = take(c, 100000);
	struct str payloads[] = { STR(""), STR("key"), { big, 100000 } }, got;
	struct jose_header h;

	ck_ok(c, ec_key_public(c, k, &public));
	for (size_t i = 0; i < COUNT(payloads); i++) {
		struct buf b;

		ck_ok(c, take_buf(c, jwe_size(payloads[i].n, 20), &b));
		ck_ok(c, jwe_encrypt(c, public, STR("u"), extra, 2, payloads[i], &b));
		ck_ok(c, jwe_decrypt(c, k, STR("u"), buf_str(&b), &h, &got));
		ck_assert(str_same(got, payloads[i]));
		ck_assert(jose_header_text(&h, "lic", &got));
		ck_str(got, "lic_1");
		ck_assert(jose_header_text(&h, "art", &got));
		ck_str(got, "a\"b");
		ck_assert(!jose_header_text(&h, "epk", &got));
		ck_fails(c, E_INPUT, jwe_decrypt(c, k, STR("v"), buf_str(&b), &h, &got));
		ck_fails(
		    c, E_INTEGRITY, jwe_decrypt(c, other, STR("u"), buf_str(&b), &h, &got));
		ck_fails(
		    c, E_INTERNAL, jwe_decrypt(c, public, STR("u"), buf_str(&b), &h, &got));
		ck_fails(c, E_INPUT, jws_verify(c, k, STR("u"), buf_str(&b), &h, &got));
	}
}
END_TEST

static const struct jose_member bad_members[][2] = {
	{ { "alg", { "none", 4 } }, { "b", { "", 0 } } },
	{ { "epk", { "x", 1 } }, { "b", { "", 0 } } },
	{ { "kid", { "x", 1 } }, { "b", { "", 0 } } },
	{ { "a", { "1", 1 } }, { "a", { "2", 1 } } },
	{ { "a", { "\n", 1 } }, { "b", { "", 0 } } },
	{ { "a\n", { "", 0 } }, { "b", { "", 0 } } },
	{ { "crit", { "x", 1 } }, { "b", { "", 0 } } },
	{ { "zip", { "DEF", 3 } }, { "b", { "", 0 } } },
};

START_TEST(encrypting_refuses)
{
	struct ctx *c = test_ctx();
	owned(ec_key_free) struct ec_key *k = fresh_key(c);
	struct buf b;

	ck_ok(c, take_buf(c, 4096, &b));
	ck_fails(c, E_INPUT, jwe_encrypt(c, k, STR("u"), bad_members[_i], 2, STR("p"), &b));
}
END_TEST

MAIN("crypto_jose", ONE(a_secret_gives_its_point), ONE(thumbprints),
    EACH(only_scalars, scalars), EACH(jwk_is_strict, jwks), ONE(rfc7515_example),
    ONE(signatures_verify), ONE(signing_refuses), ONE(rfc7518_example), ONE(rfc7516_example),
    ONE(encryptions_open), EACH(encrypting_refuses, bad_members))
