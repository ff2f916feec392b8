/*
 * vendor and token: who may use the daemon. Every change is one act with its audit row; what the
 * HTTP side remembers of tokens is forgotten before the answer leaves.
 */
#include <stdio.h>

#include "admin.h"
#include "roles.h"

enum { DETAIL_MAX = 1024 };
#define YEAR_MS (INT64_C(365) * 86400000)

/* ---- vendor create --------------------------------------------------------------------------- */

struct vendor_act {
	struct act act;
	struct vendor vendor;
	struct vendor_key_row key;
	struct str word; /* as it was typed */
	bool suspended;
};

MUST static bool
vendor_row(struct ctx *c, struct call *call, const struct vendor *v)
{
	struct js j;

	call_row_open(call, &j);
	js_text(&j, "id", str_of(v->id.s));
	js_text(&j, "name", v->name);
	js_bool(&j, "suspended", v->suspended);
	js_time(&j, "created", v->created);
	return call_row_send(c, call, &j);
}

/* {"name": …}, for the audit. */
MUST static bool
name_detail(struct ctx *c, struct str name, struct str *ret)
{
	struct buf b;
	struct js j = { &b };

	if (!take_buf(c, DETAIL_MAX, &b))
		return false;
	js_open(&j, NULL, '{');
	js_text(&j, "name", name);
	js_close(&j, '}');
	*ret = buf_str(&b);
	return buf_ok(c, &b);
}

static bool
vendor_create(struct ctx *c, struct db *db, struct act *act)
{
	struct vendor_act *v = (struct vendor_act *)(void *)act;

	return vendor_insert(c, db, &v->vendor) && vendor_key_insert(c, db, &v->key);
}

bool
admin_vendor_create(struct ctx *c, struct call *call)
{
	struct vendor_act v = { .vendor = { .name = call->parsed.arg[0] } };
	struct id id;

	if (id_parse(c, v.vendor.name, "ven", &id))
		return fail(
		    c, E_INPUT, "a name that looks like an id would be mistaken for one");
	c->err = (struct err){ 0 };
	v.vendor.id = id_new(c, "ven");
	v.vendor.created = c->now();
	v.vendor.version = 1;
	v.act.audit.vendor = v.act.audit.object = str_of(v.vendor.id.s);
	return name_detail(c, v.vendor.name, &v.act.audit.detail) &&
	    keys_vendor_new(c, call->server->keys, str_of(v.vendor.id.s), &v.key) &&
	    call_do(c, call, &v.act, vendor_create) && vendor_row(c, call, &v.vendor);
}

/* ---- vendor list, suspend, resume ------------------------------------------------------------ */

bool
admin_vendor_list(struct ctx *c, struct call *call)
{
	struct vendor *v;
	struct id after = { 0 };
	struct db *db;
	size_t n = ADMIN_PAGE;

	if (!server_reader(c, call->server, &db) || !call_account(c, call))
		return false;
	while (n == ADMIN_PAGE) {
		if (!vendor_list(c, db, str_of(after.s), ADMIN_PAGE, &v, &n))
			return false;
		for (size_t i = 0; i < n; i++) {
			after = v[i].id;
			if (!vendor_row(c, call, &v[i]))
				return false;
		}
	}
	return true;
}

static bool
suspension_put(struct ctx *c, struct db *db, struct act *act)
{
	struct vendor_act *v = (struct vendor_act *)(void *)act;

	if (!call_vendor(c, db, v->word, &v->vendor))
		return false;
	act->audit.vendor = act->audit.object = str_of(v->vendor.id.s);
	if (v->vendor.suspended == v->suspended)
		return fail(c, E_CONFLICT, "the vendor is %s already",
		    v->suspended ? "suspended" : "active");
	v->vendor.suspended = v->suspended;
	return vendor_suspend(c, db, str_of(v->vendor.id.s), v->suspended);
}

MUST static bool
suspension(struct ctx *c, struct call *call, bool suspended)
{
	struct vendor_act v = { .word = call->parsed.arg[0], .suspended = suspended };
	struct db *db;

	if (call_option(call, "--dry-run", NULL)) {
		snprintf(call->note, sizeof call->note, "nothing was changed (--dry-run)");
		return server_reader(c, call->server, &db) &&
		    call_vendor(c, db, v.word, &v.vendor) && call_account(c, call) &&
		    vendor_row(c, call, &v.vendor);
	}
	if (!call_do(c, call, &v.act, suspension_put))
		return false;
	authority_forget(call->server->authority);
	return vendor_row(c, call, &v.vendor);
}

bool
admin_vendor_suspend(struct ctx *c, struct call *call)
{
	return suspension(c, call, true);
}

bool
admin_vendor_resume(struct ctx *c, struct call *call)
{
	return suspension(c, call, false);
}

/* ---- token ----------------------------------------------------------------------------------- */

struct token_act {
	struct act act;
	struct token token;
	struct str vendor, id; /* as typed */
	int64_t now;
};

static void
roles_put(struct js *j, unsigned roles)
{
	js_open(j, "roles", '[');
	for (unsigned i = 0; i < ROLES; i++)
		if ((roles & 1u << i) != 0)
			js_text(j, NULL, str_of(role_names[i]));
	js_close(j, ']');
}

MUST static bool
token_row(struct ctx *c, struct call *call, const struct token *t, const char *secret)
{
	struct js j;

	call_row_open(call, &j);
	js_text(&j, "id", str_of(t->id.s));
	js_text(&j, "vendor", str_of(t->vendor.s));
	js_text(&j, "name", t->name);
	roles_put(&j, t->roles);
	js_time(&j, "created", t->created);
	call_time(&j, "expires", t->expires);
	call_time(&j, "revoked", t->revoked);
	if (secret != NULL)
		js_text(&j, "secret", str_of(secret));
	return call_row_send(c, call, &j);
}

MUST static bool
token_detail(struct ctx *c, const struct token *t, struct str *ret)
{
	struct buf b;
	struct js j = { &b };

	if (!take_buf(c, DETAIL_MAX, &b))
		return false;
	js_open(&j, NULL, '{');
	js_text(&j, "name", t->name);
	roles_put(&j, t->roles);
	call_time(&j, "expires", t->expires);
	js_close(&j, '}');
	*ret = buf_str(&b);
	return buf_ok(c, &b);
}

/* --role may come several times, each with several roles. */
MUST static bool
roles_option(struct ctx *c, const struct call *call, unsigned *ret)
{
	struct str word[4 * GRAMMAR_OPTIONS], rest = STR("");
	struct str_list list = { word, 0 };

	if (!call_option(call, "--role", &rest)) {
		*ret = ROLE_ALL;
		return true;
	}
	while (rest.n > 0 && list.n < COUNT(word))
		(void)str_cut(&rest, ',', &word[list.n++]);
	return roles_parse(c, &list, "--role", ret);
}

static bool
token_create(struct ctx *c, struct db *db, struct act *act)
{
	struct token_act *t = (struct token_act *)(void *)act;
	struct vendor v;

	if (!call_vendor(c, db, t->vendor, &v))
		return false;
	t->token.vendor = v.id;
	act->audit.vendor = str_of(t->token.vendor.s);
	return token_insert(c, db, &t->token);
}

static void
secret_done(struct token_secret *s)
{
	explicit_bzero(s, sizeof *s);
}

bool
admin_token_create(struct ctx *c, struct call *call)
{
	owned(secret_done) struct token_secret secret = { 0 };
	struct token_act t = { .vendor = call->parsed.arg[0] };
	struct str expires;

	t.token.name = STR("hallmarkctl");
	(void)call_option(call, "--name", &t.token.name);
	t.token.created = c->now();
	t.token.expires = t.token.created + YEAR_MS;
	t.token.version = 1;
	t.token.id = id_new(c, "tok");
	if (!roles_option(c, call, &t.token.roles))
		return false;
	if (call_option(call, "--expires", &expires) &&
	    !grammar_time(c, expires, &t.token.expires))
		return false;
	if (t.token.expires != 0 && t.token.expires <= c->now())
		return fail_at(c, E_INPUT, "--expires", "the token would have ended already");
	t.act.audit.object = str_of(t.token.id.s);
	return token_detail(c, &t.token, &t.act.audit.detail) &&
	    token_secret_new(c, TOKEN_PREFIX, &secret, &t.token.digest) &&
	    call_do(c, call, &t.act, token_create) && token_row(c, call, &t.token, secret.s);
}

bool
admin_token_list(struct ctx *c, struct call *call)
{
	struct vendor v;
	struct token *t;
	struct id after = { 0 };
	struct db *db;
	size_t n = ADMIN_PAGE;

	if (!server_reader(c, call->server, &db) ||
	    !call_vendor(c, db, call->parsed.arg[0], &v))
		return false;
	call_concerns(call, &v.id);
	if (!call_account(c, call))
		return false;
	while (n == ADMIN_PAGE) {
		if (!token_list(c, db, str_of(v.id.s), str_of(after.s), ADMIN_PAGE, &t, &n))
			return false;
		for (size_t i = 0; i < n; i++) {
			after = t[i].id;
			if (!token_row(c, call, &t[i], NULL))
				return false;
		}
	}
	return true;
}

static bool
token_end(struct ctx *c, struct db *db, struct act *act)
{
	struct token_act *t = (struct token_act *)(void *)act;
	struct vendor v;

	if (!call_vendor(c, db, t->vendor, &v))
		return false;
	t->token.vendor = v.id;
	act->audit.vendor = str_of(t->token.vendor.s);
	return token_revoke(c, db, str_of(v.id.s), t->id, 0, t->now) &&
	    token_by_id(c, db, str_of(v.id.s), t->id, &t->token);
}

bool
admin_token_revoke(struct ctx *c, struct call *call)
{
	struct token_act t = {
		.vendor = call->parsed.arg[0], .id = call->parsed.arg[1], .now = c->now()
	};
	struct vendor v;
	struct db *db;

	if (call_option(call, "--dry-run", NULL)) {
		snprintf(call->note, sizeof call->note, "nothing was changed (--dry-run)");
		return server_reader(c, call->server, &db) &&
		    call_vendor(c, db, t.vendor, &v) &&
		    token_by_id(c, db, str_of(v.id.s), t.id, &t.token) &&
		    call_account(c, call) && token_row(c, call, &t.token, NULL);
	}
	if (!call_do(c, call, &t.act, token_end))
		return false;
	authority_forget(call->server->authority);
	return token_row(c, call, &t.token, NULL);
}
