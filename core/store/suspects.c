/*
 * Suspects: what may be a vendor's. One is ready as soon as its bytes are whole, for nothing looks
 * at them before the worker of a verification does. It may go at any time but during one; what was
 * found about it stays, and names it.
 */
#include "impl.h"

const char *const suspect_state_names[] = {
	[SUSPECT_EMPTY] = "empty",
	[SUSPECT_READY] = "ready",
	NULL,
};

/* clang-format off */
enum {
	SUSPECT_INSERT, SUSPECT_BY_ID, SUSPECT_LIST, SUSPECT_TO_READY, SUSPECT_HELD, SUSPECT_DELETE,
};
#define SUSPECT "SELECT id, vendor, name, note, state, nullif(challenge, ''), bytes, digest," \
	" appeared, created, version FROM suspect"
static const char *const sql[] = {
	[SUSPECT_INSERT] = "INSERT INTO suspect (id, vendor, name, note, challenge, appeared,"
	    " created) VALUES (?, ?, ?, ?, ?, ?, ?)",
	[SUSPECT_BY_ID] = SUSPECT " WHERE id = ? AND vendor = ?",
	[SUSPECT_LIST] = SUSPECT " WHERE vendor = ? AND id > ? ORDER BY id LIMIT ?",
	[SUSPECT_TO_READY] = "UPDATE suspect SET state = 1, bytes = ?, digest = ?,"
	    " version = version + 1 WHERE id = ? AND state = 0",
	[SUSPECT_HELD] = "SELECT id FROM verification WHERE suspect = ? AND state = 0 LIMIT 1",
	[SUSPECT_DELETE] = "DELETE FROM suspect WHERE id = ?",
};
/* clang-format on */
const struct questions suspect_questions = { PART_SUSPECTS, sql, COUNT(sql) };

bool
suspect_insert(struct ctx *c, struct db *db, const struct suspect_row *s)
{
	owned(question_done) struct question q = ask(c, db, &suspect_questions, SUSPECT_INSERT);
	int64_t changed;

	in_id(&q, &s->id);
	in_id(&q, &s->vendor);
	in_text(&q, s->name);
	in_text(&q, s->note);
	in_text(&q, str_of(s->challenge.s));
	in_number(&q, s->appeared);
	in_number(&q, s->created);
	if (question_run(&q, &changed))
		return true;
	if (q.rc != SQLITE_CONSTRAINT_FOREIGNKEY)
		return false;
	return fail(c, E_ABSENT, "no such vendor");
}

static void
suspect_row(struct question *q, void *ret)
{
	struct suspect_row *s = ret;

	s->id = out_id(q);
	s->vendor = out_id(q);
	s->name = out_text(q);
	s->note = out_text(q);
	s->state = out_number(q) == SUSPECT_READY ? SUSPECT_READY : SUSPECT_EMPTY;
	s->challenge = out_id(q);
	s->bytes = out_number(q);
	s->digest = out_digest(q);
	s->appeared = out_number(q);
	s->created = out_number(q);
	s->version = out_number(q);
}

bool
suspect_by_id(
    struct ctx *c, struct db *db, struct str vendor, struct str id, struct suspect_row *ret)
{
	owned(question_done) struct question q = ask(c, db, &suspect_questions, SUSPECT_BY_ID);

	in_text(&q, id);
	in_text(&q, vendor);
	return question_get(&q, suspect_row, "suspect", ret);
}

bool
suspect_list(struct ctx *c, struct db *db, struct str vendor, struct str after, size_t max,
    struct suspect_row **ret, size_t *ret_n)
{
	owned(question_done) struct question q = ask(c, db, &suspect_questions, SUSPECT_LIST);
	void *rows;

	in_text(&q, vendor);
	in_text(&q, after);
	in_number(&q, (int64_t)max);
	if (!question_list(&q, suspect_row, sizeof **ret, &rows, ret_n))
		return false;
	*ret = rows;
	return true;
}

bool
suspect_ready(
    struct ctx *c, struct db *db, struct str id, int64_t bytes, const struct digest256 *digest)
{
	owned(question_done) struct question q = ask(
	    c, db, &suspect_questions, SUSPECT_TO_READY);

	in_number(&q, bytes);
	in_digest(&q, digest);
	in_text(&q, id);
	return question_one(&q, E_CONFLICT, "the suspect is all here already");
}

/* ---- Deletion ---------------------------------------------------------------------------- */

static void
id_row(struct question *q, void *ret)
{
	*(struct id *)ret = out_id(q);
}

MUST static bool
suspect_free(struct ctx *c, struct db *db, struct str id)
{
	owned(question_done) struct question q = ask(c, db, &suspect_questions, SUSPECT_HELD);
	struct id verification;
	bool found = false;

	in_text(&q, id);
	if (!question_find(&q, id_row, &verification, &found))
		return false;
	if (found)
		return fail(c, E_CONFLICT, "%s needs it: wait for its end, or cancel its job",
		    verification.s);
	return true;
}

bool
suspect_delete(struct ctx *c, struct db *db, struct str vendor, struct str id, int64_t version,
    struct blob_row **ret_gone, size_t *ret_n)
{
	owned(question_done) struct question q = ask(c, db, &suspect_questions, SUSPECT_DELETE);
	struct blob_row *gone;
	struct suspect_row s;
	size_t n;

	if (!suspect_by_id(c, db, vendor, id, &s))
		return false;
	if (version != 0 && version != s.version)
		return fail(c, E_STALE, "the suspect has changed since it was read");
	if (!suspect_free(c, db, id) || !blobs_delete(c, db, id, &gone, &n))
		return false;
	in_text(&q, id);
	if (!question_one(&q, E_ABSENT, "no such suspect"))
		return false;
	*ret_gone = gone;
	*ret_n = n;
	return true;
}
