/*
 * Files: whole reads with a limit, and writes that a power cut leaves either done or not begun.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base.h"

void
fd_done(int *fd)
{
	int e = errno;

	if (*fd >= 0)
		close(*fd);
	*fd = -1;
	errno = e;
}

bool
fd_read_all(struct ctx *c, int fd, void *to, size_t n)
{
	char *at = to;

	while (n > 0) {
		ssize_t got = read(fd, at, n);

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return fail_errno(c, "read", "a file");
		if (got == 0)
			return fail(c, E_FILE, "the file ends %zu bytes too early", n);
		at += got;
		n -= (size_t)got;
	}
	return true;
}

bool
fd_write_all(struct ctx *c, int fd, const void *from, size_t n)
{
	const char *at = from;

	while (n > 0) {
		ssize_t put = write(fd, at, n);

		if (put < 0 && errno == EINTR)
			continue;
		if (put <= 0)
			return fail_errno(c, "write", "a file");
		at += put;
		n -= (size_t)put;
	}
	return true;
}

bool
file_read(struct ctx *c, int dir, const char *name, size_t max, struct str *ret)
{
	owned(fd_done) int fd = openat(dir, name, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	struct stat st;
	char *p;

	if (fd < 0)
		return fail_errno(c, "open", name);
	if (fstat(fd, &st) != 0)
		return fail_errno(c, "examine", name);
	if (!S_ISREG(st.st_mode))
		return fail(c, E_FILE, "%s is not a regular file", name);
	if (st.st_size < 0 || (size_t)st.st_size > max)
		return fail(c, E_LIMIT, "%s is larger than %zu bytes", name, max);
	p = take(c, (size_t)st.st_size + 1);
	if (p == NULL || !fd_read_all(c, fd, p, (size_t)st.st_size))
		return false;
	*ret = (struct str){ p, (size_t)st.st_size };
	return true;
}

/* The folder's own entry becomes durable: fsync of the file does not promise that. */
static bool
folder_sync(struct ctx *c, int dir, const char *name)
{
	owned(fd_done) int fd = -1;
	const char *slash = strrchr(name, '/');
	char *path = slash == NULL
	    ? take_cstr(c, STR("."))
	    : take_cstr(c, (struct str){ name, slash == name ? 1 : (size_t)(slash - name) });

	if (path == NULL)
		return false;
	fd = openat(dir, path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0 || fsync(fd) != 0)
		return fail_errno(c, "sync", path);
	return true;
}

MUST static bool
write_synced(struct ctx *c, int fd, const char *name, struct str bytes)
{
	if (!fd_write_all(c, fd, bytes.p, bytes.n))
		return false;
	if (fsync(fd) != 0)
		return fail_errno(c, "sync", name);
	return true;
}

bool
file_create(struct ctx *c, int dir, const char *name, unsigned mode, struct str bytes)
{
	owned(fd_done) int fd = openat(
	    dir, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, mode);

	if (fd < 0 && errno == EEXIST)
		return fail(c, E_CONFLICT, "%s exists already", name);
	if (fd < 0)
		return fail_errno(c, "create", name);
	if (!write_synced(c, fd, name, bytes)) {
		unlinkat(dir, name, 0);
		return false;
	}
	return folder_sync(c, dir, name);
}

bool
file_replace(struct ctx *c, int dir, const char *name, unsigned mode, struct str bytes)
{
	uint64_t r;
	char *temporary;

	c->random(&r, sizeof r);
	temporary = take_printf(c, "%s.%016llx", name, (unsigned long long)r);
	if (temporary == NULL || !file_create(c, dir, temporary, mode, bytes))
		return false;
	if (renameat(dir, temporary, dir, name) != 0) {
		bool ok = fail_errno(c, "rename to", name);

		unlinkat(dir, temporary, 0);
		return ok;
	}
	return folder_sync(c, dir, name);
}
