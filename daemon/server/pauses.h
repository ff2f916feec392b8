/*
 * pauses: answers that wait a little, so that the time they took says nothing. One that speaks of
 * who or what does not exist leaves a whole number of steps after its request came, however long
 * the looking took.
 */
#ifndef PAUSES_H
#define PAUSES_H

#include "base.h"

struct pauses;

/* One answer that waits; the caller keeps it until it was called. */
struct pause {
	struct pause *next, *before;
	int64_t due; /* microseconds, monotonic */
	void (*over)(void *);
	void *arg;
};

MUST bool pauses_start(struct ctx *, struct pauses **ret);
/* When nobody waits any more. */
void pauses_stop(struct pauses **);
/* Calls over(arg) once, from another thread, at the next whole step after `began`. */
void pause_begin(
    struct pauses *, struct pause *, int64_t began, void (*over)(void *), void *arg);

#endif
