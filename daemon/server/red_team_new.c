/*
 * A red team begins: its vendor says which release is to be attacked, with which data, and how
 * long that may take; what the release is marked and locked with is known here and cannot be said.
 */
#include <stdio.h>

#include "job.h"
#include "red_teams.h"
#include "release_told.h"

enum { ROWS_MOST = 64, ROW_NAME_MAX = 8 };

struct red_team_wanted {
	struct str release, dataset, test;
	struct str_list rows;
	int profile;
	int64_t seed;
	struct {
		struct str order, samples_entry, labels_entry;
		int64_t batch, threads;
		bool raw_bytes;
	} network; /* to be checked; they are copied as they came */
	struct red_team_row row;
	struct job_row job;
	struct data_key_row job_key;
};
/* clang-format off */
#define AT(member) offsetof(struct red_team_wanted, member)
static const struct json_field red_team_fields[] = {
	{ "release", FIELD_TEXT,   AT(release), 1, ID_MAX - 1, true },
	{ "dataset", FIELD_TEXT,   AT(dataset), 1, ID_MAX - 1, true },
	{ "test",    FIELD_TEXT,   AT(test),    1, ID_MAX - 1 },
	{ "profile", FIELD_WORD,   AT(profile), .words = red_team_profile_names },
	{ "rows",    FIELD_LIST,   AT(rows),    1, ROW_NAME_MAX },
	{ "seed",    FIELD_NUMBER, AT(seed),    0, INT64_MAX },
	{ "order",         FIELD_TEXT,   AT(network.order),         1, 16 },
	{ "raw_bytes",     FIELD_BOOL,   AT(network.raw_bytes) },
	{ "samples_entry", FIELD_TEXT,   AT(network.samples_entry), 0, 100 },
	{ "labels_entry",  FIELD_TEXT,   AT(network.labels_entry),  0, 100 },
	{ "batch",         FIELD_NUMBER, AT(network.batch),         1, 65536 },
	{ "threads",       FIELD_NUMBER, AT(network.threads),       0, 64 },
};
/* clang-format on */

/* Everything that the parameters are made of. */
struct gathered {
	struct release_row release;
	bool marked; /* the next is there */
	struct watermark_row watermark;
	struct release_told told;
	struct job_body body;
};

/* ---- Parameters -------------------------------------------------------------------------- */

MUST static bool
gather(struct ctx *c, struct request *rq, struct db *db, const struct red_team_wanted *w,
    struct gathered *g)
{
	struct str vendor = str_of(rq->who.vendor.s);

	if (!release_by_id(c, db, vendor, STR(""), w->release, &g->release))
		return false;
	if (g->release.state != RELEASE_READY)
		return fail_at(c, E_CONFLICT, "/release", "the release is %s, not ready",
		    release_state_names[g->release.state]);
	return job_body_read(c, rq->body, &g->body) &&
	    watermark_of_release(c, db, vendor, w->release, &g->marked, &g->watermark) &&
	    release_told_read(c, rq->server, db, &g->release, &g->told);
}

static void
release_put(struct js *j, const struct gathered *g)
{
	js_text(j, "release", str_of(g->release.id.s));
	js_text(j, "model", str_of(g->release.model.s));
	js_real(j, "kappa", g->release.kappa);
	js_number(j, "log_l", g->release.log_l);
	js_number(j, "locks", g->release.locks);
	if (g->marked)
		js_text(j, "marked", str_of(g->watermark.model.s));
}

MUST static bool
params_put(
    struct ctx *c, const struct red_team_wanted *w, const struct gathered *g, struct buf *out)
{
	struct js j = { out, false };

	js_open(&j, NULL, '{');
	release_put(&j, g);
	js_text(&j, "dataset", w->dataset);
	if (w->test.n > 0)
		js_text(&j, "test", w->test);
	js_text(&j, "profile", str_of(red_team_profile_names[w->profile]));
	js_open(&j, "rows", '[');
	for (size_t i = 0; i < w->rows.n; i++)
		js_text(&j, NULL, w->rows.v[i]);
	js_close(&j, ']');
	js_number(&j, "seed", w->seed);
	release_told_put(&j, &g->told, &g->body);
	js_close(&j, '}');
	return buf_ok(c, out);
}

/* ---- The request ------------------------------------------------------------------------- */

static bool
red_team_write(struct ctx *c, struct db *db, struct request *rq)
{
	struct red_team_wanted *w = rq->arg;
	struct buf out;
	struct js j = { &out, false };

	rq->act.audit.object = str_of(w->row.id.s);
	if (!job_queue_room(c, db, str_of(w->row.vendor.s), rq->server->conf.jobs_queued_max) ||
	    !data_key_insert(c, db, &w->job_key) || !red_team_insert(c, db, &w->row) ||
	    !job_insert(c, db, &w->job) || !take_buf(c, RED_TEAM_JSON_MAX, &out))
		return false;
	red_team_json(&j, &w->row, true);
	snprintf(
	    rq->reply.location, sizeof rq->reply.location, "/v1/red-teams/%s", w->row.id.s);
	reply_etag(rq, w->row.version, 0);
	return reply_json(rq, 202, &out);
}

static void
red_team_written(struct request *rq)
{
	jobs_wake(rq->server->jobs);
}

MUST static bool
detail_put(struct ctx *c, struct request *rq, const struct red_team_row *r)
{
	struct buf b;
	struct js j = { &b, false };

	if (!take_buf(c, 256, &b))
		return false;
	js_open(&j, NULL, '{');
	js_text(&j, "release", str_of(r->release.s));
	js_text(&j, "profile", str_of(red_team_profile_names[r->profile]));
	js_text(&j, "job", str_of(r->job.s));
	js_close(&j, '}');
	rq->act.audit.detail = buf_str(&b);
	return buf_ok(c, &b);
}

MUST static bool
prepare(struct ctx *c, struct request *rq, struct red_team_wanted *w, struct db *db)
{
	struct gathered *g = take(c, sizeof *g);
	struct buf params;

	if (g == NULL || !gather(c, rq, db, w, g) || !take_buf(c, JOB_PARAMS_MAX, &params) ||
	    !params_put(c, w, g, &params) ||
	    !job_new(c, rq->server, db, str_of(rq->who.vendor.s), STR("redteam"),
		buf_str(&params), &w->job, &w->job_key))
		return false;
	w->job.object = w->row.id;
	w->row.release = g->release.id;
	w->row.job = w->job.id;
	w->row.profile = w->profile;
	return detail_put(c, rq, &w->row);
}

bool
red_teams_post(struct ctx *c, struct request *rq)
{
	struct red_team_wanted *w = take(c, sizeof *w);
	struct db *db;

	if (w == NULL)
		return false;
	*w = (struct red_team_wanted){ .seed = 1 };
	w->row.id = id_new(c, "rdt");
	w->row.vendor = rq->who.vendor;
	w->row.created = c->now();
	rq->arg = w;
	rq->write = red_team_write;
	rq->after = red_team_written;
	if (!json_decode(c, rq->body, red_team_fields, COUNT(red_team_fields), w))
		return false;
	if (w->rows.n > ROWS_MOST)
		return fail_at(c, E_INPUT, "/rows",
		    "name at most %d attacks, or none: then all of the profile are tried",
		    ROWS_MOST);
	return server_reader(c, rq->server, &db) && prepare(c, rq, w, db);
}
