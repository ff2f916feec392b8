/*
 * peers: the open connections and their deadlines. The HTTP library's own time-out counts
 * inactivity only, so a client that sends a byte now and then stays for ever; here every phase of a
 * connection has an absolute end, and a thread that cuts what has passed it.
 */
#ifndef PEERS_H
#define PEERS_H

#include "cork.h"
#include "license.h"
#include "request.h"

struct peers;

enum { UPLOAD_PACE = 64 << 10 };

enum phase {
	PHASE_HEAD, /* handshake, or waiting for the next request's head to be complete */
	PHASE_BODY,
	PHASE_WORK, /* it is us who are slow */
	PHASE_REPLY,
	PHASE_STREAM, /* an endless answer */
	PHASE_UPLOAD, /* the next UPLOAD_PACE bytes */
};

struct peer {
	struct peer *prev, *next;
	int fd;
	_Atomic int64_t deadline;
	_Atomic int phase;
	bool certified; /* its client certificate was verified */
	char address[48];
	const char *address_end; /* of the request's address, in the library's buffer */
	/* Of that address, as it came; one that is cut is longer than a proof can name. */
	char query[PROOF_PATH_MAX + 1];
	struct cork cork;
	struct arena *mem;
	struct request request;
};

MUST bool peers_start(struct ctx *, const struct conf *, struct metrics *, struct peers **ret);
void peers_stop(struct peers **);
/* Other deadlines from now on. */
void peers_set(struct peers *, const struct conf *);
/* A new connection, or NULL when there is no memory. */
struct peer *peer_add(struct peers *, int fd);
void peer_remove(struct peers *, struct peer **);
/*
 * The arena for its requests: taken with the first one, so that a stalled handshake costs
 * little.
 */
MUST bool peer_memory(struct peer *);
/* Starts the phase's clock. */
void peer_phase(struct peers *, struct peer *, enum phase);
/*
 * From now on idle connections and uploads end at once, streams in a moment, and the others when
 * they have answered.
 */
void peers_drain(struct peers *);
size_t peers_count(struct peers *);

#endif
