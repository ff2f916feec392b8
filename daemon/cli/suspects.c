/*
 * Suspects: whatever may be one of the vendor's models, a copy of it or something that opens one.
 * They are uploaded as models are, but nobody looks into them before a verification does. For a
 * service that only answers there are challenges: pictures that somebody shows to it.
 */
#include <unistd.h>

#include "verification.h"

enum { BODY_MAX = 8 << 10 };
#define SHELF "/v1/suspects"
#define CHALLENGES "/v1/challenges"

/* ---- Names ----------------------------------------------------------------------------------- */

/* Names of suspects are not unique, and the wrong one must never be held against anybody. */
bool
suspect_find(struct cli *t, struct str word, struct str *ret)
{
	struct ctx try = t->c;
	struct id id;
	size_t n;

	if (id_parse(&try, word, "sus", &id)) {
		*ret = word;
		return true;
	}
	if (!cli_search(t, SHELF, "name", word, SIZE_MAX, ret, &n))
		return false;
	if (n > 1)
		return fail(&t->c, E_USAGE,
		    "%zu suspects have that name: say which by its id, as `suspect list` shows "
		    "it",
		    n);
	return n == 1
	    ? true
	    : fail(&t->c, E_ABSENT, "there is no suspect with that name: see suspect list");
}

/* What a path ends with, as far as it may be a name. */
static struct str
last_name(struct str path)
{
	struct str name = path;

	for (size_t i = 0; i < path.n; i++)
		if (path.p[i] == '/' && i + 1 < path.n)
			name = (struct str){ path.p + i + 1, path.n - i - 1 };
	return name;
}

/* ---- Uploading ------------------------------------------------------------------------------- */

MUST static bool
create(struct cli *t, struct str file, struct str *ret)
{
	struct str name = last_name(file), value;
	struct api_answer a;
	struct buf b;
	struct js j = { &b };

	if (!take_buf(&t->c, BODY_MAX, &b))
		return false;
	(void)parsed_option(&t->parsed, "--name", &name);
	js_open(&j, NULL, '{');
	js_text(&j, "name", name);
	if (parsed_option(&t->parsed, "--note", &value))
		js_text(&j, "note", value);
	if (parsed_option(&t->parsed, "--challenge", &value))
		js_text(&j, "challenge", value);
	if (!js_past_option(&t->c, &j, "appeared", &t->parsed, "--appeared"))
		return false;
	js_close(&j, '}');
	return cli_post(t, SHELF, &b, &a) && cli_text(t, a.body, "id", ret);
}

bool
suspect_add_run(struct cli *t)
{
	char *file = take_cstr(&t->c, t->parsed.arg[0]), *url;
	struct api_answer a;
	struct str id;

	if (file == NULL)
		return false;
	if (access(file, R_OK) != 0)
		return fail_errno(&t->c, "open", file);
	if (!create(t, t->parsed.arg[0], &id))
		return false;
	url = take_printf(&t->c, SHELF "/%.*s", STRF(id));
	return url != NULL && transfer_up(t, url, "content", file, &a) && cli_get(t, url, &a) &&
	    output_row(&t->c, t->out, a.body);
}

/* ---- Looking at them ------------------------------------------------------------------------- */

bool
suspect_list_run(struct cli *t)
{
	return cli_list(t, SHELF, "cursor", "", INT64_MAX);
}

bool
suspect_show_run(struct cli *t)
{
	struct api_answer a;
	char *path;

	return cli_place(t, SHELF, suspect_find, "", &path) && cli_get(t, path, &a) &&
	    output_row(&t->c, t->out, a.body);
}

bool
suspect_delete_run(struct cli *t)
{
	struct api_answer a;
	char *path;

	return cli_place(t, SHELF, suspect_find, "", &path) && cli_delete(t, path, &a) &&
	    cli_row(t, a.body, NULL);
}

/* ---- Challenges ------------------------------------------------------------------------------ */

/* Of which watermark: the one that is named, or the one of the release that is named. */
MUST static bool
subject_put(struct cli *t, struct js *j)
{
	struct str watermark = STR(""), release = STR("");
	bool one = parsed_option(&t->parsed, "--watermark", &watermark);

	if (one == parsed_option(&t->parsed, "--release", &release))
		return fail(&t->c, E_USAGE,
		    "say what the questions are about: --release or --watermark");
	if (one) {
		if (!cli_find(t, "/v1/watermarks", "wmk", "name", watermark, &watermark))
			return false;
		js_text(j, "watermark", watermark);
		return true;
	}
	if (!release_find(t, release, &release))
		return false;
	js_text(j, "release", release);
	return true;
}

/* clang-format off */
static const struct cli_member members[] = {
	{ "--dataset", "dataset", MEMBER_DATASET },
	{ "--pairs",   "pairs",   MEMBER_NUMBER  },
	{ "--decoys",  "decoys",  MEMBER_NUMBER  },
};
/* clang-format on */

bool
suspect_challenge_run(struct cli *t)
{
	struct str id, job, state;
	struct api_answer a;
	char *out, *url, *content;
	struct buf b;
	struct js j = { &b };

	/* The pictures are spent once they are made, so what can go wrong is looked at before. */
	if (!cli_out(t, &out) || !take_buf(&t->c, BODY_MAX, &b))
		return false;
	js_open(&j, NULL, '{');
	if (!subject_put(t, &j) || !cli_members(t, &j, members, COUNT(members)))
		return false;
	js_close(&j, '}');
	if (!cli_post(t, CHALLENGES, &b, &a) || !cli_text(t, a.body, "id", &id) ||
	    !cli_text(t, a.body, "job", &job) || !follow(t, job))
		return false;
	url = take_printf(&t->c, CHALLENGES "/%.*s", STRF(id));
	content = take_printf(&t->c, CHALLENGES "/%.*s/content", STRF(id));
	if (url == NULL || content == NULL || !cli_get(t, url, &a) ||
	    !cli_text(t, a.body, "state", &state))
		return false;
	t->negative = !str_same(state, STR("ready"));
	return (t->negative || transfer_down(t, content, out, NULL)) &&
	    output_row(&t->c, t->out, a.body);
}
