/*
 * What the vendor's commands have in common: names in the place of ids, acts with a reason, members
 * of requests that come from options, and secrets that are shown once or go into a file.
 */
#include <fcntl.h>
#include <unistd.h>

#include "cli.h"

enum { BODY_MAX = 4 << 10 };

/* ---- Names ----------------------------------------------------------------------------------- */

bool
policy_find(struct cli *t, struct str word, struct str *ret)
{
	return cli_find(t, "/v1/policies", "pol", "name", word, ret);
}

bool
release_find(struct cli *t, struct str word, struct str *ret)
{
	struct str model = { word.p, 0 }, number, id;
	struct ctx try = t->c;
	struct id known;
	char *path;

	if (id_parse(&try, word, "rel", &known)) {
		*ret = word;
		return true;
	}
	for (size_t i = 0; i < word.n; i++)
		if (word.p[i] == '/')
			model.n = i;
	if (model.n == 0)
		return fail(&t->c, E_USAGE, "a release is MODEL/NUMBER, or its id");
	number = (struct str){ word.p + model.n + 1, word.n - model.n - 1 };
	if (!cli_find(t, "/v1/models", "mod", "name", model, &id))
		return false;
	path = take_printf(&t->c, "/v1/models/%.*s/releases", STRF(id));
	return path != NULL && cli_find(t, path, "rel", "number", number, ret);
}

bool
cli_escape(struct cli *t, struct str s, struct str *ret)
{
	struct buf b;

	if (!take_buf(&t->c, 3 * s.n + 1, &b))
		return false;
	for (size_t i = 0; i < s.n; i++) {
		unsigned char ch = (unsigned char)s.p[i];

		if ((ch >= 'a' && ch <= 'z') || (ch >= 'A' && ch <= 'Z') ||
		    (ch >= '0' && ch <= '9') || (ch != 0 && strchr("-._~", ch) != NULL))
			buf_char(&b, (char)ch);
		else
			buf_printf(&b, "%%%02X", ch);
	}
	*ret = buf_str(&b);
	return buf_ok(&t->c, &b);
}

/* The id itself, or that of the one item of the list that the query asks for. */
MUST static bool
query_find(struct cli *t, const char *type, const char *query, struct str word, struct str *ret)
{
	struct json_part *part, *item, items;
	struct ctx try = t->c;
	struct api_answer a;
	struct str escaped;
	struct id known;
	size_t n, count;
	char *path;

	if (id_parse(&try, word, type, &known)) {
		*ret = word;
		return true;
	}
	if (!cli_escape(t, word, &escaped))
		return false;
	path = take_printf(&t->c, "%s%.*s", query, STRF(escaped));
	if (path == NULL || !cli_get(t, path, &a) || !json_split(&t->c, a.body, &part, &n))
		return false;
	if (!json_find(part, n, "items", &items) || items.kind != KIND_LIST ||
	    !json_split(&t->c, items.value, &item, &count))
		return fail(&t->c, E_PEER, "the server's answer is no list");
	if (count == 0)
		return fail(&t->c, E_ABSENT, "there is no %.*s",
		    (int)(word.n < 64 ? word.n : 64), word.p);
	return cli_text(t, item[0].value, "id", ret);
}

bool
customer_find(struct cli *t, struct str word, struct str *ret)
{
	return query_find(t, "cus", "/v1/customers?name=", word, ret);
}

bool
license_find(struct cli *t, struct str word, struct str *ret)
{
	return query_find(t, "lic", "/v1/licenses?reference=", word, ret);
}

bool
cli_place(struct cli *t, const char *list, cli_finder *find, const char *part, char **ret)
{
	struct str id = t->parsed.arg[0];

	if (find != NULL && !find(t, t->parsed.arg[0], &id))
		return false;
	*ret = take_printf(&t->c, "%s/%.*s%s", list, STRF(id), part);
	return *ret != NULL;
}

/* ---- Requests -------------------------------------------------------------------------------- */

bool
cli_act(struct cli *t, const char *path)
{
	struct str reason;
	struct api_answer a;
	struct buf b;
	struct js j = { &b };

	if (!take_buf(&t->c, BODY_MAX, &b))
		return false;
	js_open(&j, NULL, '{');
	if (parsed_option(&t->parsed, "--reason", &reason))
		js_text(&j, "reason", reason);
	js_close(&j, '}');
	return cli_post(t, path, &b, &a) && cli_row(t, a.body, "token");
}

bool
js_part(struct ctx *c, struct js *j, const struct json_part *p)
{
	char *key = take_cstr(c, p->key);

	if (key == NULL)
		return false;
	if (p->kind == KIND_TEXT)
		js_text(j, key, p->value);
	else
		js_raw(j, key, p->value);
	return true;
}

void
js_options(struct js *j, const char *key, const struct parsed *p, const char *option)
{
	if (!parsed_option(p, option, NULL))
		return;
	js_open(j, key, '[');
	for (size_t i = 0; i < p->options; i++)
		if (strcmp(p->option[i].option->name, option) == 0)
			js_text(j, NULL, p->option[i].value);
	js_close(j, ']');
}

bool
js_time_option(
    struct ctx *c, struct js *j, const char *key, const struct parsed *p, const char *option)
{
	struct str value;
	int64_t ms;

	if (!parsed_option(p, option, &value))
		return true;
	if (!grammar_time(c, value, &ms))
		return false;
	if (ms == 0)
		return fail(c, E_USAGE,
		    "a license without end is one of a policy with --days 0, and no --expires");
	js_time(j, key, ms);
	return true;
}

bool
js_number_option(
    struct ctx *c, struct js *j, const char *key, const struct parsed *p, const char *option)
{
	struct str value;
	int64_t n;

	if (!parsed_option(p, option, &value))
		return true;
	if (!str_number(value, 0, INT64_MAX, &n))
		return fail(c, E_USAGE, "%s is a number", option);
	js_number(j, key, n);
	return true;
}

bool
js_past_option(
    struct ctx *c, struct js *j, const char *key, const struct parsed *p, const char *option)
{
	struct ctx try = *c;
	struct str value;
	int64_t at;

	if (!parsed_option(p, option, &value))
		return true;
	if (grammar_span(&try, value, &at))
		at = c->now() - at * 1000;
	else if (!grammar_time(c, value, &at))
		return false;
	js_time(j, key, at);
	return true;
}

/* ---- Rows ------------------------------------------------------------------------------------ */

/* The object without that member, and with another text in its place unless that is NULL. */
MUST static bool
without(struct cli *t, struct str json, const char *member, const char *key, struct str text)
{
	struct json_part *part;
	struct buf b;
	struct js j = { &b };
	size_t n;

	if (!json_split(&t->c, json, &part, &n) || !take_buf(&t->c, json.n + text.n + 256, &b))
		return false;
	js_open(&j, NULL, '{');
	for (size_t i = 0; i < n; i++)
		if (!str_same(part[i].key, str_of(member)) && !js_part(&t->c, &j, &part[i]))
			return false;
	if (key != NULL)
		js_text(&j, key, text);
	js_close(&j, '}');
	return buf_ok(&t->c, &b) && output_row(&t->c, t->out, buf_str(&b));
}

bool
cli_row(struct cli *t, struct str json, const char *hidden)
{
	struct str format;

	if (json.n == 0)
		return true;
	if (hidden == NULL ||
	    (parsed_option(&t->parsed, "--format", &format) && !str_same(format, STR("table"))))
		return output_row(&t->c, t->out, json);
	return without(t, json, hidden, NULL, STR(""));
}

/* ---- Secrets --------------------------------------------------------------------------------- */

bool
hideaway_open(struct cli *t, const char *option, struct hideaway *ret)
{
	struct hideaway h = { NULL, -1 };
	struct str name;

	if (parsed_option(&t->parsed, option, &name)) {
		h.name = take_cstr(&t->c, name);
		if (h.name == NULL)
			return false;
		h.fd = open(h.name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
		if (h.fd < 0)
			return fail_errno(&t->c, "create", h.name);
	}
	*ret = h;
	return true;
}

void
hideaway_done(struct hideaway *h)
{
	if (h->fd >= 0)
		(void)unlink(h->name);
	fd_done(&h->fd);
}

bool
hideaway_row(struct cli *t, struct hideaway *h, struct str json, const char *secret)
{
	struct str text;

	if (h->name == NULL) {
		if (!output_row(&t->c, t->out, json))
			return false;
		output_say(CLI, STR("the secret is shown once"));
		return true;
	}
	if (!cli_text(t, json, secret, &text) || !fd_write_all(&t->c, h->fd, text.p, text.n) ||
	    !fd_write_all(&t->c, h->fd, "\n", 1))
		return false;
	if (fsync(h->fd) != 0)
		return fail_errno(&t->c, "sync", h->name);
	fd_done(&h->fd);
	return without(t, json, secret, "file", str_of(h->name));
}
