/*
 * Webhooks' messages on their way: one thread takes those that are due, signs them, hands them to
 * the courier, as many at once as there are slots, and records how each fared. The row is the
 * truth: what a kill keeps from being recorded is due still, and is sent again under the same id.
 * Of one webhook a few are under way at once, and one alone while it fails, so that slow targets do
 * not fill the slots. New messages are noticed by the store's count of commits.
 */
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "couriers.h"
#include "hooks.h"

enum {
	TURN_MEMORY = 24 << 20,
	TURN_MS = 200, /* between two looks at the store's count */
	LOOK_MS = 60000,
	AGAIN_MS = 1000, /* after the store or the keys have failed */
	GRACE_MS = 5000, /* beyond a parcel's limit: then the courier hangs */
	DRAIN_MS = 1000, /* for what is under way when the daemon ends */
	AT_ONCE = 4,     /* parcels of one webhook */
	LOOK_MAX = (COURIER_SLOTS + 1) * WEBHOOK_DUE_MAX,
};

enum slot_state {
	SLOT_FREE,
	SLOT_SENT,  /* the courier has it */
	SLOT_ENDED, /* how it fared waits to be recorded */
};

struct slot {
	enum slot_state state;
	struct id webhook, vendor, event;
	int64_t attempts; /* before this one */
	int64_t until;    /* monotonic: it must have ended */
	struct parcel_report report;
};

struct hooks {
	struct server *server;
	pthread_t thread;
	int wake; /* eventfd */
	_Atomic bool stop;
	_Atomic uint64_t delivered, failed, given_up, couriers;

	/* The thread's own. */
	struct db *db;
	struct courier courier;
	struct slot slot[COURIER_SLOTS];
	uint64_t serial;  /* the last given out */
	uint64_t commits; /* of the store, at the last look */
	int64_t look_at;  /* monotonic, as what follows */
	int64_t record_at;
};

bool
hook_networks(struct ctx *c, const struct conf *conf, struct networks *ret)
{
	return networks_parse(c, str_of(conf->webhook_networks), ret);
}

static size_t
slots_in(const struct hooks *h, enum slot_state state)
{
	size_t n = 0;

	for (size_t i = 0; i < COUNT(h->slot); i++)
		n += h->slot[i].state == state;
	return n;
}

static void
look_now(struct hooks *h)
{
	h->look_at = clock_monotonic();
}

/* ---- How they fared ------------------------------------------------------------------------- */

static void
slot_end(struct hooks *h, struct slot *s, const struct parcel_report *r)
{
	s->report = *r;
	s->state = SLOT_ENDED;
	look_now(h);
}

static void
hear(struct ctx *c, struct hooks *h)
{
	char *room = take(c, LIVE_MESSAGE_MAX);
	struct parcel_report r;
	struct str said;
	bool found = room != NULL;

	while (h->courier.child.pid != 0 && found) {
		if (!courier_hear(c, &h->courier, room, &found, &said) ||
		    (found && !parcel_report_decode(c, said, &r))) {
			courier_lose(&h->courier, "silence");
			return;
		}
		for (size_t i = 0; found && i < COUNT(h->slot); i++)
			if (h->slot[i].state == SLOT_SENT &&
			    h->slot[i].report.serial == r.serial)
				slot_end(h, &h->slot[i], &r);
	}
}

/* Without a courier nothing is under way: whatever was has failed. */
static void
lost_end(struct hooks *h)
{
	const struct parcel_report lost = { .end = PARCEL_LOST };

	for (size_t i = 0; i < COUNT(h->slot); i++)
		if (h->slot[i].state == SLOT_SENT)
			slot_end(h, &h->slot[i], &lost);
}

static void
look_after(struct ctx *c, struct hooks *h)
{
	int64_t now = clock_monotonic();
	bool hangs = false;

	for (size_t i = 0; i < COUNT(h->slot); i++)
		hangs = hangs || (h->slot[i].state == SLOT_SENT && now > h->slot[i].until);
	if (courier_is_dead(&h->courier))
		courier_lose(&h->courier, "death");
	else if (hangs)
		courier_lose(&h->courier, "hanging");
	else if (courier_is_old(&h->courier) && slots_in(h, SLOT_SENT) == 0)
		courier_stop(&h->courier);
	if (h->courier.child.pid != 0)
		return;
	lost_end(h);
	if (h->stop)
		return;
	courier_revive(c, &h->courier);
	h->couriers += h->courier.child.pid != 0;
}

/* ---- Recording ------------------------------------------------------------------------------- */

struct record {
	struct act act;
	struct hooks *h;
	uint64_t delivered, failed, given_up;
};

static void
message_fared(struct ctx *c, const struct slot *s, int64_t now, struct message_row *ret)
{
	int64_t wait = hook_again(c, s->attempts + 1);

	*ret = (struct message_row){ .webhook = s->webhook,
		.event = s->event,
		.attempts = s->attempts + 1,
		.due = now,
		.status = s->report.status,
		.ended = now };
	if (hook_arrived(&s->report)) {
		ret->state = MESSAGE_DELIVERED;
		ret->note = STR("");
		return;
	}
	ret->note = str_of(hook_note(&s->report));
	ret->state = wait == 0 ? MESSAGE_GIVEN_UP : MESSAGE_WAITING;
	if (wait != 0) {
		ret->due = now + wait;
		ret->ended = 0;
	}
}

MUST static bool
slot_record(struct ctx *c, struct db *db, const struct slot *s, struct record *r)
{
	int64_t now = c->now(), failures;
	struct message_row m;
	struct webhook_row w;

	if (!webhook_by_id(c, db, str_of(s->vendor.s), str_of(s->webhook.s), &w))
		return c->err.code == E_ABSENT; /* deleted meanwhile, with its messages */
	message_fared(c, s, now, &m);
	failures = m.state == MESSAGE_DELIVERED ? 0 : w.failures + 1;
	r->delivered += m.state == MESSAGE_DELIVERED;
	r->failed += m.state != MESSAGE_DELIVERED;
	r->given_up += m.state == MESSAGE_GIVEN_UP;
	if (!message_put(c, db, &m))
		return c->err.code == E_ABSENT;
	return webhook_fared(c, db, str_of(w.id.s), failures,
	    hook_rest(failures) == 0 ? 0 : now + hook_rest(failures));
}

static bool
record_run(struct ctx *c, struct db *db, struct act *act)
{
	struct record *r = (struct record *)(void *)act;

	r->delivered = r->failed = r->given_up = 0;
	for (size_t i = 0; i < COUNT(r->h->slot); i++)
		if (r->h->slot[i].state == SLOT_ENDED && !slot_record(c, db, &r->h->slot[i], r))
			return false;
	c->err = (struct err){ 0 };
	return true;
}

/* All that have ended, in one act; what cannot be recorded keeps its slot. */
static void
record(struct ctx *c, struct hooks *h)
{
	struct record r = { .act = { .run = record_run, .c = c, .unaudited = true }, .h = h };

	if (slots_in(h, SLOT_ENDED) == 0 || clock_monotonic() < h->record_at)
		return;
	if (!store_do(c, h->server->store, &r.act)) {
		log_failure(c, "deliveries-not-recorded");
		h->record_at = clock_monotonic() + AGAIN_MS;
		return;
	}
	for (size_t i = 0; i < COUNT(h->slot); i++)
		if (h->slot[i].state == SLOT_ENDED)
			h->slot[i] = (struct slot){ .state = SLOT_FREE };
	h->delivered += r.delivered;
	h->failed += r.failed;
	h->given_up += r.given_up;
}

/* ---- Sending --------------------------------------------------------------------------------- */

static bool
is_under_way(const struct hooks *h, const struct message_row *m)
{
	for (size_t i = 0; i < COUNT(h->slot); i++)
		if (h->slot[i].state != SLOT_FREE &&
		    strcmp(h->slot[i].event.s, m->event.s) == 0 &&
		    strcmp(h->slot[i].webhook.s, m->webhook.s) == 0)
			return true;
	return false;
}

static bool
has_enough(const struct hooks *h, const struct message_row *m)
{
	size_t n = 0, max = m->where.failures > 0 ? 1 : AT_ONCE;

	for (size_t i = 0; i < COUNT(h->slot); i++)
		n += h->slot[i].state != SLOT_FREE &&
		    strcmp(h->slot[i].webhook.s, m->webhook.s) == 0;
	return n >= max;
}

MUST static bool
send_one(struct ctx *c, struct hooks *h, const struct message_row *m, struct slot *s)
{
	int64_t limit = h->server->conf.webhook_seconds * 1000;
	struct parcel p = { .serial = ++h->serial,
		.limit_ms = limit,
		.at = c->now() / 1000,
		.url = m->where.url,
		.id = str_of(m->event.s),
		.body = m->what.body };
	owned(key256_done) struct key256 secret = { 0 };
	struct hook_text signature;
	struct buf b;

	if (!keys_data_open(c, h->server->keys, h->db, str_of(m->where.data_key.s), &secret) ||
	    !hook_sign(c, &secret, p.id, p.at, p.body, &signature))
		return false;
	p.signature = str_of(signature.s);
	if (!take_buf(c, COURIER_MESSAGE_MAX, &b) || !parcel_encode(c, &p, &b))
		return false;
	if (!courier_give(c, &h->courier, buf_str(&b))) {
		courier_lose(&h->courier, "a parcel");
		return false;
	}
	*s = (struct slot){ .state = SLOT_SENT,
		.webhook = m->webhook,
		.vendor = m->where.vendor,
		.event = m->event,
		.attempts = m->attempts,
		.until = clock_monotonic() + limit + GRACE_MS,
		.report = { .serial = p.serial } };
	return true;
}

static struct slot *
slot_free(struct hooks *h)
{
	for (size_t i = 0; i < COUNT(h->slot); i++)
		if (h->slot[i].state == SLOT_FREE)
			return &h->slot[i];
	return NULL;
}

/* What is due and fits; when to look again, if nothing happens before. */
MUST static bool
send_due(struct ctx *c, struct hooks *h)
{
	struct message_row *m;
	int64_t next, wait;
	size_t n;

	if (!message_due(c, h->db, c->now(), LOOK_MAX, &m, &n) ||
	    !message_next(c, h->db, &next))
		return false;
	for (size_t i = 0; i < n; i++) {
		struct slot *s = slot_free(h);

		/* A slot that becomes free is a reason to look again. */
		if (s == NULL)
			break;
		if (!is_under_way(h, &m[i]) && !has_enough(h, &m[i]) &&
		    !send_one(c, h, &m[i], s))
			return false;
	}
	wait = next == 0 ? LOOK_MS : next - c->now();
	h->look_at = clock_monotonic() + (wait > 0 && wait < LOOK_MS ? wait : LOOK_MS);
	return true;
}

static void
look(struct ctx *c, struct hooks *h)
{
	if (h->stop || clock_monotonic() < h->look_at || h->courier.child.pid == 0 ||
	    slot_free(h) == NULL || keys_state(h->server->keys) != KEYS_OPEN)
		return;
	h->commits = store_counts(h->server->store).commits;
	if (send_due(c, h))
		return;
	/* Deleted, or sealed, between two questions; or the courier has just gone. */
	if (c->err.code != E_ABSENT && c->err.code != E_SEALED && c->err.code != E_PEER)
		log_failure(c, "messages-not-sent");
	h->look_at = clock_monotonic() + AGAIN_MS;
}

/* ---- The thread ------------------------------------------------------------------------------ */

/* Until there is a report, somebody calls, or it is time for a look at the store's count. */
static void
rest(struct hooks *h)
{
	struct pollfd p[] = { { .fd = h->wake, .events = POLLIN },
		{ .fd = h->courier.fd, .events = POLLIN } };
	int64_t now = clock_monotonic(), until = now + TURN_MS;
	uint64_t wakes;

	if (h->look_at < until && h->look_at > now)
		until = h->look_at;
	(void)poll(p, COUNT(p), (int)(until - now));
	if (p[0].revents != 0 && read(h->wake, &wakes, sizeof wakes) == (ssize_t)sizeof wakes)
		look_now(h);
	if (store_counts(h->server->store).commits != h->commits)
		look_now(h);
}

static void *
hooks_main(void *arg)
{
	struct hooks *h = arg;
	owned(arena_free) struct arena *mem = arena_new(TURN_MEMORY);
	int64_t end = 0;

	while (
	    !h->stop || (slots_in(h, SLOT_FREE) < COUNT(h->slot) && clock_monotonic() < end)) {
		struct ctx c;

		arena_reset(mem);
		c = ctx_real(mem, "hooks");
		hear(&c, h);
		look_after(&c, h);
		record(&c, h);
		look(&c, h);
		rest(h);
		if (h->stop && end == 0)
			end = clock_monotonic() + DRAIN_MS;
	}
	courier_stop(&h->courier);
	return NULL;
}

/* ---- Start and stop -------------------------------------------------------------------------- */

static void
hooks_free(struct hooks **h)
{
	if (*h == NULL)
		return;
	fd_done(&(*h)->wake);
	reader_close(&(*h)->db);
	free(*h);
	*h = NULL;
}

bool
hooks_start(struct ctx *c, struct server *server, struct hooks **ret)
{
	owned(hooks_free) struct hooks *h = calloc(1, sizeof *h);

	if (h == NULL)
		return fail(c, E_MEMORY, "no memory for the webhooks");
	h->server = server;
	h->courier = courier_of_webhooks(&server->conf);
	h->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (h->wake < 0)
		return fail_errno(c, "create", "an eventfd");
	if (!reader_open(c, server->store, &h->db))
		return false;
	if (pthread_create(&h->thread, NULL, hooks_main, h) != 0)
		return fail(c, E_MEMORY, "no thread for the webhooks");
	*ret = steal(h);
	return true;
}

void
hooks_stop(struct hooks **hooks)
{
	struct hooks *h = *hooks;

	if (h == NULL)
		return;
	h->stop = true;
	hooks_wake(h);
	pthread_join(h->thread, NULL);
	hooks_free(hooks);
}

void
hooks_wake(struct hooks *h)
{
	const uint64_t one = 1;

	if (write(h->wake, &one, sizeof one) < 0)
		return; /* it is awake already */
}

struct hooks_counts
hooks_counts(const struct hooks *h)
{
	return (struct hooks_counts){ h->delivered, h->failed, h->given_up, h->couriers };
}
