/*
 * What hangs on a license and is neither seat nor key: the machines that it is bound to, and who
 * has approved that its unlock keys be released.
 */
#include "impl.h"

/* clang-format off */
enum {
	MACHINE_LIST, MACHINE_BIND, MACHINE_RELEASE, MACHINE_RELEASE_ALL,
	APPROVAL_INSERT, APPROVAL_DELETE, APPROVAL_COUNT,
};
static const char *const sql[] = {
	[MACHINE_LIST] = "SELECT fingerprint FROM license_machine WHERE license = ?"
	    " ORDER BY fingerprint",
	[MACHINE_BIND] = "INSERT INTO license_machine (license, fingerprint, bound)"
	    " VALUES (?, ?, ?) ON CONFLICT DO NOTHING",
	[MACHINE_RELEASE] = "DELETE FROM license_machine WHERE license = ? AND fingerprint = ?",
	[MACHINE_RELEASE_ALL] = "DELETE FROM license_machine WHERE license = ?",
	[APPROVAL_INSERT] = "INSERT INTO approval (license, token, at) VALUES (?, ?, ?)"
	    " ON CONFLICT DO NOTHING",
	[APPROVAL_DELETE] = "DELETE FROM approval WHERE license = ? AND token = ?",
	[APPROVAL_COUNT] = "SELECT count(*) FROM approval a JOIN license l ON l.id = a.license"
	    " WHERE a.license = ? AND NOT EXISTS (SELECT 1 FROM token t WHERE t.vendor = l.vendor"
	    " AND t.id = a.token AND t.revoked <> 0)",
};
/* clang-format on */
const struct questions machine_questions = { PART_MACHINES, sql, COUNT(sql) };

/* The only reference that such a row has is its license. */
MUST static bool
fail_license(struct question *q)
{
	if (q->rc != SQLITE_CONSTRAINT_FOREIGNKEY)
		return false;
	return fail(q->c, E_ABSENT, "no such license");
}

/* ---- Machines ---------------------------------------------------------------------------- */

static void
fingerprint_row(struct question *q, void *ret)
{
	*(struct str *)ret = out_text(q);
}

bool
machine_list(struct ctx *c, struct db *db, struct str license, struct str **ret, size_t *ret_n)
{
	owned(question_done) struct question q = ask(c, db, &machine_questions, MACHINE_LIST);
	void *rows;

	in_text(&q, license);
	if (!question_list(&q, fingerprint_row, sizeof **ret, &rows, ret_n))
		return false;
	*ret = rows;
	return true;
}

bool
machine_bind(
    struct ctx *c, struct db *db, struct str license, struct str fingerprint, int64_t at)
{
	owned(question_done) struct question q = ask(c, db, &machine_questions, MACHINE_BIND);
	int64_t changed;

	in_text(&q, license);
	in_bytes(&q, fingerprint);
	in_number(&q, at);
	return question_run(&q, &changed) ? true : fail_license(&q);
}

bool
machine_release(
    struct ctx *c, struct db *db, struct str license, struct str fingerprint, int64_t *ret_n)
{
	owned(question_done) struct question q = ask(c, db, &machine_questions,
	    fingerprint.n > 0 ? MACHINE_RELEASE : MACHINE_RELEASE_ALL);

	in_text(&q, license);
	if (fingerprint.n > 0)
		in_bytes(&q, fingerprint);
	return question_run(&q, ret_n);
}

/* ---- Approvals --------------------------------------------------------------------------- */

bool
approval_insert(struct ctx *c, struct db *db, struct str license, struct str token, int64_t at)
{
	owned(question_done) struct question q = ask(
	    c, db, &machine_questions, APPROVAL_INSERT);
	int64_t changed;

	in_text(&q, license);
	in_text(&q, token);
	in_number(&q, at);
	return question_run(&q, &changed) ? true : fail_license(&q);
}

bool
approval_delete(struct ctx *c, struct db *db, struct str license, struct str token)
{
	owned(question_done) struct question q = ask(
	    c, db, &machine_questions, APPROVAL_DELETE);
	int64_t changed;

	in_text(&q, license);
	in_text(&q, token);
	return question_run(&q, &changed);
}

static void
count_row(struct question *q, void *ret)
{
	*(int64_t *)ret = out_number(q);
}

bool
approval_count(struct ctx *c, struct db *db, struct str license, int64_t *ret)
{
	owned(question_done) struct question q = ask(c, db, &machine_questions, APPROVAL_COUNT);

	in_text(&q, license);
	return question_get(&q, count_row, "license", ret);
}
