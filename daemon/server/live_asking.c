/*
 * One thread hears the workers of verifications, lets pass what may be asked, and speaks to the
 * courier that asks services. The courier reads hostile answers and is not believed either: it can
 * lose questions, and answer those that are under way, as the service itself could.
 */
#include <errno.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "live_parts.h"

enum {
	TURN_MEMORY = 4 << 20,
	TURN_MS = 1000,
	IDLE_MS = 60000,
	LIMIT_MS = 15000, /* for one question: the courier gives up before */
};

static const struct question_report lost = { .end = PARCEL_LOST };

static void
wake(struct live *l)
{
	const uint64_t one = 1;

	if (write(l->wake, &one, sizeof one) < 0)
		errno = 0; /* full of wakes: it is awake */
}

/* ---- The courier ------------------------------------------------------------------------- */

static void
courier_lost(struct ctx *c, struct live *l, const char *why)
{
	courier_lose(&l->courier, why);
	for (size_t i = 0; i < ASKERS_MAX; i++) {
		arena_reset(c->mem);
		if (l->asker[i].state == ASKER_SENT)
			asker_report(c, l, &l->asker[i], &lost);
	}
}

static void
hear_courier(struct ctx *c, struct live *l)
{
	struct question_report r;
	struct str said;
	bool found = true;

	while (l->courier.child.pid != 0 && found) {
		arena_reset(c->mem);
		if (!courier_hear(c, &l->courier, l->room, &found, &said) ||
		    (found && !question_report_decode(c, said, &r))) {
			courier_lost(c, l, "silence");
			return;
		}
		for (size_t i = 0; found && i < ASKERS_MAX; i++)
			if (l->asker[i].state == ASKER_SENT && l->asker[i].serial == r.number)
				asker_report(c, l, &l->asker[i], &r);
	}
}

static void
send_one(struct ctx *c, struct live *l, struct asker *a)
{
	const struct str bytes = { a->question, a->bytes };

	courier_revive(c, &l->courier);
	if (l->courier.child.pid == 0)
		return;
	if (!courier_give(c, &l->courier, bytes)) {
		courier_lost(c, l, "a question");
		return;
	}
	free(steal(a->question));
	a->state = ASKER_SENT;
	a->asked++;
	a->until = clock_monotonic() + LIMIT_MS;
}

/* What is due, or too late. */
static void
asker_step(struct ctx *c, struct live *l, struct asker *a)
{
	int64_t now = clock_monotonic();

	if (a->state == ASKER_WAITS && now >= a->due)
		send_one(c, l, a);
	if (a->state == ASKER_WAITS && now >= a->until) {
		free(steal(a->question));
		asker_refuse(c, l, a, STR("there is no courier: the server's log says why"));
	}
	if (a->state == ASKER_SENT && now >= a->until)
		courier_lost(c, l, "hanging");
}

/* Nobody asks any more, or it has died, or has become old. */
static void
courier_step(struct ctx *c, struct live *l)
{
	bool asks = false, under_way = false;

	for (size_t i = 0; i < ASKERS_MAX; i++) {
		asks = asks || (l->asker[i].state != ASKER_NONE && l->asker[i].budget > 0);
		under_way = under_way || l->asker[i].state == ASKER_SENT;
	}
	if (courier_is_dead(&l->courier))
		courier_lost(c, l, "death");
	else if (!asks || (!under_way && courier_is_old(&l->courier)))
		courier_stop(&l->courier);
}

/* ---- The thread -------------------------------------------------------------------------- */

static void
take_fresh(struct live *l)
{
	pthread_mutex_lock(&l->lock);
	for (size_t i = 0; l->freshes > 0 && i < ASKERS_MAX; i++)
		if (l->asker[i].state == ASKER_NONE)
			l->asker[i] = l->fresh[--l->freshes];
	pthread_mutex_unlock(&l->lock);
}

/* Until somebody says something, or something is due. */
static void
rest(struct live *l)
{
	struct pollfd p[2 + ASKERS_MAX] = { { .fd = l->wake, .events = POLLIN },
		{ .fd = l->courier.fd, .events = POLLIN } };
	int64_t now = clock_monotonic(), until = now + IDLE_MS;
	uint64_t wakes;

	for (size_t i = 0; i < ASKERS_MAX; i++) {
		const struct asker *a = &l->asker[i];
		int64_t due = a->state == ASKER_WAITS && a->due > now ? a->due : now + TURN_MS;

		p[2 + i] = (struct pollfd){ .fd = a->state == ASKER_LISTENS ? a->fd : -1,
			.events = POLLIN };
		if (a->state != ASKER_NONE && due < until)
			until = due;
	}
	if (poll(p, COUNT(p), (int)(until - now)) < 0 && errno != EINTR)
		log_event(LOG_LEVEL_ERROR, "live", "poll-failed", "errno=%d", errno);
	if (p[0].revents != 0 && read(l->wake, &wakes, sizeof wakes) < 0)
		errno = 0; /* somebody was quicker */
}

static void
turn(struct ctx *c, struct live *l)
{
	take_fresh(l);
	hear_courier(c, l);
	for (size_t i = 0; i < ASKERS_MAX; i++) {
		struct asker *a = &l->asker[i];

		arena_reset(c->mem);
		c->err = (struct err){ 0 };
		if (a->state == ASKER_LISTENS)
			asker_hear(c, l, a);
		asker_step(c, l, a);
	}
	courier_step(c, l);
}

static void *
live_main(void *arg)
{
	struct live *l = arg;
	owned(arena_free) struct arena *mem = arena_new(TURN_MEMORY);
	struct ctx c = ctx_real(mem, "live");

	while (!l->stop) {
		arena_reset(mem);
		c.err = (struct err){ 0 };
		turn(&c, l);
		rest(l);
	}
	arena_reset(mem);
	take_fresh(l);
	for (size_t i = 0; i < ASKERS_MAX; i++)
		asker_end(&c, l, &l->asker[i]);
	courier_stop(&l->courier);
	return NULL;
}

/* ---- For everybody ----------------------------------------------------------------------- */

void
live_attend(struct live *l, const struct job_row *job, int fd)
{
	struct asker a = { .state = ASKER_LISTENS,
		.fd = fd,
		.vendor = job->vendor,
		.verification = job->object };

	if (l == NULL) {
		fd_done(&fd);
		return;
	}
	pthread_mutex_lock(&l->lock);
	if (l->freshes < ASKERS_MAX) {
		l->fresh[l->freshes++] = a;
		fd = -1;
	}
	pthread_mutex_unlock(&l->lock);
	fd_done(&fd);
	wake(l);
}

static void
live_free(struct live **l)
{
	if (*l == NULL)
		return;
	for (size_t i = 0; i < (*l)->freshes; i++)
		fd_done(&(*l)->fresh[i].fd);
	fd_done(&(*l)->wake);
	reader_close(&(*l)->db);
	pthread_mutex_destroy(&(*l)->lock);
	free((*l)->room);
	free(*l);
	*l = NULL;
}

bool
live_start(struct ctx *c, struct server *server, struct live **ret)
{
	owned(live_free) struct live *l = calloc(1, sizeof *l);

	if (l == NULL)
		return fail(c, E_MEMORY, "no memory for questions");
	l->server = server;
	pthread_mutex_init(&l->lock, NULL);
	l->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	l->room = malloc(LIVE_MESSAGE_MAX);
	if (l->wake < 0)
		return fail_errno(c, "create", "an eventfd");
	if (l->room == NULL)
		return fail(c, E_MEMORY, "no memory for questions");
	l->courier = courier_of_suspects(&server->conf);
	if (!hosts_parse(c, str_of(server->conf.suspects_allow), &l->hosts) ||
	    !reader_open(c, server->store, &l->db))
		return false;
	if (pthread_create(&l->thread, NULL, live_main, l) != 0)
		return fail(c, E_MEMORY, "no thread for questions");
	*ret = steal(l);
	return true;
}

void
live_stop(struct live **live)
{
	struct live *l = *live;

	if (l == NULL)
		return;
	l->stop = true;
	wake(l);
	pthread_join(l->thread, NULL);
	live_free(live);
}
