/*
 * worker: the process's own parts.
 */
#ifndef WORKER_H
#define WORKER_H

#include "base.h"
#include "job.h"

/* The two descriptors: the job message comes over the first, reports go over the second. */
enum { FD_JOB = 3, FD_PROGRESS = 4, FD_END = 5, FD_COUNT = FD_END - FD_JOB };

/* ---- adopt.c ----------------------------------------------------------------------------- */

/* Under systemd: takes the two descriptors from the connection that is descriptor 3. */
MUST bool adopt(struct ctx *);
/* E_USAGE unless the two are what they should be. */
MUST bool adopted(struct ctx *);

/* ---- walls.c ----------------------------------------------------------------------------- */

/* The outermost walls: the widest limits of any kind, then everything of sandbox.h. */
MUST bool walls_build(struct ctx *, bool child, uint64_t *ret_address_space);
/* The limits of this job, inside of those. */
MUST bool walls_narrow(struct ctx *, const struct job_limits *, uint64_t address_space);

/*
 * A thread that ends the process: with WORKER_ALONE when the progress socket's other end is
 * closed, with WORKER_LATE when the deadline (clock_monotonic) passes.
 */
struct watch {
	_Atomic int64_t deadline;
};
MUST bool watch_start(struct ctx *, struct watch *);

/* ---- local.c ----------------------------------------------------------------------------- */

/* `hallmark-worker --local KIND PARAMS [FILE…]`; returns the exit status. */
int local_main(int argc, char **argv);

#endif
