/*
 * Slots: what tells the copies of a model apart by their answers, and the copies themselves, one
 * for each customer. Jobs of the server make both.
 */
#include <stdio.h>

#include "cli.h"

enum { BODY_MAX = 64 << 10 };
#define SHELF "/v1/slots"

/* ---- Names ----------------------------------------------------------------------------------- */

/* Of the sets of a model only the newest can be alive. */
MUST static bool
slots_find(struct cli *t, struct str word, struct str *ret)
{
	struct ctx try = t->c;
	struct id id;
	size_t n;

	if (id_parse(&try, word, "slo", &id)) {
		*ret = word;
		return true;
	}
	if (!cli_search(t, SHELF, "name", word, SIZE_MAX, ret, &n))
		return false;
	return n > 0
	    ? true
	    : fail(&t->c, E_ABSENT, "no model with that name has slots: see slots list");
}

/* ---- Making them ----------------------------------------------------------------------------- */

/* clang-format off */
static const struct cli_member set_members[] = {
	{ "--dataset",   "dataset",   MEMBER_DATASET },
	{ "--customers", "customers", MEMBER_NUMBER  },
	{ "--colluders", "colluders", MEMBER_NUMBER  },
};
static const struct cli_member copy_members[] = {
	{ "--customer", "customer", MEMBER_TEXT    },
	{ "--dataset",  "dataset",  MEMBER_DATASET },
	{ "--test",     "test",     MEMBER_DATASET },
	{ "--name",     "name",     MEMBER_TEXT    },
	{ "--epochs",   "epochs",   MEMBER_NUMBER  },
};
/* clang-format on */

MUST static bool
order(struct cli *t, const char *path, const struct cli_member members[], size_t n,
    struct api_answer *ret)
{
	struct buf b;
	struct js j = { &b };

	if (path == NULL || !take_buf(&t->c, BODY_MAX, &b))
		return false;
	js_open(&j, NULL, '{');
	if (!cli_members(t, &j, members, n) || !cli_params(t, &j))
		return false;
	js_close(&j, '}');
	return cli_post(t, path, &b, ret);
}

bool
slots_create_run(struct cli *t)
{
	struct str word, model, id, job, state;
	struct api_answer a;
	char *path;

	if (!parsed_option(&t->parsed, "--model", &word) ||
	    !cli_find(t, "/v1/models", "mod", "name", word, &model) ||
	    !order(t, take_printf(&t->c, "/v1/models/%.*s/slots", STRF(model)), set_members,
		COUNT(set_members), &a))
		return false;
	if (!parsed_option(&t->parsed, "--wait", NULL))
		return output_row(&t->c, t->out, a.body);
	if (!cli_text(t, a.body, "id", &id) || !cli_text(t, a.body, "job", &job) ||
	    !follow(t, job))
		return false;
	path = take_printf(&t->c, SHELF "/%.*s", STRF(id));
	if (path == NULL || !cli_get(t, path, &a) || !cli_text(t, a.body, "state", &state))
		return false;
	t->negative = !str_same(state, STR("ready"));
	return output_row(&t->c, t->out, a.body);
}

/* ---- Copies ---------------------------------------------------------------------------------- */

/* A copy that does not answer as it should is one, but nobody could be told by it. */
MUST static bool
taught(struct cli *t, struct str job, bool *ret)
{
	char *path = take_printf(&t->c, "/v1/jobs/%.*s", STRF(job));
	struct json_part *part, result, reached;
	struct api_answer a;
	size_t n;

	if (path == NULL || !cli_get(t, path, &a) || !json_split(&t->c, a.body, &part, &n))
		return false;
	*ret = json_find(part, n, "result", &result) && result.kind == KIND_OBJECT &&
	    json_split(&t->c, result.value, &part, &n) &&
	    json_find(part, n, "reached", &reached) && str_same(reached.value, STR("true"));
	return true;
}

/* The job that teaches it, then the one that looks at it. */
MUST static bool
copied(struct cli *t, struct str id, struct str job)
{
	char *path = take_printf(&t->c, "/v1/models/%.*s", STRF(id));
	struct api_answer a;
	struct str state;
	bool reached;

	if (path == NULL || !follow(t, job) || !taught(t, job, &reached) ||
	    !asset_follow(t, path, &a, &state))
		return false;
	t->negative = !reached || !str_same(state, STR("ready"));
	if (!reached && str_same(state, STR("ready")))
		output_say(CLI,
		    STR("the copy does not answer its slots well enough, or lost too much: see "
			"the job's result, delete the copy, and make it with more epochs"));
	return output_row(&t->c, t->out, a.body);
}

bool
slots_copy_run(struct cli *t)
{
	struct api_answer a;
	struct str id, job;
	char *path;

	if (!cli_place(t, SHELF, slots_find, "/copies", &path) ||
	    !order(t, path, copy_members, COUNT(copy_members), &a))
		return false;
	if (!parsed_option(&t->parsed, "--wait", NULL))
		return output_row(&t->c, t->out, a.body);
	return cli_text(t, a.body, "id", &id) && cli_text(t, a.body, "job", &job) &&
	    copied(t, id, job);
}

/* ---- Looking at them ------------------------------------------------------------------------- */

bool
slots_list_run(struct cli *t)
{
	return cli_list(t, SHELF, "cursor", "", INT64_MAX);
}

bool
slots_show_run(struct cli *t)
{
	struct api_answer a;
	char *path;

	return cli_place(t, SHELF, slots_find, "", &path) && cli_get(t, path, &a) &&
	    output_row(&t->c, t->out, a.body);
}
