/*
 * The begin of a run: the claimed job's parameters are opened, its inputs found, its outputs
 * created, and a worker is started on them.
 */
#include "job.h"
#include "jobs.h"
#include "live_asking.h"

/* What the worker gets: the parameters, the files and their keys. */
MUST static bool
message(struct jobs *j, struct run *r, struct job_message *m, struct run_files *f)
{
	struct ctx *c = &r->c;
	void *params;

	if (!job_unseal(c, j->server, j->db, &r->row, &m->params) ||
	    !job_kind_by_name(c, r->row.kind, &m->kind) ||
	    !job_params(c, m->kind, m->params, &params))
		return false;
	m->id = str_of(r->row.id.s);
	m->limits = job_kinds[m->kind].limits;
	return run_inputs(j, r, params, m, f) && run_outputs(j, r, m, f);
}

bool
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
	owned(run_files_done) struct run_files f = { 0 };
	struct job_row now;

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
	if (!message(j, r, &m, &f)) {
		if (is_passing(r->c.err.code))
			run_postponed(j, r);
		else
			run_failed(r, &r->c.err);
		return;
	}
	if (!worker_start(&r->c, &j->conf, &m, f.in, f.out, &r->worker)) {
		log_failure(&r->c, "worker-not-started");
		run_died(j, r, "could not be started");
		return;
	}
	/* It may ask, and is heard by another thread. */
	if (r->worker.job >= 0) {
		live_attend(j->server->live, &r->row, r->worker.job);
		r->worker.job = -1;
	}
	r->state = RUN_WORKS;
	r->listen_at = r->kept_at = 0;
	r->moved = false;
	r->until = clock_monotonic() + 1000 * m.limits.wall;
	log_event(LOG_LEVEL_INFO, r->row.id.s, "job-started", "kind=%.*s attempt=%lld pid=%d",
	    STRF(r->row.kind), (long long)r->row.attempts, (int)r->worker.pid);
}
