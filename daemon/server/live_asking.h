/*
 * live_asking: verifications that ask a service. Their workers compose questions and have no
 * network; here each question is held against the configuration and the challenge that it belongs
 * to, goes to a courier, and what came back goes to the worker, unread.
 */
#ifndef LIVE_ASKING_H
#define LIVE_ASKING_H

#include "server.h"

struct live;
MUST bool live_start(struct ctx *, struct server *, struct live **ret);
/* Whoever still asks hears nothing any more. */
void live_stop(struct live **);
/*
 * From here on the questions of this job's worker are heard, until it closes its end. The
 * descriptor is the callee's. Without a `live` nobody hears them.
 */
void live_attend(struct live *, const struct job_row *, int fd);

#endif
