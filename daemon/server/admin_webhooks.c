/*
 * webhook: where vendors are told of what happens, how that went, and sending it again.
 */
#include <stdio.h>

#include "admin.h"

/* ---- webhook list ---------------------------------------------------------------------------- */

MUST static bool
webhook_row_send(struct ctx *c, struct call *call, const struct webhook_row *w)
{
	struct js j;

	call_row_open(call, &j);
	js_text(&j, "id", str_of(w->id.s));
	js_text(&j, "vendor", str_of(w->vendor.s));
	js_text(&j, "url", w->url);
	js_text(&j, "events", w->events);
	js_bool(&j, "paused", w->paused);
	js_number(&j, "failures", w->failures);
	call_time(&j, "rests_until", w->rest);
	js_time(&j, "created", w->created);
	return call_row_send(c, call, &j);
}

MUST static bool
webhook_page(struct ctx *c, struct call *call, struct db *db, const struct id *vendor,
    struct id *after, size_t *ret_n)
{
	struct webhook_row *w;
	size_t n;

	if (!webhook_list(c, db, str_of(vendor->s), str_of(after->s), ADMIN_PAGE, &w, &n))
		return false;
	for (size_t i = 0; i < n; i++) {
		*after = w[i].id;
		if (!webhook_row_send(c, call, &w[i]))
			return false;
	}
	*ret_n = n;
	return true;
}

bool
admin_webhook_list(struct ctx *c, struct call *call)
{
	return call_pages(c, call, webhook_page);
}

/* ---- webhook log ----------------------------------------------------------------------------- */

MUST static bool
message_row_send(struct ctx *c, struct call *call, const struct message_row *m)
{
	struct js j;

	call_row_open(call, &j);
	js_text(&j, "event", str_of(m->event.s));
	js_text(&j, "type", m->what.type);
	js_text(&j, "object", m->what.object);
	js_time(&j, "at", m->what.at);
	js_text(&j, "state", str_of(message_state_names[m->state]));
	js_number(&j, "attempts", m->attempts);
	js_number(&j, "status", m->status);
	call_time(&j, "due", m->state == MESSAGE_WAITING ? m->due : 0);
	call_time(&j, "ended", m->ended);
	js_text(&j, "note", m->note);
	return call_row_send(c, call, &j);
}

/* The next rows after *after, in memory of their own. */
MUST static bool
log_page(struct ctx *c, struct call *call, struct db *db, struct id *after, size_t *ret_n)
{
	owned(arena_free) struct arena *mem = arena_new(ADMIN_MEMORY);
	struct ctx pc = *c;
	struct message_row *m;
	bool ok;

	if (mem == NULL)
		return fail(c, E_MEMORY, "no memory for a page of rows");
	pc.mem = mem;
	ok = message_list(
	    &pc, db, call->parsed.arg[0], str_of(after->s), ADMIN_PAGE, &m, ret_n);
	for (size_t i = 0; ok && i < *ret_n; i++) {
		*after = m[i].event;
		ok = message_row_send(&pc, call, &m[i]);
	}
	c->err = pc.err;
	return ok;
}

bool
admin_webhook_log(struct ctx *c, struct call *call)
{
	struct webhook_row w;
	struct id after = { 0 };
	struct db *db;
	size_t n = ADMIN_PAGE;

	if (!server_reader(c, call->server, &db) ||
	    !webhook_by_id(c, db, STR(""), call->parsed.arg[0], &w))
		return false;
	call_concerns(call, &w.vendor);
	if (!call_account(c, call))
		return false;
	while (n == ADMIN_PAGE)
		if (!log_page(c, call, db, &after, &n))
			return false;
	return true;
}

/* ---- webhook replay -------------------------------------------------------------------------- */

struct replay {
	struct act act;
	struct str webhook, event;
	int64_t since, now, n;
	struct webhook_row row;
};

static bool
replay_run(struct ctx *c, struct db *db, struct act *act)
{
	struct replay *r = (struct replay *)(void *)act;

	if (!webhook_by_id(c, db, STR(""), r->webhook, &r->row))
		return false;
	act->audit.vendor = str_of(r->row.vendor.s);
	act->audit.object = r->webhook;
	if (!message_replay(c, db, r->webhook, r->event, r->since, r->now, &r->n))
		return false;
	if (r->n == 0 && r->event.n > 0)
		return fail(c, E_ABSENT, "this webhook has no message of that event");
	return webhook_fared(c, db, r->webhook, 0, 0);
}

/* A time, or how long ago. */
MUST static bool
since_parse(struct ctx *c, struct str text, int64_t now, int64_t *ret)
{
	int64_t ago;

	if (!grammar_span(c, text, &ago)) {
		c->err = (struct err){ 0 };
		return grammar_time(c, text, ret);
	}
	ago = ago < now / 1000 ? ago * 1000 : now - 1;
	*ret = now - ago;
	return true;
}

bool
admin_webhook_replay(struct ctx *c, struct call *call)
{
	struct replay r = { .webhook = call->parsed.arg[0], .now = c->now() };
	struct str since;
	bool has_event = call_option(call, "--event-id", &r.event);
	bool has_since = call_option(call, "--since", &since);
	struct js j;

	if (has_event == has_since)
		return fail(c, E_USAGE, "give one of the two: --event-id, or --since");
	if (has_since && !since_parse(c, since, r.now, &r.since))
		return false;
	if (!call_do(c, call, &r.act, replay_run))
		return false;
	hooks_wake(call->server->hooks);
	call_row_open(call, &j);
	js_text(&j, "webhook", r.webhook);
	js_number(&j, "messages", r.n);
	return call_row_send(c, call, &j);
}
