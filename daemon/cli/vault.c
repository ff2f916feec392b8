/*
 * What a vendor uploads: models and data sets. Both are made, filled, checked by a worker of the
 * server, shown, listed and deleted in the same way; a data set may come in two files.
 */
#include <stdio.h>

#include "cli.h"

enum { BODY_MAX = 64 << 10 };

/* Where each kind is, and what its ids begin with. */
struct shelf {
	const char *path, *type;
};
static const struct shelf models = { "/v1/models", "mod" },
			  datasets = { "/v1/datasets", "dat" };

/* Where the one is that the command names first. */
MUST static bool
place(struct cli *t, const struct shelf *s, char **ret)
{
	struct str id;

	if (!cli_find(t, s->path, s->type, "name", t->parsed.arg[0], &id))
		return false;
	*ret = take_printf(&t->c, "%s/%.*s", s->path, STRF(id));
	return *ret != NULL;
}

MUST static bool
show(struct cli *t, const struct shelf *s)
{
	struct api_answer a;
	char *url;

	return place(t, s, &url) && cli_get(t, url, &a) && output_row(&t->c, t->out, a.body);
}

/* Deleted for good: the server destroys the keys that open its files. */
MUST static bool
erase(struct cli *t, const struct shelf *s)
{
	struct api_answer a;
	char *url;

	return place(t, s, &url) && cli_delete(t, url, &a) && output_row(&t->c, t->out, a.body);
}

MUST static bool
upload(struct cli *t, const char *url, const char *part, struct str file)
{
	char *name = take_cstr(&t->c, file);
	struct api_answer a;

	return name != NULL && transfer_up(t, url, part, name, &a);
}

bool
asset_follow(struct cli *t, const char *url, struct api_answer *ret, struct str *ret_state)
{
	struct api_answer a;
	struct str job, state;

	if (!cli_get(t, url, &a) || !cli_text(t, a.body, "state", &state))
		return false;
	if (str_same(state, STR("checking")) &&
	    (!cli_text(t, a.body, "job", &job) || !follow(t, job) || !cli_get(t, url, &a) ||
		!cli_text(t, a.body, "state", &state)))
		return false;
	if (ret != NULL)
		*ret = a;
	*ret_state = state;
	return true;
}

/* Its end, and then what it found. */
MUST static bool
checked(struct cli *t, const char *url)
{
	struct api_answer a;
	struct str state;

	if (!asset_follow(t, url, &a, &state))
		return false;
	t->negative = str_same(state, STR("refused"));
	return output_row(&t->c, t->out, a.body);
}

/* A new one, and where it is. */
MUST static bool
create(struct cli *t, const char *path, const struct buf *body, char **ret_url)
{
	struct api_answer a;
	struct str id;

	if (!cli_post(t, path, body, &a) || !cli_text(t, a.body, "id", &id))
		return false;
	*ret_url = take_printf(&t->c, "%s/%.*s", path, STRF(id));
	return *ret_url != NULL;
}

/* ---- model ----------------------------------------------------------------------------------- */

bool
model_add_run(struct cli *t)
{
	struct buf b;
	struct js j = { &b };
	char *url;

	if (!take_buf(&t->c, BODY_MAX, &b))
		return false;
	js_open(&j, NULL, '{');
	js_text(&j, "name", t->parsed.arg[0]);
	js_close(&j, '}');
	return create(t, "/v1/models", &b, &url) &&
	    upload(t, url, "content", t->parsed.arg[1]) && checked(t, url);
}

bool
model_upload_run(struct cli *t)
{
	char *url;

	return place(t, &models, &url) && upload(t, url, "content", t->parsed.arg[1]) &&
	    checked(t, url);
}

bool
model_list_run(struct cli *t)
{
	return cli_list(t, "/v1/models", "cursor", "", INT64_MAX);
}

bool
model_show_run(struct cli *t)
{
	return show(t, &models);
}

bool
model_delete_run(struct cli *t)
{
	return erase(t, &models);
}

/* ---- dataset --------------------------------------------------------------------------------- */

bool
dataset_add_run(struct cli *t)
{
	bool file = t->parsed.args > 2, none = parsed_option(&t->parsed, "--no-labels", NULL);
	struct buf b;
	struct js j = { &b };
	char *url;

	if (file && none)
		return fail(&t->c, E_USAGE, "there are labels, and --no-labels");
	if (!take_buf(&t->c, BODY_MAX, &b))
		return false;
	js_open(&j, NULL, '{');
	js_text(&j, "name", t->parsed.arg[0]);
	js_text(&j, "labels", file ? STR("file") : none ? STR("none") : STR("inside"));
	js_close(&j, '}');
	return create(t, "/v1/datasets", &b, &url) &&
	    upload(t, url, "samples", t->parsed.arg[1]) &&
	    (!file || upload(t, url, "labels", t->parsed.arg[2])) && checked(t, url);
}

bool
dataset_upload_run(struct cli *t)
{
	char *part = take_cstr(&t->c, t->parsed.arg[1]), *url;

	return part != NULL && place(t, &datasets, &url) &&
	    upload(t, url, part, t->parsed.arg[2]) && checked(t, url);
}

bool
dataset_list_run(struct cli *t)
{
	return cli_list(t, "/v1/datasets", "cursor", "", INT64_MAX);
}

bool
dataset_show_run(struct cli *t)
{
	return show(t, &datasets);
}

bool
dataset_delete_run(struct cli *t)
{
	return erase(t, &datasets);
}
