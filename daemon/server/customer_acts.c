/*
 * What a vendor does to a customer: suspends, reinstates, gives a new enrolment code, erases. Each
 * is one act with its event. Erasing forgets the person and ends the licenses at once: their rows,
 * the audit and the marks go on to name a number that stands for nobody.
 */
#include "customers.h"
#include "license.h"
#include "proofs.h"

/*
 * So many licenses end in one act with their customer's erasure: more would keep everybody else's
 * acts waiting for longer than a moment.
 */
enum { ERASED_LICENSES_MAX = 1000 };

/* The version that If-Match names, if there is one; 0: any. */
MUST static bool
version_given(struct ctx *c, struct request *rq, int64_t *ret)
{
	*ret = 0;
	return rq->if_match[0] == '\0' || request_version(c, rq, ret);
}

MUST static bool
living(struct ctx *c, struct db *db, struct request *rq, struct customer_row *ret)
{
	if (!customer_by_id(c, db, str_of(rq->who.vendor.s), rq->param[0], ret))
		return false;
	return ret->state == CUSTOMER_ERASED ? fail(c, E_CONFLICT, "this customer was erased")
					     : true;
}

MUST static bool
shown(struct ctx *c, struct db *db, struct request *rq, const char *code)
{
	struct customer_row r;

	return customer_by_id(c, db, str_of(rq->who.vendor.s), rq->param[0], &r) &&
	    customer_reply(c, rq, 200, &r, code);
}

/* ---- Suspending ---------------------------------------------------------------------------- */

struct standing_wanted {
	struct str reason;
	bool suspended;
};
static const struct json_field standing_fields[] = {
	{ "reason", FIELD_TEXT, offsetof(struct standing_wanted, reason), 0, 256 },
};

/* In the vendor's own words, for the audit, which forgets nothing. */
MUST static bool
reason_note(struct ctx *c, struct request *rq, struct str reason)
{
	struct buf out;
	struct js j = { &out, false };

	if (reason.n == 0)
		return true;
	if (!take_buf(c, 2 * reason.n + 32, &out))
		return false;
	js_open(&j, NULL, '{');
	js_text(&j, "reason", reason);
	js_close(&j, '}');
	rq->act.audit.detail = buf_str(&out);
	return buf_ok(c, &out);
}

static bool
standing_write(struct ctx *c, struct db *db, struct request *rq)
{
	const struct standing_wanted *w = rq->arg;
	struct customer_row r;
	int64_t version;

	return reason_note(c, rq, w->reason) && version_given(c, rq, &version) &&
	    living(c, db, rq, &r) &&
	    customer_suspend(c, db, rq->param[0], w->suspended, version) &&
	    customer_event(
		c, db, &r, w->suspended ? "customer.suspended" : "customer.reinstated") &&
	    shown(c, db, rq, NULL);
}

MUST static bool
standing_put(struct ctx *c, struct request *rq, bool suspended)
{
	struct standing_wanted *w = take(c, sizeof *w);

	if (w == NULL)
		return false;
	if (rq->body.n > 0 &&
	    !json_decode(c, rq->body, standing_fields, COUNT(standing_fields), w))
		return false;
	w->suspended = suspended;
	rq->arg = w;
	rq->write = standing_write;
	return true;
}

bool
customer_suspend_post(struct ctx *c, struct request *rq)
{
	return standing_put(c, rq, true);
}

bool
customer_reinstate_post(struct ctx *c, struct request *rq)
{
	return standing_put(c, rq, false);
}

/* ---- A new code ---------------------------------------------------------------------------- */

struct code_wanted {
	int64_t hours;
	struct customer_code code;
};
static const struct json_field code_fields[] = {
	{ "code_hours", FIELD_NUMBER, offsetof(struct code_wanted, hours), 1, CODE_HOURS_MAX },
};

static bool
code_write(struct ctx *c, struct db *db, struct request *rq)
{
	const struct code_wanted *w = rq->arg;
	struct customer_row r;
	int64_t version;

	return version_given(c, rq, &version) && living(c, db, rq, &r) &&
	    customer_code_put(c, db, rq->param[0], &w->code.digest, w->code.expires, version) &&
	    shown(c, db, rq, w->code.secret.s);
}

bool
customer_code_post(struct ctx *c, struct request *rq)
{
	struct code_wanted *w = take(c, sizeof *w);

	if (w == NULL)
		return false;
	w->hours = CODE_HOURS;
	if (rq->body.n > 0 && !json_decode(c, rq->body, code_fields, COUNT(code_fields), w))
		return false;
	rq->arg = w;
	rq->write = code_write;
	return customer_code_new(c, w->hours, &w->code);
}

/* ---- Erasing ------------------------------------------------------------------------------- */

/* Their number is bounded, their events and their seats are not forgotten. */
MUST static bool
licenses_end(struct ctx *c, struct db *db, const struct customer_row *r, int64_t *ret_licenses,
    int64_t *ret_leases)
{
	struct id *id;
	int64_t leases;
	size_t n;

	if (!license_revoke_all(c, db, r, STR("the customer was erased"), c->now(),
		ERASED_LICENSES_MAX, &id, &n))
		return false;
	*ret_leases = 0;
	for (size_t i = 0; i < n; i++) {
		struct str license = str_of(id[i].s);
		char *data = take_printf(
		    c, "{\"license\":\"%s\",\"customer\":\"%s\"}", id[i].s, r->id.s);
		bool any;

		if (data == NULL || !lease_delete_all(c, db, license, &leases) ||
		    !event_emit(c, db, str_of(r->vendor.s), "license.revoked", license,
			str_of(data), &any))
			return false;
		*ret_leases += leases;
	}
	*ret_licenses = (int64_t)n;
	return true;
}

static bool
erase_write(struct ctx *c, struct db *db, struct request *rq)
{
	int64_t version, licenses, leases;
	struct customer_row r;
	struct buf out;
	struct js j = { &out, false };

	if (!request_version(c, rq, &version) || !living(c, db, rq, &r) ||
	    !customer_erase(c, db, rq->param[0], version) ||
	    !licenses_end(c, db, &r, &licenses, &leases) ||
	    !customer_event(c, db, &r, "customer.erased") ||
	    !take_buf(c, CUSTOMER_JSON_MAX, &out))
		return false;
	js_open(&j, NULL, '{');
	js_text(&j, "id", str_of(r.id.s));
	js_number(&j, "number", r.number);
	js_number(&j, "licenses", licenses);
	js_number(&j, "leases", leases);
	js_close(&j, '}');
	return reply_json(rq, 200, &out);
}

static void
erased(struct request *rq)
{
	proofs_forget(rq->server->proofs);
}

bool
customer_delete(struct ctx *c, struct request *rq)
{
	struct id id;

	rq->write = erase_write;
	rq->act.erases = true;
	rq->after = erased;
	return id_parse(c, rq->param[0], "cus", &id);
}
