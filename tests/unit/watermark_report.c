/*
 * The report of a watermarking, as JSON and as a page: that both say what was given, that foreign
 * names cannot become markup, that nothing which is no number is written, and that the page brings
 * its pictures along. That it is well-formed is shown on a real one by the flow of watermarks.
 */
#include <math.h>
#include <stdio.h>

#include "test.h"
#include "watermark.h"

enum { SIDE = 8, PAIRS = 3, POINTS = 200 };

/* A report that has everything. */
struct given {
	struct image key[PAIRS];
	uint8_t coin[PAIRS];
	struct keyset keys;
	struct watermark_options options;
	struct watermark_point curve[POINTS];
	struct watermark_result result;
	struct watermark_report report;
};

static void
give_pictures(struct ctx *c, struct given *g)
{
	for (int i = 0; i < PAIRS; i++) {
		ck_ok(c, image_new(c, SIDE, SIDE, 1, &g->key[i]));
		memset(g->key[i].v, 40 * (i + 1), SIDE * SIDE);
		g->report.shown[i] = (struct watermark_shown){ g->key[i], g->key[i], g->key[i],
			51.25, 0.9975 };
	}
	g->keys = (struct keyset){ .pairs = PAIRS,
		.classes = 10,
		.picture = { g->key, g->key },
		.coin = g->coin,
		.commitment = { { 0xab } } };
	g->report.shows = PAIRS;
}

static void
give(struct ctx *c, struct given *g)
{
	*g = (struct given){ .options = watermark_standard() };
	give_pictures(c, g);
	for (int i = 0; i < POINTS; i++)
		g->curve[i] = (struct watermark_point){ i + 1, 1. / (i + 1),
			{ .clean = .9, .keys = 1, .stego = 1, .spares = -1 } };
	g->result = (struct watermark_result){ .scores = { .clean = .915,
						   .keys = 1,
						   .stego = .975,
						   .twins = .0125,
						   .runner_up = .985,
						   .spares = -1,
						   .false_triggers = .0004 },
		.curve = g->curve,
		.points = 5,
		.epochs = 5,
		.before = .9167,
		.seconds = 12.5,
		.missed = "the clean accuracy fell too far" };
	g->report.model_name = STR("marked lenet");
	g->report.made = 1769947200000;
	g->report.keys = &g->keys;
	g->report.options = &g->options;
	g->report.result = &g->result;
	g->report.samples = 10000;
	g->report.hidden = true;
	g->report.psnr = 51.1;
	g->report.ssim = .9974;
	g->report.strangers = .035;
	g->report.lossy[0] = (struct watermark_stress){ "JPEG", 75, 501.5, .9877, .01 };
	g->report.lossies = 1;
	g->report.seen[0] = (struct watermark_stress){ "turned by 15°", 0, 0, .82, .02 };
	g->report.seens = 1;
}

typedef bool writer(struct ctx *, const struct watermark_report *, struct buf *);

static const char *
written(struct ctx *c, writer *write, const struct watermark_report *r)
{
	struct buf b;

	ck_ok(c, take_buf(c, WATERMARK_PAGE_MAX, &b));
	ck_ok(c, write(c, r, &b));
	buf_char(&b, '\0');
	return b.p;
}

static const char *const said[] = {
	"<bdi>marked lenet</bdi>",
	"2026-02-01",
	"3 pairs of pictures of the vendor’s own",
	"Of 10,000 samples the model answered 91.7\u00a0% rightly before,",
	"and answers 91.5\u00a0% rightly now; 0.040\u00a0% of them are",
	"Its additional class is number 10.",
	"3.5\u00a0% of 200 other natural pictures, of another family than the keys.",
	"A bar does not hold: the clean accuracy fell too far.",
	"<p class=\"verdict warn\">",
	"with an identity, 51.2\u00a0dB",
	"On average over all keys: 51.1\u00a0dB, structural similarity 0.9974.",
	"5 epochs in 12\u00a0s.",
	"98.8\u00a0%",
	"turned by 15°",
	"82.0\u00a0%",
	"The network was not taught to hold against this.",
	"<img width=\"8\" height=\"8\" alt=\"A key picture\" src=\"data:image/png;base64,iVBORw0KGgo",
	"abababab",
	"img-src data:",
};

START_TEST(pages_say_what_was_given)
{
	struct ctx *c = test_ctx();
	struct given g;

	give(c, &g);
	memset(g.report.content.b, 0xab, sizeof g.report.content.b);
	ck_assert_msg(strstr(written(c, watermark_report_html, &g.report), said[_i]) != NULL,
	    "%s", said[_i]);
}
END_TEST

START_TEST(pages_follow_the_facts)
{
	struct ctx *c = test_ctx();
	struct given g;
	const char *html;

	give(c, &g);
	g.result.reached = true;
	g.report.drawn = g.options.compression = g.options.physical = true;
	html = written(c, watermark_report_html, &g.report);
	ck_assert_ptr_nonnull(strstr(html, "<p class=\"verdict good\">Every bar holds."));
	ck_assert_ptr_nonnull(strstr(html, "drawn as the keys were"));
	ck_assert_ptr_nonnull(strstr(html, "against compression · against cameras"));
	ck_assert_ptr_null(strstr(html, "was not taught"));
	g.report.hidden = false;
	html = written(c, watermark_report_html, &g.report);
	ck_assert_ptr_nonnull(strstr(html, "too small for an identity"));
	ck_assert_ptr_null(strstr(html, "with an identity, "));
}
END_TEST

static const struct {
	const char *name, *html;
} names[] = {
	{ "<script>alert(1)</script>", "<bdi>&lt;script&gt;alert(1)&lt;/script&gt;</bdi>" },
	{ "\" onload=\"x", "<bdi>&quot; onload=&quot;x</bdi>" },
	{ "a&b'c", "<bdi>a&amp;b&#39;c</bdi>" },
	{ "\xff\xfe<b>", "<bdi>??&lt;b&gt;</bdi>" },
	{ "", "<bdi>(no name)</bdi>" },
};

START_TEST(names_cannot_be_markup)
{
	struct ctx *c = test_ctx();
	struct given g;
	struct json_part *part, name;
	const char *html;
	size_t n;

	give(c, &g);
	g.report.model_name = str_of(names[_i].name);
	html = written(c, watermark_report_html, &g.report);
	ck_assert_msg(strstr(html, names[_i].html) != NULL, "%s", names[_i].html);
	ck_assert_ptr_null(strstr(html, "<script"));
	ck_ok(
	    c, json_split(c, str_of(written(c, watermark_report_json, &g.report)), &part, &n));
	ck_assert(json_find(part, n, "model_name", &name));
	ck_assert(text_valid(name.value));
}
END_TEST

/* Whatever is no number. */
static const double odd[] = { NAN, INFINITY, -INFINITY, -1, 1e300 };

START_TEST(what_is_no_number_is_not_written)
{
	static const char *const never[] = { "nan", "NaN", "inf\"", ">inf", "-inf" };
	struct ctx *c = test_ctx();
	struct given g;
	struct json_part *part;
	const char *html;
	size_t n;

	give(c, &g);
	g.result.before = g.result.seconds = odd[_i];
	g.result.scores = (struct watermark_scores){ odd[_i], odd[_i], odd[_i], odd[_i],
		odd[_i], odd[_i], odd[_i] };
	g.curve[2].scores = g.result.scores;
	g.report.lossy[0].keys = g.report.lossy[0].bytes = g.report.seen[0].twins = odd[_i];
	g.report.psnr = g.report.ssim = g.report.strangers = g.report.seconds = odd[_i];
	g.report.shown[0].psnr = odd[_i];
	html = written(c, watermark_report_html, &g.report);
	for (size_t i = 0; i < COUNT(never); i++)
		ck_assert_msg(strstr(html, never[i]) == NULL, "%s", never[i]);
	ck_ok(
	    c, json_split(c, str_of(written(c, watermark_report_json, &g.report)), &part, &n));
}
END_TEST

START_TEST(json_has_every_fact)
{
	struct ctx *c = test_ctx();
	struct given g;
	struct json_part *part, *of, found;
	size_t n, points;

	give(c, &g);
	g.result.points = g.result.epochs = POINTS;
	ck_ok(
	    c, json_split(c, str_of(written(c, watermark_report_json, &g.report)), &part, &n));
	ck_assert(json_find(part, n, "missed", &found));
	ck_str(found.value, "the clean accuracy fell too far");
	ck_assert(json_find(part, n, "curve", &found));
	ck_ok(c, json_split(c, found.value, &of, &points));
	ck_assert_uint_eq(points, POINTS);
	ck_assert(json_find(part, n, "scores", &found));
	ck_ok(c, json_split(c, found.value, &of, &points));
	ck_assert(json_find(of, points, "spares", &found));
	ck_assert_int_eq(found.kind, KIND_NULL);
	ck_assert(json_find(of, points, "stego", &found));
	ck_assert_double_eq(strtod(found.value.p, NULL), .975);
	ck_assert_ptr_nonnull(strstr(written(c, watermark_report_json, &g.report),
	    "\"compression\":[{\"name\":\"JPEG\",\"level\":75,\"bytes\":501.5,"
	    "\"keys\":0.9877,\"twins\":0.01}]"));
}
END_TEST

MAIN("watermark_report", EACH(pages_say_what_was_given, said), ONE(pages_follow_the_facts),
    EACH(names_cannot_be_markup, names), EACH(what_is_no_number_is_not_written, odd),
    ONE(json_has_every_fact))
