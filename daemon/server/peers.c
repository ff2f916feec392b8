/*
 * Connections and their deadlines. Cutting means shutdown(2): the thread that owns the connection
 * then finds it closed and cleans up, so that no descriptor is ever closed under another's feet.
 */
#include <pthread.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "peers.h"

enum { SWEEP_MS = 250, REQUEST_MEMORY = 3 << 20, STREAM_END_MS = 1000, UPLOAD_MS = 9500 };

struct peers {
	struct metrics *metrics;
	_Atomic int64_t limit[PHASE_UPLOAD + 1]; /* milliseconds */
	pthread_mutex_t lock;
	pthread_cond_t wake;
	pthread_t thread;
	bool stop;
	_Atomic bool draining;
	size_t count;
	struct peer head; /* of a ring */
};

/* Deadlines need no more than the clock that costs nothing to read. */
static int64_t
coarse_now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC_COARSE, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static void
sweep(struct peers *ps)
{
	int64_t now = clock_monotonic();

	for (struct peer *p = ps->head.next; p != &ps->head; p = p->next) {
		if (now < p->deadline)
			continue;
		shutdown(p->fd, SHUT_RDWR);
		p->deadline = INT64_MAX;
		metrics_cut(ps->metrics);
	}
}

static void *
sweeper(void *arg)
{
	struct peers *ps = arg;
	struct timespec until;

	pthread_mutex_lock(&ps->lock);
	while (!ps->stop) {
		clock_gettime(CLOCK_REALTIME, &until);
		until.tv_nsec += SWEEP_MS * 1000000L;
		until.tv_sec += until.tv_nsec / 1000000000L;
		until.tv_nsec %= 1000000000L;
		pthread_cond_timedwait(&ps->wake, &ps->lock, &until);
		sweep(ps);
	}
	pthread_mutex_unlock(&ps->lock);
	return NULL;
}

void
peers_set(struct peers *ps, const struct conf *conf)
{
	ps->limit[PHASE_HEAD] = conf->header_seconds * 1000;
	ps->limit[PHASE_BODY] = conf->body_seconds * 1000;
	ps->limit[PHASE_WORK] = INT64_MAX / 2;
	ps->limit[PHASE_REPLY] = conf->response_seconds * 1000;
	ps->limit[PHASE_STREAM] = INT64_MAX / 2;
	ps->limit[PHASE_UPLOAD] = UPLOAD_MS;
}

bool
peers_start(struct ctx *c, const struct conf *conf, struct metrics *metrics, struct peers **ret)
{
	struct peers *ps = calloc(1, sizeof *ps);

	if (ps == NULL)
		return fail(c, E_MEMORY, "no memory for connections");
	ps->metrics = metrics;
	peers_set(ps, conf);
	ps->head.next = ps->head.prev = &ps->head;
	pthread_mutex_init(&ps->lock, NULL);
	pthread_cond_init(&ps->wake, NULL);
	if (pthread_create(&ps->thread, NULL, sweeper, ps) != 0) {
		free(ps);
		return fail(c, E_MEMORY, "cannot start a thread");
	}
	*ret = ps;
	return true;
}

void
peers_stop(struct peers **ps)
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

struct peer *
peer_add(struct peers *ps, int fd)
{
	struct peer *p = calloc(1, sizeof *p);

	if (p == NULL)
		return NULL;
	p->fd = fd;
	peer_phase(ps, p, PHASE_HEAD);
	pthread_mutex_lock(&ps->lock);
	p->next = &ps->head;
	p->prev = ps->head.prev;
	p->prev->next = p;
	p->next->prev = p;
	ps->count++;
	pthread_mutex_unlock(&ps->lock);
	metrics_connection(ps->metrics, 1);
	return p;
}

void
peer_remove(struct peers *ps, struct peer **p)
{
	if (*p == NULL)
		return;
	pthread_mutex_lock(&ps->lock);
	(*p)->prev->next = (*p)->next;
	(*p)->next->prev = (*p)->prev;
	ps->count--;
	pthread_mutex_unlock(&ps->lock);
	arena_free(&(*p)->mem);
	free(*p);
	*p = NULL;
	metrics_connection(ps->metrics, -1);
}

bool
peer_memory(struct peer *p)
{
	if (p->mem == NULL)
		p->mem = arena_new(REQUEST_MEMORY);
	return p->mem != NULL;
}

void
peer_phase(struct peers *ps, struct peer *p, enum phase phase)
{
	p->phase = (int)phase;
	if ((phase == PHASE_HEAD || phase == PHASE_UPLOAD) && ps->draining)
		p->deadline = 0;
	else
		p->deadline = coarse_now() + ps->limit[phase];
}

void
peers_drain(struct peers *ps)
{
	ps->draining = true;
	pthread_mutex_lock(&ps->lock);
	for (struct peer *p = ps->head.next; p != &ps->head; p = p->next)
		if (p->phase == PHASE_HEAD || p->phase == PHASE_UPLOAD)
			p->deadline = 0;
		else if (p->phase == PHASE_STREAM)
			p->deadline = clock_monotonic() + STREAM_END_MS;
	sweep(ps);
	pthread_mutex_unlock(&ps->lock);
}

size_t
peers_count(struct peers *ps)
{
	size_t n;

	pthread_mutex_lock(&ps->lock);
	n = ps->count;
	pthread_mutex_unlock(&ps->lock);
	return n;
}
