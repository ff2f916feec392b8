/*
 * New licenses: issued, or transferred to another customer. Names become ids, the facts are read
 * and decided upon, and the custodian signs, all before the act; in the act the facts are read and
 * decided upon once more, and what is inserted is what was signed.
 */
#include <stdio.h>

#include "claims.h"
#include "key_images.h"
#include "licenses.h"

struct issue_wanted {
	struct str customer, release, policy, reference;
	int64_t seats, not_before, expires; /* 0: not said */
	struct str_list entitlements;       /* v NULL: not said */
	bool dry_run;
	struct issue new;
};

/* clang-format off */
#define AT(member) offsetof(struct issue_wanted, member)
static const struct json_field issue_fields[] = {
	{ "customer",     FIELD_TEXT,   AT(customer), 1, 128, true },
	{ "release",      FIELD_TEXT,   AT(release),  1, ID_MAX, true },
	{ "policy",       FIELD_TEXT,   AT(policy),   1, 128, true },
	{ "reference",    FIELD_TEXT,   AT(reference), 0, 128 },
	{ "seats",        FIELD_NUMBER, AT(seats), 1, SEATS_MAX },
	{ "not_before",   FIELD_TIME,   AT(not_before) },
	{ "expires",      FIELD_TIME,   AT(expires) },
	{ "entitlements", FIELD_LIST,   AT(entitlements), 1, ENTITLEMENT_MAX },
	{ "dry_run",      FIELD_BOOL,   AT(dry_run) },
};
/* clang-format on */

/* ---- What both share ----------------------------------------------------------------------- */

void
issue_begin(struct ctx *c, struct request *rq, struct issue *n)
{
	struct standing *st = &n->st;

	st->row = (struct license_row){
		.id = id_new(c, "lic"),
		.vendor = rq->who.vendor,
		.customer = st->customer.id,
		.release = st->release.id,
		.policy = st->policy.id,
		.state = LICENSE_ACTIVE,
		.changed = c->now(),
		.issued = st->facts.now * 1000,
		.version = 1,
	};
}

bool
issue_sign(struct ctx *c, struct request *rq, struct db *db, struct issue *n)
{
	struct license_row *r = &n->st.row;
	struct keys_license wanted = {
		.release = &n->st.release, .license = str_of(r->id.s), .jwk = n->st.customer.jwk
	};
	struct buf out;
	struct js j = { &out, false };

	if (!claims_of(c, rq->server, db, &n->st, n->st.facts.now, NULL, &wanted.claims) ||
	    !keys_license(c, rq->server->keys, db, &wanted, &r->token, &r->wrap) ||
	    !license_event(c, r, &n->event) ||
	    !take_buf(c, r->token.n + r->entitlements.n + LICENSE_JSON_MAX, &out))
		return false;
	if (r->wrap.n > 0)
		r->wrapped_for = n->wrapped_for = n->st.customer.thumbprint;
	n->policy_version = n->st.policy.version;
	license_json(&j, r, true);
	n->body = buf_str(&out);
	return buf_ok(c, &out);
}

bool
issue_insert(struct ctx *c, struct request *rq, struct db *db, struct issue *n)
{
	struct license_row *r = &n->st.row;

	if (n->policy_version != n->st.policy.version)
		return fail(
		    c, E_BUSY, "what the license stands on has just changed: try again");
	if (!digest256_same(&n->wrapped_for, &n->st.customer.thumbprint)) {
		r->wrap = STR(""); /* for a key of before; the first unlock makes one */
		r->wrapped_for = (struct digest256){ 0 };
	}
	if (!license_insert(c, db, r) ||
	    !license_tell(c, rq, db, r, "license.issued", n->event) ||
	    !key_image_with_license(c, db, &n->st))
		return false;
	snprintf(rq->reply.location, sizeof rq->reply.location, "/v1/licenses/%s", r->id.s);
	reply_etag(rq, r->version, 0);
	rq->reply.status = 201;
	rq->reply.body = n->body;
	return true;
}

bool
customer_named(struct ctx *c, struct db *db, const struct id *vendor, struct str named,
    struct customer_row *ret)
{
	struct id id;
	bool by_id = id_parse(c, named, "cus", &id);

	if (by_id ? customer_by_id(c, db, str_of(vendor->s), named, ret)
		  : customer_by_name(c, db, str_of(vendor->s), named, ret))
		return true;
	return c->err.code == E_ABSENT
	    ? fail_at(c, E_ABSENT, "/customer", "there is no such customer")
	    : false;
}

MUST static bool
policy_named(struct ctx *c, struct db *db, const struct id *vendor, struct str named,
    struct policy_row *ret)
{
	struct id id;
	bool by_id = id_parse(c, named, "pol", &id);

	if (by_id ? policy_by_id(c, db, str_of(vendor->s), named, ret)
		  : policy_by_name(c, db, str_of(vendor->s), named, ret))
		return true;
	return c->err.code == E_ABSENT
	    ? fail_at(c, E_ABSENT, "/policy", "there is no such policy")
	    : false;
}

bool
entitlements_set(struct ctx *c, struct standing *st, const struct str_list *asked)
{
	const struct str_list *have = &st->terms.entitlements;
	struct buf out;
	struct js j = { &out, false };

	if (!take_buf(c, 2 + asked->n * (ENTITLEMENT_MAX + 3), &out))
		return false;
	js_open(&j, NULL, '[');
	for (size_t i = 0; i < asked->n; i++) {
		size_t k = 0;

		while (k < have->n && !str_same(asked->v[i], have->v[k]))
			k++;
		if (k == have->n)
			return fail_at(c, E_INPUT, "/entitlements",
			    "the policy has no entitlement \"%.*s\"", STRF(asked->v[i]));
		js_text(&j, NULL, asked->v[i]);
	}
	js_close(&j, ']');
	st->license.entitlements = *asked;
	st->row.entitlements = buf_str(&out);
	return buf_ok(c, &out);
}

/* ---- Issuing ------------------------------------------------------------------------------- */

static void
issue_ask(struct issue *n)
{
	struct facts *f = &n->st.facts;

	f->ask_seats = n->st.row.seats;
	f->ask_from = seconds_of(n->st.row.not_before);
	f->ask_until = seconds_of(n->st.row.expires);
}

/* Whole seconds: what the store has is what the license file says. */
MUST static bool
term_set(struct ctx *c, const struct issue_wanted *w, struct standing *st)
{
	struct license_row *r = &st->row;
	int64_t from = w->not_before != 0 ? seconds_of(w->not_before) : st->facts.now;
	int64_t until = seconds_of(w->expires);

	if (from < TIME_FIRST)
		return fail_at(
		    c, E_INPUT, "/not_before", "a license begins no earlier than in 2025");
	if (w->expires == 0 && st->terms.duration != 0)
		until = from + st->terms.duration;
	if (until > TIME_LAST)
		return fail_at(c, E_INPUT, "/expires", "a license ends before the year 10000");
	r->not_before = from * 1000;
	r->expires = until * 1000;
	return true;
}

/* There is no license: what there would be, on which terms. */
MUST static bool
dry_run_answer(
    struct ctx *c, struct request *rq, const struct issue *n, const struct verdict *v)
{
	struct buf out;
	struct js j = { &out, false };

	if (!take_buf(c, n->st.row.entitlements.n + LICENSE_JSON_MAX, &out))
		return false;
	js_open(&j, NULL, '{');
	js_bool(&j, "dry_run", true);
	js_text(&j, "code", str_of(verdict_wire(v->code)));
	js_text(&j, "detail", str_of(verdict_sentence(v->code)));
	license_terms_json(&j, &n->st.row);
	js_close(&j, '}');
	return reply_json(rq, 200, &out);
}

MUST static bool
reference_free(struct ctx *c, struct db *db, const struct license_row *r)
{
	struct license_row other;
	bool found = false;

	if (r->reference.n > 0 &&
	    !license_by_reference(c, db, str_of(r->vendor.s), r->reference, &found, &other))
		return false;
	return found
	    ? fail_at(c, E_CONFLICT, "/reference", "another license has this reference already")
	    : true;
}

static bool
issue_write(struct ctx *c, struct db *db, struct request *rq)
{
	struct issue_wanted *w = rq->arg;
	struct issue *n = &w->new;
	struct verdict v;

	rq->act.audit.object = str_of(w->dry_run ? "" : n->st.row.id.s);
	if (!standing_new_again(c, rq->server, db, &n->st))
		return false;
	issue_ask(n);
	if (!standing_decide(c, rq, &n->st, ACTION_ISSUE, &v))
		return false;
	if (!w->dry_run)
		return issue_insert(c, rq, db, n);
	rq->act.audit.detail = STR("{\"dry_run\":true}");
	return reference_free(c, db, &n->st.row) && dry_run_answer(c, rq, n, &v);
}

/* Who, what, on which terms: by what was asked for, else by the policy. */
MUST static bool
issue_fill(struct ctx *c, struct request *rq, struct db *db, struct issue_wanted *w)
{
	struct standing *st = &w->new.st;
	struct customer_row customer;
	struct policy_row policy;
	struct standing_new who = { .vendor = str_of(rq->who.vendor.s), .release = w->release };

	if (!customer_named(c, db, &rq->who.vendor, w->customer, &customer) ||
	    !policy_named(c, db, &rq->who.vendor, w->policy, &policy))
		return false;
	who.customer = str_of(customer.id.s);
	who.policy = str_of(policy.id.s);
	if (!standing_new(c, rq->server, db, &who, st))
		return c->err.code == E_ABSENT
		    ? fail_at(c, E_ABSENT, "/release", "there is no such release")
		    : false;
	issue_begin(c, rq, &w->new);
	st->row.reference = w->reference;
	st->row.seats = w->seats != 0 ? w->seats : st->terms.seats;
	return term_set(c, w, st) &&
	    entitlements_set(
		c, st, w->entitlements.v != NULL ? &w->entitlements : &st->terms.entitlements);
}

bool
licenses_post(struct ctx *c, struct request *rq)
{
	struct issue_wanted *w = take(c, sizeof *w);
	struct db *db;

	if (w == NULL || !json_decode(c, rq->body, issue_fields, COUNT(issue_fields), w) ||
	    !server_reader(c, rq->server, &db))
		return false;
	if (!issue_fill(c, rq, db, w))
		return refuse_in_act(c, rq);
	rq->arg = w;
	rq->write = issue_write;
	issue_ask(&w->new);
	if (w->dry_run ||
	    verdict_answer(
		policy_decide(&w->new.st.facts, &w->new.st.terms, ACTION_ISSUE).code) !=
		ANSWER_YES)
		return true;
	return issue_sign(c, rq, db, &w->new);
}

/* ---- Transferring -------------------------------------------------------------------------- */

struct transfer {
	struct str customer;
	struct standing old;
	int64_t version; /* of the old one, when the new one was made from it */
	struct issue new;
	struct str event;
};
static const struct json_field transfer_fields[] = {
	{ "customer", FIELD_TEXT, offsetof(struct transfer, customer), 1, 128, true },
};

static void
transfer_ask(struct transfer *t)
{
	struct facts *f = &t->old.facts;

	f->recipient = t->new.st.facts.customer;
	f->to = t->new.st.customer.id;
	f->others_copy = is_others_copy(&t->old.release, &f->to);
}

static bool
transfer_write(struct ctx *c, struct db *db, struct request *rq)
{
	struct transfer *t = rq->arg;
	struct str old = str_of(t->old.row.id.s);
	struct verdict v;
	int64_t n;

	if (!standing_again(c, rq->server, db, STR(""), &t->old) ||
	    !standing_new_again(c, rq->server, db, &t->new.st))
		return false;
	transfer_ask(t);
	if (!standing_decide(c, rq, &t->old, ACTION_TRANSFER, &v))
		return false;
	if (t->version != t->old.row.version)
		return fail(c, E_BUSY, "the license has just changed: try again");
	return license_state_put(c, db, &t->old.row, LICENSE_TRANSFERRED, STR(""), c->now(),
		   t->old.row.version) &&
	    lease_delete_all(c, db, old, &n) && issue_insert(c, rq, db, &t->new) &&
	    key_image_move(c, db, &t->old.row, &t->new.st.row) &&
	    license_tell(c, rq, db, &t->old.row, "license.transferred", t->event);
}

/* The new one has what is left of the old one. */
MUST static bool
transfer_fill(struct ctx *c, struct request *rq, struct db *db, struct transfer *t)
{
	static const struct id anybody = { "" };
	struct customer_row to;
	struct standing_new who = { .vendor = str_of(rq->who.vendor.s) };
	struct license_row *r = &t->new.st.row;
	const struct license_row *old = &t->old.row;

	if (!standing_read(
		c, rq->server, db, who.vendor, rq->param[0], STR(""), &anybody, &t->old) ||
	    !customer_named(c, db, &rq->who.vendor, t->customer, &to))
		return false;
	who.customer = str_of(to.id.s);
	who.policy = str_of(old->policy.s);
	who.release = str_of(old->release.s);
	if (!standing_new(c, rq->server, db, &who, &t->new.st))
		return false;
	issue_begin(c, rq, &t->new);
	r->not_before = old->not_before;
	r->expires = old->expires;
	r->seats = old->seats;
	r->entitlements = old->entitlements;
	r->predecessor = old->id;
	t->new.st.license.entitlements = t->old.license.entitlements;
	t->version = old->version;
	return license_event(c, old, &t->event);
}

bool
license_transfer_post(struct ctx *c, struct request *rq)
{
	struct transfer *t = take(c, sizeof *t);
	struct db *db;

	if (t == NULL ||
	    !json_decode(c, rq->body, transfer_fields, COUNT(transfer_fields), t) ||
	    !server_reader(c, rq->server, &db))
		return false;
	if (!transfer_fill(c, rq, db, t))
		return refuse_in_act(c, rq);
	rq->arg = t;
	rq->write = transfer_write;
	transfer_ask(t);
	if (verdict_answer(policy_decide(&t->old.facts, &t->old.terms, ACTION_TRANSFER).code) !=
	    ANSWER_YES)
		return true;
	return issue_sign(c, rq, db, &t->new);
}
