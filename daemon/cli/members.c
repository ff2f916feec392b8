/*
 * What several commands take from their command line into the body of a request, and the files that
 * they fetch.
 */
#include <fcntl.h>
#include <unistd.h>

#include "cli.h"

enum { BODY_MAX = 64 << 10 };

MUST static bool
member_put(struct cli *t, struct js *j, const struct cli_member *m, struct str value)
{
	switch (m->kind) {
	case MEMBER_TEXT:
		js_text(j, m->member, value);
		return true;
	case MEMBER_DATASET:
		if (!cli_find(t, "/v1/datasets", "dat", "name", value, &value))
			return false;
		js_text(j, m->member, value);
		return true;
	case MEMBER_NUMBER:
		js_raw(j, m->member, value);
		return true;
	case MEMBER_FLAG:
		js_bool(j, m->member, true);
		return true;
	}
	abort(); /* the compiler has seen every case */
}

bool
cli_members(struct cli *t, struct js *j, const struct cli_member m[], size_t n)
{
	struct str value = STR("");

	for (size_t i = 0; i < n; i++)
		if (parsed_option(&t->parsed, m[i].option, &value) &&
		    !member_put(t, j, &m[i], value))
			return false;
	return true;
}

bool
cli_params(struct cli *t, struct js *j)
{
	struct json_part *part;
	struct str text;
	char *path;
	size_t n;

	if (!parsed_option(&t->parsed, "--params", &text))
		return true;
	if (text.p[0] == '@') {
		path = take_cstr(&t->c, (struct str){ text.p + 1, text.n - 1 });
		if (path == NULL || !file_read(&t->c, AT_FDCWD, path, BODY_MAX, &text))
			return false;
	}
	if (!json_split(&t->c, text, &part, &n))
		return false;
	for (size_t i = 0; i < n; i++)
		if (!js_part(&t->c, j, &part[i]))
			return false;
	return true;
}

bool
cli_out(struct cli *t, char **ret)
{
	struct str option;

	*ret = NULL;
	if (!parsed_option(&t->parsed, "--out", &option))
		return true;
	*ret = take_cstr(&t->c, option);
	if (*ret == NULL)
		return false;
	if (faccessat(AT_FDCWD, *ret, F_OK, AT_SYMLINK_NOFOLLOW) == 0)
		return fail(&t->c, E_FILE, "%s exists already: choose another name", *ret);
	return true;
}

MUST static bool
file_row(struct cli *t, struct str file)
{
	char row[8192];
	struct buf b = BUF(row);
	struct js j = { &b };

	js_open(&j, NULL, '{');
	js_text(&j, "file", file);
	js_close(&j, '}');
	return buf_ok(&t->c, &b) && output_row(&t->c, t->out, buf_str(&b));
}

bool
cli_keep(struct cli *t, const char *name, struct str bytes)
{
	return file_create(&t->c, AT_FDCWD, name, 0600, bytes) && file_row(t, str_of(name));
}

bool
cli_fetch(struct cli *t, const char *path, struct str file)
{
	char *name = take_cstr(&t->c, file);

	return name != NULL && transfer_down(t, path, name, NULL) && file_row(t, file);
}
