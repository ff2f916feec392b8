/*
 * The head of a request that brings bytes, and its answer while there are more to come.
 */
#include "uploading.h"
#include "ranges.h"

MUST static bool
range_read(struct ctx *c, struct request *rq, struct upload_wanted *w)
{
	struct str range = request_header(rq, "Content-Range");
	struct content_range r = { 0 };
	int64_t n, max = rq->server->conf.upload_max_mb << 20;

	if (!str_number(request_header(rq, "Content-Length"), 0, INT64_MAX / 2, &n))
		return fail_at(c, E_LENGTH, "Content-Length", "an upload says its length");
	if (range.n > 0 && !content_range_parse(c, range, &r))
		return false;
	if (range.n > 0 && r.n != n)
		return fail_at(c, E_USAGE, "Content-Range",
		    "Content-Range and Content-Length say different lengths");
	w->anew = range.n == 0;
	w->from = r.from;
	w->n = n;
	w->size = w->anew ? n : r.size;
	if (w->size == 0)
		return fail(c, E_INPUT, "an empty file is of no use");
	if (w->size > max)
		return fail(c, E_LIMIT, "an upload may have %lld bytes here", (long long)max);
	return repr_digest_parse(c, request_header(rq, "Repr-Digest"), &w->sha256);
}

bool
uploading_begin(struct ctx *c, struct request *rq, struct uploading *u)
{
	if (!range_read(c, rq, &u->wanted))
		return false;
	rq->reply.retry_after = 1; /* should it be refused because of others, who will end */
	if (!intake_new(c, rq->server->uploads, &u->wanted, &rq->intake))
		return false;
	rq->reply.retry_after = 0;
	return true;
}

bool
uploading_account(
    struct ctx *c, const struct uploading *u, const struct id *job, struct str *ret)
{
	struct buf b;
	struct js j = { &b, false };

	if (!take_buf(c, 160, &b))
		return false;
	js_open(&j, NULL, '{');
	js_text(&j, "part", str_of(u->wanted.part));
	js_number(&j, "received", u->now.received);
	js_number(&j, "size", u->wanted.size);
	if (job != NULL)
		js_text(&j, "job", str_of(job->s));
	js_close(&j, '}');
	*ret = buf_str(&b);
	return buf_ok(c, &b);
}

bool
uploading_came(struct ctx *c, struct request *rq, struct uploading *u)
{
	u->now = intake_now(rq->intake);
	return uploading_account(c, u, NULL, &rq->act.audit.detail);
}

bool
uploading_more(struct ctx *c, struct request *rq, const struct uploading *u)
{
	struct buf out;
	struct js j = { &out, false };

	if (!take_buf(c, 128, &out))
		return false;
	js_open(&j, NULL, '{');
	js_number(&j, "received", u->now.received);
	js_number(&j, "size", u->wanted.size);
	js_close(&j, '}');
	return reply_json(rq, 202, &out);
}
