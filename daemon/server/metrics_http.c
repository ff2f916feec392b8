/*
 * /metrics for a collector on the same machine: plain HTTP on a loopback address, if one is
 * configured. It knows this one path and nothing of the rest of the server.
 */
#include <microhttpd.h>

#include "listen.h"
#include "metrics_http.h"

enum { METRICS_TEXT_MAX = 64 << 10, METRICS_CONNECTIONS = 16, METRICS_SECONDS = 10 };

static enum MHD_Result
say(struct MHD_Connection *connection, unsigned status, struct str text)
{
	union {
		const char *from;
		void *to;
	} p = { text.p };
	struct MHD_Response *r = MHD_create_response_from_buffer(
	    text.n, p.to, MHD_RESPMEM_MUST_COPY);
	enum MHD_Result ok;

	if (r == NULL)
		return MHD_NO;
	(void)MHD_add_response_header(r, "Content-Type", "text/plain; version=0.0.4");
	ok = MHD_queue_response(connection, status, r);
	MHD_destroy_response(r);
	return ok;
}

static enum MHD_Result
on_request(void *cls, struct MHD_Connection *connection, const char *url, const char *method,
    const char *version, const char *bytes, size_t *n, void **req_cls)
{
	static int seen;
	struct arena *mem;
	struct ctx c;
	struct buf text;
	enum MHD_Result ok;

	(void)version, (void)bytes;
	if (*req_cls == NULL) {
		*req_cls = &seen;
		return MHD_YES;
	}
	if (*n > 0)
		return MHD_NO;
	if (strcmp(url, "/metrics") != 0 || strcmp(method, "GET") != 0)
		return say(connection, 404, STR("GET /metrics is all there is here\n"));
	mem = arena_new(METRICS_TEXT_MAX * 2);
	if (mem == NULL)
		return MHD_NO;
	c = ctx_real(mem, "metrics");
	if (take_buf(&c, METRICS_TEXT_MAX, &text) && metrics_print(&c, cls, &text))
		ok = say(connection, 200, buf_str(&text));
	else
		ok = say(connection, (unsigned)err_http(c.err.code), str_of(c.err.text));
	arena_free(&mem);
	return ok;
}

bool
metrics_serve(struct ctx *c, struct server *s, struct MHD_Daemon **ret)
{
	owned(fd_done) int fd = -1;

	*ret = NULL;
	if (s->conf.metrics_listen[0] == '\0')
		return true;
	if (!listen_loopback(c, s->conf.metrics_listen, &fd))
		return false;
	*ret = MHD_start_daemon(MHD_USE_POLL_INTERNAL_THREAD | MHD_USE_ITC, 0, NULL, NULL,
	    on_request, s, MHD_OPTION_LISTEN_SOCKET, fd, MHD_OPTION_CONNECTION_LIMIT,
	    (unsigned)METRICS_CONNECTIONS, MHD_OPTION_CONNECTION_TIMEOUT,
	    (unsigned)METRICS_SECONDS, MHD_OPTION_END);
	if (*ret == NULL)
		return fail(c, E_PEER, "cannot serve metrics on %s", s->conf.metrics_listen);
	fd = -1; /* the library's now */
	return true;
}
