/*
 * What the end of a job means for the model that it makes. A training and a watermarking give it
 * its content, which is then described as if it had been uploaded; a watermarking leaves a key set
 * beside it, to which the audit is committed.
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

bool
not_modelled(struct ctx *c, struct db *db, const struct job_row *row,
    struct blob_row **ret_gone, size_t *ret_n)
{
	struct reason why = reason_of(row);

	return outputs_erase(c, db, row, ret_gone, ret_n) &&
	    unless_over(c, asset_refuse(c, db, str_of(row->object.s), why.code, why.text));
}

/* ---- Watermarks ---------------------------------------------------------------------------- */

/* What the row of a ready watermark has, out of the job's result. */
MUST static bool
watermark_read(struct ctx *c, const struct run *r, struct watermark_row *w)
{
	struct json_part *part, keys, classes, commitment;
	size_t n;

	if (!json_split(c, r->row.result, &part, &n))
		return false;
	if (!json_find(part, n, "keys", &keys) || !json_find(part, n, "classes", &classes) ||
	    !json_find(part, n, "commitment", &commitment) ||
	    !str_number(keys.value, 1, INT32_MAX, &w->keys) ||
	    !str_number(classes.value, 1, INT32_MAX, &w->classes) ||
	    !hex_decode(c, commitment.value, w->commitment.b, sizeof w->commitment.b) ||
	    r->made[KEYS].size == 0)
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

bool
not_watermarked(struct ctx *c, struct db *db, const struct job_row *row,
    struct blob_row **ret_gone, size_t *ret_n)
{
	struct reason why = reason_of(row);

	return not_modelled(c, db, row, ret_gone, ret_n) &&
	    unless_over(c, watermark_fail(c, db, str_of(row->object.s), why.code, why.text));
}
