/*
 * Tokens that are made piece by piece: a JWS of a payload that is never whole, and a JWE in two
 * steps, its head once and then any number of tokens behind it.
 */
#include "test.h"

#include "parts.h"

static struct ec_key *
fresh_key(struct ctx *c)
{
	struct ec_key *k = NULL;

	ck_ok(c, ec_key_generate(c, &k));
	return k;
}

static struct str
noise(struct ctx *c, size_t n)
{
	char *p = take(c, n + 1);

	ck_assert_ptr_nonnull(p);
	c->random(p, n);
	return (struct str){ p, n };
}

/* Lengths about the borders of threes and of the writers' pieces. */
static const size_t lengths[] = { 0, 1, 2, 3, 100, 24575, 24576, 24577, 24578, 49152, 100000 };

/* ---- JWS --------------------------------------------------------------------------------- */

START_TEST(signed_by_and_by)
{
	struct ctx *c = test_ctx();
	owned(ec_key_free) struct ec_key *k = fresh_key(c);
	owned(jws_writer_free) struct jws_writer *w = NULL;
	struct str payload = noise(c, lengths[_i]), rest = payload, got;
	struct jose_header h;
	struct buf b;

	ck_ok(c, take_buf(c, jws_size(payload.n), &b));
	ck_ok(c, jws_writer_new(c, k, STR("t"), STR("kid"), buf_sink, &b, &w));
	for (size_t n = 1; rest.n > 0; n = n * 3 + 1) {
		struct str piece = { rest.p, n < rest.n ? n : rest.n };

		ck_ok(c, jws_write(c, w, piece));
		rest.p += piece.n;
		rest.n -= piece.n;
	}
	ck_ok(c, jws_finish(c, w));
	ck_ok(c, jws_verify(c, k, STR("t"), buf_str(&b), &h, &got));
	ck_assert(str_same(got, payload));
	ck_str(h.kid, "kid");
}
END_TEST

START_TEST(signing_by_and_by_refuses)
{
	struct ctx *c = test_ctx();
	owned(ec_key_free) struct ec_key *k = fresh_key(c), *public = NULL;
	owned(jws_writer_free) struct jws_writer *w = NULL;
	char room[256];
	struct buf b = BUF(room);

	ck_fails(c, E_INPUT, jws_writer_new(c, k, STR("t\n"), STR("k"), buf_sink, &b, &w));
	ck_assert_ptr_null(w);
	ck_ok(c, jws_writer_new(c, k, STR("t"), STR("k"), buf_sink, &b, &w));
	ck_fails(c, E_LIMIT, jws_write(c, w, noise(c, 30000))); /* the sink's refusal */
	jws_writer_free(&w);
	ck_ok(c, ec_key_public(c, k, &public));
	b = BUF(room);
	ck_ok(c, jws_writer_new(c, public, STR("t"), STR("k"), buf_sink, &b, &w));
	ck_fails(c, E_INTERNAL, jws_finish(c, w));
	ec_key_free(&public);
}
END_TEST

/* ---- JWE --------------------------------------------------------------------------------- */

static const struct key256 content = { { 1, 2, 3 } };
static const uint8_t nonces[2][12] = { { 1 }, { 2 } };

static struct str
head_for(struct ctx *c, const struct ec_key *to, const struct jose_member extra[], size_t n)
{
	struct buf b;

	ck_ok(c, take_buf(c, JWE_HEAD_MAX, &b));
	ck_ok(c, jwe_wrap(c, to, STR("u"), extra, n, &content, &b));
	return buf_str(&b);
}

static struct str
behind(struct ctx *c, struct str text, const uint8_t nonce[12], struct str payload)
{
	owned(jwe_writer_free) struct jwe_writer *w = NULL;
	struct jwe_head head;
	struct buf b;

	ck_ok(c, take_buf(c, jwe_size(payload.n, 200), &b));
	ck_ok(c, jwe_head_read(c, text, &head));
	ck_ok(c, jwe_writer_behind(c, &head, &content, nonce, buf_sink, &b, &w));
	ck_ok(c, jwe_write(c, w, payload));
	ck_ok(c, jwe_finish(c, w));
	return buf_str(&b);
}

START_TEST(tokens_behind_a_head)
{
	struct ctx *c = test_ctx();
	owned(ec_key_free) struct ec_key *k = fresh_key(c), *other = fresh_key(c);
	const struct jose_member extra[] = { { "lic", STR("lic_1") }, { "art", STR("a") } };
	struct str head = head_for(c, k, extra, 2), value, got;
	struct str payload = noise(c, lengths[_i]), two = noise(c, 50);
	struct str token = behind(c, head, nonces[0], payload);
	struct jose_header h;

	ck_assert(str_starts(token, head) && token.p[head.n] == '.');
	ck_ok(c, jwe_decrypt(c, k, STR("u"), token, &h, &got));
	ck_assert(str_same(got, payload));
	ck_assert(jose_header_text(&h, "lic", &value));
	ck_str(value, "lic_1");
	ck_assert(str_same(behind(c, head, nonces[0], payload), token));
	ck_assert(!str_same(behind(c, head, nonces[1], payload), token));
	/* Another payload with another nonce, behind the same head. */
	ck_ok(c, jwe_decrypt(c, k, STR("u"), behind(c, head, nonces[1], two), &h, &got));
	ck_assert(str_same(got, two));
	/* The same content key behind another head is another token, and as good. */
	token = behind(c, head_for(c, k, extra, 1), nonces[0], payload);
	ck_ok(c, jwe_decrypt(c, k, STR("u"), token, &h, &got));
	ck_assert(str_same(got, payload));
	ck_assert(!jose_header_text(&h, "art", &value));
	ck_fails(c, E_INTEGRITY, jwe_decrypt(c, other, STR("u"), token, &h, &got));
}
END_TEST

/* What was encrypted behind one head does not open behind another one. */
START_TEST(heads_are_not_exchanged)
{
	struct ctx *c = test_ctx();
	owned(ec_key_free) struct ec_key *k = fresh_key(c);
	const struct jose_member one[] = { { "lic", STR("lic_1") } },
				 two[] = { { "lic", STR("lic_2") } };
	struct str a = head_for(c, k, one, 1), b = head_for(c, k, two, 1), got;
	struct str token = behind(c, a, nonces[0], STR("payload"));
	struct jose_header h;
	struct buf mixed;

	ck_ok(c, take_buf(c, 4096, &mixed));
	buf_put(&mixed, b);
	buf_put(&mixed, (struct str){ token.p + a.n, token.n - a.n });
	ck_fails(c, E_INTEGRITY, jwe_decrypt(c, k, STR("u"), buf_str(&mixed), &h, &got));
}
END_TEST

#define KEY "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA" /* of 40 bytes */
static const char *const bad_heads[] = {
	"",
	".",
	"." KEY,
	"e30",
	"e30." KEY, /* {} */
	"bm8." KEY, /* no */
	"!!!." KEY,
	"eyJhbGciOiJFUzI1NiJ9." KEY, /* {"alg":"ES256"} */
	/* {"alg":"ECDH-ES+A256KW","enc":"A256GCM"}: no epk */
	"eyJhbGciOiJFQ0RILUVTK0EyNTZLVyIsImVuYyI6IkEyNTZHQ00ifQ." KEY,
};

START_TEST(heads_refused)
{
	struct ctx *c = test_ctx();
	struct jwe_head head;

	ck_fails(c, E_INPUT, jwe_head_read(c, str_of(bad_heads[_i]), &head));
}
END_TEST

/* A good head that was cut, grew, lost a part of its key, or is too long. */
START_TEST(damaged_heads_refused)
{
	struct ctx *c = test_ctx();
	owned(ec_key_free) struct ec_key *k = fresh_key(c);
	struct str good = head_for(c, k, NULL, 0), longer;
	struct jwe_head head;
	char *text = take_printf(c, "%.*s.AAAA", STRF(good));
	struct buf b;

	ck_ok(c, jwe_head_read(c, good, &head));
	ck_str(head.says.typ, "u");
	for (size_t n = 0; n < good.n; n++)
		ck_fails(c, E_INPUT, jwe_head_read(c, (struct str){ good.p, n }, &head));
	ck_fails(c, E_INPUT, jwe_head_read(c, str_of(text), &head));
	longer = (struct str){ text, good.n + 1 };
	ck_fails(c, E_INPUT, jwe_head_read(c, longer, &head));
	ck_ok(c, take_buf(c, JWE_HEAD_MAX + 1, &b));
	while (b.n <= JWE_HEAD_MAX)
		buf_char(&b, 'A');
	ck_fails(c, E_LIMIT, jwe_head_read(c, buf_str(&b), &head));
}
END_TEST

START_TEST(wrapping_refuses)
{
	struct ctx *c = test_ctx();
	owned(ec_key_free) struct ec_key *k = fresh_key(c);
	const struct jose_member taken[] = { { "kid", STR("x") } };
	char *wide = take(c, 3000);
	const struct jose_member large[] = { { "a", { wide, 3000 } } };
	char room[2 * JWE_HEAD_MAX];
	struct buf b = BUF(room), small = { room, 0, 100, false };

	memset(wide, 'a', 3000);
	ck_fails(c, E_INPUT, jwe_wrap(c, k, STR("u"), taken, 1, &content, &b));
	ck_fails(c, E_LIMIT, jwe_wrap(c, k, STR("u"), large, 1, &content, &b));
	ck_assert_uint_eq(b.n, 0);
	ck_fails(c, E_LIMIT, jwe_wrap(c, k, STR("u"), NULL, 0, &content, &small));
}
END_TEST

MAIN("crypto_pieces", EACH(signed_by_and_by, lengths), ONE(signing_by_and_by_refuses),
    EACH(tokens_behind_a_head, lengths), ONE(heads_are_not_exchanged),
    EACH(heads_refused, bad_heads), ONE(damaged_heads_refused), ONE(wrapping_refuses))
