/*
 * Keys must not be written to a disk by the kernel. All memory that can be written to is locked,
 * now and as it grows; code is not, so that the eight megabytes which an ordinary user may lock
 * suffice.
 */
#include <stdio.h>
#include <sys/mman.h>
#include <sys/resource.h>

#include "custodian.h"
#include "sandbox.h"

#define LOCKED_MIN (UINT64_C(8) << 20) /* with less, memory that grows would soon be refused */

static bool
lock_line(const char *line)
{
	unsigned long from, to;
	char write;

	if (sscanf(line, "%lx-%lx %*c%c", &from, &to, &write) != 3)
		return false;
	return write != 'w' || mlock((const void *)from, to - from) == 0;
}

/* Every mapping that is there already. */
static bool
lock_present(void)
{
	FILE *maps = fopen("/proc/self/maps", "re");
	char line[512];
	bool ok = maps != NULL;

	while (ok && fgets(line, sizeof line, maps) != NULL)
		ok = lock_line(line);
	if (maps != NULL)
		(void)fclose(maps);
	return ok;
}

bool
memory_lock(void *secrets, size_t n)
{
	struct rlimit limit = { RLIM_INFINITY, RLIM_INFINITY };

	(void)madvise(secrets, n, MADV_DONTDUMP);
	if (sandbox_sanitized())
		return false;
	(void)setrlimit(RLIMIT_MEMLOCK, &limit);
	if (getrlimit(RLIMIT_MEMLOCK, &limit) == 0 && limit.rlim_cur >= LOCKED_MIN &&
	    mlockall(MCL_FUTURE) == 0 && lock_present())
		return true;
	(void)munlockall();
	(void)mlock(secrets, n);
	return false;
}
