/*
 * uploads: the files that arrive. A part of a model, data set or suspect comes in one request or in
 * several, is sealed as it comes, and lies plain nowhere but in a buffer of this process. The
 * threads of the edge collect bytes; a few threads of our own seal and write them, so that a slow
 * disk never holds up a thread that serves others.
 */
#ifndef UPLOADS_H
#define UPLOADS_H

#include "server.h"

struct uploads;

MUST bool uploads_start(struct ctx *, struct server *, struct uploads **ret);
/* After the edge: what it has handed over is written before this returns. */
void uploads_stop(struct uploads **);
/* Files that are kept open for their senders, for the metrics. */
size_t uploads_open(struct uploads *);
/* Bytes of an arriving part that are here: the `from` that a sender should go on with. */
int64_t uploads_received(struct uploads *, const struct blob_row *);
/*
 * Nobody sends this part of the owner (NULL: any part) any more: it is whole, or was deleted. Its
 * rows are the caller's business.
 */
void uploads_forget(struct uploads *, struct str owner, const char *part);
/* Deletes parts that began to arrive before `before` and that nobody sends; at most `max`. */
MUST bool uploads_prune(struct ctx *, struct server *, int64_t before, size_t max);

/* ---- One request that brings bytes --------------------------------------------------------- */

/* Within an act: what a part belongs to is there. */
typedef bool upload_there(struct ctx *, struct db *, struct str vendor, struct str id);
struct upload_wanted {
	upload_there *there;
	struct id vendor, owner;
	const char *part; /* static */
	int64_t size;     /* of the whole part, and its digest: the same in each request */
	struct digest256 sha256;
	int64_t from; /* the place of this request's first byte; -1: where the part stopped */
	int64_t n;    /* bytes that it brings */
	bool anew;    /* from 0, whatever was there before */
};

/*
 * One of them. Each step goes on in another thread: start it, then have `ready` called once when
 * nothing is left to do, then ask how it went.
 */
struct intake;
typedef void intake_ready(void *arg);

/*
 * A place among the uploads, which intake_free gives back. E_CONFLICT while another request sends
 * this part; E_RATE and E_BUSY when too many are sent.
 */
MUST bool intake_new(
    struct ctx *, struct uploads *, const struct upload_wanted *, struct intake **ret);
/* The first step: finds out, or prepares, where the part stopped. */
void intake_open(struct intake *);
/* Copies as many bytes as there is room for. */
size_t intake_take(struct intake *, const char *, size_t n);
/* There is no room: swap, or wait until that can be done. */
bool intake_full(const struct intake *);
/* Hands what was taken over, unless what was handed over before is still being written. */
bool intake_swap(struct intake *);
/* The last step: writes what was taken; if that was the part's end, verifies and syncs it. */
void intake_close(struct intake *);
void intake_wait(struct intake *, intake_ready *, void *arg);
/*
 * False, with the reason, if a step went wrong. E_CONFLICT: the bytes do not fit behind those that
 * are here; E_DIGEST: it is not what was announced, and all of it was thrown away; E_FULL as well.
 */
MUST bool intake_ok(struct ctx *, struct intake *);
struct upload_now {
	struct id blob;
	int64_t received;
	bool whole; /* and verified */
};
/* Between steps. */
struct upload_now intake_now(const struct intake *);
/* The request is over, well or not. What it brought stays. */
void intake_free(struct intake **);

#endif
