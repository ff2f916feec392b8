/*
 * What anybody may have: the public halves of the keys that sign, and a nonce.
 */
#include "customers.h"
#include "proofs.h"

enum { JWK_SHOWN_MAX = 384 };

/* {"kty":…} becomes {"kid":…,"use":"sig","alg":"ES256","kty":…}. */
static void
jwk_put(struct js *j, const struct signing_row *r)
{
	char text[JWK_SHOWN_MAX];
	struct buf one = BUF(text);
	struct js members = { .out = &one };

	js_open(&members, NULL, '{');
	js_text(&members, "kid", r->kid);
	js_text(&members, "use", STR("sig"));
	js_text(&members, "alg", STR("ES256"));
	buf_char(&one, ',');
	buf_put(&one, (struct str){ r->jwk.p + 1, r->jwk.n - 1 });
	js_raw(j, NULL, buf_str(&one));
}

bool
keys_json(struct ctx *c, struct db *db, const char *key, struct js *j)
{
	struct signing_row *r;
	size_t n;

	if (!signing_list(c, db, &r, &n))
		return false;
	js_open(j, key, '{');
	js_open(j, "keys", '[');
	for (size_t i = 0; i < n; i++)
		jwk_put(j, &r[i]);
	js_close(j, ']');
	js_close(j, '}');
	return true;
}

bool
keys_get(struct ctx *c, struct request *rq)
{
	struct buf out;
	struct js j = { &out, false };
	struct db *db;

	if (!server_reader(c, rq->server, &db) || !take_buf(c, KEYS_JSON_MAX, &out) ||
	    !keys_json(c, db, NULL, &j))
		return false;
	rq->reply.cache = "public, max-age=300";
	return reply_json(rq, 200, &out);
}

bool
nonce_get(struct ctx *c, struct request *rq)
{
	struct buf out;
	struct js j = { &out, false };

	if (!proof_fresh(c, rq) || !take_buf(c, 128, &out))
		return false;
	js_open(&j, NULL, '{');
	js_text(&j, "nonce", str_of(rq->nonce));
	js_close(&j, '}');
	return reply_json(rq, 200, &out);
}
