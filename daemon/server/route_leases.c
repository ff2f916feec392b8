/*
 * Seats. A machine that uses a license holds one, and says now and then that it still does: the
 * same request takes the seat and keeps it. However many ask at once, the writer decides one after
 * the other, so a license never has more machines than seats.
 */
#include "use.h"

enum { LEASE_JSON_MAX = 512 };

/* clang-format off */
static const struct json_field lease_fields[] = {
	USE_FINGERPRINT,
};
/* clang-format on */

static void
lease_json(struct js *j, const struct lease_row *r)
{
	js_text(j, "machine", r->machine);
	js_time(j, "claimed", r->claimed);
	js_time(j, "expires", r->expires);
}

static bool
lease_answer(
    struct ctx *c, struct request *rq, const struct use *u, const struct verdict *v, bool fresh)
{
	const struct license_row *r = &u->st.row;
	struct buf out;
	struct js j = { &out, false };

	if (!take_buf(c, LEASE_JSON_MAX, &out))
		return false;
	js_open(&j, NULL, '{');
	js_text(&j, "license", str_of(r->id.s));
	lease_json(&j, &u->st.lease);
	js_text(&j, "code", str_of(verdict_wire(v->code)));
	js_text(&j, "license_state", str_of(license_state_name(u->st.license.state)));
	if (r->expires != 0)
		js_time(&j, "license_expires", r->expires);
	else
		js_null(&j, "license_expires");
	js_close(&j, '}');
	return reply_json(rq, fresh ? 201 : 200, &out);
}

static bool
lease_write(struct ctx *c, struct db *db, struct request *rq)
{
	struct use *u = rq->arg;
	struct verdict v;
	bool fresh;

	if (!use_again(c, db, rq, u) ||
	    !standing_decide(c, rq, &u->st,
		u->st.facts.seat == SEAT_HELD ? ACTION_HEARTBEAT : ACTION_CLAIM, &v) ||
	    !use_seat(c, db, u, &v, v.until, &fresh))
		return false;
	if (fresh && !use_event(c, db, u, "lease.claimed"))
		return false;
	return lease_answer(c, rq, u, &v, fresh);
}

bool
lease_claim(struct ctx *c, struct request *rq)
{
	struct use *u;

	if (!use_read(c, rq, lease_fields, COUNT(lease_fields), &u))
		return false;
	rq->arg = u;
	rq->write = lease_write;
	return true;
}

/* Whoever gives a seat back is asked nothing, but whose it is. */
static bool
lease_end(struct ctx *c, struct db *db, struct request *rq)
{
	struct use *u = rq->arg;
	bool found;

	rq->reply.status = 204;
	return use_again(c, db, rq, u) &&
	    lease_delete(c, db, str_of(u->st.row.id.s), u->machine, &found);
}

bool
lease_give_back(struct ctx *c, struct request *rq)
{
	struct use *u;

	if (!use_read(c, rq, NULL, 0, &u))
		return false;
	rq->arg = u;
	rq->write = lease_end;
	return true;
}

bool
leases_get(struct ctx *c, struct request *rq)
{
	struct str vendor = str_of(rq->who.vendor.s);
	struct license_row license;
	struct lease_row *r;
	struct page page;
	struct db *db;
	struct buf out;
	struct js j = { &out, false };
	size_t n, shown;

	if (!request_page(c, rq, NULL, &page) || !server_reader(c, rq->server, &db) ||
	    !license_by_id(c, db, vendor, rq->param[0], &license) ||
	    !lease_list(c, db, str_of(license.id.s), page.after, page.limit + 1, &r, &n) ||
	    !take_buf(c, ANSWER_MAX, &out))
		return false;
	shown = list_begin(&j, &page, n);
	for (size_t i = 0; i < shown; i++) {
		js_open(&j, NULL, '{');
		lease_json(&j, &r[i]);
		js_close(&j, '}');
	}
	return list_end(rq, &j, n > shown ? r[shown - 1].machine : STR(""));
}
