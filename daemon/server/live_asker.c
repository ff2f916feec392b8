/*
 * One worker that asks. It has read hostile bytes and is not believed: it asks for its own
 * verification, one question at a time, the service that it began with, and no more often than the
 * challenge has pictures. That it begins to ask is in the audit before the first question goes out.
 */
#include <stdio.h>

#include "channel.h"
#include "live_parts.h"

enum {
	APART_MS = 1000 / LIVE_RATE_MAX, /* between two questions of one worker */
	PATIENCE_MS = 15000,             /* for a courier to be there */
	TELL_MS = 1000,
	HOST_SHOWN = 64,
};

/* ---- The audit --------------------------------------------------------------------------- */

struct record {
	struct act act;
	char detail[160];
};

static bool
record_run(struct ctx *c, struct db *db, struct act *act)
{
	(void)c;
	(void)db;
	(void)act;
	return true;
}

MUST static bool
record(
    struct ctx *c, struct live *l, const struct asker *a, struct str action, struct record *r)
{
	r->act = (struct act){ .run = record_run,
		.c = c,
		.audit = { .vendor = str_of(a->vendor.s),
		    .actor = STR("system"),
		    .action = action,
		    .object = str_of(a->verification.s),
		    .detail = str_of(r->detail) } };
	return store_do(c, l->server->store, &r->act);
}

/* ---- The end of an asker ----------------------------------------------------------------- */

void
asker_end(struct ctx *c, struct live *l, struct asker *a)
{
	struct record r = { 0 };

	if (a->state == ASKER_NONE)
		return;
	if (a->budget > 0) {
		snprintf(r.detail, sizeof r.detail, "{\"questions\":%lld,\"answers\":%lld}",
		    (long long)a->asked, (long long)a->answered);
		if (!record(c, l, a, STR("verification.asked"), &r))
			log_failure(c, "questions-not-recorded");
	}
	fd_done(&a->fd);
	free(a->question);
	*a = (struct asker){ .state = ASKER_NONE, .fd = -1 };
}

/* ---- Answers ----------------------------------------------------------------------------- */

/* A worker that does not take its answer is of no use. */
static void
answer(struct ctx *c, struct live *l, struct asker *a, const struct live_answer *what)
{
	struct live_answer said = *what;
	struct buf b;

	said.number = a->number;
	a->state = ASKER_LISTENS;
	if (take_buf(c, LIVE_MESSAGE_MAX, &b) && live_answer_encode(c, &said, &b) &&
	    channel_send(c, a->fd, buf_str(&b), NULL, 0, clock_monotonic() + TELL_MS))
		return;
	asker_end(c, l, a);
}

void
asker_refuse(struct ctx *c, struct live *l, struct asker *a, struct str why)
{
	if (why.n > LIVE_TEXT_MAX)
		why.n = LIVE_TEXT_MAX;
	answer(c, l, a, &(struct live_answer){ .text = why });
}

static struct str
end_text(enum parcel_end end)
{
	if (end != PARCEL_FORBIDDEN)
		return str_of(parcel_end_text(end));
	return STR(
	    "the host's address is private: list its network in `suspects-allow`, in the "
	    "server's configuration");
}

void
asker_report(struct ctx *c, struct live *l, struct asker *a, const struct question_report *r)
{
	a->answered += r->end == PARCEL_ANSWERED;
	if (r->end == PARCEL_ANSWERED)
		answer(c, l, a, &(struct live_answer){ .status = r->status, .body = r->body });
	else
		asker_refuse(c, l, a, end_text(r->end));
}

/* ---- Questions --------------------------------------------------------------------------- */

/* What a verification may ask: as much as its challenge has pictures. */
MUST static bool
budget_find(struct ctx *c, struct live *l, const struct asker *a, int64_t *ret)
{
	struct str vendor = str_of(a->vendor.s);
	struct verification_row v;
	struct suspect_row s;
	struct challenge_row k;

	if (!verification_by_id(c, l->db, vendor, str_of(a->verification.s), &v) ||
	    !suspect_by_id(c, l->db, vendor, str_of(v.suspect.s), &s))
		return false;
	if (s.challenge.s[0] == '\0')
		return fail(c, E_CONFLICT,
		    "a service is asked the pictures of a challenge: name one with the suspect");
	if (!challenge_by_id(c, l->db, vendor, str_of(s.challenge.s), &k))
		return false;
	*ret = 2 * k.pairs + k.decoys;
	return true;
}

/* The first question of an asker: from then on it is to this service that it speaks. */
MUST static bool
asker_begin(struct ctx *c, struct live *l, struct asker *a, const struct live_question *q,
    const struct target *to)
{
	struct record r = { 0 };
	int64_t budget;

	if (!budget_find(c, l, a, &budget))
		return false;
	snprintf(r.detail, sizeof r.detail,
	    "{\"host\":\"%.*s\",\"port\":%lld,\"questions_at_most\":%lld}",
	    (int)(to->host.n > HOST_SHOWN ? HOST_SHOWN : to->host.n), to->host.p,
	    (long long)to->port, (long long)budget);
	if (!record(c, l, a, STR("verification.ask"), &r))
		return false;
	memcpy(a->url, q->url.p, q->url.n);
	a->budget = budget;
	return true;
}

MUST static bool
may_ask(struct ctx *c, struct live *l, struct asker *a, const struct live_question *q)
{
	struct target to;

	if (hosts_empty(&l->hosts))
		return fail(c, E_DENIED,
		    "services are not asked here: `suspects-allow` in the server's "
		    "configuration says which may be, and it is empty");
	if (l->server->draining)
		return fail(c, E_DRAINING, "the daemon is ending");
	if (!hosts_check(c, q->url, &l->hosts, &to) ||
	    (a->budget == 0 && !asker_begin(c, l, a, q, &to)))
		return false;
	if (!str_same(q->url, str_of(a->url)))
		return fail(c, E_DENIED, "a verification asks one service alone");
	if (a->asked >= a->budget)
		return fail(
		    c, E_LIMIT, "a verification asks each picture of its challenge once");
	return true;
}

MUST static bool
question_keep(struct ctx *c, struct live *l, struct asker *a, struct live_question *q)
{
	struct buf b;

	a->serial = q->number = ++l->serial;
	if (!take_buf(c, LIVE_MESSAGE_MAX, &b) || !live_question_encode(c, q, &b))
		return false;
	a->question = malloc(b.n);
	if (a->question == NULL)
		return fail(c, E_MEMORY, "no memory for a question");
	memcpy(a->question, b.p, b.n);
	a->bytes = b.n;
	return true;
}

void
asker_hear(struct ctx *c, struct live *l, struct asker *a)
{
	owned(channel_message_done) struct channel_message m = { 0 };
	struct live_question q;
	int64_t now = clock_monotonic();

	if (!channel_receive(c, a->fd, l->room, LIVE_MESSAGE_MAX, 0, &m)) {
		if (c->err.code != E_SLOW)
			asker_end(c, l, a);
		return;
	}
	if (m.n == 0 || !live_question_decode(c, (struct str){ l->room, m.n }, &q)) {
		asker_end(c, l, a);
		return;
	}
	a->number = q.number;
	if (!may_ask(c, l, a, &q) || !question_keep(c, l, a, &q)) {
		asker_refuse(c, l, a, str_of(c->err.text));
		return;
	}
	a->state = ASKER_WAITS;
	a->due = now > a->next ? now : a->next;
	a->until = a->due + PATIENCE_MS;
	a->next = a->due + APART_MS;
}
