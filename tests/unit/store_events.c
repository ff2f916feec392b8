/*
 * Webhooks and what is sent to them, as rows: an event is written for those who asked and for
 * nobody else; messages are due in their order and none too many of one webhook; they wait, end,
 * wait again, and are forgotten with their events.
 */
#include "licensing_support.h"

#include <stdio.h>

struct hook {
	struct webhook_row row;
	struct data_key_row key;
};

static struct hook
hook_new(struct ctx *c, const struct id *vendor, const char *events)
{
	struct hook h = { .row = { .id = id_new(c, "whk"),
			      .vendor = *vendor,
			      .url = STR("https://vendor.example/hook"),
			      .events = str_of(events),
			      .created = c->now() },
		.key = { id_new(c, "key"), *vendor, 1, STR("sealed") } };

	h.row.data_key = h.key.id;
	return h;
}

static struct hook
hook_added(struct ctx *c, struct estate *e, const char *events)
{
	struct hook h = hook_new(c, &e->h.vendor, events);

	ck_ok(c, act(e, data_key_insert(c, e->w, &h.key)));
	ck_ok(c, act(e, webhook_insert(c, e->w, &h.row)));
	h.row.version = 1;
	return h;
}

static bool
emit(struct ctx *c, struct estate *e, const char *type)
{
	bool ok = false;

	ck_ok(c,
	    act(e,
		event_emit(c, e->w, vendor_of(e), type, STR("lic_x"), STR("{\"n\":1}"), &ok)));
	return ok;
}

static size_t
messages_of(struct ctx *c, struct estate *e, const struct hook *h, struct message_row **ret)
{
	size_t n;

	ck_ok(c, message_list(c, e->h.db, str_of(h->row.id.s), STR(""), 99, ret, &n));
	return n;
}

static size_t
due(struct ctx *c, struct estate *e, int64_t now, struct message_row **ret)
{
	size_t n;

	ck_ok(c, message_due(c, e->h.db, now, 99, ret, &n));
	return n;
}

/* ---- Webhooks ---------------------------------------------------------------------------- */

START_TEST(webhook_lives_with_its_key)
{
	struct ctx *c = test_ctx();
	struct estate e = estate_new(c);
	struct hook h = hook_new(c, &e.h.vendor, "license.issued"), second;
	struct str id = str_of(h.row.id.s);
	struct webhook_row got, *list;
	size_t n;

	ck_fails(c, E_ABSENT, act(&e, webhook_insert(c, e.w, &h.row)));
	ck_ok(c, act(&e, data_key_insert(c, e.w, &h.key)));
	ck_ok(c, act(&e, webhook_insert(c, e.w, &h.row)));
	second = hook_added(c, &e, "*");
	ck_ok(c, webhook_by_id(c, e.h.db, vendor_of(&e), id, &got));
	ck_assert_str_eq(got.id.s, h.row.id.s);
	ck_assert_str_eq(got.vendor.s, e.h.vendor.s);
	ck_assert_str_eq(got.data_key.s, h.key.id.s);
	ck_str(got.url, "https://vendor.example/hook");
	ck_str(got.events, "license.issued");
	ck_assert(!got.paused);
	ck_assert_int_eq(got.created, TEST_NOW);
	ck_assert_int_eq(got.version, 1);
	ck_fails(c, E_ABSENT, webhook_by_id(c, e.h.db, other_of(&e), id, &got));
	ck_ok(c, webhook_list(c, e.h.db, vendor_of(&e), STR(""), 9, &list, &n));
	ck_assert_uint_eq(n, 2);
	ck_ok(c, webhook_list(c, e.h.db, vendor_of(&e), str_of(list[0].id.s), 9, &list, &n));
	ck_assert_uint_eq(n, 1);
	ck_ok(c, webhook_list(c, e.h.db, other_of(&e), STR(""), 9, &list, &n));
	ck_assert_uint_eq(n, 0);

	h.row.url = STR("https://other.example/");
	h.row.events = STR("*");
	h.row.paused = true;
	ck_fails(c, E_STALE, act(&e, webhook_change(c, e.w, &h.row, 2)));
	ck_ok(c, act(&e, webhook_change(c, e.w, &h.row, 1)));
	ck_ok(c, webhook_by_id(c, e.h.db, vendor_of(&e), id, &got));
	ck_str(got.url, "https://other.example/");
	ck_str(got.events, "*");
	ck_assert(got.paused);
	ck_assert_int_eq(got.version, 2);
	ck_assert(emit(c, &e, "license.issued"));
	h.row.vendor = e.h.other;
	ck_fails(c, E_ABSENT, act(&e, webhook_change(c, e.w, &h.row, 2)));

	ck_fails(c, E_STALE, act(&e, webhook_delete(c, e.w, vendor_of(&e), id, 1)));
	ck_fails(c, E_ABSENT, act(&e, webhook_delete(c, e.w, other_of(&e), id, 2)));
	ck_ok(c, act(&e, webhook_delete(c, e.w, vendor_of(&e), id, 2)));
	ck_assert(!has_key(c, e.h.db, &h.key.id));
	ck_assert(has_key(c, e.h.db, &second.key.id));
	ck_fails(c, E_ABSENT, act(&e, webhook_delete(c, e.w, vendor_of(&e), id, 0)));
	ck_assert_uint_eq(messages_of(c, &e, &h, &(struct message_row *){ NULL }), 0);
	ck_assert_uint_eq(messages_of(c, &e, &second, &(struct message_row *){ NULL }), 1);
	estate_done(c, &e);
}
END_TEST

START_TEST(webhook_rests_after_failures)
{
	struct ctx *c = test_ctx();
	struct estate e = estate_new(c);
	struct hook h = hook_added(c, &e, "*");
	struct str id = str_of(h.row.id.s);
	struct message_row *m;
	struct webhook_row got;
	int64_t next = -1;

	ck_assert(emit(c, &e, "license.issued"));
	ck_ok(c, act(&e, webhook_fared(c, e.w, id, 3, TEST_NOW + 60)));
	ck_fails(c, E_ABSENT, act(&e, webhook_fared(c, e.w, STR("whk_nobody"), 0, 0)));
	ck_ok(c, webhook_by_id(c, e.h.db, STR(""), id, &got));
	ck_assert_int_eq(got.failures, 3);
	ck_assert_int_eq(got.rest, TEST_NOW + 60);
	ck_assert_int_eq(got.version, 1);
	ck_assert_uint_eq(due(c, &e, TEST_NOW + 59, &m), 0);
	ck_ok(c, message_next(c, e.h.db, &next));
	ck_assert_int_eq(next, TEST_NOW + 60);
	ck_assert_uint_eq(due(c, &e, TEST_NOW + 60, &m), 1);
	ck_assert_int_eq(m->where.failures, 3);
	ck_assert_int_eq(m->where.rest, TEST_NOW + 60);
	/* Its owner has seen to it. */
	ck_ok(c, act(&e, webhook_change(c, e.w, &h.row, 1)));
	ck_assert_uint_eq(due(c, &e, TEST_NOW, &m), 1);
	ck_assert_int_eq(m->where.failures + m->where.rest, 0);
	estate_done(c, &e);
}
END_TEST

/* ---- Events ------------------------------------------------------------------------------ */

/* What a webhook asks for, what happens, whether it hears of it. */
static const struct {
	const char *events, *type;
	bool hears;
} asks[] = {
	{ "*", "license.issued", true },
	{ "license.issued", "license.issued", true },
	{ "license.issued", "license.revoked", false },
	{ "license.issued", "license.issue", false },
	{ "license.issue", "license.issued", false },
	{ "lease.claimed license.issued", "license.issued", true },
	{ "license.issued lease.claimed", "license.issued", true },
	{ "lease.claimed license.revoked", "license.issued", false },
	{ "lease.claimed *", "license.issued", true },
};

START_TEST(event_is_for_those_who_asked)
{
	struct ctx *c = test_ctx();
	struct estate e = estate_new(c);
	struct hook h, never;
	struct message_row *m;
	int64_t events = -1;
	sqlite3 *sql;

	ck_assert(!emit(c, &e, asks[_i].type));
	h = hook_added(c, &e, asks[_i].events);
	never = hook_added(c, &e, "customer.erased");
	ck_assert(emit(c, &e, asks[_i].type) == asks[_i].hears);
	ck_assert_uint_eq(messages_of(c, &e, &h, &m), asks[_i].hears);
	ck_assert_uint_eq(messages_of(c, &e, &never, &m), 0);
	estate_done(c, &e);
	sql = raw_open(e.dir);
	events = raw_number(sql, "SELECT count(*) FROM event");
	ck_assert_int_eq(events, asks[_i].hears);
	sqlite3_close(sql);
}
END_TEST

struct told {
	struct str id, type, vendor, object, data;
	int64_t at;
};
static const struct json_field told_fields[] = {
	{ "id", FIELD_TEXT, offsetof(struct told, id), 0, 64, true, NULL },
	{ "type", FIELD_TEXT, offsetof(struct told, type), 0, 64, true, NULL },
	{ "timestamp", FIELD_TIME, offsetof(struct told, at), 0, 0, true, NULL },
	{ "vendor", FIELD_TEXT, offsetof(struct told, vendor), 0, 64, true, NULL },
	{ "object", FIELD_TEXT, offsetof(struct told, object), 0, 64, true, NULL },
	{ "data", FIELD_OBJECT, offsetof(struct told, data), 0, 99, true, NULL },
};

START_TEST(event_says_what_happened)
{
	struct ctx *c = test_ctx();
	struct estate e = estate_new(c);
	struct hook h = hook_added(c, &e, "*"), twin = hook_added(c, &e, "*");
	struct message_row *m, *n;
	struct told told;
	struct str huge;
	bool any;

	ck_assert(emit(c, &e, "license.revoked"));
	ck_assert_uint_eq(messages_of(c, &e, &h, &m), 1);
	ck_assert_uint_eq(messages_of(c, &e, &twin, &n), 1);
	ck_assert_str_eq(m->event.s, n->event.s);
	ck_assert_str_eq(m->webhook.s, h.row.id.s);
	ck_assert_str_eq(m->where.id.s, h.row.id.s);
	ck_assert_str_eq(m->where.data_key.s, h.key.id.s);
	ck_str(m->where.url, "https://vendor.example/hook");
	ck_assert_int_eq(m->where.version, 1);
	ck_assert_int_eq(m->state, MESSAGE_WAITING);
	ck_assert_int_eq(m->attempts + m->status + m->ended, 0);
	ck_assert_int_eq(m->due, TEST_NOW);
	ck_str(m->note, "");
	ck_assert_str_eq(m->what.id.s, m->event.s);
	ck_assert_str_eq(m->what.vendor.s, e.h.vendor.s);
	ck_str(m->what.type, "license.revoked");
	ck_str(m->what.object, "lic_x");
	ck_assert_int_eq(m->what.at, TEST_NOW);
	ck_ok(c, json_decode(c, m->what.body, told_fields, COUNT(told_fields), &told));
	ck_assert(str_same(told.id, str_of(m->event.s)));
	ck_str(told.type, "license.revoked");
	ck_assert(str_same(told.vendor, vendor_of(&e)));
	ck_str(told.object, "lic_x");
	ck_str(told.data, "{\"n\":1}");
	ck_assert_int_eq(told.at, TEST_NOW);

	huge = (struct str){ take(c, 20000), 20000 };
	ck_fails(c, E_LIMIT,
	    act(&e, event_emit(c, e.w, vendor_of(&e), "license.issued", STR(""), huge, &any)));
	ck_assert_uint_eq(messages_of(c, &e, &h, &m), 1);
	ck_ok(c,
	    act(&e,
		event_emit(c, e.w, other_of(&e), "license.issued", STR(""), STR(""), &any)));
	ck_assert(!any);
	estate_done(c, &e);
}
END_TEST

START_TEST(event_for_one_webhook_alone)
{
	struct ctx *c = test_ctx();
	struct estate e = estate_new(c);
	struct hook h = hook_added(c, &e, "license.issued"), other = hook_added(c, &e, "*");
	struct message_row *m;
	struct id id;

	ck_ok(c,
	    act(&e,
		event_emit_to(
		    c, e.w, &h.row, "webhook.ping", str_of(h.row.id.s), STR("{}"), &id)));
	ck_assert_uint_eq(messages_of(c, &e, &other, &m), 0);
	ck_assert_uint_eq(messages_of(c, &e, &h, &m), 1);
	ck_assert_str_eq(m->event.s, id.s);
	ck_str(m->what.type, "webhook.ping");
	ck_assert(str_same(m->what.object, str_of(h.row.id.s)));
	estate_done(c, &e);
}
END_TEST

/* ---- Messages ---------------------------------------------------------------------------- */

START_TEST(messages_are_due_in_their_order)
{
	struct ctx *c = test_ctx();
	struct estate e = estate_new(c);
	struct hook h = hook_added(c, &e, "*"), quiet = hook_added(c, &e, "lease.claimed");
	struct message_row *m;
	int64_t next = -1;
	size_t n;

	ck_ok(c, message_next(c, e.h.db, &next));
	ck_assert_int_eq(next, 0);
	/* Twelve of the one, at last one of the other as well. */
	for (int i = 0; i < 12; i++) {
		test_clock_set(TEST_NOW + i);
		ck_assert(emit(c, &e, i == 11 ? "lease.claimed" : "license.issued"));
	}
	ck_ok(c, message_next(c, e.h.db, &next));
	ck_assert_int_eq(next, TEST_NOW);
	ck_assert_uint_eq(due(c, &e, TEST_NOW - 1, &m), 0);
	ck_assert_uint_eq(due(c, &e, TEST_NOW + 2, &m), 3);
	ck_assert_uint_eq(due(c, &e, TEST_NOW + 50, &m), 9);
	for (size_t i = 0; i < 8; i++) {
		ck_assert_str_eq(m[i].webhook.s, h.row.id.s);
		ck_assert_int_eq(m[i].due, TEST_NOW + (int64_t)i);
	}
	ck_assert_str_eq(m[8].webhook.s, quiet.row.id.s);
	ck_assert_int_eq(m[8].what.at, TEST_NOW + 11);
	ck_ok(c, message_due(c, e.h.db, TEST_NOW + 50, 2, &m, &n));
	ck_assert_uint_eq(n, 2);

	/* One that is paused waits, and nobody for it. */
	h.row.paused = true;
	ck_ok(c, act(&e, webhook_change(c, e.w, &h.row, 0)));
	ck_assert_uint_eq(due(c, &e, TEST_NOW + 50, &m), 1);
	ck_ok(c, message_next(c, e.h.db, &next));
	ck_assert_int_eq(next, TEST_NOW + 11);
	ck_assert(emit(c, &e, "license.issued"));
	h.row.paused = false;
	ck_ok(c, act(&e, webhook_change(c, e.w, &h.row, 0)));
	ck_assert_uint_eq(messages_of(c, &e, &h, &m), 13);
	ck_assert_uint_eq(due(c, &e, TEST_NOW + 50, &m), 9);
	estate_done(c, &e);
}
END_TEST

START_TEST(message_ends_and_waits_again)
{
	struct ctx *c = test_ctx();
	struct estate e = estate_new(c);
	struct hook h = hook_added(c, &e, "*");
	struct message_row *m, one;
	struct str id = str_of(h.row.id.s);
	int64_t n = -1;
	size_t left;

	for (int i = 0; i < 3; i++) {
		test_clock_set(TEST_NOW + 100000 * i);
		ck_assert(emit(c, &e, "license.issued"));
	}
	ck_assert_uint_eq(due(c, &e, INT64_MAX, &m), 3);
	for (int i = 0; i < 3; i++) {
		one = m[i];
		one.state = i == 2 ? MESSAGE_WAITING
		    : i == 1       ? MESSAGE_GIVEN_UP
				   : MESSAGE_DELIVERED;
		one.attempts = 4;
		one.due = TEST_NOW + 999999;
		one.status = 503;
		one.ended = i == 2 ? 0 : TEST_NOW + 5;
		one.note = STR("refused");
		ck_ok(c, act(&e, message_put(c, e.w, &one)));
	}
	ck_assert_uint_eq(due(c, &e, TEST_NOW + 999998, &m), 0);
	ck_assert_uint_eq(due(c, &e, TEST_NOW + 999999, &m), 1);
	ck_assert_uint_eq(messages_of(c, &e, &h, &m), 3);
	ck_assert_int_eq(m[0].state, MESSAGE_DELIVERED);
	ck_assert_int_eq(m[1].state, MESSAGE_GIVEN_UP);
	ck_assert_int_eq(m[1].attempts, 4);
	ck_assert_int_eq(m[1].status, 503);
	ck_assert_int_eq(m[1].ended, TEST_NOW + 5);
	ck_str(m[1].note, "refused");
	ck_ok(c, message_list(c, e.h.db, id, str_of(m[1].event.s), 9, &m, &left));
	ck_assert_uint_eq(left, 1);

	(void)messages_of(c, &e, &h, &m);
	ck_ok(
	    c, act(&e, message_replay(c, e.w, id, str_of(m[0].event.s), 0, TEST_NOW + 7, &n)));
	ck_assert_int_eq(n, 1);
	ck_assert_uint_eq(due(c, &e, TEST_NOW + 7, &m), 1);
	ck_assert_int_eq(m[0].what.at, TEST_NOW);
	ck_assert_int_eq(m[0].attempts + m[0].ended, 0);
	ck_ok(c, act(&e, message_replay(c, e.w, id, STR("evt_none"), 0, TEST_NOW, &n)));
	ck_assert_int_eq(n, 0);
	/* Since a moment: that very one is in. */
	ck_ok(c,
	    act(&e, message_replay(c, e.w, id, STR(""), TEST_NOW + 100001, TEST_NOW + 8, &n)));
	ck_assert_int_eq(n, 1);
	ck_ok(c,
	    act(&e, message_replay(c, e.w, id, STR(""), TEST_NOW + 100000, TEST_NOW + 8, &n)));
	ck_assert_int_eq(n, 2);
	ck_ok(c, act(&e, message_replay(c, e.w, id, STR(""), 0, TEST_NOW + 8, &n)));
	ck_assert_int_eq(n, 3);
	ck_assert_uint_eq(due(c, &e, TEST_NOW + 8, &m), 3);
	ck_ok(c, act(&e, webhook_delete(c, e.w, vendor_of(&e), id, 0)));
	ck_fails(c, E_ABSENT, act(&e, message_put(c, e.w, &one)));
	estate_done(c, &e);
}
END_TEST

START_TEST(old_events_that_nobody_waits_for_go)
{
	struct ctx *c = test_ctx();
	struct estate e = estate_new(c);
	struct hook h = hook_added(c, &e, "*"), paused = hook_added(c, &e, "*");
	struct message_row *m, done;
	size_t n = 9;

	paused.row.paused = true;
	ck_ok(c, act(&e, webhook_change(c, e.w, &paused.row, 0)));
	for (int i = 0; i < 5; i++) {
		test_clock_set(TEST_NOW + i);
		ck_assert(emit(c, &e, "license.issued"));
	}
	/* The first and the last still wait for one that listens. */
	ck_assert_uint_eq(messages_of(c, &e, &h, &m), 5);
	for (int i = 1; i < 4; i++) {
		done = m[i];
		done.state = i == 2 ? MESSAGE_GIVEN_UP : MESSAGE_DELIVERED;
		done.ended = TEST_NOW;
		ck_ok(c, act(&e, message_put(c, e.w, &done)));
	}
	ck_ok(c, act(&e, event_prune(c, e.w, TEST_NOW + 1, 9, &n)));
	ck_assert_uint_eq(n, 0);
	ck_ok(c, act(&e, event_prune(c, e.w, TEST_NOW + 3, 1, &n)));
	ck_assert_uint_eq(n, 1);
	ck_ok(c, act(&e, event_prune(c, e.w, TEST_NOW + 3, 9, &n)));
	ck_assert_uint_eq(n, 1);
	ck_assert_uint_eq(messages_of(c, &e, &h, &m), 3);
	ck_assert_int_eq(m[0].what.at, TEST_NOW);
	ck_assert_int_eq(m[1].what.at, TEST_NOW + 3);
	ck_assert_uint_eq(messages_of(c, &e, &paused, &m), 3);
	ck_ok(c, act(&e, event_prune(c, e.w, INT64_MAX, 9, &n)));
	ck_assert_uint_eq(n, 1);
	ck_ok(c, act(&e, webhook_delete(c, e.w, vendor_of(&e), str_of(h.row.id.s), 0)));
	ck_ok(c, act(&e, event_prune(c, e.w, INT64_MAX, 9, &n)));
	ck_assert_uint_eq(n, 2);
	estate_done(c, &e);
}
END_TEST

MAIN("store_events", ONE(webhook_lives_with_its_key), ONE(webhook_rests_after_failures),
    EACH(event_is_for_those_who_asked, asks), ONE(event_says_what_happened),
    ONE(event_for_one_webhook_alone), ONE(messages_are_due_in_their_order),
    ONE(message_ends_and_waits_again), ONE(old_events_that_nobody_waits_for_go))
