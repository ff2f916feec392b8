/*
 * The state folder: the daemon's own and closed to everybody else, one daemon at a time, and file
 * names that tell when something was put aside.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "impl.h"

enum { PID_MAX = 24 };

bool
folder_open(struct ctx *c, const char *dir, int *ret)
{
	owned(fd_done) int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct stat st;

	if (fd < 0 || fstat(fd, &st) != 0)
		return fail_errno(c, "open the state folder", dir);
	if (st.st_uid != geteuid())
		return fail(c, E_FILE, "the state folder %s belongs to user %u, not to %u", dir,
		    (unsigned)st.st_uid, (unsigned)geteuid());
	if ((st.st_mode & 077) != 0)
		return fail(c, E_FILE, "others may enter the state folder: chmod 0700 %s", dir);
	*ret = fd;
	fd = -1;
	return true;
}

/* Who holds the lock has written its number into the file. */
MUST static bool
fail_locked(struct ctx *c, int lock)
{
	char pid[PID_MAX] = "";
	ssize_t n = pread(lock, pid, sizeof pid - 1, 0);

	pid[n > 0 ? n : 0] = '\0';
	pid[strspn(pid, "0123456789")] = '\0';
	return fail(c, E_CONFLICT, "process %s uses this state folder: stop it first",
	    pid[0] == '\0' ? "(unknown)" : pid);
}

/*
 * A daemon that was killed while it started a worker leaves a child that has not become another
 * program yet, and holds the lock until it has: hence some patience.
 */
enum { LOCK_TRIES = 20, LOCK_PAUSE_NS = 50000000 };

MUST static bool
lock_take(struct ctx *c, int fd)
{
	const struct timespec pause = { 0, LOCK_PAUSE_NS };
	struct flock whole = { .l_type = F_WRLCK, .l_whence = SEEK_SET };

	for (int i = 0; i < LOCK_TRIES; i++) {
		if (fcntl(fd, F_OFD_SETLK, &whole) == 0)
			return true;
		if (errno != EAGAIN && errno != EACCES)
			return fail_errno(c, "lock", "lock");
		(void)clock_nanosleep(CLOCK_MONOTONIC, 0, &pause, NULL);
	}
	return fail_locked(c, fd);
}

bool
folder_lock(struct ctx *c, int folder, int *ret)
{
	owned(fd_done) int fd = openat(
	    folder, "lock", O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	char pid[PID_MAX];
	int n;

	if (fd < 0)
		return fail_errno(c, "open", "lock");
	if (!lock_take(c, fd))
		return false;
	/* On a full disk the number may be missing: the lock holds all the same. */
	n = snprintf(pid, sizeof pid, "%ld\n", (long)getpid());
	if (ftruncate(fd, 0) == 0)
		(void)!pwrite(fd, pid, (size_t)n, 0);
	*ret = fd;
	fd = -1;
	return true;
}

bool
folder_sync(struct ctx *c, int folder)
{
	return fsync(folder) == 0 ? true : fail_errno(c, "sync", "the state folder");
}

bool
file_claim(struct ctx *c, int folder, const char *name)
{
	owned(fd_done) int fd = openat(
	    folder, name, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	struct stat st;

	if (fd < 0 || fstat(fd, &st) != 0)
		return fail_errno(c, "open", name);
	if (!S_ISREG(st.st_mode))
		return fail(c, E_FILE, "%s is not a regular file", name);
	if (st.st_uid != geteuid())
		return fail(c, E_FILE, "%s belongs to user %u", name, (unsigned)st.st_uid);
	if ((st.st_mode & 077) != 0)
		return fail(c, E_FILE, "others may read %s: chmod 0600", name);
	return true;
}

struct id
time_name(int64_t ms)
{
	struct id name = { 0 };
	char text[ID_MAX];
	struct buf from = BUF(text), to = { name.s, 0, sizeof name.s - 1, false };

	time_put(&from, ms);
	for (size_t i = 0; i < from.n; i++)
		if (text[i] != '-' && text[i] != ':')
			buf_char(&to, text[i]);
	return name;
}
