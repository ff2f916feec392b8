/*
 * Children of the server. posix_spawn does what may be done between fork and exec in a process
 * with threads; the descriptors are first moved out of the way of the numbers they will get.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "child.h"

#define FIRST_FD 3
#define OUT_OF_THE_WAY 16

/* All that our programs read of the environment. */
static const char *const inherited[] = {
	"CREDENTIALS_DIRECTORY",
	"ASAN_OPTIONS",
	"LSAN_OPTIONS",
	"TSAN_OPTIONS",
	"UBSAN_OPTIONS",
};

struct plan {
	posix_spawn_file_actions_t files;
	posix_spawnattr_t attr;
	int fd[CHILD_FDS_MAX];
	char *environment[COUNT(inherited) + 1];
};

static void
plan_done(struct plan *p)
{
	for (size_t i = 0; i < CHILD_FDS_MAX; i++)
		fd_done(&p->fd[i]);
	(void)posix_spawn_file_actions_destroy(&p->files);
	(void)posix_spawnattr_destroy(&p->attr);
}

MUST static bool
plan_environment(struct ctx *c, struct plan *p)
{
	size_t n = 0;

	for (size_t i = 0; i < COUNT(inherited); i++) {
		const char *value = getenv(inherited[i]);

		if (value == NULL)
			continue;
		p->environment[n] = take_printf(c, "%s=%s", inherited[i], value);
		if (p->environment[n++] == NULL)
			return false;
	}
	p->environment[n] = NULL;
	return true;
}

/* Standard input and output lead nowhere; ours become 3, 4, … */
MUST static bool
plan_files(struct ctx *c, struct plan *p, const int fds[], size_t n)
{
	if (posix_spawn_file_actions_addopen(&p->files, 0, "/dev/null", O_RDONLY, 0) != 0 ||
	    posix_spawn_file_actions_addopen(&p->files, 1, "/dev/null", O_WRONLY, 0) != 0)
		return fail(c, E_MEMORY, "the descriptors of a child");
	for (size_t i = 0; i < n; i++) {
		p->fd[i] = fcntl(fds[i], F_DUPFD_CLOEXEC, OUT_OF_THE_WAY);
		if (p->fd[i] < 0)
			return fail_errno(c, "duplicate", "a descriptor");
		if (posix_spawn_file_actions_adddup2(&p->files, p->fd[i], FIRST_FD + (int)i) !=
		    0)
			return fail(c, E_MEMORY, "the descriptors of a child");
	}
	return true;
}

MUST static bool
plan_signals(struct ctx *c, struct plan *p)
{
	sigset_t none, all;

	sigemptyset(&none);
	sigfillset(&all);
	if (posix_spawnattr_setsigmask(&p->attr, &none) != 0 ||
	    posix_spawnattr_setsigdefault(&p->attr, &all) != 0 ||
	    posix_spawnattr_setpgroup(&p->attr, 0) != 0 ||
	    posix_spawnattr_setflags(&p->attr,
		POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETPGROUP) != 0)
		return fail(c, E_INTERNAL, "the signals of a child");
	return true;
}

bool
child_start(struct ctx *c, const char *folder, const char *const argv[], const int fds[],
    size_t n, struct child *ret)
{
	owned(plan_done) struct plan p = { .fd = { -1, -1, -1, -1 } };
	const char *program = take_printf(c, "%s/%s", folder, argv[0]);
	struct child child;
	int error;

	if (program == NULL)
		return false;
	if (n > CHILD_FDS_MAX)
		return fail(c, E_INTERNAL, "%zu descriptors for a child", n);
	if (posix_spawn_file_actions_init(&p.files) != 0 || posix_spawnattr_init(&p.attr) != 0)
		return fail(c, E_MEMORY, "a child");
	if (!plan_environment(c, &p) || !plan_files(c, &p, fds, n) || !plan_signals(c, &p))
		return false;
	/* posix_spawn's type predates const: it writes neither the array nor the words. */
	error = posix_spawn(&child.pid, program, &p.files, &p.attr,
	    (char *const *)(uintptr_t)argv, p.environment);
	if (error != 0)
		return fail_log(c, E_PEER, strerror(error), "%s cannot be started", program);
	child.pidfd = (int)syscall(SYS_pidfd_open, child.pid, 0);
	if (child.pidfd < 0) {
		bool ok = fail_errno(c, "watch", argv[0]);

		child_end(&child, 0, &error);
		return ok;
	}
	*ret = child;
	return true;
}

void
child_end(struct child *child, int wait_ms, int *ret_status)
{
	int64_t deadline = clock_monotonic() + wait_ms;
	int status = 0;

	while (wait_ms > 0 && child->pidfd >= 0) {
		struct pollfd ended = { child->pidfd, POLLIN, 0 };
		int64_t left = deadline - clock_monotonic();

		if (left <= 0 || poll(&ended, 1, (int)left) > 0)
			break;
	}
	/* Not yet reaped, so the number is still this child's, dead or alive. */
	(void)kill(child->pid, SIGKILL);
	while (waitpid(child->pid, &status, 0) < 0 && errno == EINTR)
		;
	fd_done(&child->pidfd);
	child->pid = 0;
	*ret_status = status;
}
