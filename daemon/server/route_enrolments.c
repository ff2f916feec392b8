/*
 * What a customer does about his key: enrolls with a code that is good for one key, and puts
 * another key in the place of the one he has. Either way he proves that he holds the new key. A
 * code is given again with the same key when an answer was lost; with another key it is an alarm.
 */
#include "customers.h"
#include "license.h"
#include "proofs.h"

struct key_wanted {
	struct str code, jwk, proof; /* the jwk in its canonical form, once read */
	struct str kid;
	struct digest256 thumbprint, code_digest;
	struct customer_row row;
};

MUST static bool
key_read(struct ctx *c, struct key_wanted *w, struct ec_key **ret)
{
	owned(ec_key_free) struct ec_key *key = NULL;
	struct buf canonical, kid;

	if (!ec_key_from_jwk(c, w->jwk, &key) || !take_buf(c, JWK_MAX, &canonical) ||
	    !take_buf(c, 48, &kid))
		return false;
	w->thumbprint = ec_key_thumbprint(key);
	ec_key_to_jwk(&canonical, key);
	base64url_put(&kid, w->thumbprint.b, sizeof w->thumbprint.b);
	w->jwk = buf_str(&canonical);
	w->kid = buf_str(&kid);
	*ret = steal(key);
	return buf_ok(c, &canonical) && buf_ok(c, &kid);
}

static void
key_changed(struct request *rq)
{
	proofs_forget(rq->server->proofs);
}

/* ---- Enrolment ----------------------------------------------------------------------------- */

static const struct json_field enrolment_fields[] = {
	{ "code", FIELD_TEXT, offsetof(struct key_wanted, code), 1, 64, true },
	{ "jwk", FIELD_OBJECT, offsetof(struct key_wanted, jwk), .required = true },
};

/* Never was, is over, or belongs to nobody any more: which of them is nobody's business. */
MUST static bool
unknown(struct ctx *c)
{
	return fail_named(c, E_DENIED, "CODE_UNKNOWN",
	    "this enrolment code is not, or no longer, good: ask the vendor for another");
}

MUST static bool
reply_enrolled(struct ctx *c, struct db *db, struct request *rq, const struct customer_row *r,
    const struct vendor *vendor)
{
	struct buf out;
	struct js j = { &out, false };

	if (!take_buf(c, KEYS_JSON_MAX + 1024, &out))
		return false;
	js_open(&j, NULL, '{');
	js_text(&j, "customer", str_of(r->id.s));
	js_open(&j, "vendor", '{');
	js_text(&j, "id", str_of(vendor->id.s));
	js_text(&j, "name", vendor->name);
	js_close(&j, '}');
	if (!keys_json(c, db, "keys", &j))
		return false;
	js_time(&j, "time", c->now());
	js_close(&j, '}');
	return reply_json(rq, 200, &out);
}

/* The first key of the code, or the same again. */
MUST static bool
redeem(struct ctx *c, struct db *db, struct request *rq, const struct key_wanted *w)
{
	const struct customer_row *r = &w->row;

	if (r->code_spent != 0 && digest256_same(&r->thumbprint, &w->thumbprint)) {
		rq->act.audit.detail = STR("{\"replayed\":true}");
		return true;
	}
	if (r->code_spent != 0) {
		rq->act.audit.detail = STR("{\"alarm\":true}");
		return fail_named(c, E_DENIED, "CODE_SPENT",
		    "this enrolment code was used already, with another key: "
		    "if that was not you, tell the vendor; ask for another");
	}
	if (r->code_expires <= c->now())
		return unknown(c);
	return customer_key_put(
		   c, db, str_of(r->id.s), w->jwk, &w->thumbprint, c->now(), true) &&
	    customer_event(
		c, db, r, r->jwk.n > 0 ? "customer.key_replaced" : "customer.enrolled");
}

static bool
enrolment_write(struct ctx *c, struct db *db, struct request *rq)
{
	struct key_wanted *w = rq->arg;
	struct vendor vendor;
	bool found;

	if (!customer_by_code(c, db, &w->code_digest, &found, &w->row))
		return false;
	if (!found)
		return unknown(c);
	rq->act.audit.vendor = str_of(w->row.vendor.s);
	rq->act.audit.object = str_of(w->row.id.s);
	if (!vendor_by_id(c, db, str_of(w->row.vendor.s), &vendor))
		return false;
	if (vendor.suspended)
		return fail_named(c, E_REFUSED, verdict_wire(V_VENDOR_SUSPENDED), "%s",
		    verdict_sentence(V_VENDOR_SUSPENDED));
	if (!redeem(c, db, rq, w))
		return false;
	rq->act.audit.actor = str_of(w->row.id.s);
	return reply_enrolled(c, db, rq, &w->row, &vendor);
}

MUST static bool
key_proven(struct ctx *c, struct request *rq, struct key_wanted *w, struct proven *ret)
{
	owned(ec_key_free) struct ec_key *key = NULL;
	struct proven proven;
	struct str jws, kid;

	if (!proof_header(rq, &jws))
		return fail(c, E_AUTH, "a proof by the key that is to be enrolled is wanted");
	if (!key_read(c, w, &key))
		return false;
	if (!proof_peek(c, jws, &kid) || !str_same(kid, w->kid))
		return fail(c, E_AUTH, "the proof's kid must be the key's thumbprint");
	if (!proof_by(c, rq, key, jws, &proven) || !proof_body(c, rq, &proven))
		return false;
	*ret = proven;
	return true;
}

/* What the writer need not be asked about. */
MUST static bool
code_known(struct ctx *c, struct request *rq, const struct key_wanted *w)
{
	struct customer_row r;
	struct db *db;
	bool found;

	if (!server_reader(c, rq->server, &db) ||
	    !customer_by_code(c, db, &w->code_digest, &found, &r))
		return false;
	return found && (r.code_spent != 0 || r.code_expires > c->now()) ? true : unknown(c);
}

/* Somebody who tries codes, or proofs, is slowed down as one who tries tokens. */
MUST static bool
failure_count(struct ctx *c, struct request *rq)
{
	struct err why = c->err;

	if ((why.code == E_AUTH && why.name == NULL) || why.code == E_DENIED) {
		if (!limit_take(c, rq->server->limits, LIMIT_FAILURE, str_of(rq->address),
			&rq->reply.retry_after))
			return false;
	}
	c->err = why;
	return false;
}

/* The nonce is used last: who has no code takes no place among those that were used. */
bool
enrolments_post(struct ctx *c, struct request *rq)
{
	struct key_wanted *w = take(c, sizeof *w);
	struct proven proven;

	if (w == NULL || !proof_fresh(c, rq) ||
	    !limit_look(c, rq->server->limits, LIMIT_FAILURE, str_of(rq->address),
		&rq->reply.retry_after) ||
	    !json_decode(c, rq->body, enrolment_fields, COUNT(enrolment_fields), w))
		return false;
	if (!key_proven(c, rq, w, &proven) || !sha256(c, w->code, &w->code_digest) ||
	    !code_known(c, rq, w) || !proof_use(c, rq, &proven))
		return failure_count(c, rq);
	rq->arg = w;
	rq->write = enrolment_write;
	rq->after = key_changed;
	return true;
}

/* ---- Another key --------------------------------------------------------------------------- */

static const struct json_field key_fields[] = {
	{ "jwk", FIELD_OBJECT, offsetof(struct key_wanted, jwk), .required = true },
	{ "proof", FIELD_TEXT, offsetof(struct key_wanted, proof), 1, PROOF_MAX, true },
};

/* The holder of the new key says so with the nonce of this request. */
MUST static bool
new_key_proven(struct ctx *c, struct request *rq, struct key_wanted *w)
{
	owned(ec_key_free) struct ec_key *key = NULL;
	struct digest256 empty;
	struct proof p;

	if (!key_read(c, w, &key) || !sha256(c, STR(""), &empty))
		return false;
	if (!proof_read(c, key, w->proof, &p) || !str_same(p.method, rq->method) ||
	    !str_same(p.path, rq->target) || !str_same(p.nonce, rq->proven->nonce_text) ||
	    !digest256_same(&p.body, &empty))
		return fail_at(c, E_INPUT, "/proof",
		    "not a proof by the new key, with this request's method, path and nonce, "
		    "and an empty body");
	return true;
}

static bool
key_write(struct ctx *c, struct db *db, struct request *rq)
{
	struct str vendor = str_of(rq->who.vendor.s), id = str_of(rq->who.id.s);
	const struct key_wanted *w = rq->arg;
	struct customer_row r;

	if (!customer_by_id(c, db, vendor, id, &r))
		return false;
	if (!digest256_same(&r.thumbprint, &rq->proven->key))
		return fail(c, E_AUTH, "the key was replaced meanwhile");
	if (digest256_same(&r.thumbprint, &w->thumbprint))
		return customer_reply(c, rq, 200, &r, NULL);
	return customer_key_put(c, db, id, w->jwk, &w->thumbprint, c->now(), false) &&
	    customer_event(c, db, &r, "customer.key_replaced") &&
	    customer_by_id(c, db, vendor, id, &r) && customer_reply(c, rq, 200, &r, NULL);
}

bool
customer_rekey(struct ctx *c, struct request *rq)
{
	struct key_wanted *w = take(c, sizeof *w);

	if (!str_same(rq->param[0], str_of(rq->who.id.s)))
		return fail(c, E_ABSENT, "no such customer");
	if (w == NULL || !json_decode(c, rq->body, key_fields, COUNT(key_fields), w) ||
	    !new_key_proven(c, rq, w))
		return false;
	rq->arg = w;
	rq->write = key_write;
	rq->after = key_changed;
	return true;
}
