/*
 * The scheduler: one thread that gives queued jobs to workers, as many at once as configured, and
 * waits for news of them. The row is the truth: what is found running at the start, of an earlier
 * life, is queued again. While the keys are not open no job is claimed, for its input could not be
 * opened.
 */
#include <errno.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "jobs.h"

enum {
	RUN_MEMORY = 4 << 20,
	LOOK_MS = 5000,  /* between two looks into the queue without being called */
	SEALED_MS = 250, /* between two looks whether the keys are open */
	AGAIN_MS = 1000, /* after the store has failed */
};

/* ---- What an earlier life left behind ------------------------------------------------- */

struct requeue {
	struct act act;
	char detail[48];
};

static bool
requeue_run(struct ctx *c, struct db *db, struct act *act)
{
	struct requeue *q = (struct requeue *)(void *)act;
	struct buf b = BUF(q->detail);
	size_t n;

	if (!job_requeue(c, db, &n))
		return false;
	act->unaudited = n == 0;
	buf_printf(&b, "{\"jobs\":%zu}", n);
	act->audit.detail = buf_str(&b);
	return true;
}

static void
requeue(struct jobs *j)
{
	owned(arena_free) struct arena *mem = arena_new(RUN_MEMORY);
	struct ctx c = ctx_real(mem, "jobs");
	struct requeue q = {
		.act = { .run = requeue_run,
		    .c = &c,
		    .audit = { .actor = STR("system"), .action = STR("job.requeue") } },
	};

	j->requeued = store_do(&c, j->server->store, &q.act);
	if (j->requeued)
		return;
	log_failure(&c, "jobs-not-queued-again");
	j->claim_at = clock_monotonic() + AGAIN_MS;
}

/* ---- Claiming ------------------------------------------------------------------------- */

struct claim {
	struct act act;
	struct job_row row;
	bool found;
	char detail[96];
};

static bool
claim_run(struct ctx *c, struct db *db, struct act *act)
{
	struct claim *k = (struct claim *)(void *)act;
	struct buf b = BUF(k->detail);

	if (!job_claim(c, db, c->now(), &k->found, &k->row))
		return false;
	act->unaudited = !k->found;
	if (!k->found)
		return true;
	buf_printf(&b, "{\"kind\":\"%.*s\",\"attempt\":%lld}", STRF(k->row.kind),
	    (long long)k->row.attempts);
	act->audit.vendor = str_of(k->row.vendor.s);
	act->audit.object = str_of(k->row.id.s);
	act->audit.detail = buf_str(&b);
	return true;
}

/* The next job, if there is one, begins in this free run. */
static void
claim(struct jobs *j, struct run *r)
{
	owned(arena_free) struct arena *mem = arena_new(RUN_MEMORY);
	struct ctx c = ctx_real(mem, "jobs");
	struct claim k = {
		.act = { .run = claim_run,
		    .c = &c,
		    .audit = { .actor = STR("system"), .action = STR("job.start") } },
	};

	j->wanted = false;
	if (!store_do(&c, j->server->store, &k.act)) {
		log_failure(&c, "job-not-claimed");
		j->wanted = true;
		j->claim_at = clock_monotonic() + AGAIN_MS;
		return;
	}
	if (!k.found)
		return;
	j->wanted = true;
	run_put(j, r, &(struct run){ .mem = steal(mem), .row = k.row });
	r->c = ctx_real(r->mem, r->row.id.s);
	run_begin(j, r);
}

/* Jobs may be begun at all. */
static bool
is_open(const struct jobs *j)
{
	return !j->server->draining && keys_state(j->server->keys) == KEYS_OPEN;
}

static bool
may_claim(const struct jobs *j)
{
	return j->wanted && j->requeued && clock_monotonic() >= j->claim_at && is_open(j);
}

static void
claim_all(struct jobs *j)
{
	if (!j->requeued && clock_monotonic() >= j->claim_at)
		requeue(j);
	for (size_t i = 0; i < j->at_once && may_claim(j); i++)
		if (j->run[i].state == RUN_FREE)
			claim(j, &j->run[i]);
}

/* ---- The thread ----------------------------------------------------------------------- */

static bool
has_room(const struct jobs *j)
{
	for (size_t i = 0; i < j->at_once; i++)
		if (j->run[i].state == RUN_FREE)
			return true;
	return false;
}

/* When the next look is due even if nothing happens. */
static int64_t
due(const struct jobs *j, int64_t now)
{
	int64_t until = now + LOOK_MS;

	if (!j->requeued || (j->wanted && has_room(j)))
		until = is_open(j) || !j->requeued ? j->claim_at : now + SEALED_MS;
	for (size_t i = 0; i < j->at_once; i++) {
		int64_t at = run_due(&j->run[i], now);

		if (at < until)
			until = at;
	}
	return until;
}

/* Until there is news, or something is due. */
static void
rest(struct jobs *j)
{
	struct pollfd p[1 + 2 * RUNS_MAX] = { { .fd = j->wake, .events = POLLIN } };
	int64_t now = clock_monotonic(), until = due(j, now);
	nfds_t n = 1;
	uint64_t wakes;

	for (size_t i = 0; i < j->at_once; i++) {
		p[n++] = (struct pollfd){ .fd = run_reports(&j->run[i], now),
			.events = POLLIN };
		p[n++] = (struct pollfd){ .fd = run_end(&j->run[i]), .events = POLLIN };
	}
	if (poll(p, n, until > now ? (int)(until - now) : 0) < 0 && errno != EINTR)
		log_event(LOG_LEVEL_ERROR, "jobs", "poll-failed", "errno=%d", errno);
	if (p[0].revents != 0 && read(j->wake, &wakes, sizeof wakes) < 0 && errno != EAGAIN)
		log_event(LOG_LEVEL_ERROR, "jobs", "wake-failed", "errno=%d", errno);
}

static void *
scheduler(void *arg)
{
	struct jobs *j = arg;
	int64_t looked = clock_monotonic();

	while (!j->stop) {
		claim_all(j);
		for (size_t i = 0; i < j->at_once; i++)
			if (j->run[i].state != RUN_FREE)
				run_step(j, &j->run[i]);
		watchers_tell(j);
		rest(j);
		if (clock_monotonic() - looked >= LOOK_MS) {
			looked = clock_monotonic();
			j->wanted = true;
		}
	}
	for (size_t i = 0; i < j->at_once; i++)
		run_drop(j, &j->run[i]);
	watchers_tell(j);
	return NULL;
}

/* ---- Start and stop ------------------------------------------------------------------- */

static void
jobs_free(struct jobs **j)
{
	if (*j == NULL)
		return;
	fd_done(&(*j)->wake);
	reader_close(&(*j)->db);
	pthread_mutex_destroy(&(*j)->lock);
	free(*j);
	*j = NULL;
}

bool
jobs_start(struct ctx *c, struct server *server, struct jobs **ret)
{
	const struct conf *conf = &server->conf;
	owned(jobs_free) struct jobs *j = calloc(1, sizeof *j);

	if (j == NULL)
		return fail(c, E_MEMORY, "no memory for the jobs");
	j->server = server;
	j->conf = (struct worker_conf){ conf->programs,
		conf->worker_socket[0] != '\0' ? conf->worker_socket : NULL };
	j->at_once = (size_t)conf->jobs_at_once < RUNS_MAX ? (size_t)conf->jobs_at_once
							   : RUNS_MAX;
	j->wanted = true;
	pthread_mutex_init(&j->lock, NULL);
	j->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (j->wake < 0)
		return fail_errno(c, "create", "an eventfd");
	if (!reader_open(c, server->store, &j->db))
		return false;
	if (pthread_create(&j->thread, NULL, scheduler, j) != 0)
		return fail(c, E_MEMORY, "no thread for the jobs");
	*ret = steal(j);
	return true;
}

void
jobs_stop(struct jobs **jobs)
{
	struct jobs *j = *jobs;

	if (j == NULL)
		return;
	j->stop = true;
	jobs_wake(j);
	pthread_join(j->thread, NULL);
	jobs_free(jobs);
}
