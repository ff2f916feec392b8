/*
 * The answers to requests that carried an Idempotency-Key: found by the digest of principal and
 * key, deleted when they are old. They are numbered in the order in which they came, so the old
 * ones are the first.
 */
#include "impl.h"

/* clang-format off */
enum { ANSWER_FIND, ANSWER_INSERT, ANSWER_PRUNE };
static const char *const sql[] = {
	[ANSWER_FIND] = "SELECT request, status, sealed, at FROM answer"
	    " WHERE substr(key, 1, 12) = substr(?1, 1, 12) AND key = ?1",
	[ANSWER_INSERT] = "INSERT INTO answer (key, request, status, sealed, at)"
	    " VALUES (?, ?, ?, ?, ?)",
	[ANSWER_PRUNE] = "DELETE FROM answer WHERE seq IN (SELECT seq FROM"
	    " (SELECT seq, at FROM answer WHERE seq > 0 ORDER BY seq LIMIT ?2) WHERE at < ?1)",
};
/* clang-format on */
const struct questions answer_questions = { PART_ANSWERS, sql, COUNT(sql) };

static void
answer_row(struct question *q, void *ret)
{
	struct answer *a = ret;

	a->request = out_digest(q);
	a->status = (int)out_number(q);
	a->sealed = out_text(q);
	a->at = out_number(q);
}

bool
answer_find(struct ctx *c, struct db *db, const struct digest256 *key, bool *ret_found,
    struct answer *ret)
{
	owned(question_done) struct question q = ask(c, db, &answer_questions, ANSWER_FIND);

	in_digest(&q, key);
	return question_find(&q, answer_row, ret, ret_found);
}

bool
answer_insert(struct ctx *c, struct db *db, const struct digest256 *key, const struct answer *a)
{
	owned(question_done) struct question q = ask(c, db, &answer_questions, ANSWER_INSERT);
	int64_t changed;

	in_digest(&q, key);
	in_digest(&q, &a->request);
	in_number(&q, a->status);
	in_bytes(&q, a->sealed);
	in_number(&q, a->at);
	return question_run(&q, &changed);
}

bool
answer_prune(struct ctx *c, struct db *db, int64_t before, size_t max, size_t *ret_n)
{
	owned(question_done) struct question q = ask(c, db, &answer_questions, ANSWER_PRUNE);
	int64_t changed;

	in_number(&q, before);
	in_number(&q, (int64_t)max);
	if (!question_run(&q, &changed))
		return false;
	*ret_n = (size_t)changed;
	return true;
}
