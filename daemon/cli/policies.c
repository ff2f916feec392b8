/*
 * Policies: terms that many licenses share. Each term is an option; all of them at once are a JSON
 * object, which options beside it overrule.
 */
#include <fcntl.h>

#include "cli.h"

enum { BODY_MAX = 64 << 10, DAY_SECONDS = 86400 };

/* ---- Terms ----------------------------------------------------------------------------------- */

enum term_kind {
	TERM_NUMBER,
	TERM_DAYS,
	TERM_SPAN,
	TERM_WORD,
	TERM_WORDS,
	TERM_ANSWER,
	TERM_TEXTS
};
/* clang-format off */
static const struct term {
	const char *option, *member;
	enum term_kind kind;
} terms[] = {
	{ "--seats",         "seats",         TERM_NUMBER },
	{ "--days",          "duration",      TERM_DAYS   },
	{ "--offline",       "offline",       TERM_SPAN   },
	{ "--stale",         "stale",         TERM_WORD   },
	{ "--lease",         "lease",         TERM_SPAN   },
	{ "--unlocks",       "unlocks",       TERM_NUMBER },
	{ "--approvals",     "approvals",     TERM_NUMBER },
	{ "--approvers",     "approvers",     TERM_NUMBER },
	{ "--binding",       "binding",       TERM_WORD   },
	{ "--components",    "components",    TERM_WORDS  },
	{ "--entitlement",   "entitlements",  TERM_TEXTS  },
	{ "--tolerance",     "tolerance",     TERM_SPAN   },
	{ "--grace-expired", "grace_expired", TERM_SPAN   },
	{ "--grace-revoked", "grace_revoked", TERM_SPAN   },
	{ "--renewable",     "renewable",     TERM_ANSWER },
	{ "--transferable",  "transferable",  TERM_ANSWER },
	{ "--image",         "image",         TERM_WORD   },
};
/* clang-format on */

static void
words_put(struct js *j, const char *key, struct str words)
{
	struct str one;

	js_open(j, key, '[');
	while (words.n > 0) {
		(void)str_cut(&words, ',', &one);
		js_text(j, NULL, one);
	}
	js_close(j, ']');
}

MUST static bool
term_put(struct cli *t, struct js *j, const struct term *term)
{
	const struct parsed *p = &t->parsed;
	struct str value;
	int64_t n;

	if (!parsed_option(p, term->option, &value))
		return true;
	switch (term->kind) {
	case TERM_NUMBER:
		return js_number_option(&t->c, j, term->member, p, term->option);
	case TERM_DAYS:
		if (!str_number(value, 0, INT32_MAX, &n))
			return fail(&t->c, E_USAGE, "%s is a number", term->option);
		js_number(j, term->member, n * DAY_SECONDS);
		return true;
	case TERM_SPAN:
		if (!grammar_span(&t->c, value, &n))
			return false;
		js_number(j, term->member, n);
		return true;
	case TERM_WORD:
		js_text(j, term->member, value);
		return true;
	case TERM_WORDS:
		words_put(j, term->member, value);
		return true;
	case TERM_ANSWER:
		js_bool(j, term->member, str_same(value, STR("yes")));
		return true;
	case TERM_TEXTS:
		js_options(j, term->member, p, term->option);
		return true;
	}
	abort(); /* the compiler has seen every case */
}

/* Whether an option says what this member of --terms says. */
static bool
overruled(const struct cli *t, struct str member)
{
	for (size_t i = 0; i < COUNT(terms); i++)
		if (str_same(member, str_of(terms[i].member)))
			return parsed_option(&t->parsed, terms[i].option, NULL);
	return false;
}

/* --terms: an object, or @FILE with one. */
MUST static bool
object_put(struct cli *t, struct js *j)
{
	struct json_part *part;
	struct str text;
	char *path;
	size_t n;

	if (!parsed_option(&t->parsed, "--terms", &text))
		return true;
	if (text.p[0] == '@') {
		path = take_cstr(&t->c, (struct str){ text.p + 1, text.n - 1 });
		if (path == NULL || !file_read(&t->c, AT_FDCWD, path, BODY_MAX / 2, &text))
			return false;
	}
	if (!json_split(&t->c, text, &part, &n))
		return false;
	for (size_t i = 0; i < n; i++)
		if (!overruled(t, part[i].key) && !js_part(&t->c, j, &part[i]))
			return false;
	return true;
}

/* The request of `add` and `change`; `name` may be NULL. */
MUST static bool
body_make(struct cli *t, const struct str *name, struct buf *b)
{
	struct js j = { b };

	if (!take_buf(&t->c, BODY_MAX, b))
		return false;
	js_open(&j, NULL, '{');
	if (name != NULL)
		js_text(&j, "name", *name);
	if (!object_put(t, &j))
		return false;
	for (size_t i = 0; i < COUNT(terms); i++)
		if (!term_put(t, &j, &terms[i]))
			return false;
	js_close(&j, '}');
	return true;
}

/* ---- Commands -------------------------------------------------------------------------------- */

/* Where the policy is that the command names first. */
MUST static bool
place(struct cli *t, char **ret)
{
	return cli_place(t, "/v1/policies", policy_find, "", ret);
}

bool
policy_add_run(struct cli *t)
{
	struct api_answer a;
	struct buf b = { 0 };

	return body_make(t, &t->parsed.arg[0], &b) && cli_post(t, "/v1/policies", &b, &a) &&
	    output_row(&t->c, t->out, a.body);
}

bool
policy_list_run(struct cli *t)
{
	return cli_list(t, "/v1/policies", "cursor", "", INT64_MAX);
}

bool
policy_show_run(struct cli *t)
{
	struct api_answer a;
	char *path;

	return place(t, &path) && cli_get(t, path, &a) && output_row(&t->c, t->out, a.body);
}

bool
policy_change_run(struct cli *t)
{
	struct api_answer a;
	struct str name;
	bool renamed = parsed_option(&t->parsed, "--name", &name);
	struct buf b = { 0 };
	char *path;

	if (!body_make(t, renamed ? &name : NULL, &b))
		return false;
	if (str_same(buf_str(&b), STR("{}")))
		return fail(&t->c, E_USAGE, "say what is to change: --seats, --days, --name …");
	return place(t, &path) && cli_patch(t, path, &b, &a) &&
	    output_row(&t->c, t->out, a.body);
}

bool
policy_retire_run(struct cli *t)
{
	char text[] = "{\"retired\":true}";
	const struct buf b = { text, sizeof text - 1, sizeof text, false };
	struct api_answer a;
	char *path;

	return place(t, &path) && cli_patch(t, path, &b, &a) &&
	    output_row(&t->c, t->out, a.body);
}

bool
policy_delete_run(struct cli *t)
{
	struct api_answer a;
	char *path;

	return place(t, &path) && cli_delete(t, path, &a) && cli_row(t, a.body, NULL);
}
