/*
 * Red teams: a release attacked by a job of the server. What came of it is a table, a line for each
 * attack, and a report with every point of them.
 */
#include <stdio.h>

#include "cli.h"

enum { BODY_MAX = 16 << 10, TABLE_MAX = 256 << 10, FILE_MAX = 24 << 20 };
enum { TITLE = 40, WHAT = 34 };
#define SHELF "/v1/red-teams"

MUST static bool
place(struct cli *t, const char *part, char **ret)
{
	return cli_place(t, SHELF, NULL, part, ret);
}

/* ---- The table --------------------------------------------------------------------------- */

/* An object, taken apart. */
struct object {
	struct json_part *part;
	size_t n;
};

/* Empty if it has no such member, or that is null. */
static struct str
of(const struct object *o, const char *name)
{
	struct json_part p;

	return json_find(o->part, o->n, name, &p) && p.kind != KIND_NULL ? p.value : STR("");
}

static double
real_of(struct cli *t, const struct object *o, const char *name)
{
	char *text = take_cstr(&t->c, of(o, name));

	return text == NULL ? 0 : strtod(text, NULL);
}

/* In a column of so many places; what a worker wrote is escaped. */
static void
cell_put(struct buf *b, struct str text, size_t width)
{
	size_t from = b->n, n = 0;

	text_escape(b, text);
	for (size_t i = from; i < b->n; i++)
		n += ((unsigned char)b->p[i] & 0xc0) != 0x80;
	buf_printf(b, "%*s", n < width ? (int)(width - n) : 1, "");
}

MUST static bool
tests_put(struct cli *t, struct buf *b, struct str list)
{
	struct json_part *test;
	size_t n;

	if (!json_split(&t->c, list, &test, &n))
		return false;
	for (size_t i = 0; i < n; i++) {
		buf_put(b, i > 0 ? STR(", ") : STR(""));
		text_escape(b, test[i].value);
	}
	if (n == 0)
		buf_char(b, '-');
	return true;
}

static void
named_put(struct buf *b, const struct object *o)
{
	const char *word = str_same(of(o, "named"), STR("true")) ? "yes" : "no";

	if (!str_same(of(o, "innocents"), STR("0")))
		word = "INNOCENT";
	buf_printf(b, "%-10s", word);
}

MUST static bool
row_put(struct cli *t, struct buf *b, struct str row)
{
	struct object o;
	struct str why;

	if (!json_split(&t->c, row, &o.part, &o.n))
		return false;
	why = of(&o, "why");
	buf_put(b, STR("  "));
	cell_put(b, of(&o, "id"), 5);
	cell_put(b, of(&o, "title"), TITLE);
	if (of(&o, "verdict").n == 0) {
		buf_put(b, STR("left out: "));
		text_escape(b, why);
		buf_char(b, '\n');
		return true;
	}
	cell_put(b, of(&o, "what"), WHAT);
	buf_printf(b, "%6.2f %%  ", 100 * real_of(t, &o, "accuracy"));
	cell_put(b, of(&o, "verdict"), 15);
	named_put(b, &o);
	if (!tests_put(t, b, of(&o, "wins")))
		return false;
	buf_put(b, str_same(of(&o, "won"), STR("true")) ? STR("  WINS\n") : STR("\n"));
	if (why.n > 0) {
		buf_printf(b, "%*s", 7, "");
		text_escape(b, why);
		buf_char(b, '\n');
	}
	return true;
}

MUST static bool
table_put(struct cli *t, struct buf *b, const struct object *facts)
{
	struct json_part *row;
	size_t n;

	if (!json_split(&t->c, of(facts, "rows"), &row, &n))
		return false;
	buf_printf(b, "\n  %-5s%-*s%-*s%8s  %-15s%-10s%s\n", "row", TITLE, "attack", WHAT,
	    "form", "right", "verdict", "named", "wins against");
	buf_printf(b, "  %-5s%-*s%-*s%6.2f %%  ", "", TITLE, "an untouched copy", WHAT, "",
	    100 * real_of(t, facts, "accuracy"));
	text_escape(b, of(facts, "verdict"));
	buf_char(b, '\n');
	for (size_t i = 0; i < n; i++)
		if (!row_put(t, b, row[i].value))
			return false;
	return true;
}

/* ---- What came of it --------------------------------------------------------------------- */

MUST static bool
done_show(struct cli *t, struct str body)
{
	struct object o, facts;
	struct buf b;

	if (!json_split(&t->c, body, &o.part, &o.n) ||
	    !json_split(&t->c, of(&o, "facts"), &facts.part, &facts.n))
		return false;
	t->negative = !str_same(of(&o, "false_accusations"), STR("0"));
	if (!cli_for_people(t))
		return output_row(&t->c, t->out, body);
	if (!take_buf(&t->c, TABLE_MAX, &b))
		return false;
	buf_printf(&b,
	    "attacks: %.*s; won against everything: %.*s; innocents accused: %.*s times\n",
	    STRF(of(&o, "attacks")), STRF(of(&o, "wins")), STRF(of(&o, "false_accusations")));
	if (!table_put(t, &b, &facts))
		return false;
	buf_printf(&b, "\nreport: hallmark redteam page %.*s --out FILE\n", STRF(of(&o, "id")));
	return buf_ok(&t->c, &b) && cli_say(t, buf_str(&b));
}

MUST static bool
failed_show(struct cli *t, struct str body)
{
	struct object o, error;
	struct buf b;

	t->negative = true;
	if (!cli_for_people(t))
		return output_row(&t->c, t->out, body);
	if (!json_split(&t->c, body, &o.part, &o.n) ||
	    !json_split(&t->c, of(&o, "error"), &error.part, &error.n) ||
	    !take_buf(&t->c, BODY_MAX, &b))
		return false;
	buf_put(&b, STR("the red team has failed: "));
	text_escape(&b, of(&error, "detail"));
	buf_char(&b, '\n');
	return buf_ok(&t->c, &b) && cli_say(t, buf_str(&b));
}

MUST static bool
outcome_show(struct cli *t, const char *path)
{
	struct api_answer a;
	struct str state;

	if (!cli_get(t, path, &a) || !cli_text(t, a.body, "state", &state))
		return false;
	if (str_same(state, STR("done")))
		return done_show(t, a.body);
	if (str_same(state, STR("failed")))
		return failed_show(t, a.body);
	return output_row(&t->c, t->out, a.body);
}

/* ---- Beginning one ----------------------------------------------------------------------- */

/* clang-format off */
static const struct cli_member members[] = {
	{ "--dataset", "dataset", MEMBER_DATASET },
	{ "--test",    "test",    MEMBER_DATASET },
	{ "--profile", "profile", MEMBER_TEXT    },
};
/* clang-format on */

MUST static bool
body_put(struct cli *t, struct js *j)
{
	struct str release, rest, one;

	if (!release_find(t, t->parsed.arg[0], &release))
		return false;
	js_open(j, NULL, '{');
	js_text(j, "release", release);
	if (!cli_members(t, j, members, COUNT(members)))
		return false;
	if (parsed_option(&t->parsed, "--rows", &rest)) {
		js_open(j, "rows", '[');
		while (str_cut(&rest, ',', &one))
			js_text(j, NULL, one);
		js_text(j, NULL, one);
		js_close(j, ']');
	}
	js_close(j, '}');
	return true;
}

bool
release_redteam_run(struct cli *t)
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

/* ---- Looking at them --------------------------------------------------------------------- */

bool
redteam_list_run(struct cli *t)
{
	return cli_list(t, SHELF, "cursor", "", INT64_MAX);
}

bool
redteam_show_run(struct cli *t)
{
	char *path;

	return place(t, "", &path) && outcome_show(t, path);
}

MUST static bool
part(struct cli *t, const char *name, bool json)
{
	struct api_request rq = { .method = "GET", .most = FILE_MAX };
	struct api_answer a;
	char *out, *path;

	if (!cli_out(t, &out) || !place(t, name, &path))
		return false;
	rq.path = path;
	if (!api_call(t, &rq, &a))
		return false;
	if (out != NULL)
		return cli_keep(t, out, a.body);
	return json && !cli_for_people(t) ? output_row(&t->c, t->out, a.body)
					  : cli_say(t, a.body);
}

bool
redteam_report_run(struct cli *t)
{
	return part(t, "/report", true);
}

bool
redteam_page_run(struct cli *t)
{
	return part(t, "/page", false);
}
