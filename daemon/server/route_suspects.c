/*
 * Suspects: models, answers, keys and pictures that may be a vendor's. A name first, then the
 * bytes, as a model's are brought; but nothing looks at them here: what a suspect is, the worker of
 * a verification finds out. Deleting one is cryptographic erasure; what was found about it stays.
 */
#include <stdio.h>

#include "assets.h"
#include "blobs.h"
#include "uploading.h"

#define PART "content"
enum { SUSPECT_JSON_MAX = 4096, NOTE_MAX = 1024 };

struct suspect_wanted {
	struct str name, note, challenge;
	int64_t appeared;
	struct suspect_row row;
};
/* clang-format off */
static const struct json_field suspect_fields[] = {
	{ "name",      FIELD_TEXT, offsetof(struct suspect_wanted, name),      1, 128, true },
	{ "note",      FIELD_TEXT, offsetof(struct suspect_wanted, note),      0, NOTE_MAX },
	{ "appeared",  FIELD_TIME, offsetof(struct suspect_wanted, appeared) },
	{ "challenge", FIELD_TEXT, offsetof(struct suspect_wanted, challenge), 1, ID_MAX - 1 },
};
/* clang-format on */

/* ---- Showing ------------------------------------------------------------------------------- */

/* A list of them has no notes. */
MUST static bool
suspect_json(struct ctx *c, struct server *s, struct db *db, struct js *j,
    const struct suspect_row *r, bool note, int64_t *ret_received)
{
	js_open(j, NULL, '{');
	js_text(j, "id", str_of(r->id.s));
	js_text(j, "name", r->name);
	if (note)
		js_text(j, "note", r->note);
	js_text(j, "state", str_of(suspect_state_names[r->state]));
	js_text_or_null(j, "challenge", str_of(r->challenge.s));
	js_open(j, "parts", '[');
	if (!part_json(c, s, db, j, &r->id, STR(PART), ret_received))
		return false;
	js_close(j, ']');
	if (r->state == SUSPECT_READY) {
		js_number(j, "bytes", r->bytes);
		js_digest(j, "sha256", &r->digest);
	}
	js_time(j, "appeared", r->appeared);
	js_time(j, "created", r->created);
	js_close(j, '}');
	return true;
}

/* The answer that shows one. */
MUST static bool
answer(
    struct ctx *c, struct request *rq, struct db *db, int status, const struct suspect_row *row)
{
	struct buf out;
	struct js j = { &out, false };
	int64_t received;

	if (!take_buf(c, SUSPECT_JSON_MAX, &out) ||
	    !suspect_json(c, rq->server, db, &j, row, true, &received))
		return false;
	reply_etag(rq, row->version, received);
	return reply_json(rq, status, &out);
}

bool
suspects_get(struct ctx *c, struct request *rq)
{
	struct suspect_row *r;
	struct page page;
	struct db *db;
	struct buf out;
	struct js j = { &out, false };
	int64_t received;
	size_t n, shown;

	if (!request_page(c, rq, "sus", &page) || !server_reader(c, rq->server, &db) ||
	    !suspect_list(
		c, db, str_of(rq->who.vendor.s), page.after, page.limit + 1, &r, &n) ||
	    !take_buf(c, ANSWER_MAX, &out))
		return false;
	shown = list_begin(&j, &page, n);
	for (size_t i = 0; i < shown; i++)
		if (!suspect_json(c, rq->server, db, &j, &r[i], false, &received))
			return false;
	return list_end(rq, &j, n > shown ? str_of(r[shown - 1].id.s) : STR(""));
}

bool
suspect_get(struct ctx *c, struct request *rq)
{
	struct suspect_row r;
	struct db *db;

	return server_reader(c, rq->server, &db) &&
	    suspect_by_id(c, db, str_of(rq->who.vendor.s), rq->param[0], &r) &&
	    answer(c, rq, db, 200, &r);
}

/* ---- Creating ------------------------------------------------------------------------------ */

/* What it answers must be the vendor's own, and there. */
MUST static bool
challenge_there(struct ctx *c, struct db *db, const struct suspect_wanted *w)
{
	struct challenge_row k;

	if (w->challenge.n == 0)
		return true;
	if (!challenge_by_id(c, db, str_of(w->row.vendor.s), w->challenge, &k))
		return c->err.code != E_ABSENT
		    ? false
		    : fail_at(c, E_INPUT, "/challenge", "there is no such challenge");
	if (k.state != CHALLENGE_READY)
		return fail_at(c, E_CONFLICT, "/challenge",
		    "the challenge is %s: nobody can have answered it",
		    challenge_state_names[k.state]);
	return true;
}

static bool
create_write(struct ctx *c, struct db *db, struct request *rq)
{
	struct suspect_wanted *w = rq->arg;

	rq->act.audit.object = str_of(w->row.id.s);
	if (!challenge_there(c, db, w) || !suspect_insert(c, db, &w->row))
		return false;
	snprintf(rq->reply.location, sizeof rq->reply.location, "/v1/suspects/%s", w->row.id.s);
	return answer(c, rq, db, 201, &w->row);
}

bool
suspects_post(struct ctx *c, struct request *rq)
{
	struct suspect_wanted *w = take(c, sizeof *w);
	int64_t now = c->now();

	if (w == NULL)
		return false;
	w->appeared = now;
	if (!json_decode(c, rq->body, suspect_fields, COUNT(suspect_fields), w))
		return false;
	if (w->appeared < 1 || w->appeared > now)
		return fail_at(c, E_INPUT, "/appeared",
		    "when it was first known lies neither ahead nor before 1970");
	w->row = (struct suspect_row){ .id = id_new(c, "sus"),
		.vendor = rq->who.vendor,
		.name = w->name,
		.note = w->note,
		.appeared = w->appeared,
		.created = now,
		.version = 1 };
	rq->arg = w;
	rq->write = create_write;
	return w->challenge.n == 0 || id_parse(c, w->challenge, "cha", &w->row.challenge)
	    ? true
	    : fail_at(c, E_INPUT, "/challenge", "there is no such challenge");
}

/* ---- Its bytes ----------------------------------------------------------------------------- */

static bool
there(struct ctx *c, struct db *db, struct str vendor, struct str id)
{
	struct suspect_row r;

	return suspect_by_id(c, db, vendor, id, &r);
}

static bool
whole_write(struct ctx *c, struct db *db, struct request *rq)
{
	struct uploading *u = rq->arg;
	const struct upload_wanted *w = &u->wanted;
	struct str id = str_of(w->owner.s);
	struct suspect_row r;

	return blob_whole(c, db, str_of(u->now.blob.s), w->size, &w->sha256) &&
	    suspect_ready(c, db, id, w->size, &w->sha256) &&
	    suspect_by_id(c, db, str_of(w->vendor.s), id, &r) && answer(c, rq, db, 200, &r);
}

static void
whole_written(struct request *rq)
{
	const struct uploading *u = rq->arg;

	uploads_forget(rq->server->uploads, str_of(u->wanted.owner.s), u->wanted.part);
}

static bool
content_arrived(struct ctx *c, struct request *rq)
{
	struct uploading *u = rq->arg;

	if (!uploading_came(c, rq, u))
		return false;
	if (!u->now.whole)
		return uploading_more(c, rq, u);
	rq->write = whole_write;
	rq->after = whole_written;
	return true;
}

bool
suspect_content_put(struct ctx *c, struct request *rq)
{
	struct uploading *u = take(c, sizeof *u);
	struct suspect_row r;
	struct db *db;

	if (u == NULL || !server_reader(c, rq->server, &db) ||
	    !suspect_by_id(c, db, str_of(rq->who.vendor.s), rq->param[0], &r))
		return false;
	if (r.state != SUSPECT_EMPTY)
		return fail(c, E_CONFLICT,
		    "the suspect is all here; make another to bring other bytes");
	u->wanted = (struct upload_wanted){
		.there = there, .vendor = rq->who.vendor, .owner = r.id, .part = PART
	};
	rq->arg = u;
	rq->arrived = content_arrived;
	return uploading_begin(c, rq, u);
}

/* ---- Deleting ------------------------------------------------------------------------------ */

struct gone {
	struct blob_row *blob;
	size_t n;
};

static bool
suspect_end(struct ctx *c, struct db *db, struct request *rq)
{
	struct gone *g = rq->arg;
	int64_t version;

	return request_version(c, rq, &version) &&
	    suspect_delete(
		c, db, str_of(rq->who.vendor.s), rq->param[0], version, &g->blob, &g->n) &&
	    erased_json(c, rq, g->blob, g->n, 0);
}

static void
suspect_ended(struct request *rq)
{
	struct gone *g = rq->arg;

	uploads_forget(rq->server->uploads, rq->param[0], NULL);
	for (size_t i = 0; i < g->n; i++)
		blob_file_remove(&g->blob[i].id);
}

bool
suspect_erase(struct ctx *c, struct request *rq)
{
	struct gone *g = take(c, sizeof *g);
	struct id id;

	rq->arg = g;
	rq->write = suspect_end;
	rq->after = suspect_ended;
	return g != NULL && id_parse(c, rq->param[0], "sus", &id);
}
