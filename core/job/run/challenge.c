/*
 * The job that makes questions for a black box: pairs of a key set and the pictures of slots,
 * hidden among pictures of the vendor's own data. Those are drawn under the challenge's secret
 * out of all samples, which go by once, and become pictures of the others' size again.
 */
#include <math.h>

#include "kinds.h"
#include "memory.h"
#include "network.h"
#include "verify.h"

enum { IN_KEYS, IN_SAMPLES, IN_SECRET, IN_SLOTS };
enum { OUT_CONTENT, OUT_LIST };

struct questions {
	const struct job_run *run;
	const struct challenge_params *params;
	struct arena *mem; /* of pictures: they may be more than a job's context has */
	struct keyset keys;
	struct slots slots;
	struct image like; /* of the size that all pictures have; no picture itself */
	struct challenge_pool pool;
	struct key256 secret;
	struct job_data data;
	struct data_form form;
	struct image *decoy;
	struct challenge challenge;
};

static void
questions_done(struct questions *q)
{
	job_data_done(&q->data);
	key256_done(&q->secret);
	arena_free(&q->mem);
}

/* ---- The keys ---------------------------------------------------------------------------- */

/* Bytes for key set and slots twice (as a file and as pictures), and for the decoys. */
MUST static bool
memory_take(struct ctx *c, struct questions *q)
{
	const struct job_message *m = q->run->message;
	int64_t asked = 2 * (m->blob[IN_KEYS].size + m->blob[IN_SLOTS].size);

	q->mem = arena_new((size_t)m->limits.memory / 2);
	if (q->mem == NULL || asked > m->limits.memory / 4)
		return fail(c, E_MEMORY, "no memory for a key set");
	return true;
}

MUST static bool
keys_open(struct ctx *c, struct questions *q)
{
	struct str bytes;

	if (!job_has_input(q->run, IN_KEYS))
		return true;
	q->pool.keys = &q->keys;
	if (!memory_bytes(c, q->run, IN_KEYS, &bytes) || !keyset_read(c, bytes, &q->keys))
		return false;
	q->like = *keyset_key(&q->keys, 0);
	return true;
}

MUST static bool
slots_open(struct ctx *c, struct questions *q)
{
	struct str bytes;

	if (!job_has_input(q->run, IN_SLOTS))
		return true;
	q->pool.slots = &q->slots;
	if (!memory_bytes(c, q->run, IN_SLOTS, &bytes) || !slots_read(c, bytes, &q->slots))
		return false;
	q->like = q->slots.picture[0][0];
	return true;
}

MUST static bool
asked_open(struct ctx *c, struct questions *q)
{
	if (!keys_open(c, q) || !slots_open(c, q))
		return false;
	if (q->pool.keys == NULL && q->pool.slots == NULL)
		return fail(c, E_INPUT,
		    "there are neither keys nor slots: there is nothing to be asked");
	return memory_secret(c, q->run, IN_SECRET, &q->secret);
}

/* ---- The decoys -------------------------------------------------------------------------- */

MUST static bool
samples_open(struct ctx *c, struct questions *q)
{
	const struct job_network *n = &q->params->network;
	const struct image *one = &q->like;
	const int64_t want[] = { -1, one->channels, one->height, one->width };

	return job_data_open(c, q->run, IN_SAMPLES, DATA_SAMPLES, n->samples_entry, &q->data) &&
	    data_fit(c, data_shape(q->data.reader), want, COUNT(want),
		(enum data_order)n->order, true, &q->form);
}

/* One sample, channels first, as a picture. */
MUST static bool
picture_make(struct ctx *c, const struct questions *q, const float *from, struct image *ret)
{
	const struct image *one = &q->like;
	bool bytes = q->form.type == DATA_UINT8 || q->params->network.raw_bytes;
	const float scale = bytes ? 1 : 255, slack = .5f;
	size_t plane = (size_t)one->width * (size_t)one->height;

	if (!image_new(c, one->width, one->height, one->channels, ret))
		return false;
	for (size_t i = 0; i < plane; i++)
		for (int k = 0; k < one->channels; k++) {
			float v = from[(size_t)k * plane + i] * scale;

			if (!(v > -slack && v < 255 + slack))
				return fail(c, E_INPUT,
				    "the samples are not pictures of numbers from 0 to %s: name "
				    "another data set",
				    bytes ? "255" : "1");
			ret->v[i * (size_t)one->channels + (size_t)k] = (uint8_t)lrintf(v);
		}
	return true;
}

/* Each of the samples with the same chance, in the order of their file. */
MUST static bool
decoys_draw(struct ctx *c, struct questions *q)
{
	const struct data_shape *shape = data_shape(q->data.reader);
	char *row = take(c, (size_t)shape->row * data_type_size(shape->type));
	float *sample = take(c, (size_t)q->form.count * sizeof *sample);
	int64_t rows = shape->dim[0], left = q->params->decoys, n = 0;
	struct prf draw = prf_stream(&q->secret, "decoys", 0, 0);

	if (left > rows)
		return fail_at(c, E_INPUT, "/decoys",
		    "%lld decoys of %lld samples: ask for fewer", (long long)left,
		    (long long)rows);
	q->decoy = take(c, (size_t)left * sizeof *q->decoy + 1);
	if (row == NULL || sample == NULL || q->decoy == NULL)
		return false;
	q->pool.decoy = q->decoy;
	q->pool.decoys = (int)left;
	for (int64_t i = 0; i < rows && left > 0; i++) {
		if (!data_next(c, q->data.reader, 1, row))
			return false;
		if (prf_uniform(&draw, (uint64_t)(rows - i)) >= (uint64_t)left)
			continue;
		data_floats(&q->form, row, 1, sample);
		if (!picture_make(c, q, sample, &q->decoy[n++]))
			return false;
		left--;
	}
	return prf_end(c, &draw);
}

/* ---- What leaves the worker -------------------------------------------------------------- */

MUST static bool
tar_put(struct ctx *c, struct questions *q)
{
	owned(job_output_free) struct job_sink *sink = NULL;

	return job_output_open(c, q->run, OUT_CONTENT, &sink) &&
	    challenge_tar(c, &q->challenge, &q->pool, &q->secret, job_output_write, sink) &&
	    job_output_end(c, sink);
}

MUST static bool
list_put(struct ctx *c, struct questions *q)
{
	owned(job_output_free) struct job_sink *sink = NULL;
	struct str bytes;

	return challenge_put(c, &q->challenge, &bytes) &&
	    job_output_open(c, q->run, OUT_LIST, &sink) && job_output_write(c, sink, bytes) &&
	    job_output_end(c, sink);
}

static void
hex_member(struct js *j, const char *name, const uint8_t *digest, size_t n)
{
	char text[64];
	struct buf hex = BUF(text);

	hex_put(&hex, digest, n);
	js_text(j, name, buf_str(&hex));
}

MUST static bool
result_put(struct ctx *c, const struct questions *q, struct str *ret)
{
	const struct job_made *made = &q->run->made[OUT_CONTENT];
	const struct challenge *a = &q->challenge;
	struct buf out;
	struct js j = { .out = &out };

	if (!take_buf(c, 1024, &out))
		return false;
	js_open(&j, NULL, '{');
	js_number(&j, "pictures", a->n);
	js_number(&j, "pairs", a->pairs);
	js_number(&j, "slots", a->slots);
	js_number(&j, "decoys", a->decoys);
	hex_member(&j, "commitment", a->commitment.b, sizeof a->commitment.b);
	js_number(&j, "bytes", made->size);
	hex_member(&j, "sha256", made->sha256, sizeof made->sha256);
	js_close(&j, '}');
	*ret = buf_str(&out);
	return buf_ok(c, &out);
}

MUST static bool
questions_make(struct ctx *c, struct questions *q)
{
	const struct challenge_params *p = q->params;
	int pairs = q->pool.keys == NULL ? 0 : (int)p->pairs;
	int first = q->pool.keys == NULL ? 0 : (int)p->first;

	q->run->progress(q->run->arg, 0, 0, STR("drawing decoys"));
	if (!samples_open(c, q) || !decoys_draw(c, q) ||
	    !challenge_make(c, &q->pool, first, pairs, &q->secret, &q->challenge))
		return false;
	q->run->progress(q->run->arg, 0, 0, STR("writing pictures"));
	return tar_put(c, q) && list_put(c, q);
}

bool
challenge_run(struct ctx *c, const struct job_run *r, struct str *ret_json)
{
	owned(questions_done) struct questions q = { .run = r, .params = r->params };
	struct ctx own;

	if (!memory_take(c, &q))
		return false;
	own = *c;
	own.mem = q.mem;
	if (asked_open(&own, &q) && questions_make(&own, &q))
		return result_put(c, &q, ret_json);
	c->err = own.err;
	return false;
}
