/*
 * http: what the files of the HTTPS edge know of each other. http.c starts and stops it,
 * http_receive.c takes a request from its head to its end, http_answer.c sends its reply.
 */
#ifndef HTTP_H
#define HTTP_H

#include <microhttpd.h>

#include "listen.h"
#include "pauses.h"
#include "peers.h"

struct http {
	struct server *server;
	struct peers *peers;
	struct pauses *pauses;
	struct MHD_Daemon *daemon[LISTEN_MAX];
	size_t daemons;
	struct MHD_Daemon *metrics; /* NULL if none is configured */
	char *client_ca;            /* PEM, NULL if clients need no certificate */
	_Atomic int suspended;      /* connections that wait for another thread */
	_Atomic bool stopping;      /* no more of them */
	bool quiet;                 /* no new connections */
};

/* The part of a request that is the edge's. */
struct exchange {
	struct MHD_Connection *connection;
	struct peer *peer;
	struct http *http;
	struct buf body;
	size_t dropped;
	size_t brought; /* by an upload, since its deadline moved */
	bool waiting;   /* suspended, and counted so */
	struct pause pause;
	enum {
		AT_OPENING, /* an upload's place is being made ready */
		AT_BODY,
		AT_CLOSING, /* an upload's last bytes are being written */
		AT_VIEW,    /* a viewer is being asked */
		AT_COMMIT,
		AT_PAUSE, /* its answer is there, and waits */
		AT_END
	} at;
};

/* The library's callbacks. */
enum MHD_Result http_on_request(void *http, struct MHD_Connection *, const char *url,
    const char *method, const char *version, const char *bytes, size_t *n, void **exchange);
void http_on_completed(
    void *http, struct MHD_Connection *, void **exchange, enum MHD_RequestTerminationCode);

/* Queues the request's reply. */
enum MHD_Result http_answer(struct exchange *);

/* ---- Waiting (http_wait.c) --------------------------------------------------------------- */

/* False: the edge is ending, and nothing may be waited for. */
MUST bool http_suspend(struct exchange *);
/* From whatever thread has worked for it. `arg` is the exchange. */
void http_go_on(void *arg);
/* The connection goes on. */
void http_resumed(struct exchange *);
/* The answer is there: now, or when it is time. */
enum MHD_Result http_end(struct exchange *);
/* What comes next of a request whose body is there; of one whose viewer has answered. */
enum MHD_Result http_go_to(struct exchange *, enum request_next);
enum MHD_Result http_viewed(struct exchange *);
/* The writer is done with its act, whether or not its client is still there. */
void http_act_over(struct exchange *);

#endif
