/*
 * What a run reads and writes. Parameters, secrets and lists are sealed anew, into memory, under
 * keys that live as long as the run; parts of models, data sets and the like are opened where they
 * lie in the vault and go to the worker with the only key that opens them. Outputs are rows before
 * they are files, so that no crash leaves a file of which nobody knows.
 */
#include <unistd.h>

#include "blob.h"
#include "blobs.h"
#include "job.h"
#include "job_sources.h"
#include "jobs.h"

enum { ACT_MEMORY = 256 << 10 };

void
run_files_done(struct run_files *f)
{
	for (size_t i = 0; i < f->ins; i++)
		fd_done(&f->in[i]);
	for (size_t i = 0; i < f->outs; i++)
		fd_done(&f->out[i]);
	f->ins = f->outs = 0;
}

MUST static bool
blob_key(struct ctx *c, struct jobs *j, const struct id *blob, struct str data_key,
    struct job_blob *b)
{
	owned(key256_done) struct key256 key = { 0 };
	struct buf aad;

	if (!keys_data_open(c, j->server->keys, j->db, data_key, &key) ||
	    !take_buf(c, JOB_AAD_MAX, &aad))
		return false;
	memcpy(b->key, key.b, sizeof b->key);
	b->aad = blob_aad(&aad, blob);
	return true;
}

/* ---- Inputs ------------------------------------------------------------------------------ */

/* The bytes of one input, as a sealed file under a key of its own. */
MUST static bool
input_seal(struct ctx *c, struct str id, struct str bytes, struct job_blob *b, int *ret)
{
	owned(key256_done) struct key256 key = { 0 };
	char *aad = take_printf(c, "%.*s %.*s", STRF(id), STRF(b->name));

	if (aad == NULL)
		return false;
	key256_random(c, &key);
	memcpy(b->key, key.b, sizeof b->key);
	b->aad = str_of(aad);
	b->size = (int64_t)bytes.n;
	return blob_new(c, &key, b->aad, bytes, ret);
}

/* A part of what lies in the vault; *ret_found is false if there is no such part. */
MUST static bool
input_open(struct jobs *j, struct run *r, const struct job_input *in, struct str id,
    struct job_blob *b, bool *ret_found, int *ret)
{
	struct ctx *c = &r->c;
	struct blob_row blob;

	if (!blob_find(c, j->db, id, str_of(in->part), ret_found, &blob))
		return false;
	if (!*ret_found)
		return true;
	if (blob.state != BLOB_WHOLE)
		return fail(
		    c, E_CONFLICT, "the %s of %.*s are not all there", in->part, STRF(id));
	b->size = blob.size;
	return blob_key(c, j, &blob.id, str_of(blob.data_key.s), b) &&
	    blob_file_open(c, &blob.id, false, ret);
}

/* A secret, as it is in nobody's memory but this run's. */
MUST static bool
secret_seal(struct jobs *j, struct run *r, const struct id *key, struct job_blob *b, int *ret)
{
	owned(key256_done) struct key256 secret = { 0 };
	struct ctx *c = &r->c;

	return keys_data_open(c, j->server->keys, j->db, str_of(key->s), &secret) &&
	    input_seal(c, str_of(r->row.id.s),
		(struct str){ (const char *)secret.b, sizeof secret.b }, b, ret);
}

/* Customers, or key images: written as they are read. */
MUST static bool
list_seal(struct jobs *j, struct run *r, enum job_source source, struct str id,
    struct job_blob *b, int *ret)
{
	owned(key256_done) struct key256 key = { 0 };
	struct ctx *c = &r->c;
	char *aad = take_printf(c, "%s %.*s", r->row.id.s, STRF(b->name));

	if (aad == NULL)
		return false;
	key256_random(c, &key);
	memcpy(b->key, key.b, sizeof b->key);
	b->aad = str_of(aad);
	return source_list(c, j->db, source, id, &key, b->aad, &b->size, ret);
}

/* An input that is made for this run; *ret_made is false if it is none of those. */
MUST static bool
input_make(struct jobs *j, struct run *r, enum job_type type, const struct job_input *in,
    struct str id, struct job_blob *b, bool *ret_made, int *ret)
{
	struct ctx *c = &r->c;
	struct id key = { 0 };

	*ret_made = true;
	if (source_is_list(in->source) && id.n > 0)
		return list_seal(j, r, in->source, id, b, ret);
	if (!source_secret(c, j->db, type, &r->row, in, id, &key))
		return false;
	*ret_made = key.s[0] != '\0';
	return !*ret_made || secret_seal(j, r, &key, b, ret);
}

MUST static bool
input_fits(struct ctx *c, const struct job_input *in, const struct job_blob *b)
{
	if (b->size <= in->max)
		return true;
	return fail(c, E_LIMIT,
	    "the %s has more than %lld bytes: too many for a job of this kind", in->name,
	    (long long)in->max);
}

MUST static bool
input(struct jobs *j, struct run *r, enum job_type type, const void *params, size_t i,
    struct job_blob *b, int *ret)
{
	const struct job_input *in = &job_kinds[type].input[i];
	struct str id = job_input_id(type, params, i);
	struct ctx *c = &r->c;
	bool found = false;

	b->name = str_of(in->name);
	if (id.n > 0 &&
	    !source_ready(c, j->db, str_of(r->row.vendor.s), type, in->source, id, NULL))
		return c->err.code != E_ABSENT
		    ? false
		    : fail(c, E_ABSENT, "%.*s was deleted before the job began", STRF(id));
	if (!input_make(j, r, type, in, id, b, &found, ret) ||
	    (!found && id.n > 0 && in->part != NULL &&
		!input_open(j, r, in, id, b, &found, ret)))
		return false;
	if (found)
		return input_fits(c, in, b);
	if (in->part != NULL && !in->optional)
		return fail(c, E_CONFLICT, "there are no %s", in->part);
	return input_seal(c, str_of(r->row.id.s), job_input_bytes(type, params, i), b, ret);
}

bool
run_inputs(struct jobs *j, struct run *r, const void *params, struct job_message *m,
    struct run_files *f)
{
	const struct job_kind *k = &job_kinds[m->kind];

	for (; m->blobs < k->inputs; m->blobs++, f->ins++)
		if (!input(j, r, m->kind, params, m->blobs, &m->blob[m->blobs], &f->in[f->ins]))
			return false;
	return true;
}

/* ---- Outputs ----------------------------------------------------------------------------- */

/* The rows that are not there yet, and the key of each. */
struct outputs {
	struct act act;
	struct blob_row row[JOB_OUTPUTS_MAX];
	struct data_key_row key[JOB_OUTPUTS_MAX];
	size_t n;
};

static bool
outputs_insert(struct ctx *c, struct db *db, struct act *act)
{
	const struct outputs *o = (struct outputs *)(void *)act;

	for (size_t i = 0; i < o->n; i++)
		if (!data_key_insert(c, db, &o->key[i]) || !blob_insert(c, db, &o->row[i]))
			return false;
	return true;
}

/* The row of one output: an earlier attempt's, or a new one with a new key, to be inserted. */
MUST static bool
output_row(struct jobs *j, struct run *r, const char *part, struct job_blob *b,
    struct outputs *o, struct id *ret)
{
	owned(key256_done) struct key256 key = { 0 };
	struct blob_row row, *fresh = &o->row[o->n];
	struct ctx *c = &r->c;
	struct str vendor = str_of(r->row.vendor.s);
	struct buf aad;
	bool found;

	if (!blob_find(c, j->db, str_of(r->row.object.s), str_of(part), &found, &row))
		return false;
	if (found) {
		*ret = row.id;
		return blob_key(c, j, &row.id, str_of(row.data_key.s), b);
	}
	*fresh = (struct blob_row){ .id = id_new(c, "blb"),
		.vendor = r->row.vendor,
		.owner = r->row.object,
		.part = str_of(part),
		.created = c->now() };
	if (!keys_data_new(
		c, j->server->keys, j->db, vendor, id_new(c, "key"), &key, &o->key[o->n]) ||
	    !take_buf(c, JOB_AAD_MAX, &aad))
		return false;
	fresh->data_key = o->key[o->n++].id;
	memcpy(b->key, key.b, sizeof b->key);
	b->aad = blob_aad(&aad, &fresh->id);
	*ret = fresh->id;
	return true;
}

MUST static bool
output_rows(struct jobs *j, struct run *r, struct job_message *m)
{
	const struct job_kind *k = &job_kinds[m->kind];
	struct outputs o = { .act = { .run = outputs_insert,
				 .c = &r->c,
				 .audit = { .vendor = str_of(r->row.vendor.s),
				     .actor = STR("system"),
				     .action = STR("job.files"),
				     .object = str_of(r->row.id.s) } } };

	for (size_t i = 0; i < k->outputs; i++) {
		m->out[i].name = str_of(k->output[i].name);
		m->out[i].size = k->output[i].max;
		if (!output_row(j, r, k->output[i].name, &m->out[i], &o, &r->out[i]))
			return false;
	}
	m->outs = r->outs = k->outputs;
	return o.n == 0 || store_do(&r->c, j->server->store, &o.act);
}

/* An empty file, or the one that an earlier attempt has left. */
MUST static bool
output_file(struct ctx *c, const struct id *blob, bool kept, int *ret)
{
	if (kept && blob_file_open(c, blob, true, ret))
		return true;
	if (kept && c->err.code != E_ABSENT)
		return false;
	return blob_file_create(c, blob, ret);
}

bool
run_outputs(struct jobs *j, struct run *r, struct job_message *m, struct run_files *f)
{
	if (job_kinds[m->kind].outputs == 0)
		return true;
	if (r->row.object.s[0] == '\0')
		return fail(&r->c, E_INTERNAL, "a job that writes needs something to work for");
	if (!output_rows(j, r, m))
		return false;
	for (; f->outs < r->outs; f->outs++)
		if (!output_file(&r->c, &r->out[f->outs],
			job_kinds[m->kind].output[f->outs].kept, &f->out[f->outs]))
			return false;
	return blobs_sync(&r->c);
}

/* The size that the sealed file itself vouches for. */
MUST static bool
output_size(struct ctx *c, struct jobs *j, const struct id *blob, int fd, uint64_t *ret)
{
	owned(sealed_file_free) struct sealed_file *f = NULL;
	owned(key256_done) struct key256 key = { 0 };
	struct blob_row row;
	char room[64];
	struct buf aad = BUF(room);

	if (!blob_by_id(c, j->db, str_of(blob->s), &row) ||
	    !keys_data_open(c, j->server->keys, j->db, str_of(row.data_key.s), &key) ||
	    !sealed_file_open(c, fd, &key, blob_aad(&aad, blob), &f))
		return false;
	*ret = sealed_file_size(f);
	return true;
}

MUST static bool
output_keep(struct ctx *c, struct jobs *j, const struct id *blob, const struct job_made *made)
{
	owned(fd_done) int fd = -1;
	uint64_t size = 0;

	if (!blob_file_open(c, blob, false, &fd))
		return false;
	if (made->size > 0 && !output_size(c, j, blob, fd, &size)) {
		if (c->err.code != E_INTEGRITY && c->err.code != E_INPUT)
			return false;
		return fail(c, E_INTEGRITY, "the worker did not finish what it wrote");
	}
	if (size != (uint64_t)made->size)
		return fail(c, E_INTEGRITY, "the worker wrote %llu bytes and spoke of %lld",
		    (unsigned long long)size, (long long)made->size);
	return fsync(fd) == 0 ? true : fail_errno(c, "sync", blob->s);
}

bool
run_outputs_keep(struct jobs *j, struct run *r)
{
	owned(arena_free) struct arena *mem = arena_new(ACT_MEMORY);
	struct ctx c = ctx_real(mem, r->row.id.s);
	bool ok = mem != NULL || fail(&c, E_MEMORY, "no memory to look at what a job wrote");

	for (size_t i = 0; ok && i < r->outs; i++)
		ok = output_keep(&c, j, &r->out[i], &r->made[i]);
	ok = ok && (r->outs == 0 || blobs_sync(&c));
	r->c.err = c.err;
	return ok;
}
