/*
 * A webhook's messages: the log of their delivery, sending some of them again, and one that says
 * nothing but that the webhook works.
 */
#include "hooks.h"
#include "request.h"

struct replay_wanted {
	struct str event;
	int64_t since;
};

/* clang-format off */
static const struct json_field replay_fields[] = {
	{ "event", FIELD_TEXT, offsetof(struct replay_wanted, event), 1, ID_MAX },
	{ "since", FIELD_TIME, offsetof(struct replay_wanted, since) },
};
static const struct json_field no_fields[1];
/* clang-format on */

/* ---- The log --------------------------------------------------------------------------------- */

static void
message_json(struct js *j, const struct message_row *m)
{
	js_open(j, NULL, '{');
	js_text(j, "event", str_of(m->event.s));
	js_text(j, "type", m->what.type);
	js_text(j, "object", m->what.object);
	js_time(j, "at", m->what.at);
	js_text(j, "state", str_of(message_state_names[m->state]));
	js_number(j, "attempts", m->attempts);
	if (m->status != 0)
		js_number(j, "status", m->status);
	else
		js_null(j, "status");
	js_text(j, "note", m->note);
	js_time_or_null(j, "due", m->state == MESSAGE_WAITING ? m->due : 0);
	js_time_or_null(j, "ended", m->ended);
	js_close(j, '}');
}

bool
webhook_messages_get(struct ctx *c, struct request *rq)
{
	struct webhook_row w;
	struct message_row *m;
	struct page page;
	struct db *db;
	struct buf out;
	struct js j = { &out, false };
	size_t n, shown;

	if (!request_page(c, rq, "evt", &page) || !server_reader(c, rq->server, &db) ||
	    !webhook_by_id(c, db, str_of(rq->who.vendor.s), rq->param[0], &w) ||
	    !message_list(c, db, rq->param[0], page.after, page.limit + 1, &m, &n) ||
	    !take_buf(c, ANSWER_MAX, &out))
		return false;
	shown = list_begin(&j, &page, n);
	for (size_t i = 0; i < shown; i++)
		message_json(&j, &m[i]);
	return list_end(rq, &j, n > shown ? str_of(m[shown - 1].event.s) : STR(""));
}

/* ---- Again ----------------------------------------------------------------------------------- */

static void
messages_woken(struct request *rq)
{
	hooks_wake(rq->server->hooks);
}

MUST static bool
number_reply(struct ctx *c, struct request *rq, const char *name, int64_t n)
{
	struct buf out;
	struct js j = { &out, false };

	if (!take_buf(c, 128, &out))
		return false;
	js_open(&j, NULL, '{');
	js_number(&j, name, n);
	js_close(&j, '}');
	return reply_json(rq, 202, &out);
}

static bool
replay_write(struct ctx *c, struct db *db, struct request *rq)
{
	const struct replay_wanted *w = rq->arg;
	struct webhook_row row;
	int64_t n;

	if (!webhook_by_id(c, db, str_of(rq->who.vendor.s), rq->param[0], &row) ||
	    !message_replay(c, db, rq->param[0], w->event, w->since, c->now(), &n))
		return false;
	if (n == 0 && w->event.n > 0)
		return fail_at(
		    c, E_ABSENT, "/event", "this webhook has no message of that event");
	return webhook_fared(c, db, rq->param[0], 0, 0) && number_reply(c, rq, "messages", n);
}

bool
webhook_replay_post(struct ctx *c, struct request *rq)
{
	struct replay_wanted *w = take(c, sizeof *w);
	struct id id;

	if (w == NULL || !id_parse(c, rq->param[0], "whk", &id) ||
	    !json_decode(c, rq->body, replay_fields, COUNT(replay_fields), w) ||
	    (w->event.n > 0 && !id_parse(c, w->event, "evt", &id)))
		return false;
	if ((w->event.n > 0) == (w->since > 0))
		return fail_at(c, E_INPUT, "/event",
		    "name the event that is to be sent again, or since when all are: one of the two");
	rq->arg = w;
	rq->write = replay_write;
	rq->after = messages_woken;
	return true;
}

/* ---- Ping ------------------------------------------------------------------------------------ */

static bool
ping_write(struct ctx *c, struct db *db, struct request *rq)
{
	struct webhook_row row;
	struct buf out;
	struct js j = { &out, false };
	struct id event;

	if (!webhook_by_id(c, db, str_of(rq->who.vendor.s), rq->param[0], &row) ||
	    !event_emit_to(c, db, &row, "webhook.ping", str_of(row.id.s), STR("{}"), &event) ||
	    !webhook_fared(c, db, rq->param[0], 0, 0) || !take_buf(c, 128, &out))
		return false;
	js_open(&j, NULL, '{');
	js_text(&j, "event", str_of(event.s));
	js_close(&j, '}');
	return reply_json(rq, 202, &out);
}

bool
webhook_ping_post(struct ctx *c, struct request *rq)
{
	struct id id;

	if (!id_parse(c, rq->param[0], "whk", &id) ||
	    (rq->body.n > 0 && !json_decode(c, rq->body, no_fields, 0, &id)))
		return false;
	rq->write = ping_write;
	rq->after = messages_woken;
	return true;
}
