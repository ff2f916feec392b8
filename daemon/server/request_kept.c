/*
 * The act of a request: once, whoever asks how often. What was answered to a request with an
 * Idempotency-Key is kept with its effect, sealed under what only whoever asked knows, and given
 * again, byte for byte, to the same request.
 */
#include <stdio.h>

#include "proofs.h"

/* Beside a kept answer's body. */
enum { ANSWER_HEAD_MAX = 256 };

bool
request_kept_find(struct ctx *c, struct request *rq)
{
	struct str zero = { "", 1 }, token = str_of(rq->who.id.s);
	struct str at[] = { token, zero, str_of(rq->idempotency_key), zero, rq->secret };
	struct str what[] = { rq->method, zero, rq->path, zero, rq->body };
	size_t n = rq->proven != NULL ? COUNT(at) : 3; /* with his key a customer's go */
	struct digest256 key;

	if (!sha256_parts(c, at, n, &rq->answer_at) ||
	    !sha256_parts(c, what, COUNT(what), &rq->answer_request) ||
	    !hmac_sha256(c, rq->secret,
		(struct str){ (const char *)rq->answer_at.b, sizeof rq->answer_at.b }, &key))
		return false;
	memcpy(rq->answer_key.b, key.b, sizeof key.b);
	explicit_bzero(&key, sizeof key);
	return true;
}

static struct str
digest_view(const struct digest256 *d)
{
	return (struct str){ (const char *)d->b, sizeof d->b };
}

/* What of an answer is kept: Location, ETag, and the rest is the body. */
MUST static bool
answer_read(struct ctx *c, struct str kept, struct reply *ret)
{
	struct wire w = { kept, false };
	struct str location = wire_str(&w, sizeof ret->location - 1);
	struct str etag = wire_str(&w, sizeof ret->etag - 1);

	if (w.bad)
		return fail(c, E_INTEGRITY, "a kept answer is malformed");
	snprintf(ret->location, sizeof ret->location, "%.*s", STRF(location));
	snprintf(ret->etag, sizeof ret->etag, "%.*s", STRF(etag));
	ret->body = w.rest;
	return true;
}

/* The answer that was given before; *ret_found is false when there is none. */
MUST static bool
answer_replay(struct ctx *c, struct db *db, struct request *rq, bool *ret_found)
{
	struct answer old;
	struct str kept;

	if (!answer_find(c, db, &rq->answer_at, ret_found, &old))
		return false;
	if (!*ret_found)
		return true;
	if (!digest256_same(&old.request, &rq->answer_request))
		return fail_at(c, E_KEY_REUSED, "Idempotency-Key",
		    "this Idempotency-Key came with another request before");
	if (!unseal(c, &rq->answer_key, digest_view(&rq->answer_at), old.sealed, &kept) ||
	    !answer_read(c, kept, &rq->reply))
		return false;
	rq->reply.status = old.status;
	rq->act.audit.detail = STR("{\"replayed\":true}");
	return true;
}

MUST static bool
answer_keep(struct ctx *c, struct db *db, struct request *rq)
{
	struct answer a = { .request = rq->answer_request, .status = rq->reply.status };
	struct buf kept, sealed;

	a.at = c->now();
	if (!take_buf(c, rq->reply.body.n + ANSWER_HEAD_MAX, &kept) ||
	    !take_buf(c, kept.max + SEAL_OVERHEAD, &sealed))
		return false;
	wire_put_str(&kept, str_of(rq->reply.location));
	wire_put_str(&kept, str_of(rq->reply.etag));
	buf_put(&kept, rq->reply.body);
	if (!buf_ok(c, &kept) ||
	    !seal(c, &rq->answer_key, digest_view(&rq->answer_at), buf_str(&kept), &sealed))
		return false;
	a.sealed = buf_str(&sealed);
	return answer_insert(c, db, &rq->answer_at, &a);
}

bool
request_act_run(struct ctx *c, struct db *db, struct act *act)
{
	struct request *rq = (struct request *)((char *)act - offsetof(struct request, act));
	bool replayed = false, idempotent = rq->route->flags & ROUTE_IDEMPOTENT;

	if (idempotent && !answer_replay(c, db, rq, &replayed))
		return false;
	if (replayed) {
		rq->after = NULL;
		return rq->again == NULL || rq->again(c, db, rq);
	}
	if (rq->write != NULL && !rq->write(c, db, rq))
		return false;
	return !idempotent || answer_keep(c, db, rq);
}
