/*
 * Blobs: the sealed files of the vault, as rows. A blob belongs to its owner by name alone, since
 * owners are of several kinds; whoever deletes an owner deletes its blobs first. With a blob goes
 * the only key that opens it, which is what makes a deletion an erasure.
 */
#include "impl.h"

/* clang-format off */
enum {
	BLOB_INSERT, BLOB_BY_ID, BLOB_FIND, BLOB_LIST, BLOB_TO_WHOLE, BLOB_DELETE, BLOB_STALE,
	BLOB_IDS,
};
#define BLOB "SELECT id, vendor, owner, part, state, data_key, size, sha256, created FROM blob"
static const char *const sql[] = {
	[BLOB_INSERT] = "INSERT INTO blob (id, vendor, owner, part, state, data_key, size, sha256,"
	    " created) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
	[BLOB_BY_ID] = BLOB " WHERE id = ?",
	[BLOB_FIND] = BLOB " WHERE owner = ? AND part = ?",
	[BLOB_LIST] = BLOB " WHERE owner = ? ORDER BY part",
	[BLOB_TO_WHOLE] = "UPDATE blob SET state = 1, size = ?, sha256 = ?"
	    " WHERE id = ? AND state = 0",
	[BLOB_DELETE] = "DELETE FROM blob WHERE id = ?",
	[BLOB_STALE] = BLOB " WHERE state = 0 AND created < ? AND NOT EXISTS (SELECT 1 FROM job"
	    " WHERE job.object = blob.owner AND job.object <> '' AND job.state < 2)"
	    " ORDER BY created LIMIT ?",
	[BLOB_IDS] = "SELECT id FROM blob WHERE id > ? ORDER BY id LIMIT ?",
};
/* clang-format on */
const struct questions blob_questions = { PART_BLOBS, sql, COUNT(sql) };

bool
blob_insert(struct ctx *c, struct db *db, const struct blob_row *b)
{
	owned(question_done) struct question q = ask(c, db, &blob_questions, BLOB_INSERT);
	int64_t changed;

	in_id(&q, &b->id);
	in_id(&q, &b->vendor);
	in_id(&q, &b->owner);
	in_text(&q, b->part);
	in_number(&q, b->state);
	in_id(&q, &b->data_key);
	in_number(&q, b->size);
	in_digest(&q, &b->sha256);
	in_number(&q, b->created);
	if (question_run(&q, &changed))
		return true;
	if (q.rc != SQLITE_CONSTRAINT_UNIQUE)
		return false;
	return fail(c, E_CONFLICT, "%s has its part %.*s already", b->owner.s, STRF(b->part));
}

static void
blob_row(struct question *q, void *ret)
{
	struct blob_row *b = ret;

	b->id = out_id(q);
	b->vendor = out_id(q);
	b->owner = out_id(q);
	b->part = out_text(q);
	b->state = out_number(q) == BLOB_WHOLE ? BLOB_WHOLE : BLOB_ARRIVING;
	b->data_key = out_id(q);
	b->size = out_number(q);
	b->sha256 = out_digest(q);
	b->created = out_number(q);
}

bool
blob_by_id(struct ctx *c, struct db *db, struct str id, struct blob_row *ret)
{
	owned(question_done) struct question q = ask(c, db, &blob_questions, BLOB_BY_ID);

	in_text(&q, id);
	return question_get(&q, blob_row, "file", ret);
}

bool
blob_find(struct ctx *c, struct db *db, struct str owner, struct str part, bool *ret_found,
    struct blob_row *ret)
{
	owned(question_done) struct question q = ask(c, db, &blob_questions, BLOB_FIND);

	in_text(&q, owner);
	in_text(&q, part);
	return question_find(&q, blob_row, ret, ret_found);
}

bool
blob_list(struct ctx *c, struct db *db, struct str owner, struct blob_row **ret, size_t *ret_n)
{
	owned(question_done) struct question q = ask(c, db, &blob_questions, BLOB_LIST);
	void *rows;

	in_text(&q, owner);
	if (!question_list(&q, blob_row, sizeof **ret, &rows, ret_n))
		return false;
	*ret = rows;
	return true;
}

bool
blob_whole(
    struct ctx *c, struct db *db, struct str id, int64_t size, const struct digest256 *digest)
{
	owned(question_done) struct question q = ask(c, db, &blob_questions, BLOB_TO_WHOLE);

	in_number(&q, size);
	in_digest(&q, digest);
	in_text(&q, id);
	return question_one(&q, E_CONFLICT, "the file is whole already");
}

MUST static bool
blob_drop(struct ctx *c, struct db *db, const struct blob_row *b)
{
	owned(question_done) struct question q = ask(c, db, &blob_questions, BLOB_DELETE);

	in_id(&q, &b->id);
	return question_one(&q, E_ABSENT, "no such file") &&
	    data_key_delete(c, db, str_of(b->data_key.s));
}

bool
blob_delete(struct ctx *c, struct db *db, struct str id)
{
	struct blob_row b;

	return blob_by_id(c, db, id, &b) && blob_drop(c, db, &b);
}

bool
blobs_delete(
    struct ctx *c, struct db *db, struct str owner, struct blob_row **ret, size_t *ret_n)
{
	struct blob_row *b;
	size_t n;

	if (!blob_list(c, db, owner, &b, &n))
		return false;
	for (size_t i = 0; i < n; i++)
		if (!blob_drop(c, db, &b[i]))
			return false;
	*ret = b;
	*ret_n = n;
	return true;
}

bool
blobs_erase(struct ctx *c, struct db *db, struct str owner, struct erased *erased)
{
	struct blob_row *more, *all;
	size_t n;

	if (!blobs_delete(c, db, owner, &more, &n))
		return false;
	all = take(c, (erased->n + n) * sizeof *all);
	if (all == NULL)
		return false;
	for (size_t i = 0; i < erased->n; i++)
		all[i] = erased->blob[i];
	for (size_t i = 0; i < n; i++)
		all[erased->n + i] = more[i];
	erased->blob = all;
	erased->n += n;
	return true;
}

bool
blob_stale(struct ctx *c, struct db *db, int64_t before, size_t max, struct blob_row **ret,
    size_t *ret_n)
{
	owned(question_done) struct question q = ask(c, db, &blob_questions, BLOB_STALE);
	void *rows;

	in_number(&q, before);
	in_number(&q, (int64_t)max);
	if (!question_list(&q, blob_row, sizeof **ret, &rows, ret_n))
		return false;
	*ret = rows;
	return true;
}

static void
id_row(struct question *q, void *ret)
{
	*(struct id *)ret = out_id(q);
}

bool
blob_ids(
    struct ctx *c, struct db *db, struct str after, size_t max, struct id **ret, size_t *ret_n)
{
	owned(question_done) struct question q = ask(c, db, &blob_questions, BLOB_IDS);
	void *rows;

	in_text(&q, after);
	in_number(&q, (int64_t)max);
	if (!question_list(&q, id_row, sizeof **ret, &rows, ret_n))
		return false;
	*ret = rows;
	return true;
}
