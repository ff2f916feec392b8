/*
 * Is the database sound? At start within a limit of time, on request as a whole: pages, indexes,
 * types, CHECKs and references.
 */
#include <stdio.h>

#include "impl.h"

#define REPORT_MAX ((size_t)32 << 10)

/* Ends a check that takes too long, in the middle of a large table too. */
struct limit {
	sqlite3 *sql;
	struct timespec until;
	pthread_t thread;
	pthread_mutex_t m;
	pthread_cond_t over;
	bool running, done, late;
};

static void *
limit_main(void *arg)
{
	struct limit *l = arg;
	int rc = 0;

	pthread_mutex_lock(&l->m);
	while (!l->done && rc == 0)
		rc = pthread_cond_clockwait(&l->over, &l->m, CLOCK_MONOTONIC, &l->until);
	l->late = !l->done;
	if (l->late)
		sqlite3_interrupt(l->sql);
	pthread_mutex_unlock(&l->m);
	return NULL;
}

/* Without a thread to spare the check has no limit. */
static void
limit_begin(struct limit *l, struct db *db, unsigned ms)
{
	int64_t until = clock_monotonic() + ms;

	l->sql = db->sql;
	l->until.tv_sec = until / 1000;
	l->until.tv_nsec = until % 1000 * 1000000;
	l->running = ms > 0 && pthread_create(&l->thread, NULL, limit_main, l) == 0;
}

static bool
limit_end(struct limit *l)
{
	if (!l->running)
		return false;
	pthread_mutex_lock(&l->m);
	l->done = true;
	pthread_cond_signal(&l->over);
	pthread_mutex_unlock(&l->m);
	(void)pthread_join(l->thread, NULL);
	return l->late;
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

/* What the first problem is, empty if there is none within the time. */
MUST static bool
problem_find(struct ctx *c, struct db *db, unsigned ms, struct buf *out)
{
	struct limit limit = { .m = PTHREAD_MUTEX_INITIALIZER,
		.over = PTHREAD_COND_INITIALIZER };
	bool ok, late;

	out->n = 0;
	limit_begin(&limit, db, ms);
	ok = report(c, db, "PRAGMA integrity_check(1)", out);
	late = limit_end(&limit);
	if (!ok && late && sqlite3_errcode(db->sql) == SQLITE_INTERRUPT) {
		c->err = (struct err){ 0 };
		ok = true;
	}
	if (str_same(buf_str(out), STR("ok\n")))
		out->n = 0;
	return ok;
}

bool
db_integrity(struct ctx *c, struct db *db, unsigned ms)
{
	char text[1024];
	struct buf out = BUF(text);

	/* Twice: a page that cannot be read for want of memory is reported as a damaged one. */
	if (!problem_find(c, db, ms, &out))
		return false;
	if (out.n > 0 && !problem_find(c, db, 0, &out))
		return false;
	if (out.n == 0)
		return true;
	for (size_t i = 0; i < out.n; i++)
		if (text[i] == '\n')
			text[i] = i + 1 == out.n ? '\0' : ' ';
	return fail_log(c, E_INTEGRITY, text,
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
