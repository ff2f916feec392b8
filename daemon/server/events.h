/*
 * events: a job's progress as server-sent events, until it ends or the client goes away.
 */
#ifndef EVENTS_H
#define EVENTS_H

#include "request.h"

struct MHD_Connection;
struct MHD_Response;

/*
 * Whether one more stream may begin: E_RATE if the vendor has as many as it may have, E_BUSY if
 * all together are too many.
 */
MUST bool events_room(struct ctx *, const struct id *vendor);
/* The answer to a request whose `stream` is set; NULL when there is no memory. */
struct MHD_Response *events_response(struct request *, struct MHD_Connection *);
/* Wakes every stream, to show that it is alive and to find out who is gone; every few seconds. */
void events_beat(void);
/* Ends every stream, for the daemon's stop. */
void events_end(void);
/* How many are asleep. */
size_t events_open(void);

#endif
