/*
 * The tests on the page: a table of what each counted and what follows, the adjusted p-values as a
 * drawing beside the two thresholds, and the numbers by which other work is compared.
 */
#include <math.h>

#include "pages.h"

#define ALPHA .05

/* ---- The table --------------------------------------------------------------------------- */

static void
put_counted(struct buf *b, const struct evidence_row *r, const struct evidence_test *t)
{
	put_count(b, (uint64_t)(r->law == LAW_BOUND ? t->trials : t->hits));
	switch (r->law) {
	case LAW_PAIRS:
		buf_put(b, STR(" pairs speak for it, "));
		put_count(b, (uint64_t)t->misses);
		buf_put(b, STR(" against it, of "));
		put_count(b, (uint64_t)t->trials);
		break;
	case LAW_BINOMIAL:
		buf_put(b, STR(" labels of "));
		put_count(b, (uint64_t)t->trials);
		buf_put(b, STR(" were found; by chance, one of "));
		put_count(b, (uint64_t)t->labels);
		break;
	case LAW_SEQUENCE:
		buf_put(b, STR(" of "));
		put_count(b, (uint64_t)t->trials);
		buf_put(b, STR(" in turn, each by chance with one in "));
		put_count(b, (uint64_t)t->labels);
		break;
	case LAW_BOUND:
		buf_put(
		    b, STR(" customers; the chance of the best score, for one of them, is "));
		put_power(b, t->bound_log10);
		break;
	case LAW_RANK:
		buf_put(b, STR(" of "));
		put_count(b, (uint64_t)t->trials);
		buf_put(b, STR(" others are as high"));
		break;
	case LAW_COUNT:
		break;
	}
	if (isfinite(t->score)) {
		buf_put(b, STR("; score "));
		put_real(b, t->score, 3);
	}
	buf_put(b, STR(". "));
}

/* Of what the rate is one. */
static int64_t
rated(const struct evidence_row *r, const struct evidence_test *t)
{
	if (r->law == LAW_PAIRS)
		return t->hits + t->misses;
	return r->law == LAW_BINOMIAL ? t->trials : 0;
}

static void
put_rate(struct buf *b, const struct evidence_row *r, const struct evidence_test *t)
{
	int64_t n = rated(r, t);
	struct interval i;

	if (n <= 0 || n > EVIDENCE_ASKED_MAX || t->hits > n || t->hits < 0) {
		buf_put(b, STR("–"));
		return;
	}
	i = share_interval(n, t->hits, ALPHA);
	put_percent(b, (double)t->hits / (double)n);
	buf_put(b, STR("<br/>"));
	put_real(b, i.low * 100, 1);
	buf_put(b, STR("–"));
	put_percent(b, i.high);
}

/* The least p that the test could have given. */
static void
put_floor(struct buf *b, const struct evidence_row *r, const struct evidence_test *t)
{
	if (r->law == LAW_RANK && t->trials >= 0)
		put_power(b, -log10((double)(t->trials + 1)));
	else if (r->law == LAW_PAIRS && t->trials > 0)
		put_power(b, -(double)t->trials * log10(2));
	else
		buf_put(b, STR("none"));
}

static void
cell_power(struct buf *b, double log10)
{
	cell_begin(b);
	put_power(b, log10);
	cell_end(b);
}

static void
put_figures(struct buf *b, const struct evidence_row *r, const struct evidence_test *t)
{
	cell_begin(b);
	put_rate(b, r, t);
	cell_end(b);
	cell_power(b, t->log10_p);
	cell_begin(b);
	buf_put(b, r->grinds ? STR("2⁶⁴") : STR("1"));
	cell_end(b);
	cell_power(b, t->adjusted);
	cell_begin(b);
	put_floor(b, r, t);
	cell_end(b);
}

/* Its figures; below them what was counted, and which statement that may refute. */
static void
put_test(struct buf *b, const struct evidence_row *r, const struct evidence_test *t)
{
	buf_put(b, STR("<tr class=\"open\"><td class=\"own\">"));
	html_text(b, str_of(r->title));
	cell_end(b);
	if (t->ran)
		put_figures(b, r, t);
	else
		buf_put(b, STR("<td colspan=\"5\">Not run; it counts as p = 1.</td>"));
	buf_put(b, STR("</tr>\n<tr><td colspan=\"6\" class=\"note\">"));
	if (t->ran)
		put_counted(b, r, t);
	else {
		html_text(b, str_of(t->why));
		buf_char(b, ' ');
	}
	buf_put(b, STR("It may refute: "));
	html_text(b, str_of(r->null));
	if (r->supports)
		buf_put(b, STR(". It can support a verdict, not carry one"));
	buf_put(b, STR(".</td></tr>\n"));
}

/* ---- The drawing ------------------------------------------------------------------------- */

enum {
	ROW_HEIGHT = 30,
	BAR_HEIGHT = 12,
	BARS_LEFT = 142,
	BARS_TOP = 48,
	BARS_WIDTH = 250,
	VALUE_WIDTH = 48
};
/* Digits of p: shown at least, and at most. */
enum { DIGITS_LEAST = 8, DIGITS_MOST = 24 };
enum { INDICATIVE_DIGITS = 3, PROVEN_DIGITS = 6 };

static double
bar_x(double digits, double most)
{
	return BARS_LEFT + fmin(digits, most) / most * BARS_WIDTH;
}

static void
put_bar(struct buf *b, const struct evidence_row *r, const struct evidence_test *t, double y,
    double most)
{
	double end = bar_x(-t->adjusted, most);

	svg_text(b, "title", "end", BARS_LEFT - 8, y + 10, r->title);
	buf_printf(b, "<rect class=\"bar %s\" height=\"%d\" rx=\"1\"",
	    r->supports ? "plain" : "a", BAR_HEIGHT);
	svg_at(b, "x", BARS_LEFT);
	svg_at(b, "y", y);
	svg_at(b, "width", fmax(1, end - BARS_LEFT));
	buf_put(b, STR("/>"));
	/* Beside the lines, not across them. */
	if (-t->adjusted < PROVEN_DIGITS && end + VALUE_WIDTH > bar_x(INDICATIVE_DIGITS, most))
		end = bar_x(PROVEN_DIGITS, most);
	svg_text_begin(b, "tick", "start", end + 6, y + 10);
	if (t->ran)
		put_power(b, t->adjusted);
	else
		buf_put(b, STR("not run"));
	svg_text_end(b);
}

static void
put_level(struct buf *b, const char *text, double digits, double most, double top, double foot)
{
	double x = bar_x(digits, most);

	svg_line(b, "level", x, top, x, foot);
	svg_text(b, "tick", "start", x + 4, top + 8, text);
}

static void
put_chart(struct buf *b, const struct evidence *e)
{
	double most = DIGITS_LEAST, y = BARS_TOP;

	for (size_t i = 0; i < TEST_COUNT; i++)
		most = fmax(most, -e->test[i].adjusted);
	most = fmin(most, DIGITS_MOST);
	buf_put(b, STR("<figure>"));
	svg_begin(b, "Adjusted p-values of the tests and the two thresholds");
	for (size_t i = 0; i < TEST_COUNT; i++) {
		if (!e->test[i].planned)
			continue;
		put_bar(b, &evidence_rows[i], &e->test[i], y, most);
		y += ROW_HEIGHT;
	}
	put_level(b, "indicative from 10⁻³ on", INDICATIVE_DIGITS, most, 2, y - 8);
	put_level(b, "proven from 10⁻⁶ on", PROVEN_DIGITS, most, 18, y - 8);
	svg_end(b);
	buf_put(b,
	    STR("<figcaption>Adjusted p, on a logarithmic scale: the longer, the clearer; "
		"what only supports a verdict is grey.</figcaption></figure>\n"));
}

void
page_tests(struct buf *b, const struct evidence *e)
{
	static const char *const head[] = { "Test", "Rate, 95\u00a0%", "p", "Allowance",
		"Adjusted", "Floor" };
	size_t planned = 0;

	page_section(b, "The tests",
	    "Which tests there would be was fixed before the suspect was looked at. p is the "
	    "chance of so clear a result if the statement that is to be refuted were true; no normal "
	    "approximation is in it. The allowance is for what could have been sought until it "
	    "fits; “adjusted” has it in it, and that several tests were made (Holm). The floor "
	    "is the least p that the test could have given.");
	for (size_t i = 0; i < TEST_COUNT; i++)
		planned += e->test[i].planned;
	if (planned == 0) {
		put_note(b, "No test was planned.");
		page_section_end(b);
		return;
	}
	table_begin(b, head, COUNT(head));
	for (size_t i = 0; i < TEST_COUNT; i++)
		if (e->test[i].planned)
			put_test(b, &evidence_rows[i], &e->test[i]);
	table_end(b);
	put_chart(b, e);
	page_section_end(b);
}

/* ---- Beside other work ------------------------------------------------------------------- */

static void
put_compared(struct buf *b, const char *title, int64_t n, int64_t hits, int64_t labels)
{
	int64_t least = binomial_hits(n, 1 / (double)labels, log10(ALPHA));
	double threshold = (double)least / (double)n, share = (double)hits / (double)n;

	buf_put(b, STR("<tr>"));
	cell_text(b, title);
	cell_begin(b);
	if (least <= n)
		put_count(b, (uint64_t)least);
	else
		buf_put(b, STR("none"));
	buf_put(b, STR(" of "));
	put_count(b, (uint64_t)n);
	cell_end(b);
	cell_percent(b, share);
	cell_real(b, threshold < 1 ? retention_rescaled(share, threshold) : NAN, 3);
	buf_put(b, STR("</tr>\n"));
}

void
page_compare(struct buf *b, const struct evidence *e)
{
	static const char *const head[] = { "Test", "Least hits with a tail of 5\u00a0%",
		"Found", "Retention, rescaled" };
	size_t shown = 0;

	for (size_t i = 0; i < TEST_COUNT; i++) {
		const struct evidence_row *r = &evidence_rows[i];
		const struct evidence_test *t = &e->test[i];
		int64_t n = rated(r, t), labels = r->law == LAW_PAIRS ? 2 : t->labels;

		if (!t->ran || n <= 0 || n > EVIDENCE_ASKED_MAX || labels < 2 || t->hits > n)
			continue;
		if (shown++ == 0) {
			page_section(b, "Beside other work",
			    "No verdict rests on these. Other work on watermarks calls one "
			    "found at a tail of 5 %, and gives what is left of it on a scale "
			    "where one half is that threshold.");
			table_begin(b, head, COUNT(head));
		}
		put_compared(b, r->title, n, t->hits, labels);
	}
	if (shown == 0)
		return;
	table_end(b);
	page_section_end(b);
}
