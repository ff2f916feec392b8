/*
 * How a question is asked: a statement is prepared at its first use and kept with the connection;
 * parameters go in and columns come out from left to right. What goes wrong sticks to the question
 * until a call that can fail reports it.
 */
#include "impl.h"

const struct questions *const store_questions[PART_COUNT] = {
	[PART_WRITER] = &writer_questions,
	[PART_AUDIT] = &audit_questions,
	[PART_VERIFY] = &verify_questions,
	[PART_PEOPLE] = &people_questions,
	[PART_ANSWERS] = &answer_questions,
	[PART_JOBS] = &job_questions,
	[PART_KEYS] = &key_questions,
	[PART_SETTINGS] = &setting_questions,
	[PART_BLOBS] = &blob_questions,
	[PART_ASSETS] = &asset_questions,
	[PART_RELEASES] = &release_questions,
	[PART_CUSTOMERS] = &customer_questions,
	[PART_POLICIES] = &policy_questions,
	[PART_LICENSES] = &license_questions,
	[PART_MACHINES] = &machine_questions,
	[PART_LEASES] = &lease_questions,
	[PART_DELIVERIES] = &delivery_questions,
	[PART_REVOCATIONS] = &revocation_questions,
	[PART_WEBHOOKS] = &webhook_questions,
	[PART_MESSAGES] = &message_questions,
	[PART_WATERMARKS] = &watermark_questions,
	[PART_KEY_IMAGES] = &key_image_questions,
	[PART_IMAGE_SECRETS] = &image_secret_questions,
	[PART_SUSPECTS] = &suspect_questions,
	[PART_CHALLENGES] = &challenge_questions,
	[PART_VERIFICATIONS] = &verification_questions,
	[PART_SLOTS] = &slot_questions,
	[PART_RED_TEAMS] = &red_team_questions,
};

MUST static bool
question_ok(struct question *q)
{
	if (!q->bad)
		return true;
	return q->rc == SQLITE_OK ? false : fail_sql(q->c, q->db, q->rc);
}

static void
note_rc(struct question *q, int rc)
{
	if (q->bad || rc == SQLITE_OK)
		return;
	q->bad = true;
	q->rc = rc;
}

struct question
ask(struct ctx *c, struct db *db, const struct questions *set, size_t which)
{
	struct question q = { .c = c, .db = db, .in = 1 };
	sqlite3_stmt **kept = &db->asked[set->part][which];

	if (db->view != NULL)
		view_enter(db->view);
	if (*kept == NULL)
		note_rc(&q,
		    sqlite3_prepare_v3(
			db->sql, set->sql[which], -1, SQLITE_PREPARE_PERSISTENT, kept, NULL));
	q.st = *kept;
	return q;
}

void
question_done(struct question *q)
{
	(void)sqlite3_reset(q->st);
	if (q->db->view != NULL)
		view_leave(q->db->view);
}

void
in_number(struct question *q, int64_t v)
{
	note_rc(q, sqlite3_bind_int64(q->st, q->in++, v));
}

void
in_real(struct question *q, double v)
{
	note_rc(q, sqlite3_bind_double(q->st, q->in++, v));
}

void
in_text(struct question *q, struct str s)
{
	note_rc(q,
	    sqlite3_bind_text64(
		q->st, q->in++, s.p == NULL ? "" : s.p, s.n, SQLITE_STATIC, SQLITE_UTF8));
}

void
in_id(struct question *q, const struct id *id)
{
	if (id->s[0] == '\0')
		note_rc(q, sqlite3_bind_null(q->st, q->in++));
	else
		in_text(q, str_of(id->s));
}

void
in_bytes(struct question *q, struct str s)
{
	note_rc(
	    q, sqlite3_bind_blob64(q->st, q->in++, s.p == NULL ? "" : s.p, s.n, SQLITE_STATIC));
}

void
in_digest(struct question *q, const struct digest256 *d)
{
	in_bytes(q, (struct str){ (const char *)d->b, sizeof d->b });
}

int64_t
out_number(struct question *q)
{
	return sqlite3_column_int64(q->st, q->out++);
}

double
out_real(struct question *q)
{
	return sqlite3_column_double(q->st, q->out++);
}

struct str
out_text(struct question *q)
{
	struct str s = { "", 0 };
	int column = q->out++;
	const char *p = sqlite3_column_blob(q->st, column);
	int n = sqlite3_column_bytes(q->st, column);

	if (p == NULL && n == 0 && sqlite3_errcode(sqlite3_db_handle(q->st)) == SQLITE_NOMEM)
		note_rc(q, SQLITE_NOMEM);
	if (q->bad || p == NULL || n <= 0)
		return s;
	if (!take_copy(q->c, (struct str){ p, (size_t)n }, &s))
		q->bad = true;
	return s;
}

struct id
out_id(struct question *q)
{
	struct id id = { 0 };
	int column = q->out++;
	const char *p = sqlite3_column_blob(q->st, column);
	int n = sqlite3_column_bytes(q->st, column);

	if (p != NULL && n > 0 && (size_t)n < sizeof id.s)
		memcpy(id.s, p, (size_t)n);
	else if (sqlite3_column_type(q->st, column) != SQLITE_NULL)
		note_rc(q, SQLITE_CORRUPT);
	return id;
}

struct digest256
out_digest(struct question *q)
{
	struct digest256 d = { 0 };
	int column = q->out++;
	const void *p = sqlite3_column_blob(q->st, column);

	if (p != NULL && sqlite3_column_bytes(q->st, column) == (int)sizeof d.b)
		memcpy(d.b, p, sizeof d.b);
	else
		note_rc(q, SQLITE_CORRUPT);
	return d;
}

bool
question_row(struct question *q, bool *ret_found)
{
	int rc;

	if (!question_ok(q))
		return false;
	q->out = 0;
	rc = sqlite3_step(q->st);
	if (rc != SQLITE_ROW && rc != SQLITE_DONE)
		note_rc(q, rc);
	if (!question_ok(q))
		return false;
	*ret_found = rc == SQLITE_ROW;
	return true;
}

bool
question_run(struct question *q, int64_t *ret_changed)
{
	bool more = true;

	while (more)
		if (!question_row(q, &more))
			return false;
	*ret_changed = sqlite3_changes64(q->db->sql);
	return true;
}

bool
question_one(struct question *q, enum err_code code, const char *what)
{
	int64_t changed = 0;

	if (!question_run(q, &changed))
		return false;
	if (changed != 1)
		return fail(q->c, code, "%s", what);
	return true;
}

bool
question_find(struct question *q, row_reader *row, void *ret, bool *ret_found)
{
	bool found = false;

	if (!question_row(q, &found))
		return false;
	if (found)
		row(q, ret);
	if (!question_ok(q))
		return false;
	*ret_found = found;
	return true;
}

bool
question_get(struct question *q, row_reader *row, const char *what, void *ret)
{
	bool found = false;

	if (!question_find(q, row, ret, &found))
		return false;
	if (!found)
		return fail(q->c, E_ABSENT, "no such %s", what);
	return true;
}

/* The list doubles in the arena: what it outgrows is small beside what it becomes. */
MUST static bool
list_grow(struct ctx *c, size_t size, size_t n, void **rows, size_t *room)
{
	size_t more = *room == 0 ? 16 : *room * 2;
	void *p = take(c, more * size);

	if (p == NULL)
		return false;
	if (n > 0)
		memcpy(p, *rows, n * size);
	*rows = p;
	*room = more;
	return true;
}

bool
question_list(struct question *q, row_reader *row, size_t size, void **ret, size_t *ret_n)
{
	size_t n = 0, room = 0;
	void *rows = NULL;
	bool found = true;

	while (question_row(q, &found) && found) {
		if (n == room && !list_grow(q->c, size, n, &rows, &room))
			return false;
		row(q, (char *)rows + n++ * size);
	}
	if (!question_ok(q))
		return false;
	*ret = rows;
	*ret_n = n;
	return true;
}

bool
question_customers(struct question *q, customer_each *each, void *arg)
{
	struct id customer;
	uint32_t number;
	bool found;

	for (;;) {
		if (!question_row(q, &found))
			return false;
		if (!found)
			return true;
		number = (uint32_t)out_number(q);
		customer = out_id(q);
		if (!each(q->c, arg, number, &customer))
			return false;
	}
}
