/*
 * Deliveries: codes that are good for one unlock key each. The code itself is nowhere, its digest
 * finds the row; a spent one stays until it is old, so that whoever uses it again is noticed.
 */
#include "impl.h"

/* clang-format off */
enum {
	DELIVERY_INSERT, DELIVERY_BY_DIGEST, DELIVERY_LIST, DELIVERY_SPEND, DELIVERY_PRUNE,
};
#define DELIVERY "SELECT id, license, digest, expires, spent, created FROM delivery"
static const char *const sql[] = {
	[DELIVERY_INSERT] = "INSERT INTO delivery (id, license, digest, expires, spent, created)"
	    " VALUES (?, ?, ?, ?, ?, ?)",
	[DELIVERY_BY_DIGEST] = DELIVERY " WHERE substr(digest, 1, 12) = substr(?1, 1, 12)"
	    " AND digest = ?1",
	[DELIVERY_LIST] = DELIVERY " WHERE license = ? AND id > ? ORDER BY id LIMIT ?",
	[DELIVERY_SPEND] = "UPDATE delivery SET spent = ? WHERE id = ? AND spent = 0",
	[DELIVERY_PRUNE] = "DELETE FROM delivery WHERE id IN (SELECT id FROM delivery"
	    " WHERE expires < ? ORDER BY expires LIMIT ?)",
};
/* clang-format on */
const struct questions delivery_questions = { PART_DELIVERIES, sql, COUNT(sql) };

bool
delivery_insert(struct ctx *c, struct db *db, const struct delivery_row *d)
{
	owned(question_done) struct question q = ask(
	    c, db, &delivery_questions, DELIVERY_INSERT);
	int64_t changed;

	in_id(&q, &d->id);
	in_id(&q, &d->license);
	in_digest(&q, &d->digest);
	in_number(&q, d->expires);
	in_number(&q, d->spent);
	in_number(&q, d->created);
	if (question_run(&q, &changed))
		return true;
	if (q.rc != SQLITE_CONSTRAINT_FOREIGNKEY)
		return false;
	return fail(c, E_ABSENT, "no such license");
}

static void
delivery_row(struct question *q, void *ret)
{
	struct delivery_row *d = ret;

	d->id = out_id(q);
	d->license = out_id(q);
	d->digest = out_digest(q);
	d->expires = out_number(q);
	d->spent = out_number(q);
	d->created = out_number(q);
}

bool
delivery_by_digest(struct ctx *c, struct db *db, const struct digest256 *digest,
    bool *ret_found, struct delivery_row *ret)
{
	owned(question_done) struct question q = ask(
	    c, db, &delivery_questions, DELIVERY_BY_DIGEST);

	in_digest(&q, digest);
	return question_find(&q, delivery_row, ret, ret_found);
}

bool
delivery_list(struct ctx *c, struct db *db, struct str license, struct str after, size_t max,
    struct delivery_row **ret, size_t *ret_n)
{
	owned(question_done) struct question q = ask(c, db, &delivery_questions, DELIVERY_LIST);
	void *rows;

	in_text(&q, license);
	in_text(&q, after);
	in_number(&q, (int64_t)max);
	if (!question_list(&q, delivery_row, sizeof **ret, &rows, ret_n))
		return false;
	*ret = rows;
	return true;
}

bool
delivery_spend(struct ctx *c, struct db *db, struct str id, int64_t at)
{
	owned(question_done) struct question q = ask(
	    c, db, &delivery_questions, DELIVERY_SPEND);

	in_number(&q, at);
	in_text(&q, id);
	return question_one(&q, E_CONFLICT, "the delivery code was used already");
}

bool
delivery_prune(struct ctx *c, struct db *db, int64_t before, size_t max, size_t *ret_n)
{
	owned(question_done) struct question q = ask(
	    c, db, &delivery_questions, DELIVERY_PRUNE);
	int64_t changed;

	in_number(&q, before);
	in_number(&q, (int64_t)max);
	if (!question_run(&q, &changed))
		return false;
	*ret_n = (size_t)changed;
	return true;
}
