/*
 * Who leaked, on the page: all customers' scores as a histogram with the line where accusation
 * begins, and the highest scores with the chance that an innocent has such a one.
 */
#include <math.h>

#include "pages.h"

enum { SHOWN_MAX = 12, NAMES_APART = 52 };

/* ---- The histogram ----------------------------------------------------------------------- */

struct plot {
	const struct evidence_trace *t;
	double low, high;
	int64_t most;
};

static double
plot_x(const struct plot *p, double z)
{
	double width = p->high - p->low, at = width > 0 ? (z - p->low) / width : .5;

	return SVG_LEFT + fmax(0, fmin(1, at)) * (SVG_WIDTH - SVG_LEFT - 14);
}

/* By the logarithm of the count, so that one customer among a million can be seen. */
static double
plot_y(const struct plot *p, int64_t n)
{
	double share = log1p((double)n) / log1p((double)p->most);

	return SVG_TOP + 18 + (1 - share) * (SVG_HEIGHT - SVG_TOP - SVG_BOTTOM - 18);
}

static struct plot
plot_of(const struct evidence_trace *t)
{
	struct plot p = { t, INFINITY, -INFINITY, 1 };
	const double edge[] = { t->low, t->high, t->threshold_z };

	for (size_t i = 0; i < COUNT(edge); i++)
		if (isfinite(edge[i])) {
			p.low = fmin(p.low, edge[i]);
			p.high = fmax(p.high, edge[i]);
		}
	for (size_t i = 0; i < EVIDENCE_BINS; i++)
		p.most = p.most > t->bin[i] ? p.most : t->bin[i];
	return p;
}

static void
put_bins(struct buf *b, const struct plot *p)
{
	const struct evidence_trace *t = p->t;
	double width = (t->high - t->low) / EVIDENCE_BINS, foot = plot_y(p, 0);

	for (int i = 0; i < EVIDENCE_BINS; i++) {
		double x = plot_x(p, t->low + i * width);
		double y = plot_y(p, t->bin[i]);

		if (t->bin[i] == 0)
			continue;
		buf_put(b, STR("<rect class=\"bar plain\""));
		svg_at(b, "x", x);
		svg_at(b, "y", y);
		svg_at(b, "width", fmax(1.5, plot_x(p, t->low + (i + 1) * width) - x - .5));
		svg_at(b, "height", foot - y);
		buf_put(b, STR("/>"));
	}
}

/* The step of an axis that has some six marks: 1, 2 or 5 times a power of ten. */
static double
step_of(double width)
{
	double ten = pow(10, floor(log10(width / 6))), times = width / 6 / ten;

	if (times > 5)
		return 10 * ten;
	if (times > 2)
		return 5 * ten;
	return times > 1 ? 2 * ten : ten;
}

static void
put_axes(struct buf *b, const struct plot *p)
{
	double foot = plot_y(p, 0), step = step_of(p->high - p->low);

	for (int64_t n = 1; n <= p->most && n < INT64_MAX / 10; n *= 10) {
		double y = plot_y(p, n);

		svg_line(b, "grid", SVG_LEFT, y, SVG_WIDTH - 14, y);
		svg_text_begin(b, "tick", "end", SVG_LEFT - 5, y + 4);
		if (n < 1000000)
			put_count(b, (uint64_t)n);
		else
			buf_printf(b, "%.0e", (double)n);
		svg_text_end(b);
	}
	svg_line(b, "axis", SVG_LEFT, foot, SVG_WIDTH - 14, foot);
	for (int i = 0; i < 12; i++) {
		double z = (ceil(p->low / step) + i) * step;

		if (z > p->high)
			break;
		svg_line(b, "axis", plot_x(p, z), foot, plot_x(p, z), foot + 4);
		svg_text_begin(b, "tick", "middle", plot_x(p, z), foot + 17);
		put_real(b, z, step < 1 ? 1 : 0);
		svg_text_end(b);
	}
	svg_text(b, "title", "middle", (SVG_LEFT + SVG_WIDTH - 14) / 2., SVG_HEIGHT - 8,
	    "score, in standard deviations of an innocent’s");
	svg_upright(b, "customers");
}

/* Above the column of a single customer. */
static void
put_accused(struct buf *b, const struct plot *p)
{
	double y = plot_y(p, 1) - 7, last = -100;

	for (size_t i = 0; i < p->t->n; i++) {
		const struct evidence_customer *k = &p->t->best[i];
		double x = plot_x(p, k->z);

		if (!k->accused || !isfinite(k->z))
			continue;
		buf_put(b, STR("<circle class=\"dot b\" r=\"4.6\""));
		svg_at(b, "cx", x);
		svg_at(b, "cy", y);
		buf_put(b, STR("/>"));
		if (fabs(x - last) < NAMES_APART)
			continue;
		last = x;
		svg_text_begin(b, "label b", x > SVG_WIDTH - NAMES_APART ? "end" : "middle",
		    x > SVG_WIDTH - NAMES_APART ? x + 4 : x, y - 9);
		buf_printf(b, "no. %u", k->number);
		svg_text_end(b);
	}
}

static void
put_histogram(struct buf *b, const struct evidence_trace *t)
{
	struct plot p = plot_of(t);
	double x;

	if (!isfinite(t->low) || !isfinite(t->high) || p.high <= p.low || p.high - p.low > 1e12)
		return;
	buf_put(b, STR("<figure>"));
	svg_begin(b, "Scores of all customers, and where accusation begins");
	put_axes(b, &p);
	put_bins(b, &p);
	if (isfinite(t->threshold_z)) {
		x = plot_x(&p, t->threshold_z);
		svg_line(b, "level", x, SVG_TOP + 6, x, plot_y(&p, 0));
		svg_text(b, "tick", x > SVG_WIDTH / 2. ? "end" : "start",
		    x > SVG_WIDTH / 2. ? x - 5 : x + 5, SVG_TOP + 12, "accusation begins");
	}
	put_accused(b, &p);
	svg_end(b);
	buf_put(b,
	    STR("<figcaption>How many customers have which score, on a logarithmic scale; the "
		"dots are the accused.</figcaption></figure>\n"));
}

/* ---- The names --------------------------------------------------------------------------- */

static void
put_customer(struct buf *b, const struct evidence_customer *k)
{
	buf_put(b, STR("<tr><td>"));
	buf_put(b, k->accused ? STR("<b>yes</b>") : STR("no"));
	buf_printf(b, "</td><td class=\"n\">%u</td><td><code>", k->number);
	html_text(b, str_of(k->id.s));
	buf_put(b, STR("</code></td>"));
	cell_real(b, k->z, 2);
	cell_begin(b);
	put_power(b, k->bound_log10);
	cell_end(b);
	cell_begin(b);
	put_power(b, k->all_log10);
	buf_put(b, STR("</td></tr>\n"));
}

/* All who are accused, and some that come next. */
static void
put_customers(struct buf *b, const struct evidence_trace *t)
{
	static const char *const head[] = { "Accused", "Customer", "", "Score",
		"An innocent’s chance", "Of any innocent" };
	size_t shown = 0;

	if (t->n == 0)
		return;
	table_begin(b, head, COUNT(head));
	for (size_t i = 0; i < t->n; i++)
		if (t->best[i].accused || i < SHOWN_MAX) {
			put_customer(b, &t->best[i]);
			shown++;
		}
	table_end(b);
	if (shown < t->n)
		put_note(b, "And %zu more in the report.", t->n - shown);
}

void
page_trace(struct buf *b, const struct evidence *e)
{
	const struct evidence_trace *t = &e->trace;
	size_t accused = 0;

	page_section(b, "Whose copy it is",
	    "Every customer’s copy bears a mark of its own. The chance that somebody who had no "
	    "part in the suspect has such a score is bounded for each, and multiplied by the "
	    "number of customers.");
	if (!t->ran) {
		put_note(b, "Nobody was sought. %s", t->why);
		page_section_end(b);
		return;
	}
	for (size_t i = 0; i < t->n; i++)
		accused += t->best[i].accused;
	buf_put(b, STR("<p>"));
	put_count(b, (uint64_t)t->customers);
	html_printf(b,
	    " customers were scored, by: %s. Accused is whose chance, for any innocent "
	    "among them all, is at most ",
	    t->channel);
	put_power(b, t->eps1 > 0 ? log10(fmin(t->eps1, EVIDENCE_EPS1_MAX)) : -INFINITY);
	buf_put(b, accused == 0 ? STR(": <b>nobody</b>.</p>\n") : STR(".</p>\n"));
	put_histogram(b, t);
	put_customers(b, t);
	page_section_end(b);
}
