/*
 * Watermarks: what the vendor's networks were taught beside their task. A job of the server makes a
 * new model out of one that is there; what it left is listed, shown and fetched here.
 */
#include <stdio.h>

#include "cli.h"

enum { BODY_MAX = 64 << 10 };
#define SHELF "/v1/watermarks"

/* ---- Making one ------------------------------------------------------------------------------ */

/* clang-format off */
static const struct cli_member members[] = {
	{ "--name",        "name",        MEMBER_TEXT    },
	{ "--dataset",     "dataset",     MEMBER_DATASET },
	{ "--test",        "test",        MEMBER_DATASET },
	{ "--pictures",    "pictures",    MEMBER_DATASET },
	{ "--pairs",       "pairs",       MEMBER_NUMBER  },
	{ "--epochs",      "epochs",      MEMBER_NUMBER  },
	{ "--compression", "compression", MEMBER_FLAG    },
	{ "--physical",    "physical",    MEMBER_FLAG    },
	{ "--channels",    "channels",    MEMBER_TEXT    },
};
/* clang-format on */

/* The new model is described before it is of use: the watermark, once that is over too. */
MUST static bool
made(struct cli *t, struct str job)
{
	struct api_answer a;
	struct str id, model, state;
	char *path;

	if (!follow(t, job) || !cli_find(t, SHELF, "wmk", "job", job, &id))
		return false;
	path = take_printf(&t->c, SHELF "/%.*s", STRF(id));
	if (path == NULL || !cli_get(t, path, &a) || !cli_text(t, a.body, "model", &model) ||
	    !cli_text(t, a.body, "state", &state))
		return false;
	t->negative = !str_same(state, STR("ready"));
	if (t->negative)
		return output_row(&t->c, t->out, a.body);
	path = take_printf(&t->c, "/v1/models/%.*s", STRF(model));
	if (path == NULL || !asset_follow(t, path, NULL, &state))
		return false;
	t->negative = !str_same(state, STR("ready"));
	return output_row(&t->c, t->out, a.body);
}

bool
model_watermark_run(struct cli *t)
{
	struct api_answer a;
	struct str model, job;
	struct buf b;
	struct js j = { &b };

	if (!cli_find(t, "/v1/models", "mod", "name", t->parsed.arg[0], &model) ||
	    !take_buf(&t->c, 2 * BODY_MAX, &b))
		return false;
	js_open(&j, NULL, '{');
	js_text(&j, "kind", STR("watermark"));
	js_open(&j, "params", '{');
	js_text(&j, "model", model);
	if (!cli_members(t, &j, members, COUNT(members)) || !cli_params(t, &j))
		return false;
	js_close(&j, '}');
	js_close(&j, '}');
	if (!cli_post(t, "/v1/jobs", &b, &a))
		return false;
	if (!parsed_option(&t->parsed, "--watch", NULL))
		return output_row(&t->c, t->out, a.body);
	return cli_text(t, a.body, "id", &job) && made(t, job);
}

/* ---- Looking at them ------------------------------------------------------------------------- */

MUST static bool
watermark_find(struct cli *t, struct str word, struct str *ret)
{
	return cli_find(t, SHELF, "wmk", "name", word, ret);
}

bool
watermark_list_run(struct cli *t)
{
	return cli_list(t, SHELF, "cursor", "", INT64_MAX);
}

bool
watermark_show_run(struct cli *t)
{
	struct api_answer a;
	char *path;

	return cli_place(t, SHELF, watermark_find, "", &path) && cli_get(t, path, &a) &&
	    output_row(&t->c, t->out, a.body);
}

MUST static bool
fetch(struct cli *t, const char *part)
{
	char *path;

	return cli_place(t, SHELF, watermark_find, part, &path) &&
	    cli_fetch(t, path, t->parsed.arg[1]);
}

bool
watermark_report_run(struct cli *t)
{
	return fetch(t, "/report");
}

bool
watermark_page_run(struct cli *t)
{
	return fetch(t, "/page");
}
