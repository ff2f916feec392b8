/*
 * One thread, one piece of work, one deadline. What both sides look at belongs to whoever ends
 * last: the waiting side frees it, or, having given up, leaves it to the thread for good.
 */
#include <pthread.h>
#include <time.h>

#include "patience.h"

#define STACK (8 << 20)

struct patience {
	pthread_mutex_t mutex;
	pthread_cond_t ended_now;
	bool ended, ok;
	struct ctx ctx;
	patience_work *work;
	void *arg;
	struct patience *next; /* given up before */
};

/* What was given up, for who looks for leaks: it is still in use. */
static struct patience *given_up;

static void *
work_on(void *arg)
{
	struct patience *p = arg;
	bool ok = p->work(&p->ctx, p->arg);

	(void)pthread_mutex_lock(&p->mutex);
	p->ok = ok;
	p->ended = true;
	(void)pthread_cond_signal(&p->ended_now);
	(void)pthread_mutex_unlock(&p->mutex);
	return NULL;
}

MUST static bool
patience_new(
    struct ctx *c, struct arena *mem, patience_work *work, void *arg, struct patience **ret)
{
	struct patience *p = calloc(1, sizeof *p);
	pthread_condattr_t attr;

	if (p == NULL)
		return fail(c, E_MEMORY, "no memory for a thread");
	p->ctx = *c;
	p->ctx.mem = mem;
	p->work = work;
	p->arg = arg;
	/* Of these two, none can fail on Linux with these arguments. */
	if (pthread_condattr_init(&attr) != 0 ||
	    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC) != 0 ||
	    pthread_mutex_init(&p->mutex, NULL) != 0 ||
	    pthread_cond_init(&p->ended_now, &attr) != 0)
		abort();
	(void)pthread_condattr_destroy(&attr);
	*ret = p;
	return true;
}

static void
patience_free(struct patience **p)
{
	if (*p == NULL)
		return;
	(void)pthread_cond_destroy(&(*p)->ended_now);
	(void)pthread_mutex_destroy(&(*p)->mutex);
	free(*p);
	*p = NULL;
}

MUST static bool
thread_start(struct ctx *c, struct patience *p, pthread_t *ret)
{
	pthread_attr_t attr;
	bool ok;

	if (pthread_attr_init(&attr) != 0)
		return fail(c, E_MEMORY, "no memory for a thread");
	ok = pthread_attr_setstacksize(&attr, STACK) == 0 &&
	    pthread_create(ret, &attr, work_on, p) == 0;
	(void)pthread_attr_destroy(&attr);
	return ok ? true : fail(c, E_MEMORY, "no memory for a thread");
}

/* True once the work has ended. */
static bool
wait_for(struct patience *p, int64_t ms)
{
	int64_t until = clock_monotonic() + ms;
	struct timespec t = { .tv_sec = until / 1000, .tv_nsec = until % 1000 * 1000000 };
	bool ok;

	(void)pthread_mutex_lock(&p->mutex);
	while (!p->ended && pthread_cond_timedwait(&p->ended_now, &p->mutex, &t) == 0)
		;
	ok = p->ended;
	(void)pthread_mutex_unlock(&p->mutex);
	return ok;
}

bool
patience_run(struct ctx *c, struct arena *mem, int64_t ms, patience_work *work, void *arg,
    bool *ret_abandoned)
{
	owned(patience_free) struct patience *p = NULL;
	pthread_t thread;
	bool ok;

	if (!patience_new(c, mem, work, arg, &p) || !thread_start(c, p, &thread))
		return false;
	if (!wait_for(p, ms)) {
		(void)pthread_detach(thread);
		p->next = given_up;
		given_up = steal(p);
		*ret_abandoned = true;
		return fail(
		    c, E_SLOW, "no end after %lld seconds", (long long)(ms + 999) / 1000);
	}
	(void)pthread_join(thread, NULL);
	ok = p->ok;
	if (!ok)
		c->err = p->ctx.err;
	return ok;
}
