/*
 * What a customer takes home of a license: the license file, signed anew each time, for the machine
 * that shows itself if the terms bind to one; and the artifact.
 */
#include "blobs.h"
#include "claims.h"
#include "downloads.h"
#include "use.h"

struct file {
	struct use *use;
	struct str token;
	int64_t version, policy_version; /* of what was signed */
};

/* clang-format off */
static const struct json_field file_fields[] = {
	USE_FINGERPRINT,
};
/* clang-format on */

static bool
file_write(struct ctx *c, struct db *db, struct request *rq)
{
	struct file *f = rq->arg;
	struct verdict v;
	struct buf out;
	struct js j = { &out, false };

	if (!use_again(c, db, rq, f->use) ||
	    !standing_decide(c, rq, &f->use->st, ACTION_FETCH, &v))
		return false;
	if (f->version != f->use->st.row.version ||
	    f->policy_version != f->use->st.policy.version)
		return fail(c, E_BUSY, "the license has just changed: try again");
	if (!use_bind(c, db, f->use, &v) || !take_buf(c, f->token.n + 64, &out))
		return false;
	js_open(&j, NULL, '{');
	js_text(&j, "license", f->token);
	js_close(&j, '}');
	return reply_json(rq, 200, &out);
}

/* Signed before the act, so that the act only has to see whether it was right. */
MUST static bool
file_prepare(struct ctx *c, struct request *rq, struct file *f)
{
	const struct standing *st = &f->use->st;
	const struct fingerprint *bound = st->terms.binding == BIND_NONE ? NULL
									 : st->facts.machine;
	struct keys_license wanted = { .release = &st->release,
		.license = str_of(st->row.id.s) };
	struct str wrap;
	struct verdict v;
	struct db *db;

	f->version = st->row.version;
	f->policy_version = st->policy.version;
	return standing_decide(c, rq, st, ACTION_FETCH, &v) &&
	    server_reader(c, rq->server, &db) &&
	    claims_of(c, rq->server, db, st, st->facts.now, bound, &wanted.claims) &&
	    keys_license(c, rq->server->keys, db, &wanted, &f->token, &wrap);
}

bool
license_file_post(struct ctx *c, struct request *rq)
{
	struct file *f = take(c, sizeof *f);

	rq->arg = f;
	rq->write = file_write;
	return f != NULL && use_read(c, rq, file_fields, COUNT(file_fields), &f->use) &&
	    file_prepare(c, rq, f);
}

bool
license_artifact_get(struct ctx *c, struct request *rq)
{
	const struct download_as as = { "application/octet-stream", "artifact.onnx", NULL };
	struct use *u;
	struct verdict v;
	struct blob_row blob;
	struct db *db;
	bool found;

	if (!use_read(c, rq, NULL, 0, &u) ||
	    !standing_decide(c, rq, &u->st, ACTION_VALIDATE, &v) ||
	    !server_reader(c, rq->server, &db) ||
	    !blob_find(c, db, str_of(u->st.row.release.s), STR("artifact"), &found, &blob))
		return false;
	if (!found || blob.state != BLOB_WHOLE)
		return fail(c, E_ABSENT, "the release has no artifact");
	return download(c, rq, &blob, &as);
}
