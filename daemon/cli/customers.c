/*
 * Customers, as the vendor sees them: each has a name, a number that marks spell, and, once it has
 * enrolled with the code that is made here, a key.
 */
#include "cli.h"

enum { BODY_MAX = 4 << 10 };

/* Where the customer is that the command names first, or a part of it. */
MUST static bool
place(struct cli *t, const char *part, char **ret)
{
	return cli_place(t, "/v1/customers", customer_find, part, ret);
}

/* What --name, --email and --hours say. */
MUST static bool
members_put(struct cli *t, struct js *j)
{
	struct str value;

	if (parsed_option(&t->parsed, "--name", &value))
		js_text(j, "name", value);
	if (parsed_option(&t->parsed, "--email", &value))
		js_text(j, "email", value);
	return js_number_option(&t->c, j, "code_hours", &t->parsed, "--hours");
}

bool
customer_add_run(struct cli *t)
{
	owned(hideaway_done) struct hideaway code = { NULL, -1 };
	struct api_answer a;
	struct buf b;
	struct js j = { &b };

	if (!take_buf(&t->c, BODY_MAX, &b))
		return false;
	js_open(&j, NULL, '{');
	js_text(&j, "name", t->parsed.arg[0]);
	if (!members_put(t, &j))
		return false;
	js_close(&j, '}');
	return hideaway_open(t, "--code-file", &code) && cli_post(t, "/v1/customers", &b, &a) &&
	    hideaway_row(t, &code, a.body, "code");
}

bool
customer_code_run(struct cli *t)
{
	owned(hideaway_done) struct hideaway code = { NULL, -1 };
	struct api_answer a;
	struct buf b;
	struct js j = { &b };
	char *path;

	if (!take_buf(&t->c, BODY_MAX, &b))
		return false;
	js_open(&j, NULL, '{');
	if (!members_put(t, &j))
		return false;
	js_close(&j, '}');
	return place(t, "/code", &path) && hideaway_open(t, "--code-file", &code) &&
	    cli_post(t, path, &b, &a) && hideaway_row(t, &code, a.body, "code");
}

bool
customer_list_run(struct cli *t)
{
	return cli_list(t, "/v1/customers", "cursor", "", INT64_MAX);
}

bool
customer_show_run(struct cli *t)
{
	struct api_answer a;
	char *path;

	return place(t, "", &path) && cli_get(t, path, &a) && output_row(&t->c, t->out, a.body);
}

bool
customer_rename_run(struct cli *t)
{
	struct api_answer a;
	struct buf b;
	struct js j = { &b };
	char *path;

	if (!parsed_option(&t->parsed, "--name", NULL) &&
	    !parsed_option(&t->parsed, "--email", NULL))
		return fail(&t->c, E_USAGE, "say --name, --email or both");
	if (!take_buf(&t->c, BODY_MAX, &b))
		return false;
	js_open(&j, NULL, '{');
	if (!members_put(t, &j))
		return false;
	js_close(&j, '}');
	return place(t, "", &path) && cli_patch(t, path, &b, &a) &&
	    output_row(&t->c, t->out, a.body);
}

bool
customer_suspend_run(struct cli *t)
{
	char *path;

	return place(t, "/suspend", &path) && cli_act(t, path);
}

bool
customer_reinstate_run(struct cli *t)
{
	char *path;

	return place(t, "/reinstate", &path) && cli_act(t, path);
}

bool
customer_erase_run(struct cli *t)
{
	struct api_answer a;
	char *path;

	return place(t, "", &path) && cli_delete(t, path, &a) && cli_row(t, a.body, NULL);
}
