/*
 * workers: how the server starts a worker for one job, hears from it and ends it. Either as a child
 * of its own, or, under systemd, by a connection to the worker's socket unit, where the worker runs
 * in a unit of its own. From the moment the two descriptors are there, both are the same.
 */
#ifndef WORKERS_H
#define WORKERS_H

#include "base.h"
#include "job.h"

#include <sys/types.h>

struct worker {
	pid_t pid;    /* 0: not our child, systemd's */
	int pidfd;    /* readable once the child has ended; -1 if it is not ours */
	int progress; /* reports come here; readable at end of life too */
	int job;      /* of a kind that stays, or asks: where that is done; else -1 */
};

struct worker_conf {
	const char *programs; /* the folder of hallmark-worker */
	const char *socket;   /* path of the socket unit; NULL: start a child */
};

/*
 * Starts one worker on one job. blob_fd[i] is an open descriptor of the message's blob i, position
 * at the start, out_fd[i] an empty file for its output i. Descriptors stay the caller's and may be
 * closed afterwards. The child ends with the thread that called this: use one that lives as
 * long as the server. SIGCHLD must not be ignored.
 */
MUST bool worker_start(struct ctx *, const struct worker_conf *, const struct job_message *,
    const int blob_fd[], const int out_fd[], struct worker *ret);

/*
 * The next report, waiting until `deadline` (clock_monotonic; E_SLOW when it passes, 0: do not
 * wait). *ret_ended without a report: the worker is gone. E_PEER: it sent nonsense; end it.
 */
MUST bool worker_next(
    struct ctx *, struct worker *, int64_t deadline, bool *ret_ended, struct job_report *ret);

/*
 * Ends it at once, whatever it does (closing the progress socket ends one that is not our child),
 * reaps it, closes the descriptors. The sentence says how it ended: "exceeded its time limit".
 */
void worker_kill(struct worker *, const char **ret_how);
/* The same for one that has said its last: waits up to two seconds for it to end by itself. */
void worker_end(struct worker *, const char **ret_how);

#endif
