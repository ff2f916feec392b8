/*
 * clock: the latest moment that is known to have been. The system's clock may be set back, by
 * mistake or on purpose; what has ended by it once does not begin again.
 */
#ifndef CLOCK_H
#define CLOCK_H

#include "server.h"

/* From the audit's last row on, whose time was signed or will be; after store_open. */
MUST bool clock_start(struct ctx *, struct server *);
/*
 * That moment, in milliseconds; never less than before, and `now` counts. A clock that is more than
 * five minutes behind it goes into the audit (clock.back), once until it has caught up.
 */
int64_t clock_seen(struct server *, int64_t now);

#endif
