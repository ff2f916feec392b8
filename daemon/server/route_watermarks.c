/*
 * Watermarks: what networks were taught beside their task. A job of the kind "watermark" makes one
 * together with a model (see route_jobs.c); here they are listed and shown, with the report that
 * the job has left. The key set itself leaves the daemon for no one but the worker.
 */
#include "downloads.h"
#include "request.h"

enum { WATERMARK_JSON_MAX = 2048 };

static void
ready_json(struct js *j, const struct watermark_row *w, bool facts)
{
	js_number(j, "keys", w->keys);
	js_number(j, "asked", w->asked);
	js_number(j, "classes", w->classes);
	js_digest(j, "commitment", &w->commitment);
	if (facts && w->facts.n > 0)
		js_raw(j, "facts", w->facts);
}

static void
watermark_json(struct js *j, const struct watermark_row *w, bool facts)
{
	js_open(j, NULL, '{');
	js_text(j, "id", str_of(w->id.s));
	js_text(j, "name", w->name);
	js_text(j, "model", str_of(w->model.s));
	js_text(j, "source", str_of(w->source.s));
	js_text(j, "state", str_of(watermark_state_names[w->state]));
	js_text(j, "job", str_of(w->job.s));
	if (w->state == WATERMARK_READY)
		ready_json(j, w, facts);
	if (w->state == WATERMARK_FAILED) {
		js_open(j, "error", '{');
		js_text(j, "code", w->error_code);
		js_text(j, "detail", w->error_text);
		js_close(j, '}');
	}
	js_time(j, "created", w->created);
	js_close(j, '}');
}

bool
watermarks_get(struct ctx *c, struct request *rq)
{
	struct watermark_row *w;
	struct page page;
	struct db *db;
	struct buf out;
	struct js j = { &out, false };
	size_t n, shown;

	if (!request_page(c, rq, "wmk", &page) || !server_reader(c, rq->server, &db) ||
	    !watermark_list(
		c, db, str_of(rq->who.vendor.s), page.after, page.limit + 1, &w, &n) ||
	    !take_buf(c, ANSWER_MAX, &out))
		return false;
	shown = list_begin(&j, &page, n);
	for (size_t i = 0; i < shown; i++)
		watermark_json(&j, &w[i], false);
	return list_end(rq, &j, n > shown ? str_of(w[shown - 1].id.s) : STR(""));
}

MUST static bool
find(struct ctx *c, struct request *rq, struct db **ret_db, struct watermark_row *ret)
{
	return server_reader(c, rq->server, ret_db) &&
	    watermark_by_id(c, *ret_db, str_of(rq->who.vendor.s), rq->param[0], ret);
}

bool
watermark_get(struct ctx *c, struct request *rq)
{
	struct watermark_row w;
	struct db *db;
	struct buf out;
	struct js j = { &out, false };

	if (!find(c, rq, &db, &w) || !take_buf(c, w.facts.n + WATERMARK_JSON_MAX, &out))
		return false;
	watermark_json(&j, &w, true);
	reply_etag(rq, w.version, 0);
	return reply_json(rq, 200, &out);
}

/* ---- What its job left --------------------------------------------------------------------- */

MUST static bool
part(struct ctx *c, struct request *rq, const char *name, const struct download_as *as)
{
	struct watermark_row w;
	struct db *db;

	if (!find(c, rq, &db, &w))
		return false;
	if (w.state != WATERMARK_READY)
		return fail(c, E_CONFLICT, "the watermark is %s, it has no files",
		    watermark_state_names[w.state]);
	return download_part(c, rq, db, &w.model, name, as);
}

bool
watermark_report_get(struct ctx *c, struct request *rq)
{
	static const struct download_as as = { "application/json", NULL, NULL };

	return part(c, rq, "report", &as);
}

bool
watermark_page_get(struct ctx *c, struct request *rq)
{
	static const struct download_as as = { "text/html; charset=utf-8", NULL,
		DOWNLOAD_PAGE_POLICY };

	return part(c, rq, "page", &as);
}
