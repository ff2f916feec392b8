/*
 * The vendor's commands: each one or two requests, and rows for the output.
 */
#include <fcntl.h>
#include <stdio.h>

#include "cli.h"

enum { BODY_MAX = 64 << 10, PATH_MAX_BYTES = 512, LIST_DEFAULT = 200 };

MUST static bool
get(struct cli *t, const char *path, struct api_answer *ret)
{
	return api_call(t, &(struct api_request){ "GET", path, STR(""), NULL }, ret);
}

MUST static bool
post(struct cli *t, const char *path, const struct buf *body, struct api_answer *ret)
{
	return buf_ok(&t->c, body) &&
	    api_call(t, &(struct api_request){ "POST", path, buf_str(body), NULL }, ret);
}

/* ---- Lists ----------------------------------------------------------------------------------- */

/* Shows {"items": […], "next": …}; the place of the next page, empty at the end. */
MUST static bool
page_show(struct cli *t, struct str body, int64_t *left, char next[PATH_MAX_BYTES])
{
	struct json_part *part, *item, items, after = { 0 };
	size_t n, count;

	if (!json_split(&t->c, body, &part, &n))
		return false;
	if (!json_find(part, n, "items", &items) || items.kind != KIND_LIST)
		return fail(&t->c, E_PEER, "the server's answer is no list");
	if (!json_split(&t->c, items.value, &item, &count))
		return false;
	for (size_t i = 0; i<count && * left> 0; i++, (*left)--)
		if (!output_row(&t->c, t->out, item[i].value))
			return false;
	next[0] = '\0';
	if (json_find(part, n, "next", &after) && after.kind != KIND_NULL)
		snprintf(next, PATH_MAX_BYTES, "%.*s", STRF(after.value));
	return true;
}

/* All pages; `from` is the name of the parameter that says where a page begins. */
MUST static bool
list_show(struct cli *t, const char *path, const char *from, const char *begin, int64_t left)
{
	struct arena *mine = t->c.mem;
	char next[PATH_MAX_BYTES];
	bool ok = true;

	snprintf(next, sizeof next, "%s", begin);
	do {
		owned(arena_free) struct arena *memory = arena_new(8 * ANSWER_MAX);
		struct api_answer a;
		char *url;

		if (memory == NULL)
			return fail(&t->c, E_MEMORY, "no memory for a page");
		t->c.mem = memory;
		url = take_printf(&t->c, "%s?limit=%d%s%s%s%s", path,
		    left < PAGE ? (int)left : PAGE, next[0] == '\0' ? "" : "&",
		    next[0] == '\0' ? "" : from, next[0] == '\0' ? "" : "=", next);
		ok = url != NULL && get(t, url, &a) && page_show(t, a.body, &left, next);
		t->c.mem = mine;
	} while (ok && left > 0 && next[0] != '\0');
	return ok;
}

/* ---- status ---------------------------------------------------------------------------------- */

MUST static bool
not_ready(struct cli *t, const struct api_answer *a)
{
	switch (a->status) {
	case 200:
		return true;
	case 501:
		return fail(&t->c, E_UNINITIALISED, "%s is not initialised", t->server);
	case 503:
		return fail(&t->c, E_SEALED, "%s is sealed", t->server);
	case 507:
		return fail(&t->c, E_FULL, "%s has no storage left", t->server);
	case 429:
		return fail(&t->c, E_DRAINING, "%s is shutting down", t->server);
	default:
		return fail(&t->c, E_PEER, "%s answers with status %ld", t->server, a->status);
	}
}

bool
status_run(struct cli *t)
{
	struct api_answer ready, known;
	char row[2048];
	struct buf b = BUF(row);
	struct js j = { &b };

	if (!api_any(t, &(struct api_request){ "GET", "/readyz", STR(""), NULL }, &ready) ||
	    !not_ready(t, &ready) || !get(t, "/v1/jobs?limit=1", &known))
		return false;
	js_open(&j, NULL, '{');
	js_text(&j, "server", str_of(t->server));
	js_text(&j, "state", STR("ready"));
	js_text(&j, "token", STR("accepted"));
	js_close(&j, '}');
	return buf_ok(&t->c, &b) && output_row(&t->c, t->out, buf_str(&b));
}

/* ---- token ----------------------------------------------------------------------------------- */

/* --role may come several times, each with several roles. */
static void
roles_put(struct js *j, const struct parsed *p)
{
	js_open(j, "roles", '[');
	for (size_t i = 0; i < p->options; i++) {
		struct str rest = p->option[i].value, role;

		if (strcmp(p->option[i].option->name, "--role") != 0)
			continue;
		while (rest.n > 0) {
			(void)str_cut(&rest, ',', &role);
			js_text(j, NULL, role);
		}
	}
	js_close(j, ']');
}

bool
token_create_run(struct cli *t)
{
	struct api_answer a;
	struct str expires;
	struct buf b;
	struct js j = { &b };
	int64_t ends = 0;

	if (!take_buf(&t->c, BODY_MAX, &b) ||
	    (parsed_option(&t->parsed, "--expires", &expires) &&
		!grammar_time(&t->c, expires, &ends)))
		return false;
	js_open(&j, NULL, '{');
	js_text(&j, "name", t->parsed.arg[0]);
	roles_put(&j, &t->parsed);
	if (ends != 0)
		js_time(&j, "expires", ends);
	js_close(&j, '}');
	if (!post(t, "/v1/tokens", &b, &a) || !output_row(&t->c, t->out, a.body))
		return false;
	output_say(CLI, STR("the secret is shown once"));
	return true;
}

bool
token_list_run(struct cli *t)
{
	return list_show(t, "/v1/tokens", "cursor", "", INT64_MAX);
}

bool
token_revoke_run(struct cli *t)
{
	char *path = take_printf(&t->c, "/v1/tokens/%.*s", STRF(t->parsed.arg[0]));
	struct api_answer a;
	char row[256];
	struct buf b = BUF(row);
	struct js j = { &b };

	if (path == NULL || !get(t, path, &a) ||
	    !api_call(t, &(struct api_request){ "DELETE", path, STR(""), a.etag }, &a))
		return false;
	js_open(&j, NULL, '{');
	js_text(&j, "id", t->parsed.arg[0]);
	js_bool(&j, "revoked", true);
	js_close(&j, '}');
	return buf_ok(&t->c, &b) && output_row(&t->c, t->out, buf_str(&b));
}

/* ---- job ------------------------------------------------------------------------------------- */

/* A JSON object, or @FILE with one. */
MUST static bool
params_read(struct cli *t, struct str *ret)
{
	bool drill = str_same(t->parsed.arg[0], STR("selftest"));
	struct str text = drill ? STR("{\"text\":\"hallmark\"}") : STR("{}");
	struct json_part *part;
	char *path;
	size_t n;

	(void)parsed_option(&t->parsed, "--params", &text);
	if (text.p[0] == '@') {
		path = take_cstr(&t->c, (struct str){ text.p + 1, text.n - 1 });
		if (path == NULL || !file_read(&t->c, AT_FDCWD, path, BODY_MAX, &text))
			return false;
	}
	if (!json_split(&t->c, text, &part, &n))
		return false;
	*ret = text;
	return true;
}

bool
job_submit_run(struct cli *t)
{
	struct json_part *part, id;
	struct api_answer a;
	struct str params;
	struct buf b;
	struct js j = { &b };
	size_t n;

	if (!params_read(t, &params) || !take_buf(&t->c, 2 * BODY_MAX, &b))
		return false;
	js_open(&j, NULL, '{');
	js_text(&j, "kind", t->parsed.arg[0]);
	js_raw(&j, "params", params);
	js_close(&j, '}');
	if (!post(t, "/v1/jobs", &b, &a))
		return false;
	if (!parsed_option(&t->parsed, "--watch", NULL))
		return output_row(&t->c, t->out, a.body);
	if (!json_split(&t->c, a.body, &part, &n))
		return false;
	if (!json_find(part, n, "id", &id))
		return fail(&t->c, E_PEER, "the server's answer names no job");
	return watch(t, id.value);
}

bool
job_list_run(struct cli *t)
{
	return list_show(t, "/v1/jobs", "cursor", "", INT64_MAX);
}

bool
job_show_run(struct cli *t)
{
	char *path = take_printf(&t->c, "/v1/jobs/%.*s", STRF(t->parsed.arg[0]));
	struct api_answer a;

	return path != NULL && get(t, path, &a) && output_row(&t->c, t->out, a.body);
}

bool
job_cancel_run(struct cli *t)
{
	char *path = take_printf(&t->c, "/v1/jobs/%.*s/cancel", STRF(t->parsed.arg[0]));
	const struct buf nothing = { .p = NULL };
	struct api_answer a;

	return path != NULL && post(t, path, &nothing, &a) && output_row(&t->c, t->out, a.body);
}

/* ---- audit ----------------------------------------------------------------------------------- */

bool
audit_list_run(struct cli *t)
{
	struct str after = STR("0"), text;
	int64_t limit = LIST_DEFAULT;
	char *begin;

	(void)parsed_option(&t->parsed, "--after", &after);
	if (parsed_option(&t->parsed, "--limit", &text) &&
	    !str_number(text, 1, INT64_MAX, &limit))
		return fail(&t->c, E_USAGE, "--limit is a number");
	begin = take_cstr(&t->c, after);
	return begin != NULL && list_show(t, "/v1/audit", "after", begin, limit);
}
