/*
 * Events and their messages: what has happened, written with the act itself, and one message for
 * each webhook that is to hear of it. Where nobody listens, nothing is written. A message waits,
 * is delivered or given up, and can be made to wait again as long as its event is kept.
 */
#include "impl.h"

const char *const message_state_names[] = {
	[MESSAGE_WAITING] = "waiting",
	[MESSAGE_DELIVERED] = "delivered",
	[MESSAGE_GIVEN_UP] = "given up",
	NULL,
};

enum { BODY_MAX = 16384 };

/*
 * Of one webhook no more than eight messages are due at once: one that does not answer must not
 * keep the others' waiting. Ids of events begin with their time, so those since a moment are those
 * after the first id that this moment could have given.
 */
/* clang-format off */
enum {
	EVENT_LISTENERS, EVENT_INSERT, EVENT_OLD, EVENT_DELETE,
	MESSAGE_INSERT, MESSAGE_DUE, MESSAGE_NEXT, MESSAGE_LIST, MESSAGE_PUT, MESSAGE_REPLAY_ONE,
	MESSAGE_REPLAY, MESSAGE_DELETE,
};
#define MESSAGE "SELECT m.webhook, m.event, m.state, m.attempts, m.due, m.status, m.ended, m.note," \
	" e.vendor, e.type, e.object, e.body, e.at," \
	" w.id, w.vendor, w.url, w.events, w.data_key, w.state, w.failures, w.rest," \
	" w.created, w.version"
static const char *const sql[] = {
	[EVENT_LISTENERS] = "SELECT id, events FROM webhook WHERE vendor = ? ORDER BY id",
	[EVENT_INSERT] = "INSERT INTO event (id, vendor, type, object, body, at)"
	    " VALUES (?, ?, ?, ?, ?, ?)",
	[EVENT_OLD] = "SELECT id FROM event e WHERE at < ? AND NOT EXISTS (SELECT 1 FROM message m"
	    " JOIN webhook w ON w.id = m.webhook WHERE m.event = e.id AND m.state = 0"
	    " AND w.state = 0) ORDER BY at LIMIT ?",
	[EVENT_DELETE] = "DELETE FROM event WHERE id = ?",
	[MESSAGE_INSERT] = "INSERT INTO message (webhook, event, due) VALUES (?, ?, ?)",
	[MESSAGE_DUE] = MESSAGE " FROM webhook w CROSS JOIN message m ON m.webhook = w.id"
	    " AND m.event IN (SELECT x.event FROM message x WHERE x.webhook = w.id AND x.state = 0"
	    " AND x.due <= ?1 ORDER BY x.due LIMIT 8) JOIN event e ON e.id = m.event"
	    " WHERE w.state = 0 AND w.rest <= ?1 ORDER BY m.due, m.event LIMIT ?2",
	[MESSAGE_NEXT] = "SELECT min(max(w.rest, (SELECT min(m.due) FROM message m WHERE m.webhook = w.id"
	    " AND m.state = 0))) FROM webhook w WHERE w.state = 0",
	[MESSAGE_LIST] = MESSAGE " FROM message m JOIN event e ON e.id = m.event"
	    " JOIN webhook w ON w.id = m.webhook WHERE m.webhook = ? AND m.event > ?"
	    " ORDER BY m.event LIMIT ?",
	[MESSAGE_PUT] = "UPDATE message SET state = ?, attempts = ?, due = ?, status = ?, ended = ?,"
	    " note = ? WHERE webhook = ? AND event = ?",
	[MESSAGE_REPLAY_ONE] = "UPDATE message SET state = 0, attempts = 0, ended = 0, due = ?"
	    " WHERE webhook = ? AND event = ?",
	[MESSAGE_REPLAY] = "UPDATE message SET state = 0, attempts = 0, ended = 0, due = ?1"
	    " WHERE webhook = ?2 AND event >= printf('evt_%08x-%04x', ?3 >> 16, ?3 & 65535)",
	[MESSAGE_DELETE] = "DELETE FROM message WHERE event = ?",
};
/* clang-format on */
const struct questions message_questions = { PART_MESSAGES, sql, COUNT(sql) };

/* ---- What happens ------------------------------------------------------------------------ */

struct listener {
	struct id webhook;
	struct str events;
};

static void
listener_row(struct question *q, void *ret)
{
	struct listener *l = ret;

	l->webhook = out_id(q);
	l->events = out_text(q);
}

static bool
listens(const struct listener *l, struct str type)
{
	struct str rest = l->events, word;
	bool ok = false;

	while (!ok && rest.n > 0) {
		(void)str_cut(&rest, ' ', &word);
		ok = str_same(word, type) || str_same(word, STR("*"));
	}
	return ok;
}

/* The vendor's webhooks that asked for this type, in the place of all. */
MUST static bool
listeners(struct ctx *c, struct db *db, struct str vendor, struct str type,
    struct listener **ret, size_t *ret_n)
{
	owned(question_done) struct question q = ask(
	    c, db, &message_questions, EVENT_LISTENERS);
	struct listener *l;
	size_t n, kept = 0;
	void *rows;

	in_text(&q, vendor);
	if (!question_list(&q, listener_row, sizeof *l, &rows, &n))
		return false;
	l = rows;
	for (size_t i = 0; i < n; i++)
		if (listens(&l[i], type))
			l[kept++] = l[i];
	*ret = l;
	*ret_n = kept;
	return true;
}

MUST static bool
event_body(struct ctx *c, struct event_row *e, struct str data)
{
	struct buf out;
	struct js j = { .out = &out };

	if (!take_buf(c, BODY_MAX, &out))
		return false;
	js_open(&j, NULL, '{');
	js_text(&j, "id", str_of(e->id.s));
	js_text(&j, "type", e->type);
	js_time(&j, "timestamp", e->at);
	js_text(&j, "vendor", str_of(e->vendor.s));
	js_text(&j, "object", e->object);
	js_raw(&j, "data", data.n > 0 ? data : STR("{}"));
	js_close(&j, '}');
	e->body = buf_str(&out);
	return buf_ok(c, &out);
}

MUST static bool
event_insert(struct ctx *c, struct db *db, const struct event_row *e)
{
	owned(question_done) struct question q = ask(c, db, &message_questions, EVENT_INSERT);
	int64_t changed;

	in_id(&q, &e->id);
	in_id(&q, &e->vendor);
	in_text(&q, e->type);
	in_text(&q, e->object);
	in_text(&q, e->body);
	in_number(&q, e->at);
	return question_run(&q, &changed);
}

MUST static bool
message_insert(
    struct ctx *c, struct db *db, const struct id *webhook, const struct event_row *e)
{
	owned(question_done) struct question q = ask(c, db, &message_questions, MESSAGE_INSERT);
	int64_t changed;

	in_id(&q, webhook);
	in_id(&q, &e->id);
	in_number(&q, e->at);
	return question_run(&q, &changed);
}

/* Gives it its time and its id, and writes it. */
MUST static bool
event_make(
    struct ctx *c, struct db *db, struct str vendor, struct str data, struct event_row *e)
{
	e->at = c->now(); /* before the id, whose time is then no earlier */
	e->id = id_new(c, "evt");
	return id_parse(c, vendor, "ven", &e->vendor) && event_body(c, e, data) &&
	    event_insert(c, db, e);
}

bool
event_emit_to(struct ctx *c, struct db *db, const struct webhook_row *w, const char *type,
    struct str object, struct str data, struct id *ret)
{
	struct event_row e = { .type = str_of(type), .object = object };

	if (!event_make(c, db, str_of(w->vendor.s), data, &e) ||
	    !message_insert(c, db, &w->id, &e))
		return false;
	*ret = e.id;
	return true;
}

bool
event_emit(struct ctx *c, struct db *db, struct str vendor, const char *type, struct str object,
    struct str data, bool *ret_any)
{
	struct event_row e = { .type = str_of(type), .object = object };
	struct listener *l;
	size_t n;

	if (!listeners(c, db, vendor, e.type, &l, &n) ||
	    (n > 0 && !event_make(c, db, vendor, data, &e)))
		return false;
	for (size_t i = 0; i < n; i++)
		if (!message_insert(c, db, &l[i].webhook, &e))
			return false;
	*ret_any = n > 0;
	return true;
}

/* ---- Messages ---------------------------------------------------------------------------- */

static void
message_row(struct question *q, void *ret)
{
	struct message_row *m = ret;
	int64_t state;

	m->webhook = out_id(q);
	m->event = out_id(q);
	state = out_number(q);
	m->state = state >= MESSAGE_WAITING && state <= MESSAGE_GIVEN_UP
	    ? (enum message_state)state
	    : MESSAGE_GIVEN_UP;
	m->attempts = out_number(q);
	m->due = out_number(q);
	m->status = out_number(q);
	m->ended = out_number(q);
	m->note = out_text(q);
	m->what.id = m->event;
	m->what.vendor = out_id(q);
	m->what.type = out_text(q);
	m->what.object = out_text(q);
	m->what.body = out_text(q);
	m->what.at = out_number(q);
	webhook_row(q, &m->where);
}

bool
message_due(struct ctx *c, struct db *db, int64_t now, size_t max, struct message_row **ret,
    size_t *ret_n)
{
	owned(question_done) struct question q = ask(c, db, &message_questions, MESSAGE_DUE);
	void *rows;

	in_number(&q, now);
	in_number(&q, (int64_t)max);
	if (!question_list(&q, message_row, sizeof **ret, &rows, ret_n))
		return false;
	*ret = rows;
	return true;
}

static void
number_row(struct question *q, void *ret)
{
	*(int64_t *)ret = out_number(q);
}

bool
message_next(struct ctx *c, struct db *db, int64_t *ret)
{
	owned(question_done) struct question q = ask(c, db, &message_questions, MESSAGE_NEXT);

	return question_get(&q, number_row, "message", ret);
}

bool
message_list(struct ctx *c, struct db *db, struct str webhook, struct str after, size_t max,
    struct message_row **ret, size_t *ret_n)
{
	owned(question_done) struct question q = ask(c, db, &message_questions, MESSAGE_LIST);
	void *rows;

	in_text(&q, webhook);
	in_text(&q, after);
	in_number(&q, (int64_t)max);
	if (!question_list(&q, message_row, sizeof **ret, &rows, ret_n))
		return false;
	*ret = rows;
	return true;
}

bool
message_put(struct ctx *c, struct db *db, const struct message_row *m)
{
	owned(question_done) struct question q = ask(c, db, &message_questions, MESSAGE_PUT);

	in_number(&q, m->state);
	in_number(&q, m->attempts);
	in_number(&q, m->due);
	in_number(&q, m->status);
	in_number(&q, m->ended);
	in_text(&q, m->note);
	in_id(&q, &m->webhook);
	in_id(&q, &m->event);
	return question_one(&q, E_ABSENT, "no such message");
}

bool
message_replay(struct ctx *c, struct db *db, struct str webhook, struct str event,
    int64_t since, int64_t now, int64_t *ret_n)
{
	owned(question_done) struct question q = ask(
	    c, db, &message_questions, event.n > 0 ? MESSAGE_REPLAY_ONE : MESSAGE_REPLAY);

	in_number(&q, now);
	in_text(&q, webhook);
	if (event.n > 0)
		in_text(&q, event);
	else
		in_number(&q, since);
	return question_run(&q, ret_n);
}

/* ---- What is old ------------------------------------------------------------------------- */

static void
id_row(struct question *q, void *ret)
{
	*(struct id *)ret = out_id(q);
}

MUST static bool
events_old(
    struct ctx *c, struct db *db, int64_t before, size_t max, struct id **ret, size_t *ret_n)
{
	owned(question_done) struct question q = ask(c, db, &message_questions, EVENT_OLD);
	void *rows;

	in_number(&q, before);
	in_number(&q, (int64_t)max);
	if (!question_list(&q, id_row, sizeof **ret, &rows, ret_n))
		return false;
	*ret = rows;
	return true;
}

MUST static bool
event_delete(struct ctx *c, struct db *db, const struct id *id)
{
	owned(question_done) struct question messages = ask(
	    c, db, &message_questions, MESSAGE_DELETE);
	owned(question_done) struct question q = ask(c, db, &message_questions, EVENT_DELETE);
	int64_t changed;

	in_id(&messages, id);
	in_id(&q, id);
	return question_run(&messages, &changed) && question_one(&q, E_ABSENT, "no such event");
}

bool
event_prune(struct ctx *c, struct db *db, int64_t before, size_t max, size_t *ret_n)
{
	struct id *old;
	size_t n;

	if (!events_old(c, db, before, max, &old, &n))
		return false;
	for (size_t i = 0; i < n; i++)
		if (!event_delete(c, db, &old[i]))
			return false;
	*ret_n = n;
	return true;
}
