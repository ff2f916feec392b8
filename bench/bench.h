/*
 * bench: what the measuring programs share. They run for one measurement and end at the first thing
 * that goes wrong.
 */
#ifndef BENCH_H
#define BENCH_H

#include <time.h>

#include "base.h"

extern _Thread_local struct ctx *ctx; /* the thread's only one */

/* Ends the program, with what failed and why, if the context knows. */
_Noreturn void stop(const char *what);
void need(bool done, const char *what);
/* open(2), closed in programs that are started; ends the program if it fails. */
int opened(const char *path, int flags);

/* Of a clock. */
double seconds(clockid_t);
/*
 * Memory of this program by its name in /proc/self/status. Its most, "VmHWM", is its own alone: the
 * one of getrusage counts what started it.
 */
long kilobytes(const char *name);

#endif
