/*
 * Seats: a lease is one machine's seat for a time. The database itself counts them, by triggers,
 * into the license's row, whose CHECK no count can pass; so S seats are S leases, whoever asks at
 * the same time. A lease holds until the moment `expires`, and no longer.
 */
#include "impl.h"

/* clang-format off */
enum {
	LEASE_FIND, LEASE_LIST, LEASE_SWEEP, LEASE_LAPSED, LEASE_EXTEND, LEASE_CLAIM, LEASE_DELETE,
	LEASE_DELETE_ALL, LEASE_REAP,
};
#define LEASE "SELECT license, machine, claimed, expires FROM lease"
static const char *const sql[] = {
	[LEASE_FIND] = LEASE " WHERE license = ? AND machine = ?",
	[LEASE_LIST] = LEASE " WHERE license = ? AND machine > ? ORDER BY machine LIMIT ?",
	[LEASE_SWEEP] = "DELETE FROM lease WHERE license = ? AND expires <= ?",
	[LEASE_LAPSED] = "SELECT count(*) FROM lease WHERE license = ? AND expires <= ?",
	[LEASE_EXTEND] = "UPDATE lease SET expires = ? WHERE license = ? AND machine = ?",
	[LEASE_CLAIM] = "INSERT INTO lease (license, machine, claimed, expires)"
	    " SELECT id, ?2, ?3, ?4 FROM license WHERE id = ?1 AND seats_used < seats",
	[LEASE_DELETE] = "DELETE FROM lease WHERE license = ? AND machine = ?",
	[LEASE_DELETE_ALL] = "DELETE FROM lease WHERE license = ?",
	[LEASE_REAP] = "DELETE FROM lease WHERE (license, machine) IN (SELECT license, machine"
	    " FROM lease WHERE expires <= ? ORDER BY expires LIMIT ?)",
};
/* clang-format on */
const struct questions lease_questions = { PART_LEASES, sql, COUNT(sql) };

static void
lease_row(struct question *q, void *ret)
{
	struct lease_row *l = ret;

	l->license = out_id(q);
	l->machine = out_text(q);
	l->claimed = out_number(q);
	l->expires = out_number(q);
}

bool
lease_find(struct ctx *c, struct db *db, struct str license, struct str machine,
    bool *ret_found, struct lease_row *ret)
{
	owned(question_done) struct question q = ask(c, db, &lease_questions, LEASE_FIND);

	in_text(&q, license);
	in_text(&q, machine);
	return question_find(&q, lease_row, ret, ret_found);
}

bool
lease_list(struct ctx *c, struct db *db, struct str license, struct str after, size_t max,
    struct lease_row **ret, size_t *ret_n)
{
	owned(question_done) struct question q = ask(c, db, &lease_questions, LEASE_LIST);
	void *rows;

	in_text(&q, license);
	in_text(&q, after);
	in_number(&q, (int64_t)max);
	if (!question_list(&q, lease_row, sizeof **ret, &rows, ret_n))
		return false;
	*ret = rows;
	return true;
}

bool
lease_sweep(struct ctx *c, struct db *db, struct str license, int64_t now)
{
	owned(question_done) struct question q = ask(c, db, &lease_questions, LEASE_SWEEP);
	int64_t changed;

	in_text(&q, license);
	in_number(&q, now);
	return question_run(&q, &changed);
}

static void
count_row(struct question *q, void *ret)
{
	*(int64_t *)ret = out_number(q);
}

bool
lease_lapsed(struct ctx *c, struct db *db, struct str license, int64_t now, int64_t *ret)
{
	owned(question_done) struct question q = ask(c, db, &lease_questions, LEASE_LAPSED);

	in_text(&q, license);
	in_number(&q, now);
	return question_get(&q, count_row, "license", ret);
}

MUST static bool
lease_extend(struct ctx *c, struct db *db, const struct lease_row *l, bool *ret_found)
{
	owned(question_done) struct question q = ask(c, db, &lease_questions, LEASE_EXTEND);
	int64_t changed;

	in_number(&q, l->expires);
	in_id(&q, &l->license);
	in_text(&q, l->machine);
	if (!question_run(&q, &changed))
		return false;
	*ret_found = changed > 0;
	return true;
}

bool
lease_put(struct ctx *c, struct db *db, const struct lease_row *l, bool *ret_new)
{
	owned(question_done) struct question q = ask(c, db, &lease_questions, LEASE_CLAIM);
	bool held;

	if (!lease_extend(c, db, l, &held))
		return false;
	if (!held) {
		in_id(&q, &l->license);
		in_text(&q, l->machine);
		in_number(&q, l->claimed);
		in_number(&q, l->expires);
		if (!question_one(&q, E_CONFLICT, "no seat of this license is free"))
			return false;
	}
	*ret_new = !held;
	return true;
}

bool
lease_delete(
    struct ctx *c, struct db *db, struct str license, struct str machine, bool *ret_found)
{
	owned(question_done) struct question q = ask(c, db, &lease_questions, LEASE_DELETE);
	int64_t changed;

	in_text(&q, license);
	in_text(&q, machine);
	if (!question_run(&q, &changed))
		return false;
	*ret_found = changed > 0;
	return true;
}

bool
lease_delete_all(struct ctx *c, struct db *db, struct str license, int64_t *ret_n)
{
	owned(question_done) struct question q = ask(c, db, &lease_questions, LEASE_DELETE_ALL);

	in_text(&q, license);
	return question_run(&q, ret_n);
}

bool
lease_reap(struct ctx *c, struct db *db, int64_t now, size_t max, size_t *ret_n)
{
	owned(question_done) struct question q = ask(c, db, &lease_questions, LEASE_REAP);
	int64_t changed;

	in_number(&q, now);
	in_number(&q, (int64_t)max);
	if (!question_run(&q, &changed))
		return false;
	*ret_n = (size_t)changed;
	return true;
}
