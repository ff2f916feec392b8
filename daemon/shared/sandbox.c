/*
 * Walls for the processes that hold keys or parse hostile bytes. One table lists the system calls
 * that remain, with what their arguments must be; everything else kills the whole process. The
 * custodian may only talk on the sockets it has; nothing it maps is executable. The worker may
 * have threads, and executable memory for compiled kernels, but opens nothing.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/landlock.h>
#include <sched.h>
#include <seccomp.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "sandbox.h"

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define SANITIZED 1
#endif
#endif
#ifndef SANITIZED
#define SANITIZED 0
#endif

#define CUSTODIAN SANDBOX_CUSTODIAN
#define WORKER SANDBOX_WORKER
#define COURIER SANDBOX_COURIER
#define ALL (CUSTODIAN | WORKER | COURIER)
#define THREADED (WORKER | COURIER)
#define NO_CODE (CUSTODIAN | COURIER)
/* A sanitizer's runtime looks into /proc and symbolises its report with it. */
#define RUNTIME (SANITIZED ? ALL : 0)
#define OPEN_FOR_WRITING (O_ACCMODE | O_CREAT | O_TRUNC | O_TMPFILE)

/* The call may be made if (argument & mask) == value; mask 0: with any arguments. */
struct rule {
	int call;
	unsigned who;
	unsigned argument;
	uint64_t mask, value;
	int error; /* instead of making the call, return this */
};

/* clang-format off */
static const struct rule rules[] = {
	/* the sockets and files that are open already */
	{ SCMP_SYS(read),		ALL },
	{ SCMP_SYS(readv),		ALL },
	{ SCMP_SYS(write),		ALL },
	{ SCMP_SYS(writev),		ALL },
	{ SCMP_SYS(recvmsg),		ALL },
	{ SCMP_SYS(sendmsg),		ALL },
	{ SCMP_SYS(poll),		ALL },
	{ SCMP_SYS(ppoll),		ALL },
	{ SCMP_SYS(close),		ALL },
	{ SCMP_SYS(lseek),		THREADED },
	{ SCMP_SYS(pread64),		THREADED },
	{ SCMP_SYS(pwrite64),		WORKER },
	{ SCMP_SYS(ftruncate),		WORKER },
	{ SCMP_SYS(fsync),		WORKER },
	{ SCMP_SYS(memfd_create),	WORKER },
	{ SCMP_SYS(sync_file_range),	WORKER },
	{ SCMP_SYS(fstat),		ALL },
	{ SCMP_SYS(newfstatat),		ALL, 3, AT_EMPTY_PATH, AT_EMPTY_PATH },
	{ SCMP_SYS(fcntl),		THREADED, 1, UINT32_MAX, F_GETFL },
	{ SCMP_SYS(fcntl),		THREADED, 1, UINT32_MAX, F_GETFD },

	/* connections to anywhere, and pairs of sockets within the process */
	{ SCMP_SYS(socket),		COURIER, 0, UINT32_MAX, AF_INET },
	{ SCMP_SYS(socket),		COURIER, 0, UINT32_MAX, AF_INET6 },
	{ SCMP_SYS(socket),		COURIER, 0, UINT32_MAX, AF_UNIX, EAFNOSUPPORT },
	{ SCMP_SYS(socket),		COURIER, 0, UINT32_MAX, AF_NETLINK, EAFNOSUPPORT },
	{ SCMP_SYS(socketpair),		COURIER, 0, UINT32_MAX, AF_UNIX },
	{ SCMP_SYS(connect),		COURIER },
	{ SCMP_SYS(getsockname),	COURIER },
	{ SCMP_SYS(getpeername),	COURIER },
	{ SCMP_SYS(getsockopt),		COURIER },
	{ SCMP_SYS(setsockopt),		COURIER },
	{ SCMP_SYS(sendto),		COURIER },
	{ SCMP_SYS(sendmmsg),		COURIER },
	{ SCMP_SYS(recvfrom),		COURIER },
	{ SCMP_SYS(shutdown),		COURIER },
	{ SCMP_SYS(ioctl),		COURIER, 1, UINT32_MAX, FIONREAD },
	{ SCMP_SYS(ioctl),		COURIER, 1, UINT32_MAX, FIONBIO },
	{ SCMP_SYS(fcntl),		COURIER, 1, UINT32_MAX, F_SETFL },
	{ SCMP_SYS(fcntl),		COURIER, 1, UINT32_MAX, F_SETFD },
	{ SCMP_SYS(eventfd2),		COURIER },
	{ SCMP_SYS(pipe2),		COURIER },

	/* what names are resolved with is read; which files those are, sandbox_files says */
	{ SCMP_SYS(openat),		COURIER & ~RUNTIME, 2, OPEN_FOR_WRITING, 0 },
	{ SCMP_SYS(newfstatat),		COURIER & ~RUNTIME },
	{ SCMP_SYS(access),		COURIER & ~RUNTIME, .error = EACCES },
	{ SCMP_SYS(readlink),		COURIER & ~RUNTIME, .error = EACCES },

	/* memory */
	{ SCMP_SYS(brk),		ALL },
	{ SCMP_SYS(mmap),		NO_CODE, 2, PROT_EXEC, 0 },
	{ SCMP_SYS(mmap),		WORKER },
	{ SCMP_SYS(mprotect),		NO_CODE, 2, PROT_EXEC, 0 },
	{ SCMP_SYS(mprotect),		WORKER },
	{ SCMP_SYS(munmap),		ALL },
	{ SCMP_SYS(mremap),		ALL },
	{ SCMP_SYS(madvise),		ALL },

	/* time, randomness, who am I */
	{ SCMP_SYS(getrandom),		ALL },
	{ SCMP_SYS(clock_gettime),	ALL },
	{ SCMP_SYS(clock_getres),	ALL },
	{ SCMP_SYS(gettimeofday),	ALL },
	{ SCMP_SYS(time),		ALL },
	{ SCMP_SYS(nanosleep),		ALL },
	{ SCMP_SYS(clock_nanosleep),	ALL },
	{ SCMP_SYS(restart_syscall),	ALL },
	{ SCMP_SYS(getpid),		ALL },
	{ SCMP_SYS(gettid),		ALL },
	{ SCMP_SYS(getuid),		ALL },
	{ SCMP_SYS(geteuid),		ALL },
	{ SCMP_SYS(getgid),		ALL },
	{ SCMP_SYS(getegid),		ALL },
	{ SCMP_SYS(getrusage),		THREADED },
	{ SCMP_SYS(times),		WORKER },
	{ SCMP_SYS(uname),		THREADED },
	{ SCMP_SYS(sysinfo),		THREADED },
	{ SCMP_SYS(getcpu),		THREADED },
	{ SCMP_SYS(prlimit64),		THREADED, 0, UINT32_MAX, 0 },

	/* threads, of this process alone: no fork, and clone3 whose flags cannot be seen is absent */
	{ SCMP_SYS(clone),		THREADED, 0, CLONE_THREAD | CLONE_VM, CLONE_THREAD | CLONE_VM },
	{ SCMP_SYS(clone3),		THREADED, .error = ENOSYS },
	{ SCMP_SYS(set_robust_list),	THREADED },
	{ SCMP_SYS(rseq),		THREADED },
	{ SCMP_SYS(membarrier),		THREADED },
	{ SCMP_SYS(sched_yield),	ALL },
	{ SCMP_SYS(sched_getaffinity),	THREADED },
	{ SCMP_SYS(prctl),		THREADED, 0, UINT32_MAX, PR_SET_NAME },
	{ SCMP_SYS(futex),		ALL },
	{ SCMP_SYS(exit),		ALL },
	{ SCMP_SYS(exit_group),		ALL },

	/* signals: to handle them, and abort() */
	{ SCMP_SYS(rt_sigaction),	ALL },
	{ SCMP_SYS(rt_sigprocmask),	ALL },
	{ SCMP_SYS(rt_sigreturn),	ALL },
	{ SCMP_SYS(sigaltstack),	ALL },

	/* libraries that look for settings find none, instead of dying for the question */
	{ SCMP_SYS(openat),		WORKER & ~RUNTIME, 2, OPEN_FOR_WRITING, 0, EACCES },
	{ SCMP_SYS(newfstatat),		WORKER & ~RUNTIME, 3, AT_EMPTY_PATH, 0, EACCES },
	{ SCMP_SYS(access),		WORKER & ~RUNTIME, .error = EACCES },
	{ SCMP_SYS(readlink),		WORKER & ~RUNTIME, .error = EACCES },

	{ SCMP_SYS(openat),		RUNTIME, 2, OPEN_FOR_WRITING, 0 },
	{ SCMP_SYS(open),		RUNTIME, 1, OPEN_FOR_WRITING, 0 },
	{ SCMP_SYS(access),		RUNTIME },
	{ SCMP_SYS(readlink),		RUNTIME },
	{ SCMP_SYS(stat),		RUNTIME },
	{ SCMP_SYS(newfstatat),		RUNTIME },
	{ SCMP_SYS(sched_getaffinity),	RUNTIME },
	{ SCMP_SYS(prlimit64),		RUNTIME },
};
/* clang-format on */

bool
sandbox_sanitized(void)
{
	return SANITIZED != 0;
}

static uint64_t
lower(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

/* RLIM_INFINITY is the highest number there is. */
bool
sandbox_limit(struct ctx *c, int resource, uint64_t soft, uint64_t hard)
{
	struct rlimit now;

	if (getrlimit(resource, &now) != 0)
		return fail_errno(c, "read", "a resource limit");
	now.rlim_max = lower(now.rlim_max, hard);
	now.rlim_cur = lower(now.rlim_max, lower(now.rlim_cur, soft));
	if (setrlimit(resource, &now) != 0)
		return fail_errno(c, "set", "a resource limit");
	return true;
}

bool
sandbox_address_space(struct ctx *c, uint64_t *ret)
{
	owned(fd_done) int fd = open("/proc/self/statm", O_RDONLY | O_CLOEXEC);
	char bytes[128];
	ssize_t got = fd < 0 ? -1 : read(fd, bytes, sizeof bytes);
	struct str text = { bytes, got < 0 ? 0 : (size_t)got }, pages;
	int64_t n;

	(void)str_cut(&text, ' ', &pages);
	if (!str_number(pages, 0, INT64_MAX / 65536, &n))
		return fail(c, E_FILE, "/proc/self/statm cannot be read");
	*ret = (uint64_t)n * (uint64_t)sysconf(_SC_PAGESIZE);
	return true;
}

/*
 * Root keeps its name and loses its powers. Who has none does not ask: a unit's filter may forbid
 * even that. libcap would make the same calls.
 */
MUST static bool
drop_capabilities(struct ctx *c)
{
	struct __user_cap_header_struct head = { _LINUX_CAPABILITY_VERSION_3, 0 };
	struct __user_cap_data_struct have[_LINUX_CAPABILITY_U32S_3] = { 0 };
	struct __user_cap_data_struct none[_LINUX_CAPABILITY_U32S_3] = { 0 };
	uint32_t any = 0;

	if (syscall(SYS_capget, &head, have) != 0)
		return fail_errno(c, "read", "capabilities");
	for (size_t i = 0; i < COUNT(have); i++)
		any |= have[i].effective | have[i].permitted | have[i].inheritable;
	if (any == 0)
		return true;
	if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) != 0 ||
	    syscall(SYS_capset, &head, none) != 0)
		return fail_errno(c, "drop", "capabilities");
	return true;
}

bool
sandbox_drop(struct ctx *c, bool die_with_parent)
{
	if (!sandbox_limit(c, RLIMIT_CORE, 0, 0))
		return false;
	if (!drop_capabilities(c))
		return false;
	if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0 ||
	    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
		return fail_errno(c, "give up", "privileges");
	/* Last, because a change of credentials may clear it. */
	if (die_with_parent && prctl(PR_SET_PDEATHSIG, SIGKILL) != 0)
		return fail_errno(c, "bind life to", "the server");
	return true;
}

bool
sandbox_close_from(struct ctx *c, int first)
{
	if (close_range((unsigned)first, UINT32_MAX, 0) != 0)
		return fail_errno(c, "close", "what was inherited");
	return true;
}

bool
sandbox_silence(struct ctx *c, int fd)
{
	owned(fd_done) int nothing = open("/dev/null", O_RDWR | O_CLOEXEC);

	if (nothing < 0 || dup2(nothing, fd) < 0)
		return fail_errno(c, "open", "/dev/null");
	if (nothing == fd)
		nothing = -1;
	return true;
}

/* One rule; what does not exist now is not let in when it comes. */
MUST static bool
file_allow(struct ctx *c, int rules_fd, const char *path)
{
	owned(fd_done) int fd = open(path, O_PATH | O_CLOEXEC);
	struct landlock_path_beneath_attr allow = {
		.allowed_access = LANDLOCK_ACCESS_FS_READ_FILE,
		.parent_fd = fd,
	};

	if (fd < 0)
		return true;
	if (syscall(SYS_landlock_add_rule, rules_fd, LANDLOCK_RULE_PATH_BENEATH, &allow, 0) !=
	    0)
		return fail_errno(c, "allow", path);
	return true;
}

bool
sandbox_files(struct ctx *c, const char *const readable[], size_t n, bool *ret_walled)
{
	/* All that its first version knew; later ones are about what the filter refuses. */
	struct landlock_ruleset_attr all = {
		.handled_access_fs = (LANDLOCK_ACCESS_FS_MAKE_SYM << 1) - 1,
	};
	owned(fd_done) int fd = (int)syscall(SYS_landlock_create_ruleset, &all, sizeof all, 0);

	if (fd < 0 && (errno == ENOSYS || errno == EOPNOTSUPP || errno == EPERM)) {
		*ret_walled = false;
		return true;
	}
	if (fd < 0)
		return fail_errno(c, "make", "walls before the files");
	for (size_t i = 0; i < n; i++)
		if (!file_allow(c, fd, readable[i]))
			return false;
	if (syscall(SYS_landlock_restrict_self, fd, 0) != 0)
		return fail_errno(c, "build", "walls before the files");
	*ret_walled = true;
	return true;
}

static int
rule_add(scmp_filter_ctx filter, const struct rule *r)
{
	uint32_t verdict = r->error != 0 ? SCMP_ACT_ERRNO(r->error) : SCMP_ACT_ALLOW;

	if (r->mask == 0)
		return seccomp_rule_add(filter, verdict, r->call, 0);
	return seccomp_rule_add(filter, verdict, r->call, 1,
	    SCMP_CMP(r->argument, SCMP_CMP_MASKED_EQ, r->mask, r->value));
}

/* abort() signals its own thread: to anybody else it may not. */
static int
self_signal_add(scmp_filter_ctx filter)
{
	return seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(tgkill), 1,
	    SCMP_CMP(0, SCMP_CMP_EQ, (scmp_datum_t)getpid()));
}

bool
sandbox_filter(struct ctx *c, enum sandbox_who who)
{
	scmp_filter_ctx filter = seccomp_init(SCMP_ACT_KILL_PROCESS);
	bool ok = filter != NULL &&
	    seccomp_attr_set(filter, SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS) == 0 &&
	    self_signal_add(filter) == 0;

	for (size_t i = 0; ok && i < COUNT(rules); i++)
		if ((rules[i].who & who) != 0)
			ok = rule_add(filter, &rules[i]) == 0;
	ok = ok && seccomp_load(filter) == 0;
	seccomp_release(filter);
	if (!ok)
		return fail(c, E_INTERNAL, "the system call filter cannot be loaded");
	return true;
}
