/*
 * Threads that share work. The work is cut into pieces of which each is done once, by whoever is
 * free; what a piece computes does not depend on who that is. So a thread that gets no processor
 * holds nobody up: the others do its pieces.
 *
 * Who waits looks for a short while and then sleeps: on a quiet machine there is something to do
 * again at once, on a busy one the processor is needed.
 */
#include <pthread.h>
#include <stdatomic.h>

#include "fast_parts.h"

enum { LOOKS = 2000 };

struct threads {
	int count; /* beside the caller */
	/* Which work it is, and its next piece: taken only together, so that nobody takes a piece
	 * of one work for that of another. */
	_Atomic uint64_t ticket;
	atomic_int pieces, done;
	void (*_Atomic run)(void *, int);
	void *_Atomic arg;
	atomic_bool stop;
	atomic_int sleeping;
	pthread_mutex_t lock;
	pthread_cond_t work, end;
	pthread_t thread[];
};

/* Does pieces as long as there are any. */
static void
help(struct threads *t)
{
	uint64_t ticket = atomic_load(&t->ticket);

	for (;;) {
		int piece = (int)(uint32_t)ticket;
		void (*run)(void *, int) = atomic_load(&t->run);
		void *arg = atomic_load(&t->arg);

		if (piece >= atomic_load(&t->pieces))
			return;
		if (!atomic_compare_exchange_weak(&t->ticket, &ticket, ticket + 1))
			continue;
		run(arg, piece);
		if (atomic_fetch_add(&t->done, 1) + 1 == atomic_load(&t->pieces)) {
			pthread_mutex_lock(&t->lock);
			pthread_cond_signal(&t->end);
			pthread_mutex_unlock(&t->lock);
		}
		ticket = atomic_load(&t->ticket);
	}
}

/* Returns when there is other work than `old`. */
static uint64_t
wait_for_work(struct threads *t, uint64_t old)
{
	for (int i = 0; i < LOOKS; i++) {
		if (atomic_load(&t->ticket) >> 32 != old || atomic_load(&t->stop))
			return atomic_load(&t->ticket) >> 32;
		__builtin_ia32_pause();
	}
	pthread_mutex_lock(&t->lock);
	atomic_fetch_add(&t->sleeping, 1);
	while (atomic_load(&t->ticket) >> 32 == old && !atomic_load(&t->stop))
		pthread_cond_wait(&t->work, &t->lock);
	atomic_fetch_sub(&t->sleeping, 1);
	pthread_mutex_unlock(&t->lock);
	return atomic_load(&t->ticket) >> 32;
}

static void *
work(void *arg)
{
	struct threads *t = arg;
	uint64_t now = 0;

	edge_enter();
	while (!atomic_load(&t->stop)) {
		now = wait_for_work(t, now);
		help(t);
	}
	return NULL;
}

static void
wake(struct threads *t)
{
	if (atomic_load(&t->sleeping) == 0)
		return;
	pthread_mutex_lock(&t->lock);
	pthread_cond_broadcast(&t->work);
	pthread_mutex_unlock(&t->lock);
}

static void
wait_for_end(struct threads *t, int pieces)
{
	for (int i = 0; i < LOOKS; i++) {
		if (atomic_load(&t->done) == pieces)
			return;
		__builtin_ia32_pause();
	}
	pthread_mutex_lock(&t->lock);
	while (atomic_load(&t->done) != pieces)
		pthread_cond_wait(&t->end, &t->lock);
	pthread_mutex_unlock(&t->lock);
}

void
threads_share(struct threads *t, int pieces, void (*run)(void *, int), void *arg)
{
	if (t == NULL) {
		for (int i = 0; i < pieces; i++)
			run(arg, i);
		return;
	}
	atomic_store(&t->run, run);
	atomic_store(&t->arg, arg);
	atomic_store(&t->done, 0);
	atomic_store(&t->pieces, pieces);
	atomic_store(&t->ticket, ((atomic_load(&t->ticket) >> 32) + 1) << 32);
	wake(t);
	help(t);
	wait_for_end(t, pieces);
}

void
threads_free(struct threads **t)
{
	if (*t == NULL)
		return;
	pthread_mutex_lock(&(*t)->lock);
	atomic_store(&(*t)->stop, true);
	pthread_cond_broadcast(&(*t)->work);
	pthread_mutex_unlock(&(*t)->lock);
	for (int i = 0; i < (*t)->count; i++)
		pthread_join((*t)->thread[i], NULL);
	pthread_cond_destroy(&(*t)->work);
	pthread_cond_destroy(&(*t)->end);
	pthread_mutex_destroy(&(*t)->lock);
	free(*t);
	*t = NULL;
}

bool
threads_new(struct ctx *c, int count, struct threads **ret)
{
	owned(threads_free) struct threads *t = calloc(
	    1, sizeof *t + (size_t)count * sizeof t->thread[0]);

	if (t == NULL)
		return fail(c, E_MEMORY, "no memory for threads");
	pthread_mutex_init(&t->lock, NULL);
	pthread_cond_init(&t->work, NULL);
	pthread_cond_init(&t->end, NULL);
	for (; t->count < count - 1; t->count++)
		if (pthread_create(&t->thread[t->count], NULL, work, t) != 0)
			return fail(c, E_MEMORY, "a thread cannot be started");
	*ret = steal(t);
	return true;
}
