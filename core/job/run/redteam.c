/*
 * The job that does to a release what thieves would do: attack after attack, each by its points.
 * What is done is saved after each point, as records in the order of the plan; an attempt after a
 * kill takes them as its own and goes on behind them.
 */
#include <stdio.h>

#include "kinds.h"
#include "redteaming.h"

enum {
	WHOLE = 100, /* steps of a point in what is told */
	POINT_MAX = 4 << 10,
	RECORD_MAX = POINT_MAX + 64,
	BASE_POINT = INT32_MAX, /* in the place of a point's number */
};

_Static_assert((int)JOB_PROFILE_FULL == (int)REDTEAM_FULL &&
	(int)REDTEAM_PROFILES == (int)JOB_PROFILE_FULL + 1,
    "the parameters' words are in the order of the enums");

/* ---- The plan ---------------------------------------------------------------------------- */

/* A row that is asked for by its name is run even if the profile is too quick for it. */
static size_t
points_of(const struct redteaming *w, const struct redteam_row *row)
{
	enum redteam_profile p = w->on.profile;

	return row->points[p < row->least ? row->least : p];
}

MUST static bool
row_plan(struct ctx *c, struct redteaming *w, const struct redteam_row *row)
{
	struct redteam_result *to = &w->report.result[w->report.results++];
	size_t n = points_of(w, row);

	*to = (struct redteam_result){ .row = row,
		.why = redteam_impossible(w->team, row),
		.point = take(c, (n + 1) * sizeof *to->point) };
	if (to->point == NULL)
		return false;
	to->points = to->why == NULL ? n : 0;
	w->points += to->points;
	return true;
}

MUST static bool
names_check(struct ctx *c, const struct str_list *names)
{
	for (size_t i = 0; i < names->n; i++)
		if (redteam_row_by_id(names->v[i]) == NULL)
			return fail_at(c, E_INPUT, "/rows",
			    "there is no attack %.*s: name none to try all of a profile, "
			    "whose report has the ids of all",
			    STRF(names->v[i]));
	return true;
}

static bool
is_wanted(const struct redteaming *w, const struct redteam_row *row)
{
	const struct str_list *names = &w->params->rows;

	for (size_t i = 0; i < names->n; i++)
		if (str_same(names->v[i], str_of(row->id)))
			return true;
	return names->n == 0 && row->least <= w->on.profile;
}

/* In the order of the table, whatever the order of the names. */
MUST static bool
plan(struct ctx *c, struct redteaming *w)
{
	w->report = (struct redteam_report){ .release = w->on.release.id,
		.profile = w->on.profile,
		.seed = w->on.seed,
		.result = take(c, (redteam_row_count + 1) * sizeof *w->report.result) };
	if (w->report.result == NULL || !names_check(c, &w->params->rows))
		return false;
	for (size_t i = 0; i < redteam_row_count; i++)
		if (is_wanted(w, &redteam_rows[i]) && !row_plan(c, w, &redteam_rows[i]))
			return false;
	return true;
}

/* ---- What an earlier attempt has done ---------------------------------------------------- */

static int64_t
taken(const struct redteaming *w)
{
	return w->before + clock_monotonic() - w->began;
}

MUST static bool
record_put(
    struct ctx *c, struct buf *b, const char *row, size_t point, const struct redteam_point *p)
{
	struct buf json;

	if (!take_buf(c, POINT_MAX, &json) || !redteam_point_put(c, p, &json) ||
	    !buf_ok(c, &json))
		return false;
	wire_put_str(b, str_of(row));
	wire_put_u32(b, (uint32_t)point);
	wire_put_str(b, buf_str(&json));
	return buf_ok(c, b);
}

/* The first `w->done` points, behind that of the copy as it is. */
MUST static bool
records_put(struct ctx *c, struct redteaming *w, struct buf *b)
{
	size_t at = 0;

	wire_put_u64(b, (uint64_t)taken(w));
	if (!record_put(c, b, "", BASE_POINT, &w->report.base))
		return false;
	for (size_t i = 0; i < w->report.results; i++) {
		const struct redteam_result *r = &w->report.result[i];

		for (size_t k = 0; k < r->points && at < w->done; k++, at++)
			if (!record_put(c, b, r->row->id, k, &r->point[k]))
				return false;
	}
	return true;
}

/* In memory of its own: it is written after each point. */
MUST static bool
save(struct ctx *c, struct redteaming *w)
{
	owned(arena_free) struct arena *mem = NULL;
	size_t room = (w->done + 2) * RECORD_MAX;
	struct ctx own;
	struct buf b;
	bool ok;

	if (w->run->plain)
		return true;
	mem = arena_new(2 * room + (w->done + 2) * POINT_MAX + (1 << 20));
	if (mem == NULL)
		return fail(c, E_MEMORY, "no memory to save what was found");
	own = *c;
	own.mem = mem;
	ok = take_buf(&own, room, &b) && records_put(&own, w, &b) &&
	    saves_put_bytes(&own, &w->saves, buf_str(&b));
	c->err = own.err;
	return ok;
}

/*
 * The next record, if it is of this point. What was saved by another version of the program, which
 * knows other attacks, ends here: the rest is done again.
 */
MUST static bool
record_take(struct ctx *c, struct redteaming *w, const char *row, size_t point,
    struct redteam_point *ret, bool *ret_taken)
{
	struct wire in = { w->found, false };
	struct str name = wire_str(&in, ID_MAX);
	uint32_t number = wire_u32(&in);
	struct str json = wire_str(&in, POINT_MAX);

	*ret_taken = !in.bad && str_same(name, str_of(row)) && number == (uint32_t)point;
	w->found = *ret_taken ? in.rest : STR("");
	return !*ret_taken || redteam_point_read(c, json, ret);
}

MUST static bool
earlier_open(struct ctx *c, struct redteaming *w)
{
	struct str text;
	struct wire in;
	bool found;

	if (!saves_open(c, w->run, OUT_SAVES, 0, &w->saves, &found))
		return false;
	if (!found)
		return true;
	saves_last(&w->saves, &text, &w->found);
	in = (struct wire){ w->found, false };
	w->before = (int64_t)wire_u64(&in);
	w->found = in.rest;
	return true;
}

/* ---- Attacking --------------------------------------------------------------------------- */

static void
tell(void *arg, int64_t done, int64_t total, struct str note)
{
	const struct redteaming *w = arg;
	int64_t whole = WHOLE * (int64_t)(w->points + 1), at = WHOLE * (int64_t)w->done;
	char text[JOB_NOTE_MAX];

	if (total > 0)
		at += WHOLE * (done < total ? done : total) / total;
	if (w->note != NULL)
		at += WHOLE; /* the copy as it is comes first */
	snprintf(text, sizeof text, "%s%s%.*s", w->note != NULL ? w->note : "",
	    w->note != NULL && note.n > 0 ? ": " : "", STRF(note));
	w->run->progress(w->run->arg, at, whole, str_of(text));
}

MUST static bool
base_measure(struct ctx *c, struct redteaming *w)
{
	bool known = false;

	if (w->found.n > 0 && !record_take(c, w, "", BASE_POINT, &w->report.base, &known))
		return false;
	if (known)
		return true;
	tell(w, 0, 0, STR("measuring an untouched copy"));
	return redteam_base(c, w->team, &w->report.base) && save(c, w);
}

MUST static bool
point_run(struct ctx *c, struct redteaming *w, struct redteam_result *to, size_t i)
{
	const struct redteam_watch watch = { tell, w };
	bool known = false;

	if (w->found.n > 0 && !record_take(c, w, to->row->id, i, &to->point[i], &known))
		return false;
	if (!known) {
		tell(w, 0, 0, STR(""));
		if (!redteam_point(c, w->team, to->row, i, &watch, &to->point[i]))
			return false;
	}
	w->done++;
	return known || save(c, w);
}

MUST static bool
attack(struct ctx *c, struct redteaming *w)
{
	if (!base_measure(c, w))
		return false;
	for (size_t i = 0; i < w->report.results; i++) {
		struct redteam_result *to = &w->report.result[i];

		w->note = take_printf(c, "%s %s", to->row->id, to->row->title);
		if (w->note == NULL)
			return false;
		for (size_t k = 0; k < to->points; k++)
			if (!point_run(c, w, to, k))
				return false;
	}
	w->report.seconds = (double)taken(w) / 1000;
	return true;
}

bool
redteam_run(struct ctx *c, const struct job_run *r, struct str *ret_json)
{
	owned(redteaming_done) struct redteaming w = { .run = r,
		.params = r->params,
		.began = clock_monotonic(),
		.plain = -1,
		.artifact = -1 };
	struct ctx own = *c;

	own.mem = w.mem = arena_new((size_t)r->message->limits.memory / 2);
	if (w.mem == NULL)
		return fail(c, E_MEMORY, "no memory for a red team");
	if (earlier_open(&own, &w) && redteaming_open(&own, &w) && plan(&own, &w) &&
	    attack(&own, &w))
		return redteaming_result(c, &w, ret_json);
	c->err = own.err;
	return false;
}
