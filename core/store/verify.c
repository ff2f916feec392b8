/*
 * The verification of the audit: every row from the first, its number, the types of its columns
 * and its link to the row before; the checkpoints at their rows; at last the head. It reads in
 * short runs, so that an audit of any length neither takes memory nor holds the log back; rows
 * only ever come after the last, and the end is looked at in one view of the database.
 */
#include <stdarg.h>
#include <stdio.h>

#include "impl.h"

/* clang-format off */
enum { ROWS, CHECKPOINT_NEXT, CHECKPOINT_AT };
static const char *const sql[] = {
	[ROWS] = ("SELECT seq, at, vendor, actor, action, object, outcome, request, address, detail,"
	    " hash FROM audit WHERE seq >= ? ORDER BY seq LIMIT ?"),
	[CHECKPOINT_NEXT] = "SELECT seq FROM checkpoint WHERE seq >= ? ORDER BY seq LIMIT 1",
	[CHECKPOINT_AT] = "SELECT at, hash, jws FROM checkpoint WHERE seq = ?",
};
/* clang-format on */
const struct questions verify_questions = { PART_VERIFY, sql, COUNT(sql) };

enum { RUN = 1000 };
#define SCRATCH_MAX ((size_t)1 << 20)

struct walk {
	struct ctx *c;
	struct db *db;
	const struct audit_check *check;
	struct arena *scratch; /* for one signature */
	struct audit_end end;  /* so far everything is right up to here */
	int64_t signed_seq;    /* the next checkpoint's row */
	bool signed_found;
	int64_t total, bad_seq;
};

PRINTF(3, 4)
MUST static bool
wrong(struct walk *w, int64_t seq, const char *fmt, ...)
{
	char why[120];
	va_list args;

	va_start(args, fmt);
	vsnprintf(why, sizeof why, fmt, args);
	va_end(args);
	w->bad_seq = seq;
	return fail(w->c, E_INTEGRITY, "row %lld of the audit: %s", (long long)seq, why);
}

/* What a damaged page says of itself becomes a statement about the row that was to be read. */
MUST static bool
unreadable(struct walk *w)
{
	if (w->c->err.code != E_INTEGRITY)
		return false;
	return wrong(w, w->end.seq + 1,
	    "cannot be read, the database is damaged: `hallmarkctl db restore FILE`");
}

/* A column as it lies in the row, without a copy. */
static struct str
column(sqlite3_stmt *st, int i)
{
	const char *p = sqlite3_column_blob(st, i);

	return (struct str){ p, p == NULL ? 0 : (size_t)sqlite3_column_bytes(st, i) };
}

static bool
types_right(sqlite3_stmt *st)
{
	bool ok = sqlite3_column_type(st, 0) == SQLITE_INTEGER &&
	    sqlite3_column_type(st, 1) == SQLITE_INTEGER;

	for (int i = 0; ok && i < AUDIT_TEXTS; i++)
		ok = sqlite3_column_type(st, 2 + i) == SQLITE_TEXT;
	return ok && sqlite3_column_type(st, 2 + AUDIT_TEXTS) == SQLITE_BLOB;
}

/* A digest as a column holds it. */
static bool
digest_of(struct str s, struct digest256 *ret)
{
	if (s.n != sizeof ret->b)
		return false;
	memcpy(ret->b, s.p, sizeof ret->b);
	return true;
}

MUST static bool
signed_next(struct walk *w, int64_t from)
{
	owned(question_done) struct question q = ask(
	    w->c, w->db, &verify_questions, CHECKPOINT_NEXT);
	bool found = false;

	in_number(&q, from);
	if (!question_row(&q, &found))
		return false;
	w->signed_found = found;
	w->signed_seq = found ? out_number(&q) : 0;
	return true;
}

/* The row that was just verified is one that the custodian signed. */
MUST static bool
signed_check(struct walk *w)
{
	owned(question_done) struct question q = ask(
	    w->c, w->db, &verify_questions, CHECKPOINT_AT);
	struct checkpoint k = { .seq = w->end.seq };
	struct ctx c = *w->c;
	bool found = false;

	in_number(&q, k.seq);
	if (!question_row(&q, &found))
		return false;
	k.at = found ? sqlite3_column_int64(q.st, 0) : 0;
	if (!found || sqlite3_column_type(q.st, 0) != SQLITE_INTEGER ||
	    !digest_of(column(q.st, 1), &k.hash) ||
	    sqlite3_column_type(q.st, 2) != SQLITE_TEXT ||
	    !digest256_same(&k.hash, &w->end.hash))
		return wrong(w, k.seq, "is not what its checkpoint has signed");
	k.jws = column(q.st, 2);
	c.mem = w->scratch;
	arena_reset(w->scratch);
	if (w->check->signature != NULL && !w->check->signature(&c, &k, w->check->arg)) {
		w->c->err = c.err;
		if (c.err.code != E_INTEGRITY && c.err.code != E_INPUT)
			return false;
		return wrong(w, k.seq, "the signature of its checkpoint is wrong");
	}
	return signed_next(w, k.seq + 1);
}

MUST static bool
row_check(struct walk *w, sqlite3_stmt *st)
{
	struct str texts[AUDIT_TEXTS];
	struct digest256 stored, hash;
	int64_t seq = sqlite3_column_int64(st, 0);

	if (seq != w->end.seq + 1 && seq > w->end.seq)
		return wrong(w, w->end.seq + 1, "is missing, %lld follows", (long long)seq);
	if (seq != w->end.seq + 1)
		return wrong(w, seq, "it has no place in the chain");
	if (!types_right(st))
		return wrong(w, seq, "a column is of another type");
	for (int i = 0; i < AUDIT_TEXTS; i++)
		texts[i] = column(st, 2 + i);
	if (!audit_link(w->c, &w->end.hash, seq, sqlite3_column_int64(st, 1), texts, &hash))
		return false;
	if (!digest_of(column(st, 2 + AUDIT_TEXTS), &stored) || !digest256_same(&stored, &hash))
		return wrong(w, seq, "was changed, or a row before it was");
	w->end = (struct audit_end){ seq, hash };
	if (w->signed_found && w->signed_seq < seq)
		return wrong(w, w->signed_seq, "a checkpoint speaks of it, but it never was");
	return !w->signed_found || w->signed_seq != seq ? true : signed_check(w);
}

/* The next rows, at most RUN; says whether there may be more. */
MUST static bool
rows_check(struct walk *w, bool *ret_more)
{
	owned(question_done) struct question q = ask(w->c, w->db, &verify_questions, ROWS);
	bool found = true;
	int n = 0;

	/* From the very first number: what stands before row 1 is wrong as well. */
	in_number(&q, w->end.seq == 0 ? INT64_MIN : w->end.seq + 1);
	in_number(&q, RUN);
	for (; found; n++) {
		if (!question_row(&q, &found))
			return unreadable(w);
		if (found && !row_check(w, q.st))
			return false;
	}
	*ret_more = n > RUN;
	if (w->check->progress != NULL)
		w->check->progress(w->end.seq, w->total, w->check->arg);
	return true;
}

/* Whatever came meanwhile, and the head, in one view. */
MUST static bool
tail_check(struct walk *w)
{
	struct audit_end head;
	bool more = true;
	int64_t last;

	while (more)
		if (!rows_check(w, &more))
			return false;
	last = w->end.seq;
	if (!audit_head(w->c, w->db, &head.seq, &head.hash))
		return w->c->err.code == E_INTEGRITY ? wrong(w, last, "the head is missing")
						     : false;
	if (head.seq > last || w->signed_found)
		return wrong(w, last + 1, "is missing at the end");
	if (head.seq < last)
		return wrong(w, last, "was added behind the head");
	if (!digest256_same(&head.hash, &w->end.hash))
		return wrong(w, last, "the head does not speak of it");
	return true;
}

MUST static bool
walk(struct walk *w)
{
	bool more = true, outside = sqlite3_get_autocommit(w->db->sql) != 0, ok;
	struct digest256 hash;

	if (!audit_head(w->c, w->db, &w->total, &hash) && w->c->err.code != E_INTEGRITY)
		return false;
	if (!signed_next(w, INT64_MIN))
		return unreadable(w);
	while (more && w->end.seq < w->total)
		if (!rows_check(w, &more))
			return false;
	if (outside && !db_exec(w->c, w->db, "BEGIN"))
		return false;
	ok = tail_check(w);
	if (outside)
		(void)sqlite3_exec(w->db->sql, "ROLLBACK", NULL, NULL, NULL);
	return ok;
}

bool
audit_verify(struct ctx *c, struct db *db, const struct audit_check *check, int64_t *ret_rows,
    int64_t *ret_bad_seq)
{
	struct walk w = { .c = c, .db = db, .check = check };
	bool ok;

	w.scratch = arena_new(SCRATCH_MAX);
	if (w.scratch == NULL)
		return fail(c, E_MEMORY, "no memory to verify the audit");
	ok = walk(&w);
	arena_free(&w.scratch);
	if (ok)
		*ret_rows = w.end.seq;
	else if (c->err.code == E_INTEGRITY)
		*ret_bad_seq = w.bad_seq;
	return ok;
}
