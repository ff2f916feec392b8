/*
 * Policies: terms that many licenses share, under a name that is unique in its folded form. One
 * that a license stands on can be retired, not deleted.
 */
#include "impl.h"

/* clang-format off */
enum {
	POLICY_INSERT, POLICY_BY_ID, POLICY_BY_NAME, POLICY_LIST, POLICY_CHANGE, POLICY_DELETE,
};
#define POLICY "SELECT id, vendor, name, terms, retired, created, version FROM policy"
static const char *const sql[] = {
	[POLICY_INSERT] = "INSERT INTO policy (id, vendor, name, name_folded, terms, retired,"
	    " created) VALUES (?, ?, ?, ?, ?, ?, ?)",
	[POLICY_BY_ID] = POLICY " WHERE id = ? AND vendor = ?",
	[POLICY_BY_NAME] = POLICY " WHERE vendor = ? AND name_folded = ?",
	[POLICY_LIST] = POLICY " WHERE vendor = ? AND id > ? ORDER BY id LIMIT ?",
	[POLICY_CHANGE] = "UPDATE policy SET name = ?, name_folded = ?, terms = ?, retired = ?,"
	    " version = version + 1 WHERE id = ?",
	[POLICY_DELETE] = "DELETE FROM policy WHERE id = ?",
};
/* clang-format on */
const struct questions policy_questions = { PART_POLICIES, sql, COUNT(sql) };

MUST static bool
fail_name(struct question *q)
{
	if (q->rc == SQLITE_CONSTRAINT_FOREIGNKEY)
		return fail(q->c, E_ABSENT, "no such vendor");
	if (q->rc != SQLITE_CONSTRAINT_UNIQUE)
		return false;
	return fail_at(
	    q->c, E_CONFLICT, "/name", "a policy of this name exists already: take another");
}

bool
policy_insert(struct ctx *c, struct db *db, const struct policy_row *p)
{
	owned(question_done) struct question q = ask(c, db, &policy_questions, POLICY_INSERT);
	struct str folded;
	int64_t changed;

	if (!text_fold(c, p->name, &folded))
		return false;
	in_id(&q, &p->id);
	in_id(&q, &p->vendor);
	in_text(&q, p->name);
	in_text(&q, folded);
	in_text(&q, p->terms);
	in_number(&q, p->retired);
	in_number(&q, p->created);
	return question_run(&q, &changed) ? true : fail_name(&q);
}

static void
policy_row(struct question *q, void *ret)
{
	struct policy_row *p = ret;

	p->id = out_id(q);
	p->vendor = out_id(q);
	p->name = out_text(q);
	p->terms = out_text(q);
	p->retired = out_number(q) != 0;
	p->created = out_number(q);
	p->version = out_number(q);
}

bool
policy_by_id(
    struct ctx *c, struct db *db, struct str vendor, struct str id, struct policy_row *ret)
{
	owned(question_done) struct question q = ask(c, db, &policy_questions, POLICY_BY_ID);

	in_text(&q, id);
	in_text(&q, vendor);
	return question_get(&q, policy_row, "policy", ret);
}

bool
policy_by_name(
    struct ctx *c, struct db *db, struct str vendor, struct str name, struct policy_row *ret)
{
	owned(question_done) struct question q = ask(c, db, &policy_questions, POLICY_BY_NAME);
	struct str folded;

	if (!text_fold(c, name, &folded))
		return false;
	in_text(&q, vendor);
	in_text(&q, folded);
	return question_get(&q, policy_row, "policy", ret);
}

bool
policy_list(struct ctx *c, struct db *db, struct str vendor, struct str after, size_t max,
    struct policy_row **ret, size_t *ret_n)
{
	owned(question_done) struct question q = ask(c, db, &policy_questions, POLICY_LIST);
	void *rows;

	in_text(&q, vendor);
	in_text(&q, after);
	in_number(&q, (int64_t)max);
	if (!question_list(&q, policy_row, sizeof **ret, &rows, ret_n))
		return false;
	*ret = rows;
	return true;
}

MUST static bool
policy_current(struct ctx *c, struct db *db, struct str vendor, struct str id, int64_t version)
{
	struct policy_row now;

	if (!policy_by_id(c, db, vendor, id, &now))
		return false;
	if (version != 0 && version != now.version)
		return fail(c, E_STALE, "the policy has changed since it was read");
	return true;
}

bool
policy_change(struct ctx *c, struct db *db, const struct policy_row *p, int64_t version)
{
	owned(question_done) struct question q = ask(c, db, &policy_questions, POLICY_CHANGE);
	struct str folded;

	if (!policy_current(c, db, str_of(p->vendor.s), str_of(p->id.s), version) ||
	    !text_fold(c, p->name, &folded))
		return false;
	in_text(&q, p->name);
	in_text(&q, folded);
	in_text(&q, p->terms);
	in_number(&q, p->retired);
	in_id(&q, &p->id);
	return question_one(&q, E_ABSENT, "no such policy") ? true : fail_name(&q);
}

bool
policy_delete(struct ctx *c, struct db *db, struct str vendor, struct str id, int64_t version)
{
	owned(question_done) struct question q = ask(c, db, &policy_questions, POLICY_DELETE);

	if (!policy_current(c, db, vendor, id, version))
		return false;
	in_text(&q, id);
	if (question_one(&q, E_ABSENT, "no such policy"))
		return true;
	if (q.rc != SQLITE_CONSTRAINT_FOREIGNKEY)
		return false;
	return fail(c, E_CONFLICT, "licenses stand on this policy: retire it instead");
}
