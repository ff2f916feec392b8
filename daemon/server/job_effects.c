/*
 * What the end of a job means for what it worked for. A description makes an asset ready; what a
 * training makes is then described as if it had been uploaded (see job_effects_models.c); a
 * protection makes a release ready, with its files; what is held against suspects is in
 * job_effects_verify.c. What was not made is failed, and its files go. One row for each kind of job
 * that has such an effect. Effects belong to the act that stores the job's end: the row of the job
 * and the rows of its work never disagree.
 */
#include <stdio.h>

#include "blobs.h"
#include "job_effects.h"

/* In the place of a reason, for a job that was stopped by somebody. */
#define STOPPED "its job was cancelled"

/* What is not in the state in which the job left it has its end from somebody else. */
MUST static bool
unless_over(struct ctx *c, bool ok)
{
	if (!ok && c->err.code != E_CONFLICT)
		return false;
	c->err = (struct err){ 0 };
	return true;
}

/* ---- Results ------------------------------------------------------------------------------- */

bool
said_read(struct ctx *c, const struct run *r, struct said *ret)
{
	return json_split(c, r->row.result, &ret->part, &ret->n);
}

bool
said_number(const struct said *s, const char *name, int64_t least, int64_t most, int64_t *ret)
{
	struct json_part p;

	return json_find(s->part, s->n, name, &p) && str_number(p.value, least, most, ret);
}

bool
said_digest(struct ctx *c, const struct said *s, const char *name, struct digest256 *ret)
{
	struct json_part p;
	bool ok = json_find(s->part, s->n, name, &p) &&
	    hex_decode(c, p.value, ret->b, sizeof ret->b);

	c->err = (struct err){ 0 };
	return ok;
}

/* ---- Files --------------------------------------------------------------------------------- */

/* A file that nothing was written to is none. */
MUST static bool
output_store(struct ctx *c, struct db *db, const struct run *r, size_t i,
    struct blob_row gone[], size_t *n)
{
	struct digest256 digest;

	memcpy(digest.b, r->made[i].sha256, sizeof digest.b);
	if (r->made[i].size > 0)
		return blob_whole(c, db, str_of(r->out[i].s), r->made[i].size, &digest);
	return blob_by_id(c, db, str_of(r->out[i].s), &gone[(*n)++]) &&
	    blob_delete(c, db, str_of(r->out[i].s));
}

bool
outputs_store(struct ctx *c, struct db *db, const struct run *r, struct blob_row **ret_gone,
    size_t *ret_n)
{
	struct blob_row *gone = take(c, JOB_OUTPUTS_MAX * sizeof *gone);
	size_t n = 0;

	if (gone == NULL)
		return false;
	for (size_t i = 0; i < r->outs; i++)
		if (!output_store(c, db, r, i, gone, &n))
			return false;
	*ret_gone = gone;
	*ret_n = n;
	return true;
}

/* Everything that belongs to what the job worked for. */
MUST static bool
outputs_erase(struct ctx *c, struct db *db, const struct job_row *row,
    struct blob_row **ret_gone, size_t *ret_n)
{
	struct blob_row *blob;
	size_t n;

	if (!blob_list(c, db, str_of(row->object.s), &blob, &n))
		return false;
	for (size_t i = 0; i < n; i++)
		if (!blob_delete(c, db, str_of(blob[i].id.s)))
			return false;
	*ret_gone = blob;
	*ret_n = n;
	return true;
}

/* ---- Descriptions -------------------------------------------------------------------------- */

static bool
described(
    struct ctx *c, struct db *db, struct run *r, struct blob_row **ret_gone, size_t *ret_n)
{
	(void)ret_gone;
	(void)ret_n;
	return unless_over(c, asset_ready(c, db, str_of(r->row.object.s), r->row.result));
}

/* ---- Releases ------------------------------------------------------------------------------ */

static const char *const lock_words[] = { "advparams", "sealed" }; /* by their bits */

MUST static bool
locks_of(struct ctx *c, struct str list, unsigned *ret)
{
	struct json_part *part;
	unsigned locks = 0;
	size_t n;

	if (!json_split(c, list, &part, &n))
		return false;
	for (size_t i = 0; i < n; i++)
		for (size_t k = 0; k < COUNT(lock_words); k++)
			if (str_same(part[i].value, str_of(lock_words[k])))
				locks |= 1u << k;
	if (locks == 0)
		return fail(c, E_INTEGRITY, "the worker's result names no lock");
	*ret = locks;
	return true;
}

MUST static bool
real_of(struct ctx *c, struct str number, double *ret)
{
	char *text = take_cstr(c, number), *end;

	if (text == NULL)
		return false;
	*ret = strtod(text, &end);
	if (end == text || *end != '\0' || !(*ret >= 0 && *ret <= 1))
		return fail(c, E_INTEGRITY, "the worker's result has no kappa");
	return true;
}

/* The fingerprint that the result speaks of, if it does, is the one that was written. */
static bool
print_agrees(struct ctx *c, const struct run *r, const struct said *s)
{
	const struct job_made *made = &r->made[RELEASE_FINGERPRINT];
	struct json_part print;
	struct said of = { 0 };
	struct digest256 said;
	bool there = json_find(s->part, s->n, "fingerprint", &print) &&
	    print.kind == KIND_OBJECT && json_split(c, print.value, &of.part, &of.n) &&
	    said_digest(c, &of, "sha256", &said);

	c->err = (struct err){ 0 };
	if (!there)
		return made->size == 0;
	return made->size > 0 && memcmp(said.b, made->sha256, sizeof said.b) == 0;
}

/* What the row of a ready release has, out of the job's result. */
MUST static bool
release_read(struct ctx *c, const struct run *r, struct release_row *row)
{
	struct json_part locks, kappa;
	struct said s;
	int64_t l;

	if (!said_read(c, r, &s))
		return false;
	if (!json_find(s.part, s.n, "locks", &locks) ||
	    !json_find(s.part, s.n, "kappa", &kappa) || !said_number(&s, "log_l", 0, 32, &l) ||
	    !said_digest(c, &s, "plain", &row->plain) || r->made[RELEASE_ARTIFACT].size <= 0 ||
	    !print_agrees(c, r, &s))
		return fail(c, E_INTEGRITY, "the worker's result does not describe a release");
	row->log_l = (unsigned)l;
	row->facts = r->row.result;
	row->bytes = r->made[RELEASE_ARTIFACT].size;
	memcpy(row->artifact.b, r->made[RELEASE_ARTIFACT].sha256, sizeof row->artifact.b);
	return locks_of(c, locks.value, &row->locks) && real_of(c, kappa.value, &row->kappa);
}

static bool
release_prepare(struct jobs *j, struct run *r)
{
	struct ctx *c = &r->c;
	struct str vendor = str_of(r->row.vendor.s);
	struct release_row *row = take(c, sizeof *row);
	struct asset_row model;

	if (row == NULL || !run_outputs_keep(j, r) ||
	    !release_by_id(c, j->db, vendor, STR(""), str_of(r->row.object.s), row) ||
	    !asset_by_id(c, j->db, ASSET_MODEL, vendor, str_of(row->model.s), &model) ||
	    !release_read(c, r, row) ||
	    !keys_sign_release(
		c, j->server->keys, row, model.name, &row->manifest, &row->bundle))
		return false;
	r->release = row;
	return true;
}

static bool
released(struct ctx *c, struct db *db, struct run *r, struct blob_row **ret_gone, size_t *ret_n)
{
	return outputs_store(c, db, r, ret_gone, ret_n) && release_ready(c, db, r->release);
}

/* ---- By kind ------------------------------------------------------------------------------- */

/* Says of what a job worked for why it never will be. */
typedef bool work_fails(
    struct ctx *, struct db *, struct str id, struct str code, struct str text);

static const struct {
	effect_prepares *prepare; /* NULL: nothing */
	effect_does *done;
	work_fails *fail[2]; /* after a failure or a cancel; NULL: nobody is told */
} effects[JOB_COUNT] = {
	[JOB_TRAIN] = { model_prepare, modelled, { asset_refuse } },
	[JOB_DESCRIBE] = { NULL, described, { asset_refuse } },
	[JOB_PROTECT] = { release_prepare, released, { release_fail } },
	[JOB_WATERMARK] = { watermark_prepare, watermarked, { asset_refuse, watermark_fail } },
	[JOB_CHALLENGE] = { challenge_prepare, challenged, { challenge_fail } },
	[JOB_VERIFY] = { verify_prepare, verified, { verification_fail } },
	[JOB_SLOTS] = { slots_prepare, slotted, { slot_set_fail } },
	[JOB_PERSONALISE] = { model_prepare, modelled, { asset_refuse } },
	[JOB_REDTEAM] = { redteam_prepare, redteamed, { red_team_fail } },
};

bool
effect_prepare(struct jobs *j, struct run *r)
{
	enum job_type type;

	r->c.err = (struct err){ 0 };
	if (r->row.state != JOB_DONE || r->prepared)
		return true;
	if (!job_kind_by_name(&r->c, r->row.kind, &type))
		return false;
	/* The run's memory is bounded: what cannot succeed is not begun each second. */
	if (effects[type].prepare != NULL && !keys_open(&r->c, j->server->keys))
		return false;
	if (effects[type].prepare != NULL && !effects[type].prepare(j, r)) {
		if (is_passing(r->c.err.code))
			return false;
		r->row.result = STR("");
		run_failed(r, &r->c.err);
	}
	r->prepared = true;
	return true;
}

/*
 * The effect of a job's end that is not its success: what it wrote goes. Who writes nothing has
 * looked at what was uploaded, and that stays.
 */
MUST static bool
effect_over(struct ctx *c, struct db *db, const struct job_row *row, struct blob_row **ret_gone,
    size_t *ret_n)
{
	bool failed = row->state == JOB_FAILED;
	struct str code = failed ? row->error_code : str_of(err_wire(E_CONFLICT)),
		   text = failed ? row->error_text : STR(STOPPED);
	enum job_type type;

	if (row->object.s[0] == '\0' || !job_kind_by_name(c, row->kind, &type) ||
	    effects[type].fail[0] == NULL)
		return true;
	if (job_kinds[type].outputs > 0 && !outputs_erase(c, db, row, ret_gone, ret_n))
		return false;
	for (size_t i = 0; i < COUNT(effects[type].fail); i++)
		if (effects[type].fail[i] != NULL &&
		    !unless_over(
			c, effects[type].fail[i](c, db, str_of(row->object.s), code, text)))
			return false;
	return true;
}

bool
effect_done(
    struct ctx *c, struct db *db, struct run *r, struct blob_row **ret_gone, size_t *ret_n)
{
	enum job_type type;

	switch (r->row.state) {
	case JOB_QUEUED:
	case JOB_RUNNING:
		return true;
	case JOB_DONE:
		if (!job_kind_by_name(c, r->row.kind, &type))
			return false;
		return effects[type].done == NULL ||
		    effects[type].done(c, db, r, ret_gone, ret_n);
	case JOB_FAILED:
	case JOB_CANCELLED:
		return effect_over(c, db, &r->row, ret_gone, ret_n);
	}
	abort();
}

bool
job_cancel_all(struct ctx *c, struct db *db, struct str vendor, struct str id, int64_t version,
    int64_t at, struct blob_row **ret_gone, size_t *ret_n)
{
	struct blob_row *gone = NULL;
	enum job_state state;
	struct job_row row;
	size_t n = 0;

	if (!job_cancel(c, db, vendor, id, version, at, &state))
		return false;
	if (state == JOB_CANCELLED &&
	    (!job_by_id(c, db, vendor, id, &row) || !effect_over(c, db, &row, &gone, &n)))
		return false;
	*ret_gone = gone;
	*ret_n = n;
	return true;
}
