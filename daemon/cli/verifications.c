/*
 * Verifications: a suspect held against a release by a job of the server. What came of it is
 * fetched as evidence and looked at as anybody would look at it; only then a verdict is told.
 */
#include <stdio.h>

#include "verification.h"

enum { BODY_MAX = 16 << 10, ROW_MAX = 256 << 10 };
#define SHELF "/v1/verifications"

/* Where the verification is that the command names, or a part of it. */
MUST static bool
place(struct cli *t, const char *part, char **ret)
{
	return cli_place(t, SHELF, NULL, part, ret);
}

/* ---- What came of it ------------------------------------------------------------------------- */

MUST static bool
keys_fetch(struct cli *t, struct trusted *keys)
{
	struct api_request rq = { .method = "GET", .path = "/v1/keys", .open = true };
	struct api_answer a;

	return api_call(t, &rq, &a) && trusted_read(t, a.body, keys);
}

/* The evidence or page at that path, looked at with the keys of the server that it came from. */
MUST static bool
evidence_fetch(
    struct cli *t, const char *path, struct str *ret_file, const struct testimony **ret)
{
	owned(trusted_done) struct trusted keys = { .n = 0 };
	struct api_request rq = { .method = "GET", .path = path, .most = EVIDENCE_FILE_MAX };
	struct api_answer a;

	if (!keys_fetch(t, &keys) || !api_call(t, &rq, &a) ||
	    !evidence_prove(t, a.body, &keys, ret))
		return false;
	*ret_file = a.body;
	return true;
}

/* The names of the accused, each at its place in the trace; empty of who was forgotten. */
MUST static bool
names_fetch(struct cli *t, const struct evidence_trace *r, struct str **ret)
{
	struct str *name = take(&t->c, (r->n + 1) * sizeof *name);
	struct api_answer a;
	char *path;

	if (name == NULL)
		return false;
	for (size_t i = 0; i < r->n; i++) {
		struct api_request rq = { .method = "GET" };
		struct json_part *part, value;
		size_t n;

		if (!r->best[i].accused || r->best[i].id.s[0] == '\0')
			continue;
		path = take_printf(&t->c, "/v1/customers/%s", r->best[i].id.s);
		rq.path = path;
		if (path == NULL || !api_any(t, &rq, &a))
			return false;
		if (a.status == 404)
			continue;
		if (a.status != 200)
			return api_problem(t, &a);
		if (!json_split(&t->c, a.body, &part, &n))
			return false;
		if (json_find(part, n, "name", &value) && value.kind == KIND_TEXT)
			name[i] = value.value;
	}
	*ret = name;
	return true;
}

/* ---- Telling it ------------------------------------------------------------------------------ */

/* The row and the evidence are about the same, and say the same. */
MUST static bool
row_agrees(struct cli *t, struct str row, const struct evidence *e)
{
	struct str id, verdict;

	if (!cli_text(t, row, "id", &id) || !cli_text(t, row, "verdict", &verdict))
		return false;
	return str_same(id, str_of(e->verification.s)) &&
		str_same(verdict, str_of(verdict_names[e->verdict]))
	    ? true
	    : fail(&t->c, E_INTEGRITY,
		  "the evidence that came is not that of this verification");
}

MUST static bool
verdict_show(struct cli *t, const char *path, struct str row)
{
	const struct testimony *p;
	struct str *names, words, file;
	char *evidence = take_printf(&t->c, "%s/evidence", path);
	struct buf b;

	if (evidence == NULL || !evidence_fetch(t, evidence, &file, &p) ||
	    !row_agrees(t, row, &p->evidence))
		return false;
	t->ends = verdict_status(p->evidence.verdict);
	if (!cli_for_people(t))
		return output_row(&t->c, t->out, row);
	if (!names_fetch(t, &p->evidence.trace, &names) ||
	    !evidence_words(t, &p->evidence, names, &words) || !take_buf(&t->c, ROW_MAX, &b))
		return false;
	buf_put(&b, words);
	buf_printf(&b, "\nevidence: hallmark verification evidence %s --out FILE\n",
	    p->evidence.verification.s);
	return buf_ok(&t->c, &b) && cli_say(t, buf_str(&b));
}

/* Of a job that could not be done nothing can be said about anybody. */
MUST static bool
undecided_show(struct cli *t, struct str row)
{
	struct json_part *part, error, detail;
	struct str why = STR("the verification has failed");
	char *said;
	size_t n;

	if (!json_split(&t->c, row, &part, &n))
		return false;
	if (json_find(part, n, "error", &error) && error.kind == KIND_OBJECT &&
	    json_split(&t->c, error.value, &part, &n) &&
	    json_find(part, n, "detail", &detail) && detail.kind == KIND_TEXT)
		why = detail.value;
	t->ends = verdict_status(VERDICT_CANNOT_DECIDE);
	if (!cli_for_people(t))
		return output_row(&t->c, t->out, row);
	said = take_printf(
	    &t->c, "%s: %.*s\n", verdict_names[VERDICT_CANNOT_DECIDE], STRF(why));
	return said != NULL && cli_say(t, str_of(said));
}

/* How the verification at that path stands; the exit status is 0 for nothing but "proven". */
MUST static bool
outcome_show(struct cli *t, const char *path)
{
	struct api_answer a;
	struct str state;

	if (!cli_get(t, path, &a) || !cli_text(t, a.body, "state", &state))
		return false;
	if (str_same(state, STR("done")))
		return verdict_show(t, path, a.body);
	if (str_same(state, STR("failed")))
		return undecided_show(t, a.body);
	t->negative = true; /* there is no verdict yet */
	return output_row(&t->c, t->out, a.body);
}

/* ---- Beginning one --------------------------------------------------------------------------- */

MUST static bool
nulls_put(struct cli *t, struct js *j)
{
	const struct parsed *p = &t->parsed;
	struct str id;

	if (!parsed_option(p, "--null", NULL))
		return true;
	js_open(j, "nulls", '[');
	for (size_t i = 0; i < p->options; i++) {
		if (strcmp(p->option[i].option->name, "--null") != 0)
			continue;
		if (!cli_find(t, "/v1/models", "mod", "name", p->option[i].value, &id))
			return false;
		js_text(j, NULL, id);
	}
	js_close(j, ']');
	return true;
}

MUST static bool
chance_option(struct cli *t, struct js *j)
{
	struct str value;
	char *text, *end;
	double d;

	if (!parsed_option(&t->parsed, "--eps1", &value))
		return true;
	text = take_cstr(&t->c, value);
	if (text == NULL)
		return false;
	d = strtod(text, &end);
	if (end == text || *end != '\0' || !(d > 0 && d < 1))
		return fail(&t->c, E_USAGE, "--eps1 is a chance between 0 and 1, such as 1e-6");
	js_real(j, "eps1", d);
	return true;
}

MUST static bool
body_put(struct cli *t, struct js *j)
{
	static const struct cli_member dataset = { "--dataset", "dataset", MEMBER_DATASET };
	struct str suspect, release;

	if (!suspect_find(t, t->parsed.arg[0], &suspect) ||
	    !release_find(t, t->parsed.arg[1], &release))
		return false;
	js_open(j, NULL, '{');
	js_text(j, "suspect", suspect);
	js_text(j, "release", release);
	if (!cli_members(t, j, &dataset, 1) || !nulls_put(t, j) || !chance_option(t, j))
		return false;
	js_close(j, '}');
	return true;
}

bool
verification_start_run(struct cli *t)
{
	struct str id, job;
	struct api_answer a;
	struct buf b;
	struct js j = { &b };
	char *path;

	if (!take_buf(&t->c, BODY_MAX, &b) || !body_put(t, &j) || !cli_post(t, SHELF, &b, &a))
		return false;
	if (!parsed_option(&t->parsed, "--wait", NULL))
		return output_row(&t->c, t->out, a.body);
	if (!cli_text(t, a.body, "id", &id) || !cli_text(t, a.body, "job", &job) ||
	    !follow(t, job))
		return false;
	path = take_printf(&t->c, SHELF "/%.*s", STRF(id));
	return path != NULL && outcome_show(t, path);
}

/* ---- Looking at them ------------------------------------------------------------------------- */

bool
verification_list_run(struct cli *t)
{
	return cli_list(t, SHELF, "cursor", "", INT64_MAX);
}

bool
verification_show_run(struct cli *t)
{
	char *path;

	return place(t, "", &path) && outcome_show(t, path);
}

/* The report, as the server has it. */
bool
verification_report_run(struct cli *t)
{
	struct api_answer a;
	char *out, *path;

	if (!cli_out(t, &out) || !place(t, "/report", &path) || !cli_get(t, path, &a))
		return false;
	if (out != NULL)
		return cli_keep(t, out, a.body);
	return cli_for_people(t) ? cli_say(t, a.body) : output_row(&t->c, t->out, a.body);
}

/* What is handed on as evidence must hold. */
MUST static bool
evidence_part(struct cli *t, const char *part, bool json)
{
	const struct testimony *p;
	char *out, *path;
	struct str file;

	if (!cli_out(t, &out) || !place(t, part, &path) || !evidence_fetch(t, path, &file, &p))
		return false;
	if (out != NULL)
		return cli_keep(t, out, file);
	return json && !cli_for_people(t) ? output_row(&t->c, t->out, file) : cli_say(t, file);
}

bool
verification_page_run(struct cli *t)
{
	return evidence_part(t, "/page", false);
}

bool
verification_evidence_run(struct cli *t)
{
	return evidence_part(t, "/evidence", true);
}
