/*
 * Releases: protected versions of a model. Making one is a job; what it leaves is the artifact,
 * which anybody may hold, and a report. The release's secret is a data key of its own, made here
 * and never shown: without it nobody can make a key to the artifact any more.
 */
#include <stdio.h>

#include "assets.h"
#include "blobs.h"
#include "downloads.h"
#include "job.h"
#include "job_body.h"

enum { RELEASE_JSON_MAX = 4096, OPTIONS_MAX = BODY_MAX + 1024 };

/* Of mark.h, which the server does not link: the bits of release_row.locks. */
static const char *const lock_words[] = { "advparams", "sealed" };

struct release_wanted {
	struct str dataset, test; /* ids; empty: none */
	struct release_row row;
	struct job_making job;
};

/* ---- Showing ------------------------------------------------------------------------------- */

static void
ready_json(struct js *j, const struct release_row *r, bool facts)
{
	js_open(j, "locks", '[');
	for (size_t i = 0; i < COUNT(lock_words); i++)
		if (r->locks & 1u << i)
			js_text(j, NULL, str_of(lock_words[i]));
	js_close(j, ']');
	js_open(j, "artifact", '{');
	js_digest(j, "sha256", &r->artifact);
	js_number(j, "bytes", r->bytes);
	js_close(j, '}');
	js_digest(j, "plain", &r->plain);
	js_number(j, "log_l", r->log_l);
	js_real(j, "kappa", r->kappa);
	if (facts && r->facts.n > 0)
		js_raw(j, "facts", r->facts);
}

static void
release_json(struct js *j, const struct release_row *r, bool facts)
{
	js_open(j, NULL, '{');
	js_text(j, "id", str_of(r->id.s));
	js_text(j, "model", str_of(r->model.s));
	js_number(j, "number", r->number);
	js_text(j, "name", r->name);
	js_text(j, "state", str_of(release_state_names[r->state]));
	js_text(j, "job", str_of(r->job.s));
	js_text_or_null(j, "watermark", str_of(r->watermark.s));
	if (r->personal.s[0] != '\0')
		js_text(j, "customer", str_of(r->personal.s));
	if (r->state == RELEASE_READY)
		ready_json(j, r, facts);
	if (r->state == RELEASE_FAILED) {
		js_open(j, "error", '{');
		js_text(j, "code", r->error_code);
		js_text(j, "detail", r->error_text);
		js_close(j, '}');
	}
	js_time(j, "created", r->created);
	js_close(j, '}');
}

bool
releases_get(struct ctx *c, struct request *rq)
{
	struct str vendor = str_of(rq->who.vendor.s), model = rq->param[0];
	struct release_row *r;
	struct asset_row a;
	struct page page;
	struct db *db;
	struct buf out;
	struct js j = { &out, false };
	size_t n, shown;

	if (!request_page(c, rq, "rel", &page) || !server_reader(c, rq->server, &db) ||
	    !asset_by_id(c, db, ASSET_MODEL, vendor, model, &a) ||
	    !release_list(c, db, vendor, model, page.after, page.limit + 1, &r, &n) ||
	    !take_buf(c, ANSWER_MAX, &out))
		return false;
	shown = list_begin(&j, &page, n);
	for (size_t i = 0; i < shown; i++)
		release_json(&j, &r[i], false);
	return list_end(rq, &j, n > shown ? str_of(r[shown - 1].id.s) : STR(""));
}

MUST static bool
find(struct ctx *c, struct request *rq, struct db **ret_db, struct release_row *ret)
{
	return server_reader(c, rq->server, ret_db) &&
	    release_by_id(
		c, *ret_db, str_of(rq->who.vendor.s), rq->param[0], rq->param[1], ret);
}

bool
release_get(struct ctx *c, struct request *rq)
{
	struct release_row r;
	struct db *db;
	struct buf out;
	struct js j = { &out, false };

	if (!find(c, rq, &db, &r) || !take_buf(c, r.facts.n + RELEASE_JSON_MAX, &out))
		return false;
	release_json(&j, &r, true);
	reply_etag(rq, r.version, 0);
	return reply_json(rq, 200, &out);
}

/* ---- Making -------------------------------------------------------------------------------- */

/*
 * The body is the job's own parameters, without what the server alone says; `name` is the release's
 * here, the model's there. They are checked first, then copied as they came.
 */
MUST static bool
options_read(struct ctx *c, struct request *rq, struct release_wanted *w, struct js *params)
{
	static const char *const ours[] = { "model", "release", NULL },
				 *const taken[] = { "name", NULL };
	const struct protect *p;
	struct job_body body;
	void *decoded;

	if (!job_params(c, JOB_PROTECT, rq->body, &decoded) ||
	    !job_body_read(c, rq->body, &body))
		return false;
	p = decoded;
	w->dataset = p->dataset;
	w->test = p->test;
	w->row.name = p->name;
	return job_body_copy(c, &body, ours, taken, params);
}

/* Whatever the job takes must be the vendor's own, and checked. */
MUST static bool
is_ready(struct ctx *c, struct db *db, const struct release_wanted *w, enum asset_kind kind,
    struct str id, const char *at, struct asset_row *ret)
{
	if (!asset_by_id(c, db, kind, str_of(w->row.vendor.s), id, ret))
		return at == NULL || c->err.code != E_ABSENT
		    ? false
		    : fail_at(c, E_INPUT, at, "there is no such data set");
	if (ret->state != ASSET_READY)
		return fail_at(c, E_CONFLICT, at == NULL ? "" : at,
		    "the %s is %s, it must be ready", asset_routes[kind].word,
		    asset_state_names[ret->state]);
	return true;
}

MUST static bool
all_ready(struct ctx *c, struct db *db, const struct release_wanted *w, struct asset_row *ret)
{
	struct asset_row set;

	return is_ready(c, db, w, ASSET_MODEL, str_of(w->row.model.s), NULL, ret) &&
	    (w->dataset.n == 0 ||
		is_ready(c, db, w, ASSET_DATASET, w->dataset, "/dataset", &set)) &&
	    (w->test.n == 0 || is_ready(c, db, w, ASSET_DATASET, w->test, "/test", &set));
}

static bool
release_write(struct ctx *c, struct db *db, struct request *rq)
{
	struct release_wanted *w = rq->arg;
	struct asset_row model;
	struct buf out;
	struct js j = { &out, false };

	rq->act.audit.object = str_of(w->row.id.s);
	if (!all_ready(c, db, w, &model) || !job_making_insert(c, rq->server, db, &w->job) ||
	    !release_insert(c, db, &w->row) || !take_buf(c, RELEASE_JSON_MAX, &out))
		return false;
	release_json(&j, &w->row, true);
	snprintf(rq->reply.location, sizeof rq->reply.location, "/v1/models/%s/releases/%s",
	    w->row.model.s, w->row.id.s);
	reply_etag(rq, w->row.version, 0);
	return reply_json(rq, 201, &out);
}

static void
release_written(struct request *rq)
{
	jobs_wake(rq->server->jobs);
}

/* Its keys and its job, before the writer takes over. */
MUST static bool
release_prepare(struct ctx *c, struct request *rq, struct release_wanted *w, struct db *db,
    struct str params)
{
	if (!job_making_new(
		c, rq->server, db, &w->row.vendor, &w->row.id, "protect", params, &w->job))
		return false;
	w->row.job = w->job.row.id;
	w->row.key = w->job.secret.id;
	return true;
}

bool
releases_post(struct ctx *c, struct request *rq)
{
	struct release_wanted *w = take(c, sizeof *w);
	struct asset_row model;
	struct db *db;
	struct buf params;
	struct js j = { &params, false };

	if (w == NULL || !take_buf(c, OPTIONS_MAX, &params) ||
	    !id_parse(c, rq->param[0], "mod", &w->row.model) ||
	    !server_reader(c, rq->server, &db))
		return false;
	w->row.id = id_new(c, "rel");
	w->row.vendor = rq->who.vendor;
	w->row.state = RELEASE_MAKING;
	w->row.created = c->now();
	js_open(&j, NULL, '{');
	if (!options_read(c, rq, w, &j) || !all_ready(c, db, w, &model))
		return false;
	js_text(&j, "release", str_of(w->row.id.s));
	js_text(&j, "model", str_of(w->row.model.s));
	js_text(&j, "name", model.name);
	js_close(&j, '}');
	rq->arg = w;
	rq->write = release_write;
	rq->after = release_written;
	return buf_ok(c, &params) && release_prepare(c, rq, w, db, buf_str(&params));
}

/* ---- Deleting ------------------------------------------------------------------------------ */

struct gone {
	struct blob_row *blob;
	size_t n;
};

static bool
release_end(struct ctx *c, struct db *db, struct request *rq)
{
	struct gone *g = rq->arg;
	int64_t version;

	return request_version(c, rq, &version) &&
	    release_delete(c, db, str_of(rq->who.vendor.s), rq->param[0], rq->param[1], version,
		&g->blob, &g->n) &&
	    erased_json(c, rq, g->blob, g->n, 1);
}

static void
release_ended(struct request *rq)
{
	struct gone *g = rq->arg;

	for (size_t i = 0; i < g->n; i++)
		blob_file_remove(&g->blob[i].id);
}

bool
release_erase(struct ctx *c, struct request *rq)
{
	struct gone *g = take(c, sizeof *g);
	struct id id;

	rq->arg = g;
	rq->write = release_end;
	rq->after = release_ended;
	return g != NULL && id_parse(c, rq->param[1], "rel", &id);
}

/* ---- What it left -------------------------------------------------------------------------- */

MUST static bool
find_ready(struct ctx *c, struct request *rq, struct db **ret_db, struct release_row *ret)
{
	if (!find(c, rq, ret_db, ret))
		return false;
	if (ret->state != RELEASE_READY)
		return fail(c, E_CONFLICT, "the release is %s, it has no files",
		    release_state_names[ret->state]);
	return true;
}

MUST static bool
part(struct ctx *c, struct request *rq, const char *name, const struct download_as *as)
{
	struct release_row r;
	struct db *db;

	return find_ready(c, rq, &db, &r) && download_part(c, rq, db, &r.id, name, as);
}

bool
release_artifact_get(struct ctx *c, struct request *rq)
{
	const struct download_as as = { "application/octet-stream",
		take_printf(c, "%.*s.onnx", STRF(rq->param[1])), NULL };

	return as.name != NULL && part(c, rq, "artifact", &as);
}

bool
release_report_get(struct ctx *c, struct request *rq)
{
	static const struct download_as as = { "application/json", NULL, NULL };

	return part(c, rq, "report", &as);
}

bool
release_page_get(struct ctx *c, struct request *rq)
{
	static const struct download_as as = { "text/html; charset=utf-8", NULL,
		DOWNLOAD_PAGE_POLICY };

	return part(c, rq, "page", &as);
}

bool
release_manifest_get(struct ctx *c, struct request *rq)
{
	static const struct download_as as = { "application/jose", NULL, NULL };
	struct release_row r;
	struct db *db;

	return find_ready(c, rq, &db, &r) && download_text(c, rq, r.manifest, &as);
}

bool
release_bundle_get(struct ctx *c, struct request *rq)
{
	static const struct download_as as = { "application/json", NULL, NULL };
	struct release_row r;
	struct db *db;

	if (!find_ready(c, rq, &db, &r))
		return false;
	if (r.bundle.n == 0)
		return fail(c, E_ABSENT, "the release has no bundle");
	return download_text(c, rq, r.bundle, &as);
}
