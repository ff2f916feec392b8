/*
 * How a measuring program ends when it cannot go on, and what it measures with.
 */
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>

#include "bench.h"

_Thread_local struct ctx *ctx;

void
stop(const char *what)
{
	bool why = ctx != NULL && ctx->err.text[0] != '\0';

	fprintf(stderr, "%s: %s%s%s\n", program_invocation_short_name, what, why ? ": " : "",
	    why ? ctx->err.text : "");
	exit(2);
}

void
need(bool done, const char *what)
{
	if (!done)
		stop(what);
}

int
opened(const char *path, int flags)
{
	int fd = open(path, flags | O_CLOEXEC, 0600);

	if (fd < 0)
		err(2, "%s", path);
	return fd;
}

double
seconds(clockid_t clock)
{
	struct timespec t;

	clock_gettime(clock, &t);
	return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

long
kilobytes(const char *name)
{
	FILE *f = fopen("/proc/self/status", "r");
	char line[128];
	long found = -1;

	need(f != NULL, "/proc/self/status");
	while (found < 0 && fgets(line, sizeof line, f) != NULL)
		if (strncmp(line, name, strlen(name)) == 0)
			found = strtol(line + strlen(name) + 1, NULL, 10);
	fclose(f);
	need(found >= 0, name);
	return found;
}
