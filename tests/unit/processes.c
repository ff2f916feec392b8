/*
 * Looking at processes from outside; see processes.h.
 */
#include <dirent.h>
#include <fcntl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "processes.h"

const char *
test_programs(void)
{
	const char *folder = getenv("PROGRAMS");

	if (folder == NULL)
		ck_abort_msg("PROGRAMS names the folder of the programs under test");
	return folder;
}

/* Files of /proc have no size before they are read. */
struct str
test_proc(struct ctx *c, pid_t pid, const char *name)
{
	owned(fd_done) int fd = open(
	    take_printf(c, "/proc/%d/%s", pid, name), O_RDONLY | O_CLOEXEC);
	size_t max = 1 << 20, n = 0;
	char *text = take(c, max + 1);
	ssize_t got;

	ck_assert_int_ge(fd, 0);
	while ((got = read(fd, text + n, max - n)) > 0)
		n += (size_t)got;
	return (struct str){ text, n };
}

bool
test_has_line(struct str text, const char *line)
{
	struct str one;

	while (text.n > 0) {
		(void)str_cut(&text, '\n', &one);
		if (str_same(one, str_of(line)))
			return true;
	}
	return false;
}

bool
test_limit(struct str limits, const char *name, long value)
{
	struct str line;

	while (limits.n > 0) {
		(void)str_cut(&limits, '\n', &line);
		if (str_starts(line, str_of(name)))
			return strtol(line.p + strlen(name), NULL, 10) == value;
	}
	return false;
}

int
test_descriptors(struct ctx *c, pid_t pid)
{
	DIR *dir = opendir(take_printf(c, "/proc/%d/fd", pid));
	int n = 0;

	for (struct dirent *e; dir != NULL && (e = readdir(dir)) != NULL;)
		n += e->d_name[0] != '.';
	if (dir != NULL)
		(void)closedir(dir);
	return n;
}

int
test_pidfd(pid_t pid)
{
	return (int)syscall(SYS_pidfd_open, pid, 0);
}
