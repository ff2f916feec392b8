/*
 * Tokens: the credentials of a vendor's programs. A secret is shown once, in the answer that
 * creates it; the store keeps its digest.
 */
#include <stdio.h>

#include "request.h"
#include "roles.h"

struct token_wanted {
	struct str name;
	struct str_list roles;
	int64_t expires;
	struct token token;
	struct token_secret secret;
};

/* clang-format off */
static const struct json_field token_fields[] = {
	{ "name",    FIELD_TEXT, offsetof(struct token_wanted, name),    1, 128, true },
	{ "roles",   FIELD_LIST, offsetof(struct token_wanted, roles),   1, 16,  true },
	{ "expires", FIELD_TIME, offsetof(struct token_wanted, expires) },
};
/* clang-format on */

static void
token_json(struct js *j, const struct token *t, const char *secret)
{
	js_open(j, NULL, '{');
	js_text(j, "id", str_of(t->id.s));
	js_text(j, "name", t->name);
	js_open(j, "roles", '[');
	for (unsigned i = 0; i < ROLES; i++)
		if (t->roles & 1u << i)
			js_text(j, NULL, str_of(role_names[i]));
	js_close(j, ']');
	js_time(j, "created", t->created);
	js_time_or_null(j, "expires", t->expires);
	js_time_or_null(j, "revoked", t->revoked);
	if (secret != NULL)
		js_text(j, "secret", str_of(secret));
	js_close(j, '}');
}

static bool
token_write(struct ctx *c, struct db *db, struct request *rq)
{
	struct token_wanted *w = rq->arg;
	struct buf out;
	struct js j = { &out, false };

	rq->act.audit.object = str_of(w->token.id.s);
	if (!token_insert(c, db, &w->token) || !take_buf(c, 2048, &out))
		return false;
	token_json(&j, &w->token, w->secret.s);
	snprintf(rq->reply.location, sizeof rq->reply.location, "/v1/tokens/%s", w->token.id.s);
	reply_etag(rq, 1, 0);
	return reply_json(rq, 201, &out);
}

bool
tokens_post(struct ctx *c, struct request *rq)
{
	struct token_wanted *w = take(c, sizeof *w);

	if (w == NULL || !json_decode(c, rq->body, token_fields, COUNT(token_fields), w) ||
	    !roles_parse(c, &w->roles, "/roles", &w->token.roles))
		return false;
	if (w->expires != 0 && w->expires <= c->now())
		return fail_at(c, E_INPUT, "/expires", "expires must be in the future");
	w->token.id = id_new(c, "tok");
	w->token.vendor = rq->who.vendor;
	w->token.name = w->name;
	w->token.created = c->now();
	w->token.expires = w->expires;
	w->token.version = 1;
	rq->arg = w;
	rq->write = token_write;
	return token_secret_new(c, TOKEN_PREFIX, &w->secret, &w->token.digest);
}

bool
tokens_get(struct ctx *c, struct request *rq)
{
	struct token *t;
	struct page page;
	struct db *db;
	struct buf out;
	struct js j = { &out, false };
	size_t n, shown;

	if (!request_page(c, rq, "tok", &page) || !server_reader(c, rq->server, &db) ||
	    !token_list(c, db, str_of(rq->who.vendor.s), page.after, page.limit + 1, &t, &n) ||
	    !take_buf(c, ANSWER_MAX, &out))
		return false;
	shown = list_begin(&j, &page, n);
	for (size_t i = 0; i < shown; i++)
		token_json(&j, &t[i], NULL);
	return list_end(rq, &j, n > shown ? str_of(t[shown - 1].id.s) : STR(""));
}

bool
token_get(struct ctx *c, struct request *rq)
{
	struct token t;
	struct db *db;
	struct buf out;
	struct js j = { &out, false };

	if (!server_reader(c, rq->server, &db) ||
	    !token_by_id(c, db, str_of(rq->who.vendor.s), rq->param[0], &t) ||
	    !take_buf(c, 2048, &out))
		return false;
	token_json(&j, &t, NULL);
	reply_etag(rq, t.version, 0);
	return reply_json(rq, 200, &out);
}

static bool
token_end(struct ctx *c, struct db *db, struct request *rq)
{
	int64_t version;

	rq->reply.status = 204;
	return request_version(c, rq, &version) &&
	    token_revoke(c, db, str_of(rq->who.vendor.s), rq->param[0], version, c->now());
}

static void
token_ended(struct request *rq)
{
	authority_forget(rq->server->authority);
}

bool
token_delete(struct ctx *c, struct request *rq)
{
	struct id id;

	rq->write = token_end;
	rq->after = token_ended;
	return id_parse(c, rq->param[0], "tok", &id);
}
