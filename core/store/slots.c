/*
 * Slot sets: what tells the copies of a model's customers apart by their answers. One belongs to a
 * model that is there already, and goes from making to ready or to failed; a failed one stays to
 * tell why, and does not stand in the way of the next. The copies are models of their own that know
 * whose they are.
 */
#include "impl.h"

const char *const slot_set_state_names[] = {
	[SLOT_SET_MAKING] = "making",
	[SLOT_SET_READY] = "ready",
	[SLOT_SET_FAILED] = "failed",
	NULL,
};

/* clang-format off */
enum {
	SLOT_SET_INSERT, SLOT_SET_BY_ID, SLOT_SET_OF_MODEL, SLOT_SET_OF_RELEASE, SLOT_SET_LIST,
	SLOT_SET_ALL, SLOT_SET_TO_READY, SLOT_SET_TO_FAILED, SLOT_SET_DELETE, SLOT_SET_COPIES,
};
#define SLOT_SET "SELECT id, vendor, model," \
	" coalesce((SELECT name FROM asset WHERE asset.id = slot_set.model), '')," \
	" state, job, key, customers, colluders, slots, classes, commitment, facts, error_code," \
	" error_text, created, version FROM slot_set"
static const char *const sql[] = {
	[SLOT_SET_INSERT] = "INSERT INTO slot_set (id, vendor, model, job, key, customers, colluders,"
	    " created) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
	[SLOT_SET_BY_ID] = SLOT_SET " WHERE id = ? AND vendor = ?",
	[SLOT_SET_OF_MODEL] = SLOT_SET " WHERE model = ? AND vendor = ? AND state <> 2",
	/* A copy's, or those that the copies of the model itself are made with. */
	[SLOT_SET_OF_RELEASE] = SLOT_SET " WHERE vendor = ?1 AND state = 1 AND id ="
	    " (SELECT coalesce(nullif(a.slots, ''),"
	    " (SELECT s.id FROM slot_set AS s WHERE s.model = a.id AND s.state = 1))"
	    " FROM model_release AS r JOIN asset AS a ON a.id = r.model"
	    " WHERE r.id = ?2 AND r.vendor = ?1)",
	[SLOT_SET_LIST] = SLOT_SET " WHERE vendor = ? AND id > ? ORDER BY id LIMIT ?",
	[SLOT_SET_ALL] = SLOT_SET " WHERE model = ? ORDER BY id",
	[SLOT_SET_TO_READY] = "UPDATE slot_set SET state = 1, colluders = ?, slots = ?, classes = ?,"
	    " commitment = ?, facts = ?, version = version + 1 WHERE id = ? AND state = 0",
	[SLOT_SET_TO_FAILED] = "UPDATE slot_set SET state = 2, error_code = ?, error_text = ?,"
	    " version = version + 1 WHERE id = ? AND state = 0",
	[SLOT_SET_DELETE] = "DELETE FROM slot_set WHERE id = ?"
	    " AND NOT EXISTS (SELECT 1 FROM asset WHERE asset.slots = slot_set.id"
	    " AND asset.personal <> '' AND asset.state <> 3)"
	    " AND NOT EXISTS (SELECT 1 FROM challenge WHERE challenge.vendor = slot_set.vendor"
	    " AND challenge.slots = slot_set.id)",
	[SLOT_SET_COPIES] = "SELECT c.number, c.id FROM asset AS a JOIN customer AS c"
	    " ON c.id = a.personal WHERE a.slots = ? AND a.personal <> '' AND a.state <> 3"
	    " AND a.state = 2 ORDER BY c.number",
};
/* clang-format on */
const struct questions slot_questions = { PART_SLOTS, sql, COUNT(sql) };

/* ---- Coming ------------------------------------------------------------------------------ */

/* The model is ready, nobody's copy, and has no slots yet. */
MUST static bool
model_free(struct ctx *c, struct db *db, const struct slot_set_row *s)
{
	struct slot_set_row other;
	struct asset_row model;
	bool found;

	if (!asset_by_id(c, db, ASSET_MODEL, str_of(s->vendor.s), str_of(s->model.s), &model) ||
	    !slot_set_of_model(c, db, str_of(s->vendor.s), str_of(s->model.s), &found, &other))
		return false;
	if (model.state != ASSET_READY)
		return fail(c, E_CONFLICT, "the model is %s: it must be ready to get slots",
		    asset_state_names[model.state]);
	if (model.personal.s[0] != '\0')
		return fail(c, E_CONFLICT,
		    "the model is a customer's copy: make slots for the model that it was made "
		    "of");
	if (found)
		return fail(c, E_CONFLICT,
		    "the model has slots already: %s, they are the same for all of its "
		    "customers",
		    other.id.s);
	return true;
}

bool
slot_set_insert(struct ctx *c, struct db *db, struct slot_set_row *s)
{
	owned(question_done) struct question q = ask(c, db, &slot_questions, SLOT_SET_INSERT);
	int64_t changed;

	if (!model_free(c, db, s))
		return false;
	in_id(&q, &s->id);
	in_id(&q, &s->vendor);
	in_id(&q, &s->model);
	in_id(&q, &s->job);
	in_id(&q, &s->key);
	in_number(&q, s->customers);
	in_number(&q, s->colluders);
	in_number(&q, s->created);
	if (!question_run(&q, &changed))
		return false;
	s->version = 1;
	return true;
}

/* ---- Looking ----------------------------------------------------------------------------- */

static void
slot_set_row(struct question *q, void *ret)
{
	struct slot_set_row *s = ret;
	int64_t state;

	s->id = out_id(q);
	s->vendor = out_id(q);
	s->model = out_id(q);
	s->name = out_text(q);
	state = out_number(q);
	s->state = state >= SLOT_SET_MAKING && state <= SLOT_SET_FAILED
	    ? (enum slot_set_state)state
	    : SLOT_SET_FAILED;
	s->job = out_id(q);
	s->key = out_id(q);
	s->customers = out_number(q);
	s->colluders = out_number(q);
	s->slots = out_number(q);
	s->classes = out_number(q);
	s->commitment = out_digest(q);
	s->facts = out_text(q);
	s->error_code = out_text(q);
	s->error_text = out_text(q);
	s->created = out_number(q);
	s->version = out_number(q);
}

bool
slot_set_by_id(
    struct ctx *c, struct db *db, struct str vendor, struct str id, struct slot_set_row *ret)
{
	owned(question_done) struct question q = ask(c, db, &slot_questions, SLOT_SET_BY_ID);

	in_text(&q, id);
	in_text(&q, vendor);
	return question_get(&q, slot_set_row, "slot set", ret);
}

bool
slot_set_of_model(struct ctx *c, struct db *db, struct str vendor, struct str model,
    bool *ret_found, struct slot_set_row *ret)
{
	owned(question_done) struct question q = ask(c, db, &slot_questions, SLOT_SET_OF_MODEL);

	in_text(&q, model);
	in_text(&q, vendor);
	return question_find(&q, slot_set_row, ret, ret_found);
}

bool
slot_set_of_release(struct ctx *c, struct db *db, struct str vendor, struct str release,
    bool *ret_found, struct slot_set_row *ret)
{
	owned(question_done) struct question q = ask(
	    c, db, &slot_questions, SLOT_SET_OF_RELEASE);

	in_text(&q, vendor);
	in_text(&q, release);
	return question_find(&q, slot_set_row, ret, ret_found);
}

bool
slot_set_list(struct ctx *c, struct db *db, struct str vendor, struct str after, size_t max,
    struct slot_set_row **ret, size_t *ret_n)
{
	owned(question_done) struct question q = ask(c, db, &slot_questions, SLOT_SET_LIST);
	void *rows;

	in_text(&q, vendor);
	in_text(&q, after);
	in_number(&q, (int64_t)max);
	if (!question_list(&q, slot_set_row, sizeof **ret, &rows, ret_n))
		return false;
	*ret = rows;
	return true;
}

bool
slot_set_copies(struct ctx *c, struct db *db, struct str id, customer_each *each, void *arg)
{
	owned(question_done) struct question q = ask(c, db, &slot_questions, SLOT_SET_COPIES);

	in_text(&q, id);
	return question_customers(&q, each, arg);
}

/* ---- Ending ------------------------------------------------------------------------------ */

bool
slot_set_ready(struct ctx *c, struct db *db, const struct slot_set_row *s)
{
	owned(question_done) struct question q = ask(c, db, &slot_questions, SLOT_SET_TO_READY);

	in_number(&q, s->colluders);
	in_number(&q, s->slots);
	in_number(&q, s->classes);
	in_digest(&q, &s->commitment);
	in_text(&q, s->facts);
	in_id(&q, &s->id);
	return question_one(&q, E_CONFLICT, "the slot set is not being made");
}

bool
slot_set_fail(struct ctx *c, struct db *db, struct str id, struct str code, struct str text)
{
	owned(question_done) struct question q = ask(
	    c, db, &slot_questions, SLOT_SET_TO_FAILED);

	in_text(&q, code);
	in_text(&q, text);
	in_text(&q, id);
	return question_one(&q, E_CONFLICT, "the slot set is not being made");
}

MUST static bool
slot_set_drop(struct ctx *c, struct db *db, const struct slot_set_row *s, struct erased *erased)
{
	owned(question_done) struct question q = ask(c, db, &slot_questions, SLOT_SET_DELETE);

	in_id(&q, &s->id);
	erased->secrets++;
	return job_free_of(c, db, str_of(s->id.s)) &&
	    blobs_erase(c, db, str_of(s->id.s), erased) &&
	    question_one(&q, E_CONFLICT,
		"customers' copies, or challenges, stand on the model's slots: it stays, so "
		"that copies can be told apart") &&
	    data_key_delete(c, db, str_of(s->key.s));
}

bool
slot_sets_erase(struct ctx *c, struct db *db, struct str model, struct erased *erased)
{
	owned(question_done) struct question q = ask(c, db, &slot_questions, SLOT_SET_ALL);
	struct slot_set_row *set;
	void *rows;
	size_t n;

	in_text(&q, model);
	if (!question_list(&q, slot_set_row, sizeof *set, &rows, &n))
		return false;
	set = rows;
	for (size_t i = 0; i < n; i++)
		if (!slot_set_drop(c, db, &set[i], erased))
			return false;
	return true;
}
