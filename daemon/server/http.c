/*
 * The HTTPS edge: libmicrohttpd with a pool of polling threads. It turns the library's callbacks
 * into the steps of request.h, suspends a connection while another thread works for it, and sends
 * what the request's reply holds. Nothing here decides anything about a request.
 */
#include <fcntl.h>
#include <microhttpd.h>
#include <stdio.h>
#include <unistd.h>

#include "events.h"
#include "head.h"
#include "http.h"
#include "metrics_http.h"
#include "tls.h"

enum {
	CONNECTION_MEMORY =
	    32 << 10, /* of the library, per connection: request head and answer head */
	INACTIVE_SECONDS = 60,
};

/* ---- Connections --------------------------------------------------------------------------- */

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
	    0, NULL, NULL, http_on_request, h, MHD_OPTION_EXTERNAL_LOGGER, on_library_log, NULL,
	    MHD_OPTION_LISTEN_SOCKET, fd, MHD_OPTION_HTTPS_PRIORITIES, TLS_PRIORITIES,
	    MHD_OPTION_HTTPS_CERT_CALLBACK, tls_retrieve, MHD_OPTION_NOTIFY_CONNECTION,
	    on_connection, h, MHD_OPTION_NOTIFY_COMPLETED, http_on_completed, h,
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
	    !peers_start(c, &s->conf, s->metrics, &h->peers) || !pauses_start(c, &h->pauses) ||
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

	for (size_t i = 0; i < h->daemons && !h->quiet; i++) {
		int fd = MHD_quiesce_daemon(h->daemon[i]);

		fd_done(&fd);
	}
	h->quiet = true;
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
	pauses_stop(&(*h)->pauses);
	free((*h)->client_ca);
	free(*h);
	*h = NULL;
}
