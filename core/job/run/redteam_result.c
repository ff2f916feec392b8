/*
 * What leaves the worker of a red team: the report, its page, and a table of the attacks, a line
 * each, for whoever has only a moment.
 */
#include "redteaming.h"

enum { JSON_MAX = 4 << 20, HTML_MAX = 16 << 20 };
#define LOSS_MOST 0.05 /* of accuracy: what has lost more is worth nothing to a thief */

/* ---- What stands for a row --------------------------------------------------------------- */

static bool
wins_any(
    const struct redteaming *w, const struct redteam_row *row, const struct redteam_point *p)
{
	for (size_t t = 0; t < TEST_COUNT; t++)
		if (redteam_wins(row, p, &w->report.base, (enum evidence_test_id)t))
			return true;
	return false;
}

/* How much a point says: a win over everything, over a test, or what is still worth something. */
static int
weight_of(
    const struct redteaming *w, const struct redteam_row *row, const struct redteam_point *p)
{
	if (redteam_wins_all(row, p, &w->report.base))
		return 3;
	if (wins_any(w, row, p))
		return 2;
	return p->accuracy >= w->report.base.accuracy - LOSS_MOST ? 1 : 0;
}

/*
 * The point that is shown of a row: the mildest that wins; of a row that does not win, the
 * strongest that leaves a useful model.
 */
static const struct redteam_point *
telling(const struct redteaming *w, const struct redteam_result *r)
{
	const struct redteam_point *best = NULL;
	int most = -1;

	for (size_t i = 0; i < r->points; i++) {
		int is = weight_of(w, r->row, &r->point[i]);

		if (is > most || (is == most && is < 2)) {
			most = is;
			best = &r->point[i];
		}
	}
	return best;
}

static bool
won(const struct redteaming *w, const struct redteam_result *r)
{
	for (size_t i = 0; i < r->points; i++)
		if (redteam_wins_all(r->row, &r->point[i], &w->report.base))
			return true;
	return false;
}

/* ---- The table --------------------------------------------------------------------------- */

static void
tests_put(struct js *j, const struct redteaming *w, const struct redteam_result *r)
{
	js_open(j, "wins", '[');
	for (size_t t = 0; t < TEST_COUNT; t++) {
		bool any = false;

		for (size_t i = 0; i < r->points; i++)
			any = any ||
			    redteam_wins(r->row, &r->point[i], &w->report.base,
				(enum evidence_test_id)t);
		if (any)
			js_text(j, NULL, str_of(evidence_rows[t].id));
	}
	js_close(j, ']');
}

static void
point_put(struct js *j, const struct redteam_point *p)
{
	js_text(j, "what", str_of(p->what));
	js_real(j, "accuracy", p->accuracy);
	js_text(j, "verdict", str_of(verdict_names[p->verdict]));
	js_bool(j, "named", p->named);
	js_number(j, "innocents", p->innocents);
}

static void
row_put(struct js *j, const struct redteaming *w, const struct redteam_result *r)
{
	const struct redteam_point *p = telling(w, r);
	const char *why = r->why;

	if (why == NULL && p != NULL && p->why[0] != '\0')
		why = p->why;
	js_open(j, NULL, '{');
	js_text(j, "id", str_of(r->row->id));
	js_text(j, "title", str_of(r->row->title));
	js_number(j, "points", (int64_t)r->points);
	if (p != NULL)
		point_put(j, p);
	tests_put(j, w, r);
	js_bool(j, "won", won(w, r));
	if (why != NULL)
		js_text(j, "why", str_of(why));
	else
		js_null(j, "why");
	js_close(j, '}');
}

static void
sums_put(struct js *j, const struct redteaming *w)
{
	int64_t attacks = 0, innocents = w->report.base.innocents;

	js_open(j, "wins", '[');
	for (size_t i = 0; i < w->report.results; i++) {
		const struct redteam_result *r = &w->report.result[i];

		attacks += r->points > 0;
		for (size_t k = 0; k < r->points; k++)
			innocents += r->point[k].innocents;
		if (won(w, r))
			js_text(j, NULL, str_of(r->row->id));
	}
	js_close(j, ']');
	js_number(j, "attacks", attacks);
	js_number(j, "false_accusations", innocents);
}

/* ---- What leaves ------------------------------------------------------------------------- */

MUST static bool
output(struct ctx *c, struct redteaming *w, size_t i, struct str bytes)
{
	owned(job_output_free) struct job_sink *sink = NULL;

	return job_output_open(c, w->run, i, &sink) && job_output_write(c, sink, bytes) &&
	    job_output_end(c, sink);
}

MUST static bool
reports_put(struct ctx *c, struct redteaming *w)
{
	struct buf json, html;

	return take_buf(c, JSON_MAX, &json) && redteam_json(c, &w->report, &json) &&
	    buf_ok(c, &json) && output(c, w, OUT_REPORT, buf_str(&json)) &&
	    take_buf(c, HTML_MAX, &html) && redteam_html(c, &w->report, &html) &&
	    buf_ok(c, &html) && output(c, w, OUT_PAGE, buf_str(&html));
}

bool
redteaming_result(struct ctx *c, struct redteaming *w, struct str *ret_json)
{
	const struct job_made *report = &w->run->made[OUT_REPORT];
	char text[2 * sizeof report->sha256];
	struct buf out, hex = BUF(text);
	struct js j = { .out = &out };

	if (!reports_put(c, w) || !take_buf(c, JOB_RESULT_MAX, &out))
		return false;
	hex_put(&hex, report->sha256, sizeof report->sha256);
	js_open(&j, NULL, '{');
	js_text(&j, "profile", str_of(redteam_profile_names[w->report.profile]));
	js_open(&j, "rows", '[');
	for (size_t i = 0; i < w->report.results; i++)
		row_put(&j, w, &w->report.result[i]);
	js_close(&j, ']');
	sums_put(&j, w);
	js_real(&j, "accuracy", w->report.base.accuracy);
	js_text(&j, "verdict", str_of(verdict_names[w->report.base.verdict]));
	js_real(&j, "seconds", w->report.seconds);
	js_text(&j, "report", buf_str(&hex));
	js_close(&j, '}');
	*ret_json = buf_str(&out);
	return buf_ok(c, &out);
}
