/*
 * Commands whose answer is a file: the daemon sends its bytes, hallmarkctl makes it, readable by
 * its user alone, under a name of its own until it is whole.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "ctl.h"

enum { JWK_FILE_MAX = 4096 };

/* The daemon's own count must be ours; then the file gets its name, unless another has it. */
MUST static bool
file_finish(struct ctl *t, const char *part, const char *name)
{
	struct json_part *field, bytes;
	int64_t sent = -1;
	char text[8192];
	struct buf b = BUF(text);
	struct js j = { &b };
	size_t n;

	if (!json_split(&t->c, t->held, &field, &n))
		return false;
	if (!json_find(field, n, "bytes", &bytes) ||
	    !str_number(bytes.value, 0, INT64_MAX, &sent) || sent != t->written)
		return fail(&t->c, E_PEER, "the file is not complete: %lld bytes",
		    (long long)t->written);
	if (fsync(t->file) != 0)
		return fail_errno(&t->c, "sync", part);
	if (renameat2(AT_FDCWD, part, AT_FDCWD, name, RENAME_NOREPLACE) != 0)
		return fail_errno(&t->c, "name the file", name);
	js_open(&j, NULL, '{');
	js_text(&j, "file", str_of(name));
	js_number(&j, "bytes", t->written);
	js_close(&j, '}');
	return buf_ok(&t->c, &b) && output_row(&t->c, t->out, buf_str(&b)) &&
	    output_end(&t->c, t->out);
}

MUST static bool
file_open(struct ctl *t, const char *part, const char *name)
{
	if (access(name, F_OK) == 0)
		return fail(&t->c, E_FILE, "%s exists already", name);
	t->file = open(part, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (t->file < 0 && errno == EEXIST)
		return fail(&t->c, E_FILE,
		    "%s is there: of a transfer that broke off? delete it", part);
	return t->file >= 0 ? true : fail_errno(&t->c, "create", part);
}

MUST static bool
file_fill(struct ctl *t, const char *part, const char *name)
{
	owned(fd_done) int fd = -1;
	bool negative;

	t->hold = true;
	return link_open(&t->c, &t->parsed, &fd) && link_ask(t, fd, STR("")) &&
	    link_answer(t, fd, &negative) && file_finish(t, part, name);
}

static int
fetch(struct ctl *t, struct str to)
{
	char *name = take_cstr(&t->c, to);
	char *part = name == NULL ? NULL : take_printf(&t->c, "%s.part", name);
	int status = 0;

	if (part == NULL || !file_open(t, part, name))
		return output_failure(&t->c, CTL);
	if (!file_fill(t, part, name)) {
		status = output_failure(&t->c, CTL);
		unlink(part);
	}
	fd_done(&t->file);
	return status;
}

int
backup_run(struct ctl *t)
{
	return fetch(t, t->parsed.arg[0]);
}

/* A public key is given as it is, or as @FILE; its lines go as one. */
MUST static bool
jwk_read(struct ctl *t, struct str *jwk)
{
	char *path, *text;
	struct str file;

	if (jwk->p[0] != '@')
		return true;
	path = take_cstr(&t->c, (struct str){ jwk->p + 1, jwk->n - 1 });
	if (path == NULL || !file_read(&t->c, AT_FDCWD, path, JWK_FILE_MAX, &file))
		return false;
	text = take_cstr(&t->c, file);
	if (text == NULL)
		return false;
	for (size_t i = 0; i < file.n; i++)
		if (text[i] == '\n' || text[i] == '\r' || text[i] == '\t')
			text[i] = ' ';
	*jwk = (struct str){ text, file.n };
	return true;
}

int
unlock_key_run(struct ctl *t)
{
	if (!jwk_read(t, &t->parsed.arg[2]))
		return output_failure(&t->c, CTL);
	return fetch(t, t->parsed.arg[3]);
}
