/*
 * The schema: numbered migrations, each one transaction that also counts itself, so that a kill in
 * the middle leaves the version before it. A database that has anything in it is copied first. A
 * newer one is left alone.
 */
#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>

#include "impl.h"

MUST static bool
step_up(struct ctx *c, struct db *db, const char *sql, size_t version)
{
	char count[48];
	int64_t broken = 0;

	snprintf(count, sizeof count, "PRAGMA user_version = %zu", version);
	if (db_exec(c, db, "BEGIN IMMEDIATE") && db_exec(c, db, sql) && db_exec(c, db, count) &&
	    db_number(c, db, "SELECT count(*) FROM pragma_foreign_key_check", &broken) &&
	    broken == 0 && db_exec(c, db, "COMMIT"))
		return true;
	(void)sqlite3_exec(db->sql, "ROLLBACK", NULL, NULL, NULL);
	if (broken != 0)
		return fail(c, E_INTEGRITY,
		    "migration %zu would leave %lld rows that refer to nothing", version,
		    (long long)broken);
	return false;
}

/* The first migration makes a database of an empty file. */
MUST static bool
first_step(struct ctx *c, struct db *db, const char *sql)
{
	char *named = take_printf(
	    c, "PRAGMA application_id = %d; %s", STORE_APPLICATION_ID, sql);

	return named != NULL && step_up(c, db, named, 1);
}

MUST static bool
copy_aside(struct ctx *c, struct db *db, const char *dir, int64_t version)
{
	char *folder = take_printf(c, "%s/backup", dir), *to;

	to = take_printf(
	    c, "%s/backup/schema-%04lld-%s.db", dir, (long long)version, time_name(c->now()).s);
	if (folder == NULL || to == NULL)
		return false;
	if (mkdir(folder, 0700) != 0 && errno != EEXIST)
		return fail_errno(c, "create", folder);
	return db_copy(c, db, to);
}

MUST static bool
version_of(struct ctx *c, struct db *db, int64_t *ret)
{
	int64_t id = 0, version = 0, tables = 0;

	if (!db_number(c, db, "PRAGMA application_id", &id) ||
	    !db_number(c, db, "PRAGMA user_version", &version) ||
	    !db_number(c, db, "SELECT count(*) FROM sqlite_schema", &tables))
		return false;
	if (id != STORE_APPLICATION_ID && (id != 0 || version != 0 || tables != 0))
		return fail(c, E_CONFLICT, "%s is not a database of Hallmark", STORE_FILE);
	*ret = version;
	return true;
}

bool
schema_upgrade(
    struct ctx *c, struct db *db, const char *dir, const char *const migrations[], size_t n)
{
	int64_t version = 0;

	if (!version_of(c, db, &version))
		return false;
	if (version < 0 || version > (int64_t)n)
		return fail(c, E_CONFLICT,
		    "a newer Hallmark wrote this database (schema %lld, this program knows %zu): "
		    "install that version or restore an older backup",
		    (long long)version, n);
	if (version == (int64_t)n)
		return true;
	if (version > 0 && !copy_aside(c, db, dir, version))
		return false;
	/* A table may be built anew under its own name; the check at the end of a step stays. */
	if (!db_exec(c, db, "PRAGMA foreign_keys = OFF"))
		return false;
	for (size_t i = (size_t)version; i < n; i++)
		if (!(i == 0 ? first_step(c, db, migrations[0])
			     : step_up(c, db, migrations[i], i + 1)))
			return false;
	return db_exec(c, db, "PRAGMA foreign_keys = ON");
}
