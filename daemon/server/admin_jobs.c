/*
 * job: what the workers do, for all vendors or one.
 */
#include "admin.h"
#include "blobs.h"

/* A running job's progress is newer in memory than in the store. */
MUST static bool
job_row_send(struct ctx *c, struct call *call, const struct job_row *r, bool whole)
{
	struct job_progress live = { .done = r->done, .total = r->total };
	struct str note = r->note;
	bool running = false;
	struct js j;

	if (r->state == JOB_RUNNING)
		jobs_progress(call->server->jobs, str_of(r->id.s), &running, &live);
	if (running)
		note = str_of(live.note);
	call_row_open(call, &j);
	js_text(&j, "id", str_of(r->id.s));
	js_text(&j, "vendor", str_of(r->vendor.s));
	js_text(&j, "kind", r->kind);
	js_text(&j, "state", str_of(job_state_names[r->state]));
	js_number(&j, "done", live.done);
	js_number(&j, "total", live.total);
	js_text(&j, "note", note);
	js_number(&j, "attempts", r->attempts);
	js_time(&j, "created", r->created);
	call_time(&j, "started", r->started);
	call_time(&j, "finished", r->finished);
	if (whole && r->state == JOB_DONE && r->result.n > 0)
		js_raw(&j, "result", r->result);
	if (whole && r->state == JOB_FAILED) {
		js_text(&j, "error_code", r->error_code);
		js_text(&j, "error", r->error_text);
	}
	return call_row_send(c, call, &j);
}

MUST static bool
job_page(struct ctx *c, struct call *call, struct db *db, const struct id *vendor,
    struct id *after, size_t *ret_n)
{
	struct job_row *r;
	size_t n;

	if (!job_list(c, db, str_of(vendor->s), str_of(after->s), ADMIN_PAGE, &r, &n))
		return false;
	for (size_t i = 0; i < n; i++) {
		*after = r[i].id;
		if (!job_row_send(c, call, &r[i], false))
			return false;
	}
	*ret_n = n;
	return true;
}

bool
admin_job_list(struct ctx *c, struct call *call)
{
	return call_pages(c, call, job_page);
}

bool
admin_job_show(struct ctx *c, struct call *call)
{
	struct job_row r;
	struct db *db;

	if (!server_reader(c, call->server, &db) ||
	    !job_by_id(c, db, STR(""), call->parsed.arg[0], &r))
		return false;
	call_concerns(call, &r.vendor);
	return call_account(c, call) && job_row_send(c, call, &r, true);
}

struct job_act {
	struct act act;
	struct str id;
	struct job_row row;
	struct blob_row *gone;
	size_t n;
	int64_t now;
};

static bool
job_end(struct ctx *c, struct db *db, struct act *act)
{
	struct job_act *a = (struct job_act *)(void *)act;

	if (!job_by_id(c, db, STR(""), a->id, &a->row))
		return false;
	act->audit.vendor = str_of(a->row.vendor.s);
	return job_cancel_all(c, db, STR(""), a->id, 0, a->now, &a->gone, &a->n) &&
	    job_by_id(c, db, STR(""), a->id, &a->row);
}

bool
admin_job_cancel(struct ctx *c, struct call *call)
{
	struct job_act a = { .id = call->parsed.arg[0], .now = c->now() };

	if (!call_do(c, call, &a.act, job_end))
		return false;
	for (size_t i = 0; i < a.n; i++)
		blob_file_remove(&a.gone[i].id);
	jobs_cancel(call->server->jobs, a.id);
	return job_row_send(c, call, &a.row, false);
}
