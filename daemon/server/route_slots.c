/*
 * Slots: pictures of a model that each customer's copy answers its own way, for customers who will
 * never give anything back but answers. A job draws them; their secret and the pictures leave the
 * daemon for no one but the worker. Copies are made in route_copies.c.
 */
#include <stdio.h>

#include "job.h"
#include "job_body.h"
#include "request.h"

enum { SLOT_SET_JSON_MAX = 2048, PARAMS_TEXT_MAX = BODY_MAX + 256 };

/* ---- Showing ------------------------------------------------------------------------------- */

static void
ready_json(struct js *j, const struct slot_set_row *s, bool facts)
{
	js_number(j, "slots", s->slots);
	js_number(j, "classes", s->classes);
	js_digest(j, "commitment", &s->commitment);
	if (facts && s->facts.n > 0)
		js_raw(j, "facts", s->facts);
}

static void
slot_set_json(struct js *j, const struct slot_set_row *s, bool facts)
{
	js_open(j, NULL, '{');
	js_text(j, "id", str_of(s->id.s));
	js_text(j, "name", s->name);
	js_text(j, "model", str_of(s->model.s));
	js_text(j, "state", str_of(slot_set_state_names[s->state]));
	js_text(j, "job", str_of(s->job.s));
	js_number(j, "customers", s->customers);
	js_number(j, "colluders", s->colluders);
	if (s->state == SLOT_SET_READY)
		ready_json(j, s, facts);
	if (s->state == SLOT_SET_FAILED) {
		js_open(j, "error", '{');
		js_text(j, "code", s->error_code);
		js_text(j, "detail", s->error_text);
		js_close(j, '}');
	}
	js_time(j, "created", s->created);
	js_close(j, '}');
}

MUST static bool
answer(struct ctx *c, struct request *rq, int status, const struct slot_set_row *s)
{
	struct buf out;
	struct js j = { &out, false };

	if (!take_buf(c, s->facts.n + SLOT_SET_JSON_MAX, &out))
		return false;
	slot_set_json(&j, s, true);
	reply_etag(rq, s->version, 0);
	return reply_json(rq, status, &out);
}

bool
slot_sets_get(struct ctx *c, struct request *rq)
{
	struct slot_set_row *s;
	struct page page;
	struct db *db;
	struct buf out;
	struct js j = { &out, false };
	size_t n, shown;

	if (!request_page(c, rq, "slo", &page) || !server_reader(c, rq->server, &db) ||
	    !slot_set_list(
		c, db, str_of(rq->who.vendor.s), page.after, page.limit + 1, &s, &n) ||
	    !take_buf(c, ANSWER_MAX, &out))
		return false;
	shown = list_begin(&j, &page, n);
	for (size_t i = 0; i < shown; i++)
		slot_set_json(&j, &s[i], false);
	return list_end(rq, &j, n > shown ? str_of(s[shown - 1].id.s) : STR(""));
}

bool
slot_set_get(struct ctx *c, struct request *rq)
{
	struct slot_set_row s;
	struct db *db;

	return server_reader(c, rq->server, &db) &&
	    slot_set_by_id(c, db, str_of(rq->who.vendor.s), rq->param[0], &s) &&
	    answer(c, rq, 200, &s);
}

/* ---- Making -------------------------------------------------------------------------------- */

struct slots_wanted {
	struct slot_set_row row;
	struct job_making job;
};

/* The body is the job's own parameters, without what the address says. */
MUST static bool
params_read(struct ctx *c, struct request *rq, struct slots_wanted *w, struct str *ret)
{
	static const char *const ours[] = { "model", NULL }, *const taken[] = { NULL };
	const struct slots_params *p;
	struct job_body body;
	struct buf params;
	struct js j = { &params, false };
	void *decoded;

	if (!job_params(c, JOB_SLOTS, rq->body, &decoded) ||
	    !job_body_read(c, rq->body, &body) || !take_buf(c, PARAMS_TEXT_MAX, &params))
		return false;
	p = decoded;
	if (p->dataset.n == 0)
		return fail_at(c, E_INPUT, "/dataset",
		    "slots are pictures of the model's own kind: name a data set to draw them "
		    "from");
	if (!job_body_has(&body, "customers"))
		return fail_at(c, E_INPUT, "/customers",
		    "say how many customers there will ever be: so many words have to differ");
	js_open(&j, NULL, '{');
	js_text(&j, "model", rq->param[0]);
	if (!job_body_copy(c, &body, ours, taken, &j))
		return false;
	js_close(&j, '}');
	w->row.customers = p->customers;
	w->row.colluders = p->colluders;
	*ret = buf_str(&params);
	return buf_ok(c, &params);
}

static bool
slots_write(struct ctx *c, struct db *db, struct request *rq)
{
	struct slots_wanted *w = rq->arg;

	rq->act.audit.object = str_of(w->row.id.s);
	if (!job_making_insert(c, rq->server, db, &w->job) || !slot_set_insert(c, db, &w->row))
		return false;
	snprintf(rq->reply.location, sizeof rq->reply.location, "/v1/slots/%s", w->row.id.s);
	return answer(c, rq, 202, &w->row);
}

static void
slots_written(struct request *rq)
{
	jobs_wake(rq->server->jobs);
}

bool
model_slots_post(struct ctx *c, struct request *rq)
{
	struct slots_wanted *w = take(c, sizeof *w);
	struct asset_row model;
	struct str params;
	struct db *db;

	if (w == NULL || !id_parse(c, rq->param[0], "mod", &w->row.model) ||
	    !server_reader(c, rq->server, &db) ||
	    !asset_by_id(c, db, ASSET_MODEL, str_of(rq->who.vendor.s), rq->param[0], &model) ||
	    !params_read(c, rq, w, &params))
		return false;
	w->row.id = id_new(c, "slo");
	w->row.vendor = rq->who.vendor;
	w->row.name = model.name;
	w->row.created = c->now();
	rq->arg = w;
	rq->write = slots_write;
	rq->after = slots_written;
	if (!job_making_new(
		c, rq->server, db, &w->row.vendor, &w->row.id, "slots", params, &w->job))
		return false;
	w->row.job = w->job.row.id;
	w->row.key = w->job.secret.id;
	return true;
}
