/*
 * One viewer. It is not trusted more than any worker: it may crash, hang, flood or lie, and costs
 * the questions that it has at that moment, no others. Which picture has ended a viewer is found
 * out by giving those that it had to the next one, each alone; the one that ends that as well is
 * refused.
 */
#include <stdio.h>

#include "channel.h"
#include "viewers_parts.h"

enum {
	START_MEMORY = 1 << 20,
	SCRATCH_MEMORY = 512 << 10,
	REPORTS_AT_ONCE = 16,
	ANSWERS_AT_ONCE = 64,
	READY_MS = 60000,  /* for its network to be opened */
	SILENT_MS = 10000, /* with something to answer */
	IDLE_MS = 10 * 60 * 1000,
	OLD_MS = 20 * 3600 * 1000, /* its time ends at 24 hours */
	MEND_MS = 5000,            /* before it is tried once more */
	CRASHES_MAX = 2,
};

static const struct err late = { .code = E_BUSY,
	.text = "nobody could look at the picture in time: try again" };
static const struct err crowded = { .code = E_UNDECIDED,
	.name = VIEW_UNAVAILABLE,
	.text = "the release's network cannot be asked now: try again in a moment" };
static const struct err fatal = { .code = E_INPUT,
	.text = "making this key image ends the process that makes it" };

/* ---- Its life ---------------------------------------------------------------------------- */

/* Cannot be started: whoever asks within a while is told so at once. */
static void
broken(struct viewers *vs, struct viewer *v, const struct err *why)
{
	v->state = VIEWER_BROKEN;
	v->mend_at = clock_monotonic() + MEND_MS;
	v->why = crowded;
	if (why->code == E_SEALED || why->code == E_UNINITIALISED)
		v->why = *why;
	if (why->code == E_MEMORY || why->code == E_LIMIT)
		snprintf(v->why.text, sizeof v->why.text,
		    "the release's network is too large to be asked here: %.100s", why->text);
	if (why->code == E_ABSENT || why->code == E_CONFLICT || why->code == E_INPUT)
		snprintf(v->why.text, sizeof v->why.text, "%s", why->text);
	line_refused(vs, &v->flying, &v->why);
	line_refused(vs, &v->waiting, &v->why);
}

static void
begin(struct viewers *vs, struct viewer *v)
{
	owned(arena_free) struct arena *mem = arena_new(START_MEMORY);
	struct ctx c = ctx_real(mem, v->watermark.s);

	v->ready = v->full = false;
	v->owed = 0;
	v->pieces.n = v->pieces.number = 0;
	v->born = v->heard = clock_monotonic();
	if (v->pieces.v == NULL)
		v->pieces.v = malloc(VIEW_PICTURE_MAX);
	if (mem == NULL || v->pieces.v == NULL || !viewer_start(&c, vs, v, &v->worker)) {
		if (c.err.code == E_NONE)
			c.err.code = E_MEMORY;
		log_failure(&c, "viewer-not-started");
		broken(vs, v, &c.err);
		return;
	}
	v->state = VIEWER_RUNS;
	vs->started++;
	vs->running++;
	log_event(
	    LOG_LEVEL_INFO, v->watermark.s, "viewer-started", "pid=%d", (int)v->worker.pid);
}

void
viewer_begin(
    struct viewers *vs, struct viewer *v, const struct id *vendor, const struct id *watermark)
{
	*v = (struct viewer){
		.vendor = *vendor, .watermark = *watermark, .pieces.v = v->pieces.v
	};
	v->used = clock_monotonic();
	begin(vs, v);
}

static void
put_down(struct viewers *vs, struct viewer *v, const char **ret_how)
{
	worker_kill(&v->worker, ret_how);
	v->state = VIEWER_NONE;
	vs->running--;
}

void
viewer_end(struct viewers *vs, struct viewer *v, const char *why)
{
	const char *how;

	if (v->state == VIEWER_RUNS) {
		put_down(vs, v, &how);
		log_event(LOG_LEVEL_INFO, v->watermark.s, "viewer-ended", "why=%s", why);
	}
	v->state = VIEWER_NONE;
}

/* What it had goes to the next one, alone; what has ended two of them ends here. */
static void
take_back(struct viewers *vs, struct viewer *v)
{
	struct line again = { 0 };
	struct viewing *q;

	while ((q = line_take(&v->flying)) != NULL) {
		q->sent = 0;
		if (++q->crashes < CRASHES_MAX) {
			line_put(&again, q);
		} else if (q->ask.op == VIEW_MAKE) {
			viewing_refused(vs, q, &fatal);
		} else {
			q->said = (struct view_answer){ .op = VIEW_LOOK,
				.found = VIEW_UNREADABLE,
				.text = STR("the picture ends the process that reads it") };
			viewing_answered(vs, q);
		}
	}
	while ((q = line_take(&v->waiting)) != NULL)
		line_put(&again, q);
	v->waiting = again;
}

/* It is no more, or must not be any more. */
static void
lost(struct viewers *vs, struct viewer *v, const char *how)
{
	const struct err unknown = { .code = E_PEER };
	bool was_ready = v->ready;
	const char *ended;

	put_down(vs, v, &ended);
	vs->died++;
	log_event(LOG_LEVEL_WARNING, v->watermark.s, "viewer-died", "how=%s questions=%zu",
	    log_quote(str_of(how != NULL ? how : ended)), v->flying.n);
	if (!was_ready) {
		broken(vs, v, &unknown);
		return;
	}
	take_back(vs, v);
	if (v->waiting.n > 0)
		begin(vs, v);
}

/* ---- Hearing ----------------------------------------------------------------------------- */

/* It said why it ends: nothing that could be asked would change that. */
static void
gave_up(struct viewers *vs, struct viewer *v, const struct job_report *r)
{
	struct err why = { .code = r->code };
	const char *how;

	snprintf(why.text, sizeof why.text, "%.*s", STRF(r->text));
	put_down(vs, v, &how);
	vs->died++;
	log_event(LOG_LEVEL_ERROR, v->watermark.s, "viewer-failed", "code=%s text=%s",
	    err_wire(why.code), log_quote(r->text));
	broken(vs, v, &why);
}

static void
hear_reports(struct viewers *vs, struct viewer *v)
{
	owned(arena_free) struct arena *mem = arena_new(SCRATCH_MEMORY);
	struct ctx c = ctx_real(mem, v->watermark.s);
	struct job_report r;
	bool ended = false;

	for (int i = 0; i < REPORTS_AT_ONCE && v->state == VIEWER_RUNS; i++) {
		arena_reset(mem);
		if (!worker_next(&c, &v->worker, 0, &ended, &r)) {
			if (c.err.code != E_SLOW)
				lost(vs, v, "sent what is no report");
			return;
		}
		if (ended)
			lost(vs, v, NULL);
		else if (r.type == JOB_FAILURE)
			gave_up(vs, v, &r);
		else if (r.type == JOB_RESULT)
			lost(vs, v, "ended by itself");
		else
			v->ready = true;
		v->heard = clock_monotonic();
	}
}

static struct viewing *
flying(const struct viewer *v, uint64_t number)
{
	struct viewing *q = v->flying.first;

	while (q != NULL && q->ask.number != number)
		q = q->next;
	return q;
}

/* What it says of a question that it could not answer. */
static void
could_not(struct viewers *vs, struct viewer *v, struct viewing *q, const struct view_answer *a)
{
	struct err why = crowded;

	if (a->code == E_INPUT || a->code == E_LIMIT) {
		why = (struct err){ .code = a->code };
		snprintf(why.text, sizeof why.text, "%.*s", STRF(a->text));
	} else {
		log_event(LOG_LEVEL_ERROR, v->watermark.s, "viewer-could-not",
		    "code=%s text=%s", err_wire(a->code), log_quote(a->text));
	}
	viewing_refused(vs, q, &why);
}

static void
answered(struct viewers *vs, struct viewer *v, struct viewing *q, struct view_answer *a)
{
	(void)line_remove(&v->flying, q);
	if (a->code != E_NONE) {
		could_not(vs, v, q, a);
	} else if (take_copy(q->c, a->text, &a->text) &&
	    take_copy(q->c, a->picture, &a->picture)) {
		q->said = *a;
		viewing_answered(vs, q);
	} else {
		viewing_refused(vs, q, &crowded);
	}
}

/* One message; E_SLOW if there is none. */
MUST static bool
hear_one(struct ctx *c, struct viewers *vs, struct viewer *v)
{
	owned(channel_message_done) struct channel_message m = { 0 };
	struct view_answer a;
	struct viewing *q;
	struct str bytes;
	bool whole;

	if (!channel_receive(c, v->worker.job, vs->room, VIEW_MESSAGE_MAX, 0, &m))
		return false;
	if (m.n == 0 || m.fds > 0)
		return fail(c, E_PEER, "closed its mouth");
	bytes = (struct str){ vs->room, m.n };
	if (!view_answer_decode(c, bytes, &v->pieces, &whole, &a))
		return false;
	if (!whole)
		return true;
	q = flying(v, a.number);
	if (v->owed == 0 || (q != NULL && q->ask.op != a.op))
		return fail(c, E_PEER, "answered what it was not asked");
	v->owed--;
	v->heard = clock_monotonic();
	if (q != NULL)
		answered(vs, v, q, &a);
	return true;
}

static void
hear_answers(struct viewers *vs, struct viewer *v)
{
	struct ctx c = ctx_real(NULL, v->watermark.s);

	for (int i = 0; i < ANSWERS_AT_ONCE && v->state == VIEWER_RUNS; i++) {
		if (hear_one(&c, vs, v))
			continue;
		if (c.err.code != E_SLOW)
			lost(vs, v, c.err.text);
		return;
	}
}

/* ---- Asking ------------------------------------------------------------------------------ */

/* The first that waits goes out; false if it cannot now. */
MUST static bool
ask_first(struct ctx *c, struct viewers *vs, struct viewer *v)
{
	struct viewing *q = v->waiting.first;

	while (q->sent != SIZE_MAX) {
		struct buf b = { vs->room, 0, VIEW_MESSAGE_MAX, false };
		size_t at = q->sent;

		if (!view_question_encode(c, &q->ask, &at, &b) ||
		    !channel_send(c, v->worker.job, buf_str(&b), NULL, 0, 0))
			return false;
		q->sent = at;
	}
	line_put(&v->flying, line_take(&v->waiting));
	if (v->owed++ == 0)
		v->heard = clock_monotonic();
	return true;
}

/* How many it may have: one whose picture is suspected is alone with it. */
static size_t
may_have(const struct viewer *v)
{
	bool suspected = (v->waiting.first != NULL && v->waiting.first->crashes > 0) ||
	    (v->flying.first != NULL && v->flying.first->crashes > 0);

	return suspected ? 1 : FLYING_MAX;
}

static void
ask(struct viewers *vs, struct viewer *v)
{
	struct ctx c = ctx_real(NULL, v->watermark.s);

	v->full = false;
	while (v->waiting.n > 0 && v->owed < may_have(v)) {
		if (ask_first(&c, vs, v))
			continue;
		v->full = c.err.code == E_SLOW;
		if (!v->full)
			lost(vs, v, c.err.text);
		return;
	}
}

/* ---- Its steps --------------------------------------------------------------------------- */

/* Refuses those for which it is too late; *ret_torn: one of them was only sent in part. */
static void
late_of(struct viewers *vs, struct line *line, int64_t now, bool *ret_torn)
{
	struct viewing *q, *next;

	for (q = line->first; q != NULL; q = next) {
		next = q->next;
		if (now < q->until)
			continue;
		*ret_torn |= q->sent != 0 && q->sent != SIZE_MAX;
		(void)line_remove(line, q);
		vs->late++;
		viewing_refused(vs, q, &late);
	}
}

static void
run_step(struct viewers *vs, struct viewer *v, int64_t now)
{
	bool torn = false;

	hear_reports(vs, v);
	if (v->state == VIEWER_RUNS)
		hear_answers(vs, v);
	if (v->state != VIEWER_RUNS)
		return;
	late_of(vs, &v->flying, now, &torn);
	late_of(vs, &v->waiting, now, &torn);
	/* A worker that waits for the rest of a picture would wait for ever. */
	if (torn || (v->owed > 0 && now - v->heard >= SILENT_MS) ||
	    (!v->ready && now - v->born >= READY_MS)) {
		lost(vs, v, "does not answer");
		return;
	}
	if (v->ready)
		ask(vs, v);
}

/* Nobody asks it now. */
static void
rest_step(struct viewers *vs, struct viewer *v, int64_t now)
{
	if (v->leaving)
		viewer_end(vs, v, "others-wait");
	else if (now - v->used >= IDLE_MS)
		viewer_end(vs, v, "idle");
	else if (now - v->born >= OLD_MS)
		viewer_end(vs, v, "old");
}

void
viewer_step(struct viewers *vs, struct viewer *v, int64_t now)
{
	switch (v->state) {
	case VIEWER_NONE:
		return;
	case VIEWER_BROKEN:
		if (now >= v->mend_at)
			v->state = VIEWER_NONE;
		return;
	case VIEWER_RUNS:
		run_step(vs, v, now);
		if (v->state == VIEWER_RUNS && v->waiting.n == 0 && v->owed == 0)
			rest_step(vs, v, now);
		return;
	}
	abort();
}
