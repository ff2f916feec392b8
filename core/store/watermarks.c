/*
 * Watermarks: what a network was taught beside its task. One belongs to the model that its job
 * makes and goes from making to ready or to failed with it; its secret is a data key of its own,
 * and its files are the model's.
 */
#include "impl.h"

const char *const watermark_state_names[] = {
	[WATERMARK_MAKING] = "making",
	[WATERMARK_READY] = "ready",
	[WATERMARK_FAILED] = "failed",
	NULL,
};

/* clang-format off */
enum {
	WATERMARK_INSERT, WATERMARK_BY_ID, WATERMARK_BY_MODEL, WATERMARK_OF_RELEASE,
	WATERMARK_LIST, WATERMARK_TO_READY, WATERMARK_TO_FAILED, WATERMARK_DELETE,
};
#define WATERMARK "SELECT id, vendor, source, model," \
	" coalesce((SELECT name FROM asset WHERE asset.id = watermark.model), '')," \
	" state, job, key, keys, classes, commitment, facts, error_code, error_text, created," \
	" version, asked FROM watermark"
static const char *const sql[] = {
	[WATERMARK_INSERT] = "INSERT INTO watermark (id, vendor, source, model, job, key, created)"
	    " VALUES (?, ?, ?, ?, ?, ?, ?)",
	[WATERMARK_BY_ID] = WATERMARK " WHERE id = ? AND vendor = ?",
	[WATERMARK_BY_MODEL] = WATERMARK " WHERE model = ? AND vendor = ?",
	[WATERMARK_OF_RELEASE] = WATERMARK " WHERE vendor = ?1 AND id ="
	    " (SELECT watermark FROM model_release WHERE id = ?2 AND vendor = ?1)",
	[WATERMARK_LIST] = WATERMARK " WHERE vendor = ? AND id > ? ORDER BY id LIMIT ?",
	[WATERMARK_TO_READY] = "UPDATE watermark SET state = 1, keys = ?, classes = ?,"
	    " commitment = ?, facts = ?, version = version + 1 WHERE id = ? AND state = 0",
	[WATERMARK_TO_FAILED] = "UPDATE watermark SET state = 2, error_code = ?, error_text = ?,"
	    " version = version + 1 WHERE model = ? AND state = 0",
	[WATERMARK_DELETE] = "DELETE FROM watermark WHERE id = ?",
};
/* clang-format on */
const struct questions watermark_questions = { PART_WATERMARKS, sql, COUNT(sql) };

bool
watermark_insert(struct ctx *c, struct db *db, struct watermark_row *w)
{
	owned(question_done) struct question q = ask(
	    c, db, &watermark_questions, WATERMARK_INSERT);
	int64_t changed;

	in_id(&q, &w->id);
	in_id(&q, &w->vendor);
	in_id(&q, &w->source);
	in_id(&q, &w->model);
	in_id(&q, &w->job);
	in_id(&q, &w->key);
	in_number(&q, w->created);
	if (!question_run(&q, &changed))
		return false;
	w->version = 1;
	return true;
}

static void
watermark_row(struct question *q, void *ret)
{
	struct watermark_row *w = ret;
	int64_t state;

	w->id = out_id(q);
	w->vendor = out_id(q);
	w->source = out_id(q);
	w->model = out_id(q);
	w->name = out_text(q);
	state = out_number(q);
	w->state = state >= WATERMARK_MAKING && state <= WATERMARK_FAILED
	    ? (enum watermark_state)state
	    : WATERMARK_FAILED;
	w->job = out_id(q);
	w->key = out_id(q);
	w->keys = out_number(q);
	w->classes = out_number(q);
	w->commitment = out_digest(q);
	w->facts = out_text(q);
	w->error_code = out_text(q);
	w->error_text = out_text(q);
	w->created = out_number(q);
	w->version = out_number(q);
	w->asked = out_number(q);
}

bool
watermark_by_id(
    struct ctx *c, struct db *db, struct str vendor, struct str id, struct watermark_row *ret)
{
	owned(question_done) struct question q = ask(
	    c, db, &watermark_questions, WATERMARK_BY_ID);

	in_text(&q, id);
	in_text(&q, vendor);
	return question_get(&q, watermark_row, "watermark", ret);
}

bool
watermark_by_model(struct ctx *c, struct db *db, struct str vendor, struct str model,
    bool *ret_found, struct watermark_row *ret)
{
	owned(question_done) struct question q = ask(
	    c, db, &watermark_questions, WATERMARK_BY_MODEL);

	in_text(&q, model);
	in_text(&q, vendor);
	return question_find(&q, watermark_row, ret, ret_found);
}

bool
watermark_of_release(struct ctx *c, struct db *db, struct str vendor, struct str release,
    bool *ret_found, struct watermark_row *ret)
{
	owned(question_done) struct question q = ask(
	    c, db, &watermark_questions, WATERMARK_OF_RELEASE);

	in_text(&q, vendor);
	in_text(&q, release);
	return question_find(&q, watermark_row, ret, ret_found);
}

bool
watermark_list(struct ctx *c, struct db *db, struct str vendor, struct str after, size_t max,
    struct watermark_row **ret, size_t *ret_n)
{
	owned(question_done) struct question q = ask(
	    c, db, &watermark_questions, WATERMARK_LIST);
	void *rows;

	in_text(&q, vendor);
	in_text(&q, after);
	in_number(&q, (int64_t)max);
	if (!question_list(&q, watermark_row, sizeof **ret, &rows, ret_n))
		return false;
	*ret = rows;
	return true;
}

bool
watermark_ready(struct ctx *c, struct db *db, const struct watermark_row *w)
{
	owned(question_done) struct question q = ask(
	    c, db, &watermark_questions, WATERMARK_TO_READY);

	in_number(&q, w->keys);
	in_number(&q, w->classes);
	in_digest(&q, &w->commitment);
	in_text(&q, w->facts);
	in_id(&q, &w->id);
	return question_one(&q, E_CONFLICT, "the watermark is not being made");
}

bool
watermark_fail(struct ctx *c, struct db *db, struct str model, struct str code, struct str text)
{
	owned(question_done) struct question q = ask(
	    c, db, &watermark_questions, WATERMARK_TO_FAILED);

	in_text(&q, code);
	in_text(&q, text);
	in_text(&q, model);
	return question_one(&q, E_CONFLICT, "the watermark is not being made");
}

MUST static bool
watermark_drop(struct ctx *c, struct db *db, const struct watermark_row *w)
{
	owned(question_done) struct question q = ask(
	    c, db, &watermark_questions, WATERMARK_DELETE);

	in_id(&q, &w->id);
	if (question_one(&q, E_ABSENT, "no such watermark"))
		return data_key_delete(c, db, str_of(w->key.s));
	if (q.rc != SQLITE_CONSTRAINT_FOREIGNKEY)
		return false;
	return fail(c, E_CONFLICT,
	    "key images or challenges stand on the model's watermark: it stays, so that they "
	    "can be told");
}

bool
watermark_erase(
    struct ctx *c, struct db *db, struct str vendor, struct str model, bool *ret_found)
{
	struct watermark_row w;

	if (!watermark_by_model(c, db, vendor, model, ret_found, &w))
		return false;
	return !*ret_found || watermark_drop(c, db, &w);
}
