/*
 * Who sees a running job, and who waits for it to change. The lock keeps what is seen; the calls
 * are made by the scheduler's thread under it, so that nobody is called after jobs_unwatch. A ring
 * of the jobs that ended last tells those who begin to watch a moment too late.
 */
#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#include "jobs.h"

static void
wake(struct jobs *j)
{
	const uint64_t one = 1;

	if (write(j->wake, &one, sizeof one) < 0)
		errno = 0; /* full of wakes: it is awake */
}

static struct run *
seen(struct jobs *j, struct str id)
{
	for (size_t i = 0; i < j->at_once; i++)
		if (j->run[i].live.serial != 0 && str_same(id, str_of(j->run[i].row.id.s)))
			return &j->run[i];
	return NULL;
}

/* ---- For the scheduler ---------------------------------------------------------------- */

void
run_put(struct jobs *j, struct run *r, const struct run *value)
{
	pthread_mutex_lock(&j->lock);
	*r = *value;
	pthread_mutex_unlock(&j->lock);
}

void
run_changed(struct jobs *j, struct run *r, const struct job_progress *now)
{
	pthread_mutex_lock(&j->lock);
	r->live = *now;
	r->live.serial = ++j->serial;
	j->news = true;
	pthread_mutex_unlock(&j->lock);
}

void
run_shown(struct jobs *j, struct run *r)
{
	struct job_progress live = { .done = r->row.done, .total = r->row.total };

	snprintf(live.note, sizeof live.note, "%.*s", STRF(r->row.note));
	r->cancel = false;
	run_changed(j, r, &live);
}

static void
has_ended(struct jobs *j, struct str id)
{
	struct id *e = &j->ended[j->ended_at++ % ENDED_MAX];

	snprintf(e->s, sizeof e->s, "%.*s", STRF(id));
	j->news = true;
}

void
run_hidden(struct jobs *j, struct run *r, bool over)
{
	pthread_mutex_lock(&j->lock);
	r->live.serial = 0;
	j->news = true;
	if (over)
		has_ended(j, str_of(r->row.id.s));
	pthread_mutex_unlock(&j->lock);
}

bool
run_cancelled(struct jobs *j, const struct run *r)
{
	bool ok;

	pthread_mutex_lock(&j->lock);
	ok = r->cancel;
	pthread_mutex_unlock(&j->lock);
	return ok;
}

static bool
is_news(struct jobs *j, const struct watcher *w)
{
	const struct run *r = seen(j, str_of(w->job.s));

	if (r != NULL)
		return r->live.serial != w->serial;
	if (w->serial != 0)
		return true;
	for (size_t i = 0; i < ENDED_MAX; i++)
		if (str_same(str_of(j->ended[i].s), str_of(w->job.s)))
			return true;
	return false;
}

void
watchers_tell(struct jobs *j)
{
	pthread_mutex_lock(&j->lock);
	for (size_t i = 0; j->news && i < WATCHERS_MAX; i++) {
		struct watcher *w = &j->watcher[i];

		if (w->handle == 0 || !is_news(j, w))
			continue;
		w->handle = 0;
		w->changed(w->arg);
	}
	j->news = false;
	pthread_mutex_unlock(&j->lock);
}

/* ---- For everybody -------------------------------------------------------------------- */

void
jobs_wake(struct jobs *j)
{
	j->wanted = true;
	wake(j);
}

void
jobs_cancel(struct jobs *j, struct str id)
{
	struct run *r;

	pthread_mutex_lock(&j->lock);
	r = seen(j, id);
	if (r != NULL)
		r->cancel = true;
	else
		has_ended(j, id);
	pthread_mutex_unlock(&j->lock);
	wake(j);
}

void
jobs_progress(struct jobs *j, struct str id, bool *ret_found, struct job_progress *ret)
{
	struct run *r;

	pthread_mutex_lock(&j->lock);
	r = seen(j, id);
	*ret_found = r != NULL;
	if (r != NULL)
		*ret = r->live;
	pthread_mutex_unlock(&j->lock);
}

uint64_t
jobs_watch(struct jobs *j, struct str id, uint64_t serial, void (*changed)(void *), void *arg)
{
	uint64_t handle = 0;

	pthread_mutex_lock(&j->lock);
	for (size_t i = 0; handle == 0 && i < WATCHERS_MAX; i++) {
		struct watcher *w = &j->watcher[i];

		if (w->handle != 0)
			continue;
		handle = ++j->handle;
		w->handle = handle;
		w->serial = serial;
		w->changed = changed;
		w->arg = arg;
		snprintf(w->job.s, sizeof w->job.s, "%.*s", STRF(id));
		j->news = true;
	}
	pthread_mutex_unlock(&j->lock);
	wake(j);
	return handle;
}

void
jobs_unwatch(struct jobs *j, uint64_t handle)
{
	pthread_mutex_lock(&j->lock);
	for (size_t i = 0; handle != 0 && i < WATCHERS_MAX; i++)
		if (j->watcher[i].handle == handle)
			j->watcher[i].handle = 0;
	pthread_mutex_unlock(&j->lock);
}
