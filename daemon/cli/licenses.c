/*
 * Licenses, as the vendor sees them: a release for a customer, on the terms of a policy. Most
 * commands are one act on one license, named by its id or the vendor's own reference.
 */
#include "cli.h"

enum { BODY_MAX = 16 << 10 };

/* Where the license is that the command names first, or a part of it. */
MUST static bool
place(struct cli *t, const char *part, char **ret)
{
	return cli_place(t, "/v1/licenses", license_find, part, ret);
}

/* Term, seats and entitlements, as far as there are options for them. */
MUST static bool
ask_put(struct cli *t, struct js *j)
{
	const struct parsed *p = &t->parsed;

	js_options(j, "entitlements", p, "--entitlement");
	return js_number_option(&t->c, j, "seats", p, "--seats") &&
	    js_time_option(&t->c, j, "not_before", p, "--from") &&
	    js_time_option(&t->c, j, "expires", p, "--expires");
}

/* ---- Making and finding them ----------------------------------------------------------------- */

bool
license_issue_run(struct cli *t)
{
	struct str release, reference;
	struct api_answer a;
	struct buf b;
	struct js j = { &b };

	if (!release_find(t, t->parsed.arg[1], &release) || !take_buf(&t->c, BODY_MAX, &b))
		return false;
	js_open(&j, NULL, '{');
	js_text(&j, "customer", t->parsed.arg[0]);
	js_text(&j, "release", release);
	js_text(&j, "policy", t->parsed.arg[2]);
	if (parsed_option(&t->parsed, "--reference", &reference))
		js_text(&j, "reference", reference);
	if (!ask_put(t, &j))
		return false;
	if (parsed_option(&t->parsed, "--dry-run", NULL))
		js_bool(&j, "dry_run", true);
	js_close(&j, '}');
	return cli_post(t, "/v1/licenses", &b, &a) && cli_row(t, a.body, "token");
}

/* One more condition of a list. */
static void
filter(struct buf *path, const char *name, struct str value)
{
	if (value.n > 0)
		buf_printf(path, "%c%s=%.*s", memchr(path->p, '?', path->n) == NULL ? '?' : '&',
		    name, STRF(value));
}

bool
license_list_run(struct cli *t)
{
	char path[512];
	struct buf b = BUF(path);
	struct str customer = STR(""), release = STR(""), state = STR("");

	if ((parsed_option(&t->parsed, "--customer", &customer) &&
		!customer_find(t, customer, &customer)) ||
	    (parsed_option(&t->parsed, "--release", &release) &&
		!release_find(t, release, &release)))
		return false;
	(void)parsed_option(&t->parsed, "--state", &state);
	buf_put(&b, STR("/v1/licenses"));
	filter(&b, "customer", customer);
	filter(&b, "release", release);
	filter(&b, "state", state);
	buf_char(&b, '\0');
	return cli_list(t, path, "cursor", "", INT64_MAX);
}

bool
license_show_run(struct cli *t)
{
	struct api_answer a;
	char *path;

	return place(t, "", &path) && cli_get(t, path, &a) && cli_row(t, a.body, "token");
}

/* ---- Acts ------------------------------------------------------------------------------------ */

bool
license_renew_run(struct cli *t)
{
	struct api_answer a;
	struct buf b;
	struct js j = { &b };
	char *path;

	if (!take_buf(&t->c, BODY_MAX, &b))
		return false;
	js_open(&j, NULL, '{');
	if (!ask_put(t, &j))
		return false;
	js_close(&j, '}');
	return place(t, "/renew", &path) && cli_post(t, path, &b, &a) &&
	    cli_row(t, a.body, "token");
}

bool
license_suspend_run(struct cli *t)
{
	char *path;

	return place(t, "/suspend", &path) && cli_act(t, path);
}

bool
license_reinstate_run(struct cli *t)
{
	char *path;

	return place(t, "/reinstate", &path) && cli_act(t, path);
}

bool
license_revoke_run(struct cli *t)
{
	bool dry = parsed_option(&t->parsed, "--dry-run", NULL);
	struct api_answer a;
	char *path;

	if (!dry)
		return place(t, "/revoke", &path) && cli_act(t, path);
	if (!place(t, "", &path) || !cli_get(t, path, &a) || !cli_row(t, a.body, "token"))
		return false;
	output_say(CLI, STR("this license would be revoked; nothing was changed (--dry-run)"));
	return true;
}

bool
license_transfer_run(struct cli *t)
{
	struct api_answer a;
	struct str customer;
	struct buf b;
	struct js j = { &b };
	char *path;

	if (!customer_find(t, t->parsed.arg[1], &customer) || !take_buf(&t->c, BODY_MAX, &b))
		return false;
	js_open(&j, NULL, '{');
	js_text(&j, "customer", customer);
	js_close(&j, '}');
	return place(t, "/transfer", &path) && cli_post(t, path, &b, &a) &&
	    cli_row(t, a.body, "token");
}

/* The approval of this token, or its withdrawal; then how many there are. */
bool
license_approve_run(struct cli *t)
{
	bool withdraw = parsed_option(&t->parsed, "--withdraw", NULL);
	struct api_request rq = { .method = withdraw ? "DELETE" : "POST",
		.body = withdraw ? STR("") : STR("{}") };
	struct api_answer a;
	char *path;

	if (!place(t, "/approvals", &path))
		return false;
	rq.path = path;
	return api_call(t, &rq, &a) && cli_get(t, path, &a) &&
	    output_row(&t->c, t->out, a.body);
}

bool
license_deliver_run(struct cli *t)
{
	owned(hideaway_done) struct hideaway secret = { NULL, -1 };
	struct api_answer a;
	struct buf b;
	struct js j = { &b };
	char *path;

	if (!take_buf(&t->c, BODY_MAX, &b))
		return false;
	js_open(&j, NULL, '{');
	if (!js_number_option(&t->c, &j, "hours", &t->parsed, "--hours"))
		return false;
	js_close(&j, '}');
	return place(t, "/deliveries", &path) && hideaway_open(t, "--secret-file", &secret) &&
	    cli_post(t, path, &b, &a) && hideaway_row(t, &secret, a.body, "secret");
}

bool
license_unbind_run(struct cli *t)
{
	struct api_answer a;
	char *path;

	return place(t, "/machines", &path) &&
	    api_call(t, &(struct api_request){ "DELETE", path, STR(""), NULL }, &a) &&
	    cli_row(t, a.body, NULL);
}

/* ---- Parts of one ---------------------------------------------------------------------------- */

/* All pages of a list below the license. */
MUST static bool
part_list(struct cli *t, const char *part)
{
	char *path;

	return place(t, part, &path) && cli_list(t, path, "cursor", "", INT64_MAX);
}

bool
license_deliveries_run(struct cli *t)
{
	return part_list(t, "/deliveries");
}

bool
license_machines_run(struct cli *t)
{
	return part_list(t, "/machines");
}

bool
license_seats_run(struct cli *t)
{
	return part_list(t, "/leases");
}

/* ---- Why ------------------------------------------------------------------------------------- */

MUST static bool
rules_show(struct cli *t, const struct json_part *part, size_t n)
{
	struct json_part rules, *rule;
	size_t count;

	if (!json_find(part, n, "rules", &rules) || rules.kind != KIND_LIST ||
	    !json_split(&t->c, rules.value, &rule, &count))
		return fail(&t->c, E_PEER, "the server's answer names no rules");
	for (size_t i = 0; i < count; i++)
		if (!output_row(&t->c, t->out, rule[i].value))
			return false;
	return true;
}

bool
license_explain_run(struct cli *t)
{
	struct str action = STR("validate"), machine = STR(""), customer = STR("");
	struct json_part *part, code = { 0 }, detail = { 0 }, valid = { 0 };
	struct api_answer a;
	char *path, *said;
	size_t n;

	(void)parsed_option(&t->parsed, "--action", &action);
	if ((parsed_option(&t->parsed, "--machine", &machine) &&
		!cli_escape(t, machine, &machine)) ||
	    (parsed_option(&t->parsed, "--customer", &customer) &&
		!customer_find(t, customer, &customer)) ||
	    !place(t, "/explain", &path))
		return false;
	path = take_printf(&t->c, "%s?action=%.*s%s%.*s%s%.*s", path, STRF(action),
	    machine.n > 0 ? "&machine=" : "", STRF(machine), customer.n > 0 ? "&customer=" : "",
	    STRF(customer));
	if (path == NULL || !cli_get(t, path, &a) || !json_split(&t->c, a.body, &part, &n) ||
	    !rules_show(t, part, n))
		return false;
	if (!json_find(part, n, "code", &code) || !json_find(part, n, "detail", &detail) ||
	    !json_find(part, n, "valid", &valid))
		return fail(&t->c, E_PEER, "the server's answer names no verdict");
	t->negative = !str_same(valid.value, STR("true"));
	said = take_printf(&t->c, "%.*s: %.*s", STRF(code.value), STRF(detail.value));
	if (said == NULL || !output_flush(&t->c, t->out))
		return false;
	output_say(CLI, str_of(said));
	return true;
}
