/*
 * Bringing the parts of a model or a data set. The head says which bytes come, of how many, with
 * which digest in all; the edge hands the bytes to the upload; and when the last one is there and
 * the digest is right, one transaction makes the part whole and, with the last part, queues the job
 * that looks at the thing.
 */
#include "assets.h"
#include "uploading.h"

struct upload_request {
	struct uploading up;
	const struct asset_route *route;
	bool
	    checks; /* the job is there: its rows are made before it is known whether it is due */
	struct job_row job;
	struct data_key_row job_key;
	struct str detail_with_job; /* for the audit */
};

/* ---- The head ------------------------------------------------------------------------------ */

/* Of this asset, which must still be waiting for it. */
MUST static bool
asset_wants(struct ctx *c, struct request *rq, const struct asset_route *r, struct str part,
    struct id *ret)
{
	struct str rest, one;
	struct asset_row a;
	struct db *db;
	bool found = false;

	if (!server_reader(c, rq->server, &db) ||
	    !asset_by_id(c, db, r->kind, str_of(rq->who.vendor.s), rq->param[0], &a))
		return false;
	rest = a.parts;
	for (bool more = rest.n > 0; more && !found;) {
		more = str_cut(&rest, ' ', &one);
		found = str_same(one, part);
	}
	if (!found)
		return fail(
		    c, E_CONFLICT, "this %s was made without %.*s", r->word, STRF(part));
	if (a.state != ASSET_EMPTY)
		return fail(c, E_CONFLICT,
		    "the %s is all here; delete it first to bring another", r->word);
	*ret = a.id;
	return true;
}

/* ---- The end ------------------------------------------------------------------------------- */

MUST static bool
all_whole(struct ctx *c, struct db *db, const struct asset_row *a, bool *ret)
{
	struct str rest = a->parts, part;
	struct blob_row row;
	bool found;

	*ret = true;
	for (bool more = rest.n > 0; more && *ret;) {
		more = str_cut(&rest, ' ', &part);
		if (!blob_find(c, db, str_of(a->id.s), part, &found, &row))
			return false;
		*ret = found && row.state == BLOB_WHOLE;
	}
	return true;
}

/* The part is whole; with the last one the job that looks at it all is due. */
MUST static bool
become_whole(struct ctx *c, struct db *db, struct request *rq, struct asset_row *a)
{
	struct upload_request *u = rq->arg;
	const struct upload_wanted *w = &u->up.wanted;

	if (!blob_whole(c, db, str_of(u->up.now.blob.s), w->size, &w->sha256) ||
	    !all_whole(c, db, a, &u->checks))
		return false;
	if (!u->checks)
		return true;
	rq->act.audit.detail = u->detail_with_job;
	return data_key_insert(c, db, &u->job_key) && job_insert(c, db, &u->job) &&
	    asset_check(c, db, str_of(a->id.s), str_of(u->job.id.s)) &&
	    asset_by_id(c, db, u->route->kind, str_of(w->vendor.s), str_of(w->owner.s), a);
}

static bool
whole_write(struct ctx *c, struct db *db, struct request *rq)
{
	struct upload_request *u = rq->arg;
	const struct upload_wanted *w = &u->up.wanted;
	struct asset_row a;
	struct buf out;
	struct js j = { &out, false };
	int64_t received;

	if (!asset_by_id(c, db, u->route->kind, str_of(w->vendor.s), str_of(w->owner.s), &a) ||
	    !become_whole(c, db, rq, &a) || !take_buf(c, ASSET_JSON_MAX, &out) ||
	    !asset_json(c, rq->server, db, &j, &a, true, &received))
		return false;
	reply_etag(rq, a.version, received);
	return reply_json(rq, 200, &out);
}

static void
whole_written(struct request *rq)
{
	struct upload_request *u = rq->arg;

	uploads_forget(rq->server->uploads, str_of(u->up.wanted.owner.s), u->up.wanted.part);
	if (u->checks)
		jobs_wake(rq->server->jobs);
}

/* The job is made now, for the writer must not wait for the custodian. */
MUST static bool
job_prepare(struct ctx *c, struct request *rq, struct upload_request *u)
{
	struct buf params;
	struct js j = { &params, false };
	struct db *db;

	if (!server_reader(c, rq->server, &db) || !take_buf(c, 128, &params))
		return false;
	js_open(&j, NULL, '{');
	js_text(&j, u->route->member, str_of(u->up.wanted.owner.s));
	js_close(&j, '}');
	if (!job_new(c, rq->server, db, str_of(rq->who.vendor.s), STR("describe"),
		buf_str(&params), &u->job, &u->job_key))
		return false;
	u->job.object = u->up.wanted.owner;
	return true;
}

static bool
upload_arrived(struct ctx *c, struct request *rq)
{
	struct upload_request *u = rq->arg;

	if (!uploading_came(c, rq, &u->up))
		return false;
	if (!u->up.now.whole)
		return uploading_more(c, rq, &u->up);
	rq->write = whole_write;
	rq->after = whole_written;
	return job_prepare(c, rq, u) &&
	    uploading_account(c, &u->up, &u->job.id, &u->detail_with_job);
}

/* ---- The routes ---------------------------------------------------------------------------- */

static bool
model_there(struct ctx *c, struct db *db, struct str vendor, struct str id)
{
	struct asset_row a;

	return asset_by_id(c, db, ASSET_MODEL, vendor, id, &a);
}

static bool
dataset_there(struct ctx *c, struct db *db, struct str vendor, struct str id)
{
	struct asset_row a;

	return asset_by_id(c, db, ASSET_DATASET, vendor, id, &a);
}

MUST static bool
upload(struct ctx *c, struct request *rq, enum asset_kind kind, const char *part)
{
	struct upload_request *u = take(c, sizeof *u);

	if (u == NULL)
		return false;
	u->route = &asset_routes[kind];
	u->up.wanted = (struct upload_wanted){ .vendor = rq->who.vendor,
		.part = part,
		.there = kind == ASSET_MODEL ? model_there : dataset_there };
	rq->arg = u;
	rq->arrived = upload_arrived;
	return asset_wants(c, rq, u->route, str_of(part), &u->up.wanted.owner) &&
	    uploading_begin(c, rq, &u->up);
}

bool
model_content_put(struct ctx *c, struct request *rq)
{
	return upload(c, rq, ASSET_MODEL, "content");
}

bool
dataset_samples_put(struct ctx *c, struct request *rq)
{
	return upload(c, rq, ASSET_DATASET, "samples");
}

bool
dataset_labels_put(struct ctx *c, struct request *rq)
{
	return upload(c, rq, ASSET_DATASET, "labels");
}
