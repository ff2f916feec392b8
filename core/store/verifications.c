/*
 * Verifications: a suspect held against a release, and what was found, with what the custodian has
 * signed about it. And what one stands on: who has a copy of the release, and when the audit was
 * told of what the vendor is committed to.
 */
#include "impl.h"

const char *const verification_state_names[] = {
	[VERIFICATION_RUNNING] = "running",
	[VERIFICATION_DONE] = "done",
	[VERIFICATION_FAILED] = "failed",
	NULL,
};
const char *const verification_verdict_names[] = {
	"no-evidence",
	"indicative",
	"proven",
	"cannot-decide",
	NULL,
};
enum { VERDICT_LAST = 3 };

/* clang-format off */
enum {
	VERIFICATION_INSERT, VERIFICATION_BY_ID, VERIFICATION_LIST, VERIFICATION_TO_DONE,
	VERIFICATION_TO_FAILED, VERIFICATION_LICENSED, VERIFICATION_JOB_ENDED,
};
#define VERIFICATION(texts) "SELECT id, vendor, suspect, release, state, job, verdict, accused," \
	" report, error_code, error_text, created, version, " texts " FROM verification"
static const char *const sql[] = {
	[VERIFICATION_INSERT] = "INSERT INTO verification (id, vendor, suspect, release, job,"
	    " created) VALUES (?, ?, ?, ?, ?, ?)",
	[VERIFICATION_BY_ID] = VERIFICATION("facts, statement") " WHERE id = ? AND vendor = ?",
	[VERIFICATION_LIST] = VERIFICATION("'', ''") " WHERE vendor = ? AND id > ? ORDER BY id LIMIT ?",
	[VERIFICATION_TO_DONE] = "UPDATE verification SET state = 1, verdict = ?, accused = ?,"
	    " facts = ?, report = ?, statement = ?, version = version + 1"
	    " WHERE id = ? AND state = 0",
	[VERIFICATION_TO_FAILED] = "UPDATE verification SET state = 2, error_code = ?,"
	    " error_text = ?, version = version + 1 WHERE id = ? AND state = 0",
	[VERIFICATION_LICENSED] = "SELECT number, customer FROM licensed WHERE release = ?"
	    " ORDER BY number",
	[VERIFICATION_JOB_ENDED] = "SELECT at FROM audit WHERE action = 'job.end' AND object = ?"
	    " AND vendor = ? AND outcome = 'OK' ORDER BY seq DESC LIMIT 1",
};
/* clang-format on */
const struct questions verification_questions = { PART_VERIFICATIONS, sql, COUNT(sql) };

bool
verification_insert(struct ctx *c, struct db *db, struct verification_row *v)
{
	owned(question_done) struct question q = ask(
	    c, db, &verification_questions, VERIFICATION_INSERT);
	struct suspect_row suspect;
	int64_t changed;

	if (!suspect_by_id(c, db, str_of(v->vendor.s), str_of(v->suspect.s), &suspect))
		return false;
	if (suspect.state != SUSPECT_READY)
		return fail_at(c, E_CONFLICT, "/suspect",
		    "the suspect's bytes are not all here: bring them first");
	in_id(&q, &v->id);
	in_id(&q, &v->vendor);
	in_id(&q, &v->suspect);
	in_id(&q, &v->release);
	in_id(&q, &v->job);
	in_number(&q, v->created);
	if (!question_run(&q, &changed))
		return false;
	v->version = 1;
	return true;
}

static void
verification_row(struct question *q, void *ret)
{
	struct verification_row *v = ret;
	int64_t state, verdict;

	v->id = out_id(q);
	v->vendor = out_id(q);
	v->suspect = out_id(q);
	v->release = out_id(q);
	state = out_number(q);
	v->state = state >= VERIFICATION_RUNNING && state <= VERIFICATION_FAILED
	    ? (enum verification_state)state
	    : VERIFICATION_FAILED;
	v->job = out_id(q);
	verdict = out_number(q);
	v->verdict = verdict >= 0 && verdict <= VERDICT_LAST ? (int)verdict : VERDICT_LAST;
	v->accused = out_number(q);
	v->report = out_digest(q);
	v->error_code = out_text(q);
	v->error_text = out_text(q);
	v->created = out_number(q);
	v->version = out_number(q);
	v->facts = out_text(q);
	v->statement = out_text(q);
}

bool
verification_by_id(struct ctx *c, struct db *db, struct str vendor, struct str id,
    struct verification_row *ret)
{
	owned(question_done) struct question q = ask(
	    c, db, &verification_questions, VERIFICATION_BY_ID);

	in_text(&q, id);
	in_text(&q, vendor);
	return question_get(&q, verification_row, "verification", ret);
}

bool
verification_list(struct ctx *c, struct db *db, struct str vendor, struct str after, size_t max,
    struct verification_row **ret, size_t *ret_n)
{
	owned(question_done) struct question q = ask(
	    c, db, &verification_questions, VERIFICATION_LIST);
	void *rows;

	in_text(&q, vendor);
	in_text(&q, after);
	in_number(&q, (int64_t)max);
	if (!question_list(&q, verification_row, sizeof **ret, &rows, ret_n))
		return false;
	*ret = rows;
	return true;
}

bool
verification_done(struct ctx *c, struct db *db, const struct verification_row *v)
{
	owned(question_done) struct question q = ask(
	    c, db, &verification_questions, VERIFICATION_TO_DONE);

	in_number(&q, v->verdict);
	in_number(&q, v->accused);
	in_text(&q, v->facts);
	in_digest(&q, &v->report);
	in_text(&q, v->statement);
	in_id(&q, &v->id);
	return question_one(&q, E_CONFLICT, "the verification does not run");
}

bool
verification_fail(struct ctx *c, struct db *db, struct str id, struct str code, struct str text)
{
	owned(question_done) struct question q = ask(
	    c, db, &verification_questions, VERIFICATION_TO_FAILED);

	in_text(&q, code);
	in_text(&q, text);
	in_text(&q, id);
	return question_one(&q, E_CONFLICT, "the verification does not run");
}

/* ---- What it stands on ------------------------------------------------------------------- */

bool
release_licensed(
    struct ctx *c, struct db *db, struct str release, customer_each *each, void *arg)
{
	owned(question_done) struct question q = ask(
	    c, db, &verification_questions, VERIFICATION_LICENSED);

	in_text(&q, release);
	return question_customers(&q, each, arg);
}

static void
at_row(struct question *q, void *ret)
{
	*(int64_t *)ret = out_number(q);
}

bool
audit_job_ended(struct ctx *c, struct db *db, struct str vendor, struct str job, int64_t *ret)
{
	owned(question_done) struct question q = ask(
	    c, db, &verification_questions, VERIFICATION_JOB_ENDED);
	bool found = false;
	int64_t at = 0;

	in_text(&q, job);
	in_text(&q, vendor);
	if (!question_find(&q, at_row, &at, &found))
		return false;
	*ret = found ? at : 0;
	return true;
}
