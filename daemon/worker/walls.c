/*
 * The worker's walls. The outer ones stand before the job message is read and hold whatever it
 * says: the widest limits of any job kind, then the sandbox. The job's own limits come inside of
 * them. One thread watches what no limit of the kernel does: the wall clock, and whether the server
 * still listens.
 */
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/resource.h>
#include <unistd.h>

#include "crypto.h"
#include "sandbox.h"
#include "worker.h"

#define FILES_MAX 64
#define WATCH_MS 100
#define WATCH_STACK (256 << 10)
/* Address space that is reserved and never used: allocator arenas of threads, libraries. */
#define RESERVED_MAX (UINT64_C(1) << 30)

static int64_t
higher(int64_t a, int64_t b)
{
	return a > b ? a : b;
}

static struct job_limits
widest(void)
{
	struct job_limits l = { 0 };

	for (size_t i = 0; i < JOB_COUNT; i++) {
		const struct job_limits *k = &job_kinds[i].limits;

		l.memory = higher(l.memory, k->memory);
		l.cpu = higher(l.cpu, k->cpu);
		l.wall = higher(l.wall, k->wall);
		l.output = higher(l.output, k->output);
	}
	return l;
}

/* Each algorithm once: the library loads its settings and providers while files can be opened. */
MUST static bool
rehearse(struct ctx *c)
{
	owned(key256_done) struct key256 key, back = { 0 };
	struct digest256 digest;
	char room[128];
	struct buf sealed = BUF(room);

	key256_random(c, &key);
	return sha256(c, STR("rehearsal"), &digest) &&
	    hkdf_sha256(c, STR("k"), STR("s"), STR("rehearsal"), &back) &&
	    key256_seal(c, &key, STR("rehearsal"), &key, &sealed) &&
	    key256_unseal(c, &key, STR("rehearsal"), buf_str(&sealed), &back);
}

bool
walls_narrow(struct ctx *c, const struct job_limits *l, uint64_t address_space)
{
	uint64_t memory = (uint64_t)l->memory, cpu = (uint64_t)l->cpu,
		 output = (uint64_t)l->output;

	/* A sanitizer's shadow is private, writable and larger than any limit. */
	if (sandbox_sanitized())
		return sandbox_limit(c, RLIMIT_CPU, cpu, cpu + 1);
	return sandbox_limit(c, RLIMIT_DATA, memory, memory) &&
	    sandbox_limit(c, RLIMIT_AS, address_space + memory + RESERVED_MAX,
		address_space + memory + RESERVED_MAX) &&
	    sandbox_limit(c, RLIMIT_FSIZE, output, output) &&
	    /* The soft one ends it by SIGXCPU, which says why. */
	    sandbox_limit(c, RLIMIT_CPU, cpu, cpu + 1);
}

bool
walls_build(struct ctx *c, bool child, uint64_t *ret_address_space)
{
	struct job_limits outer = widest();
	uint64_t now;

	if (signal(SIGXFSZ, SIG_IGN) == SIG_ERR)
		return fail_errno(c, "ignore", "SIGXFSZ");
	if (!rehearse(c) || !sandbox_address_space(c, &now))
		return false;
	if (!sandbox_close_from(c, FD_END) || !sandbox_silence(c, 0) ||
	    !sandbox_silence(c, 1) || (!sandbox_sanitized() && !sandbox_silence(c, 2)))
		return false;
	if (!walls_narrow(c, &outer, now) ||
	    !sandbox_limit(c, RLIMIT_NOFILE, FILES_MAX, FILES_MAX) || !sandbox_drop(c, child) ||
	    !sandbox_filter(c, SANDBOX_WORKER))
		return false;
	*ret_address_space = now;
	return true;
}

static void *
watch(void *arg)
{
	struct watch *w = arg;

	for (;;) {
		struct pollfd server = { FD_PROGRESS, POLLIN, 0 };

		/* The server never says anything here: whatever happens is its end. */
		if (poll(&server, 1, WATCH_MS) > 0)
			_exit(WORKER_ALONE);
		if (clock_monotonic() >= w->deadline)
			_exit(WORKER_LATE);
	}
	return NULL;
}

bool
watch_start(struct ctx *c, struct watch *w)
{
	pthread_attr_t attr;
	pthread_t thread;
	bool ok;

	if (pthread_attr_init(&attr) != 0)
		return fail(c, E_MEMORY, "the watching thread");
	ok = pthread_attr_setstacksize(&attr, WATCH_STACK) == 0 &&
	    pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED) == 0 &&
	    pthread_create(&thread, &attr, watch, w) == 0;
	(void)pthread_attr_destroy(&attr);
	if (!ok)
		return fail(c, E_MEMORY, "the watching thread");
	return true;
}
