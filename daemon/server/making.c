/*
 * The rows of what a job makes, before it is made.
 */
#include "making.h"

MUST static bool
model_new(struct ctx *c, const struct job_row *job, struct str name, struct asset_row *ret)
{
	if (name.n == 0)
		return fail_at(c, E_INPUT, "/params/name",
		    "a job of this kind makes a model: name what it makes");
	*ret = (struct asset_row){ .kind = ASSET_MODEL,
		.id = id_new(c, "mod"),
		.vendor = job->vendor,
		.name = name,
		.parts = STR("content"),
		.created = c->now() };
	return true;
}

/* The job works for the model that it reads until it is said what it makes. */
MUST static bool
watermark_new(
    struct ctx *c, struct server *s, struct db *db, const struct job_row *job, struct making *m)
{
	if (!job_secret_new(c, s, db, str_of(job->vendor.s), &m->secret))
		return false;
	m->watermark = (struct watermark_row){ .id = id_new(c, "wmk"),
		.vendor = job->vendor,
		.source = job->object,
		.model = m->model.id,
		.job = job->id,
		.key = m->secret.id,
		.created = m->model.created };
	return true;
}

bool
making_new(struct ctx *c, struct server *s, struct db *db, enum job_type type,
    struct str params, struct job_row *job, struct making *ret)
{
	void *decoded;

	if (type != JOB_TRAIN && type != JOB_WATERMARK)
		return true;
	if (!job_params(c, type, params, &decoded) ||
	    !model_new(c, job,
		type == JOB_TRAIN ? ((struct train *)decoded)->name
				  : ((struct watermark *)decoded)->name,
		&ret->model) ||
	    (type == JOB_WATERMARK && !watermark_new(c, s, db, job, ret)))
		return false;
	job->object = ret->model.id;
	return true;
}

bool
making_copy(struct ctx *c, struct str name, const struct slot_set_row *set,
    const struct id *customer, struct job_row *job, struct making *ret)
{
	if (!model_new(c, job, name, &ret->model))
		return false;
	ret->model.slots = set->id;
	ret->model.personal = *customer;
	job->object = ret->model.id;
	return true;
}

bool
making_insert(struct ctx *c, struct db *db, const struct job_row *job, struct making *m)
{
	if (m->model.id.s[0] == '\0')
		return true;
	if (!asset_insert(c, db, &m->model) ||
	    !asset_check(c, db, str_of(m->model.id.s), str_of(job->id.s)))
		return false;
	return m->watermark.id.s[0] == '\0' ||
	    (data_key_insert(c, db, &m->secret) && watermark_insert(c, db, &m->watermark));
}
