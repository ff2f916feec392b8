/*
 * Verifications, as they are read: the finding, the report behind it, and both forms in which it
 * goes to others, each with the custodian's statement. The report and the page lie in the vault as
 * the worker has left them; the statement is written around them as they leave.
 */
#include "downloads.h"
#include "verifications.h"

static void
done_json(struct js *j, const struct verification_row *v, bool facts)
{
	js_text(j, "verdict", str_of(verification_verdict_names[v->verdict]));
	js_number(j, "accused", v->accused);
	js_digest(j, "report", &v->report);
	if (facts)
		js_raw(j, "facts", v->facts);
}

void
verification_json(struct js *j, const struct verification_row *v, bool facts)
{
	js_open(j, NULL, '{');
	js_text(j, "id", str_of(v->id.s));
	js_text(j, "suspect", str_of(v->suspect.s));
	js_text(j, "release", str_of(v->release.s));
	js_text(j, "state", str_of(verification_state_names[v->state]));
	js_text(j, "job", str_of(v->job.s));
	if (v->state == VERIFICATION_DONE)
		done_json(j, v, facts);
	if (v->state == VERIFICATION_FAILED) {
		js_open(j, "error", '{');
		js_text(j, "code", v->error_code);
		js_text(j, "detail", v->error_text);
		js_close(j, '}');
	}
	js_time(j, "created", v->created);
	js_close(j, '}');
}

bool
verifications_get(struct ctx *c, struct request *rq)
{
	struct verification_row *v;
	struct page page;
	struct db *db;
	struct buf out;
	struct js j = { &out, false };
	size_t n, shown;

	if (!request_page(c, rq, "ver", &page) || !server_reader(c, rq->server, &db) ||
	    !verification_list(
		c, db, str_of(rq->who.vendor.s), page.after, page.limit + 1, &v, &n) ||
	    !take_buf(c, ANSWER_MAX, &out))
		return false;
	shown = list_begin(&j, &page, n);
	for (size_t i = 0; i < shown; i++)
		verification_json(&j, &v[i], false);
	return list_end(rq, &j, n > shown ? str_of(v[shown - 1].id.s) : STR(""));
}

MUST static bool
find(struct ctx *c, struct request *rq, struct db **ret_db, struct verification_row *ret)
{
	return server_reader(c, rq->server, ret_db) &&
	    verification_by_id(c, *ret_db, str_of(rq->who.vendor.s), rq->param[0], ret);
}

bool
verification_get(struct ctx *c, struct request *rq)
{
	struct verification_row v;
	struct db *db;
	struct buf out;
	struct js j = { &out, false };

	if (!find(c, rq, &db, &v) || !take_buf(c, v.facts.n + VERIFICATION_JSON_MAX, &out))
		return false;
	verification_json(&j, &v, true);
	reply_etag(rq, v.version, 0);
	return reply_json(rq, 200, &out);
}

/* ---- What it left -------------------------------------------------------------------------- */

MUST static bool
find_done(struct ctx *c, struct request *rq, struct db **ret_db, struct verification_row *ret)
{
	if (!find(c, rq, ret_db, ret))
		return false;
	if (ret->state == VERIFICATION_RUNNING)
		return fail(
		    c, E_CONFLICT, "the verification is still running: there is no report yet");
	if (ret->state == VERIFICATION_FAILED)
		return fail(c, E_CONFLICT, "the verification has failed, it has no report");
	return true;
}

bool
verification_report_get(struct ctx *c, struct request *rq)
{
	static const struct download_as as = { "application/json", NULL, NULL };
	struct verification_row v;
	struct db *db;

	return find_done(c, rq, &db, &v) && download_part(c, rq, db, &v.id, "report", &as);
}

/* A part of it with the statement before or behind it. */
MUST static bool
framed(struct ctx *c, struct request *rq, struct db *db, const struct id *id, const char *part,
    const struct download_frame *frame, const struct download_as *as)
{
	struct blob_row blob;
	bool found;

	if (!blob_find(c, db, str_of(id->s), str_of(part), &found, &blob))
		return false;
	if (!found || blob.state != BLOB_WHOLE)
		return fail(c, E_ABSENT, "there is no %s of it", part);
	return download_framed(c, rq, &blob, frame, as);
}

bool
verification_evidence_get(struct ctx *c, struct request *rq)
{
	static const struct download_as as = { "application/json", NULL, NULL };
	struct download_frame frame = { .tail = STR("}") };
	struct verification_row v;
	struct db *db;
	char *head;

	if (!find_done(c, rq, &db, &v))
		return false;
	head = take_printf(c, "{\"signature\":\"%.*s\",\"report\":", STRF(v.statement));
	if (head == NULL)
		return false;
	frame.head = str_of(head);
	return framed(c, rq, db, &v.id, "report", &frame, &as);
}

bool
verification_page_get(struct ctx *c, struct request *rq)
{
	static const struct download_as as = { "text/html; charset=utf-8", NULL,
		DOWNLOAD_PAGE_POLICY };
	struct download_frame frame = { .head = STR("") };
	struct verification_row v;
	struct db *db;
	char *tail;

	if (!find_done(c, rq, &db, &v))
		return false;
	tail = take_printf(
	    c, "<pre id=\"signature\">%.*s</pre></body></html>", STRF(v.statement));
	if (tail == NULL)
		return false;
	frame.tail = str_of(tail);
	return framed(c, rq, db, &v.id, "page", &frame, &as);
}
