/*
 * A verification begins: what its job has to know is gathered here. What the vendor says is which
 * suspect is held against which release, with which data and null models; what the release is
 * marked with, how it was made, and since when the vendor is committed to it, is known here and
 * cannot be said.
 */
#include <stdio.h>

#include "job.h"
#include "release_told.h"
#include "verifications.h"

#define EPS1_LEAST 1e-15
#define EPS1_MOST 0.05

struct verification_wanted {
	struct str suspect, release, dataset;
	struct str_list nulls;
	double eps1;
	struct {
		struct str order, samples_entry, labels_entry;
		int64_t batch, threads;
		bool raw_bytes;
	} network; /* to be checked; they are copied as they came */
	struct verification_row row;
	struct job_row job;
	struct data_key_row job_key;
};
/* clang-format off */
#define AT(member) offsetof(struct verification_wanted, member)
static const struct json_field verification_fields[] = {
	{ "suspect", FIELD_TEXT, AT(suspect), 1, ID_MAX - 1, true },
	{ "release", FIELD_TEXT, AT(release), 1, ID_MAX - 1, true },
	{ "dataset", FIELD_TEXT, AT(dataset), 1, ID_MAX - 1 },
	{ "nulls",   FIELD_LIST, AT(nulls),   0, ID_MAX - 1 },
	{ "eps1",    FIELD_REAL, AT(eps1) },
	{ "order",         FIELD_TEXT,   AT(network.order),         1, 16 },
	{ "raw_bytes",     FIELD_BOOL,   AT(network.raw_bytes) },
	{ "samples_entry", FIELD_TEXT,   AT(network.samples_entry), 0, 100 },
	{ "labels_entry",  FIELD_TEXT,   AT(network.labels_entry),  0, 100 },
	{ "batch",         FIELD_NUMBER, AT(network.batch),         1, 65536 },
	{ "threads",       FIELD_NUMBER, AT(network.threads),       0, 64 },
};
/* clang-format on */

/* What a release shows of its parameter lock. */
static const char *const of_lock[] = { "mode", "alpha", "beta", "cap", "phi", "rounds", "count",
	"lock_set", "validation", "extremes", "lock_batch", "lock_threads", NULL };

/* Everything that the parameters are made of. */
struct gathered {
	struct suspect_row suspect;
	struct release_row release;
	bool marked; /* the next is there */
	struct watermark_row watermark;
	bool slotted; /* the next is there, and older than the suspect */
	struct slot_set_row slots;
	int64_t committed, release_committed, slots_committed;
	struct release_told told;
	struct job_body body;
};

/* ---- Gathering ----------------------------------------------------------------------------- */

/* A named thing that is not there is a wrong member of the body. */
MUST static bool
named(struct ctx *c, bool ok, const char *at)
{
	char text[sizeof c->err.text];

	if (ok || c->err.code != E_ABSENT)
		return ok;
	snprintf(text, sizeof text, "%s", c->err.text);
	return fail_at(c, E_INPUT, at, "%s", text);
}

/* The model was released, is what that was made of, or is another customer's copy of it. */
static bool
is_released(const struct gathered *g, const struct asset_row *a)
{
	const char *id = a->id.s;

	return strcmp(id, g->release.model.s) == 0 ||
	    (g->marked && strcmp(id, g->watermark.source.s) == 0) ||
	    (g->slotted &&
		(strcmp(id, g->slots.model.s) == 0 || strcmp(a->slots.s, g->slots.id.s) == 0));
}

/* The null models are the vendor's, each once, and none is the one that was released. */
MUST static bool
nulls_check(
    struct ctx *c, struct db *db, const struct verification_wanted *w, const struct gathered *g)
{
	struct asset_row a;

	if (w->nulls.n > VERIFY_NULLS_MAX)
		return fail_at(c, E_INPUT, "/nulls", "at most %d null models are of use",
		    VERIFY_NULLS_MAX);
	for (size_t i = 0; i < w->nulls.n; i++) {
		struct str id = w->nulls.v[i];

		if (!named(c, asset_by_id(c, db, ASSET_MODEL, str_of(w->row.vendor.s), id, &a),
			"/nulls"))
			return false;
		if (is_released(g, &a))
			return fail_at(c, E_INPUT, "/nulls",
			    "%s is what was released: a null model has nothing to do with it",
			    a.id.s);
		for (size_t k = 0; k < i; k++)
			if (str_same(id, w->nulls.v[k]))
				return fail_at(
				    c, E_INPUT, "/nulls", "%s is named twice", a.id.s);
	}
	return true;
}

/* A transcript answers a challenge of the watermark that is looked for, or of the slots. */
MUST static bool
challenge_check(struct ctx *c, struct db *db, const struct gathered *g)
{
	struct challenge_row k;

	if (g->suspect.challenge.s[0] == '\0')
		return true;
	if (!challenge_by_id(
		c, db, str_of(g->suspect.vendor.s), str_of(g->suspect.challenge.s), &k))
		return false;
	if ((g->marked && strcmp(k.watermark.s, g->watermark.id.s) == 0) ||
	    (g->slotted && k.watermark.s[0] == '\0' && strcmp(k.slots.s, g->slots.id.s) == 0))
		return true;
	return fail_at(c, E_CONFLICT, "/release",
	    "the suspect answers a challenge of another watermark, or other slots, than the "
	    "release has");
}

MUST static bool
commitments_find(struct ctx *c, struct db *db, struct gathered *g)
{
	struct str vendor = str_of(g->release.vendor.s);

	if (g->marked &&
	    !audit_job_ended(c, db, vendor, str_of(g->watermark.job.s), &g->committed))
		return false;
	if (g->slotted &&
	    !audit_job_ended(c, db, vendor, str_of(g->slots.job.s), &g->slots_committed))
		return false;
	/* Slots that a copy was made without say nothing of it, and must not weaken what does. */
	g->slotted = g->slots_committed > 0 && g->slots_committed <= g->suspect.appeared;
	return audit_job_ended(c, db, vendor, str_of(g->release.job.s), &g->release_committed);
}

MUST static bool
gather(struct ctx *c, struct server *s, struct db *db, const struct verification_wanted *w,
    struct gathered *g)
{
	struct str vendor = str_of(w->row.vendor.s);

	if (!suspect_by_id(c, db, vendor, w->suspect, &g->suspect) ||
	    !release_by_id(c, db, vendor, STR(""), w->release, &g->release))
		return false;
	if (g->suspect.state != SUSPECT_READY)
		return fail_at(c, E_CONFLICT, "/suspect",
		    "the suspect's bytes are not all here: bring them first");
	if (g->release.state != RELEASE_READY)
		return fail_at(c, E_CONFLICT, "/release", "the release is %s, not ready",
		    release_state_names[g->release.state]);
	return watermark_of_release(c, db, vendor, w->release, &g->marked, &g->watermark) &&
	    slot_set_of_release(c, db, vendor, w->release, &g->slotted, &g->slots) &&
	    nulls_check(c, db, w, g) && challenge_check(c, db, g) &&
	    commitments_find(c, db, g) && release_told_read(c, s, db, &g->release, &g->told);
}

/* ---- Parameters ---------------------------------------------------------------------------- */

/* How its positions were drawn, and what it is known by without any mark. */
MUST static bool
facts_put(struct ctx *c, struct js *j, const struct gathered *g)
{
	const struct job_body *fact = &g->told.fact;
	struct json_part lock, print, p, *part;
	size_t n;

	if (json_find(fact->part, fact->n, "lock", &lock) && lock.kind == KIND_OBJECT) {
		if (!json_split(c, lock.value, &part, &n))
			return false;
		for (size_t i = 0; of_lock[i] != NULL; i++)
			if (json_find(part, n, of_lock[i], &p))
				js_member(j, of_lock[i], &p);
	}
	if (json_find(fact->part, fact->n, "fingerprint", &print) &&
	    print.kind == KIND_OBJECT) {
		if (!json_split(c, print.value, &part, &n))
			return false;
		if (json_find(part, n, "sha256", &p) && p.kind == KIND_TEXT)
			js_member(j, "fingerprint_commitment", &p);
	}
	return true;
}

static void
release_put(struct js *j, const struct gathered *g)
{
	js_text(j, "release", str_of(g->release.id.s));
	js_text(j, "model", str_of(g->release.model.s));
	js_real(j, "kappa", g->release.kappa);
	js_number(j, "log_l", g->release.log_l);
	js_number(j, "locks", g->release.locks);
	js_digest(j, "release_commitment", &g->release.artifact);
	js_number(j, "release_committed", g->release_committed);
	if (g->marked) {
		js_text(j, "marked", str_of(g->watermark.model.s));
		js_digest(j, "commitment", &g->watermark.commitment);
		js_number(j, "committed", g->committed);
	}
	if (g->slotted) {
		js_text(j, "slots", str_of(g->slots.id.s));
		js_digest(j, "slots_commitment", &g->slots.commitment);
		js_number(j, "slots_committed", g->slots_committed);
	}
}

MUST static bool
params_put(struct ctx *c, const struct verification_wanted *w, const struct gathered *g,
    struct buf *out)
{
	struct js j = { out, false };
	char name[32];

	js_open(&j, NULL, '{');
	js_text(&j, "verification", str_of(w->row.id.s));
	js_text(&j, "suspect", str_of(g->suspect.id.s));
	js_number(&j, "appeared", g->suspect.appeared);
	if (g->suspect.challenge.s[0] != '\0')
		js_text(&j, "challenge", str_of(g->suspect.challenge.s));
	release_put(&j, g);
	if (w->dataset.n > 0)
		js_text(&j, "dataset", w->dataset);
	for (size_t i = 0; i < w->nulls.n; i++) {
		snprintf(name, sizeof name, "null_%zu", i + 1);
		js_text(&j, name, w->nulls.v[i]);
	}
	js_real(&j, "eps1", w->eps1);
	release_told_put(&j, &g->told, &g->body);
	if (!facts_put(c, &j, g))
		return false;
	js_close(&j, '}');
	return buf_ok(c, out);
}

/* ---- The request --------------------------------------------------------------------------- */

static bool
verification_write(struct ctx *c, struct db *db, struct request *rq)
{
	struct verification_wanted *w = rq->arg;
	struct buf out;
	struct js j = { &out, false };

	rq->act.audit.object = str_of(w->row.id.s);
	if (!job_queue_room(c, db, str_of(w->row.vendor.s), rq->server->conf.jobs_queued_max) ||
	    !data_key_insert(c, db, &w->job_key) || !verification_insert(c, db, &w->row) ||
	    !job_insert(c, db, &w->job) || !take_buf(c, VERIFICATION_JSON_MAX, &out))
		return false;
	verification_json(&j, &w->row, true);
	snprintf(
	    rq->reply.location, sizeof rq->reply.location, "/v1/verifications/%s", w->row.id.s);
	reply_etag(rq, w->row.version, 0);
	return reply_json(rq, 202, &out);
}

static void
verification_written(struct request *rq)
{
	jobs_wake(rq->server->jobs);
}

MUST static bool
detail_put(struct ctx *c, struct request *rq, const struct verification_row *v)
{
	struct buf b;
	struct js j = { &b, false };

	if (!take_buf(c, 256, &b))
		return false;
	js_open(&j, NULL, '{');
	js_text(&j, "suspect", str_of(v->suspect.s));
	js_text(&j, "release", str_of(v->release.s));
	js_text(&j, "job", str_of(v->job.s));
	js_close(&j, '}');
	rq->act.audit.detail = buf_str(&b);
	return buf_ok(c, &b);
}

MUST static bool
prepare(struct ctx *c, struct request *rq, struct verification_wanted *w, struct db *db)
{
	struct gathered *g = take(c, sizeof *g);
	struct str vendor = str_of(rq->who.vendor.s);
	struct buf params;

	if (g == NULL || !job_body_read(c, rq->body, &g->body) ||
	    !gather(c, rq->server, db, w, g) || !take_buf(c, JOB_PARAMS_MAX, &params) ||
	    !params_put(c, w, g, &params) ||
	    !job_new(c, rq->server, db, vendor, STR("verify"), buf_str(&params), &w->job,
		&w->job_key))
		return false;
	w->job.object = w->row.id;
	w->row.suspect = g->suspect.id;
	w->row.release = g->release.id;
	w->row.job = w->job.id;
	return detail_put(c, rq, &w->row);
}

bool
verifications_post(struct ctx *c, struct request *rq)
{
	struct verification_wanted *w = take(c, sizeof *w);
	struct db *db;

	if (w == NULL)
		return false;
	*w = (struct verification_wanted){ .eps1 = 1e-6 };
	w->row.id = id_new(c, "ver");
	w->row.vendor = rq->who.vendor;
	w->row.created = c->now();
	rq->arg = w;
	rq->write = verification_write;
	rq->after = verification_written;
	if (!json_decode(c, rq->body, verification_fields, COUNT(verification_fields), w))
		return false;
	if (!(w->eps1 >= EPS1_LEAST && w->eps1 <= EPS1_MOST))
		return fail_at(c, E_INPUT, "/eps1",
		    "the accepted chance of accusing an innocent is 1e-15 to 0.05");
	return server_reader(c, rq->server, &db) && prepare(c, rq, w, db);
}
