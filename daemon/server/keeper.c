/*
 * The keeper: the thread that owns the custodian's life. It starts it, gives it the sealed rows,
 * notices its death (at once, by its pidfd) or its silence (by the doubt of those who asked), and
 * starts it again, patiently. A root key from a file or a credential opens by itself; shares have
 * to be given again. Between these it does what administrators ask and goes on with a rotation.
 */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "keys.h"

enum {
	KEEPER_MEMORY = 16 << 20,
	PATIENCE_MIN = 250, /* ms between the custodian's death and its next life */
	PATIENCE_MAX = 5000,
	LONG_LIFE = 2000, /* after which a death is no reason to be patient */
	ANSWER_MS = 1500,
	ASK_MS = 250,               /* between two questions to a silent custodian */
	SILENCE_MAX = 500,          /* of a custodian that another can replace by itself */
	SILENCE_SHARES_MAX = 20000, /* of one whose end costs people their shares */
};

void
keys_say(struct keys *k, enum keys_state is)
{
	k->is = is;
	if (is == KEYS_OPEN) {
		k->have = k->need = 0;
		keys_reason(k, "");
	}
	k->state = is;
}

void
keys_reason(struct keys *k, const char *text)
{
	pthread_mutex_lock(&k->lock);
	snprintf(k->reason, sizeof k->reason, "%s", text);
	pthread_mutex_unlock(&k->lock);
}

/* ---- Loading -------------------------------------------------------------------------------- */

MUST static bool
rows_load(struct ctx *c, struct keys *k, const struct keyring_row *keyring, size_t n)
{
	struct custody_status status;
	struct signing_row *signing;
	size_t signings;

	if (!custody_status(c, k->custody, &status))
		return false;
	k->have = status.have;
	k->need = status.need;
	if (status.state == CUSTODY_SEALED) {
		keys_say(k, KEYS_SEALED);
		return true;
	}
	if (!signing_list(c, k->db, &signing, &signings) ||
	    !custody_load(c, k->custody, keyring, n, signing, signings))
		return false;
	keys_say(k, KEYS_OPEN);
	return rotation_look(c, k);
}

bool
keys_load(struct ctx *c, struct keys *k)
{
	struct keyring_row *row;
	size_t n;

	if (!keyring_list(c, k->db, &row, &n))
		return false;
	k->keyring = n > 0 ? row[n - 1].version : 0;
	if (n == 0) {
		keys_say(k, KEYS_UNINITIALISED);
		return true;
	}
	if (k->is == KEYS_UNINITIALISED)
		keys_say(k, KEYS_SEALED);
	return rows_load(c, k, row, n);
}

/* The system's own row: keys were opened by nobody's hand. */
static void
opened_by_itself(struct ctx *c, struct keys *k)
{
	const struct audit_entry who = { .actor = STR("system"), .action = STR("keys.open") };
	char detail[48];
	struct buf b = BUF(detail);

	buf_printf(&b, "{\"keyring\":%lld}", (long long)k->keyring);
	if (!keys_account(c, k, &who, buf_str(&b), true))
		log_failure(c, "audit-failed");
	log_event(LOG_LEVEL_INFO, c->tag, "keys-open", "keyring=%lld", (long long)k->keyring);
}

/* ---- The custodian's lives ------------------------------------------------------------------ */

MUST static bool
born(struct ctx *c, struct keys *k)
{
	const struct conf *conf = &k->server->conf;
	const struct custody_conf want = { conf->programs, conf->root_key, ANSWER_MS };
	struct keyring_row *row;
	size_t n;
	bool create;

	if (!keyring_list(c, k->db, &row, &n))
		return false;
	create = n == 0 && str_starts(str_of(conf->root_key), STR("file:"));
	k->alive = false;
	if (k->custody != NULL ? !custody_restart(c, k->custody, create)
			       : !custody_start(c, &want, create, &k->custody))
		return false;
	k->alive = true;
	k->born = clock_monotonic();
	k->life++;
	return k->held ? custody_seal(c, k->custody) : keys_load(c, k);
}

/* When the next life may begin: at once after a long one, else more patiently every time. */
static void
wait_for_next_life(struct keys *k)
{
	int64_t now = clock_monotonic();

	if (k->born != 0 && now - k->born > LONG_LIFE)
		k->patience = 0;
	k->revive_at = now + k->patience;
	k->patience = k->patience == 0 ? PATIENCE_MIN : 2 * k->patience;
	if (k->patience > PATIENCE_MAX)
		k->patience = PATIENCE_MAX;
}

void
keys_revive(struct keys *k)
{
	owned(arena_free) struct arena *mem = arena_new(KEEPER_MEMORY);
	struct ctx c = ctx_real(mem, "keys");

	k->revive_at = 0;
	if (k->is == KEYS_OPEN)
		keys_say(k, KEYS_SEALED);
	if (born(&c, k)) {
		log_event(LOG_LEVEL_INFO, c.tag, "custodian-started", "pid=%d state=%d",
		    (int)custody_pid(k->custody), (int)k->is);
		if (k->is == KEYS_OPEN)
			opened_by_itself(&c, k);
		return;
	}
	keys_reason(k, c.err.text);
	log_failure(&c, "custodian-failed");
	if (c.err.code != E_INTEGRITY) /* which no second try would mend */
		wait_for_next_life(k);
}

/* Somebody got no answer. Does it answer now, or at least not for too long? */
static bool
is_silent(struct ctx *c, struct keys *k)
{
	int64_t now = clock_monotonic();
	struct custody_status status;

	if (k->silent_since == 0)
		k->silent_since = now;
	if (!custody_status(c, k->custody, &status))
		return now - k->silent_since > (k->shares ? SILENCE_SHARES_MAX : SILENCE_MAX);
	log_event(LOG_LEVEL_WARNING, c->tag, "custodian-answers-again", "after_ms=%lld",
	    (long long)(now - k->silent_since));
	k->silent_since = 0;
	k->doubted = 0;
	return false;
}

/* It has ended, or has been silent for too long. */
static bool
is_lost(struct ctx *c, struct keys *k)
{
	struct pollfd p;

	if (!k->alive)
		return false;
	p = (struct pollfd){ .fd = custody_pidfd(k->custody), .events = POLLIN };
	return poll(&p, 1, 0) > 0 || (k->doubted == k->life && is_silent(c, k));
}

static void
look_after(struct ctx *c, struct keys *k)
{
	if (is_lost(c, k)) {
		log_event(LOG_LEVEL_ERROR, c->tag, "custodian-lost", "pid=%d silent=%d",
		    (int)custody_pid(k->custody), k->silent_since != 0);
		k->silent_since = 0;
		k->alive = false;
		if (k->is == KEYS_OPEN)
			keys_say(k, KEYS_SEALED);
		keys_reason(k, "the custodian has ended and is being started again");
		wait_for_next_life(k);
	}
	if (k->revive_at != 0 && clock_monotonic() >= k->revive_at)
		keys_revive(k);
	if (k->state != (int)k->is && k->doubted != k->life)
		keys_say(k, k->is); /* the doubt came too late, or has gone */
}

/* ---- The thread ------------------------------------------------------------------------------ */

/* Until somebody asks, the custodian ends, or it is time for the next thing to do. */
static void
rest(struct keys *k)
{
	int64_t now = clock_monotonic(), until = now + 60000;
	struct pollfd p[2] = { { .fd = k->wake, .events = POLLIN }, { .fd = -1 } };
	uint64_t wakes;

	if (k->alive)
		p[1] = (struct pollfd){ .fd = custody_pidfd(k->custody), .events = POLLIN };
	if (k->silent_since != 0)
		until = now + ASK_MS;
	if (k->revive_at != 0 && k->revive_at < until)
		until = k->revive_at;
	if (k->state == KEYS_OPEN && k->rotate_at != 0 && k->rotate_at < until)
		until = k->rotate_at;
	if (poll(p, 2, until > now ? (int)(until - now) : 0) > 0 && p[0].revents != 0 &&
	    read(k->wake, &wakes, sizeof wakes) < 0 && errno != EAGAIN)
		log_event(LOG_LEVEL_ERROR, "keys", "wake-failed", "errno=%d", errno);
}

/* Runs what was asked. An order's memory is the asker's: gone once `done` was seen. */
static void
orders_run(struct keys *k)
{
	pthread_mutex_lock(&k->lock);
	while (k->first != NULL) {
		struct order *o = k->first;
		bool stop = k->stop, ok;

		k->first = o->next;
		if (k->first == NULL)
			k->last = NULL;
		pthread_mutex_unlock(&k->lock);
		ok = stop ? fail(o->c, E_DRAINING, "the daemon is ending")
			  : o->run(o->c, k, o->arg);
		if (!ok && o->c->err.code == E_PEER)
			keys_doubt(k, k->life);
		pthread_mutex_lock(&k->lock);
		o->ok = ok;
		o->done = true;
		pthread_cond_broadcast(&k->changed);
	}
	pthread_mutex_unlock(&k->lock);
}

static void *
keeper(void *arg)
{
	struct keys *k = arg;
	owned(arena_free) struct arena *mem = arena_new(KEEPER_MEMORY);

	keys_revive(k);
	pthread_mutex_lock(&k->lock);
	k->started = true;
	pthread_cond_broadcast(&k->changed);
	pthread_mutex_unlock(&k->lock);
	while (!k->stop) {
		struct ctx c;

		arena_reset(mem);
		c = ctx_real(mem, "keys");
		rest(k);
		orders_run(k);
		look_after(&c, k);
		if (k->state == KEYS_OPEN && k->rotate_at != 0 &&
		    clock_monotonic() >= k->rotate_at)
			rotation_go_on(&c, k);
	}
	orders_run(k);
	keys_say(k, KEYS_SEALED);
	custody_stop(&k->custody);
	return NULL;
}

/* ---- Start and stop -------------------------------------------------------------------------- */

static void
keys_free(struct keys **k)
{
	if (*k == NULL)
		return;
	fd_done(&(*k)->wake);
	reader_close(&(*k)->db);
	pthread_cond_destroy(&(*k)->changed);
	pthread_mutex_destroy(&(*k)->lock);
	free(*k);
	*k = NULL;
}

bool
keys_start(struct ctx *c, struct server *server, struct keys **ret)
{
	owned(keys_free) struct keys *k = calloc(1, sizeof *k);

	if (k == NULL)
		return fail(c, E_MEMORY, "no memory for the keys");
	k->server = server;
	k->shares = str_same(str_of(server->conf.root_key), STR("shares"));
	k->is = KEYS_SEALED;
	k->state = KEYS_SEALED;
	pthread_mutex_init(&k->lock, NULL);
	pthread_cond_init(&k->changed, NULL);
	k->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (k->wake < 0)
		return fail_errno(c, "create", "an eventfd");
	if (!reader_open(c, server->store, &k->db))
		return false;
	if (pthread_create(&k->thread, NULL, keeper, k) != 0)
		return fail(c, E_MEMORY, "no thread for the keys");
	pthread_mutex_lock(&k->lock);
	while (!k->started)
		pthread_cond_wait(&k->changed, &k->lock);
	pthread_mutex_unlock(&k->lock);
	*ret = steal(k);
	return true;
}

void
keys_stop(struct keys **keys)
{
	const uint64_t one = 1;
	struct keys *k = *keys;

	if (k == NULL)
		return;
	pthread_mutex_lock(&k->lock);
	k->stop = true;
	pthread_mutex_unlock(&k->lock);
	if (write(k->wake, &one, sizeof one) < 0)
		log_event(LOG_LEVEL_ERROR, "keys", "wake-failed", "errno=%d", errno);
	pthread_join(k->thread, NULL);
	keys_free(keys);
}
