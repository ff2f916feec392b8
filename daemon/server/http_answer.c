/*
 * The edge's answers: what a request's reply holds, as the library wants it.
 */
#include <stdio.h>

#include "downloads.h"
#include "events.h"
#include "http.h"
#include "license.h"
#include "uploads.h"

static void
header(struct MHD_Response *r, const char *name, const char *value)
{
	if (value != NULL && value[0] != '\0' &&
	    MHD_add_response_header(r, name, value) != MHD_YES)
		log_event(LOG_LEVEL_WARNING, NULL, "header-lost", "name=%s", name);
}

static struct MHD_Response *
response(struct exchange *x)
{
	struct request *rq = &x->peer->request;
	union {
		const char *from;
		void *to;
	} p = { rq->reply.body.p };

	if (rq->stream)
		return events_response(rq, x->connection);
	if (rq->download != NULL || rq->reply.file >= 0)
		return download_response(rq, x->http->peers, x->peer);
	return MHD_create_response_from_buffer(rq->reply.body.n, p.to, MHD_RESPMEM_PERSISTENT);
}

static void
headers(struct MHD_Response *r, const struct request *rq, bool bodied)
{
	const struct reply *a = &rq->reply;
	char wait[24];

	if (bodied)
		header(r, "Content-Type", a->type == NULL ? "application/json" : a->type);
	header(r, "X-Request-Id", rq->id);
	header(r, "Cache-Control", a->cache == NULL ? "no-store" : a->cache);
	header(r, "ETag", a->etag);
	header(r, "Location", a->location);
	header(r, "Link", a->link);
	header(r, "Allow", a->allow);
	if (a->status == 401)
		header(r, "WWW-Authenticate", "Bearer, " PROOF_SCHEME);
	if (a->retry_after > 0) {
		snprintf(wait, sizeof wait, "%lld", (long long)a->retry_after);
		header(r, "Retry-After", wait);
	}
	header(r, NONCE_HEADER, rq->nonce);
	for (size_t i = 0; i < a->mores; i++)
		header(r, a->more[i].name, a->more[i].value);
	if (a->close || rq->server->draining)
		header(r, "Connection", "close");
}

enum MHD_Result
http_answer(struct exchange *x)
{
	struct request *rq = &x->peer->request;
	struct reply *a = &rq->reply;
	bool flows = rq->stream || rq->download != NULL || a->file >= 0;
	struct MHD_Response *r = response(x);
	enum MHD_Result ok;

	intake_free(&rq->intake);
	if (r == NULL)
		return MHD_NO;
	headers(r, rq, flows || a->body.n > 0);
	peer_phase(x->http->peers, x->peer, rq->stream ? PHASE_STREAM : PHASE_REPLY);
	x->at = AT_END;
	cork_answer(
	    &x->peer->cork, a->body.n > 0 && !flows && !str_same(rq->method, STR("HEAD")));
	ok = MHD_queue_response(x->connection, (unsigned)a->status, r);
	MHD_destroy_response(r);
	return ok;
}
