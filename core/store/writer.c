/*
 * The writer: one thread that alone changes the database. It takes what is queued, runs it inside
 * one transaction, adds the audit rows and commits: one wait for the disk, shared by the group. It
 * never waits for more acts to come; notes alone wait a little. A group whose commit fails has
 * failed as a whole; from then on the writer tries again every second, so that the service comes
 * back by itself with the disk.
 */
#include <sys/prctl.h>
#include <sys/statvfs.h>

#include "impl.h"

/* clang-format off */
enum { BEGIN, COMMIT, ROLLBACK, ACT_BEGIN, ACT_KEEP, ACT_UNDO };
static const char *const sql[] = {
	[BEGIN] = "BEGIN IMMEDIATE",
	[COMMIT] = "COMMIT",
	[ROLLBACK] = "ROLLBACK",
	[ACT_BEGIN] = "SAVEPOINT act",
	[ACT_KEEP] = "RELEASE act",
	[ACT_UNDO] = "ROLLBACK TO act",
};
/* clang-format on */
const struct questions writer_questions = { PART_WRITER, sql, COUNT(sql) };

enum { NOTES_MAX = 4096, PROBE_MS = 1000 }; /* notes of one commit; between two attempts */
/*
 * Pages in the log: from some on they are moved into the database when nothing is queued, from
 * many on in any case; beyond too many, readers are waited for, for a moment.
 */
enum { LOG_SOME = 4000, LOG_MANY = 12000, LOG_TOO_MANY = 48000, LOG_WAIT_MS = 100 };

/* Acts that are worth a commit; the moment; groups that follow a moment in vain. */
enum { GATHER_ENOUGH = 12, GATHER_NS = 500000, GATHER_AGAIN = 8 };

/* After a full disk: the room that a first attempt waits for. */
#define SPACE_ENOUGH ((uint64_t)1 << 20)

struct group {
	struct act *first;
	unsigned acts, notes;
	uint64_t notes_at, notes_end; /* positions in the ring: written down to, filled to */
	bool quiet;                   /* nothing was left in the queue */
};

MUST static bool
tx(struct store *s, size_t which)
{
	owned(question_done) struct question q = ask(&s->c, s->db, &writer_questions, which);
	int64_t changed;

	return question_run(&q, &changed);
}

/* ---- Running a group ----------------------------------------------------------------------- */

/* The disk, not the act, is to blame, or SQLite has ended the whole transaction. */
static bool
is_lost(struct store *s, const struct act *a)
{
	return a->c->err.code == E_FULL || a->c->err.code == E_STORE ||
	    sqlite3_get_autocommit(s->db->sql) != 0;
}

/* Runs one act so that it can be undone alone. False: the group is lost. */
MUST static bool
act_run(struct store *s, struct act *a)
{
	struct audit_entry asked = a->audit;
	bool ok = true;

	a->ok = true;
	if (a->run == NULL)
		return true;
	if (!tx(s, ACT_BEGIN))
		return false;
	a->ok = a->run(a->c, s->db, a);
	if (!a->ok && a->c->err.code == E_NONE)
		a->ok = fail(a->c, E_INTERNAL, "an act failed without saying why");
	if (!a->ok && is_lost(s, a)) {
		s->c.err = a->c->err;
		return false;
	}
	if (!audit_fits(a->ok ? a->c : &s->c, &a->audit)) {
		a->ok = false;
		a->audit = asked;
	}
	if (!a->ok)
		ok = tx(s, ACT_UNDO);
	return ok && tx(s, ACT_KEEP);
}

MUST static bool
acts_run(struct store *s, struct group *g)
{
	int64_t at = s->c.now();

	for (struct act *a = g->first; a != NULL; a = a->next) {
		if (!act_run(s, a))
			return false;
		if (a->unaudited)
			continue;
		a->audit.outcome = a->ok ? str_of(err_wire(E_NONE))
					 : str_of(err_name(&a->c->err));
		if (!audit_append(&s->c, s->db, &s->end, at, &a->audit))
			return false;
	}
	return true;
}

MUST static bool
notes_write(struct store *s, struct group *g)
{
	struct audit_entry e;
	int64_t at;

	while (g->notes < NOTES_MAX &&
	    notes_next(&s->notes, &g->notes_at, g->notes_end, &at, &e)) {
		if (!audit_append(&s->c, s->db, &s->end, at, &e))
			return false;
		g->notes++;
	}
	return true;
}

/* A last page may still be free on a disk that is full for whatever comes. */
MUST static bool
space_check(struct store *s)
{
	struct statvfs st;

	if (atomic_load(&s->health) != E_FULL || fstatvfs(s->folder, &st) != 0 ||
	    st.f_bavail * st.f_frsize >= SPACE_ENOUGH)
		return true;
	return fail(&s->c, E_FULL, "no space is left for the database");
}

/* After a failure a write is made in any case, to find out. */
MUST static bool
head_write(struct store *s, const struct audit_end *before)
{
	if (s->end.seq == before->seq && atomic_load(&s->health) == E_NONE)
		return true;
	return audit_head_put(&s->c, s->db, &s->end);
}

MUST static bool
group_write(struct store *s, struct group *g)
{
	struct audit_end before = s->end;

	s->c.err = (struct err){ 0 };
	arena_reset(s->mem);
	if ((g->acts > 0 || space_check(s)) && tx(s, BEGIN) && notes_write(s, g) &&
	    acts_run(s, g) && head_write(s, &before) && tx(s, COMMIT))
		return true;
	if (sqlite3_get_autocommit(s->db->sql) == 0)
		(void)sqlite3_exec(s->db->sql, "ROLLBACK", NULL, NULL, NULL);
	s->end = before;
	return false;
}

/* ---- The log of the database ---------------------------------------------------------------- */

static int
log_grown(void *store, sqlite3 *db, const char *name, int pages)
{
	struct store *s = store;

	(void)db;
	(void)name;
	s->wal_pages = pages;
	return SQLITE_OK;
}

/* Moves the log into the database and empties it: nothing that was erased is left in either. */
static void
log_empty(struct store *s)
{
	views_rest(s);
	(void)sqlite3_busy_timeout(s->db->sql, LOG_WAIT_MS);
	if (sqlite3_wal_checkpoint_v2(
		s->db->sql, NULL, SQLITE_CHECKPOINT_TRUNCATE, NULL, NULL) == SQLITE_OK) {
		s->erasing = false;
		s->wal_pages = s->wal_tried = 0;
	}
	(void)sqlite3_busy_timeout(s->db->sql, BUSY_MS);
	views_rest(s);
}

/*
 * Moves the log into the database. A reader in the middle of a question may keep a part of it in
 * place; then it is tried again only when the log has grown on.
 */
static void
log_tend(struct store *s, bool quiet)
{
	bool much = s->wal_pages >= LOG_TOO_MANY;
	int in_log = 0, moved = 0;

	if (s->wal_pages < s->wal_tried)
		s->wal_tried = 0;
	if (s->erasing)
		log_empty(s);
	if (s->wal_pages - s->wal_tried < (quiet ? LOG_SOME : LOG_MANY))
		return;
	views_rest(s);
	if (much)
		(void)sqlite3_busy_timeout(s->db->sql, LOG_WAIT_MS);
	(void)sqlite3_wal_checkpoint_v2(s->db->sql, NULL,
	    much ? SQLITE_CHECKPOINT_RESTART : SQLITE_CHECKPOINT_PASSIVE, &in_log, &moved);
	if (much)
		(void)sqlite3_busy_timeout(s->db->sql, BUSY_MS);
	s->wal_tried = in_log == moved ? 0 : s->wal_pages;
	if (in_log != moved)
		return;
	s->wal_pages = 0;
	views_rest(
	    s); /* those begun meanwhile would keep the next commit from starting the log anew */
}

/* ---- The queue ------------------------------------------------------------------------------ */

/* Is there anything to do now? With the lock held. */
static bool
is_due(const struct store *s)
{
	int64_t now = clock_monotonic();

	if (s->first != NULL || s->stop)
		return true;
	if (atomic_load(&s->health) != E_NONE)
		return now >= s->probe_due;
	return s->notes.n >= NOTES_ENOUGH || (s->notes.n > 0 && now >= s->notes_due);
}

static void
wait_for_more(struct store *s)
{
	bool failed = atomic_load(&s->health) != E_NONE;
	int64_t until = failed ? s->probe_due : s->notes_due;
	struct timespec t = { .tv_sec = until / 1000, .tv_nsec = until % 1000 * 1000000 };

	if (failed || s->notes.n > 0)
		(void)pthread_cond_timedwait(&s->wake, &s->m, &t);
	else
		(void)pthread_cond_wait(&s->wake, &s->m);
}

/*
 * One who asks gets a commit at once. Where several ask at a time, a commit that waits a moment for
 * those on their way costs each of them less; a moment in which nobody came ends it, and then it is
 * not tried for a while.
 */
static void
gather(struct store *s)
{
	const struct timespec moment = { 0, GATHER_NS };

	if (s->waiting < 2 || s->waiting >= GATHER_ENOUGH || s->stop)
		return;
	if (s->hasty > 0) {
		s->hasty--;
		return;
	}
	while (s->waiting < GATHER_ENOUGH && !s->stop) {
		unsigned before = s->waiting;

		pthread_mutex_unlock(&s->m);
		(void)clock_nanosleep(CLOCK_MONOTONIC, 0, &moment, NULL);
		pthread_mutex_lock(&s->m);
		if (s->waiting == before) {
			s->hasty = GATHER_AGAIN;
			return;
		}
	}
}

/* The head of the queue becomes the group's. */
static void
acts_take(struct store *s, struct group *g)
{
	struct act **end = &s->first;

	for (; *end != NULL && g->acts < s->conf.group_max; g->acts++)
		end = &(*end)->next;
	if (g->acts == 0)
		return;
	g->first = s->first;
	s->first = *end;
	*end = NULL;
	if (s->first == NULL)
		s->last = &s->first;
	s->waiting -= g->acts;
}

/* The next group; false when all is done and the store closes. */
static bool
group_take(struct store *s, struct group *ret)
{
	struct group g = { 0 };
	bool ok;

	pthread_mutex_lock(&s->m);
	while (!is_due(s))
		wait_for_more(s);
	gather(s);
	acts_take(s, &g);
	g.quiet = s->first == NULL;
	g.notes_at = s->notes.out;
	g.notes_end = s->notes.in;
	ok = !s->stop || g.first != NULL || s->notes.n > 0;
	pthread_mutex_unlock(&s->m);
	*ret = g;
	return ok;
}

/* The group is durable, or has failed: says so to everybody. */
static void
group_settle(struct store *s, const struct group *g, bool ok)
{
	struct act *next;

	pthread_mutex_lock(&s->m);
	atomic_store(&s->health, ok ? E_NONE : s->c.err.code == E_FULL ? E_FULL : E_STORE);
	s->probe_due = clock_monotonic() + PROBE_MS;
	if (ok)
		notes_drop(&s->notes, g->notes_at, g->notes);
	else if (s->stop)
		notes_drop(&s->notes, s->notes.in, s->notes.n);
	s->notes_due = clock_monotonic() + s->conf.lazy_ms;
	pthread_mutex_unlock(&s->m);
	atomic_fetch_add(&s->commits, ok);
	atomic_fetch_add(&s->noted, ok ? g->notes : 0);
	atomic_fetch_add(ok ? &s->acts : &s->failed, g->acts);
	for (struct act *a = g->first; a != NULL; a = next) {
		next = a->next;
		if (!ok)
			a->c->err = s->c.err;
		a->ok = a->ok && ok;
		s->erasing = s->erasing || (a->ok && a->erases);
		a->done(a);
	}
}

static void *
writer_main(void *arg)
{
	struct store *s = arg;
	struct group g;

	(void)prctl(PR_SET_TIMERSLACK, 1, 0, 0, 0); /* its moments are short */
	while (group_take(s, &g)) {
		bool ok;

		atomic_store(&s->busy_since, clock_monotonic());
		ok = group_write(s, &g);
		group_settle(s, &g, ok);
		log_tend(s, g.quiet);
		atomic_store(&s->busy_since, 0);
	}
	return NULL;
}

bool
writer_start(struct ctx *c, struct store *s)
{
	pthread_condattr_t attr;

	s->last = &s->first;
	(void)pthread_mutex_init(&s->m, NULL);
	(void)pthread_condattr_init(&attr);
	(void)pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	(void)pthread_cond_init(&s->wake, &attr);
	(void)pthread_condattr_destroy(&attr);
	(void)sqlite3_wal_hook(s->db->sql, log_grown, s);
	if (pthread_create(&s->writer, NULL, writer_main, s) != 0)
		return fail(c, E_MEMORY, "cannot start the database's writer");
	(void)pthread_setname_np(s->writer, "writer"); /* for whoever measures */
	s->running = true;
	return true;
}

void
writer_stop(struct store *s)
{
	if (!s->running)
		return;
	pthread_mutex_lock(&s->m);
	s->stop = true;
	pthread_cond_signal(&s->wake);
	pthread_mutex_unlock(&s->m);
	(void)pthread_join(s->writer, NULL);
	(void)pthread_cond_destroy(&s->wake);
	(void)pthread_mutex_destroy(&s->m);
	s->running = false;
}
