/*
 * Approvals: where a policy asks for k of n, an unlock key is released once k different tokens of
 * the vendor have said yes. Each token speaks for itself, once, and may take it back.
 */
#include "licenses.h"

static const struct id anybody = { "" };

MUST static bool
standing_of_path(struct ctx *c, struct request *rq, struct db *db, struct standing *ret)
{
	return standing_read(
	    c, rq->server, db, str_of(rq->who.vendor.s), rq->param[0], STR(""), &anybody, ret);
}

MUST static bool
answer(struct ctx *c, struct request *rq, struct db *db, const struct standing *st)
{
	int64_t given;
	struct buf out;
	struct js j = { &out, false };

	if (!approval_count(c, db, str_of(st->row.id.s), &given) || !take_buf(c, 256, &out))
		return false;
	js_open(&j, NULL, '{');
	js_text(&j, "license", str_of(st->row.id.s));
	js_number(&j, "given", given);
	js_number(&j, "needed", st->terms.approvals);
	js_number(&j, "approvers", st->terms.approvers);
	js_close(&j, '}');
	return reply_json(rq, 200, &out);
}

bool
approvals_get(struct ctx *c, struct request *rq)
{
	struct standing st;
	struct db *db;

	return server_reader(c, rq->server, &db) && standing_of_path(c, rq, db, &st) &&
	    answer(c, rq, db, &st);
}

/* To approve twice is to approve once; only as many as the policy knows may. */
static bool
approve_write(struct ctx *c, struct db *db, struct request *rq)
{
	struct str token = str_of(rq->who.id.s);
	struct standing st;
	struct str data, id;
	int64_t before, after;

	if (!standing_of_path(c, rq, db, &st) || !license_lives(c, &st.row))
		return false;
	if (st.terms.approvals == 0)
		return fail(c, E_CONFLICT, "the license's policy asks for no approvals");
	id = str_of(st.row.id.s);
	if (!approval_count(c, db, id, &before) ||
	    !approval_insert(c, db, id, token, c->now()) || !approval_count(c, db, id, &after))
		return false;
	if (after > st.terms.approvers)
		return fail(c, E_CONFLICT, "all %lld approvers of the policy have approved",
		    (long long)st.terms.approvers);
	return (before == after ||
		   (license_event(c, &st.row, &data) &&
		       license_tell(c, rq, db, &st.row, "license.approved", data))) &&
	    answer(c, rq, db, &st);
}

static bool
withdraw_write(struct ctx *c, struct db *db, struct request *rq)
{
	struct standing st;

	return standing_of_path(c, rq, db, &st) &&
	    approval_delete(c, db, str_of(st.row.id.s), str_of(rq->who.id.s)) &&
	    answer(c, rq, db, &st);
}

bool
approvals_post(struct ctx *c, struct request *rq)
{
	char none;

	rq->write = approve_write;
	return rq->body.n == 0 || json_decode(c, rq->body, NULL, 0, &none);
}

bool
approvals_delete(struct ctx *c, struct request *rq)
{
	struct id id;

	rq->write = withdraw_write;
	return id_parse(c, rq->param[0], "lic", &id);
}
