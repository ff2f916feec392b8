/*
 * What a viewer gets: the marked network and its key set, opened where they lie in the vault, each
 * with the only key that opens it, and the watermark's secret, sealed anew into memory. From then
 * on it is a worker as any other, but for its socket, which stays open.
 */
#include <stdio.h>

#include "blob.h"
#include "blobs.h"
#include "job.h"
#include "viewers_parts.h"

enum { INPUT_MODEL, INPUT_KEYS, INPUT_SECRET, INPUTS };

/* What the worker is started with. */
struct gift {
	struct job_message message;
	int fd[INPUTS];
};

static void
gift_done(struct gift *g)
{
	job_message_done(&g->message);
	for (size_t i = 0; i < INPUTS; i++)
		fd_done(&g->fd[i]);
}

/* A part of the marked model. */
MUST static bool
part_open(struct ctx *c, struct viewers *vs, const struct id *model, struct job_blob *b,
    const char *part, int *ret)
{
	owned(key256_done) struct key256 key = { 0 };
	struct blob_row row;
	struct buf aad;
	bool found;

	if (!blob_find(c, vs->db, str_of(model->s), str_of(part), &found, &row))
		return false;
	if (!found || row.state != BLOB_WHOLE)
		return fail(c, E_ABSENT, "the release's marked model was deleted");
	if (!keys_data_open(c, vs->server->keys, vs->db, str_of(row.data_key.s), &key) ||
	    !take_buf(c, JOB_AAD_MAX, &aad))
		return false;
	memcpy(b->key, key.b, sizeof b->key);
	b->aad = blob_aad(&aad, &row.id);
	b->size = row.size;
	return blob_file_open(c, &row.id, false, ret);
}

MUST static bool
secret_seal(
    struct ctx *c, struct viewers *vs, const struct id *id, struct job_blob *b, int *ret)
{
	owned(key256_done) struct key256 secret = { 0 }, key = { 0 };

	if (!keys_data_open(c, vs->server->keys, vs->db, str_of(id->s), &secret))
		return false;
	key256_random(c, &key);
	memcpy(b->key, key.b, sizeof b->key);
	b->aad = STR("the secret of a watermark, for its viewer");
	b->size = sizeof secret.b;
	return blob_new(
	    c, &key, b->aad, (struct str){ (const char *)secret.b, sizeof secret.b }, ret);
}

/* How the network wants its samples, as its making has found. */
MUST static bool
params_of(struct ctx *c, const struct watermark_row *row, struct str *ret)
{
	struct json_part *part, raw;
	size_t n;
	char *text;

	if (!json_split(c, row->facts, &part, &n))
		return false;
	text = take_printf(c, "{\"raw_bytes\":%s}",
	    json_find(part, n, "raw_bytes", &raw) && str_same(raw.value, STR("true"))
		? "true"
		: "false");
	*ret = str_of(text);
	return text != NULL;
}

MUST static bool
gift_open(struct ctx *c, struct viewers *vs, const struct viewer *v, struct gift *g)
{
	const struct job_kind *kind = &job_kinds[JOB_VIEW];
	struct job_message *m = &g->message;
	struct watermark_row row;

	if (!watermark_by_id(c, vs->db, str_of(v->vendor.s), str_of(v->watermark.s), &row))
		return false;
	if (row.state != WATERMARK_READY)
		return fail(c, E_CONFLICT, "the release's watermark is not ready");
	*m = (struct job_message){ .kind = JOB_VIEW,
		.id = str_of(v->watermark.s),
		.limits = kind->limits,
		.blobs = kind->inputs };
	for (size_t i = 0; i < m->blobs; i++)
		m->blob[i].name = str_of(kind->input[i].name);
	return params_of(c, &row, &m->params) &&
	    part_open(
		c, vs, &row.model, &m->blob[INPUT_MODEL], "content", &g->fd[INPUT_MODEL]) &&
	    part_open(c, vs, &row.model, &m->blob[INPUT_KEYS], "keys", &g->fd[INPUT_KEYS]) &&
	    secret_seal(c, vs, &row.key, &m->blob[INPUT_SECRET], &g->fd[INPUT_SECRET]);
}

bool
viewer_start(struct ctx *c, struct viewers *vs, const struct viewer *v, struct worker *ret)
{
	owned(gift_done) struct gift g = { .fd = { -1, -1, -1 } };

	return gift_open(c, vs, v, &g) &&
	    worker_start(c, &vs->conf, &g.message, g.fd, NULL, ret);
}
