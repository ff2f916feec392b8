/*
 * How a license stands. Facts are gathered here and nowhere else, milliseconds become the seconds
 * of the decision here and nowhere else, and a verdict becomes an answer's code here.
 */
#include <stdio.h>

#include "clock.h"
#include "standing.h"

/* Threads look at the clock one after the other: less than this is no step back. */
enum { JITTER_MS = 2000 };

/* ---- Facts --------------------------------------------------------------------------------- */

static void
times_fill(struct ctx *c, struct server *s, struct facts *f)
{
	int64_t now = c->now(), seen = clock_seen(s, now);

	f->now = seconds_of(seen - now < JITTER_MS ? seen : now);
	f->last_seen = seconds_of(seen);
	f->keys_ready = keys_state(s->keys) == KEYS_OPEN;
}

enum party
party_of(const struct customer_row *r)
{
	switch (r->state) {
	case CUSTOMER_ACTIVE:
		return PARTY_ACTIVE;
	case CUSTOMER_SUSPENDED:
		return PARTY_SUSPENDED;
	case CUSTOMER_ERASED:
		return PARTY_ERASED;
	}
	abort(); /* the compiler has seen every case */
}

bool
is_others_copy(const struct release_row *r, const struct id *customer)
{
	return r->personal.s[0] != '\0' && strcmp(r->personal.s, customer->s) != 0;
}

static enum offer
offer_of(const struct release_row *r)
{
	switch (r->state) {
	case RELEASE_MAKING:
		return OFFER_MAKING;
	case RELEASE_READY:
		return OFFER_READY;
	case RELEASE_FAILED:
		return OFFER_WITHDRAWN;
	}
	abort(); /* the compiler has seen every case */
}

/* Terms that were decoded before, in st, are not decoded again. */
MUST static bool
terms_read(struct ctx *c, struct db *db, const struct standing_new *n, struct standing *st)
{
	int64_t version = st->policy.version;
	struct id id = st->policy.id;

	if (!policy_by_id(c, db, n->vendor, n->policy, &st->policy))
		return false;
	if (version == st->policy.version && strcmp(id.s, st->policy.id.s) == 0)
		return true;
	return policy_decode(c, st->policy.terms, &st->terms)
	    ? true
	    : fail(c, E_INTEGRITY, "the terms of %s are malformed", st->policy.id.s);
}

/* Who is involved, and under which terms. */
MUST static bool
parties_read(struct ctx *c, struct db *db, const struct standing_new *n, struct standing *st)
{
	struct facts *f = &st->facts;
	struct vendor vendor;

	if (!vendor_by_id(c, db, n->vendor, &vendor) ||
	    !customer_by_id(c, db, n->vendor, n->customer, &st->customer) ||
	    !terms_read(c, db, n, st) ||
	    !release_outline(c, db, n->vendor, n->release, &st->release))
		return false;
	f->vendor = vendor.suspended ? PARTY_SUSPENDED : PARTY_ACTIVE;
	f->customer = party_of(&st->customer);
	f->enrolled = st->customer.jwk.n > 0;
	if (st->terms.image != IMAGE_NONE &&
	    !release_watermark(c, db, n->vendor, n->release, &st->release.watermark))
		return false;
	f->watermarked = st->release.watermark.s[0] != '\0';
	f->release = offer_of(&st->release);
	f->others_copy = is_others_copy(&st->release, &st->customer.id);
	f->policy_retired = st->policy.retired;
	return true;
}

MUST static bool
entitlements_read(struct ctx *c, struct str json, struct str_list *ret)
{
	struct json_part *part;
	size_t n;

	*ret = (struct str_list){ 0 };
	if (str_same(json, STR("[]")))
		return true;
	if (!json_split(c, json, &part, &n))
		return false;
	ret->v = take(c, n * sizeof *ret->v);
	if (ret->v == NULL)
		return false;
	for (; ret->n < n; ret->n++)
		ret->v[ret->n] = part[ret->n].value;
	return true;
}

/* The machines that it is bound to, where its terms bind. */
MUST static bool
bound_read(struct ctx *c, struct db *db, struct standing *st)
{
	struct fingerprint *print;
	struct str *text;
	size_t n;

	st->license.bound = NULL;
	st->license.bound_n = 0;
	if (st->terms.binding == BIND_NONE)
		return true;
	if (!machine_list(c, db, str_of(st->row.id.s), &text, &n))
		return false;
	print = take(c, n * sizeof *print);
	if (print == NULL)
		return false;
	for (size_t i = 0; i < n; i++)
		if (!fingerprint_read(c, text[i], &print[i]))
			return false;
	st->license.bound = print;
	st->license.bound_n = n;
	return true;
}

MUST static bool
license_fill(struct ctx *c, struct db *db, struct standing *st)
{
	const struct license_row *r = &st->row;

	st->license = (struct license){
		.id = r->id,
		.customer = r->customer,
		.release = r->release,
		.state = (enum license_state)r->state,
		.changed = seconds_of(r->changed),
		.issued = seconds_of(r->issued),
		.not_before = seconds_of(r->not_before),
		.expires = seconds_of(r->expires),
		.seats = r->seats,
	};
	return entitlements_read(c, r->entitlements, &st->license.entitlements) &&
	    bound_read(c, db, st);
}

/* Seats, unlocks and approvals. A lease that has lapsed is none, swept already or not. */
MUST static bool
counts_read(
    struct ctx *c, struct server *s, struct db *db, struct str machine, struct standing *st)
{
	struct facts *f = &st->facts;
	struct str id = str_of(st->row.id.s);
	int64_t lapsed = 0, now = clock_seen(s, c->now());
	bool found = false;

	if (st->row.seats_used > 0 && !lease_lapsed(c, db, id, now, &lapsed))
		return false;
	if (machine.n > 0 && !lease_find(c, db, id, machine, &found, &st->lease))
		return false;
	if (st->terms.approvals > 0 && !approval_count(c, db, id, &f->approvals))
		return false;
	f->seat = !found ? SEAT_NONE : st->lease.expires > now ? SEAT_HELD : SEAT_LAPSED;
	f->seats_used = st->row.seats_used - lapsed;
	f->unlocks_done = st->row.unlocks;
	f->counted = true;
	return true;
}

MUST static bool
license_read(struct ctx *c, struct server *s, struct db *db, const struct id *by,
    struct str machine, struct standing *st)
{
	const struct license_row r = st->row;
	const struct standing_new n = { str_of(r.vendor.s), str_of(r.customer.s),
		str_of(r.policy.s), str_of(r.release.s) };

	st->facts = (struct facts){ .looked_up = true, .by = *by };
	if (!parties_read(c, db, &n, st) || !license_fill(c, db, st) ||
	    !counts_read(c, s, db, machine, st))
		return false;
	st->facts.license = &st->license;
	times_fill(c, s, &st->facts);
	return true;
}

bool
standing_read(struct ctx *c, struct server *s, struct db *db, struct str vendor,
    struct str license, struct str machine, const struct id *by, struct standing *ret)
{
	ret->policy = (struct policy_row){ 0 };
	if (!license_by_id(c, db, vendor, license, &ret->row))
		return false;
	if (by->s[0] != '\0' && strcmp(by->s, ret->row.customer.s) != 0)
		return fail(c, E_ABSENT, "no such license");
	return license_read(c, s, db, by, machine, ret);
}

bool
standing_again(
    struct ctx *c, struct server *s, struct db *db, struct str machine, struct standing *st)
{
	struct id vendor = st->row.vendor, license = st->row.id, by = st->facts.by;

	return license_by_id(c, db, str_of(vendor.s), str_of(license.s), &st->row) &&
	    license_read(c, s, db, &by, machine, st);
}

bool
standing_new(struct ctx *c, struct server *s, struct db *db, const struct standing_new *n,
    struct standing *ret)
{
	ret->policy = (struct policy_row){ 0 };
	ret->facts = (struct facts){ .counted = true };
	if (!parties_read(c, db, n, ret))
		return false;
	times_fill(c, s, &ret->facts);
	return true;
}

bool
standing_new_again(struct ctx *c, struct server *s, struct db *db, struct standing *st)
{
	struct id vendor = st->policy.vendor, customer = st->customer.id,
		  policy = st->policy.id, release = st->release.id;
	const struct standing_new n = { str_of(vendor.s), str_of(customer.s), str_of(policy.s),
		str_of(release.s) };

	st->facts = (struct facts){ .counted = true };
	if (!parties_read(c, db, &n, st))
		return false;
	times_fill(c, s, &st->facts);
	return true;
}

/* ---- Deciding ------------------------------------------------------------------------------ */

bool
fail_verdict(struct ctx *c, const struct verdict *v)
{
	enum err_code code = verdict_answer(v->code) == ANSWER_NO ? E_REFUSED : E_UNDECIDED;
	bool ok = fail(c, code, "%s", verdict_sentence(v->code));

	c->err.name = verdict_wire(v->code);
	return ok;
}

bool
standing_decide(struct ctx *c, struct request *rq, const struct standing *st,
    enum action action, struct verdict *ret)
{
	struct verdict v = policy_decide(&st->facts, &st->terms, action);

	if (v.clock_back)
		rq->act.audit.detail = STR("{\"clock_back\":true}");
	if (verdict_answer(v.code) != ANSWER_YES)
		return fail_verdict(c, &v);
	*ret = v;
	return true;
}

/* ---- Showing ------------------------------------------------------------------------------- */

void
license_terms_json(struct js *j, const struct license_row *r)
{
	js_text(j, "customer", str_of(r->customer.s));
	js_text(j, "release", str_of(r->release.s));
	js_text(j, "policy", str_of(r->policy.s));
	js_text_or_null(j, "reference", r->reference);
	js_time(j, "not_before", r->not_before);
	js_time_or_null(j, "expires", r->expires);
	js_number(j, "seats", r->seats);
	js_raw(j, "entitlements", r->entitlements);
}

void
license_json(struct js *j, const struct license_row *r, bool token)
{
	js_open(j, NULL, '{');
	js_text(j, "id", str_of(r->id.s));
	license_terms_json(j, r);
	js_text(j, "state", str_of(license_state_name((enum license_state)r->state)));
	js_text_or_null(j, "reason", r->reason);
	js_time(j, "changed", r->changed);
	js_time(j, "issued", r->issued);
	js_number(j, "seats_used", r->seats_used);
	js_number(j, "unlocks", r->unlocks);
	js_text_or_null(j, "predecessor", str_of(r->predecessor.s));
	if (token)
		js_text(j, "token", r->token);
	js_close(j, '}');
}
