/*
 * Is the database sound? At start within a limit of time, on request as a whole: pages, indexes,
 * types, CHECKs and references.
 */
#include <stdio.h>

#include "impl.h"

enum { STEPS = 20000 }; /* of SQLite's machine between two looks at the clock */
#define PROBLEMS_MAX 100
#define REPORT_MAX ((size_t)32 << 10)

static int
is_late(void *until)
{
	return clock_monotonic() >= *(const int64_t *)until;
}

/* Appends each row that `sql` answers as a line. */
MUST static bool
report(struct ctx *c, struct db *db, const char *sql, struct buf *out)
{
	sqlite3_stmt *st = NULL;
	int rc = sqlite3_prepare_v2(db->sql, sql, -1, &st, NULL);

	while (rc == SQLITE_OK || rc == SQLITE_ROW) {
		rc = sqlite3_step(st);
		if (rc == SQLITE_ROW && out->n + 512 < out->max)
			buf_printf(out, "%.400s\n", (const char *)sqlite3_column_text(st, 0));
	}
	(void)sqlite3_finalize(st);
	return rc == SQLITE_DONE ? true : fail_sql(c, db, rc);
}

bool
db_integrity(struct ctx *c, struct db *db, unsigned ms)
{
	int64_t until = clock_monotonic() + ms;
	char text[1024];
	struct buf out = BUF(text);
	struct str first, rest;
	bool ok;

	if (ms > 0)
		sqlite3_progress_handler(db->sql, STEPS, is_late, &until);
	ok = report(c, db, "PRAGMA integrity_check(1)", &out);
	sqlite3_progress_handler(db->sql, 0, NULL, NULL);
	if (!ok && ms > 0 && sqlite3_errcode(db->sql) == SQLITE_INTERRUPT) {
		c->err = (struct err){ 0 };
		return true;
	}
	if (!ok)
		return false;
	rest = buf_str(&out);
	(void)!str_cut(&rest, '\n', &first);
	if (str_same(first, STR("ok")))
		return true;
	return fail_log(c, E_INTEGRITY, take_cstr(c, first),
	    "the database is damaged: put the last good backup in its place with `hallmarkctl db "
	    "restore FILE`");
}

bool
store_check(struct ctx *c, struct db *db, struct str *ret_problems)
{
	static const char refers[] =
	    "SELECT 'row ' || rowid || ' of ' || \"table\" || ' refers to a missing ' || parent"
	    " FROM pragma_foreign_key_check LIMIT 100";
	owned(db_close) struct db *check = NULL;
	struct str text, ok = STR("ok\n");
	struct buf out;

	if (!take_buf(c, REPORT_MAX, &out) ||
	    !db_open(c, sqlite3_db_filename(db->sql, "main"), DB_CHECK, &check))
		return false;
	/* A file that is too damaged to be walked says so in the same report. */
	if (!report(c, check, "PRAGMA integrity_check(100)", &out) ||
	    !report(c, check, refers, &out)) {
		if (c->err.code != E_INTEGRITY)
			return false;
		buf_printf(&out, "%s (%s)\n", c->err.text, c->err.detail);
		c->err = (struct err){ 0 };
	}
	text = buf_str(&out);
	if (str_starts(text, ok))
		text = (struct str){ text.p + ok.n, text.n - ok.n };
	*ret_problems = text;
	return true;
}
