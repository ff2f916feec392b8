/*
 * How a measuring program ends when it cannot go on, and the clock it measures with.
 */
#include <errno.h>
#include <stdio.h>

#include "tool.h"

struct ctx *ctx;

void
stop(const char *what)
{
	fprintf(stderr, "%s: %s: %s\n", program_invocation_short_name, what, ctx->err.text);
	exit(2);
}

void
need(bool done, const char *what)
{
	if (!done)
		stop(what);
}

double
seconds(clockid_t clock)
{
	struct timespec t;

	clock_gettime(clock, &t);
	return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}
