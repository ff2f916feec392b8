/*
 * Webhooks: where a vendor is told of what happens. The secret that signs is a data key like
 * others; it is shown once, in the answer that creates the webhook. A URL is looked at here, and
 * again by the courier, with the address that its host has then.
 */
#include <stdio.h>

#include "hooks.h"
#include "request.h"
#include "target.h"

enum { WEBHOOKS_MAX = 20, WEBHOOK_JSON_MAX = 4096 };

struct webhook_wanted {
	struct str url;
	struct str_list events;
	bool paused;
	bool has_paused;
	struct webhook_row row;
	struct data_key_row key;
	struct hook_text secret;
};

/* clang-format off */
static const struct json_field new_fields[] = {
	{ "url",    FIELD_TEXT, offsetof(struct webhook_wanted, url),    1, TARGET_MAX, true },
	{ "events", FIELD_LIST, offsetof(struct webhook_wanted, events), 1, 64, true },
};
static const struct json_field change_fields[] = {
	{ "url",    FIELD_TEXT, offsetof(struct webhook_wanted, url),    1, TARGET_MAX },
	{ "events", FIELD_LIST, offsetof(struct webhook_wanted, events), 1, 64 },
	{ "paused", FIELD_BOOL, offsetof(struct webhook_wanted, paused) },
};
/* clang-format on */

/* ---- Showing --------------------------------------------------------------------------------- */

static void
events_json(struct js *j, struct str events)
{
	struct str word;

	js_open(j, "events", '[');
	while (events.n > 0) {
		(void)str_cut(&events, ' ', &word);
		js_text(j, NULL, word);
	}
	js_close(j, ']');
}

static void
webhook_json(struct js *j, const struct webhook_row *w, const char *secret)
{
	js_open(j, NULL, '{');
	js_text(j, "id", str_of(w->id.s));
	js_text(j, "url", w->url);
	events_json(j, w->events);
	js_bool(j, "paused", w->paused);
	js_number(j, "failures", w->failures);
	if (w->rest != 0)
		js_time(j, "rests_until", w->rest);
	else
		js_null(j, "rests_until");
	js_time(j, "created", w->created);
	if (secret != NULL)
		js_text(j, "secret", str_of(secret));
	js_close(j, '}');
}

MUST static bool
webhook_reply(struct ctx *c, struct request *rq, int status, const struct webhook_row *w,
    const char *secret)
{
	struct buf out;
	struct js j = { &out, false };

	if (!take_buf(c, WEBHOOK_JSON_MAX, &out))
		return false;
	webhook_json(&j, w, secret);
	reply_etag(rq, w->version, 0);
	return reply_json(rq, status, &out);
}

/* ---- Creating -------------------------------------------------------------------------------- */

MUST static bool
url_check(struct ctx *c, struct request *rq, struct str url)
{
	const struct conf *conf = &rq->server->conf;
	struct networks networks;

	return hook_networks(c, conf, &networks) &&
	    target_check(c, url, conf->webhook_plain != 0, &networks);
}

static bool
webhook_write(struct ctx *c, struct db *db, struct request *rq)
{
	struct webhook_wanted *w = rq->arg;
	struct webhook_row *others;
	size_t n;

	rq->act.audit.object = str_of(w->row.id.s);
	if (!webhook_list(c, db, str_of(rq->who.vendor.s), STR(""), WEBHOOKS_MAX, &others, &n))
		return false;
	if (n == WEBHOOKS_MAX)
		return fail(c, E_CONFLICT, "a vendor has at most %d webhooks", WEBHOOKS_MAX);
	if (!data_key_insert(c, db, &w->key) || !webhook_insert(c, db, &w->row))
		return false;
	snprintf(rq->reply.location, sizeof rq->reply.location, "/v1/webhooks/%s", w->row.id.s);
	return webhook_reply(c, rq, 201, &w->row, w->secret.s);
}

MUST static bool
secret_new(struct ctx *c, struct request *rq, struct webhook_wanted *w)
{
	owned(key256_done) struct key256 key = { 0 };
	struct db *db;

	if (!server_reader(c, rq->server, &db) ||
	    !keys_data_new(c, rq->server->keys, db, str_of(rq->who.vendor.s), id_new(c, "key"),
		&key, &w->key))
		return false;
	hook_secret(&key, &w->secret);
	return true;
}

bool
webhooks_post(struct ctx *c, struct request *rq)
{
	struct webhook_wanted *w = take(c, sizeof *w);

	if (w == NULL || !json_decode(c, rq->body, new_fields, COUNT(new_fields), w) ||
	    !url_check(c, rq, w->url) || !hook_events_parse(c, &w->events, &w->row.events) ||
	    !secret_new(c, rq, w))
		return false;
	w->row.id = id_new(c, "whk");
	w->row.vendor = rq->who.vendor;
	w->row.url = w->url;
	w->row.data_key = w->key.id;
	w->row.created = c->now();
	w->row.version = 1;
	rq->arg = w;
	rq->write = webhook_write;
	return true;
}

/* ---- Reading --------------------------------------------------------------------------------- */

bool
webhooks_get(struct ctx *c, struct request *rq)
{
	struct webhook_row *w;
	struct page page;
	struct db *db;
	struct buf out;
	struct js j = { &out, false };
	size_t n, shown;

	if (!request_page(c, rq, "whk", &page) || !server_reader(c, rq->server, &db) ||
	    !webhook_list(
		c, db, str_of(rq->who.vendor.s), page.after, page.limit + 1, &w, &n) ||
	    !take_buf(c, ANSWER_MAX, &out))
		return false;
	shown = list_begin(&j, &page, n);
	for (size_t i = 0; i < shown; i++)
		webhook_json(&j, &w[i], NULL);
	return list_end(rq, &j, n > shown ? str_of(w[shown - 1].id.s) : STR(""));
}

bool
webhook_get(struct ctx *c, struct request *rq)
{
	struct webhook_row w;
	struct db *db;

	return server_reader(c, rq->server, &db) &&
	    webhook_by_id(c, db, str_of(rq->who.vendor.s), rq->param[0], &w) &&
	    webhook_reply(c, rq, 200, &w, NULL);
}

/* ---- Changing -------------------------------------------------------------------------------- */

static bool
webhook_change_write(struct ctx *c, struct db *db, struct request *rq)
{
	const struct webhook_wanted *w = rq->arg;
	struct str vendor = str_of(rq->who.vendor.s);
	struct webhook_row row;
	int64_t version;

	if (!request_version(c, rq, &version) ||
	    !webhook_by_id(c, db, vendor, rq->param[0], &row))
		return false;
	if (w->url.n > 0)
		row.url = w->url;
	if (w->row.events.n > 0)
		row.events = w->row.events;
	if (w->has_paused)
		row.paused = w->paused;
	return webhook_change(c, db, &row, version) &&
	    webhook_by_id(c, db, vendor, rq->param[0], &row) &&
	    webhook_reply(c, rq, 200, &row, NULL);
}

static void
webhook_woken(struct request *rq)
{
	hooks_wake(rq->server->hooks);
}

bool
webhook_patch(struct ctx *c, struct request *rq)
{
	struct webhook_wanted *w = take(c, sizeof *w);
	struct json_part *part, paused;
	struct id id;
	size_t n;

	if (w == NULL || !id_parse(c, rq->param[0], "whk", &id) ||
	    !json_decode(c, rq->body, change_fields, COUNT(change_fields), w) ||
	    !json_split(c, rq->body, &part, &n) ||
	    (w->url.n > 0 && !url_check(c, rq, w->url)) ||
	    (w->events.n > 0 && !hook_events_parse(c, &w->events, &w->row.events)))
		return false;
	w->has_paused = json_find(part, n, "paused", &paused);
	rq->arg = w;
	rq->write = webhook_change_write;
	rq->after = webhook_woken;
	return true;
}

static bool
webhook_end(struct ctx *c, struct db *db, struct request *rq)
{
	int64_t version;

	rq->reply.status = 204;
	return request_version(c, rq, &version) &&
	    webhook_delete(c, db, str_of(rq->who.vendor.s), rq->param[0], version);
}

bool
webhook_erase(struct ctx *c, struct request *rq)
{
	struct id id;

	rq->write = webhook_end;
	return id_parse(c, rq->param[0], "whk", &id);
}
