/*
 * One run of one job while its worker lives. The worker is not trusted: it may lie, flood, hang or
 * die; it costs its own job alone. Reports are heard in bunches, so that a flood of them costs as
 * much as a trickle; every wait has an end.
 */
#include <poll.h>
#include <stdio.h>

#include "job.h"
#include "jobs.h"

enum {
	HEAR_MEMORY = 256 << 10,
	REPORTS_AT_ONCE = 64,
	DEAF_MS = 20,   /* between two bunches of reports */
	KEEP_MS = 1000, /* between two storings of progress */
	LAST_MS = 2000, /* for a worker to end after its last word */
};

/* ---- Its work ------------------------------------------------------------------------- */

static void
heard_progress(struct jobs *j, struct run *r, const struct job_report *report)
{
	struct job_progress live = { .done = report->done, .total = report->total };

	snprintf(live.note, sizeof live.note, "%.*s", STRF(report->note));
	r->row.done = report->done;
	r->row.total = report->total;
	r->moved = true;
	run_changed(j, r, &live);
}

static void
heard_result(struct run *r, const struct job_report *report)
{
	struct str result;

	struct err odd = { .code = E_PEER,
		.text = "the worker spoke of other outputs than its own" };

	if (!take_copy(&r->c, report->result, &result)) {
		run_failed(r, &r->c.err);
	} else if (report->mades != r->outs) {
		run_failed(r, &odd);
	} else {
		run_ended(r, JOB_DONE, "", "");
		r->row.result = result;
		memcpy(r->made, report->made, sizeof r->made);
	}
	r->state = RUN_SPOKE;
	r->until = clock_monotonic() + LAST_MS;
}

static void
heard_failure(struct run *r, const struct job_report *report)
{
	struct err why = { .code = report->code };

	snprintf(why.text, sizeof why.text, "%.*s", STRF(report->text));
	run_failed(r, &why);
	r->state = RUN_SPOKE;
	r->until = clock_monotonic() + LAST_MS;
}

/* One report, if there is one; false when there is nothing more to hear for now. */
static bool
hear_one(struct jobs *j, struct run *r, struct arena *mem)
{
	struct ctx c = ctx_real(mem, r->row.id.s);
	struct job_report report;
	bool is_over = false;
	const char *how;

	arena_reset(mem);
	if (!worker_next(&c, &r->worker, 0, &is_over, &report)) {
		if (c.err.code != E_SLOW) {
			log_failure(&c, "worker-nonsense");
			worker_kill(&r->worker, &how);
			run_died(j, r, "sent what is no report");
		}
		return false;
	}
	if (is_over) {
		r->state = RUN_MUTE;
		r->until = clock_monotonic() + LAST_MS;
		return false;
	}
	switch (report.type) {
	case JOB_PROGRESS:
		heard_progress(j, r, &report);
		break;
	case JOB_RESULT:
		heard_result(r, &report);
		break;
	case JOB_FAILURE:
		heard_failure(r, &report);
		break;
	}
	return r->state == RUN_WORKS;
}

static void
hear(struct jobs *j, struct run *r)
{
	owned(arena_free) struct arena *mem = arena_new(HEAR_MEMORY);
	int n = 0;

	while (n < REPORTS_AT_ONCE && hear_one(j, r, mem))
		n++;
	if (n > 0)
		r->listen_at = clock_monotonic() + DEAF_MS;
}

static bool
is_readable(int fd)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };

	return fd >= 0 && poll(&p, 1, 0) > 0;
}

/* ---- Its steps ------------------------------------------------------------------------ */

static void
work_step(struct jobs *j, struct run *r, int64_t now)
{
	const char *how;
	char *text;

	if (run_cancelled(j, r)) {
		worker_kill(&r->worker, &how);
		run_ended(r, JOB_CANCELLED, "", "");
		return;
	}
	if (now >= r->listen_at || is_readable(r->worker.pidfd))
		hear(j, r);
	if (r->state != RUN_WORKS)
		return;
	if (now >= r->until) {
		worker_kill(&r->worker, &how);
		text = take_printf(&r->c, "the job took longer than its limit");
		run_ended(r, JOB_FAILED, err_wire(E_SLOW), text != NULL ? text : "");
		return;
	}
	if (r->moved && now - r->kept_at >= KEEP_MS)
		run_keep(j, r);
}

/* The worker has ended, or should have. */
static void
last_step(struct jobs *j, struct run *r, int64_t now)
{
	bool by_itself = now < r->until;
	const char *how;

	if (by_itself)
		worker_end(&r->worker, &how);
	else
		worker_kill(&r->worker, &how);
	if (r->state == RUN_MUTE) {
		run_died(j, r, how);
	} else {
		r->state = RUN_ENDED;
		r->until = 0;
	}
}

void
run_step(struct jobs *j, struct run *r)
{
	int64_t now = clock_monotonic();

	if (r->state == RUN_WORKS)
		work_step(j, r, now);
	if ((r->state == RUN_SPOKE || r->state == RUN_MUTE) &&
	    (now >= r->until || is_readable(run_end(r))))
		last_step(j, r, now);
	if (r->state == RUN_ENDED && now >= r->until)
		run_store(j, r);
}

int
run_reports(const struct run *r, int64_t now)
{
	return r->state == RUN_WORKS && now >= r->listen_at ? r->worker.progress : -1;
}

int
run_end(const struct run *r)
{
	if (r->state == RUN_FREE || r->state == RUN_ENDED)
		return -1;
	if (r->worker.pidfd >= 0)
		return r->worker.pidfd;
	return r->state == RUN_WORKS ? -1 : r->worker.progress;
}

int64_t
run_due(const struct run *r, int64_t now)
{
	int64_t due = r->until;

	if (r->state == RUN_FREE)
		return INT64_MAX;
	if (r->state == RUN_WORKS && r->listen_at > now && r->listen_at < due)
		due = r->listen_at;
	if (r->state == RUN_WORKS && r->moved && r->kept_at + KEEP_MS < due)
		due = r->kept_at + KEEP_MS;
	return due;
}

void
run_drop(struct jobs *j, struct run *r)
{
	const char *how;

	if (r->state != RUN_FREE && r->state != RUN_ENDED)
		worker_kill(&r->worker, &how);
	if (r->state == RUN_ENDED)
		run_store(j, r); /* the last try: else it is run again */
	arena_free(&r->mem);
	r->state = RUN_FREE;
}
