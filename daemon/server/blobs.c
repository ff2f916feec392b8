/*
 * The folder of the vault's sealed files. Rows come before files and go before them, so that a
 * crash can leave files without rows, which the next start removes, and never a whole row without
 * its file. There is one such folder for the process; its descriptor is opened once.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "blobs.h"

enum { SWEEP_MEMORY = 1 << 20, CHECK_AT_ONCE = 256, PROBLEMS_MAX = 100 };
/* A file without a row that was written so recently is an upload that goes on in a new one. */
#define FRESH_SECONDS 120

static int folder = -1;

struct str
blob_aad(struct buf *room, const struct id *blob)
{
	room->n = 0;
	buf_put(room, STR("hallmark blob "));
	buf_put(room, str_of(blob->s));
	return buf_str(room);
}

/* ---- One file ------------------------------------------------------------------------------ */

bool
blob_file_create(struct ctx *c, const struct id *blob, int *ret)
{
	int fd = openat(
	    folder, blob->s, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);

	if (fd < 0)
		return fail_errno(c, "create", blob->s);
	*ret = fd;
	return true;
}

bool
blob_file_open(struct ctx *c, const struct id *blob, bool write, int *ret)
{
	int how = (write ? O_RDWR : O_RDONLY) | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK;
	owned(fd_done) int fd = openat(folder, blob->s, how);
	struct stat st;

	if (fd < 0 && errno == ENOENT)
		return fail(c, E_ABSENT, "the file of %s is gone", blob->s);
	if (fd < 0)
		return fail_errno(c, "open", blob->s);
	if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode)) /* a pipe would be waited for */
		return fail(c, E_INTEGRITY, "what is called %s is no file", blob->s);
	*ret = fd;
	fd = -1;
	return true;
}

bool
blob_file_replace(struct ctx *c, const struct id *blob, const char *from)
{
	if (renameat(folder, from, folder, blob->s) != 0)
		return fail_errno(c, "rename", from);
	return true;
}

bool
blobs_sync(struct ctx *c)
{
	return fsync(folder) == 0 ? true : fail_errno(c, "sync", "the folder of files");
}

void
blob_file_remove(const struct id *blob)
{
	if (unlinkat(folder, blob->s, 0) != 0 && errno != ENOENT)
		log_event(LOG_LEVEL_ERROR, blob->s, "file-not-removed", "errno=%d", errno);
}

/* ---- All files ----------------------------------------------------------------------------- */

static void
dir_close(DIR **d)
{
	if (*d != NULL)
		(void)closedir(*d);
	*d = NULL;
}

/* The folder's entries from the first one. */
MUST static bool
dir_open(struct ctx *c, DIR **ret)
{
	int fd = openat(folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *d = fd < 0 ? NULL : fdopendir(fd);

	if (d == NULL && fd >= 0)
		(void)close(fd);
	if (d == NULL)
		return fail_errno(c, "read", "the folder of files");
	*ret = d;
	return true;
}

/* The next entry that is not the folder itself or the one above; false at the end. */
static bool
dir_next(DIR *d, const char **ret)
{
	struct dirent *e;

	while ((e = readdir(d)) != NULL) {
		if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0)
			continue;
		*ret = e->d_name;
		return true;
	}
	return false;
}

MUST static bool
has_row(struct ctx *c, struct db *db, const char *name, bool *ret)
{
	struct blob_row row;
	bool found = blob_by_id(c, db, str_of(name), &row);

	if (!found && c->err.code != E_ABSENT)
		return false;
	c->err = (struct err){ 0 };
	*ret = found;
	return true;
}

MUST static bool
sweep(struct ctx *c, struct db *db, size_t *ret_removed)
{
	owned(arena_free) struct arena *mem = arena_new(SWEEP_MEMORY);
	struct ctx one = ctx_real(mem, "blobs");
	owned(dir_close) DIR *d = NULL;
	size_t removed = 0;
	const char *name;
	bool known;

	if (mem == NULL)
		return fail(c, E_MEMORY, "no memory for the folder of files");
	if (!dir_open(c, &d))
		return false;
	while (dir_next(d, &name)) {
		arena_reset(mem);
		if (!has_row(&one, db, name, &known)) {
			c->err = one.err;
			return false;
		}
		if (known)
			continue;
		if (unlinkat(folder, name, 0) != 0)
			return fail_errno(c, "remove", name);
		removed++;
	}
	*ret_removed = removed;
	return true;
}

static void
reader_done(struct db **db)
{
	reader_close(db);
}

bool
blobs_start(struct ctx *c, struct server *s)
{
	owned(reader_done) struct db *db = NULL;
	char *path = take_printf(c, "%s/blobs", s->conf.state);
	size_t removed;

	if (path == NULL)
		return false;
	if (mkdir(path, 0700) != 0 && errno != EEXIST)
		return fail_errno(c, "create", path);
	folder = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	if (folder < 0)
		return fail_errno(c, "open", path);
	if (!reader_open(c, s->store, &db) || !sweep(c, db, &removed))
		return false;
	if (removed > 0)
		log_event(
		    LOG_LEVEL_INFO, "blobs", "files-without-row-removed", "files=%zu", removed);
	return true;
}

void
blobs_stop(void)
{
	fd_done(&folder);
}

/* ---- The check ----------------------------------------------------------------------------- */

/* Problems are counted; what a person reads of them is bounded. */
struct report {
	struct buf *out;
	size_t n;
};

static void
problem(struct report *r, const char *before, const char *name, const char *after)
{
	if (r->n++ < PROBLEMS_MAX)
		buf_printf(r->out, "%s%s%s\n", before, name, after);
}

static void
file_check(struct report *r, const struct blob_row *row)
{
	struct stat st;

	if (row->state == BLOB_ARRIVING)
		return;
	if (fstatat(folder, row->id.s, &st, AT_SYMLINK_NOFOLLOW) != 0)
		problem(r, "the file of ", row->id.s, " is gone");
	else if ((uint64_t)st.st_size != sealed_size((uint64_t)row->size))
		problem(r, "the file of ", row->id.s, " has another size than its row says");
}

MUST static bool
rows_check(struct ctx *c, struct db *db, struct report *r)
{
	struct id after = { 0 };
	size_t n = CHECK_AT_ONCE;

	while (n == CHECK_AT_ONCE) {
		struct id *id;

		arena_reset(c->mem);
		if (!blob_ids(c, db, str_of(after.s), CHECK_AT_ONCE, &id, &n))
			return false;
		for (size_t i = 0; i < n; i++) {
			struct blob_row row;

			if (blob_by_id(c, db, str_of(id[i].s), &row))
				file_check(r, &row);
			else if (c->err.code != E_ABSENT)
				return false;
			c->err = (struct err){ 0 };
		}
		if (n > 0)
			after = id[n - 1];
	}
	return true;
}

/* What was there when the folder was read may have been deleted, row first, since. */
static bool
is_stray(const char *name, int64_t now)
{
	struct stat st;

	return fstatat(folder, name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
	    (!S_ISREG(st.st_mode) || now - st.st_mtim.tv_sec > FRESH_SECONDS);
}

MUST static bool
files_check(struct ctx *c, struct db *db, struct report *r)
{
	owned(dir_close) DIR *d = NULL;
	const char *name;
	bool known;

	if (!dir_open(c, &d))
		return false;
	while (dir_next(d, &name)) {
		arena_reset(c->mem);
		if (!has_row(c, db, name, &known))
			return false;
		if (!known && is_stray(name, c->now() / 1000))
			problem(r, "the file blobs/", name, " has no row");
	}
	return true;
}

bool
blobs_check(struct ctx *c, struct db *db, struct buf *out)
{
	owned(arena_free) struct arena *mem = arena_new(SWEEP_MEMORY);
	struct ctx own = *c;
	struct report r = { .out = out };

	own.mem = mem;
	if (mem == NULL)
		return fail(c, E_MEMORY, "no memory for the check of the files");
	if (!files_check(&own, db, &r) || !rows_check(&own, db, &r)) {
		c->err = own.err;
		return false;
	}
	if (r.n > PROBLEMS_MAX)
		buf_printf(out, "and %zu more files\n", r.n - PROBLEMS_MAX);
	return buf_ok(c, out);
}
