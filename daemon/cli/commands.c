/*
 * The vendor's commands: each one or two requests, and rows for the output.
 */
#include <fcntl.h>
#include <stdio.h>

#include "cli.h"

enum { BODY_MAX = 64 << 10, LIST_DEFAULT = 200 };

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
	    !not_ready(t, &ready) || !cli_get(t, "/v1/jobs?limit=1", &known))
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
	if (!cli_post(t, "/v1/tokens", &b, &a) || !output_row(&t->c, t->out, a.body))
		return false;
	output_say(CLI, STR("the secret is shown once"));
	return true;
}

bool
token_list_run(struct cli *t)
{
	return cli_list(t, "/v1/tokens", "cursor", "", INT64_MAX);
}

bool
token_revoke_run(struct cli *t)
{
	char *path = take_printf(&t->c, "/v1/tokens/%.*s", STRF(t->parsed.arg[0]));
	struct api_answer a;
	char row[256];
	struct buf b = BUF(row);
	struct js j = { &b };

	if (path == NULL || !cli_delete(t, path, &a))
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
	struct api_answer a;
	struct str params, id;
	struct buf b;
	struct js j = { &b };

	if (!params_read(t, &params) || !take_buf(&t->c, 2 * BODY_MAX, &b))
		return false;
	js_open(&j, NULL, '{');
	js_text(&j, "kind", t->parsed.arg[0]);
	js_raw(&j, "params", params);
	js_close(&j, '}');
	if (!cli_post(t, "/v1/jobs", &b, &a))
		return false;
	if (!parsed_option(&t->parsed, "--watch", NULL))
		return output_row(&t->c, t->out, a.body);
	return cli_text(t, a.body, "id", &id) && watch(t, id);
}

bool
job_list_run(struct cli *t)
{
	return cli_list(t, "/v1/jobs", "cursor", "", INT64_MAX);
}

bool
job_show_run(struct cli *t)
{
	char *path = take_printf(&t->c, "/v1/jobs/%.*s", STRF(t->parsed.arg[0]));
	struct api_answer a;

	return path != NULL && cli_get(t, path, &a) && output_row(&t->c, t->out, a.body);
}

bool
job_cancel_run(struct cli *t)
{
	char *path = take_printf(&t->c, "/v1/jobs/%.*s/cancel", STRF(t->parsed.arg[0]));
	const struct buf nothing = { .p = NULL };
	struct api_answer a;

	return path != NULL && cli_post(t, path, &nothing, &a) &&
	    output_row(&t->c, t->out, a.body);
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
	return begin != NULL && cli_list(t, "/v1/audit", "after", begin, limit);
}
