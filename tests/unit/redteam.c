/*
 * The red team's library: a release is attacked, what is left of it is measured as a verification
 * does, and the report says who wins. Whether each attack works is redteam_victims.c.
 */
#include <math.h>

#include "parts.h"
#include "redteam_house.h"

static struct ctx *
begin(struct team *t, struct redteam **ret)
{
	struct ctx *c = house_ctx();

	team_new(c, t);
	ck_ok(c, redteam_new(c, &t->the, ret));
	return c;
}

static void
end(struct team *t, struct redteam **r)
{
	redteam_free(r);
	team_done(t);
}

static const struct redteam_row *
row_of(const char *id)
{
	const struct redteam_row *row = redteam_row_by_id(str_of(id));

	ck_assert_msg(row != NULL, "no row %s", id);
	return row;
}

/* ---- The table --------------------------------------------------------------------------- */

START_TEST(rows_are_complete)
{
	for (size_t i = 0; i < redteam_row_count; i++) {
		const struct redteam_row *w = &redteam_rows[i];

		ck_assert_ptr_eq(row_of(w->id), w);
		ck_assert_uint_gt(strlen(w->title), 0);
		ck_assert_uint_gt(strlen(w->does), 0);
		ck_assert_ptr_nonnull(w->axis);
		ck_assert(w->run != NULL && w->x != NULL);
		ck_assert_uint_gt(w->points[REDTEAM_FULL], 0);
		for (size_t p = 0; p + 1 < REDTEAM_PROFILES; p++)
			ck_assert_uint_le(w->points[p], w->points[p + 1]);
		ck_assert_msg((w->points[REDTEAM_QUICK] > 0) == (w->least == REDTEAM_QUICK),
		    "%s is of another profile than its points", w->id);
	}
	ck_assert(redteam_row_by_id(STR("W")) == NULL);
}
END_TEST

/* ---- Measuring --------------------------------------------------------------------------- */

START_TEST(an_untouched_copy_names_its_customer)
{
	struct redteam *r = NULL;
	struct redteam_point p;
	struct team t;
	struct ctx *c = begin(&t, &r);

	ck_ok(c, redteam_base(c, r, &p));
	ck_assert_str_eq(p.why, "");
	ck_assert_double_ge(p.accuracy, .8);
	ck_assert_int_eq(p.verdict, VERDICT_PROVEN);
	ck_assert_int_eq(p.alone[TEST_WEIGHTS], VERDICT_PROVEN);
	ck_assert_int_eq(p.alone[TEST_LABELS], VERDICT_CANNOT_DECIDE);
	ck_assert(p.named);
	ck_assert_int_eq(p.innocents, 0);
	ck_assert_double_gt(p.weights_z, 8);
	ck_assert_double_eq(p.keys, -1);
	end(&t, &r);
}
END_TEST

START_TEST(a_model_without_marks_is_nobodys)
{
	struct redteam *r = NULL;
	struct redteam_point p;
	struct team t;
	struct ctx *c = begin(&t, &r);

	t.the.keys = &t.house.keys; /* which it knows nothing of */
	redteam_free(&r);
	ck_ok(c, redteam_new(c, &t.the, &r));
	ck_ok(c, redteam_other(c, r, t.house.model, &p));
	ck_assert_str_eq(p.why, "");
	ck_assert_int_eq(p.verdict, VERDICT_NO_EVIDENCE);
	for (size_t i = 0; i < TEST_COUNT; i++)
		ck_assert_int_ne(p.alone[i], VERDICT_PROVEN);
	ck_assert_int_eq(p.alone[TEST_WEIGHTS], VERDICT_NO_EVIDENCE);
	ck_assert_int_eq(p.alone[TEST_WATERMARK], VERDICT_NO_EVIDENCE);
	ck_assert(!p.named);
	ck_assert_int_eq(p.innocents, 0);
	ck_ok(c, redteam_other(c, r, STR("no model"), &p));
	ck_assert_uint_gt(strlen(p.why), 0);
	ck_assert_int_eq(p.verdict, VERDICT_CANNOT_DECIDE);
	end(&t, &r);
}
END_TEST

START_TEST(pruning_leaves_the_customer_named)
{
	struct redteam *r = NULL;
	struct redteam_point p;
	struct team t;
	struct ctx *c = begin(&t, &r);

	ck_ok(c, redteam_point(c, r, row_of("W1"), 7, NULL, &p));
	ck_assert_double_eq(p.x, .8);
	ck_assert_str_eq(p.why, "");
	ck_assert(p.named);
	ck_assert_int_eq(p.innocents, 0);
	end(&t, &r);
}
END_TEST

/* All but the seconds. */
START_TEST(the_same_seed_gives_the_same_point)
{
	struct redteam *r = NULL;
	struct redteam_point p, q;
	struct team t;
	struct ctx *c = begin(&t, &r);

	ck_ok(c, redteam_point(c, r, row_of("W4"), 1, NULL, &p));
	ck_ok(c, redteam_point(c, r, row_of("W3"), 0, NULL, &q));
	ck_assert_double_ne(p.weights_z, q.weights_z);
	ck_ok(c, redteam_point(c, r, row_of("W4"), 1, NULL, &q));
	ck_assert_double_eq(p.weights_z, q.weights_z);
	ck_assert_double_eq(p.accuracy, q.accuracy);
	ck_assert_double_eq(p.log10_p[TEST_WEIGHTS], q.log10_p[TEST_WEIGHTS]);
	end(&t, &r);
}
END_TEST

START_TEST(colluders_are_named_and_nobody_else)
{
	struct redteam *r = NULL;
	struct redteam_point p;
	struct team t;
	struct ctx *c = begin(&t, &r);

	ck_ok(c, redteam_point(c, r, row_of("C1"), 1, NULL, &p));
	ck_assert_double_eq(p.x, 4);
	ck_assert(p.named);
	ck_assert_int_eq(p.innocents, 0);
	ck_ok(c, redteam_point(c, r, row_of("C5"), 0, NULL, &p));
	ck_assert_double_ge(p.accuracy, .8);
	ck_assert_int_eq(p.alone[TEST_WEIGHTS], VERDICT_CANNOT_DECIDE); /* nobody sees it */
	end(&t, &r);
}
END_TEST

/* ---- What goes wrong --------------------------------------------------------------------- */

static bool
refuse(struct ctx *c, struct redteam *r, double x, struct redteam_suspect *s)
{
	(void)r;
	(void)s;
	return x > 0 ? fail(c, E_INTERNAL, "a mistake of ours")
		     : fail(c, E_CONFLICT, "this model is of another kind");
}

START_TEST(an_attack_that_fails_is_a_sentence)
{
	static const double x[] = { 0, 1 };
	const struct redteam_row row = {
		.id = "X", .title = "refused", .x = x, .points = { 2, 2, 2 }, .run = refuse
	};
	struct redteam_point base, p;
	struct redteam *r = NULL;
	struct team t;
	struct ctx *c = begin(&t, &r);

	ck_ok(c, redteam_base(c, r, &base));
	ck_ok(c, redteam_point(c, r, &row, 0, NULL, &p));
	ck_assert_str_eq(p.why, "this model is of another kind");
	ck_assert(!redteam_wins_all(&row, &p, &base));
	ck_assert(!redteam_wins(&row, &p, &base, TEST_WEIGHTS));
	ck_fails(c, E_INTERNAL, redteam_point(c, r, &row, 1, NULL, &p));
	ck_fails(c, E_INTERNAL, redteam_point(c, r, &row, 2, NULL, &p));
	end(&t, &r);
}
END_TEST

START_TEST(what_cannot_be_done_is_said)
{
	struct ctx *c = house_ctx();
	struct redteam *r = NULL;
	struct team t;

	team_new(c, &t);
	t.the.release.terms = (struct mark_terms){ 0 };
	ck_fails(c, E_CONFLICT, redteam_new(c, &t.the, &r));
	t.the.release.terms = t.house.terms;
	t.the.data = NULL;
	t.the.test = &t.data;
	ck_ok(c, redteam_new(c, &t.the, &r));
	ck_assert_ptr_nonnull(redteam_impossible(r, row_of("W2t")));
	ck_assert_ptr_nonnull(redteam_impossible(r, row_of("W7")));
	ck_assert(redteam_impossible(r, row_of("W1")) == NULL);
	ck_assert(redteam_impossible(r, row_of("C1")) == NULL);
	ck_assert(redteam_impossible(r, row_of("I1")) == NULL);
	end(&t, &r);
}
END_TEST

/* ---- Who wins ---------------------------------------------------------------------------- */

static const struct {
	double accuracy;
	enum verdict alone;
	bool wins;
} outcomes[] = {
	{ .86, VERDICT_NO_EVIDENCE, true },
	{ .86, VERDICT_INDICATIVE, true },
	{ .86, VERDICT_PROVEN, false },
	{ .86, VERDICT_CANNOT_DECIDE, false }, /* no occasion */
	{ .84, VERDICT_NO_EVIDENCE, false },   /* worth nothing any more */
	{ -1, VERDICT_NO_EVIDENCE, false },
};

START_TEST(an_attack_wins_if_the_model_is_still_worth_it)
{
	const struct redteam_row row = { .id = "X" };
	struct redteam_point base = redteam_nothing(0), p = base;

	base.accuracy = .9;
	base.verdict = base.alone[TEST_WEIGHTS] = VERDICT_PROVEN;
	p.accuracy = outcomes[_i].accuracy;
	p.verdict = p.alone[TEST_WEIGHTS] = outcomes[_i].alone;
	ck_assert_int_eq(redteam_wins(&row, &p, &base, TEST_WEIGHTS), outcomes[_i].wins);
	ck_assert_int_eq(redteam_wins_all(&row, &p, &base), outcomes[_i].wins);
	ck_assert(!redteam_wins(&row, &p, &base, TEST_LABELS));
}
END_TEST

/* ---- The report -------------------------------------------------------------------------- */

static struct redteam_point
made_up(double x, double accuracy, enum verdict v)
{
	struct redteam_point p = redteam_nothing(x);

	p.accuracy = accuracy;
	p.keys = 1 / 3.;
	p.weights_z = 12.345678901234;
	p.log10_p[TEST_WEIGHTS] = -33.25;
	p.verdict = p.alone[TEST_WEIGHTS] = v;
	p.named = v == VERDICT_PROVEN;
	p.seconds = .125;
	memcpy(p.what, "\"so\" & <so>", 12);
	return p;
}

START_TEST(a_point_goes_into_a_file_and_comes_back)
{
	struct ctx *c = test_ctx();
	struct redteam_point p = made_up(.1, .5, VERDICT_PROVEN), q;
	char one[4096], two[4096];
	struct buf a = BUF(one), b = BUF(two);

	memcpy(p.why, "why\n?", 4);
	p.innocents = 3;
	ck_ok(c, redteam_point_put(c, &p, &a));
	ck_ok(c, redteam_point_read(c, buf_str(&a), &q));
	ck_ok(c, redteam_point_put(c, &q, &b));
	ck_assert(str_same(buf_str(&a), buf_str(&b)));
	ck_assert_double_eq(q.twins, -1);
	ck_assert_int_eq(q.alone[TEST_WEIGHTS], VERDICT_PROVEN);
	ck_assert_int_eq(q.alone[TEST_LABELS], VERDICT_CANNOT_DECIDE);
	ck_assert_str_eq(q.what, p.what);
	ck_assert_int_eq(q.innocents, 3);
	for (size_t n = 0; n < a.n; n += 7)
		ck_fails(c, E_INPUT, redteam_point_read(c, (struct str){ one, n }, &q));
	ck_fails(c, E_INPUT, redteam_point_read(c, STR("{\"x\":1}"), &q));
}
END_TEST

START_TEST(the_report_says_who_wins)
{
	struct ctx *c = test_ctx();
	struct redteam_point w[] = { made_up(.1, .89, VERDICT_PROVEN),
		made_up(.2, .87, VERDICT_NO_EVIDENCE), made_up(.3, .1, VERDICT_NO_EVIDENCE) };
	struct redteam_point k[] = { made_up(2, .88, VERDICT_NO_EVIDENCE) };
	struct redteam_result result[] = { { .row = row_of("C1"), .point = k, .points = 1 },
		{ .row = row_of("W1"), .point = w, .points = 3 },
		{ .row = row_of("W7"), .why = "there are no keys" } };
	const struct redteam_report report = { .profile = REDTEAM_QUICK,
		.base = made_up(0, .9, VERDICT_PROVEN),
		.result = result,
		.results = 3,
		.seconds = 1 };
	struct json_part *part, *test, *first, found;
	size_t n, tests, members;
	struct buf json, html;

	ck_ok(c, take_buf(c, 1 << 20, &json));
	ck_ok(c, take_buf(c, 1 << 20, &html));
	ck_ok(c, redteam_json(c, &report, &json));
	ck_ok(c, json_split(c, buf_str(&json), &part, &n));
	ck_assert(json_find(part, n, "passed", &found));
	ck_str(found.value, "true");
	ck_assert(json_find(part, n, "tests", &found));
	ck_ok(c, json_split(c, found.value, &test, &tests));
	ck_assert_uint_eq(tests, 2); /* weights, all */
	ck_ok(c, json_split(c, test[0].value, &first, &members));
	ck_assert(json_find(first, members, "wins", &found));
	ck_str(found.value, "2");
	ck_assert(json_find(first, members, "cheapest", &found));
	ck_assert_ptr_nonnull(strstr(take_cstr(c, found.value), "\"W1\"")); /* one copy */
	ck_ok(c, redteam_html(c, &report, &html));
	buf_char(&html, '\0');
	ck_assert_ptr_nonnull(strstr(html.p, "&lt;so&gt;"));
	ck_assert_ptr_null(strstr(html.p, "<so>"));
	ck_assert_ptr_nonnull(strstr(html.p, "there are no keys"));
	ck_assert_ptr_nonnull(strstr(html.p, "nobody innocent is accused"));
	k[0].innocents = 1;
	json.n = 0;
	ck_ok(c, redteam_json(c, &report, &json));
	ck_ok(c, json_split(c, buf_str(&json), &part, &n));
	ck_assert(json_find(part, n, "passed", &found));
	ck_str(found.value, "false");
}
END_TEST

MAIN("redteam", ONE(rows_are_complete), ONE(an_untouched_copy_names_its_customer),
    ONE(a_model_without_marks_is_nobodys), ONE(pruning_leaves_the_customer_named),
    ONE(the_same_seed_gives_the_same_point), ONE(colluders_are_named_and_nobody_else),
    ONE(an_attack_that_fails_is_a_sentence), ONE(what_cannot_be_done_is_said),
    EACH(an_attack_wins_if_the_model_is_still_worth_it, outcomes),
    ONE(a_point_goes_into_a_file_and_comes_back), ONE(the_report_says_who_wins))
