/*
 * Releases: what is made of a model. One goes from making to ready, when everything about it is
 * known at once, or to failed. Its secret is a data key that nothing else uses: without the row of
 * that key no unlock key can be made any more.
 */
#include "impl.h"

const char *const release_state_names[] = {
	[RELEASE_MAKING] = "making",
	[RELEASE_READY] = "ready",
	[RELEASE_FAILED] = "failed",
	NULL,
};

/* clang-format off */
enum {
	RELEASE_INSERT, RELEASE_NEXT, RELEASE_BY_ID, RELEASE_OUTLINE, RELEASE_LIST,
	RELEASE_LIST_OF_VENDOR, RELEASE_LIST_OF_MODEL, RELEASE_TO_READY, RELEASE_TO_FAILED,
	RELEASE_DELETE,
};
/* By an index alone: most models are nobody's copy. */
#define PERSONAL "(SELECT personal FROM asset INDEXED BY asset_personal" \
	" WHERE asset.id = model_release.model AND personal <> '')"
#define RELEASE "SELECT id, vendor, model, number, name, state, locks, nullif(job, ''), key," \
	" artifact, plain, bytes, log_l, kappa, facts, manifest, bundle, error_code, error_text," \
	" created, version, nullif(watermark, ''), " PERSONAL " FROM model_release"
static const char *const sql[] = {
	[RELEASE_INSERT] = "INSERT INTO model_release (id, vendor, model, number, name, job, key,"
	    " created, watermark) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
	[RELEASE_NEXT] = "UPDATE asset SET releases = releases + 1 WHERE id = ? RETURNING releases",
	[RELEASE_BY_ID] = RELEASE " WHERE id = ?1 AND (?2 = '' OR vendor = ?2)"
	    " AND (?3 = '' OR model = ?3)",
	/* What comes before the long texts: their pages are not read. */
	[RELEASE_OUTLINE] = "SELECT id, vendor, model, number, name, state, locks,"
	    " nullif(job, ''), key, artifact, plain, bytes, log_l, kappa, '', '', '', '', '', 0, 0,"
	    " NULL, " PERSONAL " FROM model_release WHERE id = ?1 AND vendor = ?2",
	[RELEASE_LIST] = RELEASE " WHERE id > ? ORDER BY id LIMIT ?",
	[RELEASE_LIST_OF_VENDOR] = RELEASE " WHERE id > ? AND vendor = ? ORDER BY id LIMIT ?",
	[RELEASE_LIST_OF_MODEL] = RELEASE " WHERE id > ?1 AND model = ?2"
	    " AND (?3 = '' OR vendor = ?3) ORDER BY id LIMIT ?4",
	[RELEASE_TO_READY] = "UPDATE model_release SET state = 1, locks = ?, artifact = ?, plain = ?,"
	    " bytes = ?, log_l = ?, kappa = ?, facts = ?, manifest = ?, bundle = ?,"
	    " version = version + 1 WHERE id = ? AND state = 0",
	[RELEASE_TO_FAILED] = "UPDATE model_release SET state = 2, error_code = ?, error_text = ?,"
	    " version = version + 1 WHERE id = ? AND state = 0",
	[RELEASE_DELETE] = "DELETE FROM model_release WHERE id = ?",
};
/* clang-format on */
const struct questions release_questions = { PART_RELEASES, sql, COUNT(sql) };

static void
number_row(struct question *q, void *ret)
{
	*(int64_t *)ret = out_number(q);
}

MUST static bool
number_next(struct ctx *c, struct db *db, const struct id *model, int64_t *ret)
{
	owned(question_done) struct question q = ask(c, db, &release_questions, RELEASE_NEXT);

	in_id(&q, model);
	return question_get(&q, number_row, "release", ret);
}

/* The watermark that a model has, or, as a copy, has taken over. */
MUST static bool
watermark_within(struct ctx *c, struct db *db, const struct asset_row *model, struct id *ret)
{
	struct str vendor = str_of(model->vendor.s);
	struct watermark_row watermark;
	struct slot_set_row set = { .model = model->id };
	bool found;

	if ((model->slots.s[0] != '\0' &&
		!slot_set_by_id(c, db, vendor, str_of(model->slots.s), &set)) ||
	    !watermark_by_model(c, db, vendor, str_of(set.model.s), &found, &watermark))
		return false;
	found = found && watermark.state == WATERMARK_READY;
	*ret = found ? watermark.id : (struct id){ 0 };
	return true;
}

bool
release_insert(struct ctx *c, struct db *db, struct release_row *r)
{
	owned(question_done) struct question q = ask(c, db, &release_questions, RELEASE_INSERT);
	struct asset_row model;
	int64_t number, changed;
	struct id watermark;

	if (!asset_by_id(c, db, ASSET_MODEL, str_of(r->vendor.s), str_of(r->model.s), &model))
		return false;
	if (model.state != ASSET_READY)
		return fail(c, E_CONFLICT, "the model is %s: it must be ready to be released",
		    asset_state_names[model.state]);
	if (!watermark_within(c, db, &model, &watermark) ||
	    !number_next(c, db, &r->model, &number))
		return false;
	in_id(&q, &r->id);
	in_id(&q, &r->vendor);
	in_id(&q, &r->model);
	in_number(&q, number);
	in_text(&q, r->name);
	in_text(&q, str_of(r->job.s));
	in_id(&q, &r->key);
	in_number(&q, r->created);
	in_text(&q, str_of(watermark.s));
	if (!question_run(&q, &changed))
		return false;
	r->number = number;
	r->watermark = watermark;
	r->personal = model.personal;
	r->version = 1;
	return true;
}

static void
release_row(struct question *q, void *ret)
{
	struct release_row *r = ret;
	int64_t state;

	r->id = out_id(q);
	r->vendor = out_id(q);
	r->model = out_id(q);
	r->number = out_number(q);
	r->name = out_text(q);
	state = out_number(q);
	r->state = state >= RELEASE_MAKING && state <= RELEASE_FAILED
	    ? (enum release_state)state
	    : RELEASE_FAILED;
	r->locks = (unsigned)out_number(q);
	r->job = out_id(q);
	r->key = out_id(q);
	r->artifact = out_digest(q);
	r->plain = out_digest(q);
	r->bytes = out_number(q);
	r->log_l = (unsigned)out_number(q);
	r->kappa = out_real(q);
	r->facts = out_text(q);
	r->manifest = out_text(q);
	r->bundle = out_text(q);
	r->error_code = out_text(q);
	r->error_text = out_text(q);
	r->created = out_number(q);
	r->version = out_number(q);
	r->watermark = out_id(q);
	r->personal = out_id(q);
}

bool
release_by_id(struct ctx *c, struct db *db, struct str vendor, struct str model, struct str id,
    struct release_row *ret)
{
	owned(question_done) struct question q = ask(c, db, &release_questions, RELEASE_BY_ID);

	in_text(&q, id);
	in_text(&q, vendor);
	in_text(&q, model);
	return question_get(&q, release_row, "release", ret);
}

bool
release_outline(
    struct ctx *c, struct db *db, struct str vendor, struct str id, struct release_row *ret)
{
	owned(question_done) struct question q = ask(
	    c, db, &release_questions, RELEASE_OUTLINE);

	in_text(&q, id);
	in_text(&q, vendor);
	return question_get(&q, release_row, "release", ret);
}

bool
release_list(struct ctx *c, struct db *db, struct str vendor, struct str model,
    struct str after, size_t max, struct release_row **ret, size_t *ret_n)
{
	bool of_model = model.n > 0, of_vendor = vendor.n > 0;
	owned(question_done) struct question q = ask(c, db, &release_questions,
	    of_model        ? RELEASE_LIST_OF_MODEL
		: of_vendor ? RELEASE_LIST_OF_VENDOR
			    : RELEASE_LIST);
	void *rows;

	in_text(&q, after);
	if (of_model)
		in_text(&q, model);
	if (of_model || of_vendor)
		in_text(&q, vendor);
	in_number(&q, (int64_t)max);
	if (!question_list(&q, release_row, sizeof **ret, &rows, ret_n))
		return false;
	*ret = rows;
	return true;
}

bool
release_ready(struct ctx *c, struct db *db, const struct release_row *r)
{
	owned(question_done) struct question q = ask(
	    c, db, &release_questions, RELEASE_TO_READY);

	in_number(&q, r->locks);
	in_digest(&q, &r->artifact);
	in_digest(&q, &r->plain);
	in_number(&q, r->bytes);
	in_number(&q, r->log_l);
	in_real(&q, r->kappa);
	in_text(&q, r->facts);
	in_text(&q, r->manifest);
	in_text(&q, r->bundle);
	in_id(&q, &r->id);
	return question_one(&q, E_CONFLICT, "the release is not being made");
}

bool
release_fail(struct ctx *c, struct db *db, struct str id, struct str code, struct str text)
{
	owned(question_done) struct question q = ask(
	    c, db, &release_questions, RELEASE_TO_FAILED);

	in_text(&q, code);
	in_text(&q, text);
	in_text(&q, id);
	return question_one(&q, E_CONFLICT, "the release is not being made");
}

MUST static bool
release_drop(struct ctx *c, struct db *db, const struct release_row *r)
{
	owned(question_done) struct question q = ask(c, db, &release_questions, RELEASE_DELETE);

	in_id(&q, &r->id);
	if (question_one(&q, E_ABSENT, "no such release"))
		return data_key_delete(c, db, str_of(r->key.s));
	if (q.rc != SQLITE_CONSTRAINT_FOREIGNKEY)
		return false;
	return fail(c, E_CONFLICT,
	    "licenses stand on this release, or verifications: it stays, so that marked copies "
	    "can be traced");
}

bool
release_delete(struct ctx *c, struct db *db, struct str vendor, struct str model, struct str id,
    int64_t version, struct blob_row **ret_gone, size_t *ret_n)
{
	struct release_row r;
	struct blob_row *gone;
	size_t n;

	if (!release_by_id(c, db, vendor, model, id, &r))
		return false;
	if (version != 0 && version != r.version)
		return fail(c, E_STALE, "the release has changed since it was read");
	if (!job_free_of(c, db, id) || !blobs_delete(c, db, id, &gone, &n) ||
	    !release_drop(c, db, &r))
		return false;
	*ret_gone = gone;
	*ret_n = n;
	return true;
}
