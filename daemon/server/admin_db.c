/*
 * db: the integrity of the database and of the vault's files, and its copies. A backup is made in
 * the state folder, where the daemon may write, and its bytes go over the socket to hallmarkctl,
 * which writes them where its user may.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "admin.h"
#include "blobs.h"

enum { FILE_PROBLEMS_MAX = 16 << 10 };

/* ---- check ----------------------------------------------------------------------------------- */

static int64_t
problems_put(struct js *j, struct str lines)
{
	int64_t n = 0;
	struct str line;

	js_open(j, "problems", '[');
	while (lines.n > 0) {
		(void)str_cut(&lines, '\n', &line);
		if (line.n == 0 || n++ >= 100)
			continue;
		js_text(j, NULL, line);
	}
	js_close(j, ']');
	return n;
}

bool
admin_db_check(struct ctx *c, struct call *call)
{
	owned(reader_close) struct db *db = NULL;
	struct str problems;
	struct buf all;
	struct js j;
	int64_t n;

	if (!reader_open(c, call->server->store, &db) || !store_check(c, db, &problems) ||
	    !take_buf(c, problems.n + FILE_PROBLEMS_MAX, &all))
		return false;
	buf_put(&all, problems);
	if (!blobs_check(c, db, &all))
		return false;
	if (all.n == 0 && !call_account(c, call))
		return false;
	call_row_open(call, &j);
	js_bool(&j, "sound", all.n == 0);
	n = problems_put(&j, buf_str(&all));
	if (!call_row_send(c, call, &j))
		return false;
	if (n == 0)
		return true;
	return fail(c, E_INTEGRITY,
	    "the database or its files are damaged in %lld places: stop the daemon and restore a "
	    "backup of both",
	    (long long)n);
}

/* ---- backup ---------------------------------------------------------------------------------- */

/* A file that vanishes with the call. */
struct passing {
	char *path;
	int fd;
};

static void
passing_done(struct passing *p)
{
	fd_done(&p->fd);
	if (p->path != NULL)
		unlink(p->path);
	p->path = NULL;
}

bool
admin_db_backup(struct ctx *c, struct call *call)
{
	owned(passing_done) struct passing copy = { .fd = -1 };
	struct stat st;
	struct js j;
	int64_t sent;
	char *path = take_printf(
	    c, "%s/backup-%s.db", call->server->conf.state, call->request.s);

	if (path == NULL || !store_backup(c, call->server->store, path))
		return false;
	copy.path = path;
	copy.fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (copy.fd < 0 || fstat(copy.fd, &st) != 0)
		return fail_errno(c, "open", path);
	if (!call_account(c, call) || !call_file(c, call, copy.fd, st.st_size, &sent))
		return false;
	call_row_open(call, &j);
	js_number(&j, "bytes", sent);
	return call_row_send(c, call, &j);
}

/* ---- restore --------------------------------------------------------------------------------- */

bool
admin_db_restore(struct ctx *c, struct call *call)
{
	(void)call;
	return fail(
	    c, E_CONFLICT, "a running daemon's database is not replaced: stop it first");
}
