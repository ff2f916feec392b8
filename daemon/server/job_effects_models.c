/*
 * What the end of a job means for the model that it makes. Each gives it its content, which is then
 * described as if it had been uploaded; a watermarking leaves a key set beside it, to which the
 * audit is committed, as it is to the pictures of a model's slots.
 */
#include "job_effects.h"

/* ---- Models -------------------------------------------------------------------------------- */

enum { CONTENT, KEYS }; /* of a job's outputs; a training has no keys */

struct describes {
	struct job_row job;
	struct data_key_row key;
};

bool
model_prepare(struct jobs *j, struct run *r)
{
	struct ctx *c = &r->c;
	struct describes *d = take(c, sizeof *d);
	char *params = take_printf(c, "{\"model\":\"%s\"}", r->row.object.s);

	if (d == NULL || params == NULL || !run_outputs_keep(j, r) ||
	    !job_new(c, j->server, j->db, str_of(r->row.vendor.s), STR("describe"),
		str_of(params), &d->job, &d->key))
		return false;
	if (r->made[CONTENT].size == 0)
		return fail(c, E_INTEGRITY, "the worker wrote no model");
	d->job.object = r->row.object;
	r->describes = d;
	return true;
}

bool
modelled(struct ctx *c, struct db *db, struct run *r, struct blob_row **ret_gone, size_t *ret_n)
{
	const struct describes *d = r->describes;

	return outputs_store(c, db, r, ret_gone, ret_n) && data_key_insert(c, db, &d->key) &&
	    job_insert(c, db, &d->job) &&
	    asset_hand_on(
		c, db, str_of(r->row.object.s), str_of(r->row.id.s), str_of(d->job.id.s));
}

/* ---- Watermarks ---------------------------------------------------------------------------- */

/* What the row of a ready watermark has, out of the job's result. */
MUST static bool
watermark_read(struct ctx *c, const struct run *r, struct watermark_row *w)
{
	struct said s;

	if (!said_read(c, r, &s))
		return false;
	if (!said_number(&s, "keys", 1, INT32_MAX, &w->keys) ||
	    !said_number(&s, "classes", 1, INT32_MAX, &w->classes) ||
	    !said_digest(c, &s, "commitment", &w->commitment) || r->made[KEYS].size == 0)
		return fail(
		    c, E_INTEGRITY, "the worker's result does not describe a watermark");
	w->facts = r->row.result;
	return true;
}

bool
watermark_prepare(struct jobs *j, struct run *r)
{
	struct ctx *c = &r->c;
	struct watermark_row *w = take(c, sizeof *w);
	bool found;

	if (w == NULL || !model_prepare(j, r) ||
	    !watermark_by_model(
		c, j->db, str_of(r->row.vendor.s), str_of(r->row.object.s), &found, w))
		return false;
	if (!found)
		return fail(c, E_ABSENT, "the model was deleted before its job ended");
	if (!watermark_read(c, r, w))
		return false;
	r->watermark = w;
	return true;
}

bool
watermarked(
    struct ctx *c, struct db *db, struct run *r, struct blob_row **ret_gone, size_t *ret_n)
{
	return modelled(c, db, r, ret_gone, ret_n) && watermark_ready(c, db, r->watermark);
}

/* ---- Slots --------------------------------------------------------------------------------- */

/* What the row of a ready slot set has, out of the job's result. */
MUST static bool
slots_read(struct ctx *c, const struct run *r, struct slot_set_row *row)
{
	struct said s;

	if (!said_read(c, r, &s))
		return false;
	if (!said_number(&s, "slots", 1, INT32_MAX, &row->slots) ||
	    !said_number(&s, "classes", 1, INT32_MAX, &row->classes) ||
	    !said_number(&s, "colluders", 1, INT32_MAX, &row->colluders) ||
	    !said_digest(c, &s, "commitment", &row->commitment) || r->made[CONTENT].size == 0)
		return fail(c, E_INTEGRITY, "the worker's result does not describe slots");
	row->facts = r->row.result;
	return true;
}

bool
slots_prepare(struct jobs *j, struct run *r)
{
	struct ctx *c = &r->c;
	struct slot_set_row *row = take(c, sizeof *row);

	if (row == NULL || !run_outputs_keep(j, r) ||
	    !slot_set_by_id(c, j->db, str_of(r->row.vendor.s), str_of(r->row.object.s), row) ||
	    !slots_read(c, r, row))
		return false;
	r->slots = row;
	return true;
}

bool
slotted(struct ctx *c, struct db *db, struct run *r, struct blob_row **ret_gone, size_t *ret_n)
{
	return outputs_store(c, db, r, ret_gone, ret_n) && slot_set_ready(c, db, r->slots);
}
