/*
 * Copies: models that are one customer's alone. Each is made of the model whose slots it answers,
 * by a job that teaches it the customer's word; then it is described and released as any model is.
 */
#include <stdio.h>

#include "assets.h"
#include "job.h"
#include "job_body.h"
#include "licenses.h"
#include "making.h"

enum { PARAMS_TEXT_MAX = BODY_MAX + 512, NAME_KEPT = 96 };

struct copy_wanted {
	struct slot_set_row set;
	struct customer_row customer;
	struct asset_row base;
	struct id marked; /* whose key pictures are to be answered as before; empty: none */
	struct job_row job;
	struct data_key_row job_key;
	struct making making;
};

/* ---- Who gets one -------------------------------------------------------------------------- */

MUST static bool
copy_allowed(struct ctx *c, const struct copy_wanted *w)
{
	if (w->set.state != SLOT_SET_READY)
		return fail(c, E_CONFLICT, "the slot set is %s, it must be ready",
		    slot_set_state_names[w->set.state]);
	switch (w->customer.state) {
	case CUSTOMER_ACTIVE:
		return true;
	case CUSTOMER_SUSPENDED:
		return fail_at(c, E_CONFLICT, "/customer",
		    "the customer is suspended: reinstate the customer first");
	case CUSTOMER_ERASED:
		return fail_at(c, E_CONFLICT, "/customer",
		    "the customer's data were erased: create the customer again");
	}
	abort(); /* the compiler has seen every case */
}

MUST static bool
parties_read(struct ctx *c, struct request *rq, struct db *db, struct str customer,
    struct copy_wanted *w)
{
	struct str vendor = str_of(rq->who.vendor.s);
	struct watermark_row mark;
	bool marked;

	if (!slot_set_by_id(c, db, vendor, rq->param[0], &w->set) ||
	    !customer_named(c, db, &rq->who.vendor, customer, &w->customer) ||
	    !asset_by_id(c, db, ASSET_MODEL, vendor, str_of(w->set.model.s), &w->base) ||
	    !watermark_by_model(c, db, vendor, str_of(w->set.model.s), &marked, &mark))
		return false;
	if (marked && mark.state == WATERMARK_READY)
		w->marked = w->set.model;
	return copy_allowed(c, w);
}

/* ---- Parameters ---------------------------------------------------------------------------- */

/* What the copy is called unless it was said: the model's name, cut between two characters. */
MUST static bool
name_usual(struct ctx *c, const struct copy_wanted *w, struct str *ret)
{
	struct str base = w->base.name;
	char *name;

	if (base.n > NAME_KEPT)
		for (base.n = NAME_KEPT; base.n > 0 && (base.p[base.n] & 0xc0) == 0x80;)
			base.n--;
	name = take_printf(
	    c, "%.*s for customer %lld", STRF(base), (long long)w->customer.number);
	if (name == NULL)
		return false;
	*ret = str_of(name);
	return true;
}

/* The body is the job's own parameters, without what the server alone says. */
MUST static bool
params_put(struct ctx *c, const struct job_body *body, const struct copy_wanted *w,
    struct str name, struct buf *out)
{
	static const char *const ours[] = { "model", "marked", "slots", "number", NULL },
				 *const taken[] = { "customer", "name", NULL };
	struct js j = { out, false };

	js_open(&j, NULL, '{');
	js_text(&j, "name", name);
	js_text(&j, "model", str_of(w->set.model.s));
	js_text(&j, "slots", str_of(w->set.id.s));
	js_number(&j, "number", w->customer.number);
	if (w->marked.s[0] != '\0')
		js_text(&j, "marked", str_of(w->marked.s));
	if (!job_body_copy(c, body, ours, taken, &j))
		return false;
	js_close(&j, '}');
	return buf_ok(c, out);
}

/* ---- The request --------------------------------------------------------------------------- */

MUST static bool
detail_put(struct ctx *c, struct request *rq, const struct copy_wanted *w)
{
	char *detail = take_printf(c, "{\"slots\":\"%s\",\"customer\":\"%s\",\"job\":\"%s\"}",
	    w->set.id.s, w->customer.id.s, w->job.id.s);

	if (detail == NULL)
		return false;
	rq->act.audit.detail = str_of(detail);
	return true;
}

static bool
copy_write(struct ctx *c, struct db *db, struct request *rq)
{
	struct copy_wanted *w = rq->arg;
	struct str vendor = str_of(rq->who.vendor.s);
	struct asset_row made;
	struct buf out;
	struct js j = { &out, false };
	int64_t received;

	rq->act.audit.object = str_of(w->job.object.s);
	if (!slot_set_by_id(c, db, vendor, str_of(w->set.id.s), &w->set) ||
	    !customer_by_id(c, db, vendor, str_of(w->customer.id.s), &w->customer) ||
	    !copy_allowed(c, w) ||
	    !job_queue_room(c, db, vendor, rq->server->conf.jobs_queued_max) ||
	    !data_key_insert(c, db, &w->job_key) ||
	    !making_insert(c, db, &w->job, &w->making) || !job_insert(c, db, &w->job) ||
	    !asset_by_id(c, db, ASSET_MODEL, vendor, str_of(w->job.object.s), &made) ||
	    !take_buf(c, ASSET_JSON_MAX, &out) ||
	    !asset_json(c, rq->server, db, &j, &made, true, &received))
		return false;
	snprintf(rq->reply.location, sizeof rq->reply.location, "/v1/models/%s", made.id.s);
	reply_etag(rq, made.version, received);
	return reply_json(rq, 202, &out);
}

static void
copy_written(struct request *rq)
{
	jobs_wake(rq->server->jobs);
}

MUST static bool
copy_prepare(struct ctx *c, struct request *rq, struct db *db, const struct job_body *body,
    struct copy_wanted *w)
{
	struct str vendor = str_of(rq->who.vendor.s), name = STR("");
	struct buf params;

	if (!job_body_text(c, body, "name", 128, &name) ||
	    (name.n == 0 && !name_usual(c, w, &name)) ||
	    !take_buf(c, PARAMS_TEXT_MAX, &params) || !params_put(c, body, w, name, &params) ||
	    !job_new(c, rq->server, db, vendor, STR("personalise"), buf_str(&params), &w->job,
		&w->job_key))
		return false;
	return making_copy(c, name, &w->set, &w->customer.id, &w->job, &w->making) &&
	    detail_put(c, rq, w);
}

bool
slot_copies_post(struct ctx *c, struct request *rq)
{
	struct copy_wanted *w = take(c, sizeof *w);
	struct str customer = STR("");
	struct job_body body;
	struct db *db;

	if (w == NULL || !job_body_read(c, rq->body, &body) ||
	    !job_body_text(c, &body, "customer", 128, &customer))
		return false;
	if (customer.n == 0)
		return fail_at(c, E_INPUT, "/customer", "say whose copy it will be");
	if (!job_body_has(&body, "dataset"))
		return fail_at(c, E_INPUT, "/dataset",
		    "a copy is taught with the model's own kind of data: name a labelled data "
		    "set");
	rq->arg = w;
	rq->write = copy_write;
	rq->after = copy_written;
	return server_reader(c, rq->server, &db) && parties_read(c, rq, db, customer, w) &&
	    copy_prepare(c, rq, db, &body, w);
}
