/*
 * Assets: the models and data sets that vendors upload. One goes from empty to checking when its
 * last part is whole, and from there to ready or refused, as its job says. A question about one
 * vendor's asset never answers another's.
 */
#include "impl.h"

const char *const asset_state_names[] = {
	[ASSET_EMPTY] = "empty",
	[ASSET_CHECKING] = "checking",
	[ASSET_READY] = "ready",
	[ASSET_REFUSED] = "refused",
	NULL,
};
static const char *const kinds[] = { [ASSET_MODEL] = "model", [ASSET_DATASET] = "data set" };

/* clang-format off */
enum {
	ASSET_INSERT, ASSET_BY_ID, ASSET_LIST, ASSET_TO_CHECKING, ASSET_HAND_ON, ASSET_TO_READY,
	ASSET_TO_REFUSED, ASSET_RELEASED, ASSET_DELETE, ASSET_COPY,
};
#define ASSET "SELECT kind, id, vendor, name, state, parts, facts, error_code, error_text," \
	" nullif(job, ''), created, version, nullif(slots, ''), nullif(personal, '') FROM asset"
static const char *const sql[] = {
	[ASSET_INSERT] = "INSERT INTO asset (id, vendor, kind, name, name_folded, parts, created,"
	    " slots, personal) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
	[ASSET_BY_ID] = ASSET " WHERE id = ? AND vendor = ? AND kind = ?",
	[ASSET_LIST] = ASSET " WHERE vendor = ? AND kind = ? AND id > ? ORDER BY id LIMIT ?",
	[ASSET_TO_CHECKING] = "UPDATE asset SET state = 1, job = ?, version = version + 1"
	    " WHERE id = ? AND state = 0",
	[ASSET_HAND_ON] = "UPDATE asset SET job = ?, version = version + 1 WHERE id = ? AND state = 1"
	    " AND job = ?",
	[ASSET_TO_READY] = "UPDATE asset SET state = 2, facts = ?, version = version + 1"
	    " WHERE id = ? AND state = 1",
	[ASSET_TO_REFUSED] = "UPDATE asset SET state = 3, error_code = ?, error_text = ?,"
	    " version = version + 1 WHERE id = ? AND state = 1",
	[ASSET_RELEASED] = "SELECT id FROM model_release WHERE model = ? ORDER BY id LIMIT 1",
	[ASSET_DELETE] = "DELETE FROM asset WHERE id = ? AND vendor = ? AND kind = ?",
	[ASSET_COPY] = "SELECT id FROM asset WHERE slots = ? AND personal = ? AND personal <> ''"
	    " AND state <> 3",
};
/* clang-format on */
const struct questions asset_questions = { PART_ASSETS, sql, COUNT(sql) };

static void
id_row(struct question *q, void *ret)
{
	*(struct id *)ret = out_id(q);
}

/* A customer has one copy: a second one would answer the same. */
MUST static bool
copy_free(struct ctx *c, struct db *db, const struct asset_row *a)
{
	owned(question_done) struct question q = ask(c, db, &asset_questions, ASSET_COPY);
	bool found = false;
	struct id copy;

	in_text(&q, str_of(a->slots.s));
	in_text(&q, str_of(a->personal.s));
	if (!question_find(&q, id_row, &copy, &found))
		return false;
	if (found)
		return fail(c, E_CONFLICT, "the customer has a copy already: %s", copy.s);
	return true;
}

bool
asset_insert(struct ctx *c, struct db *db, const struct asset_row *a)
{
	owned(question_done) struct question q = ask(c, db, &asset_questions, ASSET_INSERT);
	struct str folded;
	int64_t changed;

	if (!text_fold(c, a->name, &folded) ||
	    (a->personal.s[0] != '\0' && !copy_free(c, db, a)))
		return false;
	in_id(&q, &a->id);
	in_id(&q, &a->vendor);
	in_number(&q, a->kind);
	in_text(&q, a->name);
	in_text(&q, folded);
	in_text(&q, a->parts);
	in_number(&q, a->created);
	in_text(&q, str_of(a->slots.s));
	in_text(&q, str_of(a->personal.s));
	if (question_run(&q, &changed))
		return true;
	if (q.rc == SQLITE_CONSTRAINT_FOREIGNKEY)
		return fail(c, E_ABSENT, "no such vendor");
	if (q.rc != SQLITE_CONSTRAINT_UNIQUE)
		return false;
	return fail(c, E_CONFLICT, "a %s of this name exists already", kinds[a->kind]);
}

static void
asset_row(struct question *q, void *ret)
{
	struct asset_row *a = ret;
	int64_t state;

	a->kind = out_number(q) == ASSET_MODEL ? ASSET_MODEL : ASSET_DATASET;
	a->id = out_id(q);
	a->vendor = out_id(q);
	a->name = out_text(q);
	state = out_number(q);
	a->state = state >= ASSET_EMPTY && state <= ASSET_REFUSED ? (enum asset_state)state
								  : ASSET_REFUSED;
	a->parts = out_text(q);
	a->facts = out_text(q);
	a->error_code = out_text(q);
	a->error_text = out_text(q);
	a->job = out_id(q);
	a->created = out_number(q);
	a->version = out_number(q);
	a->slots = out_id(q);
	a->personal = out_id(q);
}

bool
asset_by_id(struct ctx *c, struct db *db, enum asset_kind kind, struct str vendor,
    struct str id, struct asset_row *ret)
{
	owned(question_done) struct question q = ask(c, db, &asset_questions, ASSET_BY_ID);

	in_text(&q, id);
	in_text(&q, vendor);
	in_number(&q, kind);
	return question_get(&q, asset_row, kinds[kind], ret);
}

bool
asset_list(struct ctx *c, struct db *db, enum asset_kind kind, struct str vendor,
    struct str after, size_t max, struct asset_row **ret, size_t *ret_n)
{
	owned(question_done) struct question q = ask(c, db, &asset_questions, ASSET_LIST);
	void *rows;

	in_text(&q, vendor);
	in_number(&q, kind);
	in_text(&q, after);
	in_number(&q, (int64_t)max);
	if (!question_list(&q, asset_row, sizeof **ret, &rows, ret_n))
		return false;
	*ret = rows;
	return true;
}

bool
asset_check(struct ctx *c, struct db *db, struct str id, struct str job)
{
	owned(question_done) struct question q = ask(
	    c, db, &asset_questions, ASSET_TO_CHECKING);

	in_text(&q, job);
	in_text(&q, id);
	return question_one(&q, E_CONFLICT, "it is being checked, or was, already");
}

bool
asset_hand_on(
    struct ctx *c, struct db *db, struct str id, struct str from_job, struct str to_job)
{
	owned(question_done) struct question q = ask(c, db, &asset_questions, ASSET_HAND_ON);

	in_text(&q, to_job);
	in_text(&q, id);
	in_text(&q, from_job);
	return question_one(&q, E_CONFLICT, "it is not that job's any more");
}

bool
asset_ready(struct ctx *c, struct db *db, struct str id, struct str facts)
{
	owned(question_done) struct question q = ask(c, db, &asset_questions, ASSET_TO_READY);

	in_text(&q, facts);
	in_text(&q, id);
	return question_one(&q, E_CONFLICT, "it is not being checked");
}

bool
asset_refuse(struct ctx *c, struct db *db, struct str id, struct str code, struct str text)
{
	owned(question_done) struct question q = ask(c, db, &asset_questions, ASSET_TO_REFUSED);

	in_text(&q, code);
	in_text(&q, text);
	in_text(&q, id);
	return question_one(&q, E_CONFLICT, "it is not being checked");
}

/* ---- Deletion ---------------------------------------------------------------------------- */

MUST static bool
unreleased(struct ctx *c, struct db *db, struct str id)
{
	owned(question_done) struct question q = ask(c, db, &asset_questions, ASSET_RELEASED);
	bool found = false;
	struct id release;

	in_text(&q, id);
	if (!question_find(&q, id_row, &release, &found))
		return false;
	if (found)
		return fail(
		    c, E_CONFLICT, "the model has releases: delete %s first", release.s);
	return true;
}

bool
asset_delete(struct ctx *c, struct db *db, enum asset_kind kind, struct str vendor,
    struct str id, int64_t version, struct erased *ret)
{
	owned(question_done) struct question q = ask(c, db, &asset_questions, ASSET_DELETE);
	struct erased erased = { 0 };
	struct asset_row a;
	bool marked;

	if (!asset_by_id(c, db, kind, vendor, id, &a))
		return false;
	if (version != 0 && version != a.version)
		return fail(c, E_STALE, "the %s has changed since it was read", kinds[kind]);
	if (!job_free_of(c, db, id) || !unreleased(c, db, id) ||
	    !watermark_erase(c, db, vendor, id, &marked) ||
	    !slot_sets_erase(c, db, id, &erased) || !blobs_erase(c, db, id, &erased))
		return false;
	erased.secrets += marked ? 1 : 0;
	in_text(&q, id);
	in_text(&q, vendor);
	in_number(&q, kind);
	if (!question_one(&q, E_ABSENT, "no such asset"))
		return false;
	*ret = erased;
	return true;
}
