/*
 * The life of a license: renewed, suspended, reinstated, revoked. Each act reads the license and
 * decides in its own transaction; what it changes is in force for every request that comes after
 * its answer, on any connection.
 */
#include "claims.h"
#include "key_images.h"
#include "licenses.h"

static const struct id anybody = { "" };

/* ---- What the acts share ------------------------------------------------------------------- */

static bool
refused_write(struct ctx *c, struct db *db, struct request *rq)
{
	const struct err *why = rq->arg;

	(void)db;
	c->err = *why;
	return false;
}

bool
refuse_in_act(struct ctx *c, struct request *rq)
{
	struct err why = c->err, *kept;

	if (why.code != E_ABSENT && why.code != E_INPUT)
		return false;
	kept = take(c, sizeof *kept);
	if (kept == NULL)
		return false;
	*kept = why;
	rq->arg = kept;
	rq->write = refused_write;
	return true;
}

bool
license_event(struct ctx *c, const struct license_row *r, struct str *ret)
{
	struct buf out;
	struct js j = { &out, false };

	if (!take_buf(c, 512, &out))
		return false;
	js_open(&j, NULL, '{');
	js_text(&j, "license", str_of(r->id.s));
	js_text(&j, "customer", str_of(r->customer.s));
	js_text(&j, "release", str_of(r->release.s));
	if (r->predecessor.s[0] != '\0')
		js_text(&j, "predecessor", str_of(r->predecessor.s));
	js_close(&j, '}');
	*ret = buf_str(&out);
	return buf_ok(c, &out);
}

static void
told(struct request *rq)
{
	hooks_wake(rq->server->hooks);
}

bool
license_tell(struct ctx *c, struct request *rq, struct db *db, const struct license_row *r,
    const char *type, struct str event)
{
	bool any;

	if (!event_emit(c, db, str_of(r->vendor.s), type, str_of(r->id.s), event, &any))
		return false;
	if (any)
		rq->after = told;
	return true;
}

bool
license_changed(struct ctx *c, struct request *rq, struct db *db, const struct license_row *r,
    const char *type)
{
	struct license_row now;
	struct buf out;
	struct js j = { &out, false };
	struct str data;

	if (!license_by_id(c, db, str_of(r->vendor.s), str_of(r->id.s), &now) ||
	    !license_event(c, &now, &data) || !license_tell(c, rq, db, &now, type, data) ||
	    !take_buf(c, now.token.n + now.entitlements.n + LICENSE_JSON_MAX, &out))
		return false;
	license_json(&j, &now, true);
	reply_etag(rq, now.version, 0);
	return reply_json(rq, 200, &out);
}

bool
license_lives(struct ctx *c, const struct license_row *r)
{
	struct verdict v = { .code = V_LICENSE_REVOKED, .rule = "state" };

	if (r->state == LICENSE_ACTIVE || r->state == LICENSE_SUSPENDED)
		return true;
	if (r->state == LICENSE_TRANSFERRED)
		v.code = V_LICENSE_TRANSFERRED;
	return fail_verdict(c, &v);
}

/* ---- Suspending, reinstating, revoking ----------------------------------------------------- */

static const struct json_field reason_fields[] = {
	{ "reason", FIELD_TEXT, 0, 0, REASON_MAX },
};

bool
reason_prepare(struct ctx *c, struct request *rq,
    bool (*write)(struct ctx *, struct db *, struct request *))
{
	struct str *reason = take(c, sizeof *reason);

	rq->arg = reason;
	rq->write = write;
	return reason != NULL &&
	    (rq->body.n == 0 ||
		json_decode(c, rq->body, reason_fields, COUNT(reason_fields), reason));
}

MUST static bool
into_state(struct ctx *c, struct db *db, struct request *rq, const struct license_row *r,
    enum license_state state, const char *type)
{
	const struct str *reason = rq->arg;

	return license_state_put(c, db, r, state, *reason, c->now(), r->version) &&
	    license_changed(c, rq, db, r, type);
}

static bool
suspend_write(struct ctx *c, struct db *db, struct request *rq)
{
	struct verdict already = { .code = V_LICENSE_SUSPENDED, .rule = "state" };
	struct license_row r;

	if (!license_by_id(c, db, str_of(rq->who.vendor.s), rq->param[0], &r) ||
	    !license_lives(c, &r))
		return false;
	if (r.state == LICENSE_SUSPENDED)
		return fail_verdict(c, &already);
	return into_state(c, db, rq, &r, LICENSE_SUSPENDED, "license.suspended");
}

static bool
reinstate_write(struct ctx *c, struct db *db, struct request *rq)
{
	struct standing st;
	struct verdict v;

	return standing_read(c, rq->server, db, str_of(rq->who.vendor.s), rq->param[0], STR(""),
		   &anybody, &st) &&
	    standing_decide(c, rq, &st, ACTION_REINSTATE, &v) &&
	    into_state(c, db, rq, &st.row, LICENSE_ACTIVE, "license.reinstated");
}

/* No decision: whatever is the matter with clocks or customers, a vendor may revoke. */
static bool
revoke_write(struct ctx *c, struct db *db, struct request *rq)
{
	struct license_row r;
	int64_t n;

	return license_by_id(c, db, str_of(rq->who.vendor.s), rq->param[0], &r) &&
	    license_lives(c, &r) && lease_delete_all(c, db, str_of(r.id.s), &n) &&
	    into_state(c, db, rq, &r, LICENSE_REVOKED, "license.revoked");
}

bool
license_suspend_post(struct ctx *c, struct request *rq)
{
	return reason_prepare(c, rq, suspend_write);
}

bool
license_reinstate_post(struct ctx *c, struct request *rq)
{
	return reason_prepare(c, rq, reinstate_write);
}

bool
license_revoke_post(struct ctx *c, struct request *rq)
{
	return reason_prepare(c, rq, revoke_write);
}

/* ---- Renewing ------------------------------------------------------------------------------ */

struct renewal {
	int64_t seats, expires;       /* 0: not said */
	struct str_list entitlements; /* v NULL: not said */
	struct standing st;
	struct license_row row; /* as it shall be */
	int64_t policy_version; /* whose terms were signed; 0: nothing was signed */
};
/* clang-format off */
static const struct json_field renew_fields[] = {
	{ "seats",        FIELD_NUMBER, offsetof(struct renewal, seats), 1, SEATS_MAX },
	{ "expires",      FIELD_TIME,   offsetof(struct renewal, expires) },
	{ "entitlements", FIELD_LIST,   offsetof(struct renewal, entitlements), 1, ENTITLEMENT_MAX },
};
/* clang-format on */

static void
renew_ask(struct renewal *w)
{
	struct facts *f = &w->st.facts;

	f->ask_seats = w->row.seats;
	f->ask_from = seconds_of(w->row.not_before);
	f->ask_until = seconds_of(w->row.expires);
}

/* From the end of the term that runs, as the policy counts it. */
MUST static bool
renew_fill(struct ctx *c, struct renewal *w)
{
	const struct facts *f = &w->st.facts;
	int64_t end = w->st.license.expires, until = seconds_of(w->expires);
	int64_t from = end > f->now ? end : f->now;

	if (w->expires == 0 && w->st.terms.duration != 0)
		until = from + w->st.terms.duration;
	if (until > TIME_LAST)
		return fail_at(c, E_INPUT, "/expires", "a license ends before the year 10000");
	if (w->entitlements.v != NULL && !entitlements_set(c, &w->st, &w->entitlements))
		return false;
	w->row = w->st.row;
	w->row.expires = until * 1000;
	if (w->seats != 0)
		w->row.seats = w->seats;
	return true;
}

MUST static bool
renew_sign(struct ctx *c, struct request *rq, struct db *db, struct renewal *w)
{
	struct keys_license wanted = { .release = &w->st.release,
		.license = str_of(w->row.id.s) };
	struct license_row before = w->st.row;
	struct str wrap;
	bool ok;

	w->st.row = w->row;
	ok = claims_of(c, rq->server, db, &w->st, w->st.facts.now, NULL, &wanted.claims) &&
	    keys_license(c, rq->server->keys, db, &wanted, &w->row.token, &wrap);
	w->st.row = before;
	w->policy_version = w->st.policy.version;
	return ok;
}

static bool
renew_write(struct ctx *c, struct db *db, struct request *rq)
{
	struct renewal *w = rq->arg;
	struct verdict v;

	if (!standing_again(c, rq->server, db, STR(""), &w->st))
		return false;
	renew_ask(w);
	if (!standing_decide(c, rq, &w->st, ACTION_RENEW, &v))
		return false;
	if (w->policy_version != w->st.policy.version || w->row.version != w->st.row.version)
		return fail(c, E_BUSY, "the license has just changed: try again");
	return lease_sweep(c, db, str_of(w->row.id.s), c->now()) &&
	    license_renew(c, db, &w->row, w->row.version) && key_image_renew(c, db, &w->row) &&
	    license_changed(c, rq, db, &w->row, "license.renewed");
}

bool
license_renew_post(struct ctx *c, struct request *rq)
{
	struct renewal *w = take(c, sizeof *w);
	struct db *db;

	if (w == NULL ||
	    (rq->body.n > 0 &&
		!json_decode(c, rq->body, renew_fields, COUNT(renew_fields), w)) ||
	    !server_reader(c, rq->server, &db))
		return false;
	if (!standing_read(c, rq->server, db, str_of(rq->who.vendor.s), rq->param[0], STR(""),
		&anybody, &w->st) ||
	    !renew_fill(c, w))
		return refuse_in_act(c, rq);
	rq->arg = w;
	rq->write = renew_write;
	renew_ask(w);
	if (verdict_answer(policy_decide(&w->st.facts, &w->st.terms, ACTION_RENEW).code) !=
	    ANSWER_YES)
		return true;
	return renew_sign(c, rq, db, w);
}
