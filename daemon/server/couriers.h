/*
 * couriers: the lives of hallmark-couriers. There are two, each the child of a thread of its own:
 * one delivers webhooks, the other asks services that are suspects; they differ in where they may
 * go, and in nothing else.
 */
#ifndef COURIERS_H
#define COURIERS_H

#include "child.h"
#include "courier_wire.h"
#include "server.h"

struct courier {
	const char *programs;              /* the folder of hallmark-courier */
	const char *name;                  /* for the log */
	const char *option[6];             /* what it is started with; NULL at the end */
	struct child child;                /* pid 0: there is none */
	int fd;                            /* of its socket; -1 */
	int64_t born, revive_at, patience; /* monotonic, monotonic, ms */
	bool warned;                       /* that its walls before the files are missing */
};
/* The one that delivers to webhooks, and the one that asks services; neither runs yet. */
struct courier courier_of_webhooks(const struct conf *);
struct courier courier_of_suspects(const struct conf *);

/* Starts it, if there is none and it is time to. */
void courier_revive(struct ctx *, struct courier *);
/* Ends it; the next one is started in a moment, later if this one has not lived long. */
void courier_lose(struct courier *, const char *why);
/* Ends it, and that is all. */
void courier_stop(struct courier *);
/* It has ended by itself. */
bool courier_is_dead(const struct courier *);
/* It is old: another would read the authorities and the resolver's settings anew. */
bool courier_is_old(const struct courier *);
/* Gives it a message. */
MUST bool courier_give(struct ctx *, struct courier *, struct str message);
/*
 * The next message that is there, if one is, into room for LIVE_MESSAGE_MAX bytes; false when the
 * courier is of no use any more.
 */
MUST bool courier_hear(
    struct ctx *, struct courier *, char *room, bool *ret_found, struct str *ret);

#endif
