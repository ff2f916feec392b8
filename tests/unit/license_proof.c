/*
 * Proofs: what was signed comes back, under that key alone, in one form only; what is no request is
 * neither signed nor read.
 */
#include "license_support.h"

static const struct key256 secret = { { 7 } }, other_secret = { { 8 } };

static struct ec_key *
key_of(struct ctx *c, const struct key256 *s)
{
	struct ec_key *key;

	ck_ok(c, ec_key_from_secret(c, s, &key));
	return key;
}

static struct proof
example(void)
{
	return (struct proof){ .method = STR("POST"),
		.path = STR("/v1/licenses/" LICENSE "/unlock?x=1"),
		.nonce = STR("AAECAwQFBgcICQoLDA0ODw"),
		.body = { { 5, 6, 7 } } };
}

static struct str
proof_of(struct ctx *c, const struct ec_key *key, const struct proof *p)
{
	struct buf b;

	ck_ok(c, take_buf(c, PROOF_MAX, &b));
	ck_ok(c, proof_sign(c, key, STR(CUSTOMER), p, &b));
	return buf_str(&b);
}

/* Any payload, signed as a proof. */
static struct str
signed_as(struct ctx *c, const char *typ, struct str kid, struct str payload)
{
	owned(ec_key_free) struct ec_key *key = key_of(c, &secret);
	struct buf b;

	ck_ok(c, take_buf(c, jws_size(payload.n), &b));
	ck_ok(c, jws_sign(c, key, str_of(typ), kid, payload, &b));
	return buf_str(&b);
}

START_TEST(proofs_come_back)
{
	struct ctx *c = test_ctx();
	owned(ec_key_free) struct ec_key *key = key_of(c, &secret), *public = NULL;
	struct proof p = example(), back;
	struct str jws = proof_of(c, key, &p), kid;

	ck_ok(c, ec_key_public(c, key, &public));
	ck_ok(c, proof_peek(c, jws, &kid));
	ck_str(kid, CUSTOMER);
	ck_ok(c, proof_read(c, public, jws, &back));
	ck_assert(str_same(back.method, p.method));
	ck_assert(str_same(back.path, p.path));
	ck_assert(str_same(back.nonce, p.nonce));
	ck_assert(digest256_same(&back.body, &p.body));
}
END_TEST

/* The longest of everything fits into PROOF_MAX. */
START_TEST(long_proofs_fit)
{
	struct ctx *c = test_ctx();
	owned(ec_key_free) struct ec_key *key = key_of(c, &secret);
	char path[PROOF_PATH_MAX + 1], nonce[NONCE_MAX + 1];
	struct proof p = example(), back;
	char room[PROOF_MAX];
	struct buf b = BUF(room);

	memset(path, '/', sizeof path);
	memset(nonce, 'n', sizeof nonce);
	p.method = STR("PROPFIND");
	p.path = (struct str){ path, PROOF_PATH_MAX };
	p.nonce = (struct str){ nonce, NONCE_MAX };
	ck_ok(c, proof_read(c, key, proof_of(c, key, &p), &back));
	ck_assert_uint_eq(back.path.n, PROOF_PATH_MAX);
	p.path.n++;
	ck_fails(c, E_INPUT, proof_sign(c, key, STR(CUSTOMER), &p, &b));
	p.path.n--;
	p.nonce.n++;
	ck_fails(c, E_INPUT, proof_sign(c, key, STR(CUSTOMER), &p, &b));
	ck_assert_uint_eq(b.n, 0);
}
END_TEST

static const struct {
	const char *method, *path, *nonce;
} no_requests[] = {
	{ "", "/", "n" },
	{ "get", "/", "n" },
	{ "GET ", "/", "n" },
	{ "CONNECTED", "/", "n" },
	{ "GET", "", "n" },
	{ "GET", "v1", "n" },
	{ "GET", "/a b", "n" },
	{ "GET", "/\"", "n" },
	{ "GET", "/\\", "n" },
	{ "GET", "/\xc3\xa4", "n" },
	{ "GET", "/", "" },
	{ "GET", "/", "a\nb" },
};

START_TEST(only_requests_are_signed)
{
	struct ctx *c = test_ctx();
	owned(ec_key_free) struct ec_key *key = key_of(c, &secret);
	char room[PROOF_MAX];
	struct buf b = BUF(room);
	struct proof p = { .method = str_of(no_requests[_i].method),
		.path = str_of(no_requests[_i].path),
		.nonce = str_of(no_requests[_i].nonce) };

	ck_fails(c, E_INPUT, proof_sign(c, key, STR(CUSTOMER), &p, &b));
	ck_assert_uint_eq(b.n, 0);
}
END_TEST

START_TEST(kids_are_short_and_plain)
{
	struct ctx *c = test_ctx();
	owned(ec_key_free) struct ec_key *key = key_of(c, &secret);
	struct proof p = example();
	char room[PROOF_MAX];
	struct buf b = BUF(room);
	struct str kid = STR("unchanged"), jws;

	ck_fails(c, E_INPUT, proof_sign(c, key, STR(""), &p, &b));
	ck_fails(c, E_INPUT, proof_sign(c, key, STR("a b"), &p, &b));
	ck_fails(c, E_INPUT, proof_sign(c, key, STR(CUSTOMER CUSTOMER), &p, &b));
	jws = signed_as(c, PROOF_TYP, STR(CUSTOMER CUSTOMER), STR("{}"));
	ck_fails(c, E_INPUT, proof_peek(c, jws, &kid));
	ck_fails(c, E_INPUT, proof_peek(c, signed_as(c, PROOF_TYP, STR(""), STR("{}")), &kid));
	ck_fails(c, E_INPUT, proof_peek(c, signed_as(c, LICENSE_TYP, STR("x"), STR("")), &kid));
	ck_str(kid, "unchanged");
}
END_TEST

#define DIGEST "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
#define GOOD "{\"digest\":\"" DIGEST "\",\"method\":\"GET\",\"nonce\":\"n\",\"path\":\"/\"}"
static const char *const bad_payloads[] = {
	"",
	"{}",
	"[]",
	"{\"method\":\"GET\",\"nonce\":\"n\",\"path\":\"/\"}",
	"{\"digest\":\"AAAA\",\"method\":\"GET\",\"nonce\":\"n\",\"path\":\"/\"}",
	"{\"digest\":\"" DIGEST "AAAA\",\"method\":\"GET\",\"nonce\":\"n\",\"path\":\"/\"}",
	"{\"digest\":\"" DIGEST "\",\"method\":\"get\",\"nonce\":\"n\",\"path\":\"/\"}",
	"{\"digest\":\"" DIGEST "\",\"method\":\"GET\",\"nonce\":\"\",\"path\":\"/\"}",
	"{\"digest\":\"" DIGEST "\",\"method\":\"GET\",\"nonce\":\"n\",\"path\":\"x\"}",
	"{\"digest\":\"" DIGEST "\",\"method\":\"GET\",\"nonce\":\"n\",\"path\":\"\\/\"}",
	"{\"digest\":\"" DIGEST "\",\"method\":\"GET\",\"nonce\":\"n\",\"path\":\"/\",\"a\":1}",
	"{\"digest\":\"" DIGEST "\",\"method\":\"GET\",\"nonce\":7,\"path\":\"/\"}",
	"{\"digest\":\"" DIGEST "\", \"method\":\"GET\",\"nonce\":\"n\",\"path\":\"/\"}",
	"{\"method\":\"GET\",\"digest\":\"" DIGEST "\",\"nonce\":\"n\",\"path\":\"/\"}",
	GOOD " ",
	GOOD GOOD,
};

START_TEST(proofs_have_one_form)
{
	struct ctx *c = test_ctx();
	owned(ec_key_free) struct ec_key *key = key_of(c, &secret);
	struct proof p = { .method = STR("unchanged") };
	struct str kid = STR(CUSTOMER);

	ck_ok(c, proof_read(c, key, signed_as(c, PROOF_TYP, kid, STR(GOOD)), &p));
	p.method = STR("unchanged");
	ck_assert(
	    !proof_read(c, key, signed_as(c, PROOF_TYP, kid, str_of(bad_payloads[_i])), &p));
	ck_assert_int_ne(c->err.code, E_NONE);
	ck_assert_int_ne(c->err.code, E_INTEGRITY);
	ck_str(p.method, "unchanged");
}
END_TEST

/* Another key, another kind of token, a bit or the end missing: no proof. */
START_TEST(forged_proofs_are_refused)
{
	struct ctx *c = test_ctx();
	owned(ec_key_free) struct ec_key *key = key_of(c, &secret);
	owned(ec_key_free) struct ec_key *other = key_of(c, &other_secret);
	struct proof p = example(), back;
	struct str jws = proof_of(c, key, &p);
	char text[PROOF_MAX + 1];

	ck_fails(c, E_INTEGRITY, proof_read(c, other, jws, &back));
	ck_fails(c, E_INPUT,
	    proof_read(c, key, signed_as(c, LICENSE_TYP, STR("x"), STR(GOOD)), &back));
	memcpy(text, jws.p, jws.n);
	for (size_t n = 0; n < jws.n; n++)
		ck_assert(!proof_read(c, key, (struct str){ text, n }, &back));
	for (size_t i = 0; i < jws.n; i++) {
		arena_reset(c->mem);
		text[i] ^= 1;
		ck_assert(!proof_read(c, key, (struct str){ text, jws.n }, &back));
		text[i] ^= 1;
	}
	memset(text, 'A', sizeof text);
	ck_fails(c, E_INPUT, proof_read(c, key, (struct str){ text, sizeof text }, &back));
	ck_fails(c, E_INPUT, proof_peek(c, (struct str){ text, sizeof text }, &p.path));
}
END_TEST

MAIN("license_proof", ONE(proofs_come_back), ONE(long_proofs_fit),
    EACH(only_requests_are_signed, no_requests), ONE(kids_are_short_and_plain),
    EACH(proofs_have_one_form, bad_payloads), ONE(forged_proofs_are_refused))
