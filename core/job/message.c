/*
 * The job message: what the server tells a worker. Every part has its bound, and the limits of the
 * message may only narrow those of the kind's row, so that the worker's walls do not depend on the
 * sender.
 */
#include "job.h"

#define JOB_PROTOCOL 2

static bool
narrows(int64_t asked, int64_t granted, int64_t least)
{
	return asked >= least && asked <= granted;
}

static bool
limits_ok(const struct job_kind *k, const struct job_limits *l)
{
	return narrows(l->memory, k->limits.memory, 1) && narrows(l->cpu, k->limits.cpu, 1) &&
	    narrows(l->wall, k->limits.wall, 1) && narrows(l->output, k->limits.output, 0);
}

static bool
blob_ok(const struct job_blob *b, const char *name, int64_t max)
{
	return str_same(b->name, str_of(name)) && b->size >= 0 && b->size <= max &&
	    b->aad.n <= JOB_AAD_MAX;
}

/* What both sides hold true of a message. */
static bool
message_ok(const struct job_message *m)
{
	const struct job_kind *k = &job_kinds[m->kind];

	if (m->id.n == 0 || m->id.n >= ID_MAX || m->params.n > JOB_PARAMS_MAX)
		return false;
	if (!limits_ok(k, &m->limits) || m->blobs != k->inputs || m->blobs > JOB_INPUTS_MAX ||
	    m->outs != k->outputs || m->outs > JOB_OUTPUTS_MAX)
		return false;
	for (size_t i = 0; i < m->blobs; i++)
		if (!blob_ok(&m->blob[i], k->input[i].name, k->input[i].max))
			return false;
	for (size_t i = 0; i < m->outs; i++)
		if (!blob_ok(&m->out[i], k->output[i].name, k->output[i].max))
			return false;
	return true;
}

static void
blobs_put(struct buf *out, const struct job_blob blob[], size_t n)
{
	wire_put_u32(out, (uint32_t)n);
	for (size_t i = 0; i < n; i++) {
		const struct job_blob *b = &blob[i];

		wire_put_str(out, b->name);
		wire_put_u64(out, (uint64_t)b->size);
		wire_put_str(out, (struct str){ (const char *)b->key, sizeof b->key });
		wire_put_str(out, b->aad);
	}
}

bool
job_encode(struct ctx *c, const struct job_message *m, struct buf *out)
{
	if (!message_ok(m))
		return fail(c, E_LIMIT, "the job's message is beyond its bounds");
	wire_put_u8(out, JOB_PROTOCOL);
	wire_put_str(out, str_of(job_kinds[m->kind].name));
	wire_put_str(out, m->id);
	wire_put_u64(out, (uint64_t)m->limits.memory);
	wire_put_u64(out, (uint64_t)m->limits.cpu);
	wire_put_u64(out, (uint64_t)m->limits.wall);
	wire_put_u64(out, (uint64_t)m->limits.output);
	wire_put_str(out, m->params);
	blobs_put(out, m->blob, m->blobs);
	blobs_put(out, m->out, m->outs);
	return buf_ok(c, out);
}

static void
blob_take(struct wire *w, struct job_blob *ret)
{
	struct str key;

	ret->name = wire_str(w, JOB_NAME_MAX);
	ret->size = (int64_t)wire_u64(w);
	key = wire_str(w, sizeof ret->key);
	ret->aad = wire_str(w, JOB_AAD_MAX);
	if (key.n != sizeof ret->key)
		w->bad = true;
	else
		memcpy(ret->key, key.p, key.n);
}

/* At most `max` of them; how many. */
static size_t
blobs_take(struct wire *w, struct job_blob ret[], size_t max)
{
	uint32_t said = wire_u32(w);
	size_t n = 0;

	for (; !w->bad && n < said && n < max; n++)
		blob_take(w, &ret[n]);
	if (n != said)
		w->bad = true;
	return n;
}

bool
job_decode(struct ctx *c, struct str bytes, struct job_message *ret)
{
	owned(job_message_done) struct job_message m = { 0 };
	struct wire w = { bytes, bytes.n > JOB_MESSAGE_MAX };
	uint8_t protocol = wire_u8(&w);
	struct str kind = wire_str(&w, JOB_NAME_MAX);

	m.id = wire_str(&w, ID_MAX - 1);
	m.limits.memory = (int64_t)wire_u64(&w);
	m.limits.cpu = (int64_t)wire_u64(&w);
	m.limits.wall = (int64_t)wire_u64(&w);
	m.limits.output = (int64_t)wire_u64(&w);
	m.params = wire_str(&w, JOB_PARAMS_MAX);
	m.blobs = blobs_take(&w, m.blob, JOB_INPUTS_MAX);
	m.outs = blobs_take(&w, m.out, JOB_OUTPUTS_MAX);
	if (!wire_end(c, &w))
		return false;
	if (protocol != JOB_PROTOCOL || !job_kind_by_name(c, kind, &m.kind) || !message_ok(&m))
		return fail(c, E_PEER, "the job's message is beyond its bounds");
	*ret = m;
	return true;
}

void
job_message_done(struct job_message *m)
{
	for (size_t i = 0; i < JOB_INPUTS_MAX; i++)
		explicit_bzero(m->blob[i].key, sizeof m->blob[i].key);
	for (size_t i = 0; i < JOB_OUTPUTS_MAX; i++)
		explicit_bzero(m->out[i].key, sizeof m->out[i].key);
}
