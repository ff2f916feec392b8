/*
 * Answers: JSON, problems (RFC 9457), ETags, pages of lists.
 */
#include <stdarg.h>
#include <stdio.h>

#include "downloads.h"
#include "request.h"

enum { PROBLEM_MAX = 1400 };

/* True when the writer has left the row of this outcome itself. */
static bool
audited(const struct request *rq)
{
	return rq->act.run != NULL;
}

void
request_problem(struct request *rq)
{
	struct err e = rq->c.err;
	static const char plain[] = "{\"title\":\"Out of memory\",\"status\":503}";
	char *room = take(&rq->c, PROBLEM_MAX);
	struct buf b = { room, 0, room == NULL ? 0 : PROBLEM_MAX, false };
	struct js j = { &b, false };
	char type[64];
	struct buf t = BUF(type);

	if (!audited(rq) && !request_note(rq))
		e = rq->c.err; /* no audit, no answer: now that is the answer */
	buf_printf(&t, "urn:hallmark:error:%s", err_name(&e));
	js_open(&j, NULL, '{');
	js_text(&j, "type", buf_str(&t));
	js_text(&j, "title", str_of(err_title(e.code)));
	js_number(&j, "status", err_http(e.code));
	js_text(&j, "detail", str_of(e.text));
	js_text(&j, "instance", str_of(rq->id));
	js_text(&j, "code", str_of(err_name(&e)));
	if (rq->reply.received >= 0)
		js_number(&j, "received", rq->reply.received);
	if (e.at[0] != '\0') {
		js_open(&j, "errors", '[');
		js_open(&j, NULL, '{');
		js_text(&j, e.at[0] == '/' ? "pointer" : "parameter", str_of(e.at));
		js_text(&j, "detail", str_of(e.text));
		js_close(&j, '}');
		js_close(&j, ']');
	}
	js_close(&j, '}');
	if (err_http(e.code) >= 500 && e.code != E_SEALED && e.code != E_UNINITIALISED &&
	    e.code != E_UNDECIDED)
		log_failure(&rq->c, "request-failed");
	rq->reply.status = err_http(e.code);
	rq->reply.type = "application/problem+json";
	rq->reply.body = b.full ? str_of(plain) : buf_str(&b);
	rq->reply.etag[0] = rq->reply.location[0] = rq->reply.link[0] = '\0';
	if (rq->reply.retry_after == 0 &&
	    (e.code == E_BUSY || e.code == E_FULL || e.code == E_RATE || e.code == E_UNDECIDED))
		rq->reply.retry_after = 1;
	rq->reply.mores = 0;
	if (e.code == E_RANGE)
		reply_header(rq, "Content-Range", "bytes */%lld", (long long)rq->reply.size);
	rq->reply.cache = NULL;
	rq->stream = false;
	fd_done(&rq->reply.file);
	download_drop(rq);
}

void
js_digest(struct js *j, const char *key, const struct digest256 *d)
{
	char hex[2 * sizeof d->b];
	struct buf h = BUF(hex);

	hex_put(&h, d->b, sizeof d->b);
	js_text(j, key, buf_str(&h));
}

void
reply_header(struct request *rq, const char *name, const char *fmt, ...)
{
	struct reply *a = &rq->reply;
	char value[256], *kept;
	va_list args;

	va_start(args, fmt);
	vsnprintf(value, sizeof value, fmt, args);
	va_end(args);
	kept = a->mores < COUNT(a->more) ? take_cstr(&rq->c, str_of(value)) : NULL;
	if (kept == NULL)
		return;
	a->more[a->mores].name = name;
	a->more[a->mores++].value = kept;
}

bool
reply_json(struct request *rq, int status, const struct buf *b)
{
	rq->reply.status = status;
	rq->reply.body = buf_str(b);
	return buf_ok(&rq->c, b);
}

void
reply_etag(struct request *rq, int64_t version, int64_t minor)
{
	if (minor > 0)
		snprintf(rq->reply.etag, sizeof rq->reply.etag, "\"%lld.%lld\"",
		    (long long)version, (long long)minor);
	else
		snprintf(rq->reply.etag, sizeof rq->reply.etag, "\"%lld\"", (long long)version);
}

bool
request_version(struct ctx *c, struct request *rq, int64_t *ret)
{
	struct str tag = str_of(rq->if_match), version;

	if (str_same(tag, STR("*"))) {
		*ret = 0;
		return true;
	}
	if (tag.n < 3 || tag.p[0] != '"' || tag.p[tag.n - 1] != '"')
		return fail_at(c, E_STALE, "If-Match", "not an ETag of ours");
	tag.p++;
	tag.n -= 2;
	str_cut(&tag, '.', &version);
	if (!str_number(version, 1, INT64_MAX / 2, ret))
		return fail_at(c, E_STALE, "If-Match", "not an ETag of ours");
	return true;
}

bool
request_page(struct ctx *c, struct request *rq, const char *type, struct page *ret)
{
	struct str limit = request_query(rq, "limit"), cursor = request_query(rq, "cursor"), id;
	int64_t n = 50;
	struct id parsed;

	if (limit.n > 0 && !str_number(limit, 1, 200, &n))
		return fail_at(c, E_INPUT, "limit", "limit must be a number from 1 to 200");
	*ret = (struct page){ (size_t)n, { "", 0 } };
	if (cursor.n == 0)
		return true;
	if (!base64url_decode(c, cursor, &id) || !text_valid(id) ||
	    (type != NULL && !id_parse(c, id, type, &parsed)))
		return fail_at(c, E_INPUT, "cursor", "not a cursor of this list");
	ret->after = id;
	return true;
}

size_t
list_begin(struct js *j, const struct page *page, size_t n)
{
	js_open(j, NULL, '{');
	js_open(j, "items", '[');
	return n < page->limit ? n : page->limit;
}

/* Where the next page begins, in the body and in the header. */
static void
next_put(struct request *rq, struct js *j, struct str last)
{
	char cursor[96];
	struct buf b = BUF(cursor), link = BUF(rq->reply.link);

	if (last.n == 0) {
		js_null(j, "next");
		return;
	}
	base64url_put(&b, last.p, last.n);
	js_text(j, "next", buf_str(&b));
	buf_printf(
	    &link, "<%.*s?cursor=%.*s>; rel=\"next\"", STRF(rq->path), STRF(buf_str(&b)));
	rq->reply.link[link.full ? 0 : link.n] = '\0';
}

bool
list_end(struct request *rq, struct js *j, struct str last)
{
	js_close(j, ']');
	next_put(rq, j, last);
	js_close(j, '}');
	return reply_json(rq, 200, j->out);
}
