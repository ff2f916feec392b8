/*
 * A request from its head to its end. The library calls back for the head, for each piece of the
 * body, for the end of the body, and again whenever a suspended connection goes on; what that means
 * says where the exchange stands. A connection is suspended while another thread works for it: the
 * writer on its act, an upload's thread on its bytes, a viewer on its picture.
 */
#include "head.h"
#include "http.h"
#include "tls.h"
#include "uploads.h"

enum {
	DRAIN_BODY_MAX = 1 << 20,    /* a refused request's body is read up to here, then cut */
	DRAIN_UPLOAD_MAX = 64 << 20, /* the same of an upload that was refused on its way */
};

/* ---- What request.c asks ----------------------------------------------------------------- */

static struct str
looked_up(struct request *rq, enum MHD_ValueKind kind, const char *name)
{
	struct exchange *x = rq->edge;
	const char *value = NULL;
	size_t n = 0;

	if (MHD_lookup_connection_value_n(
		x->connection, kind, name, strlen(name), &value, &n) != MHD_YES ||
	    value == NULL)
		return (struct str){ "", 0 };
	return (struct str){ value, n };
}

struct str
request_query(struct request *rq, const char *name)
{
	return looked_up(rq, MHD_GET_ARGUMENT_KIND, name);
}

struct str
request_header(struct request *rq, const char *name)
{
	return looked_up(rq, MHD_HEADER_KIND, name);
}

/* ---- Receiving --------------------------------------------------------------------------- */

MUST static bool
certified(struct ctx *c, struct exchange *x)
{
	const union MHD_ConnectionInfo *info;

	if (x->http->client_ca == NULL || x->peer->certified)
		return true;
	info = MHD_get_connection_info(x->connection, MHD_CONNECTION_INFO_GNUTLS_SESSION);
	if (info == NULL || !tls_peer_verified(c, info->tls_session))
		return false;
	x->peer->certified = true;
	return true;
}

/* A refusal is told at once if its body would be long or is waited for; else after the body. */
static bool
answer_now(struct request *rq)
{
	int64_t n = 0;
	struct str length = request_header(rq, "Content-Length");

	return request_header(rq, "Expect").n > 0 ||
	    (length.n > 0 && !str_number(length, 0, DRAIN_BODY_MAX, &n));
}

/* ---- Heads ------------------------------------------------------------------------------- */

/* Now, or, if little of a body is to come, behind it: who is sending hears nothing. */
static enum MHD_Result
refused(struct exchange *x)
{
	struct request *rq = &x->peer->request;

	if (!answer_now(rq))
		return MHD_YES;
	rq->reply.close = true;
	return http_end(x);
}

/* An upload's place is being made ready; see `opened`. */
static enum MHD_Result
open_upload(struct exchange *x)
{
	struct request *rq = &x->peer->request;

	request_upload(rq);
	if (rq->refused)
		return refused(x);
	if (!http_suspend(x))
		return MHD_NO;
	x->at = AT_OPENING;
	intake_open(rq->intake);
	intake_wait(rq->intake, http_go_on, x);
	return MHD_YES;
}

/* Its steps went well so far; if not, the request is refused. */
static void
upload_ask(struct request *rq)
{
	if (rq->refused || intake_ok(&rq->c, rq->intake))
		return;
	if (strcmp(rq->c.err.at, "Content-Range") == 0)
		rq->reply.received = intake_now(rq->intake).received;
	request_refuse(rq);
}

static enum MHD_Result
opened(struct exchange *x)
{
	struct request *rq = &x->peer->request;

	upload_ask(rq);
	x->at = AT_BODY;
	peer_phase(x->http->peers, x->peer, PHASE_UPLOAD);
	return rq->refused ? refused(x) : MHD_YES;
}

/* What the head says; false if that is refused at once, whatever follows. */
static bool
head(struct exchange *x, const char *version)
{
	struct request *rq = &x->peer->request;
	bool ok = head_plain(&rq->c, x->connection, x->peer, version);

	head_request_id(rq);
	if (ok && certified(&rq->c, x))
		request_head(rq);
	else
		request_refuse(rq);
	return ok;
}

static enum MHD_Result
begin(struct http *h, struct peer *peer, struct MHD_Connection *connection, const char *url,
    const char *method, const char *version, void **req_cls)
{
	struct request *rq = &peer->request;
	struct exchange *x;
	struct timespec t;

	if (!peer_memory(peer))
		return MHD_NO;
	arena_reset(peer->mem);
	request_begin(rq, h->server, peer->mem);
	x = take(&rq->c, sizeof *x);
	if (x == NULL)
		return MHD_NO;
	*x = (struct exchange){
		.connection = connection, .peer = peer, .http = h, .at = AT_BODY
	};
	rq->edge = x;
	*req_cls = x;
	clock_gettime(CLOCK_MONOTONIC, &t);
	rq->began_us = (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
	rq->method = str_of(method);
	rq->path = rq->target = str_of(url);
	if (peer->query[0] != '\0')
		rq->target = str_of(take_printf(&rq->c, "%s%s", url, peer->query));
	memcpy(rq->address, peer->address, sizeof rq->address);
	peer_phase(h->peers, peer, PHASE_BODY);
	if (!head(x, version)) {
		rq->reply.close = true;
		return http_end(x);
	}
	if (rq->refused)
		return refused(x);
	return rq->route->flags & ROUTE_UPLOAD ? open_upload(x) : MHD_YES;
}

/* ---- Bodies ------------------------------------------------------------------------------ */

/* As many bytes as the body is going to have, if the client says so. */
static size_t
body_room(struct request *rq)
{
	int64_t n = (int64_t)rq->route->max_body;

	if (!str_number(request_header(rq, "Content-Length"), 0, n, &n))
		n = (int64_t)rq->route->max_body;
	return (size_t)n + 1;
}

/* An upload moves as long as it brings its pace. */
static void
pace(struct exchange *x, size_t n)
{
	x->brought += n;
	if (x->brought < UPLOAD_PACE)
		return;
	x->brought = 0;
	peer_phase(x->http->peers, x->peer, PHASE_UPLOAD);
}

/* Bytes that come although they are refused: nobody waits for them, but for their end. */
static enum MHD_Result
drop(struct exchange *x, size_t *n, size_t max)
{
	x->dropped += *n;
	*n = 0;
	return x->dropped > max ? MHD_NO : MHD_YES;
}

/* A room holds more than the library ever brings at once: behind a swap there is enough. */
static enum MHD_Result
upload_body(struct exchange *x, const char *bytes, size_t *n)
{
	struct request *rq = &x->peer->request;
	size_t taken;

	if (x->waiting) {
		http_resumed(x);
		x->brought = UPLOAD_PACE;
	}
	pace(x, *n);
	upload_ask(rq);
	if (rq->refused)
		return drop(x, n, DRAIN_UPLOAD_MAX);
	while (*n > 0 && (!intake_full(rq->intake) || intake_swap(rq->intake))) {
		taken = intake_take(rq->intake, bytes, *n);
		metrics_bytes(x->http->server->metrics, (int64_t)taken, 0);
		bytes += taken;
		*n -= taken;
	}
	if (*n == 0)
		return MHD_YES;
	if (!http_suspend(x))
		return MHD_NO;
	intake_wait(rq->intake, http_go_on, x);
	return MHD_YES;
}

static enum MHD_Result
body(struct exchange *x, const char *bytes, size_t *n)
{
	struct request *rq = &x->peer->request;
	size_t max = rq->route == NULL ? 0 : rq->route->max_body;

	if (rq->intake != NULL)
		return upload_body(x, bytes, n);
	if (!rq->refused && x->body.p == NULL && !take_buf(&rq->c, body_room(rq), &x->body)) {
		request_problem(rq);
		rq->refused = true;
	}
	if (!rq->refused && *n > max - x->body.n) {
		if (!fail(&rq->c, E_LIMIT, "the body may have %zu bytes here", max))
			request_problem(rq);
		rq->refused = true;
	}
	if (rq->refused)
		return drop(x, n, DRAIN_BODY_MAX);
	buf_put(&x->body, (struct str){ bytes, *n });
	*n = 0;
	return MHD_YES;
}

/* ---- Ends -------------------------------------------------------------------------------- */

static enum MHD_Result
finish(struct exchange *x)
{
	struct request *rq = &x->peer->request;

	peer_phase(x->http->peers, x->peer, PHASE_WORK);
	rq->body = buf_str(&x->body);
	return rq->refused ? http_end(x) : http_go_to(x, request_body(rq));
}

/* The body is all here; an upload's last bytes have to be written first. */
static enum MHD_Result
whole(struct exchange *x)
{
	struct request *rq = &x->peer->request;

	http_resumed(x);
	if (rq->intake == NULL || rq->refused)
		return finish(x);
	if (!http_suspend(x))
		return MHD_NO;
	x->at = AT_CLOSING;
	intake_close(rq->intake);
	intake_wait(rq->intake, http_go_on, x);
	return MHD_YES;
}

/* The connection goes on behind one of its steps, or behind its body. */
static enum MHD_Result
next_step(struct exchange *x)
{
	switch (x->at) {
	case AT_OPENING:
		http_resumed(x);
		return opened(x);
	case AT_BODY:
		return whole(x);
	case AT_CLOSING:
		http_resumed(x);
		upload_ask(&x->peer->request);
		return finish(x);
	case AT_VIEW:
		return http_viewed(x);
	case AT_COMMIT:
		http_resumed(x);
		http_act_over(x);
		request_late(&x->peer->request);
		return http_end(x);
	case AT_PAUSE:
		http_resumed(x);
		return http_answer(x);
	case AT_END:
		break;
	}
	return MHD_YES;
}

enum MHD_Result
http_on_request(void *cls, struct MHD_Connection *connection, const char *url,
    const char *method, const char *version, const char *bytes, size_t *n, void **req_cls)
{
	const union MHD_ConnectionInfo *info;
	struct exchange *x = *req_cls;

	if (x == NULL) {
		info = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
		if (info == NULL || info->socket_context == NULL)
			return MHD_NO;
		return begin(
		    cls, info->socket_context, connection, url, method, version, req_cls);
	}
	return *n > 0 ? body(x, bytes, n) : next_step(x);
}

void
http_on_completed(void *cls, struct MHD_Connection *connection, void **req_cls,
    enum MHD_RequestTerminationCode why)
{
	struct exchange *x = *req_cls;
	struct request *rq;
	struct http *h = cls;
	struct timespec t;

	(void)connection, (void)why;
	if (x == NULL)
		return;
	*req_cls = NULL;
	rq = &x->peer->request;
	http_resumed(x);
	if (x->at == AT_COMMIT) /* its client has gone meanwhile: what was done stays done */
		http_act_over(x);
	else if (x->at == AT_VIEW ||
	    (rq->intake != NULL && x->at != AT_END && x->at != AT_PAUSE))
		request_gone(rq);
	intake_free(&rq->intake);
	fd_done(&rq->reply.file);
	clock_gettime(CLOCK_MONOTONIC, &t);
	if (x->at == AT_END)
		metrics_request(h->server->metrics, rq->reply.status,
		    (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000 - rq->began_us);
	key256_done(&rq->answer_key);
	peer_phase(h->peers, x->peer, PHASE_HEAD);
}
