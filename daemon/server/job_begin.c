/*
 * The begin of a run: the claimed job's parameters are opened, its inputs sealed anew under keys
 * that live as long as this run, and a worker is started on them.
 */
#include "blob.h"
#include "job.h"
#include "jobs.h"

/* ---- What the worker gets ---------------------------------------------------------------- */

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

struct inputs {
	int fd[JOB_INPUTS_MAX];
	size_t n;
};

static void
inputs_done(struct inputs *in)
{
	for (; in->n > 0; in->n--)
		fd_done(&in->fd[in->n - 1]);
}

/* What the worker gets: the parameters, and each input sealed. */
MUST static bool
message(struct ctx *c, const struct run *r, struct str params, struct job_message *m,
    struct inputs *in)
{
	const struct job_kind *kind;
	void *decoded;

	if (!job_kind_by_name(c, r->row.kind, &m->kind) ||
	    !job_params(c, m->kind, params, &decoded))
		return false;
	kind = &job_kinds[m->kind];
	m->id = str_of(r->row.id.s);
	m->limits = kind->limits;
	m->params = params;
	for (; m->blobs < kind->inputs; m->blobs++, in->n++) {
		m->blob[m->blobs].name = str_of(kind->input[m->blobs].name);
		if (!input_seal(c, m->id, job_input_bytes(m->kind, decoded, m->blobs),
			&m->blob[m->blobs], &in->fd[in->n]))
			return false;
	}
	return true;
}

/* What will not be there for this job may be there for it later. */
static bool
is_passing(enum err_code code)
{
	return code == E_SEALED || code == E_UNINITIALISED || code == E_PEER ||
	    code == E_BUSY || code == E_MEMORY || code == E_STORE || code == E_FULL;
}

/* ---- Begin ------------------------------------------------------------------------------- */

void
run_begin(struct jobs *j, struct run *r)
{
	owned(job_message_done) struct job_message m = { 0 };
	owned(inputs_done) struct inputs in = { .n = 0 };
	struct job_row now;
	struct str params;

	run_shown(j, r);
	r->row.started = r->c.now();
	/* A cancel between the claim and here found no run to end; the row knows of it. */
	if (!job_by_id(&r->c, j->db, STR(""), str_of(r->row.id.s), &now)) {
		run_postponed(j, r);
		return;
	}
	if (now.cancel) {
		run_ended(r, JOB_CANCELLED, "", "");
		return;
	}
	if (!job_unseal(&r->c, j->server, j->db, &r->row, &params) ||
	    !message(&r->c, r, params, &m, &in)) {
		if (is_passing(r->c.err.code))
			run_postponed(j, r);
		else
			run_failed(r, &r->c.err);
		return;
	}
	if (!worker_start(&r->c, &j->conf, &m, in.fd, -1, &r->worker)) {
		log_failure(&r->c, "worker-not-started");
		run_died(j, r, "could not be started");
		return;
	}
	r->state = RUN_WORKS;
	r->listen_at = r->kept_at = 0;
	r->moved = false;
	r->until = clock_monotonic() + 1000 * m.limits.wall;
	log_event(LOG_LEVEL_INFO, r->row.id.s, "job-started", "kind=%.*s attempt=%lld pid=%d",
	    STRF(r->row.kind), (long long)r->row.attempts, (int)r->worker.pid);
}
