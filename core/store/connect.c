/*
 * Connections: how each is opened, which promises of SQLite it relies on, and what a result code
 * of SQLite means for whoever asked. Every connection belongs to one thread at a time.
 */
#include <errno.h>

#include "impl.h"

/*
 * Durable at every commit; the log is moved into the file by the writer alone, never inside a
 * commit; deleted content is overwritten; nothing in the file is trusted to be code.
 */
static const char safe[] = "PRAGMA trusted_schema = OFF;"
			   "PRAGMA cell_size_check = ON;"
			   "PRAGMA mmap_size = 0;"
			   "PRAGMA temp_store = MEMORY;"
			   "PRAGMA wal_autocheckpoint = 0;";
static const char *const pragmas[] = {
	[DB_WRITE] = "PRAGMA journal_mode = WAL;"
		     "PRAGMA synchronous = FULL;"
		     "PRAGMA foreign_keys = ON;"
		     "PRAGMA secure_delete = ON;"
		     "PRAGMA cache_size = -65536;",
	[DB_READ] = "PRAGMA query_only = ON; PRAGMA cache_size = -8192;",
	[DB_CHECK] = "PRAGMA query_only = ON;",
	[DB_PLAIN] = "PRAGMA journal_mode = DELETE;",
};

static pthread_once_t once = PTHREAD_ONCE_INIT;

/* No global counting of memory, whose lock all readers would meet in; one thread a connection. */
static void
configure(void)
{
	(void)sqlite3_config(SQLITE_CONFIG_MULTITHREAD);
	(void)sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
	if (sqlite3_initialize() == SQLITE_OK)
		log_layer();
}

bool
db_open(struct ctx *c, const char *path, enum db_mode mode, struct db **ret)
{
	owned(db_close) struct db *db = calloc(1, sizeof *db);
	int flags = mode == DB_READ ? SQLITE_OPEN_READONLY : SQLITE_OPEN_READWRITE, rc;

	if (db == NULL)
		return fail(c, E_MEMORY, "no memory for a connection to the database");
	(void)pthread_once(&once, configure);
	rc = sqlite3_open_v2(
	    path, &db->sql, flags | SQLITE_OPEN_NOMUTEX, mode == DB_WRITE ? LOG_LAYER : NULL);
	if (rc != SQLITE_OK)
		return fail_sql(c, db, rc);
	(void)sqlite3_extended_result_codes(db->sql, 1);
	(void)sqlite3_busy_timeout(db->sql, BUSY_MS);
	(void)sqlite3_db_config(db->sql, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
	(void)sqlite3_db_config(db->sql, SQLITE_DBCONFIG_DQS_DML, 0, NULL);
	(void)sqlite3_db_config(db->sql, SQLITE_DBCONFIG_DQS_DDL, 0, NULL);
	if (!db_exec(c, db, safe) || !db_exec(c, db, pragmas[mode]))
		return false;
	*ret = steal(db);
	return true;
}

void
db_close(struct db **db)
{
	if (*db == NULL)
		return;
	view_free(*db); /* first: until then the writer may be ending it */
	for (size_t part = 0; part < PART_COUNT; part++)
		for (size_t i = 0; i < QUESTIONS_MAX; i++)
			(void)sqlite3_finalize((*db)->asked[part][i]);
	(void)sqlite3_close_v2((*db)->sql);
	free(*db);
	*db = NULL;
}

bool
db_exec(struct ctx *c, struct db *db, const char *sql)
{
	int rc = sqlite3_exec(db->sql, sql, NULL, NULL, NULL);

	return rc == SQLITE_OK ? true : fail_sql(c, db, rc);
}

bool
db_number(struct ctx *c, struct db *db, const char *sql, int64_t *ret)
{
	sqlite3_stmt *st = NULL;
	int rc = sqlite3_prepare_v2(db->sql, sql, -1, &st, NULL);
	int64_t v = 0;

	if (rc == SQLITE_OK)
		rc = sqlite3_step(st);
	if (rc == SQLITE_ROW)
		v = sqlite3_column_int64(st, 0);
	(void)sqlite3_finalize(st);
	if (rc != SQLITE_ROW)
		return fail_sql(c, db, rc);
	*ret = v;
	return true;
}

MUST static bool
fail_io(struct ctx *c, struct db *db, const char *why)
{
	int e = sqlite3_system_errno(db->sql);

	if (e == ENOSPC || e == EDQUOT || e == EFBIG)
		return fail_log(c, E_FULL, why, "no space is left for the database");
	return fail_log(c, E_STORE, why, "the database's disk fails");
}

MUST static bool
fail_constraint(struct ctx *c, int rc, const char *why)
{
	switch (rc) {
	case SQLITE_CONSTRAINT_UNIQUE:
	case SQLITE_CONSTRAINT_PRIMARYKEY:
	case SQLITE_CONSTRAINT_ROWID:
		return fail_log(c, E_CONFLICT, why, "it exists already");
	case SQLITE_CONSTRAINT_FOREIGNKEY:
		return fail_log(
		    c, E_CONFLICT, why, "something else still needs it, or is missing");
	default:
		return fail_log(c, E_INTERNAL, why, "the database refuses this value");
	}
}

bool
fail_sql(struct ctx *c, struct db *db, int rc)
{
	const char *why = db->sql == NULL ? sqlite3_errstr(rc) : sqlite3_errmsg(db->sql);

	switch (rc & 0xff) {
	case SQLITE_NOMEM:
		return fail_log(c, E_MEMORY, why, "no memory for the database");
	case SQLITE_FULL:
		return fail_log(c, E_FULL, why, "no space is left for the database");
	case SQLITE_IOERR:
		return fail_io(c, db, why);
	case SQLITE_CORRUPT:
	case SQLITE_NOTADB:
		return fail_log(c, E_INTEGRITY, why,
		    "the database is damaged: stop the daemon and put the last good backup in its "
		    "place with `hallmarkctl db restore FILE`");
	case SQLITE_CONSTRAINT:
		return fail_constraint(c, rc, why);
	case SQLITE_BUSY:
	case SQLITE_LOCKED:
		return fail_log(c, E_STORE, why, "another program is holding the database");
	default:
		return fail_log(c, E_STORE, why, "the database refused");
	}
}
