/*
 * A courier's life. It is started with where it may go, and says that its walls stand before it
 * gets its first message. Whatever goes wrong with it, the remedy is the same: it is killed, and
 * another is started, patiently if this happens often.
 */
#include <poll.h>
#include <signal.h>

#include "channel.h"
#include "couriers.h"

enum {
	PATIENCE_MIN = 250,
	PATIENCE_MAX = 30000,
	LONG_LIFE = 10000, /* after which a death is no reason to be patient */
	OLD = 3600000,
	HELLO_MS = 20000, /* of a machine that is very busy */
	GIVE_MS = 1000,
	END_MS = 500,
};

/* ---- Which one ------------------------------------------------------------------------------- */

static void
option(struct courier *k, const char *name, const char *value)
{
	size_t n = 0;

	while (k->option[n] != NULL)
		n++;
	k->option[n++] = name;
	k->option[n] = value;
}

struct courier
courier_of_webhooks(const struct conf *conf)
{
	struct courier k = {
		.programs = conf->programs, .name = "hooks", .child = { 0, -1 }, .fd = -1
	};

	if (conf->webhook_networks[0] != '\0')
		option(&k, "--networks", conf->webhook_networks);
	if (conf->webhook_ca[0] != '\0')
		option(&k, "--ca", conf->webhook_ca);
	if (conf->webhook_plain != 0)
		option(&k, "--plain", NULL);
	return k;
}

struct courier
courier_of_suspects(const struct conf *conf)
{
	struct courier k = {
		.programs = conf->programs, .name = "live", .child = { 0, -1 }, .fd = -1
	};

	option(&k, "--suspects", conf->suspects_allow);
	if (conf->suspects_ca[0] != '\0')
		option(&k, "--ca", conf->suspects_ca);
	return k;
}

/* ---- Birth ----------------------------------------------------------------------------------- */

MUST static bool
spawn(struct ctx *c, struct courier *k)
{
	const char *argv[4 + COUNT(k->option)] = { "hallmark-courier", "--fd", "3" };
	owned(fd_done) int ours = -1, theirs = -1;
	int pair[2];

	for (size_t i = 0; i < COUNT(k->option) && k->option[i] != NULL; i++)
		argv[3 + i] = k->option[i];
	if (!channel_pair(c, pair))
		return false;
	ours = pair[0];
	theirs = pair[1];
	if (!child_start(c, k->programs, argv, &theirs, 1, &k->child))
		return false;
	k->fd = ours;
	ours = -1;
	return true;
}

MUST static bool
greeted(struct ctx *c, struct courier *k)
{
	owned(channel_message_done) struct channel_message m = { 0 };
	struct courier_hello hello;
	char room[COURIER_ANSWER_MAX];

	if (!channel_receive(c, k->fd, room, sizeof room, clock_monotonic() + HELLO_MS, &m))
		return false;
	if (m.n == 0)
		return fail(c, E_PEER, "hallmark-courier has ended at its start");
	if (!courier_hello_decode(c, (struct str){ room, m.n }, &hello))
		return false;
	if (!hello.ready)
		return fail(c, E_PEER, "hallmark-courier: %.*s", STRF(hello.why));
	if (!hello.files_walled && !k->warned)
		log_event(LOG_LEVEL_WARNING, c->tag, "courier-may-read-files",
		    "because=\"Landlock is not to be had\"");
	k->warned = !hello.files_walled;
	return true;
}

void
courier_revive(struct ctx *c, struct courier *k)
{
	if (k->child.pid != 0 || clock_monotonic() < k->revive_at)
		return;
	k->born = clock_monotonic();
	if (spawn(c, k) && greeted(c, k)) {
		log_event(
		    LOG_LEVEL_INFO, c->tag, "courier-started", "pid=%d", (int)k->child.pid);
		return;
	}
	log_failure(c, "courier-failed");
	courier_lose(k, "start");
}

/* ---- Death ----------------------------------------------------------------------------------- */

static void
end(struct courier *k, int wait_ms)
{
	int status;

	fd_done(&k->fd);
	if (k->child.pid != 0)
		child_end(&k->child, wait_ms, &status);
	k->child = (struct child){ .pid = 0, .pidfd = -1 };
}

void
courier_lose(struct courier *k, const char *why)
{
	int64_t now = clock_monotonic();

	if (k->child.pid != 0)
		log_event(LOG_LEVEL_ERROR, k->name, "courier-lost", "pid=%d after=%s",
		    (int)k->child.pid, why);
	end(k, 0);
	if (now - k->born > LONG_LIFE)
		k->patience = 0;
	k->revive_at = now + k->patience;
	k->patience = k->patience == 0 ? PATIENCE_MIN : 2 * k->patience;
	if (k->patience > PATIENCE_MAX)
		k->patience = PATIENCE_MAX;
}

void
courier_stop(struct courier *k)
{
	end(k, END_MS);
}

bool
courier_is_dead(const struct courier *k)
{
	struct pollfd p = { .fd = k->child.pidfd, .events = POLLIN };

	return k->child.pid != 0 && poll(&p, 1, 0) > 0;
}

bool
courier_is_old(const struct courier *k)
{
	return k->child.pid != 0 && clock_monotonic() - k->born > OLD;
}

/* ---- Work ------------------------------------------------------------------------------------ */

bool
courier_give(struct ctx *c, struct courier *k, struct str message)
{
	return channel_send(c, k->fd, message, NULL, 0, clock_monotonic() + GIVE_MS);
}

bool
courier_hear(struct ctx *c, struct courier *k, char *room, bool *ret_found, struct str *ret)
{
	owned(channel_message_done) struct channel_message m = { 0 };
	struct pollfd p = { .fd = k->fd, .events = POLLIN };

	*ret_found = poll(&p, 1, 0) > 0;
	if (!*ret_found)
		return true;
	if (!channel_receive(c, k->fd, room, LIVE_MESSAGE_MAX, clock_monotonic(), &m))
		return false;
	if (m.n == 0)
		return fail(c, E_PEER, "hallmark-courier has ended");
	*ret = (struct str){ room, m.n };
	return true;
}
