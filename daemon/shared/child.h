/*
 * child: starts one of our own programs as a child with chosen descriptors and nothing else of
 * ours, and ends it.
 */
#ifndef CHILD_H
#define CHILD_H

#include "base.h"

#include <sys/types.h>

struct child {
	pid_t pid;
	int pidfd; /* readable (poll) once the child has ended */
};

/*
 * Starts `folder`/argv[0] with fds[0..n) as its descriptors 3, 4, …, the same standard error, no
 * other descriptor that is close-on-exec (all of ours are), no signal blocked or ignored, in a
 * process group of its own, with the few environment variables that our programs read. Safe in a
 * process with threads. At most CHILD_FDS_MAX descriptors; they stay the caller's.
 */
#define CHILD_FDS_MAX 4
MUST bool child_start(struct ctx *, const char *folder, const char *const argv[],
    const int fds[], size_t n, struct child *ret);
/* Waits up to `wait_ms` for it to end, then kills it; reaps it. *ret_status is waitpid's. */
void child_end(struct child *, int wait_ms, int *ret_status);

#endif
