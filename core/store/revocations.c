/*
 * Lists of revocations: the newest of each vendor, with its number and the count of changes that
 * it knew of. One is out of date as soon as the vendor's count has grown beyond that.
 */
#include "impl.h"

/* clang-format off */
enum {
	REVOCATION_LAST, REVOCATION_HEAD, REVOCATION_NUMBER, REVOCATION_CHANGES, REVOCATION_IDS,
	REVOCATION_FIRST, REVOCATION_NEXT,
};
static const char *const sql[] = {
	[REVOCATION_LAST] = "SELECT vendor, number, changes, this_update, next_update, token"
	    " FROM revocation_list WHERE vendor = ?",
	[REVOCATION_HEAD] = "SELECT vendor, number, changes, this_update, next_update, ''"
	    " FROM revocation_list WHERE vendor = ?",
	[REVOCATION_NUMBER] = "SELECT number FROM revocation_list WHERE vendor = ?",
	[REVOCATION_CHANGES] = "SELECT revocations FROM vendor WHERE id = ?",
	[REVOCATION_IDS] = "SELECT id FROM license WHERE vendor = ?1 AND state = ?2 AND state <> 0"
	    " AND expires NOT BETWEEN 1 AND ?3 ORDER BY id LIMIT ?4",
	[REVOCATION_FIRST] = "INSERT INTO revocation_list (vendor, number, changes, this_update,"
	    " next_update, token) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
	[REVOCATION_NEXT] = "UPDATE revocation_list SET number = ?2, changes = ?3,"
	    " this_update = ?4, next_update = ?5, token = ?6 WHERE vendor = ?1 AND number = ?2 - 1",
};
/* clang-format on */
const struct questions revocation_questions = { PART_REVOCATIONS, sql, COUNT(sql) };

static void
list_row(struct question *q, void *ret)
{
	struct revocation_list *r = ret;

	r->vendor = out_id(q);
	r->number = out_number(q);
	r->changes = out_number(q);
	r->this_update = out_number(q);
	r->next_update = out_number(q);
	r->token = out_text(q);
}

static void
number_row(struct question *q, void *ret)
{
	*(int64_t *)ret = out_number(q);
}

MUST static bool
changes_now(struct ctx *c, struct db *db, struct str vendor, int64_t *ret)
{
	owned(question_done) struct question q = ask(
	    c, db, &revocation_questions, REVOCATION_CHANGES);

	in_text(&q, vendor);
	return question_get(&q, number_row, "vendor", ret);
}

MUST static bool
newest(struct ctx *c, struct db *db, size_t which, struct str vendor, bool *ret_found,
    struct revocation_list *ret, int64_t *ret_changes)
{
	owned(question_done) struct question q = ask(c, db, &revocation_questions, which);
	int64_t changes;

	if (!changes_now(c, db, vendor, &changes))
		return false;
	in_text(&q, vendor);
	if (!question_find(&q, list_row, ret, ret_found))
		return false;
	*ret_changes = changes;
	return true;
}

bool
revocation_list_last(struct ctx *c, struct db *db, struct str vendor, bool *ret_found,
    struct revocation_list *ret, int64_t *ret_changes)
{
	return newest(c, db, REVOCATION_LAST, vendor, ret_found, ret, ret_changes);
}

bool
revocation_list_head(struct ctx *c, struct db *db, struct str vendor, bool *ret_found,
    struct revocation_list *ret, int64_t *ret_changes)
{
	return newest(c, db, REVOCATION_HEAD, vendor, ret_found, ret, ret_changes);
}

bool
revocation_list_number(struct ctx *c, struct db *db, struct str vendor, int64_t *ret)
{
	owned(question_done) struct question q = ask(
	    c, db, &revocation_questions, REVOCATION_NUMBER);
	int64_t number = 0;
	bool found;

	in_text(&q, vendor);
	if (!question_find(&q, number_row, &number, &found))
		return false;
	*ret = number;
	return true;
}

static void
id_row(struct question *q, void *ret)
{
	*(struct id *)ret = out_id(q);
}

bool
revocation_ids(struct ctx *c, struct db *db, struct str vendor, int state, int64_t since,
    size_t max, struct id **ret, size_t *ret_n)
{
	owned(question_done) struct question q = ask(
	    c, db, &revocation_questions, REVOCATION_IDS);
	void *rows;

	in_text(&q, vendor);
	in_number(&q, state);
	in_number(&q, since);
	in_number(&q, (int64_t)max);
	if (!question_list(&q, id_row, sizeof **ret, &rows, ret_n))
		return false;
	*ret = rows;
	return true;
}

bool
revocation_list_put(struct ctx *c, struct db *db, const struct revocation_list *r)
{
	owned(question_done) struct question q = ask(
	    c, db, &revocation_questions, r->number == 1 ? REVOCATION_FIRST : REVOCATION_NEXT);
	int64_t changed = 0;
	bool ok;

	in_id(&q, &r->vendor);
	in_number(&q, r->number);
	in_number(&q, r->changes);
	in_number(&q, r->this_update);
	in_number(&q, r->next_update);
	in_text(&q, r->token);
	ok = question_run(&q, &changed);
	if (!ok && q.rc == SQLITE_CONSTRAINT_FOREIGNKEY)
		return fail(c, E_ABSENT, "no such vendor");
	if (!ok && q.rc != SQLITE_CONSTRAINT_PRIMARYKEY)
		return false;
	if (changed != 1)
		return fail(c, E_CONFLICT, "another list of revocations came first");
	return true;
}
