/*
 * Vendors and their tokens. A vendor's name is unique in its folded form; of a token the digest of
 * its secret is kept, and a question about one vendor's token never answers another's.
 */
#include "impl.h"

/* clang-format off */
enum {
	VENDOR_INSERT, VENDOR_BY_ID, VENDOR_BY_NAME, VENDOR_LIST, VENDOR_SUSPEND,
	TOKEN_INSERT, TOKEN_BY_DIGEST, TOKEN_BY_ID, TOKEN_LIST, TOKEN_REVOKE,
};
#define VENDOR "SELECT id, name, suspended, created, version FROM vendor"
#define TOKEN "SELECT t.id, t.vendor, t.digest, t.name, t.roles, t.created, t.expires, t.revoked," \
	" t.version"
static const char *const sql[] = {
	[VENDOR_INSERT] = "INSERT INTO vendor (id, name, name_folded, suspended, created)"
	    " VALUES (?, ?, ?, ?, ?)",
	[VENDOR_BY_ID] = VENDOR " WHERE id = ?",
	[VENDOR_BY_NAME] = VENDOR " WHERE name_folded = ?",
	[VENDOR_LIST] = VENDOR " WHERE id > ? ORDER BY id LIMIT ?",
	[VENDOR_SUSPEND] = "UPDATE vendor SET suspended = ?, version = version + 1 WHERE id = ?",
	[TOKEN_INSERT] = "INSERT INTO token (vendor, id, digest, name, roles, created, expires,"
	    " revoked) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
	[TOKEN_BY_DIGEST] = TOKEN ", v.suspended FROM token t JOIN vendor v ON v.id = t.vendor"
	    " WHERE substr(t.digest, 1, 12) = substr(?1, 1, 12) AND t.digest = ?1",
	[TOKEN_BY_ID] = TOKEN " FROM token t WHERE t.vendor = ? AND t.id = ?",
	[TOKEN_LIST] = TOKEN " FROM token t WHERE t.vendor = ? AND t.id > ? ORDER BY t.id LIMIT ?",
	[TOKEN_REVOKE] = "UPDATE token SET revoked = ?, version = version + 1"
	    " WHERE vendor = ? AND id = ?",
};
/* clang-format on */
const struct questions people_questions = { PART_PEOPLE, sql, COUNT(sql) };

bool
vendor_insert(struct ctx *c, struct db *db, const struct vendor *v)
{
	owned(question_done) struct question q = ask(c, db, &people_questions, VENDOR_INSERT);
	struct str folded;
	int64_t changed;

	if (!text_fold(c, v->name, &folded))
		return false;
	in_id(&q, &v->id);
	in_text(&q, v->name);
	in_text(&q, folded);
	in_number(&q, v->suspended);
	in_number(&q, v->created);
	if (question_run(&q, &changed))
		return true;
	if (c->err.code != E_CONFLICT)
		return false;
	return fail(c, E_CONFLICT, "a vendor of this name exists already");
}

static void
vendor_row(struct question *q, void *ret)
{
	struct vendor *v = ret;

	v->id = out_id(q);
	v->name = out_text(q);
	v->suspended = out_number(q) != 0;
	v->created = out_number(q);
	v->version = out_number(q);
}

bool
vendor_by_id(struct ctx *c, struct db *db, struct str id, struct vendor *ret)
{
	owned(question_done) struct question q = ask(c, db, &people_questions, VENDOR_BY_ID);

	in_text(&q, id);
	return question_get(&q, vendor_row, "vendor", ret);
}

bool
vendor_by_name(struct ctx *c, struct db *db, struct str name, struct vendor *ret)
{
	owned(question_done) struct question q = ask(c, db, &people_questions, VENDOR_BY_NAME);
	struct str folded;

	if (!text_fold(c, name, &folded))
		return false;
	in_text(&q, folded);
	return question_get(&q, vendor_row, "vendor", ret);
}

bool
vendor_list(struct ctx *c, struct db *db, struct str after, size_t max, struct vendor **ret,
    size_t *ret_n)
{
	owned(question_done) struct question q = ask(c, db, &people_questions, VENDOR_LIST);
	void *rows;

	in_text(&q, after);
	in_number(&q, (int64_t)max);
	if (!question_list(&q, vendor_row, sizeof **ret, &rows, ret_n))
		return false;
	*ret = rows;
	return true;
}

bool
vendor_suspend(struct ctx *c, struct db *db, struct str id, bool suspended)
{
	owned(question_done) struct question q = ask(c, db, &people_questions, VENDOR_SUSPEND);

	in_number(&q, suspended);
	in_text(&q, id);
	return question_one(&q, E_ABSENT, "no such vendor");
}

bool
token_insert(struct ctx *c, struct db *db, const struct token *t)
{
	owned(question_done) struct question q = ask(c, db, &people_questions, TOKEN_INSERT);
	int64_t changed;

	in_id(&q, &t->vendor);
	in_id(&q, &t->id);
	in_digest(&q, &t->digest);
	in_text(&q, t->name);
	in_number(&q, t->roles);
	in_number(&q, t->created);
	in_number(&q, t->expires);
	in_number(&q, t->revoked);
	if (question_run(&q, &changed))
		return true;
	if (q.rc != SQLITE_CONSTRAINT_FOREIGNKEY)
		return false;
	return fail(c, E_ABSENT, "no such vendor");
}

static void
token_row(struct question *q, void *ret)
{
	struct token *t = ret;

	t->id = out_id(q);
	t->vendor = out_id(q);
	t->digest = out_digest(q);
	t->name = out_text(q);
	t->roles = (unsigned)out_number(q);
	t->created = out_number(q);
	t->expires = out_number(q);
	t->revoked = out_number(q);
	t->version = out_number(q);
	t->vendor_suspended = false;
}

static void
token_and_vendor_row(struct question *q, void *ret)
{
	struct token *t = ret;

	token_row(q, ret);
	t->vendor_suspended = out_number(q) != 0;
}

bool
token_by_digest(struct ctx *c, struct db *db, const struct digest256 *digest, bool *ret_found,
    struct token *ret)
{
	owned(question_done) struct question q = ask(c, db, &people_questions, TOKEN_BY_DIGEST);

	in_digest(&q, digest);
	return question_find(&q, token_and_vendor_row, ret, ret_found);
}

bool
token_by_id(struct ctx *c, struct db *db, struct str vendor, struct str id, struct token *ret)
{
	owned(question_done) struct question q = ask(c, db, &people_questions, TOKEN_BY_ID);

	in_text(&q, vendor);
	in_text(&q, id);
	return question_get(&q, token_row, "token", ret);
}

bool
token_list(struct ctx *c, struct db *db, struct str vendor, struct str after, size_t max,
    struct token **ret, size_t *ret_n)
{
	owned(question_done) struct question q = ask(c, db, &people_questions, TOKEN_LIST);
	void *rows;

	in_text(&q, vendor);
	in_text(&q, after);
	in_number(&q, (int64_t)max);
	if (!question_list(&q, token_row, sizeof **ret, &rows, ret_n))
		return false;
	*ret = rows;
	return true;
}

bool
token_revoke(
    struct ctx *c, struct db *db, struct str vendor, struct str id, int64_t version, int64_t at)
{
	owned(question_done) struct question q = ask(c, db, &people_questions, TOKEN_REVOKE);
	struct token t;

	if (!token_by_id(c, db, vendor, id, &t))
		return false;
	if (version != 0 && version != t.version)
		return fail(c, E_STALE, "the token has changed since it was read");
	if (t.revoked != 0)
		return fail(c, E_CONFLICT, "the token is revoked already");
	in_number(&q, at);
	in_text(&q, vendor);
	in_text(&q, id);
	return question_one(&q, E_ABSENT, "no such token");
}
