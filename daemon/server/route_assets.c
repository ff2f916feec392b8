/*
 * Models and data sets: what a vendor brings. A name first; then its parts are uploaded (see
 * route_uploads.c), and once the last one is there a job looks at it. Deleting is cryptographic
 * erasure: the keys of its files go in one transaction with its rows, the files right afterwards.
 */
#include <stdio.h>

#include "assets.h"
#include "blobs.h"
#include "uploads.h"
#include "viewers.h"

enum { PARTS_MAX = 4 };

/* clang-format off */
const struct asset_route asset_routes[] = {
	[ASSET_MODEL]   = { ASSET_MODEL,   "mod", "/v1/models",   "model",    "model"   },
	[ASSET_DATASET] = { ASSET_DATASET, "dat", "/v1/datasets", "data set", "dataset" },
};

static const char *const labels_words[] = { "file", "inside", "none", NULL };
enum { LABELS_FILE };

struct asset_wanted {
	struct str name;
	int labels;
	struct asset_row row;
};
static const struct json_field asset_fields[] = {
	{ "name",   FIELD_TEXT, offsetof(struct asset_wanted, name), 1, 128, true },
	{ "labels", FIELD_WORD, offsetof(struct asset_wanted, labels), .required = true,
	  .words = labels_words },
};
/* How many of these fields a thing has. */
static const size_t asset_field_n[] = { [ASSET_MODEL] = 1, [ASSET_DATASET] = 2 };
/* clang-format on */

/* ---- Showing ------------------------------------------------------------------------------- */

bool
part_json(struct ctx *c, struct server *s, struct db *db, struct js *j, const struct id *owner,
    struct str part, int64_t *ret_received)
{
	struct blob_row row;
	char hex[64];
	struct buf h = BUF(hex);
	bool found;

	if (!blob_find(c, db, str_of(owner->s), part, &found, &row))
		return false;
	*ret_received = found ? uploads_received(s->uploads, &row) : 0;
	js_open(j, NULL, '{');
	js_text(j, "part", part);
	js_number(j, "received", *ret_received);
	if (found) {
		hex_put(&h, row.sha256.b, sizeof row.sha256.b);
		js_number(j, "size", row.size);
		js_text(j, "sha256", buf_str(&h));
	} else {
		js_null(j, "size");
		js_null(j, "sha256");
	}
	js_bool(j, "whole", found && row.state == BLOB_WHOLE);
	js_close(j, '}');
	return true;
}

MUST static bool
parts_json(struct ctx *c, struct server *s, struct db *db, struct js *j,
    const struct asset_row *a, int64_t *ret_received)
{
	struct str rest = a->parts, part;
	bool more = rest.n > 0;
	int64_t here;

	*ret_received = 0;
	js_open(j, "parts", '[');
	while (more) {
		more = str_cut(&rest, ' ', &part);
		if (!part_json(c, s, db, j, &a->id, part, &here))
			return false;
		*ret_received += here;
	}
	js_close(j, ']');
	return true;
}

bool
asset_json(struct ctx *c, struct server *s, struct db *db, struct js *j,
    const struct asset_row *a, bool facts, int64_t *ret_received)
{
	js_open(j, NULL, '{');
	js_text(j, "id", str_of(a->id.s));
	js_text(j, "name", a->name);
	js_text(j, "state", str_of(asset_state_names[a->state]));
	if (!parts_json(c, s, db, j, a, ret_received))
		return false;
	if (facts && a->state == ASSET_READY && a->facts.n > 0)
		js_raw(j, "facts", a->facts);
	if (a->state == ASSET_REFUSED) {
		js_open(j, "error", '{');
		js_text(j, "code", a->error_code);
		js_text(j, "detail", a->error_text);
		js_close(j, '}');
	}
	js_text_or_null(j, "job", str_of(a->job.s));
	if (a->personal.s[0] != '\0') {
		js_text(j, "slots", str_of(a->slots.s));
		js_text(j, "customer", str_of(a->personal.s));
	}
	js_time(j, "created", a->created);
	js_close(j, '}');
	return true;
}

MUST static bool
list(struct ctx *c, struct request *rq, const struct asset_route *r)
{
	struct asset_row *a;
	struct page page;
	struct db *db;
	struct buf out;
	struct js j = { &out, false };
	int64_t received;
	size_t n, shown;

	if (!request_page(c, rq, r->type, &page) || !server_reader(c, rq->server, &db) ||
	    !asset_list(
		c, db, r->kind, str_of(rq->who.vendor.s), page.after, page.limit + 1, &a, &n) ||
	    !take_buf(c, ANSWER_MAX, &out))
		return false;
	shown = list_begin(&j, &page, n);
	for (size_t i = 0; i < shown; i++)
		if (!asset_json(c, rq->server, db, &j, &a[i], false, &received))
			return false;
	return list_end(rq, &j, n > shown ? str_of(a[shown - 1].id.s) : STR(""));
}

MUST static bool
show(struct ctx *c, struct request *rq, const struct asset_route *r)
{
	struct asset_row a;
	struct db *db;
	struct buf out;
	struct js j = { &out, false };
	int64_t received;

	if (!server_reader(c, rq->server, &db) ||
	    !asset_by_id(c, db, r->kind, str_of(rq->who.vendor.s), rq->param[0], &a) ||
	    !take_buf(c, a.facts.n + ASSET_JSON_MAX, &out) ||
	    !asset_json(c, rq->server, db, &j, &a, true, &received))
		return false;
	reply_etag(rq, a.version, received);
	return reply_json(rq, 200, &out);
}

/* ---- Creating ------------------------------------------------------------------------------ */

static bool
create_write(struct ctx *c, struct db *db, struct request *rq)
{
	struct asset_wanted *w = rq->arg;
	const struct asset_route *r = &asset_routes[w->row.kind];
	struct buf out;
	struct js j = { &out, false };
	int64_t received;

	rq->act.audit.object = str_of(w->row.id.s);
	if (!asset_insert(c, db, &w->row) || !take_buf(c, ASSET_JSON_MAX, &out) ||
	    !asset_json(c, rq->server, db, &j, &w->row, true, &received))
		return false;
	snprintf(rq->reply.location, sizeof rq->reply.location, "%s/%s", r->path, w->row.id.s);
	reply_etag(rq, 1, 0);
	return reply_json(rq, 201, &out);
}

MUST static bool
create(struct ctx *c, struct request *rq, const struct asset_route *r)
{
	struct asset_wanted *w = take(c, sizeof *w);

	if (w == NULL || !json_decode(c, rq->body, asset_fields, asset_field_n[r->kind], w))
		return false;
	w->row = (struct asset_row){ .kind = r->kind,
		.id = id_new(c, r->type),
		.vendor = rq->who.vendor,
		.name = w->name,
		.state = ASSET_EMPTY,
		.parts = r->kind == ASSET_MODEL ? STR("content")
		    : w->labels == LABELS_FILE  ? STR("samples labels")
						: STR("samples"),
		.created = c->now(),
		.version = 1 };
	rq->arg = w;
	rq->write = create_write;
	return true;
}

/* ---- Deleting ------------------------------------------------------------------------------ */

bool
erased_json(struct ctx *c, struct request *rq, const struct blob_row b[], size_t n, size_t keys)
{
	int64_t bytes = 0;
	struct buf out, detail;
	struct js j = { &out, false }, d = { &detail, false };

	for (size_t i = 0; i < n; i++)
		bytes += b[i].state == BLOB_WHOLE ? b[i].size : 0;
	if (!take_buf(c, 256, &out) || !take_buf(c, 128, &detail))
		return false;
	js_open(&d, NULL, '{');
	js_number(&d, "files", (int64_t)n);
	js_number(&d, "keys_destroyed", (int64_t)(n + keys));
	js_close(&d, '}');
	rq->act.audit.detail = buf_str(&detail);
	js_open(&j, NULL, '{');
	js_bool(&j, "erased", true);
	js_number(&j, "files", (int64_t)n);
	js_number(&j, "bytes", bytes);
	js_number(&j, "keys_destroyed", (int64_t)(n + keys));
	js_close(&j, '}');
	return reply_json(rq, 200, &out);
}

struct gone {
	const struct asset_route *route;
	struct erased erased;
	struct id watermark; /* that went with it; empty: none */
};

static bool
end_write(struct ctx *c, struct db *db, struct request *rq)
{
	struct str vendor = str_of(rq->who.vendor.s);
	struct watermark_row watermark;
	struct gone *g = rq->arg;
	int64_t version;
	bool marked;

	if (!request_version(c, rq, &version) ||
	    !watermark_by_model(c, db, vendor, rq->param[0], &marked, &watermark) ||
	    !asset_delete(c, db, g->route->kind, vendor, rq->param[0], version, &g->erased))
		return false;
	if (marked)
		g->watermark = watermark.id;
	return erased_json(c, rq, g->erased.blob, g->erased.n, g->erased.secrets);
}

/* A file that is being made now is removed by whoever comes second. */
static void
ended(struct request *rq)
{
	struct gone *g = rq->arg;

	uploads_forget(rq->server->uploads, rq->param[0], NULL);
	if (g->watermark.s[0] != '\0')
		viewers_forget(rq->server->viewers, str_of(g->watermark.s));
	for (size_t i = 0; i < g->erased.n; i++)
		blob_file_remove(&g->erased.blob[i].id);
}

MUST static bool
end(struct ctx *c, struct request *rq, const struct asset_route *r)
{
	struct gone *g = take(c, sizeof *g);
	struct id id;

	if (g == NULL)
		return false;
	g->route = r;
	rq->arg = g;
	rq->write = end_write;
	rq->after = ended;
	return id_parse(c, rq->param[0], r->type, &id);
}

/* ---- A row for each kind ------------------------------------------------------------------- */

bool
models_post(struct ctx *c, struct request *rq)
{
	return create(c, rq, &asset_routes[ASSET_MODEL]);
}

bool
models_get(struct ctx *c, struct request *rq)
{
	return list(c, rq, &asset_routes[ASSET_MODEL]);
}

bool
model_get(struct ctx *c, struct request *rq)
{
	return show(c, rq, &asset_routes[ASSET_MODEL]);
}

bool
model_delete(struct ctx *c, struct request *rq)
{
	return end(c, rq, &asset_routes[ASSET_MODEL]);
}

bool
datasets_post(struct ctx *c, struct request *rq)
{
	return create(c, rq, &asset_routes[ASSET_DATASET]);
}

bool
datasets_get(struct ctx *c, struct request *rq)
{
	return list(c, rq, &asset_routes[ASSET_DATASET]);
}

bool
dataset_get(struct ctx *c, struct request *rq)
{
	return show(c, rq, &asset_routes[ASSET_DATASET]);
}

bool
dataset_delete(struct ctx *c, struct request *rq)
{
	return end(c, rq, &asset_routes[ASSET_DATASET]);
}
