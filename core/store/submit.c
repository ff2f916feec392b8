/*
 * What other threads ask of the writer: an act, an act and its end, a note; and how it fares.
 */
#include "impl.h"

/* One group may wait for a slow disk, but not for ever. */
enum { HANGS_MS = 30000 };

bool
store_submit(struct ctx *c, struct store *s, struct act *a)
{
	bool full, stopped;

	a->ok = false;
	a->next = NULL;
	if (!a->unaudited && !audit_fits(c, &a->audit))
		return false;
	pthread_mutex_lock(&s->m);
	stopped = s->stop;
	full = s->waiting >= s->conf.queue_max;
	if (!full && !stopped) {
		*s->last = a;
		s->last = &a->next;
		s->waiting++;
		pthread_cond_signal(&s->wake);
	}
	pthread_mutex_unlock(&s->m);
	if (stopped)
		return fail(c, E_DRAINING, "the database is closing");
	if (full)
		return fail(c, E_BUSY, "too many changes are waiting: try again");
	return true;
}

/* An act of the caller's, with a thread that waits for it. */
struct waited {
	struct act act; /* first: the writer gives it back */
	struct act *of;
	pthread_mutex_t m;
	pthread_cond_t over;
	bool done;
};

static bool
waited_run(struct ctx *c, struct db *db, struct act *a)
{
	struct act *of = ((struct waited *)(void *)a)->of;
	bool ok = of->run(c, db, of);

	a->audit = of->audit;
	a->unaudited = of->unaudited;
	return ok;
}

static void
waited_done(struct act *a)
{
	struct waited *w = (struct waited *)(void *)a;

	pthread_mutex_lock(&w->m);
	w->done = true;
	pthread_cond_signal(&w->over);
	pthread_mutex_unlock(&w->m);
}

bool
store_do(struct ctx *c, struct store *s, struct act *a)
{
	struct waited w = {
		.act = *a,
		.of = a,
		.m = PTHREAD_MUTEX_INITIALIZER,
		.over = PTHREAD_COND_INITIALIZER,
	};

	w.act.run = a->run == NULL ? NULL : waited_run;
	w.act.done = waited_done;
	w.act.c = c;
	if (!store_submit(c, s, &w.act))
		return false;
	pthread_mutex_lock(&w.m);
	while (!w.done)
		(void)pthread_cond_wait(&w.over, &w.m);
	pthread_mutex_unlock(&w.m);
	a->audit.outcome = w.act.audit.outcome;
	a->ok = w.act.ok;
	return a->ok;
}

bool
store_note(struct ctx *c, struct store *s, const struct audit_entry *e)
{
	enum err_code health = atomic_load(&s->health);
	struct audit_entry whole = *e;
	bool put;

	if (health != E_NONE)
		return fail(c, health, "the audit cannot be written at present");
	if (whole.outcome.n == 0)
		whole.outcome = str_of(err_wire(E_NONE));
	if (!audit_fits(c, &whole))
		return false;
	pthread_mutex_lock(&s->m);
	put = notes_put(&s->notes, c->now(), &whole);
	if (put && s->notes.n == 1)
		s->notes_due = clock_monotonic() + s->conf.lazy_ms;
	if (put && (s->notes.n == 1 || s->notes.n == NOTES_ENOUGH))
		pthread_cond_signal(&s->wake);
	pthread_mutex_unlock(&s->m);
	return put ? true : fail(c, E_BUSY, "too many audit rows are waiting: try again");
}

enum err_code
store_health(const struct store *s)
{
	return atomic_load(&s->health);
}

bool
store_alive(const struct store *s)
{
	int64_t since = atomic_load(&s->busy_since);

	return since == 0 || clock_monotonic() - since < HANGS_MS;
}

struct store_counts
store_counts(const struct store *s)
{
	return (struct store_counts){
		.commits = atomic_load(&s->commits),
		.acts = atomic_load(&s->acts),
		.notes = atomic_load(&s->noted),
		.failed = atomic_load(&s->failed),
	};
}
