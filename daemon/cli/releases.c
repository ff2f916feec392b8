/*
 * Releases: protected versions of a model. A job of the server makes one; its artifact is fetched
 * and given to everybody, its report read by whoever wants to know what a thief would get.
 */
#include <stdio.h>

#include "cli.h"

enum { BODY_MAX = 64 << 10 };

/* Where the releases are of the model that the command names first. */
MUST static bool
shelf(struct cli *t, char **ret)
{
	struct str model;

	if (!cli_find(t, "/v1/models", "mod", "name", t->parsed.arg[0], &model))
		return false;
	*ret = take_printf(&t->c, "/v1/models/%.*s/releases", STRF(model));
	return *ret != NULL;
}

/* Where the release is that the command names second, or a part of it. */
MUST static bool
place(struct cli *t, const char *part, char **ret)
{
	struct str release;
	char *all;

	if (!shelf(t, &all) || !cli_find(t, all, "rel", "number", t->parsed.arg[1], &release))
		return false;
	*ret = take_printf(
	    &t->c, "%s/%.*s%s%s", all, STRF(release), part[0] == '\0' ? "" : "/", part);
	return *ret != NULL;
}

/* ---- Making one ------------------------------------------------------------------------------ */

/* clang-format off */
static const struct cli_member members[] = {
	{ "--name",    "name",    MEMBER_TEXT    },
	{ "--dataset", "dataset", MEMBER_DATASET },
	{ "--test",    "test",    MEMBER_DATASET },
	{ "--lock",    "lock",    MEMBER_TEXT    },
	{ "--effort",  "effort",  MEMBER_TEXT    },
};
/* clang-format on */

bool
release_create_run(struct cli *t)
{
	struct api_answer a;
	struct str value, id, job;
	struct buf b;
	struct js j = { &b };
	char *path;

	if (!shelf(t, &path) || !take_buf(&t->c, 2 * BODY_MAX, &b))
		return false;
	js_open(&j, NULL, '{');
	if (!cli_members(t, &j, members, COUNT(members)) || !cli_params(t, &j))
		return false;
	js_close(&j, '}');
	if (!cli_post(t, path, &b, &a))
		return false;
	if (!parsed_option(&t->parsed, "--watch", NULL))
		return output_row(&t->c, t->out, a.body);
	if (!cli_text(t, a.body, "id", &id) || !cli_text(t, a.body, "job", &job) ||
	    !follow(t, job))
		return false;
	path = take_printf(&t->c, "%s/%.*s", path, STRF(id));
	if (path == NULL || !cli_get(t, path, &a) || !cli_text(t, a.body, "state", &value))
		return false;
	t->negative = !str_same(value, STR("ready"));
	return output_row(&t->c, t->out, a.body);
}

/* ---- Looking at them ------------------------------------------------------------------------- */

bool
release_list_run(struct cli *t)
{
	char *path;

	return shelf(t, &path) && cli_list(t, path, "cursor", "", INT64_MAX);
}

bool
release_show_run(struct cli *t)
{
	struct api_answer a;
	char *path;

	return place(t, "", &path) && cli_get(t, path, &a) && output_row(&t->c, t->out, a.body);
}

bool
release_delete_run(struct cli *t)
{
	struct api_answer a;
	char *path;

	return place(t, "", &path) && cli_delete(t, path, &a) &&
	    output_row(&t->c, t->out, a.body);
}

/* ---- Fetching their files -------------------------------------------------------------------- */

MUST static bool
fetch(struct cli *t, const char *part)
{
	char *path;

	return place(t, part, &path) && cli_fetch(t, path, t->parsed.arg[2]);
}

bool
release_fetch_run(struct cli *t)
{
	return fetch(t, "artifact");
}

bool
release_report_run(struct cli *t)
{
	return fetch(t, "report");
}

bool
release_page_run(struct cli *t)
{
	return fetch(t, "page");
}

bool
release_bundle_run(struct cli *t)
{
	return fetch(t, "bundle");
}
