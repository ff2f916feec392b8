/*
 * JOSE objects that somebody else made on purpose. Every header here is properly signed, or its
 * content properly encrypted, by the right key: what is refused is refused for the header alone.
 * Then malformed tokens, and every flipped bit of two good ones.
 */
#include "test.h"

#include <stdio.h>

#include "parts.h"

static struct ec_key *holder; /* whose key verifies and decrypts here */
static struct ec_key *ephemeral;

static void
setup(struct ctx *c)
{
	ck_ok(c, ec_key_generate(c, &holder));
	ck_ok(c, ec_key_generate(c, &ephemeral));
}

static struct str
base64url(struct ctx *c, const void *p, size_t n)
{
	struct buf b;

	ck_ok(c, take_buf(c, n * 2 + 4, &b));
	base64url_put(&b, p, n);
	return buf_str(&b);
}

/* A token with this header and a good signature. */
static struct str
signed_with(struct ctx *c, struct str header)
{
	struct digest256 d;
	uint8_t sig[64];
	struct buf b;

	ck_ok(c, take_buf(c, header.n * 2 + 1024, &b));
	base64url_put(&b, header.p, header.n);
	buf_put(&b, STR(".e30"));
	ck_ok(c, sha256(c, buf_str(&b), &d));
	ck_ok(c, es256_sign(c, holder, &d, sig));
	buf_char(&b, '.');
	base64url_put(&b, sig, sizeof sig);
	ck_ok(c, buf_ok(c, &b));
	return buf_str(&b);
}

/* `text` with the ephemeral key in the place of %EPK%. */
static struct str
with_epk(struct ctx *c, const char *text)
{
	const char *at = strstr(text, "%EPK%");
	struct buf b;

	ck_ok(c, take_buf(c, strlen(text) + JWK_MAX, &b));
	if (at == NULL)
		return str_of(text);
	buf_put(&b, (struct str){ text, (size_t)(at - text) });
	ec_key_to_jwk(&b, ephemeral);
	buf_put(&b, str_of(at + strlen("%EPK%")));
	return buf_str(&b);
}

/* A token with this header and a payload encrypted to the holder. */
static struct str
encrypted_with(struct ctx *c, struct str header)
{
	static const uint8_t nonce[GCM_NONCE];
	struct str aad = base64url(c, header.p, header.n);
	struct key256 z, kek, cek = { { 7 } };
	uint8_t wrapped[WRAPPED_KEY], sealed[2 + GCM_TAG];
	struct buf b;

	ck_ok(c, ec_agree(c, ephemeral, holder, &z));
	ck_ok(c, concat_kdf(c, &z, STR("ECDH-ES+A256KW"), STR(""), STR(""), 256, &kek));
	ck_ok(c, key_wrap(c, &kek, &cek, wrapped));
	ck_ok(c, gcm_seal(c, &cek, nonce, aad, STR("{}"), sealed));
	ck_ok(c, take_buf(c, aad.n + 1024, &b));
	buf_put(&b, aad);
	buf_char(&b, '.');
	base64url_put(&b, wrapped, sizeof wrapped);
	buf_char(&b, '.');
	base64url_put(&b, nonce, sizeof nonce);
	buf_char(&b, '.');
	base64url_put(&b, sealed, 2);
	buf_char(&b, '.');
	base64url_put(&b, sealed + 2, GCM_TAG);
	ck_ok(c, buf_ok(c, &b));
	return buf_str(&b);
}

/* clang-format off */
static const struct {
	const char *header;
	enum err_code want;
} signed_headers[] = {
	{ "{\"alg\":\"ES256\"}",                                    E_NONE },
	{ " {\"alg\" : \"ES256\", \"cty\":\"x\", \"n\":1} ",        E_NONE },
	{ "{\"alg\":\"none\"}",                                     E_INPUT },
	{ "{\"alg\":\"None\"}",                                     E_INPUT },
	{ "{\"alg\":\"\"}",                                         E_INPUT },
	{ "{\"alg\":null}",                                         E_INPUT },
	{ "{\"alg\":[\"ES256\"]}",                                  E_INPUT },
	{ "{\"alg\":{\"ES256\":1}}",                                E_INPUT },
	{ "{\"alg\":\"es256\"}",                                    E_INPUT },
	{ "{\"alg\":\"ES256 \"}",                                   E_INPUT },
	{ "{\"alg\":\"ES256\\u0000\"}",                             E_INPUT },
	{ "{\"alg\":\"HS256\"}",                                    E_INPUT },
	{ "{\"alg\":\"HS512\"}",                                    E_INPUT },
	{ "{\"alg\":\"RS256\"}",                                    E_INPUT },
	{ "{\"alg\":\"ES384\"}",                                    E_INPUT },
	{ "{\"alg\":\"ES256K\"}",                                   E_INPUT },
	{ "{\"alg\":\"EdDSA\"}",                                    E_INPUT },
	{ "{\"alg\":\"ECDH-ES+A256KW\"}",                           E_INPUT },
	{ "{\"typ\":\"JWT\"}",                                      E_INPUT },
	{ "{\"alg\":\"ES256\",\"alg\":\"ES256\"}",                  E_INPUT },
	{ "{\"alg\":\"none\",\"alg\":\"ES256\"}",                   E_INPUT },
	{ "{\"alg\":\"ES256\",\"\\u0061lg\":\"none\"}",             E_INPUT },
	{ "{\"alg\":\"ES256\",\"crit\":[\"exp\"]}",                 E_INPUT },
	{ "{\"alg\":\"ES256\",\"crit\":[]}",                        E_INPUT },
	{ "{\"alg\":\"ES256\",\"crit\":\"exp\"}",                   E_INPUT },
	{ "{\"alg\":\"ES256\",\"jwk\":\"a\"}",                      E_INPUT },
	{ "{\"alg\":\"ES256\",\"b64\":false,\"crit\":[\"b64\"]}",   E_INPUT },
	{ "{\"alg\":\"ES256\",\"b64\":true}",                       E_INPUT },
	{ "{\"alg\":\"ES256\",\"zip\":\"DEF\"}",                    E_INPUT },
	{ "{\"alg\":\"ES256\",\"jwk\":{\"kty\":\"EC\"}}",           E_INPUT },
	{ "{\"alg\":\"ES256\",\"jku\":\"https://a.example/k\"}",    E_INPUT },
	{ "{\"alg\":\"ES256\",\"x5u\":\"https://a.example/k\"}",    E_INPUT },
	{ "{\"alg\":\"ES256\",\"x5c\":[\"AA==\"]}",                 E_INPUT },
	{ "{\"alg\":\"ES256\",\"x5t\":\"AA\"}",                     E_INPUT },
	{ "{\"alg\":\"ES256\",\"x5t#S256\":\"AA\"}",                E_INPUT },
	{ "{\"alg\":\"ES256\",\"typ\":\"other\"}",                  E_INPUT },
	{ "{\"alg\":\"ES256\",\"kid\":\"a\\nb\"}",                  E_INPUT },
	{ "{\"alg\":\"ES256\",\"a\\u0007\":\"b\"}",                 E_INPUT },
	{ "{\"alg\":\"ES256\",\"kid\":\"\xff\"}",                   E_INPUT },
	{ "{\"alg\":\"ES256\",\"a\":{\"b\":{}}}",                   E_INPUT },
	{ "{\"alg\":\"ES256\",\"epk\":{}}",                         E_INPUT },
	{ "{\"alg\":\"ES256\"} {}",                                 E_INPUT },
	{ "{\"alg\":\"ES256\",}",                                   E_INPUT },
	{ "{'alg':'ES256'}",                                        E_INPUT },
	{ "[\"alg\",\"ES256\"]",                                    E_INPUT },
	{ "\"ES256\"",                                              E_INPUT },
	{ "null",                                                   E_INPUT },
	{ "",                                                       E_INPUT },
	{ "\xef\xbb\xbf{\"alg\":\"ES256\"}",                        E_INPUT },
};

#define HEAD "{\"alg\":\"ECDH-ES+A256KW\",\"enc\":\"A256GCM\","
#define EPK "\"epk\":%EPK%"
#define POINT_X "\"x\":\"l8tFrhx-34tV3hRICRDY9zCkDlpBhF42UQUfWVAWBFs\""
static const struct {
	const char *header;
	enum err_code want;
} encrypted_headers[] = {
	{ HEAD EPK "}",                                             E_NONE },
	{ HEAD EPK ",\"cty\":\"x\",\"license\":\"lic_1\"}",         E_NONE },
	{ HEAD EPK ",\"apu\":\"QQ\"}",                              E_INTEGRITY },
	{ HEAD EPK ",\"apv\":\"QQ\"}",                              E_INTEGRITY },
	{ HEAD EPK ",\"apv\":\"Q\"}",                               E_INPUT },
	{ HEAD EPK ",\"zip\":\"DEF\"}",                             E_INPUT },
	{ HEAD EPK ",\"crit\":[\"exp\"]}",                          E_INPUT },
	{ HEAD EPK ",\"jwk\":{\"kty\":\"EC\"}}",                    E_INPUT },
	{ HEAD EPK ",\"x5u\":\"https://a.example/k\"}",             E_INPUT },
	{ HEAD EPK "," EPK "}",                                     E_INPUT },
	{ HEAD EPK ",\"enc\":\"A256GCM\"}",                         E_INPUT },
	{ HEAD "\"kid\":\"a\"}",                                    E_INPUT },
	{ HEAD "\"epk\":\"a\"}",                                    E_INPUT },
	{ HEAD "\"epk\":[]}",                                       E_INPUT },
	{ HEAD "\"epk\":{}}",                                       E_INPUT },
	{ HEAD "\"epk\":{\"kty\":\"EC\",\"crv\":\"P-256\"," POINT_X
	    ",\"y\":\"9VE4jf_Ok_o64zbTTlcuNJajHmt6v9TDVrU0CdvGRDE\"}}", E_INPUT },
	{ HEAD "\"epk\":{\"kty\":\"EC\",\"crv\":\"P-256\"," POINT_X ",\"y\":\"AA\"}}", E_INPUT },
	{ HEAD "\"epk\":{\"kty\":\"EC\",\"crv\":\"P-256\"," POINT_X
	    ",\"y\":\"APVROI3_zpP6OuM2005XLjSWox5rer_Uw1a1NAnbxkQw\"}}", E_INPUT },
	{ HEAD "\"epk\":{\"kty\":\"EC\",\"crv\":\"P-384\"," POINT_X
	    ",\"y\":\"9VE4jf_Ok_o64zbTTlcuNJajHmt6v9TDVrU0CdvGRDA\"}}", E_INPUT },
	{ HEAD "\"epk\":{\"kty\":\"OKP\",\"crv\":\"X25519\"," POINT_X "}}", E_INPUT },
	/* A good point, but not the one that was agreed with. */
	{ HEAD "\"epk\":{\"kty\":\"EC\",\"crv\":\"P-256\"," POINT_X
	    ",\"y\":\"9VE4jf_Ok_o64zbTTlcuNJajHmt6v9TDVrU0CdvGRDA\"}}", E_INTEGRITY },
	{ "{\"alg\":\"ECDH-ES\",\"enc\":\"A256GCM\"," EPK "}",             E_INPUT },
	{ "{\"alg\":\"ECDH-ES+A128KW\",\"enc\":\"A256GCM\"," EPK "}",      E_INPUT },
	{ "{\"alg\":\"RSA1_5\",\"enc\":\"A256GCM\"," EPK "}",              E_INPUT },
	{ "{\"alg\":\"RSA-OAEP\",\"enc\":\"A256GCM\"," EPK "}",            E_INPUT },
	{ "{\"alg\":\"dir\",\"enc\":\"A256GCM\"," EPK "}",                 E_INPUT },
	{ "{\"alg\":\"A256KW\",\"enc\":\"A256GCM\"," EPK "}",              E_INPUT },
	{ "{\"alg\":\"PBES2-HS256+A128KW\",\"enc\":\"A256GCM\",\"p2c\":2000000000," EPK "}", E_INPUT },
	{ "{\"alg\":\"ES256\",\"enc\":\"A256GCM\"," EPK "}",               E_INPUT },
	{ "{\"alg\":\"ECDH-ES+A256KW\",\"enc\":\"A128GCM\"," EPK "}",      E_INPUT },
	{ "{\"alg\":\"ECDH-ES+A256KW\",\"enc\":\"A128CBC-HS256\"," EPK "}", E_INPUT },
	{ "{\"alg\":\"ECDH-ES+A256KW\"," EPK "}",                          E_INPUT },
};
/* clang-format on */

START_TEST(hostile_signed)
{
	struct ctx *c = test_ctx();
	struct jose_header h;
	struct str token, payload;

	setup(c);
	token = signed_with(c, str_of(signed_headers[_i].header));
	if (signed_headers[_i].want == E_NONE)
		ck_ok(c, jws_verify(c, holder, STR(""), token, &h, &payload));
	else
		ck_fails(c, signed_headers[_i].want,
		    jws_verify(c, holder, STR(""), token, &h, &payload));
}
END_TEST

START_TEST(hostile_encrypted)
{
	struct ctx *c = test_ctx();
	struct jose_header h;
	struct str token, payload;

	setup(c);
	token = encrypted_with(c, with_epk(c, encrypted_headers[_i].header));
	if (encrypted_headers[_i].want == E_NONE) {
		ck_ok(c, jwe_decrypt(c, holder, STR(""), token, &h, &payload));
		ck_str(payload, "{}");
	} else {
		ck_fails(c, encrypted_headers[_i].want,
		    jwe_decrypt(c, holder, STR(""), token, &h, &payload));
	}
}
END_TEST

/* Headers at and over the bounds of size and members. */
START_TEST(large_headers)
{
	struct ctx *c = test_ctx();
	struct jose_header h;
	struct str payload;
	struct buf b;

	setup(c);
	for (int over = 0; over <= 1; over++) {
		ck_ok(c, take_buf(c, JOSE_HEADER_MAX + 1, &b));
		buf_put(&b, STR("{\"alg\":\"ES256\""));
		while (b.n < JOSE_HEADER_MAX - 1 + (size_t)over)
			buf_char(&b, ' ');
		buf_char(&b, '}');
		if (!over)
			ck_ok(c,
			    jws_verify(
				c, holder, STR(""), signed_with(c, buf_str(&b)), &h, &payload));
		else
			ck_fails(c, E_LIMIT,
			    jws_verify(
				c, holder, STR(""), signed_with(c, buf_str(&b)), &h, &payload));
	}
	b.n = 0;
	buf_put(&b, STR("{\"alg\":\"ES256\""));
	for (int i = 0; i < JOSE_MEMBERS_MAX; i++)
		buf_printf(&b, ",\"%d\":1", i);
	buf_char(&b, '}');
	ck_fails(c, E_LIMIT,
	    jws_verify(c, holder, STR(""), signed_with(c, buf_str(&b)), &h, &payload));
	/* Brackets within brackets, as many as go in. */
	b.n = 0;
	buf_put(&b, STR("{\"alg\":\"ES256\",\"a\":"));
	while (b.n < JOSE_HEADER_MAX)
		buf_char(&b, '[');
	ck_fails(c, E_INPUT,
	    jws_verify(c, holder, STR(""), signed_with(c, buf_str(&b)), &h, &payload));
}
END_TEST

/* The parts of a good token, written otherwise; % stands for the good part. */
static const struct {
	const char *pattern;
	enum err_code want;
} shapes[] = {
	{ "%.%.%", E_NONE },
	{ "", E_INPUT },
	{ ".", E_INPUT },
	{ "..", E_INPUT },
	{ "....", E_INPUT },
	{ "%", E_INPUT },
	{ "%.%", E_INPUT },
	{ "%.%.", E_INPUT },
	{ ".%.%", E_INPUT },
	{ "%..%", E_INTEGRITY },
	{ "%.%.%.", E_INPUT },
	{ "%.%.%.%", E_INPUT },
	{ "%.%.%.%.%", E_INPUT },
	{ "%.%.%.%.%.%", E_INPUT },
	{ " %.%.%", E_INPUT },
	{ "%.%.% ", E_INPUT },
	{ "%.%.%\n", E_INPUT },
	{ "%=.%.%", E_INPUT },
	{ "%.%.%=", E_INPUT },
	{ "%.%.%==", E_INPUT },
	{ "%.%.%A", E_INPUT },
	{ "%.%.%AA", E_INPUT },
	{ "%.e30=.%", E_INTEGRITY },
	{ "%.e31.%", E_INTEGRITY },
	{ "%.%.AAAA", E_INPUT },
	{ "{\"alg\":\"ES256\"}.%.%", E_INPUT },
	{ "{\"payload\":\"e30\",\"protected\":\"%\",\"signature\":\"%\"}", E_INPUT },
	/* r = s = 0 and r = s = 2^256 - 1. */
	{ "%.%.AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
	  "AAAAAAAA",
	    E_INTEGRITY },
	{ "%.%.__________________________________________________________________________________"
	  "___w",
	    E_INTEGRITY },
};

START_TEST(hostile_shapes)
{
	struct ctx *c = test_ctx();
	struct str rest, part[8] = { { 0 } }, payload;
	struct jose_header h;
	struct buf b;
	size_t n = 0;

	setup(c);
	rest = signed_with(c, STR("{\"alg\":\"ES256\"}"));
	for (size_t i = 0; i < 3; i++)
		str_cut(&rest, '.', &part[i]);
	ck_ok(c, take_buf(c, 4096, &b));
	for (const char *at = shapes[_i].pattern; *at != '\0'; at++) {
		n += *at == '.';
		if (*at == '%')
			buf_put(&b, part[n]);
		else
			buf_char(&b, *at);
	}
	if (shapes[_i].want == E_NONE)
		ck_ok(c, jws_verify(c, holder, STR(""), buf_str(&b), &h, &payload));
	else
		ck_fails(c, shapes[_i].want,
		    jws_verify(c, holder, STR(""), buf_str(&b), &h, &payload));
	ck_assert(!jwe_decrypt(c, holder, STR(""), buf_str(&b), &h, &payload));
}
END_TEST

START_TEST(a_token_without_end)
{
	struct ctx *c = test_ctx();
	struct jose_header h;
	struct str payload;
	char *p = take(c, JOSE_MAX + 1);

	setup(c);
	memset(p, 'A', JOSE_MAX + 1);
	ck_fails(c, E_LIMIT,
	    jws_verify(c, holder, STR(""), (struct str){ p, JOSE_MAX + 1 }, &h, &payload));
	ck_fails(c, E_LIMIT,
	    jwe_decrypt(c, holder, STR(""), (struct str){ p, JOSE_MAX + 1 }, &h, &payload));
}
END_TEST

/* Every flipped bit and every cut of a good token of each kind. */
START_TEST(every_bit_and_cut)
{
	struct ctx *c = test_ctx();
	struct jose_header h;
	struct str token[2], payload;

	setup(c);
	token[0] = signed_with(c, STR("{\"alg\":\"ES256\",\"typ\":\"t\"}"));
	token[1] = encrypted_with(c, with_epk(c, HEAD EPK ",\"typ\":\"t\"}"));
	for (int i = 0; i < 2; i++) {
		char *p = take_cstr(c, token[i]);

		for (size_t bit = 0; bit < 8 * token[i].n; bit++) {
			struct str s = { p, token[i].n };

			p[bit / 8] ^= (char)(1 << bit % 8);
			ck_assert(!jws_verify(c, holder, STR("t"), s, &h, &payload));
			ck_assert(!jwe_decrypt(c, holder, STR("t"), s, &h, &payload));
			p[bit / 8] ^= (char)(1 << bit % 8);
		}
		for (size_t n = 0; n < token[i].n; n++) {
			struct str s = { p, n };

			ck_assert(!jws_verify(c, holder, STR("t"), s, &h, &payload));
			ck_assert(!jwe_decrypt(c, holder, STR("t"), s, &h, &payload));
		}
	}
	ck_ok(c, jws_verify(c, holder, STR("t"), token[0], &h, &payload));
	ck_ok(c, jwe_decrypt(c, holder, STR("t"), token[1], &h, &payload));
}
END_TEST

MAIN("crypto_hostile", EACH(hostile_signed, signed_headers),
    EACH(hostile_encrypted, encrypted_headers), ONE(large_headers),
    EACH(hostile_shapes, shapes), ONE(a_token_without_end), ONE(every_bit_and_cut))
