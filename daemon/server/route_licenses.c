/*
 * Licenses, as they are: listed and shown, with the machines they are bound to and the approvals
 * they have. A customer sees his own.
 */
#include <stdio.h>

#include "licenses.h"

/* ---- Lists --------------------------------------------------------------------------------- */

MUST static bool
state_wanted(struct ctx *c, struct str word, int *ret)
{
	*ret = -1;
	if (word.n == 0)
		return true;
	for (int i = LICENSE_ACTIVE; i <= LICENSE_TRANSFERRED; i++)
		if (str_same(word, str_of(license_state_name((enum license_state)i)))) {
			*ret = i;
			return true;
		}
	return fail_at(
	    c, E_INPUT, "state", "state must be active, suspended, revoked or transferred");
}

MUST static bool
filter_read(struct ctx *c, struct request *rq, struct license_filter *ret)
{
	struct license_filter f = { .vendor = str_of(rq->who.vendor.s),
		.customer = request_query(rq, "customer"),
		.release = request_query(rq, "release") };

	if (rq->who.roles & ROLE_CUSTOMER) {
		if (f.customer.n > 0)
			return fail_at(c, E_INPUT, "customer", "a customer sees his own only");
		f.customer = str_of(rq->who.id.s);
	}
	if (f.customer.n > 0 && f.release.n > 0)
		return fail_at(c, E_INPUT, "release",
		    "licenses are listed by customer or by release, not by both");
	if (!state_wanted(c, request_query(rq, "state"), &f.state))
		return false;
	*ret = f;
	return true;
}

/* The address of the next page has what this one's had. */
static void
link_with_filter(struct request *rq, const struct license_filter *f)
{
	const char *at = strstr(rq->reply.link, "?cursor=");
	char link[sizeof rq->reply.link];
	struct buf b = BUF(link);

	if (at == NULL)
		return;
	buf_put(&b, (struct str){ rq->reply.link, (size_t)(at + 1 - rq->reply.link) });
	if (f->customer.n > 0 && (rq->who.roles & ROLE_CUSTOMER) == 0)
		buf_printf(&b, "customer=%.*s&", STRF(f->customer));
	if (f->release.n > 0)
		buf_printf(&b, "release=%.*s&", STRF(f->release));
	if (f->state >= 0)
		buf_printf(&b, "state=%s&", license_state_name((enum license_state)f->state));
	buf_put(&b, str_of(at + 1));
	buf_char(&b, '\0');
	if (b.full)
		link[0] = '\0';
	memcpy(rq->reply.link, link, b.full ? 1 : b.n);
}

MUST static bool
list_answer(struct ctx *c, struct request *rq, const struct license_filter *f,
    const struct license_row *r, size_t n, const struct page *page)
{
	struct buf out;
	struct js j = { &out, false };
	size_t shown, size = LICENSE_JSON_MAX;

	for (size_t i = 0; i < n; i++)
		size += r[i].entitlements.n + LICENSE_JSON_MAX;
	if (!take_buf(c, size, &out))
		return false;
	shown = list_begin(&j, page, n);
	for (size_t i = 0; i < shown; i++)
		license_json(&j, &r[i], false);
	if (!list_end(rq, &j, n > shown ? str_of(r[shown - 1].id.s) : STR("")))
		return false;
	link_with_filter(rq, f);
	return true;
}

bool
licenses_get(struct ctx *c, struct request *rq)
{
	struct str reference;
	struct license_filter f;
	struct license_row *r;
	struct page page;
	struct db *db;
	bool found;
	size_t n;

	if (!request_page(c, rq, "lic", &page) || !filter_read(c, rq, &f) ||
	    !request_text(c, rq, "reference", &reference) || !server_reader(c, rq->server, &db))
		return false;
	if (reference.n == 0)
		return license_list(c, db, &f, page.after, page.limit + 1, &r, &n) &&
		    list_answer(c, rq, &f, r, n, &page);
	r = take(c, sizeof *r);
	if (r == NULL || !license_by_reference(c, db, f.vendor, reference, &found, r))
		return false;
	found = found && (f.customer.n == 0 || str_same(f.customer, str_of(r->customer.s))) &&
	    (f.release.n == 0 || str_same(f.release, str_of(r->release.s))) &&
	    (f.state < 0 || f.state == r->state);
	return list_answer(c, rq, &f, r, found, &page);
}

/* ---- One ----------------------------------------------------------------------------------- */

MUST static bool
find(struct ctx *c, struct request *rq, struct db **ret_db, struct license_row *ret)
{
	if (!server_reader(c, rq->server, ret_db) ||
	    !license_by_id(c, *ret_db, str_of(rq->who.vendor.s), rq->param[0], ret))
		return false;
	if (rq->who.roles & ROLE_CUSTOMER && strcmp(ret->customer.s, rq->who.id.s) != 0)
		return fail(c, E_ABSENT, "no such license");
	return true;
}

bool
license_get(struct ctx *c, struct request *rq)
{
	struct license_row r;
	struct db *db;
	struct buf out;
	struct js j = { &out, false };

	if (!find(c, rq, &db, &r) ||
	    !take_buf(c, r.token.n + r.entitlements.n + LICENSE_JSON_MAX, &out))
		return false;
	license_json(&j, &r, true);
	reply_etag(rq, r.version, 0);
	return reply_json(rq, 200, &out);
}

/* ---- Machines ------------------------------------------------------------------------------ */

static void
machine_json(struct js *j, struct str text, const struct fingerprint *f)
{
	unsigned seen = 0;

	js_open(j, NULL, '{');
	js_open(j, "components", '[');
	for (size_t i = 0; i < f->n; i++) {
		unsigned bit = 1u << f->part[i].component;

		if ((seen & bit) == 0)
			js_text(j, NULL,
			    str_of(component_name((enum component)f->part[i].component)));
		seen |= bit;
	}
	js_close(j, ']');
	js_bytes(j, "fingerprint", text.p, text.n);
	js_close(j, '}');
}

bool
license_machines_get(struct ctx *c, struct request *rq)
{
	struct license_row r;
	struct fingerprint f;
	struct str *text;
	struct db *db;
	struct buf out;
	struct js j = { &out, false };
	size_t n;

	if (!find(c, rq, &db, &r) || !machine_list(c, db, str_of(r.id.s), &text, &n) ||
	    !take_buf(c, 64 + n * (2 * FINGERPRINT_MAX), &out))
		return false;
	js_open(&j, NULL, '{');
	js_open(&j, "items", '[');
	for (size_t i = 0; i < n; i++) {
		if (!fingerprint_read(c, text[i], &f))
			return false;
		machine_json(&j, text[i], &f);
	}
	js_close(&j, ']');
	js_close(&j, '}');
	return reply_json(rq, 200, &out);
}

static bool
machines_write(struct ctx *c, struct db *db, struct request *rq)
{
	struct license_row r;
	struct buf out;
	struct js j = { &out, false };
	int64_t n;

	if (!license_by_id(c, db, str_of(rq->who.vendor.s), rq->param[0], &r) ||
	    !machine_release(c, db, str_of(r.id.s), STR(""), &n) || !take_buf(c, 64, &out))
		return false;
	js_open(&j, NULL, '{');
	js_number(&j, "released", n);
	js_close(&j, '}');
	return reply_json(rq, 200, &out);
}

bool
license_machines_delete(struct ctx *c, struct request *rq)
{
	struct id id;

	rq->write = machines_write;
	return id_parse(c, rq->param[0], "lic", &id);
}
