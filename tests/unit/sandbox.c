/*
 * The system call filters themselves. Each forbidden call is made by a child that has built the
 * walls, and ends it by SIGSYS; what must go on working goes on working.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "sandbox.h"
#include "test.h"

#define FINE 0

/* The courier reads some files, where the kernel can wall off the others. */
static bool
courier_files(struct ctx *c)
{
	static const char *const readable[] = { "/etc/hosts", "/nowhere" };
	bool walled;

	return sandbox_files(c, readable, COUNT(readable), &walled) && walled;
}

/* Builds the walls in a child, does the thing there; returns waitpid's status. */
static int
behind_walls(enum sandbox_who who, int (*act)(void))
{
	struct ctx *c = test_ctx();
	pid_t pid = fork();
	int status = 0;

	if (pid == 0) {
		if (!sandbox_drop(c, true) || (who == SANDBOX_COURIER && !courier_files(c)) ||
		    !sandbox_filter(c, who))
			_exit(100);
		_exit(act());
	}
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	return status;
}

/* ---- What ends the process --------------------------------------------------------------- */

static int
do_socket(void)
{
	return socket(AF_INET, SOCK_STREAM, 0) >= 0 && socket(AF_INET6, SOCK_DGRAM, 0) >= 0
	    ? FINE
	    : 1;
}

static int
do_unix_socket(void)
{
	return socket(AF_UNIX, SOCK_STREAM, 0) < 0 && errno == EAFNOSUPPORT ? FINE : 1;
}

static int
do_socketpair(void)
{
	int pair[2];

	return socketpair(AF_UNIX, SOCK_STREAM, 0, pair);
}

static int
do_connect(void)
{
	return connect(0, NULL, 0) < 0 ? FINE : 1;
}

static int
do_write_file(void)
{
	return open("/dev/null", O_WRONLY);
}

static int
do_create_file(void)
{
	return open("/tmp/sandbox-test", O_RDONLY | O_CREAT, 0600);
}

static int
do_unlink(void)
{
	return unlink("/tmp/sandbox-test");
}

static int
do_exec(void)
{
	return execl("/bin/true", "true", (char *)NULL);
}

static int
do_fork(void)
{
	return (int)syscall(SYS_clone, SIGCHLD, NULL, NULL, NULL, 0);
}

static int
do_vfork(void)
{
	return (int)syscall(SYS_vfork);
}

static int
do_ptrace(void)
{
	return (int)ptrace(PTRACE_TRACEME, 0, NULL, NULL);
}

static int
do_kill_parent(void)
{
	return kill(getppid(), 0);
}

static int
do_signal_parent(void)
{
	return (int)syscall(SYS_tgkill, getppid(), getppid(), 0);
}

static int
do_read_process(void)
{
	return (int)process_vm_readv(getppid(), NULL, 0, NULL, 0, 0);
}

static int
do_limit_parent(void)
{
	return prlimit(getppid(), RLIMIT_NOFILE, NULL, NULL);
}

static int
do_become_dumpable(void)
{
	return prctl(PR_SET_DUMPABLE, 1, 0, 0, 0);
}

static int
do_setuid(void)
{
	return setuid(0);
}

static int
do_uring(void)
{
	return (int)syscall(425 /* io_uring_setup */, 1, NULL);
}

static int
do_bpf(void)
{
	return (int)syscall(SYS_bpf, 0, NULL, 0);
}

static int
do_mount(void)
{
	return (int)syscall(SYS_mount, NULL, NULL, NULL, 0, NULL);
}

static int
do_dup(void)
{
	return dup(0);
}

static int
do_ioctl(void)
{
	return (int)syscall(SYS_ioctl, 0, 0, 0);
}

static int
do_stat_path(void)
{
	return syscall(SYS_newfstatat, AT_FDCWD, "/etc/passwd", NULL, 0) < 0 &&
		(errno == EACCES || errno == EFAULT)
	    ? FINE
	    : 1;
}

static int
do_map_code(void)
{
	void *p = mmap(
	    NULL, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	return p == MAP_FAILED ? 1 : FINE;
}

static int
do_protect_code(void)
{
	void *p = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	return mprotect(p, 4096, PROT_READ | PROT_EXEC);
}

static int
do_read_file(void)
{
	return open("/etc/passwd", O_RDONLY) < 0 && errno == EACCES ? FINE : 1;
}

static int
do_read_allowed(void)
{
	return open("/etc/hosts", O_RDONLY) >= 0 ? FINE : 1;
}

static int
do_packet_socket(void)
{
	return socket(AF_PACKET, SOCK_RAW, 0);
}

static int
do_listen(void)
{
	return listen(0, 1);
}

static int
do_bind(void)
{
	return bind(0, NULL, 0);
}

static void *
nothing(void *arg)
{
	return arg;
}

static int
do_thread(void)
{
	pthread_t thread;

	return pthread_create(&thread, NULL, nothing, NULL) == 0 &&
		pthread_join(thread, NULL) == 0
	    ? FINE
	    : 1;
}

static int
do_abort(void)
{
	abort();
}

static int
do_memory(void)
{
	char *p = malloc(32 << 20);

	if (p == NULL)
		return 1;
	memset(p, 1, 32 << 20);
	free(p);
	return FINE;
}

static int
do_clock_and_random(void)
{
	uint64_t n = 0;

	os_random(&n, sizeof n);
	return clock_now() > 0 && clock_monotonic() > 0 && n != 0 ? FINE : 1;
}

enum end { DIES, WORKS, FAILS, ABORTS };

/* clang-format off */
static const struct {
	const char *name;
	int (*act)(void);
	enum end custodian, worker, courier;
	bool runtime; /* allowed to a sanitizer's runtime, hence not tested with one */
} acts[] = {
	{ "socket",         do_socket,           DIES,   DIES,   WORKS,  false },
	{ "unix socket",    do_unix_socket,      DIES,   DIES,   WORKS,  false },
	{ "socketpair",     do_socketpair,       DIES,   DIES,   WORKS,  false },
	{ "connect",        do_connect,          DIES,   DIES,   WORKS,  false },
	{ "write file",     do_write_file,       DIES,   DIES,   DIES,   false },
	{ "create file",    do_create_file,      DIES,   DIES,   DIES,   false },
	{ "unlink",         do_unlink,           DIES,   DIES,   DIES,   false },
	{ "exec",           do_exec,             DIES,   DIES,   DIES,   false },
	{ "fork",           do_fork,             DIES,   DIES,   DIES,   false },
	{ "vfork",          do_vfork,            DIES,   DIES,   DIES,   false },
	{ "ptrace",         do_ptrace,           DIES,   DIES,   DIES,   false },
	{ "kill",           do_kill_parent,      DIES,   DIES,   DIES,   false },
	{ "tgkill",         do_signal_parent,    DIES,   DIES,   DIES,   false },
	{ "read process",   do_read_process,     DIES,   DIES,   DIES,   false },
	{ "limit parent",   do_limit_parent,     DIES,   DIES,   DIES,   true  },
	{ "dumpable",       do_become_dumpable,  DIES,   DIES,   DIES,   false },
	{ "setuid",         do_setuid,           DIES,   DIES,   DIES,   false },
	{ "io_uring",       do_uring,            DIES,   DIES,   DIES,   false },
	{ "bpf",            do_bpf,              DIES,   DIES,   DIES,   false },
	{ "mount",          do_mount,            DIES,   DIES,   DIES,   false },
	{ "dup",            do_dup,              DIES,   DIES,   DIES,   false },
	{ "ioctl",          do_ioctl,            DIES,   DIES,   DIES,   false },
	{ "stat path",      do_stat_path,        DIES,   WORKS,  WORKS,  true  },
	{ "map code",       do_map_code,         DIES,   WORKS,  DIES,   false },
	{ "protect code",   do_protect_code,     DIES,   WORKS,  DIES,   false },
	{ "read file",      do_read_file,        DIES,   WORKS,  WORKS,  true  },
	{ "read allowed",   do_read_allowed,     DIES,   FAILS,  WORKS,  true  },
	{ "packet socket",  do_packet_socket,    DIES,   DIES,   DIES,   false },
	{ "listen",         do_listen,           DIES,   DIES,   DIES,   false },
	{ "bind",           do_bind,             DIES,   DIES,   DIES,   false },
	{ "thread",         do_thread,           DIES,   WORKS,  WORKS,  true  },
	{ "abort",          do_abort,            ABORTS, ABORTS, ABORTS, false },
	{ "memory",         do_memory,           WORKS,  WORKS,  WORKS,  false },
	{ "clock, random",  do_clock_and_random, WORKS,  WORKS,  WORKS,  false },
};
/* clang-format on */

static void
ends(const char *name, int status, enum end want)
{
	bool dies = WIFSIGNALED(status) && WTERMSIG(status) == SIGSYS;
	bool aborts = WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT;
	bool works = WIFEXITED(status) && WEXITSTATUS(status) == FINE;
	bool fails = WIFEXITED(status) && WEXITSTATUS(status) == 1;

	if ((want == DIES && !dies) || (want == ABORTS && !aborts) ||
	    (want == WORKS && !works) || (want == FAILS && !fails))
		ck_abort_msg("%s: status %#x", name, (unsigned)status);
}

START_TEST(filter_holds)
{
	if (acts[_i].runtime && sandbox_sanitized())
		return;
	ends(acts[_i].name, behind_walls(SANDBOX_CUSTODIAN, acts[_i].act), acts[_i].custodian);
	ends(acts[_i].name, behind_walls(SANDBOX_WORKER, acts[_i].act), acts[_i].worker);
	ends(acts[_i].name, behind_walls(SANDBOX_COURIER, acts[_i].act), acts[_i].courier);
}
END_TEST

/* A limit that was set cannot be raised again, by nobody. */
static int
do_raise_limit(void)
{
	struct rlimit more = { 4096, 4096 };

	return setrlimit(RLIMIT_CORE, &more) != 0 && errno == EPERM ? FINE : 1;
}

START_TEST(limits_only_go_down)
{
	ends("raise", behind_walls(SANDBOX_WORKER, do_raise_limit), WORKS);
}
END_TEST

MAIN("sandbox", EACH(filter_holds, acts), ONE(limits_only_go_down))
