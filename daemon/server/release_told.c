/*
 * What is known of how a release was made: see release_told.h.
 */
#include "release_told.h"

static const char *const of_body[] = { "order", "raw_bytes", "samples_entry", "labels_entry",
	"batch", "threads", NULL };
/* What holds unless the body says otherwise: a batch may have been good for that job alone. */
static const char *const of_release[] = { "layers", "order", "raw_bytes", "samples_entry",
	"labels_entry", NULL };

MUST static bool
told_read(struct ctx *c, struct server *s, struct db *db, const struct release_row *r,
    struct job_body *ret)
{
	struct job_row job;
	struct str params;

	*ret = (struct job_body){ 0 };
	if (!job_by_id(c, db, str_of(r->vendor.s), str_of(r->job.s), &job)) {
		if (c->err.code != E_ABSENT)
			return false;
		c->err = (struct err){ 0 };
		return true;
	}
	return job_unseal(c, s, db, &job, &params) && job_body_read(c, params, ret);
}

bool
release_told_read(struct ctx *c, struct server *s, struct db *db, const struct release_row *r,
    struct release_told *ret)
{
	ret->fact = (struct job_body){ 0 };
	return told_read(c, s, db, r, &ret->told) &&
	    (r->facts.n == 0 || job_body_read(c, r->facts, &ret->fact));
}

void
release_told_put(struct js *j, const struct release_told *t, const struct job_body *b)
{
	struct json_part p;

	for (size_t i = 0; of_body[i] != NULL; i++)
		if (json_find(b->part, b->n, of_body[i], &p))
			js_member(j, of_body[i], &p);
	for (size_t i = 0; of_release[i] != NULL; i++)
		if (!json_find(b->part, b->n, of_release[i], &p) &&
		    (json_find(t->told.part, t->told.n, of_release[i], &p) ||
			json_find(t->fact.part, t->fact.n, of_release[i], &p)))
			js_member(j, of_release[i], &p);
}
