/*
 * Server-sent events. A stream has nothing to say most of the time: it then suspends its connection
 * and is woken by the scheduler when the job moves, or by the beat. Whoever turns `asleep` off
 * under the lock resumes the connection, so it is resumed once. The jobs' functions are never
 * called with the lock held, because their thread calls back into it.
 */
#include <microhttpd.h>
#include <pthread.h>

#include "events.h"

enum {
	STREAMS_MAX = 1024,
	VENDOR_STREAMS_MAX = 128, /* so that no vendor takes all of them */
	STREAM_MEMORY = 512 << 10,
	EVENT_ROOM = 2048, /* beside a job's result and note */
};

struct stream {
	struct stream *prev, *next;
	struct server *server;
	struct MHD_Connection *connection;
	struct arena *mem;
	struct id job;
	struct principal who;
	uint64_t serial, watch;
	bool asleep, beat; /* by lock */
	bool begun, ended;
	struct str rest; /* of the event that is being sent, in mem */
};

/* All streams of the process; a ring. */
static struct {
	pthread_mutex_t lock;
	struct stream head;
	size_t count;
	bool ending;
} streams = { .lock = PTHREAD_MUTEX_INITIALIZER,
	.head = { .prev = &streams.head, .next = &streams.head } };

static void
wake_locked(struct stream *st)
{
	if (!st->asleep)
		return;
	st->asleep = false;
	MHD_resume_connection(st->connection);
}

static void
job_moved(void *arg)
{
	struct stream *st = arg;

	pthread_mutex_lock(&streams.lock);
	wake_locked(st);
	pthread_mutex_unlock(&streams.lock);
}

static void
each_wake(bool beat, bool ending)
{
	pthread_mutex_lock(&streams.lock);
	streams.ending |= ending;
	for (struct stream *st = streams.head.next; st != &streams.head; st = st->next) {
		st->beat |= beat;
		wake_locked(st);
	}
	pthread_mutex_unlock(&streams.lock);
}

void
events_beat(void)
{
	each_wake(true, false);
}

void
events_end(void)
{
	each_wake(false, true);
}

size_t
events_open(void)
{
	size_t n = 0;

	pthread_mutex_lock(&streams.lock);
	for (struct stream *st = streams.head.next; st != &streams.head; st = st->next)
		n += st->asleep;
	pthread_mutex_unlock(&streams.lock);
	return n;
}

/* Nothing to say: asleep from now on. False when the daemon is about to stop. */
static bool
sleep_now(struct stream *st)
{
	bool ending;

	if (st->watch != 0)
		jobs_unwatch(st->server->jobs, st->watch);
	pthread_mutex_lock(&streams.lock);
	ending = streams.ending;
	if (!ending) {
		st->asleep = true;
		MHD_suspend_connection(st->connection);
	}
	pthread_mutex_unlock(&streams.lock);
	if (ending)
		return false;
	/* Without a watcher's place the beat alone wakes it: later, but it wakes. */
	st->watch = jobs_watch(st->server->jobs, str_of(st->job.s), st->serial, job_moved, st);
	return true;
}

static void
event(struct buf *b, const char *name, struct str json)
{
	buf_printf(b, "event: %s\ndata: %.*s\n\n", name, STRF(json));
}

/*
 * The job as it is now: one progress event while it runs, one state event at its end, for as long
 * as the token that asked holds.
 */
MUST static bool
look(struct ctx *c, struct stream *st, struct buf *out)
{
	struct str vendor = str_of(st->who.vendor.s);
	struct job_progress live;
	struct job_row row;
	struct db *db;
	struct buf text;
	struct js j = { &text, false };
	bool running;

	if (!server_reader(c, st->server, &db) || !authority_holds(c, db, &st->who))
		return false;
	jobs_progress(st->server->jobs, str_of(st->job.s), &running, &live);
	if (running && st->begun && live.serial == st->serial)
		return true;
	if (!job_by_id(c, db, vendor, str_of(st->job.s), &row))
		return false;
	st->ended = row.state != JOB_QUEUED && row.state != JOB_RUNNING;
	if (!running && !st->ended && st->begun && st->serial == 0)
		return true;
	st->begun = true;
	st->serial = running ? live.serial : 0;
	if (!take_buf(c, row.result.n + row.note.n + EVENT_ROOM, &text) ||
	    !take_buf(c, text.max + 64, out))
		return false;
	job_json(&j, st->server->jobs, &row);
	event(out, st->ended ? "state" : "progress", buf_str(&text));
	return buf_ok(c, &text) && buf_ok(c, out);
}

MUST static bool
next_event(struct stream *st)
{
	struct ctx c = ctx_real(st->mem, st->job.s);
	struct buf out = { 0 };
	bool beat;

	arena_reset(st->mem);
	if (!look(&c, st, &out))
		return false;
	pthread_mutex_lock(&streams.lock);
	beat = st->beat;
	st->beat = false;
	pthread_mutex_unlock(&streams.lock);
	st->rest = out.n == 0 && beat ? STR(": alive\n\n") : buf_str(&out);
	return true;
}

static ssize_t
on_read(void *arg, uint64_t at, char *to, size_t max)
{
	struct stream *st = arg;
	size_t n;

	(void)at;
	if (st->rest.n == 0) {
		if (st->ended || !next_event(st))
			return MHD_CONTENT_READER_END_OF_STREAM;
		if (st->rest.n == 0)
			return sleep_now(st) ? 0 : MHD_CONTENT_READER_END_OF_STREAM;
	}
	n = st->rest.n < max ? st->rest.n : max;
	memcpy(to, st->rest.p, n);
	st->rest.p += n;
	st->rest.n -= n;
	return (ssize_t)n;
}

static void
on_free(void *arg)
{
	struct stream *st = arg;

	if (st->watch != 0)
		jobs_unwatch(st->server->jobs, st->watch);
	pthread_mutex_lock(&streams.lock);
	st->prev->next = st->next;
	st->next->prev = st->prev;
	streams.count--;
	pthread_mutex_unlock(&streams.lock);
	arena_free(&st->mem);
	free(st);
}

bool
events_room(struct ctx *c, const struct id *vendor)
{
	size_t all, own = 0;

	pthread_mutex_lock(&streams.lock);
	all = streams.count;
	for (const struct stream *st = streams.head.next; st != &streams.head; st = st->next)
		own += str_same(str_of(st->who.vendor.s), str_of(vendor->s));
	pthread_mutex_unlock(&streams.lock);
	if (own >= VENDOR_STREAMS_MAX)
		return fail(c, E_RATE, "as many streams of events are open as may");
	if (all >= STREAMS_MAX)
		return fail(c, E_BUSY, "too many streams of events: try again");
	return true;
}

struct MHD_Response *
events_response(struct request *rq, struct MHD_Connection *connection)
{
	struct stream *st = calloc(1, sizeof *st);
	struct MHD_Response *r;

	if (st == NULL)
		return NULL;
	st->mem = arena_new(STREAM_MEMORY);
	st->server = rq->server;
	st->connection = connection;
	st->who = rq->who;
	memcpy(
	    st->job.s, rq->param[0].p, rq->param[0].n); /* its length was checked as an id's */
	pthread_mutex_lock(&streams.lock);
	streams.count++;
	st->next = &streams.head;
	st->prev = streams.head.prev;
	st->prev->next = st;
	st->next->prev = st;
	pthread_mutex_unlock(&streams.lock);
	r = st->mem == NULL
	    ? NULL
	    : MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, 4096, on_read, st, on_free);
	if (r == NULL)
		on_free(st);
	return r;
}
