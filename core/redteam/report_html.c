/*
 * A run as a page for people: what each test stands against, what is left by family of attacks, and
 * then every attack, its curve and its points.
 */
#include <math.h>

#include "report.h"
#include "report_parts.h"

static double
measured(double share)
{
	return share < 0 ? NAN : share;
}

static void
put_note(struct buf *b, const char *text)
{
	buf_put(b, STR("<p class=\"note\">"));
	html_text(b, str_of(text));
	buf_put(b, STR("</p>\n"));
}

/* ---- The summary ------------------------------------------------------------------------- */

static void
put_cards(struct buf *b, const struct redteam_report *r, const struct redteam_summary *s)
{
	size_t worth = 0, proven = 0, named = 0;

	for (size_t i = 0; i < REDTEAM_FAMILIES; i++) {
		worth += s->family[i].worth;
		proven += s->family[i].proven;
		named += s->family[i].named;
	}
	buf_put(b, STR("<div class=\"cards\">\n"));
	page_card(b, measured(r->base.accuracy), "right answers of an untouched copy");
	page_card(b, worth > 0 ? (double)proven / (double)worth : NAN,
	    "of all models that are still worth having are proven to be the vendor’s");
	page_card(b, worth > 0 ? (double)named / (double)worth : NAN,
	    "of them name the customer whose copy it was");
	buf_put(b, STR("</div>\n"));
}

static void
put_verdict(struct buf *b, const struct redteam_summary *s)
{
	bool good = s->innocents == 0 && s->false_claims == 0;

	buf_printf(b, "<p class=\"verdict %s\">", good ? "good" : "warn");
	if (good)
		html_printf(b, "In %zu attacked models nobody innocent is accused.", s->points);
	else
		html_printf(b,
		    "%lld accusations of innocent customers, %zu false claims that came "
		    "through: nothing on this page may be relied upon.",
		    (long long)s->innocents, s->false_claims);
	buf_put(b, STR("</p>\n</header>\n"));
}

MUST static bool
put_head(struct ctx *c, struct buf *b, const struct redteam_report *r,
    const struct redteam_summary *s)
{
	const struct page_head head = { "Attacks on", "Red team report", str_of(r->release.s),
		false };

	if (!page_begin(c, b, &head))
		return false;
	buf_put(b, STR("<p class=\"sub\">"));
	html_printf(b, "%zu models by %zu attacks · profile %s · seed %llu · ", s->points,
	    r->results, redteam_profile_names[r->profile], (unsigned long long)r->seed);
	put_seconds(b, r->seconds);
	buf_put(b, STR("</p>\n"));
	put_cards(b, r, s);
	put_verdict(b, s);
	return true;
}

/* ---- What each test stands against ------------------------------------------------------- */

static void
put_stand(struct buf *b, const char *title, const struct redteam_stand *s, enum verdict v)
{
	buf_put(b, STR("<tr>"));
	cell_text(b, title);
	cell_text(b, verdict_names[v]);
	cell_begin(b);
	buf_printf(b, "%zu of %zu", s->wins, s->of);
	cell_end(b);
	buf_put(b, STR("<td>"));
	if (s->row == NULL) {
		buf_put(b, STR("none"));
	} else {
		buf_printf(b, "%s, ", s->row->id);
		html_text(b, str_of(s->point->what));
	}
	cell_end(b);
	cell_percent(b, s->row == NULL ? NAN : measured(s->point->accuracy));
	buf_put(b, STR("</tr>\n"));
}

static void
put_stands(struct buf *b, const struct redteam_report *r, const struct redteam_summary *s)
{
	static const char *const head[] = { "Test", "Untouched", "Attacks that win",
		"The cheapest of them", "Accuracy kept" };

	page_section(b, "What each test stands against",
	    "An attack wins against a test if that test alone would prove nothing any more, "
	    "while the model loses less than five points of accuracy. The cheapest needs the "
	    "least: no data before data, one copy before several.");
	table_begin(b, head, COUNT(head));
	for (size_t i = 0; i < TEST_COUNT; i++)
		if (s->test[i].planned)
			put_stand(b, evidence_rows[i].title, &s->test[i], r->base.alone[i]);
	put_stand(b, "All tests together", &s->all, r->base.verdict);
	table_end(b);
	page_section_end(b);
}

static void
put_families(struct buf *b, const struct redteam_summary *s)
{
	static const char *const head[] = { "Attacks", "models", "worth having",
		"of these proven", "naming the customer", "seconds" };

	page_section(b, "What survives",
	    "By family of attacks: models that lost less than five points of accuracy, and what "
	    "a verification still says of them. Those that are only asked show nobody their "
	    "weights, and so name nobody.");
	table_begin(b, head, COUNT(head));
	for (size_t i = 0; i < REDTEAM_FAMILIES; i++) {
		const struct redteam_family *f = &s->family[i];
		double worth = f->worth > 0 ? (double)f->worth : NAN;

		if (f->points == 0)
			continue;
		buf_put(b, STR("<tr>"));
		cell_text(b, f->name);
		cell_count(b, f->points);
		cell_count(b, f->worth);
		cell_bar(b, "a", (double)f->proven / worth);
		cell_bar(b, "c", (double)f->named / worth);
		cell_real(b, f->seconds, 1);
		buf_put(b, STR("</tr>\n"));
	}
	table_end(b);
	page_section_end(b);
}

/* ---- One attack -------------------------------------------------------------------------- */

enum { CURVE_LEAST = 3 };

/* Points in the order of the axis. */
static size_t
in_order(const struct redteam_result *of, const struct redteam_point *ret[], size_t max)
{
	size_t n = 0;

	for (size_t i = 0; i < of->points && n < max; i++) {
		size_t at = n++;

		for (; at > 0 && ret[at - 1]->x > of->point[i].x; at--)
			ret[at] = ret[at - 1];
		ret[at] = &of->point[i];
	}
	return n;
}

static void
put_curve(struct buf *b, const struct redteam_report *r, const struct redteam_result *of)
{
	const struct redteam_point *p[CHART_POINTS];
	double x[CHART_POINTS], accuracy[CHART_POINTS], keys[CHART_POINTS],
	    labels[CHART_POINTS];
	size_t n = in_order(of, p, CHART_POINTS);
	const struct chart chart = {
		.title = of->row->title,
		.x_title = of->row->axis,
		.y_title = "share, %",
		.x = x,
		.points = n,
		.x_times = 1,
		.series = { { "plain", "untouched", NULL, measured(r->base.accuracy), "level" },
		    { "plain", "accuracy", accuracy, 0, NULL },
		    { "c", "labels", labels, 0, NULL }, { "a", "keys", keys, 0, NULL } },
		.n = 4,
	};

	if (n < CURVE_LEAST || of->row->axis[0] == '\0')
		return;
	for (size_t i = 0; i < n; i++) {
		x[i] = p[i]->x;
		accuracy[i] = measured(p[i]->accuracy);
		keys[i] = measured(p[i]->keys);
		labels[i] = measured(p[i]->labels);
	}
	buf_put(b, STR("<figure>"));
	chart_put(b, &chart);
	buf_put(b, STR("</figure>\n"));
}

static void
put_point(struct buf *b, const struct redteam_report *r, const struct redteam_result *of,
    const struct redteam_point *p)
{
	buf_put(b, STR("<tr>"));
	cell_text(b, p->what);
	cell_percent(b, measured(p->accuracy));
	cell_percent(b, measured(p->keys));
	cell_percent(b, measured(p->labels));
	cell_real(b, p->weights_z, 1);
	buf_put(b, STR("<td>"));
	html_text(b, str_of(redteam_tested(p) ? verdict_names[p->verdict] : "not tested"));
	if (redteam_wins_all(of->row, p, &r->base))
		buf_put(b, STR(" <b>it wins</b>"));
	if (p->why[0] != '\0') {
		buf_put(b, STR("<br/><span class=\"note\">"));
		html_text(b, str_of(p->why));
		buf_put(b, STR("</span>"));
	}
	cell_end(b);
	buf_put(b, STR("<td>"));
	if (p->innocents > 0)
		buf_printf(b, "%d innocent", p->innocents);
	else
		buf_put(b, p->named ? STR("yes") : STR("no"));
	cell_end(b);
	cell_real(b, p->seconds, 1);
	buf_put(b, STR("</tr>\n"));
}

static void
put_row(struct buf *b, const struct redteam_report *r, const struct redteam_result *of)
{
	static const char *const head[] = { "what", "accuracy", "keys", "labels", "weights, z",
		"verdict", "named", "seconds" };

	buf_put(b, STR("<section class=\"attack\"><h3>"));
	buf_printf(b, "<span class=\"id\">%s</span> ", of->row->id);
	html_text(b, str_of(of->row->title));
	buf_put(b, STR("</h3>\n"));
	put_note(b, of->row->does);
	if (of->why != NULL) {
		buf_put(b, STR("<p>Left out: "));
		html_text(b, str_of(of->why));
		buf_put(b, STR(".</p>\n"));
	} else {
		put_curve(b, r, of);
		table_begin(b, head, COUNT(head));
		for (size_t i = 0; i < of->points; i++)
			put_point(b, r, of, &of->point[i]);
		table_end(b);
	}
	buf_put(b, STR("</section>\n"));
}

bool
redteam_html(struct ctx *c, const struct redteam_report *r, struct buf *out)
{
	const struct redteam_summary s = redteam_summary_of(r);

	if (!put_head(c, out, r, &s))
		return false;
	put_stands(out, r, &s);
	put_families(out, &s);
	page_section(out, "The attacks",
	    "What each of them leaves: right answers to samples, key pictures that are answered "
	    "with the additional class, committed labels, the strength of the best customer’s "
	    "mark in the weights in standard deviations, and what a verification says.");
	for (size_t i = 0; i < r->results; i++)
		put_row(out, r, &r->result[i]);
	page_section_end(out);
	page_end(out);
	return buf_ok(c, out);
}
