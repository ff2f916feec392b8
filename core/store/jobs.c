/*
 * Jobs: the row is the truth, the process that works on it is disposable. A job goes from queued
 * to running to one of three ends; what a killed daemon left running is queued again.
 */
#include "impl.h"

const char *const job_state_names[] = {
	[JOB_QUEUED] = "queued",
	[JOB_RUNNING] = "running",
	[JOB_DONE] = "done",
	[JOB_FAILED] = "failed",
	[JOB_CANCELLED] = "cancelled",
	NULL,
};

/* clang-format off */
enum {
	JOB_INSERT, JOB_BY_ID, JOB_OF_VENDOR, JOB_LIST, JOB_LIST_OF_VENDOR, JOB_NEXT, JOB_START,
	JOB_PROGRESS, JOB_FINISH, JOB_CANCEL, JOB_REQUEUE, JOB_PRUNABLE, JOB_DELETE,
	JOB_QUEUED_NTH, JOB_COUNT, JOB_OF_OBJECT,
};
#define JOB "SELECT id, vendor, kind, state, input, data_key, done, total, note, result," \
	" error_code, error_text, attempts, cancel, created, started, finished, version," \
	" nullif(object, '') FROM job"
/* The second halves say that the index of open jobs will do: SQLite does not see it by itself. */
#define IS_QUEUED "state = 0 AND state < 2"
#define IS_RUNNING "state = 1 AND state < 2"
static const char *const sql[] = {
	[JOB_INSERT] = "INSERT INTO job (id, vendor, kind, input, data_key, done, total, note,"
	    " created, object) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
	[JOB_BY_ID] = JOB " WHERE id = ?",
	[JOB_OF_VENDOR] = JOB " WHERE id = ? AND vendor = ?",
	[JOB_LIST] = JOB " WHERE id > ? ORDER BY id LIMIT ?",
	[JOB_LIST_OF_VENDOR] = JOB " WHERE id > ? AND vendor = ? ORDER BY id LIMIT ?",
	/* Hops from vendor to vendor that waits, each with one look into the index of open jobs. */
	[JOB_NEXT] = "WITH RECURSIVE waiting (vendor) AS ("
	    " SELECT min(vendor) FROM job WHERE " IS_QUEUED
	    " UNION ALL SELECT (SELECT min(vendor) FROM job WHERE " IS_QUEUED
	    " AND vendor > waiting.vendor) FROM waiting WHERE waiting.vendor IS NOT NULL)"
	    " SELECT (SELECT min(id) FROM job WHERE " IS_QUEUED " AND vendor = w.vendor) AS oldest"
	    " FROM waiting w WHERE w.vendor IS NOT NULL"
	    " ORDER BY (SELECT count(*) FROM job WHERE " IS_RUNNING " AND vendor = w.vendor),"
	    " oldest LIMIT 1",
	[JOB_START] = "UPDATE job SET state = 1, started = ?, attempts = attempts + 1,"
	    " version = version + 1 WHERE id = ? AND state = 0",
	[JOB_PROGRESS] = "UPDATE job SET done = ?, total = ?, note = ? WHERE id = ? AND state = 1",
	[JOB_FINISH] = "UPDATE job SET state = ?, done = ?, total = ?, note = ?, result = ?,"
	    " error_code = ?, error_text = ?, attempts = ?, finished = ?, version = version + 1"
	    " WHERE id = ? AND state = 1",
	[JOB_CANCEL] = "UPDATE job SET cancel = 1, state = CASE state WHEN 0 THEN 4 ELSE state END,"
	    " finished = CASE state WHEN 0 THEN ? ELSE finished END, version = version + 1"
	    " WHERE id = ?",
	[JOB_REQUEUE] = "UPDATE job SET state = 0,"
	    " attempts = max(attempts - 1, 0), version = version + 1 WHERE " IS_RUNNING,
	[JOB_QUEUED_NTH] = "SELECT id FROM job WHERE state = 0 AND vendor = ?"
	    " LIMIT 1 OFFSET ?",
	[JOB_PRUNABLE] = "SELECT id, data_key FROM job WHERE state > 1 AND finished < ?"
	    " ORDER BY finished LIMIT ?",
	[JOB_DELETE] = "DELETE FROM job WHERE id = ?",
	[JOB_COUNT] = "SELECT state, n FROM job_tally WHERE state BETWEEN 0 AND 4",
	[JOB_OF_OBJECT] = "SELECT id FROM job WHERE object = ? AND object <> '' AND state < 2 LIMIT 1",
};
/* clang-format on */
const struct questions job_questions = { PART_JOBS, sql, COUNT(sql) };

bool
job_insert(struct ctx *c, struct db *db, const struct job_row *j)
{
	owned(question_done) struct question q = ask(c, db, &job_questions, JOB_INSERT);
	int64_t changed;

	in_id(&q, &j->id);
	in_id(&q, &j->vendor);
	in_text(&q, j->kind);
	in_bytes(&q, j->input);
	in_id(&q, &j->data_key);
	in_number(&q, j->done);
	in_number(&q, j->total);
	in_text(&q, j->note);
	in_number(&q, j->created);
	in_text(&q, str_of(j->object.s));
	return question_run(&q, &changed);
}

static void
job_row(struct question *q, void *ret)
{
	struct job_row *j = ret;
	int64_t state;

	j->id = out_id(q);
	j->vendor = out_id(q);
	j->kind = out_text(q);
	state = out_number(q);
	j->state = state >= JOB_QUEUED && state <= JOB_CANCELLED ? (enum job_state)state
								 : JOB_FAILED;
	j->input = out_text(q);
	j->data_key = out_id(q);
	j->done = out_number(q);
	j->total = out_number(q);
	j->note = out_text(q);
	j->result = out_text(q);
	j->error_code = out_text(q);
	j->error_text = out_text(q);
	j->attempts = out_number(q);
	j->cancel = out_number(q) != 0;
	j->created = out_number(q);
	j->started = out_number(q);
	j->finished = out_number(q);
	j->version = out_number(q);
	j->object = out_id(q);
}

bool
job_by_id(struct ctx *c, struct db *db, struct str vendor, struct str id, struct job_row *ret)
{
	owned(question_done) struct question q = ask(
	    c, db, &job_questions, vendor.n > 0 ? JOB_OF_VENDOR : JOB_BY_ID);

	in_text(&q, id);
	if (vendor.n > 0)
		in_text(&q, vendor);
	return question_get(&q, job_row, "job", ret);
}

bool
job_list(struct ctx *c, struct db *db, struct str vendor, struct str after, size_t max,
    struct job_row **ret, size_t *ret_n)
{
	owned(question_done) struct question q = ask(
	    c, db, &job_questions, vendor.n > 0 ? JOB_LIST_OF_VENDOR : JOB_LIST);
	void *rows;

	in_text(&q, after);
	if (vendor.n > 0)
		in_text(&q, vendor);
	in_number(&q, (int64_t)max);
	if (!question_list(&q, job_row, sizeof **ret, &rows, ret_n))
		return false;
	*ret = rows;
	return true;
}

static void
id_row(struct question *q, void *ret)
{
	*(struct id *)ret = out_id(q);
}

MUST static bool
job_next(struct ctx *c, struct db *db, bool *ret_found, struct id *ret)
{
	owned(question_done) struct question q = ask(c, db, &job_questions, JOB_NEXT);

	return question_find(&q, id_row, ret, ret_found);
}

bool
job_queue_room(struct ctx *c, struct db *db, struct str vendor, int64_t max)
{
	owned(question_done) struct question q = ask(c, db, &job_questions, JOB_QUEUED_NTH);
	bool full = false;
	struct id id;

	in_text(&q, vendor);
	in_number(&q, max - 1);
	if (!question_find(&q, id_row, &id, &full))
		return false;
	if (full)
		return fail(c, E_RATE, "as many jobs wait as may: let some of them end");
	return true;
}

bool
job_free_of(struct ctx *c, struct db *db, struct str object)
{
	owned(question_done) struct question q = ask(c, db, &job_questions, JOB_OF_OBJECT);
	bool found = false;
	struct id id;

	in_text(&q, object);
	if (!question_find(&q, id_row, &id, &found))
		return false;
	if (found)
		return fail(c, E_CONFLICT, "%s needs it: wait for its end, or cancel it", id.s);
	return true;
}

bool
job_claim(struct ctx *c, struct db *db, int64_t at, bool *ret_found, struct job_row *ret)
{
	owned(question_done) struct question q = ask(c, db, &job_questions, JOB_START);
	struct id id = { 0 };
	bool found = false;

	if (!job_next(c, db, &found, &id))
		return false;
	*ret_found = found;
	if (!found)
		return true;
	in_number(&q, at);
	in_id(&q, &id);
	if (!question_one(&q, E_CONFLICT, "the job is not queued"))
		return false;
	return job_by_id(c, db, STR(""), str_of(id.s), ret);
}

bool
job_progress(
    struct ctx *c, struct db *db, struct str id, int64_t done, int64_t total, struct str note)
{
	owned(question_done) struct question q = ask(c, db, &job_questions, JOB_PROGRESS);

	in_number(&q, done);
	in_number(&q, total);
	in_text(&q, note);
	in_text(&q, id);
	return question_one(&q, E_CONFLICT, "the job is not running");
}

bool
job_finish(struct ctx *c, struct db *db, const struct job_row *j)
{
	owned(question_done) struct question q = ask(c, db, &job_questions, JOB_FINISH);

	if (j->state == JOB_RUNNING)
		return fail(c, E_INTERNAL, "a job cannot finish as running");
	in_number(&q, j->state);
	in_number(&q, j->done);
	in_number(&q, j->total);
	in_text(&q, j->note);
	in_text(&q, j->result);
	in_text(&q, j->error_code);
	in_text(&q, j->error_text);
	in_number(&q, j->attempts);
	in_number(&q, j->state == JOB_QUEUED ? 0 : j->finished);
	in_id(&q, &j->id);
	return question_one(&q, E_CONFLICT, "the job is not running");
}

bool
job_cancel(struct ctx *c, struct db *db, struct str vendor, struct str id, int64_t version,
    int64_t at, enum job_state *ret)
{
	owned(question_done) struct question q = ask(c, db, &job_questions, JOB_CANCEL);
	struct job_row j;

	if (!job_by_id(c, db, vendor, id, &j))
		return false;
	if (version != 0 && version != j.version)
		return fail(c, E_STALE, "the job has changed since it was read");
	if (j.state != JOB_QUEUED && j.state != JOB_RUNNING)
		return fail(
		    c, E_CONFLICT, "the job has ended already: %s", job_state_names[j.state]);
	in_number(&q, at);
	in_text(&q, id);
	if (!question_one(&q, E_ABSENT, "no such job"))
		return false;
	*ret = j.state == JOB_QUEUED ? JOB_CANCELLED : JOB_RUNNING;
	return true;
}

bool
job_requeue(struct ctx *c, struct db *db, size_t *ret_n)
{
	owned(question_done) struct question q = ask(c, db, &job_questions, JOB_REQUEUE);
	int64_t changed;

	if (!question_run(&q, &changed))
		return false;
	*ret_n = (size_t)changed;
	return true;
}

struct prunable {
	struct id job, data_key;
};

static void
prunable_row(struct question *q, void *ret)
{
	struct prunable *p = ret;

	p->job = out_id(q);
	p->data_key = out_id(q);
}

MUST static bool
job_delete(struct ctx *c, struct db *db, const struct prunable *p)
{
	owned(question_done) struct question q = ask(c, db, &job_questions, JOB_DELETE);

	in_id(&q, &p->job);
	if (!question_one(&q, E_ABSENT, "no such job"))
		return false;
	return p->data_key.s[0] == '\0' || data_key_delete(c, db, str_of(p->data_key.s));
}

bool
job_prune(struct ctx *c, struct db *db, int64_t before, size_t max, size_t *ret_n)
{
	owned(question_done) struct question q = ask(c, db, &job_questions, JOB_PRUNABLE);
	struct prunable *p;
	void *rows;
	size_t n;

	in_number(&q, before);
	in_number(&q, (int64_t)max);
	if (!question_list(&q, prunable_row, sizeof *p, &rows, &n))
		return false;
	p = rows;
	for (size_t i = 0; i < n; i++)
		if (!job_delete(c, db, &p[i]))
			return false;
	*ret_n = n;
	return true;
}

bool
job_count(struct ctx *c, struct db *db, int64_t ret_by_state[static JOB_CANCELLED + 1])
{
	owned(question_done) struct question q = ask(c, db, &job_questions, JOB_COUNT);
	int64_t n[JOB_CANCELLED + 1] = { 0 };
	bool found = true;

	while (found) {
		int64_t state;

		if (!question_row(&q, &found))
			return false;
		state = found ? out_number(&q) : -1;
		if (state >= 0 && state <= JOB_CANCELLED)
			n[state] = out_number(&q);
	}
	memcpy(ret_by_state, n, sizeof n);
	return true;
}
