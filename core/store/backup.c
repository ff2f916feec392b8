/*
 * Copies: a backup is one view of the database, copied in steps while the daemon works, into a
 * file that nobody else may read and that counts only once it is whole, checked and on the disk.
 * A restore checks the very bytes that it puts in place, and keeps what was there.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "impl.h"

enum { STEP_PAGES = 256, STEP_PAUSE_MS = 1 };
#define PIECE ((size_t)256 << 10)

/* ---- Out ------------------------------------------------------------------------------------ */

MUST static bool
pages_copy(struct ctx *c, struct db *from, struct db *to)
{
	sqlite3_backup *b = sqlite3_backup_init(to->sql, "main", from->sql, "main");
	int rc = b == NULL ? sqlite3_errcode(to->sql) : SQLITE_OK;

	while (rc == SQLITE_OK) {
		rc = sqlite3_backup_step(b, STEP_PAGES);
		if (rc == SQLITE_OK)
			(void)sqlite3_sleep(STEP_PAUSE_MS);
	}
	if (b != NULL)
		(void)sqlite3_backup_finish(b);
	return rc == SQLITE_DONE ? true : fail_sql(c, to, rc);
}

/* The source keeps one view open: writers go on, and the copy never begins anew. */
MUST static bool
view_copy(struct ctx *c, struct db *from, const char *to)
{
	owned(db_close) struct db *copy = NULL;
	int64_t tables;
	bool ok;

	if (!db_open(c, to, DB_PLAIN, &copy) || !db_exec(c, copy, "PRAGMA synchronous = OFF") ||
	    !db_exec(c, from, "BEGIN"))
		return false;
	ok = db_number(c, from, "SELECT count(*) FROM sqlite_schema", &tables) &&
	    pages_copy(c, from, copy);
	(void)sqlite3_exec(from->sql, "ROLLBACK", NULL, NULL, NULL);
	return ok;
}

/* The copied header speaks of a log beside the file: a backup is one file. */
MUST static bool
copy_check(struct ctx *c, const char *path)
{
	owned(db_close) struct db *db = NULL;

	return db_open(c, path, DB_PLAIN, &db) && db_integrity(c, db, 0);
}

MUST static bool
file_sync(struct ctx *c, const char *path)
{
	owned(fd_done) int fd = open(path, O_RDONLY | O_CLOEXEC);

	return fd >= 0 && fsync(fd) == 0 ? true : fail_errno(c, "sync", path);
}

/* The folder that the file lies in. */
MUST static bool
parent_sync(struct ctx *c, const char *path)
{
	const char *slash = strrchr(path, '/');
	struct str dir = slash == NULL ? STR(".")
				       : (struct str){ path, (size_t)(slash - path) };
	char *name = take_cstr(c, dir.n == 0 ? STR("/") : dir);

	return name != NULL && file_sync(c, name);
}

MUST static bool
create_empty(struct ctx *c, const char *path)
{
	owned(fd_done) int fd = open(
	    path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);

	if (fd < 0 && errno == EEXIST)
		return fail(c, E_CONFLICT, "%s exists already", path);
	return fd >= 0 ? true : fail_errno(c, "create", path);
}

bool
db_copy(struct ctx *c, struct db *from, const char *to)
{
	char *part = take_printf(c, "%s.part", to);
	bool ok;

	if (part == NULL || !create_empty(c, part))
		return false;
	if (!view_copy(c, from, part) || !copy_check(c, part) || !file_sync(c, part)) {
		(void)unlink(part);
		return false;
	}
	if (renameat2(AT_FDCWD, part, AT_FDCWD, to, RENAME_NOREPLACE) != 0) {
		ok = errno == EEXIST ? fail(c, E_CONFLICT, "%s exists already", to)
				     : fail_errno(c, "rename to", to);
		(void)unlink(part);
		return ok;
	}
	return parent_sync(c, to);
}

bool
store_backup(struct ctx *c, struct store *s, const char *to)
{
	owned(reader_close) struct db *from = NULL;

	return reader_open(c, s, &from) && db_copy(c, from, to);
}

/* ---- In ------------------------------------------------------------------------------------- */

MUST static bool
bytes_copy(struct ctx *c, int from, int to)
{
	char *piece = take(c, PIECE);
	ssize_t n = 1;

	if (piece == NULL)
		return false;
	while (n > 0) {
		n = read(from, piece, PIECE);
		if (n < 0 && errno == EINTR)
			n = 1;
		else if (n < 0)
			return fail_errno(c, "read", "the backup");
		else if (!fd_write_all(c, to, piece, (size_t)n))
			return false;
	}
	return fsync(to) == 0 ? true : fail_errno(c, "sync", "the backup's copy");
}

MUST static bool
bring_in(struct ctx *c, const char *from, const char *as)
{
	owned(fd_done) int in = open(from, O_RDONLY | O_CLOEXEC | O_NOCTTY), out = -1;
	struct stat st;

	if (in < 0 || fstat(in, &st) != 0)
		return fail_errno(c, "open the backup", from);
	if (!S_ISREG(st.st_mode))
		return fail(c, E_FILE, "%s is not a regular file", from);
	(void)unlink(as); /* of a restore that was cut off */
	out = open(as, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (out < 0)
		return fail_errno(c, "create", as);
	return bytes_copy(c, in, out);
}

/* Ours, not newer than this program, whole, and with an audit that verifies. */
MUST static bool
backup_check(struct ctx *c, const char *path)
{
	const struct audit_check check = { 0 };
	owned(db_close) struct db *db = NULL;
	int64_t id, version, rows, bad;

	if (!db_open(c, path, DB_PLAIN, &db) ||
	    !db_number(c, db, "PRAGMA application_id", &id) ||
	    !db_number(c, db, "PRAGMA user_version", &version))
		return false;
	if (id != STORE_APPLICATION_ID || version < 1)
		return fail(c, E_CONFLICT, "the backup is not a database of Hallmark");
	if (version > (int64_t)store_migration_count)
		return fail(c, E_CONFLICT,
		    "a newer Hallmark wrote the backup (schema %lld, this program knows %zu)",
		    (long long)version, store_migration_count);
	return db_integrity(c, db, 0) && audit_verify(c, db, &check, &rows, &bad);
}

/* Brings what is still in the log of the old database into its file. A damaged one stays as is. */
static void
settle_old(const struct ctx *c, const char *path)
{
	owned(db_close) struct db *old = NULL;
	struct ctx own = *c;

	if (db_open(&own, path, DB_WRITE, &old))
		(void)sqlite3_wal_checkpoint_v2(
		    old->sql, NULL, SQLITE_CHECKPOINT_TRUNCATE, NULL, NULL);
}

MUST static bool
move_aside(struct ctx *c, int folder, const char *kept)
{
	static const char *const beside[] = { "", "-wal", "-shm" };

	for (size_t i = 0; i < COUNT(beside); i++) {
		char *from = take_printf(c, STORE_FILE "%s", beside[i]);
		char *to = take_printf(c, "%s%s", kept, beside[i]);
		int rc;

		if (from == NULL || to == NULL)
			return false;
		/* The database keeps its name too until the new one takes it. */
		rc = i == 0 ? linkat(folder, from, folder, to, 0)
			    : renameat(folder, from, folder, to);
		if (rc != 0 && errno != ENOENT)
			return fail_errno(c, "put aside", from);
	}
	return folder_sync(c, folder);
}

bool
store_restore(struct ctx *c, const char *dir, const char *from)
{
	owned(fd_done) int folder = -1, lock = -1;
	char *next = take_printf(c, "%s/restore.db", dir);
	char *path = take_printf(c, "%s/%s", dir, STORE_FILE);
	char *kept = take_printf(c, "replaced-%s.db", time_name(c->now()).s);
	bool ok;

	if (next == NULL || path == NULL || kept == NULL || !folder_open(c, dir, &folder) ||
	    !folder_lock(c, folder, &lock))
		return false;
	ok = bring_in(c, from, next) && backup_check(c, next) && file_sync(c, next);
	if (ok) {
		settle_old(c, path);
		ok = move_aside(c, folder, kept);
	}
	if (ok && rename(next, path) != 0)
		ok = fail_errno(c, "rename to", path);
	if (!ok) {
		(void)unlink(next);
		return false;
	}
	return folder_sync(c, folder);
}
