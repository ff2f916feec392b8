/*
 * Policies: terms that many licenses share. Their terms are members beside the name; what is not
 * said is as in policy_standard, and all of it is kept, so that a policy means tomorrow what it
 * means today.
 */
#include <stdio.h>

#include "license.h"
#include "request.h"

enum { POLICY_JSON_MAX = 512, TERMS_MAX = 16 << 10 };

struct policy_wanted {
	struct str name; /* empty: not said */
	bool retired, says_retired;
	struct json_part *term; /* members that are terms */
	size_t terms;
	struct policy_row row;
};

/* clang-format off */
static const struct json_field own_fields[] = {
	{ "name",    FIELD_TEXT, offsetof(struct policy_wanted, name), 1, 128 },
	{ "retired", FIELD_BOOL, offsetof(struct policy_wanted, retired) },
};
/* clang-format on */

/* ---- Showing ------------------------------------------------------------------------------- */

static void
policy_json(struct js *j, const struct policy_row *r)
{
	js_open(j, NULL, '{');
	js_text(j, "id", str_of(r->id.s));
	js_text(j, "name", r->name);
	/* The members of the terms' own object, without its braces. */
	buf_char(j->out, ',');
	buf_put(j->out, (struct str){ r->terms.p + 1, r->terms.n - 2 });
	js_bool(j, "retired", r->retired);
	js_time(j, "created", r->created);
	js_close(j, '}');
}

MUST static bool
policy_answer(struct ctx *c, struct request *rq, int status, const struct policy_row *r)
{
	struct buf out;
	struct js j = { &out, false };

	if (!take_buf(c, r->terms.n + r->name.n * 2 + POLICY_JSON_MAX, &out))
		return false;
	policy_json(&j, r);
	reply_etag(rq, r->version, 0);
	return reply_json(rq, status, &out);
}

bool
policies_get(struct ctx *c, struct request *rq)
{
	struct policy_row *r;
	struct page page;
	struct db *db;
	struct buf out;
	struct js j = { &out, false };
	size_t shown, n, size = POLICY_JSON_MAX;

	if (!request_page(c, rq, "pol", &page) || !server_reader(c, rq->server, &db) ||
	    !policy_list(c, db, str_of(rq->who.vendor.s), page.after, page.limit + 1, &r, &n))
		return false;
	for (size_t i = 0; i < n; i++)
		size += r[i].terms.n + r[i].name.n * 2 + POLICY_JSON_MAX;
	if (!take_buf(c, size, &out))
		return false;
	shown = list_begin(&j, &page, n);
	for (size_t i = 0; i < shown; i++)
		policy_json(&j, &r[i]);
	return list_end(rq, &j, n > shown ? str_of(r[shown - 1].id.s) : STR(""));
}

bool
policy_get(struct ctx *c, struct request *rq)
{
	struct policy_row r;
	struct db *db;

	return server_reader(c, rq->server, &db) &&
	    policy_by_id(c, db, str_of(rq->who.vendor.s), rq->param[0], &r) &&
	    policy_answer(c, rq, 200, &r);
}

/* ---- What a body says ---------------------------------------------------------------------- */

static void
part_put(struct js *j, const char *key, const struct json_part *p)
{
	if (p->kind == KIND_TEXT)
		js_text(j, key, p->value);
	else
		js_raw(j, key, p->value);
}

static bool
is_object(struct str json)
{
	size_t i = 0;

	while (i < json.n && memchr(" \t\r\n", json.p[i], 4) != NULL)
		i++;
	return i < json.n && json.p[i] == '{';
}

/* The members that are the policy's own are decoded, those that are terms set aside. */
MUST static bool
body_read(struct ctx *c, struct str body, struct policy_wanted *w)
{
	struct json_part *part;
	struct buf own;
	struct js j = { &own, false };
	size_t n;

	if (!json_split(c, body, &part, &n) || !take_buf(c, 2 * body.n + 16, &own))
		return false;
	if (!is_object(body))
		return fail(c, E_JSON, "a JSON object is wanted");
	w->term = part;
	js_open(&j, NULL, '{');
	for (size_t i = 0; i < n; i++) {
		bool retired = str_same(part[i].key, STR("retired"));

		if (retired || str_same(part[i].key, STR("name")))
			part_put(&j, retired ? "retired" : "name", &part[i]);
		else
			part[w->terms++] = part[i];
		w->says_retired |= retired;
	}
	js_close(&j, '}');
	return buf_ok(c, &own) &&
	    json_decode(c, buf_str(&own), own_fields, COUNT(own_fields), w);
}

/* Terms as they were (or {}), with those of the body in their place; null: as standard. */
MUST static bool
terms_merge(struct ctx *c, const struct policy_wanted *w, struct str before, struct str *ret)
{
	struct json_part *old, over;
	struct buf merged, out;
	struct js j = { &merged, false }, k = { &out, false };
	struct policy p;
	size_t n;

	if (!json_split(c, before, &old, &n) ||
	    !take_buf(c, before.n + 2 * BODY_MAX + 64, &merged) ||
	    !take_buf(c, TERMS_MAX, &out))
		return false;
	js_open(&j, NULL, '{');
	for (size_t i = 0; i < n; i++) {
		const char *key = take_cstr(c, old[i].key);

		if (key == NULL)
			return false;
		if (!json_find(w->term, w->terms, key, &over))
			part_put(&j, key, &old[i]);
	}
	for (size_t i = 0; i < w->terms; i++) {
		const char *key = take_cstr(c, w->term[i].key);

		if (key == NULL)
			return false;
		if (w->term[i].kind != KIND_NULL)
			part_put(&j, key, &w->term[i]);
	}
	js_close(&j, '}');
	if (!buf_ok(c, &merged) || !policy_decode(c, buf_str(&merged), &p))
		return false;
	policy_put(&k, NULL, &p);
	*ret = buf_str(&out);
	return buf_ok(c, &out);
}

/* ---- Creating ------------------------------------------------------------------------------ */

static bool
policy_write(struct ctx *c, struct db *db, struct request *rq)
{
	struct policy_wanted *w = rq->arg;

	rq->act.audit.object = str_of(w->row.id.s);
	snprintf(rq->reply.location, sizeof rq->reply.location, "/v1/policies/%s", w->row.id.s);
	return policy_insert(c, db, &w->row) && policy_answer(c, rq, 201, &w->row);
}

bool
policies_post(struct ctx *c, struct request *rq)
{
	struct policy_wanted *w = take(c, sizeof *w);

	if (w == NULL || !body_read(c, rq->body, w) ||
	    !terms_merge(c, w, STR("{}"), &w->row.terms))
		return false;
	if (w->name.n == 0)
		return fail_at(c, E_INPUT, "/name", "name is missing");
	w->row.id = id_new(c, "pol");
	w->row.vendor = rq->who.vendor;
	w->row.name = w->name;
	w->row.retired = w->retired;
	w->row.created = c->now();
	w->row.version = 1;
	rq->arg = w;
	rq->write = policy_write;
	return true;
}

/* ---- Changing ------------------------------------------------------------------------------ */

/* What k tokens are wanted for is not one issuer's to do without. */
MUST static bool
approvals_kept(struct ctx *c, const struct request *rq, struct str before, struct str after)
{
	struct policy was, is;

	if (!policy_decode(c, before, &was) || !policy_decode(c, after, &is))
		return false;
	return is.approvals >= was.approvals || rq->who.roles & ROLE_ADMIN
	    ? true
	    : fail(c, E_DENIED, "to ask for fewer approvals takes an admin's token");
}

static bool
patch_write(struct ctx *c, struct db *db, struct request *rq)
{
	struct policy_wanted *w = rq->arg;
	struct policy_row *r = &w->row;
	struct str vendor = str_of(rq->who.vendor.s), before;
	int64_t version;

	if (!request_version(c, rq, &version) || !policy_by_id(c, db, vendor, rq->param[0], r))
		return false;
	before = r->terms;
	if (!terms_merge(c, w, before, &r->terms) || !approvals_kept(c, rq, before, r->terms))
		return false;
	if (w->name.n > 0)
		r->name = w->name;
	if (w->says_retired)
		r->retired = w->retired;
	return policy_change(c, db, r, version) &&
	    policy_by_id(c, db, vendor, rq->param[0], r) && policy_answer(c, rq, 200, r);
}

bool
policy_patch(struct ctx *c, struct request *rq)
{
	struct policy_wanted *w = take(c, sizeof *w);

	rq->arg = w;
	rq->write = patch_write;
	return w != NULL && body_read(c, rq->body, w);
}

static bool
delete_write(struct ctx *c, struct db *db, struct request *rq)
{
	int64_t version;

	rq->reply.status = 204;
	return request_version(c, rq, &version) &&
	    policy_delete(c, db, str_of(rq->who.vendor.s), rq->param[0], version);
}

bool
policy_erase(struct ctx *c, struct request *rq)
{
	struct id id;

	rq->write = delete_write;
	return id_parse(c, rq->param[0], "pol", &id);
}
