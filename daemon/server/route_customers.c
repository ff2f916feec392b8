/*
 * Customers: made with an enrolment code, which is shown once, listed, shown, renamed. What else is
 * done to them is in customer_acts.c, what they do themselves in route_enrolments.c.
 */
#include <stdio.h>

#include "customers.h"

/* ---- Showing ------------------------------------------------------------------------------- */

void
customer_json(struct js *j, const struct customer_row *r, const char *code)
{
	js_open(j, NULL, '{');
	js_text(j, "id", str_of(r->id.s));
	js_number(j, "number", r->number);
	js_text(j, "name", r->name);
	js_text_or_null(j, "email", r->email);
	js_text(j, "state", str_of(customer_state_names[r->state]));
	js_time_or_null(j, "enrolled", r->enrolled);
	if (r->jwk.n > 0)
		js_bytes(j, "key", r->thumbprint.b, sizeof r->thumbprint.b);
	else
		js_null(j, "key");
	js_time_or_null(j, "code_expires", r->code_spent == 0 ? r->code_expires : 0);
	js_time(j, "created", r->created);
	if (code != NULL)
		js_text(j, "code", str_of(code));
	js_close(j, '}');
}

bool
customer_reply(struct ctx *c, struct request *rq, int status, const struct customer_row *r,
    const char *code)
{
	struct buf out;
	struct js j = { &out, false };

	if (!take_buf(c, CUSTOMER_JSON_MAX, &out))
		return false;
	customer_json(&j, r, code);
	reply_etag(rq, r->version, 0);
	return reply_json(rq, status, &out);
}

bool
customer_event(struct ctx *c, struct db *db, const struct customer_row *r, const char *type)
{
	struct buf out;
	struct js j = { &out, false };
	bool any;

	if (!take_buf(c, 256, &out))
		return false;
	js_open(&j, NULL, '{');
	js_text(&j, "customer", str_of(r->id.s));
	js_number(&j, "number", r->number);
	js_close(&j, '}');
	return buf_ok(c, &out) &&
	    event_emit(c, db, str_of(r->vendor.s), type, str_of(r->id.s), buf_str(&out), &any);
}

/* ---- Codes ----------------------------------------------------------------------------------- */

bool
customer_code_new(struct ctx *c, int64_t hours, struct customer_code *ret)
{
	ret->expires = c->now() + hours * 3600 * 1000;
	return token_secret_new(c, "hmc_", &ret->secret, &ret->digest);
}

/* ---- Creating -------------------------------------------------------------------------------- */

struct customer_wanted {
	struct str name, email;
	int64_t hours;
	struct customer_row row;
	struct customer_code code;
};

/* clang-format off */
static const struct json_field fields[] = {
	{ "name",       FIELD_TEXT,   offsetof(struct customer_wanted, name),  1, 128, true },
	{ "email",      FIELD_TEXT,   offsetof(struct customer_wanted, email), 0, 254 },
	{ "code_hours", FIELD_NUMBER, offsetof(struct customer_wanted, hours), 1, CODE_HOURS_MAX },
};
static const struct json_field change_fields[] = {
	{ "name",  FIELD_TEXT, offsetof(struct customer_wanted, name),  1, 128 },
	{ "email", FIELD_TEXT, offsetof(struct customer_wanted, email), 0, 254 },
};
/* clang-format on */

/* Whether mail arrives there only mail can tell; what cannot be an address is a slip. */
MUST static bool
email_check(struct ctx *c, struct str email)
{
	struct str rest = email, local;
	bool at = str_cut(&rest, '@', &local);

	if (email.n == 0)
		return true;
	if (!at || local.n == 0 || rest.n == 0 || memchr(rest.p, '@', rest.n) != NULL ||
	    memchr(email.p, ' ', email.n) != NULL)
		return fail_at(c, E_INPUT, "/email", "not an address of the form name@domain");
	return true;
}

static bool
customer_write(struct ctx *c, struct db *db, struct request *rq)
{
	struct customer_wanted *w = rq->arg;

	rq->act.audit.object = str_of(w->row.id.s);
	if (!customer_insert(c, db, &w->row))
		return false;
	snprintf(
	    rq->reply.location, sizeof rq->reply.location, "/v1/customers/%s", w->row.id.s);
	return customer_reply(c, rq, 201, &w->row, w->code.secret.s);
}

bool
customers_post(struct ctx *c, struct request *rq)
{
	struct customer_wanted *w = take(c, sizeof *w);

	if (w == NULL)
		return false;
	w->hours = CODE_HOURS;
	if (!json_decode(c, rq->body, fields, COUNT(fields), w) || !email_check(c, w->email) ||
	    !customer_code_new(c, w->hours, &w->code))
		return false;
	w->row = (struct customer_row){ .id = id_new(c, "cus"),
		.vendor = rq->who.vendor,
		.name = w->name,
		.email = w->email,
		.code = w->code.digest,
		.code_expires = w->code.expires,
		.created = c->now() };
	rq->arg = w;
	rq->write = customer_write;
	return true;
}

/* ---- Reading --------------------------------------------------------------------------------- */

/* The one of that name, as a list. */
MUST static bool
named(struct ctx *c, struct db *db, struct request *rq, struct str name,
    struct customer_row **ret, size_t *ret_n)
{
	struct customer_row *r = take(c, sizeof *r);

	if (r == NULL)
		return false;
	*ret_n = 0;
	*ret = r;
	if (customer_by_name(c, db, str_of(rq->who.vendor.s), name, r)) {
		*ret_n = 1;
		return true;
	}
	return c->err.code == E_ABSENT;
}

MUST static bool
asked(struct ctx *c, struct db *db, struct request *rq, const struct page *page,
    struct customer_row **ret, size_t *ret_n)
{
	struct str name;

	if (!request_text(c, rq, "name", &name))
		return false;
	if (name.n == 0)
		return customer_list(
		    c, db, str_of(rq->who.vendor.s), page->after, page->limit + 1, ret, ret_n);
	return named(c, db, rq, name, ret, ret_n);
}

bool
customers_get(struct ctx *c, struct request *rq)
{
	struct customer_row *r;
	struct page page;
	struct db *db;
	struct buf out;
	struct js j = { &out, false };
	size_t n, shown;

	if (!request_page(c, rq, "cus", &page) || !server_reader(c, rq->server, &db) ||
	    !asked(c, db, rq, &page, &r, &n) || !take_buf(c, ANSWER_MAX, &out))
		return false;
	shown = list_begin(&j, &page, n);
	for (size_t i = 0; i < shown; i++)
		customer_json(&j, &r[i], NULL);
	return list_end(rq, &j, n > shown ? str_of(r[shown - 1].id.s) : STR(""));
}

/* A customer sees himself, and nobody else. */
bool
customer_get(struct ctx *c, struct request *rq)
{
	struct customer_row r;
	struct db *db;

	if (rq->proven != NULL && !str_same(rq->param[0], str_of(rq->who.id.s)))
		return fail(c, E_ABSENT, "no such customer");
	return server_reader(c, rq->server, &db) &&
	    customer_by_id(c, db, str_of(rq->who.vendor.s), rq->param[0], &r) &&
	    customer_reply(c, rq, 200, &r, NULL);
}

/* ---- Changing -------------------------------------------------------------------------------- */

static bool
change_write(struct ctx *c, struct db *db, struct request *rq)
{
	const struct customer_wanted *w = rq->arg;
	struct str vendor = str_of(rq->who.vendor.s);
	struct customer_row r;
	int64_t version;

	if (!request_version(c, rq, &version) ||
	    !customer_by_id(c, db, vendor, rq->param[0], &r))
		return false;
	if (r.state == CUSTOMER_ERASED)
		return fail(c, E_CONFLICT, "this customer was erased");
	if (w->name.p != NULL)
		r.name = w->name;
	if (w->email.p != NULL)
		r.email = w->email;
	return customer_rename(c, db, &r, version) &&
	    customer_by_id(c, db, vendor, rq->param[0], &r) &&
	    customer_reply(c, rq, 200, &r, NULL);
}

bool
customer_patch(struct ctx *c, struct request *rq)
{
	struct customer_wanted *w = take(c, sizeof *w);

	if (w == NULL || !json_decode(c, rq->body, change_fields, COUNT(change_fields), w) ||
	    !email_check(c, w->email))
		return false;
	rq->arg = w;
	rq->write = change_write;
	return true;
}
