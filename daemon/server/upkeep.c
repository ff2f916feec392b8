/*
 * The upkeep: what has to be done now and then though nobody asks. Each second it looks at the
 * clock and the free space, and prunes answers, ended jobs and unfinished uploads that are older
 * than their keeping; when the audit has grown enough or long enough, it has a checkpoint signed.
 * Pruning goes in small acts: as often as there is something to prune, but never more than half of
 * the time.
 */
#include <stdio.h>
#include <sys/statvfs.h>
#include <pthread.h>

#include "clock.h"
#include "uploads.h"

enum {
	UPKEEP_MEMORY = 4 << 20,
	TURN_MS = 1000,
	PRUNE_MAX = 300,       /* rows in one act */
	PRUNE_TURN_MS = 10000, /* between two looks for old rows, once there were no more */
	HOUR_MS = 3600 * 1000,
	DELIVERY_DAYS =
	    30, /* an ended one is still known as spent or expired; so other secrets */
};

struct upkeep {
	struct server *server;
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t wake;
	bool stop; /* by lock */
	_Atomic bool full;

	/* The thread's own. */
	struct db *db;
	int64_t point_seq, point_at; /* the last checkpoint; monotonic */
	int64_t prune_at;            /* monotonic */
};

bool
server_storage_ok(struct ctx *c, struct server *s)
{
	enum err_code health = store_health(s->store);

	if (s->upkeep != NULL && s->upkeep->full)
		return fail(c, E_FULL, "the state folder's disk is full");
	if (health != E_NONE)
		return fail(c, health, "the database cannot be written at present");
	return true;
}

/* ---- Free space ---------------------------------------------------------------------------- */

static void
look_at_space(struct upkeep *u)
{
	const struct conf *conf = &u->server->conf;
	struct statvfs v;
	uint64_t reserve = (uint64_t)conf->disk_reserve_mb << 20;
	bool full;

	if (statvfs(conf->state, &v) != 0)
		return;
	full = (uint64_t)v.f_bavail * v.f_frsize < reserve;
	if (full != u->full)
		log_event(full ? LOG_LEVEL_ERROR : LOG_LEVEL_INFO, "upkeep",
		    full ? "disk-full" : "disk-has-room", "free_mb=%llu reserve_mb=%lld",
		    (unsigned long long)v.f_bavail * v.f_frsize >> 20,
		    (long long)conf->disk_reserve_mb);
	u->full = full;
}

/* ---- Pruning ------------------------------------------------------------------------------- */

struct prune {
	struct act act;
	int64_t now, answers_before, jobs_before, deliveries_before, events_before;
	size_t answers, jobs, leases, deliveries, events, image_secrets;
};

static bool
prune_run(struct ctx *c, struct db *db, struct act *act)
{
	struct prune *p = (struct prune *)(void *)act;

	return answer_prune(c, db, p->answers_before, PRUNE_MAX, &p->answers) &&
	    job_prune(c, db, p->jobs_before, PRUNE_MAX, &p->jobs) &&
	    lease_reap(c, db, p->now, PRUNE_MAX, &p->leases) &&
	    delivery_prune(c, db, p->deliveries_before, PRUNE_MAX, &p->deliveries) &&
	    event_prune(c, db, p->events_before, PRUNE_MAX, &p->events) &&
	    image_secret_prune(c, db, p->deliveries_before, PRUNE_MAX, &p->image_secrets);
}

/* One act; how long to wait before the next. */
static int64_t
prune(struct ctx *c, struct upkeep *u)
{
	const struct conf *conf = &u->server->conf;
	int64_t began = clock_monotonic(), now = c->now();
	struct prune p = {
		.act = { .run = prune_run, .c = c, .unaudited = true },
		.answers_before = now - conf->idempotency_hours * HOUR_MS,
		.jobs_before = now - conf->job_days * 24 * HOUR_MS,
		.deliveries_before = now - (int64_t)DELIVERY_DAYS * 24 * HOUR_MS,
		.events_before = now - conf->webhook_days * 24 * HOUR_MS,
		.now = now,
	};

	if (!store_do(c, u->server->store, &p.act)) {
		log_failure(c, "pruning-failed");
		return PRUNE_TURN_MS;
	}
	if (u->server->uploads != NULL &&
	    !uploads_prune(c, u->server, now - conf->upload_hours * HOUR_MS, PRUNE_MAX))
		log_failure(c, "upload-pruning-failed");
	if (p.answers < PRUNE_MAX && p.jobs < PRUNE_MAX && p.leases < PRUNE_MAX &&
	    p.deliveries < PRUNE_MAX && p.events < PRUNE_MAX && p.image_secrets < PRUNE_MAX)
		return PRUNE_TURN_MS;
	return clock_monotonic() - began + 1;
}

/* ---- Checkpoints --------------------------------------------------------------------------- */

MUST static bool
point_is_due(struct ctx *c, struct upkeep *u, bool *ret)
{
	const struct conf *conf = &u->server->conf;
	struct digest256 hash;
	int64_t seq;

	if (!audit_head(c, u->db, &seq, &hash))
		return false;
	*ret = seq - u->point_seq >= conf->checkpoint_rows ||
	    (seq > u->point_seq &&
		clock_monotonic() - u->point_at >= conf->checkpoint_seconds * 1000);
	return true;
}

/* Signs what has come since the last one; where that was is read back, others sign too. */
MUST static bool
point(struct ctx *c, struct upkeep *u)
{
	struct checkpoint last;
	bool found;

	if (!keys_checkpoint(c, u->server->keys) || !checkpoint_last(c, u->db, &found, &last))
		return false;
	u->point_seq = found ? last.seq : 0;
	u->point_at = clock_monotonic();
	return true;
}

static void
checkpoint_turn(struct ctx *c, struct upkeep *u)
{
	bool due;

	if (keys_state(u->server->keys) != KEYS_OPEN)
		return;
	if (!point_is_due(c, u, &due) || (due && !point(c, u)))
		log_failure(c, "checkpoint-failed");
}

/* ---- The thread ---------------------------------------------------------------------------- */

/* Sleeps; false when it is time to end. */
static bool
sleeps(struct upkeep *u, int64_t ms)
{
	int64_t until = clock_monotonic() + ms;
	struct timespec t = { until / 1000, until % 1000 * 1000000 };
	bool stop;

	pthread_mutex_lock(&u->lock);
	if (!u->stop)
		(void)pthread_cond_timedwait(&u->wake, &u->lock, &t);
	stop = u->stop;
	pthread_mutex_unlock(&u->lock);
	return !stop;
}

static void *
upkeep_main(void *arg)
{
	struct upkeep *u = arg;
	owned(arena_free) struct arena *mem = arena_new(UPKEEP_MEMORY);
	struct ctx c = ctx_real(mem, "upkeep");
	int64_t turn_at = 0, now;

	do {
		arena_reset(mem);
		c = ctx_real(mem, "upkeep");
		now = clock_monotonic();
		if (now >= turn_at) {
			(void)clock_seen(u->server, c.now());
			look_at_space(u);
			checkpoint_turn(&c, u);
			turn_at = now + TURN_MS;
		}
		if (now >= u->prune_at)
			u->prune_at = now + prune(&c, u);
		now = clock_monotonic();
	} while (sleeps(u, (u->prune_at < turn_at ? u->prune_at : turn_at) - now));
	arena_reset(mem);
	c = ctx_real(mem, "upkeep");
	if (keys_state(u->server->keys) == KEYS_OPEN && !point(&c, u))
		log_failure(&c, "last-checkpoint-failed");
	return NULL;
}

static void
upkeep_free(struct upkeep **u)
{
	if (*u == NULL)
		return;
	reader_close(&(*u)->db);
	pthread_cond_destroy(&(*u)->wake);
	pthread_mutex_destroy(&(*u)->lock);
	free(*u);
	*u = NULL;
}

bool
upkeep_start(struct ctx *c, struct server *server, struct upkeep **ret)
{
	owned(upkeep_free) struct upkeep *u = calloc(1, sizeof *u);
	pthread_condattr_t attr;
	struct checkpoint last = { 0 };
	bool found;

	if (u == NULL)
		return fail(c, E_MEMORY, "no memory for the upkeep");
	u->server = server;
	u->point_at = clock_monotonic();
	pthread_mutex_init(&u->lock, NULL);
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&u->wake, &attr);
	pthread_condattr_destroy(&attr);
	if (!reader_open(c, server->store, &u->db) || !checkpoint_last(c, u->db, &found, &last))
		return false;
	u->point_seq = found ? last.seq : 0;
	look_at_space(u);
	if (pthread_create(&u->thread, NULL, upkeep_main, u) != 0)
		return fail(c, E_MEMORY, "no thread for the upkeep");
	*ret = steal(u);
	return true;
}

void
upkeep_stop(struct upkeep **upkeep)
{
	struct upkeep *u = *upkeep;

	if (u == NULL)
		return;
	pthread_mutex_lock(&u->lock);
	u->stop = true;
	pthread_cond_signal(&u->wake);
	pthread_mutex_unlock(&u->lock);
	pthread_join(u->thread, NULL);
	upkeep_free(upkeep);
}
