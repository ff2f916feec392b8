/*
 * The report as a page: that it says what it was given, that it is well-formed and refers to
 * nothing outside itself, that foreign names cannot become markup, that nothing which is no number
 * is written, and that it stays small whatever it is given.
 */
#include <math.h>
#include <stdio.h>

#include "report_support.h"

/* ---- Well-formed ------------------------------------------------------------------------- */

enum { DEEPEST = 40 };

/* The name at p, and what follows it. */
static struct str
tag_name(const char *p)
{
	size_t n = strcspn(p, " />\n");

	return (struct str){ p, n };
}

/* Every quote of an attribute closes in its tag, and no markup lies in it. */
static void
check_attributes(const char *from, const char *to)
{
	size_t quotes = 0;

	for (const char *p = from; p < to; p++)
		quotes += *p == '"';
	ck_assert_msg(quotes % 2 == 0, "%.60s", from);
}

/* Every element closes in its order: the page is XML but for its first line. */
static void
check_tree(const char *html)
{
	struct str open[DEEPEST];
	size_t depth = 0;
	const char *p = strchr(html, '\n');

	while ((p = strchr(p, '<')) != NULL) {
		const char *end = strchr(p, '>');

		ck_assert(end != NULL);
		check_attributes(p, end);
		if (p[1] == '/') {
			ck_assert_uint_gt(depth, 0);
			ck_assert_msg(str_same(tag_name(p + 2), open[depth - 1]), "%.40s", p);
			depth--;
		} else if (end[-1] != '/') {
			ck_assert_uint_lt(depth, DEEPEST);
			open[depth++] = tag_name(p + 1);
		}
		p = end;
	}
	ck_assert_uint_eq(depth, 0);
}

static size_t
count_of(const char *text, const char *what)
{
	size_t n = 0;

	for (; (text = strstr(text, what)) != NULL; text++)
		n++;
	return n;
}

static void
check_page(const char *html)
{
	static const char *const never[] = { "http:", "https:", "//", "<script", "url(",
		"@import", "src=", "href=", "<link", "<iframe", "onload", "nan", "NaN", ">inf",
		"\"inf", "-inf" };

	check_tree(html);
	for (size_t i = 0; i < COUNT(never); i++) {
		const char *at = strstr(html, never[i]);

		ck_assert_msg(at == NULL, "%s: %.60s", never[i], at);
	}
}

static const unsigned locks[] = { LOCK_ADVPARAMS, LOCK_SEALED, LOCK_ADVPARAMS | LOCK_SEALED };

START_TEST(pages_are_well_formed)
{
	struct ctx *c = test_ctx();
	struct given g;
	const char *html;

	give(&g);
	g.report.locks = locks[_i];
	if (_i > 0) {
		g.report.sealed = &g.sealed;
		g.report.exact = false;
	}
	html = written(c, protect_report_html, &g.report);
	check_page(html);
	ck_assert_uint_eq(count_of(html, "<svg "), 2);
	ck_assert_uint_eq(count_of(html, "<h1>"), 1);
	ck_assert_uint_eq(count_of(html, "<section>\n<h2>"), 8);
	ck_assert_uint_lt(strlen(html), 64 << 10);
}
END_TEST

/* ---- What it says ------------------------------------------------------------------------ */

static const char *const said[] = {
	"<bdi>fashion-lenet</bdi>",
	"2026-02-01",
	"rel_0190b7a0-0000-7000-8000-000000000001",
	"Before it was locked, the model answered 91.7\u00a0% of 10,000 samples rightly.",
	"answers 10.4\u00a0% rightly, no better than a guess among 10 classes.",
	"with 1, 5 and 10\u00a0% of the data gets 86.8, 89.7 and 90.2\u00a0%;",
	"training from scratch on the same data, he gets 77.3, 84.1 and 86.6\u00a0%.",
	"Opened with its key, it answers 91.7\u00a0% rightly: it is the original again",
	"The file still helps a thief who has data: up to 9.5 points better than without it.",
	"14 of 61,706 (0.023\u00a0%)",
	"316 bytes",
	"4\u00a0ms",
	"224, 2<sup>72</sup> choices",
	"random positions",
	"2,355 → 2,390",
	"of 200 customers who had no part in it: 2.6.",
	"118.9",
	"mean of 8",
	"Not measured: no samples.",
	"abababababab",
	"<dt>Further training</dt>",
};

START_TEST(pages_say_what_was_given)
{
	struct ctx *c = test_ctx();
	struct given g;
	const char *html;

	give(&g);
	html = written(c, protect_report_html, &g.report);
	ck_assert_msg(strstr(html, said[_i]) != NULL, "%s", said[_i]);
}
END_TEST

/* What the words turn on. */
START_TEST(sentences_follow_the_numbers)
{
	struct ctx *c = test_ctx();
	struct given g;
	const char *html;

	give(&g);
	for (int i = 0; i < 3; i++)
		g.tuned[i].against = g.tuned[i].accuracy - 0.019;
	html = written(c, protect_report_html, &g.report);
	ck_assert(
	    strstr(html, "<p class=\"verdict good\">The file is no help to a thief.") != NULL);
	g.tuned[1].against -= 0.002;
	html = written(c, protect_report_html, &g.report);
	ck_assert(strstr(html, "<p class=\"verdict warn\">") != NULL);
	g.report.attacks = 0;
	g.report.locked = 0.4;
	g.report.locks = LOCK_SEALED;
	g.report.exact = false;
	html = written(c, protect_report_html, &g.report);
	ck_assert(strstr(html, "What a thief would get back was not measured.") != NULL);
	ck_assert(strstr(html, "a guess among 10 classes would give 10.0\u00a0%.") != NULL);
	ck_assert(strstr(html, "each customer’s copy is the original with a mark") != NULL);
	ck_assert(strstr(html, "<dt>Further training</dt>") == NULL);
	ck_assert(strstr(html, "<dt>Large coalitions</dt>") != NULL);
	ck_assert(strstr(html, "What a thief gets back</h2>") == NULL);
	check_page(html);
	/* Masks have no classes to guess among. */
	g.report.blind = .165;
	html = written(c, protect_report_html, &g.report);
	ck_assert(strstr(html, "what the model marked had an F1 of 91.7\u00a0%") != NULL);
	ck_assert(
	    strstr(html, "an F1 of 40.0\u00a0%; marking everything has 16.5\u00a0%.") != NULL);
	ck_assert(strstr(html, "its F1 is 91.7\u00a0%: each") != NULL);
	ck_assert(strstr(html, "a guess among") == NULL);
	g.report.blind = 0;
	/* Without samples no accuracy is spoken of. */
	g.report.validation = 0;
	html = written(c, protect_report_html, &g.report);
	ck_assert(strstr(html, "No labelled samples came with the model") != NULL);
	ck_assert(strstr(html, "has unrelated values in place of its weights.") != NULL);
	ck_assert(strstr(html, "right answers before") == NULL);
	ck_assert(strstr(html, "40.0\u00a0%") == NULL);
}
END_TEST

/* Points lie where their numbers are: the axis goes from 0 to 100 %. */
START_TEST(curves_go_through_their_points)
{
	struct ctx *c = test_ctx();
	struct given g;
	struct buf b;
	double low, high, y, was = -1;
	const char *p;

	give(&g);
	ck_ok(c, take_buf(c, 1 << 16, &b));
	g.tuned[0].accuracy = 0;
	g.tuned[2].accuracy = 1;
	svg_curves(&b, &g.report, &g.attack[0]);
	buf_char(&b, '\0');
	p = strstr(b.p, "<polyline class=\"line a\" points=\"");
	ck_assert(p != NULL);
	ck_assert_int_eq(sscanf(p + 33, "%*f,%lf %*f,%lf %*f,%lf", &low, &y, &high), 3);
	ck_assert(fabs(y - (low + (high - low) * 0.897)) < 0.11);
	/* Labels keep their distance and their order. */
	for (p = b.p; (p = strstr(p, "<text class=\"label")) != NULL; p++) {
		ck_assert_int_eq(sscanf(strstr(p, " y=\"") + 4, "%lf", &y), 1);
		ck_assert(was < 0 || y >= was + 14.9);
		was = y;
	}
	ck_assert(was > 200 && was < 300);
	/* Where all are at the top, none is pushed out of the drawing. */
	b.n = 0;
	g.report.before = g.report.locked = g.tuned[2].against = 1;
	svg_curves(&b, &g.report, &g.attack[0]);
	buf_char(&b, '\0');
	ck_assert_int_eq(
	    sscanf(strstr(strstr(b.p, "<text class=\"label"), " y=\"") + 4, "%lf", &y), 1);
	ck_assert(y > 10);
}
END_TEST

/* ---- Hostile ----------------------------------------------------------------------------- */

/* A literal that may hold any byte. */
#define TEXT(lit) lit, sizeof(lit) - 1

static const struct {
	struct str name;
	const char *html;
} names[] = {
	{ { TEXT("<script>alert(1)</script>") }, "<bdi>&lt;script&gt;alert(1)&lt;" },
	{ { TEXT("\" onload=\"x") }, "<bdi>&quot; onload=&quot;x</bdi>" },
	{ { TEXT("a&b'c") }, "<bdi>a&amp;b&#39;c</bdi>" },
	{ { TEXT("\xff\xfe<b>") }, "<bdi>??&lt;b&gt;</bdi>" },
	{ { TEXT("a\0b\nc") }, "<bdi>a?b?c</bdi>" },
	{ { TEXT("") }, "<bdi>(no name)</bdi>" },
	{ { TEXT(
	      "0123456789012345678901234567890123456789012345678901234567890123456789012345678é") },
	    "012345678…</bdi>" },
	{ { TEXT("]]></style><svg onload=x>") },
	    "<bdi>]]&gt;&lt;/style&gt;&lt;svg onload=x&gt;</bdi>" },
	{ { TEXT("Füchse und 狐") }, "<bdi>Füchse und 狐</bdi>" },
};

START_TEST(names_cannot_be_markup)
{
	struct ctx *c = test_ctx();
	struct given g;
	const char *html;
	struct json_part *part;
	size_t n;

	give(&g);
	g.report.model_name = names[_i].name;
	g.layer[0].name = names[_i].name;
	html = written(c, protect_report_html, &g.report);
	ck_assert_msg(strstr(html, names[_i].html) != NULL, "%s", names[_i].html);
	check_tree(html);
	ck_assert(strstr(html, "<script") == NULL);
	ck_assert_uint_eq(count_of(html, "<svg "), 2);
	ck_ok(c, json_split(c, str_of(written(c, protect_report_json, &g.report)), &part, &n));
}
END_TEST

/* Every number is none. */
static const double bad[] = { NAN, INFINITY, -INFINITY, 1e300, -1e300 };

START_TEST(what_is_no_number_is_not_written)
{
	struct ctx *c = test_ctx();
	struct given g;
	double v = bad[_i];
	const char *text;

	give(&g);
	for (int i = 0; i < 3; i++)
		g.tuned[i].x = g.tuned[i].accuracy = g.tuned[i].against = v;
	g.pruned[0].accuracy = g.pruned[0].recall = g.merged[0].z = v;
	g.report.before = g.report.locked = g.report.unlocked_accuracy = v;
	g.report.seconds = g.report.unlock_seconds = g.report.innocents_z = v;
	g.layer[0].low = g.layer[0].ks_p = v;
	g.layer[0].high = -v;
	g.customer[0].accuracy = g.customer[0].z = g.baseline[0].after = v;
	g.advparams.largest = g.advparams.log2_choice = g.advparams.after = v;
	g.sealed.terms.kappa = v;
	g.report.sealed = &g.sealed;
	g.report.parameters = 0;
	check_page(written(c, protect_report_html, &g.report));
	text = written(c, protect_report_json, &g.report);
	ck_assert(strstr(text, "nan") == NULL && strstr(text, ":inf") == NULL);
}
END_TEST

START_TEST(crowds_are_counted)
{
	enum { MANY = 5000 };
	struct ctx *c = test_ctx();
	struct protect_customer *customer = calloc(MANY, sizeof *customer);
	struct protect_layer *layer = calloc(MANY, sizeof *layer);
	struct attack_point *p = calloc(MANY, sizeof *p);
	struct attack_result *attack = calloc(MANY, sizeof *attack);
	struct given g;
	const char *html;

	give(&g);
	for (int i = 0; i < MANY; i++) {
		layer[i] = g.layer[0];
		attack[i] = g.attack[1];
		attack[i].point = p;
		attack[i].points = MANY;
		p[i] = g.tuned[0];
	}
	g.report.customer = customer;
	g.report.layer = layer;
	g.report.attack = attack;
	g.report.customers = g.report.layers = g.report.attacks = MANY;
	html = written(c, protect_report_html, &g.report);
	check_page(html);
	ck_assert(strstr(html, "And 4,936 more customers.") != NULL);
	ck_assert(strstr(html, "And 4,968 more layers.") != NULL);
	ck_assert(strstr(html, "And 4,984 more attacks.") != NULL);
	(void)written(c, protect_report_json, &g.report);
	free(customer);
	free(layer);
	free(p);
	free(attack);
}
END_TEST

MAIN("protect_report", EACH(pages_are_well_formed, locks), EACH(pages_say_what_was_given, said),
    ONE(sentences_follow_the_numbers), ONE(curves_go_through_their_points),
    EACH(names_cannot_be_markup, names), EACH(what_is_no_number_is_not_written, bad),
    ONE(crowds_are_counted))
