/*
 * A request's decisions, in order: which route, sealed or not, how often, who, may they, is it
 * whole, was it answered before. The edge feeds the parts and sends what `reply` holds.
 */
#include <stdio.h>

#include "proofs.h"
#include "viewers.h"

void
request_begin(struct request *rq, struct server *s, struct arena *mem)
{
	*rq = (struct request){ .server = s };
	rq->c = ctx_real(mem, rq->id);
	rq->reply.status = 200;
	rq->reply.received = -1;
	rq->reply.file = -1;
}

/* ---- Who, and how often ------------------------------------------------------------------ */

MUST static bool
keys_ready(struct ctx *c, struct request *rq)
{
	if (rq->route->flags & ROUTE_WHILE_SEALED)
		return true;
	return keys_open(c, rq->server->keys);
}

MUST static bool
address_take(struct ctx *c, struct request *rq)
{
	return limit_take(
	    c, rq->server->limits, LIMIT_ADDRESS, str_of(rq->address), &rq->reply.retry_after);
}

/* What a vendor's programs may do without limit is nothing that a customer's proof is for. */
static bool
is_unlimited(struct request *rq)
{
	struct str jws;

	return rq->route->flags & ROUTE_UNLIMITED && !proof_header(rq, &jws);
}

MUST static bool
address_allowed(struct ctx *c, struct request *rq)
{
	return rq->route->flags & ROUTE_QUIET || is_unlimited(rq) ? true : address_take(c, rq);
}

/* Refused before any limit has counted it. */
static bool
is_uncounted(const struct request *rq)
{
	return rq->route == NULL ||
	    (rq->route->flags & ROUTE_UNLIMITED && rq->who.id.s[0] == '\0' &&
		rq->c.err.code != E_RATE);
}

/* RFC 6750: the scheme without regard to case, one blank, the token. */
MUST static bool
bearer(struct ctx *c, struct str header, struct str *ret)
{
	static const char scheme[] = "bearer ";

	if (header.n == 0)
		return fail(c, E_AUTH,
		    "an Authorization header with a token, or a customer's proof, is wanted");
	for (size_t i = 0; i < sizeof scheme - 1; i++)
		if (i >= header.n || (header.p[i] | 0x20) != (scheme[i] | 0x20))
			return fail(c, E_AUTH,
			    "the Authorization scheme must be Bearer or " PROOF_SCHEME);
	*ret = (struct str){ header.p + sizeof scheme - 1, header.n - (sizeof scheme - 1) };
	return true;
}

/* Customers prove it, programs of the vendor have a token. */
MUST static bool
identified(struct ctx *c, struct request *rq, struct db *db)
{
	struct str jws;

	if (!proof_header(rq, &jws))
		return bearer(c, request_header(rq, "Authorization"), &rq->secret) &&
		    authority_check(c, rq->server->authority, db, rq->secret, &rq->who);
	rq->proven = take(c, sizeof *rq->proven);
	return rq->proven != NULL && proof_fresh(c, rq) &&
	    proof_check(c, rq, db, jws, rq->proven);
}

MUST static bool
credential(struct ctx *c, struct request *rq)
{
	struct server *s = rq->server;
	struct str who = str_of(rq->address);
	bool unlimited = is_unlimited(rq);
	struct db *db;

	/* A neighbour's wrong tokens must not keep anybody from revoking one. */
	if (!unlimited && !limit_look(c, s->limits, LIMIT_FAILURE, who, &rq->reply.retry_after))
		return false;
	if (!server_reader(c, s, &db))
		return false;
	if (identified(c, rq, db))
		return true;
	if (c->err.code == E_AUTH && c->err.name == NULL) {
		struct err why = c->err;

		/* The failure counts; what is answered is still why, where it was looked before. */
		if (limit_take(c, s->limits, LIMIT_FAILURE, who, &rq->reply.retry_after) ||
		    !unlimited)
			c->err = why;
	}
	return false;
}

MUST static bool
authorised(struct ctx *c, struct request *rq)
{
	const struct route *r = rq->route;
	bool allowed;

	if (r->need == NEED_NOTHING)
		return true;
	if (!credential(c, rq))
		return false;
	allowed = rq->who.roles & r->roles;
	if (!(allowed && is_unlimited(rq)) &&
	    !limit_take(c, rq->server->limits,
		rq->proven != NULL ? LIMIT_CUSTOMER : LIMIT_TOKEN, str_of(rq->who.id.s),
		&rq->reply.retry_after))
		return false;
	if (rq->proven != NULL && !proof_use(c, rq, rq->proven))
		return false;
	if (!allowed)
		return rq->proven != NULL
		    ? fail(c, E_DENIED, "%s is not for customers", r->action)
		    : fail(c, E_DENIED, "the token's roles do not allow %s", r->action);
	return true;
}

/* ---- Preconditions ----------------------------------------------------------------------- */

/* The media type without its parameters. */
static bool
is_type(struct request *rq, const char *wanted)
{
	struct str type = request_header(rq, "Content-Type"), main_type;

	str_cut(&type, ';', &main_type);
	main_type = str_trim(main_type);
	return main_type.n == strlen(wanted) &&
	    strncasecmp(main_type.p, wanted, main_type.n) == 0;
}

MUST static bool
body_type(struct ctx *c, struct request *rq, const char *wanted)
{
	return is_type(rq, wanted)
	    ? true
	    : fail_at(c, E_MEDIA, "Content-Type", "the body must be %s", wanted);
}

MUST static bool
picture_type(struct ctx *c, struct request *rq)
{
	return is_type(rq, "image/png") || is_type(rq, "image/jpeg") ||
	    is_type(rq, "multipart/form-data") ||
	    fail_at(c, E_MEDIA, "Content-Type",
		"the body must be image/png, image/jpeg or multipart/form-data");
}

MUST static bool
body_length(struct ctx *c, struct request *rq, int64_t *ret)
{
	struct str length = request_header(rq, "Content-Length");

	*ret = 0;
	if (length.n > 0 && !str_number(length, 0, INT64_MAX / 2, ret))
		return fail_at(c, E_USAGE, "Content-Length", "not a length");
	return true;
}

/* How much of the limit a piece takes is for the handler: it knows the whole. */
MUST static bool
upload_announced(struct ctx *c, struct request *rq)
{
	int64_t n, max = rq->server->conf.upload_max_mb << 20;

	if (request_header(rq, "Content-Length").n == 0)
		return fail_at(c, E_LENGTH, "Content-Length",
		    "an upload says its length: Content-Length, not Transfer-Encoding");
	if (!body_length(c, rq, &n))
		return false;
	if (n > max)
		return fail(c, E_LIMIT, "an upload may have %lld bytes here", (long long)max);
	if (request_header(rq, "Content-Encoding").n > 0)
		return fail_at(c, E_MEDIA, "Content-Encoding",
		    "an upload is stored as it comes: send it without a Content-Encoding");
	return body_type(c, rq, "application/octet-stream");
}

MUST static bool
body_announced(struct ctx *c, struct request *rq)
{
	const struct route *r = rq->route;
	int64_t n;

	if (r->flags & ROUTE_UPLOAD)
		return upload_announced(c, rq);
	if (!body_length(c, rq, &n))
		return false;
	if (n > (int64_t)r->max_body)
		return fail(c, E_LIMIT, "the body may have %zu bytes here", r->max_body);
	if (r->flags & ROUTE_PICTURE)
		return picture_type(c, rq);
	if (n > 0 || request_header(rq, "Transfer-Encoding").n > 0)
		return body_type(c, rq, "application/json");
	return true;
}

MUST static bool
key_given(struct ctx *c, struct request *rq)
{
	struct str key = request_header(rq, "Idempotency-Key");

	if (!(rq->route->flags & ROUTE_IDEMPOTENT))
		return true;
	if (key.n == 0)
		return fail_at(c, E_NEED_KEY, "Idempotency-Key",
		    "this request wants an Idempotency-Key header, so that a retry is safe");
	if (key.n >= sizeof rq->idempotency_key)
		return fail_at(c, E_NEED_KEY, "Idempotency-Key",
		    "an Idempotency-Key has at most %zu characters",
		    sizeof rq->idempotency_key - 1);
	for (size_t i = 0; i < key.n; i++)
		if (key.p[i] < 0x21 || key.p[i] > 0x7e)
			return fail_at(c, E_NEED_KEY, "Idempotency-Key",
			    "an Idempotency-Key has visible ASCII characters only");
	memcpy(rq->idempotency_key, key.p, key.n);
	return true;
}

MUST static bool
match_given(struct ctx *c, struct request *rq)
{
	struct str match = request_header(rq, "If-Match");

	if (match.n >= sizeof rq->if_match)
		return fail_at(c, E_STALE, "If-Match", "not an ETag of ours");
	memcpy(rq->if_match, match.p, match.n);
	if (match.n == 0 && rq->route->flags & ROUTE_IF_MATCH)
		return fail_at(c, E_NEED_MATCH, "If-Match",
		    "this request wants an If-Match header with the ETag that was read");
	return true;
}

MUST static bool
storage_ready(struct ctx *c, struct request *rq)
{
	return !(rq->route->flags & ROUTE_ACT) || server_storage_ok(c, rq->server);
}

void
request_head(struct request *rq)
{
	struct ctx *c = &rq->c;

	if (!route_find(c, rq) || !address_allowed(c, rq) || !keys_ready(c, rq) ||
	    !authorised(c, rq) || !body_announced(c, rq) || !key_given(c, rq) ||
	    !match_given(c, rq) || !storage_ready(c, rq))
		request_refuse(rq);
}

void
request_upload(struct request *rq)
{
	if (!rq->route->run(&rq->c, rq))
		request_refuse(rq);
}

void
request_refuse(struct request *rq)
{
	if (is_uncounted(rq) && !address_take(&rq->c, rq))
		rq->reply.close = true;
	request_problem(rq);
	rq->refused = true;
}

/* ---- The audit -------------------------------------------------------------------------- */

/*
 * An id has this form, a secret that somebody pasted into a path has not: it must not be kept.
 */
static bool
could_be_id(struct str s)
{
	return s.n == 40 && s.p[3] == '_' && s.p[12] == '-' && s.p[17] == '-' && text_valid(s);
}

static void
audit_fill(struct request *rq, struct audit_entry *a)
{
	const struct route *r = rq->route;

	a->vendor = str_of(rq->who.vendor.s);
	a->actor = rq->who.id.s[0] == '\0' ? STR("anonymous") : str_of(rq->who.id.s);
	a->action = r == NULL ? STR("unknown") : str_of(r->action);
	a->request = str_of(rq->id);
	a->address = str_of(rq->address);
	for (size_t i = PARAMS_MAX; i > 0 && a->object.n == 0; i--)
		if (could_be_id(rq->param[i - 1]))
			a->object = rq->param[i - 1];
}

/*
 * One row for each outcome. What the limits refuse is counted in the metrics instead: whoever is
 * told to slow down must not be able to fill the disk.
 */
bool
request_note(struct request *rq)
{
	struct ctx *c = &rq->c;
	struct audit_entry a = { .outcome = str_of(err_name(&c->err)) };

	if (c->err.code == E_RATE || (rq->route != NULL && rq->route->flags & ROUTE_QUIET))
		return true;
	audit_fill(rq, &a);
	a.detail = rq->act.audit.detail;
	return store_note(c, rq->server->store, &a);
}

void
request_gone(struct request *rq)
{
	struct ctx *c = &rq->c;

	if (!rq->refused && !fail(c, E_SLOW, "the client has gone") && !request_note(rq))
		log_failure(c, "upload-without-row");
}

static enum request_next
act_ready(struct request *rq)
{
	rq->c.err = (struct err){ 0 };
	rq->act.c = &rq->c;
	rq->act.run = request_act_run;
	audit_fill(rq, &rq->act.audit);
	return REQUEST_ACTS;
}

/* A handler is done, however it ended. */
static enum request_next
handled(struct request *rq, bool ok)
{
	struct ctx *c = &rq->c;

	if (!ok) {
		request_problem(rq);
		return REQUEST_ANSWERED;
	}
	if (rq->route->flags & (ROUTE_ACT | ROUTE_DURABLE) || rq->write != NULL)
		return act_ready(rq);
	if (request_note(rq))
		return REQUEST_ANSWERED;
	if (c->err.code == E_BUSY) /* too many rows wait: this answer waits with its own */
		return act_ready(rq);
	request_problem(rq);
	return REQUEST_ANSWERED;
}

enum request_next
request_body(struct request *rq)
{
	struct ctx *c = &rq->c;
	unsigned flags = rq->route->flags;
	bool ok = (rq->proven == NULL || proof_body(c, rq, rq->proven)) &&
	    (!(flags & ROUTE_IDEMPOTENT) || request_kept_find(c, rq)) &&
	    (flags & ROUTE_UPLOAD ? rq->arrived : rq->route->run)(c, rq);

	return ok && rq->viewing != NULL ? REQUEST_VIEWS : handled(rq, ok);
}

enum request_next
request_viewed(struct request *rq)
{
	struct viewing *v = rq->viewing;

	return handled(rq, v->ok && v->answered(&rq->c, rq));
}

void
request_done(struct request *rq)
{
	if (!rq->act.ok)
		request_problem(rq);
	else if (rq->after != NULL)
		rq->after(rq);
}

void
request_late(struct request *rq)
{
	if (rq->act.ok && rq->late != NULL && !rq->late(&rq->c, rq))
		request_problem(rq);
}
