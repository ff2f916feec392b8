/*
 * The vendor's own part of the audit. Reading it leaves a row as well, durable before the answer.
 */
#include "request.h"

static void
row_json(struct js *j, const struct audit_row *r)
{
	js_open(j, NULL, '{');
	js_number(j, "seq", r->seq);
	js_time(j, "at", r->at);
	js_text(j, "actor", r->e.actor);
	js_text(j, "action", r->e.action);
	js_text(j, "object", r->e.object);
	js_text(j, "outcome", r->e.outcome);
	js_text(j, "request", r->e.request);
	js_text(j, "address", r->e.address);
	if (r->e.detail.n > 0)
		js_raw(j, "detail", r->e.detail);
	js_bytes(j, "hash", r->hash.b, sizeof r->hash.b);
	js_close(j, '}');
}

bool
audit_get(struct ctx *c, struct request *rq)
{
	struct str after = request_query(rq, "after"), limit = request_query(rq, "limit");
	struct audit_row *r;
	struct db *db;
	struct buf out;
	struct js j = { &out, false };
	int64_t from = 0, max = 50;
	size_t n;

	if (after.n > 0 && !str_number(after, 0, INT64_MAX / 2, &from))
		return fail_at(c, E_INPUT, "after", "after must be a row's seq");
	if (limit.n > 0 && !str_number(limit, 1, 200, &max))
		return fail_at(c, E_INPUT, "limit", "limit must be a number from 1 to 200");
	if (!server_reader(c, rq->server, &db) ||
	    !audit_list(c, db, str_of(rq->who.vendor.s), from, (size_t)max, &r, &n) ||
	    !take_buf(c, ANSWER_MAX, &out))
		return false;
	js_open(&j, NULL, '{');
	js_open(&j, "items", '[');
	for (size_t i = 0; i < n; i++)
		row_json(&j, &r[i]);
	js_close(&j, ']');
	if (n == (size_t)max)
		js_number(&j, "next", r[n - 1].seq);
	else
		js_null(&j, "next");
	js_close(&j, '}');
	return reply_json(rq, 200, &out);
}
