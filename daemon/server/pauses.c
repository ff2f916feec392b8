/*
 * One thread and a list of those who wait, by the time they are due. A step is longer than looking
 * for anything takes, signatures included, so that nearly all wait for the same time; they begin in
 * the order of their requests, so that a new one's place is found at the list's end.
 */
#include <pthread.h>
#include <time.h>

#include "pauses.h"

enum { STEP_US = 1000 };

struct pauses {
	pthread_t thread;
	pthread_mutex_t lock; /* of all below */
	pthread_cond_t wake;
	struct pause head; /* of a ring: next is the first that is due, before the last */
	bool stop;
};

static int64_t
now_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

/* Takes the first out of the ring. */
static struct pause *
first_take(struct pauses *ps)
{
	struct pause *p = ps->head.next;

	ps->head.next = p->next;
	p->next->before = &ps->head;
	return p;
}

static void
wait_for(struct pauses *ps, int64_t due)
{
	struct timespec t = { .tv_sec = due / 1000000, .tv_nsec = due % 1000000 * 1000 };

	(void)pthread_cond_timedwait(&ps->wake, &ps->lock, &t);
}

static void *
pauses_main(void *arg)
{
	struct pauses *ps = arg;

	pthread_mutex_lock(&ps->lock);
	while (!ps->stop) {
		struct pause *p = ps->head.next;

		if (p == &ps->head) {
			pthread_cond_wait(&ps->wake, &ps->lock);
		} else if (p->due > now_us()) {
			wait_for(ps, p->due);
		} else {
			p = first_take(ps);
			pthread_mutex_unlock(&ps->lock);
			p->over(p->arg);
			pthread_mutex_lock(&ps->lock);
		}
	}
	pthread_mutex_unlock(&ps->lock);
	return NULL;
}

bool
pauses_start(struct ctx *c, struct pauses **ret)
{
	struct pauses *ps = calloc(1, sizeof *ps);
	pthread_condattr_t attr;

	if (ps == NULL)
		return fail(c, E_MEMORY, "no memory for pauses");
	ps->head.next = ps->head.before = &ps->head;
	pthread_mutex_init(&ps->lock, NULL);
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&ps->wake, &attr);
	pthread_condattr_destroy(&attr);
	if (pthread_create(&ps->thread, NULL, pauses_main, ps) != 0) {
		free(ps);
		return fail(c, E_MEMORY, "cannot start a thread");
	}
	*ret = ps;
	return true;
}

void
pauses_stop(struct pauses **ps)
{
	if (*ps == NULL)
		return;
	pthread_mutex_lock(&(*ps)->lock);
	(*ps)->stop = true;
	pthread_cond_signal(&(*ps)->wake);
	pthread_mutex_unlock(&(*ps)->lock);
	pthread_join((*ps)->thread, NULL);
	pthread_cond_destroy(&(*ps)->wake);
	pthread_mutex_destroy(&(*ps)->lock);
	free(*ps);
	*ps = NULL;
}

void
pause_begin(struct pauses *ps, struct pause *p, int64_t began, void (*over)(void *), void *arg)
{
	struct pause *at;

	pthread_mutex_lock(&ps->lock);
	*p = (struct pause){ .over = over, .arg = arg };
	p->due = began + ((now_us() - began) / STEP_US + 1) * STEP_US;
	for (at = ps->head.before; at != &ps->head && at->due > p->due; at = at->before)
		continue;
	p->before = at;
	p->next = at->next;
	at->next->before = p;
	at->next = p;
	if (at == &ps->head)
		pthread_cond_signal(&ps->wake);
	pthread_mutex_unlock(&ps->lock);
}
