/*
 * Jobs: what takes longer than a request. Created here, run by the scheduler, watched by their
 * events.
 */
#include <stdio.h>

#include "blobs.h"
#include "events.h"
#include "job.h"
#include "making.h"
#include "request.h"

struct job_wanted {
	struct str kind, params;
	struct job_row row;
	struct data_key_row key;
	struct making making;
};

/* clang-format off */
static const struct json_field job_fields[] = {
	{ "kind",   FIELD_TEXT,   offsetof(struct job_wanted, kind),   1, 32, true },
	{ "params", FIELD_OBJECT, offsetof(struct job_wanted, params), 0, 0,  true },
};
static const struct json_field no_fields[1];
/* clang-format on */

/* A running job's progress is newer in memory than in the store. */
void
job_json(struct js *j, struct jobs *jobs, const struct job_row *r)
{
	struct job_progress live = { .done = r->done, .total = r->total };
	struct str note = r->note;
	bool running = false;

	if (r->state == JOB_RUNNING)
		jobs_progress(jobs, str_of(r->id.s), &running, &live);
	if (running)
		note = str_of(live.note);
	js_open(j, NULL, '{');
	js_text(j, "id", str_of(r->id.s));
	js_text(j, "kind", r->kind);
	js_text(j, "state", str_of(job_state_names[r->state]));
	js_open(j, "progress", '{');
	js_number(j, "done", live.done);
	js_number(j, "total", live.total);
	js_text(j, "note", note);
	js_close(j, '}');
	if (r->state == JOB_DONE && r->result.n > 0)
		js_raw(j, "result", r->result);
	if (r->state == JOB_FAILED) {
		js_open(j, "error", '{');
		js_text(j, "code", r->error_code);
		js_text(j, "detail", r->error_text);
		js_close(j, '}');
	}
	js_number(j, "attempts", r->attempts);
	js_time(j, "created", r->created);
	js_time_or_null(j, "started", r->started);
	js_time_or_null(j, "finished", r->finished);
	js_close(j, '}');
}

static bool
job_write(struct ctx *c, struct db *db, struct request *rq)
{
	struct job_wanted *w = rq->arg;
	struct buf out;
	struct js j = { &out, false };

	rq->act.audit.object = str_of(w->row.id.s);
	if (!job_queue_room(c, db, str_of(w->row.vendor.s), rq->server->conf.jobs_queued_max) ||
	    !data_key_insert(c, db, &w->key) || !making_insert(c, db, &w->row, &w->making) ||
	    !job_insert(c, db, &w->row) || !take_buf(c, 2048, &out))
		return false;
	job_json(&j, rq->server->jobs, &w->row);
	snprintf(rq->reply.location, sizeof rq->reply.location, "/v1/jobs/%s", w->row.id.s);
	reply_etag(rq, 1, 0);
	return reply_json(rq, 202, &out);
}

static void
job_written(struct request *rq)
{
	jobs_wake(rq->server->jobs);
}

/* How to get a job that the server alone makes. */
static const char *
made_by(enum job_type type)
{
	if (type == JOB_PROTECT)
		return "releases are made by POST /v1/models/{id}/releases";
	if (type == JOB_CHALLENGE)
		return "challenges are made by POST /v1/challenges";
	if (type == JOB_VERIFY)
		return "verifications are made by POST /v1/verifications";
	if (type == JOB_SLOTS)
		return "slots are made by POST /v1/models/{id}/slots";
	if (type == JOB_PERSONALISE)
		return "customers' copies are made by POST /v1/slots/{id}/copies";
	if (type == JOB_REDTEAM)
		return "red teams are ordered by POST /v1/red-teams";
	return "what is uploaded is described by itself: see its \"facts\"";
}

bool
jobs_post(struct ctx *c, struct request *rq)
{
	struct job_wanted *w = take(c, sizeof *w);
	enum job_type type;
	struct db *db;

	if (w == NULL || !json_decode(c, rq->body, job_fields, COUNT(job_fields), w) ||
	    !job_kind_by_name(c, w->kind, &type))
		return false;
	if (job_kinds[type].may == 0)
		return fail_at(c, E_INPUT, "/kind", "%s", made_by(type));
	if ((job_kinds[type].may & rq->who.roles) == 0)
		return fail(c, E_DENIED, "the token's roles do not allow jobs of this kind");
	rq->arg = w;
	rq->write = job_write;
	rq->after = job_written;
	return server_reader(c, rq->server, &db) &&
	    job_new(c, rq->server, db, str_of(rq->who.vendor.s), w->kind, w->params, &w->row,
		&w->key) &&
	    making_new(c, rq->server, db, type, w->params, &w->row, &w->making);
}

bool
jobs_get(struct ctx *c, struct request *rq)
{
	struct job_row *r;
	struct page page;
	struct db *db;
	struct buf out;
	struct js j = { &out, false };
	size_t n, shown;

	if (!request_page(c, rq, "job", &page) || !server_reader(c, rq->server, &db) ||
	    !job_list(c, db, str_of(rq->who.vendor.s), page.after, page.limit + 1, &r, &n) ||
	    !take_buf(c, ANSWER_MAX, &out))
		return false;
	shown = list_begin(&j, &page, n);
	for (size_t i = 0; i < shown; i++) {
		r[i].result.n =
		    0; /* a job's own address has it: a page of them would be too much */
		job_json(&j, rq->server->jobs, &r[i]);
	}
	return list_end(rq, &j, n > shown ? str_of(r[shown - 1].id.s) : STR(""));
}

bool
job_get(struct ctx *c, struct request *rq)
{
	struct job_row r;
	struct db *db;
	struct buf out;
	struct js j = { &out, false };

	if (!server_reader(c, rq->server, &db) ||
	    !job_by_id(c, db, str_of(rq->who.vendor.s), rq->param[0], &r) ||
	    !take_buf(c, r.result.n + r.note.n + 2048, &out))
		return false;
	job_json(&j, rq->server->jobs, &r);
	reply_etag(rq, r.version, r.done);
	return reply_json(rq, 200, &out);
}

/* Files that go with a job that is cancelled before it ran. */
struct job_stopping {
	struct blob_row *gone;
	size_t n;
};

static bool
job_stop(struct ctx *c, struct db *db, struct request *rq)
{
	struct job_stopping *stopping = rq->arg;
	struct job_row r;
	struct buf out;
	struct js j = { &out, false };
	struct str vendor = str_of(rq->who.vendor.s);
	int64_t version = 0;

	if (rq->if_match[0] != '\0' && !request_version(c, rq, &version))
		return false;
	if (!job_cancel_all(c, db, vendor, rq->param[0], version, c->now(), &stopping->gone,
		&stopping->n) ||
	    !job_by_id(c, db, vendor, rq->param[0], &r) || !take_buf(c, r.note.n + 2048, &out))
		return false;
	job_json(&j, rq->server->jobs, &r);
	reply_etag(rq, r.version, r.done);
	return reply_json(rq, 202, &out);
}

static void
job_stopped(struct request *rq)
{
	const struct job_stopping *stopping = rq->arg;

	for (size_t i = 0; i < stopping->n; i++)
		blob_file_remove(&stopping->gone[i].id);
	jobs_cancel(rq->server->jobs, rq->param[0]);
}

bool
job_cancel_post(struct ctx *c, struct request *rq)
{
	struct id id;

	rq->arg = take(c, sizeof(struct job_stopping));
	if (rq->arg == NULL)
		return false;
	if (rq->body.n > 0 && !json_decode(c, rq->body, no_fields, 0, &id))
		return false;
	rq->write = job_stop;
	rq->after = job_stopped;
	return id_parse(c, rq->param[0], "job", &id);
}

bool
job_events_get(struct ctx *c, struct request *rq)
{
	struct job_row r;
	struct id id;
	struct db *db;

	if (!id_parse(c, rq->param[0], "job", &id) || !server_reader(c, rq->server, &db) ||
	    !job_by_id(c, db, str_of(rq->who.vendor.s), rq->param[0], &r) ||
	    !events_room(c, &rq->who.vendor))
		return false;
	rq->reply.type = "text/event-stream";
	rq->stream = true;
	return true;
}
