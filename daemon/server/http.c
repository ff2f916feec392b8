/*
 * The HTTPS edge: libmicrohttpd with a pool of polling threads. It turns the library's callbacks
 * into the steps of request.h, suspends a connection while the writer commits, and sends what the
 * request's reply holds. Nothing here decides anything about a request.
 */
#include <fcntl.h>
#include <microhttpd.h>
#include <stdio.h>
#include <unistd.h>

#include "events.h"
#include "head.h"
#include "listen.h"
#include "metrics_http.h"
#include "peers.h"
#include "tls.h"

enum {
	CONNECTION_MEMORY =
	    32 << 10, /* of the library, per connection: request head and answer head */
	INACTIVE_SECONDS = 60,
	DRAIN_BODY_MAX = 1 << 20, /* a refused request's body is read up to here, then cut */
};

struct http {
	struct server *server;
	struct peers *peers;
	struct MHD_Daemon *daemon[LISTEN_MAX];
	size_t daemons;
	struct MHD_Daemon *metrics; /* NULL if none is configured */
	char *client_ca;            /* PEM, NULL if clients need no certificate */
	_Atomic int suspended;      /* connections that wait for the writer */
	_Atomic bool stopping;      /* no more of them */
};

/* The part of a request that is the edge's. */
struct exchange {
	struct MHD_Connection *connection;
	struct peer *peer;
	struct http *http;
	struct buf body;
	size_t dropped;
	enum { AT_BODY, AT_COMMIT, AT_END } at;
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

/* ---- Sending ----------------------------------------------------------------------------- */

static void
header(struct MHD_Response *r, const char *name, const char *value)
{
	if (value != NULL && value[0] != '\0' &&
	    MHD_add_response_header(r, name, value) != MHD_YES)
		log_event(LOG_LEVEL_WARNING, NULL, "header-lost", "name=%s", name);
}

static enum MHD_Result
answer(struct exchange *x)
{
	struct request *rq = &x->peer->request;
	struct reply *a = &rq->reply;
	struct MHD_Response *r;
	enum MHD_Result ok;
	char wait[24];

	if (rq->stream) {
		r = events_response(rq, x->connection);
	} else {
		union {
			const char *from;
			void *to;
		} p = { a->body.p };

		r = MHD_create_response_from_buffer(a->body.n, p.to, MHD_RESPMEM_PERSISTENT);
	}
	if (r == NULL)
		return MHD_NO;
	if (a->body.n > 0 || rq->stream)
		header(r, "Content-Type", a->type == NULL ? "application/json" : a->type);
	header(r, "X-Request-Id", rq->id);
	header(r, "Cache-Control", "no-store");
	header(r, "ETag", a->etag);
	header(r, "Location", a->location);
	header(r, "Link", a->link);
	header(r, "Allow", a->allow);
	if (a->status == 401)
		header(r, "WWW-Authenticate", "Bearer");
	if (a->retry_after > 0) {
		snprintf(wait, sizeof wait, "%lld", (long long)a->retry_after);
		header(r, "Retry-After", wait);
	}
	if (a->close || x->http->server->draining)
		header(r, "Connection", "close");
	peer_phase(x->http->peers, x->peer, rq->stream ? PHASE_STREAM : PHASE_REPLY);
	x->at = AT_END;
	cork_answer(
	    &x->peer->cork, a->body.n > 0 && !rq->stream && !str_same(rq->method, STR("HEAD")));
	ok = MHD_queue_response(x->connection, (unsigned)a->status, r);
	MHD_destroy_response(r);
	return ok;
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

static enum MHD_Result
begin(struct http *h, struct peer *peer, struct MHD_Connection *connection, const char *url,
    const char *method, const char *version, void **req_cls)
{
	struct request *rq = &peer->request;
	struct exchange *x;
	struct timespec t;
	bool plain;

	if (!peer_memory(peer))
		return MHD_NO;
	arena_reset(peer->mem);
	request_begin(rq, h->server, peer->mem);
	x = take(&rq->c, sizeof *x);
	if (x == NULL)
		return MHD_NO;
	*x = (struct exchange){ .connection = connection, .peer = peer, .http = h };
	rq->edge = x;
	*req_cls = x;
	clock_gettime(CLOCK_MONOTONIC, &t);
	rq->began_us = (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
	rq->method = str_of(method);
	rq->path = str_of(url);
	memcpy(rq->address, peer->address, sizeof rq->address);
	head_request_id(rq);
	peer_phase(h->peers, peer, PHASE_BODY);
	plain = head_plain(&rq->c, connection, peer, version);
	if (plain && certified(&rq->c, x))
		request_head(rq);
	else
		request_refuse(rq);
	if (!plain || (rq->refused && answer_now(rq))) {
		rq->reply.close = true;
		return answer(x);
	}
	return MHD_YES;
}

/* As many bytes as the body is going to have, if the client says so. */
static size_t
body_room(struct request *rq)
{
	int64_t n = (int64_t)rq->route->max_body;

	if (!str_number(request_header(rq, "Content-Length"), 0, n, &n))
		n = (int64_t)rq->route->max_body;
	return (size_t)n + 1;
}

static enum MHD_Result
body(struct exchange *x, const char *bytes, size_t *n)
{
	struct request *rq = &x->peer->request;
	size_t max = rq->route == NULL ? 0 : rq->route->max_body;

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
		x->dropped += *n;
	else
		buf_put(&x->body, (struct str){ bytes, *n });
	*n = 0;
	return x->dropped > DRAIN_BODY_MAX ? MHD_NO : MHD_YES;
}

/* On the writer's thread: the rest happens on the connection's own. */
static void
committed(struct act *act)
{
	struct request *rq = (struct request *)((char *)act - offsetof(struct request, act));
	struct exchange *x = rq->edge;

	MHD_resume_connection(x->connection);
}

/* Counted among the suspended already, so that http_stop has either seen it or refuses it here. */
MUST static bool
submit(struct exchange *x)
{
	struct request *rq = &x->peer->request;

	if (x->http->stopping)
		return fail(&rq->c, E_DRAINING, "the daemon is ending");
	return store_submit(&rq->c, x->http->server->store, &rq->act);
}

/* The writer is done with it, whether or not its client is still there. */
static void
act_over(struct exchange *x)
{
	x->at = AT_END;
	x->http->suspended--;
	request_done(&x->peer->request);
}

static enum MHD_Result
whole(struct exchange *x)
{
	struct request *rq = &x->peer->request;

	peer_phase(x->http->peers, x->peer, PHASE_WORK);
	rq->body = buf_str(&x->body);
	if (rq->refused || !request_body(rq))
		return answer(x);
	rq->act.done = committed;
	x->at = AT_COMMIT;
	x->http->suspended++;
	MHD_suspend_connection(x->connection);
	if (!submit(x)) {
		rq->act.run = NULL; /* nor will the writer leave its row */
		rq->act.ok = false;
		MHD_resume_connection(x->connection);
	}
	return MHD_YES;
}

static enum MHD_Result
on_request(void *cls, struct MHD_Connection *connection, const char *url, const char *method,
    const char *version, const char *bytes, size_t *n, void **req_cls)
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
	if (*n > 0)
		return body(x, bytes, n);
	if (x->at == AT_BODY)
		return whole(x);
	if (x->at == AT_COMMIT) {
		act_over(x);
		return answer(x);
	}
	return MHD_YES;
}

static void
on_completed(void *cls, struct MHD_Connection *connection, void **req_cls,
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
	if (x->at == AT_COMMIT) /* its client has gone meanwhile: what was done stays done */
		act_over(x);
	clock_gettime(CLOCK_MONOTONIC, &t);
	if (x->at == AT_END)
		metrics_request(h->server->metrics, rq->reply.status,
		    (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000 - rq->began_us);
	key256_done(&rq->answer_key);
	peer_phase(h->peers, x->peer, PHASE_HEAD);
}

static void
on_connection(void *cls, struct MHD_Connection *connection, void **socket_context,
    enum MHD_ConnectionNotificationCode code)
{
	struct http *h = cls;
	const union MHD_ConnectionInfo *info;
	struct peer *p;

	if (code == MHD_CONNECTION_NOTIFY_CLOSED) {
		p = *socket_context;
		peer_remove(h->peers, &p);
		*socket_context = NULL;
		return;
	}
	info = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
	p = info == NULL ? NULL : peer_add(h->peers, info->connect_fd);
	*socket_context = p;
	if (p == NULL)
		return;
	head_peer_address(connection, p->address, sizeof p->address);
	info = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_GNUTLS_SESSION);
	if (info != NULL)
		cork_fit(&p->cork, info->tls_session, p->fd);
}

/*
 * Paths and parameters stay as they came: request.c decodes them itself, to see what it
 * refuses.
 */
static size_t
on_escaped(void *cls, struct MHD_Connection *connection, char *text)
{
	(void)cls, (void)connection;
	return strlen(text);
}

__attribute__((format(printf, 2, 0))) static void
on_library_log(void *cls, const char *fmt, va_list args)
{
	char line[240];

	(void)cls;
	vsnprintf(line, sizeof line, fmt, args);
	log_event(LOG_LEVEL_DEBUG, NULL, "http-library", "text=%s", log_quote(str_of(line)));
}

/* ---- Starting and stopping --------------------------------------------------------------- */

static struct MHD_Daemon *
serve(struct http *h, int fd)
{
	const struct conf *conf = &h->server->conf;
	struct MHD_OptionItem more[] = {
		{ MHD_OPTION_THREAD_POOL_SIZE, conf->threads, NULL },
		{ MHD_OPTION_HTTPS_MEM_TRUST, 0, h->client_ca },
		{ MHD_OPTION_END, 0, NULL },
	};

	if (h->client_ca == NULL)
		more[1] = more[2];
	if (conf->threads == 1)
		more[0] = more[1], more[1] = more[2];
	return MHD_start_daemon(MHD_USE_POLL_INTERNAL_THREAD | MHD_USE_TLS | MHD_USE_ERROR_LOG |
		MHD_ALLOW_SUSPEND_RESUME | MHD_USE_ITC,
	    0, NULL, NULL, on_request, h, MHD_OPTION_EXTERNAL_LOGGER, on_library_log, NULL,
	    MHD_OPTION_LISTEN_SOCKET, fd, MHD_OPTION_HTTPS_PRIORITIES, TLS_PRIORITIES,
	    MHD_OPTION_HTTPS_CERT_CALLBACK, tls_retrieve, MHD_OPTION_NOTIFY_CONNECTION,
	    on_connection, h, MHD_OPTION_NOTIFY_COMPLETED, on_completed, h,
	    MHD_OPTION_URI_LOG_CALLBACK, head_address, NULL, MHD_OPTION_UNESCAPE_CALLBACK,
	    on_escaped, NULL, MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)CONNECTION_MEMORY,
	    MHD_OPTION_CONNECTION_LIMIT, (unsigned)conf->connections,
	    MHD_OPTION_PER_IP_CONNECTION_LIMIT, (unsigned)conf->connections_per_address,
	    MHD_OPTION_CONNECTION_TIMEOUT, (unsigned)INACTIVE_SECONDS, MHD_OPTION_ARRAY, more,
	    MHD_OPTION_END);
}

MUST static bool
client_ca_read(struct ctx *c, struct http *h)
{
	struct str pem;

	if (h->server->conf.client_ca[0] == '\0')
		return true;
	if (!file_read(c, AT_FDCWD, h->server->conf.client_ca, 1 << 20, &pem))
		return false;
	h->client_ca = strndup(pem.p, pem.n);
	return h->client_ca != NULL ? true : fail(c, E_MEMORY, "no memory for client-ca");
}

bool
http_start(struct ctx *c, struct server *s, struct http **ret)
{
	owned(http_stop) struct http *h = calloc(1, sizeof *h);
	struct listeners ls = { 0 };

	if (h == NULL)
		return fail(c, E_MEMORY, "no memory for HTTP");
	h->server = s;
	if (!tls_load(c, &s->conf) || !client_ca_read(c, h) ||
	    !peers_start(c, &s->conf, s->metrics, &h->peers) ||
	    !listen_https(c, s->conf.listen, &ls))
		return false;
	for (size_t i = 0; i < ls.n; i++) {
		h->daemon[i] = serve(h, ls.fd[i]);
		if (h->daemon[i] == NULL)
			return fail(c, E_PEER, "cannot serve HTTPS on %s", ls.name[i]);
		h->daemons++;
		log_event(LOG_LEVEL_INFO, NULL, "listening", "address=%s", ls.name[i]);
	}
	if (!metrics_serve(c, s, &h->metrics))
		return false;
	*ret = steal(h);
	return true;
}

bool
http_reload(struct ctx *c, struct http *h, const struct conf *conf)
{
	if (!tls_load(c, conf))
		return false;
	peers_set(h->peers, conf);
	return true;
}

void
http_drain(struct http *h, int64_t ms)
{
	int64_t until = clock_monotonic() + ms;

	for (size_t i = 0; i < h->daemons; i++) {
		int fd = MHD_quiesce_daemon(h->daemon[i]);

		fd_done(&fd);
	}
	events_end();
	peers_drain(h->peers);
	while (peers_count(h->peers) > 0 && clock_monotonic() < until)
		usleep(20000);
}

void
http_stop(struct http **h)
{
	if (*h == NULL)
		return;
	(*h)->stopping = true;
	events_end();
	while ((*h)->suspended > 0 || events_open() > 0)
		usleep(5000); /* the writer answers all it was given */
	for (size_t i = 0; i < (*h)->daemons; i++)
		MHD_stop_daemon((*h)->daemon[i]);
	if ((*h)->metrics != NULL)
		MHD_stop_daemon((*h)->metrics);
	if ((*h)->peers != NULL)
		peers_stop(&(*h)->peers);
	free((*h)->client_ca);
	free(*h);
	*h = NULL;
}
