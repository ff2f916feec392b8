/*
 * A run as JSON, for programs: every point, which of them win against which test, what each test
 * stands against and falls to, and what survives by family.
 */
#include <math.h>

#include "report_parts.h"

static void
put_wins(struct js *j, const struct redteam_report *r, const struct redteam_row *row,
    const struct redteam_point *p)
{
	js_open(j, "wins", '[');
	for (size_t i = 0; i < TEST_COUNT; i++)
		if (redteam_wins(row, p, &r->base, (enum evidence_test_id)i))
			js_text(j, NULL, str_of(evidence_rows[i].id));
	js_close(j, ']');
	js_bool(j, "wins_all", redteam_wins_all(row, p, &r->base));
}

static void
put_row(struct js *j, const struct redteam_report *r, const struct redteam_result *of)
{
	js_open(j, NULL, '{');
	js_text(j, "id", str_of(of->row->id));
	js_text(j, "title", str_of(of->row->title));
	js_text(j, "does", str_of(of->row->does));
	js_text(j, "axis", str_of(of->row->axis));
	if (of->why != NULL)
		js_text(j, "left_out", str_of(of->why));
	js_open(j, "points", '[');
	for (size_t i = 0; i < of->points; i++) {
		js_open(j, NULL, '{');
		redteam_point_members(j, &of->point[i]);
		put_wins(j, r, of->row, &of->point[i]);
		js_close(j, '}');
	}
	js_close(j, ']');
	js_close(j, '}');
}

static void
put_stand(struct js *j, const char *id, const char *title, const struct redteam_stand *s,
    enum verdict untouched)
{
	js_open(j, NULL, '{');
	js_text(j, "id", str_of(id));
	js_text(j, "title", str_of(title));
	js_text(j, "untouched", str_of(verdict_names[untouched]));
	js_number(j, "points", (int64_t)s->of);
	js_number(j, "wins", (int64_t)s->wins);
	if (s->row == NULL) {
		js_null(j, "cheapest");
	} else {
		js_open(j, "cheapest", '{');
		js_text(j, "row", str_of(s->row->id));
		js_text(j, "what", str_of(s->point->what));
		js_real(j, "accuracy", s->point->accuracy < 0 ? NAN : s->point->accuracy);
		js_real(j, "seconds", s->point->seconds);
		js_close(j, '}');
	}
	js_close(j, '}');
}

static void
put_tests(struct js *j, const struct redteam_report *r, const struct redteam_summary *s)
{
	js_open(j, "tests", '[');
	for (size_t i = 0; i < TEST_COUNT; i++)
		if (s->test[i].planned)
			put_stand(j, evidence_rows[i].id, evidence_rows[i].title, &s->test[i],
			    r->base.alone[i]);
	put_stand(j, "all", "All tests together", &s->all, r->base.verdict);
	js_close(j, ']');
}

static void
put_survival(struct js *j, const struct redteam_summary *s)
{
	js_open(j, "survival", '[');
	for (size_t i = 0; i < REDTEAM_FAMILIES; i++) {
		const struct redteam_family *f = &s->family[i];

		if (f->points == 0)
			continue;
		js_open(j, NULL, '{');
		js_text(j, "family", (struct str){ &f->letter, 1 });
		js_text(j, "name", str_of(f->name));
		js_number(j, "points", (int64_t)f->points);
		js_number(j, "worth_having", (int64_t)f->worth);
		js_number(j, "proven", (int64_t)f->proven);
		js_number(j, "named", (int64_t)f->named);
		js_real(j, "seconds", f->seconds);
		js_close(j, '}');
	}
	js_close(j, ']');
}

bool
redteam_json(struct ctx *c, const struct redteam_report *r, struct buf *out)
{
	const struct redteam_summary s = redteam_summary_of(r);
	struct js j = { .out = out };

	js_open(&j, NULL, '{');
	js_text(&j, "kind", STR("hallmark-redteam-report"));
	js_number(&j, "version", 1);
	js_text(&j, "release", str_of(r->release.s));
	js_text(&j, "profile", str_of(redteam_profile_names[r->profile]));
	js_number(&j, "seed", (int64_t)r->seed);
	js_bool(&j, "passed", s.innocents == 0 && s.false_claims == 0);
	js_number(&j, "false_accusations", s.innocents);
	js_number(&j, "false_claims", (int64_t)s.false_claims);
	js_number(&j, "points", (int64_t)s.points);
	js_number(&j, "failed_attacks", (int64_t)s.failed);
	js_number(&j, "named", (int64_t)s.named);
	put_tests(&j, r, &s);
	put_survival(&j, &s);
	js_open(&j, "untouched", '{');
	redteam_point_members(&j, &r->base);
	js_close(&j, '}');
	js_open(&j, "rows", '[');
	for (size_t i = 0; i < r->results; i++)
		put_row(&j, r, &r->result[i]);
	js_close(&j, ']');
	js_real(&j, "seconds", r->seconds);
	js_close(&j, '}');
	return buf_ok(c, out);
}
