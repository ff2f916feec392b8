/*
 * Challenges: pictures to be shown to somebody else's service, some of a watermark's key set, and
 * of a model's slots, hidden among ordinary ones. Which pairs a challenge takes is settled in the
 * act that makes it; a job draws the pictures, their order follows from a secret of the challenge's
 * own, and that job's end commits the audit to it.
 */
#include <stdio.h>

#include "blobs.h"
#include "downloads.h"
#include "job.h"
#include "request.h"

enum {
	CHALLENGE_JSON_MAX = 2048,
	PARAMS_TEXT_MAX = 4096,
	DECOYS_USUAL = 200,
	PAIRS_USUAL = 100
};

struct challenge_wanted {
	struct str release, watermark, dataset, order, samples_entry;
	int64_t pairs, decoys; /* pairs -1: not said */
	struct challenge_row row;
	struct job_making job;
};
/* clang-format off */
#define TEXT(name, n) { #name, FIELD_TEXT, offsetof(struct challenge_wanted, name), 1, (n) }
static const struct json_field challenge_fields[] = {
	TEXT(release, ID_MAX - 1),
	TEXT(watermark, ID_MAX - 1),
	{ "dataset", FIELD_TEXT, offsetof(struct challenge_wanted, dataset), 1, ID_MAX - 1, true },
	{ "pairs",   FIELD_NUMBER, offsetof(struct challenge_wanted, pairs),  0, 1024 },
	{ "decoys",  FIELD_NUMBER, offsetof(struct challenge_wanted, decoys), 0, 2048 },
	TEXT(order, 16),
	TEXT(samples_entry, 100),
};
/* clang-format on */

/* ---- Showing ------------------------------------------------------------------------------- */

static void
challenge_json(struct js *j, const struct challenge_row *k)
{
	js_open(j, NULL, '{');
	js_text(j, "id", str_of(k->id.s));
	js_text_or_null(j, "watermark", str_of(k->watermark.s));
	js_text_or_null(j, "slots", str_of(k->slots.s));
	js_text(j, "state", str_of(challenge_state_names[k->state]));
	js_text(j, "job", str_of(k->job.s));
	js_number(j, "first", k->first);
	js_number(j, "pairs", k->pairs);
	js_number(j, "decoys", k->decoys);
	if (k->state == CHALLENGE_READY)
		js_digest(j, "commitment", &k->commitment);
	if (k->state == CHALLENGE_FAILED) {
		js_open(j, "error", '{');
		js_text(j, "code", k->error_code);
		js_text(j, "detail", k->error_text);
		js_close(j, '}');
	}
	js_time(j, "created", k->created);
	js_close(j, '}');
}

MUST static bool
answer(struct ctx *c, struct request *rq, int status, const struct challenge_row *k)
{
	struct buf out;
	struct js j = { &out, false };

	if (!take_buf(c, CHALLENGE_JSON_MAX, &out))
		return false;
	challenge_json(&j, k);
	reply_etag(rq, k->version, 0);
	return reply_json(rq, status, &out);
}

bool
challenges_get(struct ctx *c, struct request *rq)
{
	struct challenge_row *k;
	struct page page;
	struct db *db;
	struct buf out;
	struct js j = { &out, false };
	size_t n, shown;

	if (!request_page(c, rq, "cha", &page) || !server_reader(c, rq->server, &db) ||
	    !challenge_list(
		c, db, str_of(rq->who.vendor.s), page.after, page.limit + 1, &k, &n) ||
	    !take_buf(c, ANSWER_MAX, &out))
		return false;
	shown = list_begin(&j, &page, n);
	for (size_t i = 0; i < shown; i++)
		challenge_json(&j, &k[i]);
	return list_end(rq, &j, n > shown ? str_of(k[shown - 1].id.s) : STR(""));
}

MUST static bool
find(struct ctx *c, struct request *rq, struct db **ret_db, struct challenge_row *ret)
{
	return server_reader(c, rq->server, ret_db) &&
	    challenge_by_id(c, *ret_db, str_of(rq->who.vendor.s), rq->param[0], ret);
}

bool
challenge_get(struct ctx *c, struct request *rq)
{
	struct challenge_row k;
	struct db *db;

	return find(c, rq, &db, &k) && answer(c, rq, 200, &k);
}

bool
challenge_content_get(struct ctx *c, struct request *rq)
{
	const struct download_as as = { "application/x-tar",
		take_printf(c, "%.*s.tar", STRF(rq->param[0])), NULL };
	struct challenge_row k;
	struct db *db;

	if (as.name == NULL || !find(c, rq, &db, &k))
		return false;
	if (k.state != CHALLENGE_READY)
		return fail(c, E_CONFLICT, "the challenge is %s, it has no pictures",
		    challenge_state_names[k.state]);
	return download_part(c, rq, db, &k.id, "content", &as);
}

/* ---- Making -------------------------------------------------------------------------------- */

/* What there is to ask for: of the network that is named by its watermark or by a release. */
struct subject {
	bool marked, slotted; /* what follows is there */
	struct watermark_row mark;
	struct slot_set_row set;
};

/* The slots of a watermark's own model may still be in the making: then they are not asked. */
MUST static bool
subject_of_watermark(
    struct ctx *c, struct db *db, const struct challenge_wanted *w, struct subject *ret)
{
	struct str vendor = str_of(w->row.vendor.s);

	if (!watermark_by_id(c, db, vendor, w->watermark, &ret->mark) ||
	    !slot_set_of_model(
		c, db, vendor, str_of(ret->mark.model.s), &ret->slotted, &ret->set))
		return false;
	ret->marked = true;
	ret->slotted = ret->slotted && ret->set.state == SLOT_SET_READY;
	return true;
}

MUST static bool
subject_find(
    struct ctx *c, struct db *db, const struct challenge_wanted *w, struct subject *ret)
{
	struct str vendor = str_of(w->row.vendor.s);
	struct release_row release;

	if ((w->release.n > 0) == (w->watermark.n > 0))
		return fail_at(c, E_INPUT, "/watermark",
		    "name a release whose network has a watermark or slots, or a watermark");
	if (w->watermark.n > 0)
		return subject_of_watermark(c, db, w, ret);
	if (!release_outline(c, db, vendor, w->release, &release) ||
	    !watermark_of_release(c, db, vendor, w->release, &ret->marked, &ret->mark) ||
	    !slot_set_of_release(c, db, vendor, w->release, &ret->slotted, &ret->set))
		return false;
	if (!ret->marked && !ret->slotted)
		return fail_at(c, E_CONFLICT, "/release",
		    "the release's network has no watermark and no slots: there is nothing to "
		    "ask for");
	return true;
}

/* Those behind all that were asked; as many as are left, unless it was said. */
MUST static bool
pairs_choose(struct ctx *c, struct challenge_wanted *w, const struct subject *s)
{
	int64_t left = s->marked ? s->mark.keys - s->mark.asked : 0,
		usual = left > PAIRS_USUAL ? PAIRS_USUAL : left;

	if (s->marked && s->mark.state != WATERMARK_READY)
		return fail(c, E_CONFLICT, "the watermark is %s, it must be ready",
		    watermark_state_names[s->mark.state]);
	if (w->pairs < 0)
		w->pairs = usual > 0 || s->slotted ? usual : 1;
	if (w->pairs == 0 && !s->slotted)
		return fail_at(c, E_INPUT, "/pairs",
		    "the network has no slots: ask for pairs, or there is nothing to ask for");
	if (w->pairs > 0 && !s->marked)
		return fail_at(c, E_CONFLICT, "/pairs",
		    "the network has no watermark: leave the pairs out, its slots are asked");
	w->row.pairs = w->pairs;
	w->row.decoys = w->decoys;
	if (s->marked) {
		w->row.watermark = s->mark.id;
		w->row.first = s->mark.asked;
	}
	if (s->slotted)
		w->row.slots = s->set.id;
	return true;
}

MUST static bool
raw_bytes_of(struct ctx *c, struct str facts, bool *ret)
{
	struct json_part *part, raw;
	size_t n;

	*ret = false;
	if (facts.n == 0)
		return true;
	if (!json_split(c, facts, &part, &n))
		return false;
	*ret = json_find(part, n, "raw_bytes", &raw) && str_same(raw.value, STR("true"));
	return true;
}

MUST static bool
params_put(
    struct ctx *c, const struct challenge_wanted *w, const struct subject *s, struct buf *out)
{
	struct js j = { out, false };
	bool raw = false;

	if (s->marked && !raw_bytes_of(c, s->mark.facts, &raw))
		return false;
	js_open(&j, NULL, '{');
	if (s->marked)
		js_text(&j, "model", str_of(s->mark.model.s));
	js_text(&j, "dataset", w->dataset);
	js_number(&j, "first", w->row.first);
	js_number(&j, "pairs", w->row.pairs);
	js_number(&j, "decoys", w->row.decoys);
	if (w->row.slots.s[0] != '\0')
		js_text(&j, "slots", str_of(w->row.slots.s));
	js_bool(&j, "raw_bytes", raw);
	if (w->order.n > 0)
		js_text(&j, "order", w->order);
	if (w->samples_entry.n > 0)
		js_text(&j, "samples_entry", w->samples_entry);
	js_close(&j, '}');
	return buf_ok(c, out);
}

static bool
challenge_write(struct ctx *c, struct db *db, struct request *rq)
{
	struct challenge_wanted *w = rq->arg;

	rq->act.audit.object = str_of(w->row.id.s);
	if (!job_making_insert(c, rq->server, db, &w->job) || !challenge_insert(c, db, &w->row))
		return false;
	snprintf(
	    rq->reply.location, sizeof rq->reply.location, "/v1/challenges/%s", w->row.id.s);
	return answer(c, rq, 202, &w->row);
}

static void
challenge_written(struct request *rq)
{
	jobs_wake(rq->server->jobs);
}

/* Its secret and its job, before the writer takes over. */
MUST static bool
prepare(struct ctx *c, struct request *rq, struct challenge_wanted *w, struct db *db,
    struct str params)
{
	if (!job_making_new(
		c, rq->server, db, &w->row.vendor, &w->row.id, "challenge", params, &w->job))
		return false;
	w->row.job = w->job.row.id;
	w->row.key = w->job.secret.id;
	return true;
}

bool
challenges_post(struct ctx *c, struct request *rq)
{
	struct challenge_wanted *w = take(c, sizeof *w);
	struct subject s = { 0 };
	struct buf params;
	struct db *db;

	if (w == NULL)
		return false;
	*w = (struct challenge_wanted){ .decoys = DECOYS_USUAL, .pairs = -1 };
	w->row.id = id_new(c, "cha");
	w->row.vendor = rq->who.vendor;
	w->row.created = c->now();
	rq->arg = w;
	rq->write = challenge_write;
	rq->after = challenge_written;
	return json_decode(c, rq->body, challenge_fields, COUNT(challenge_fields), w) &&
	    server_reader(c, rq->server, &db) && subject_find(c, db, w, &s) &&
	    pairs_choose(c, w, &s) && take_buf(c, PARAMS_TEXT_MAX, &params) &&
	    params_put(c, w, &s, &params) && prepare(c, rq, w, db, buf_str(&params));
}
