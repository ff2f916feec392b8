/*
 * Drawings as SVG inside a page, and the chart of shares. Colours come from the page's style sheet,
 * by class. Coordinates are whole tenths of a unit.
 */
#include "report.h"

void
svg_at(struct buf *b, const char *name, double v)
{
	buf_printf(b, " %s=\"%.1f\"", name, isfinite(v) ? fmax(-9999, fmin(9999, v)) : 0);
}

void
svg_line(struct buf *b, const char *class, double x1, double y1, double x2, double y2)
{
	buf_printf(b, "<line class=\"%s\"", class);
	svg_at(b, "x1", x1);
	svg_at(b, "y1", y1);
	svg_at(b, "x2", x2);
	svg_at(b, "y2", y2);
	buf_put(b, STR("/>"));
}

void
svg_text_begin(struct buf *b, const char *class, const char *anchor, double x, double y)
{
	buf_printf(b, "<text class=\"%s\" text-anchor=\"%s\"", class, anchor);
	svg_at(b, "x", x);
	svg_at(b, "y", y);
	buf_char(b, '>');
}

void
svg_text_end(struct buf *b)
{
	buf_put(b, STR("</text>"));
}

void
svg_text(
    struct buf *b, const char *class, const char *anchor, double x, double y, const char *text)
{
	svg_text_begin(b, class, anchor, x, y);
	html_text(b, str_of(text));
	svg_text_end(b);
}

void
svg_upright(struct buf *b, const char *text)
{
	int middle = (SVG_TOP + SVG_HEIGHT - SVG_BOTTOM) / 2;

	buf_printf(b,
	    "<text class=\"title\" text-anchor=\"middle\" transform=\"rotate(-90 11 %d)\" "
	    "x=\"11\" y=\"%d\">",
	    middle, middle);
	html_text(b, str_of(text));
	svg_text_end(b);
}

void
svg_begin(struct buf *b, const char *title)
{
	buf_printf(b, "<svg viewBox=\"0 0 %d %d\" role=\"img\"><title>", SVG_WIDTH, SVG_HEIGHT);
	html_text(b, str_of(title));
	buf_put(b, STR("</title>"));
}

void
svg_end(struct buf *b)
{
	buf_put(b, STR("</svg>\n"));
}

/* ---- The chart's axes -------------------------------------------------------------------- */

enum { TICKS_APART = 20, LABELS_APART = 15, MARKED_MAX = 32 };

/* A chart on its way, with the ends of its axis. */
struct plot {
	const struct chart *chart;
	double low, high;
};

static double
plot_x(const struct plot *p, double x)
{
	double at = 0.5;

	if (p->high > p->low)
		at = p->chart->logarithmic ? log(x / p->low) / log(p->high / p->low)
					   : (x - p->low) / (p->high - p->low);
	return SVG_LEFT + 14 + at * (SVG_WIDTH - SVG_LEFT - SVG_RIGHT - 22);
}

static double
plot_y(double share)
{
	return SVG_TOP + (1 - share) * (SVG_HEIGHT - SVG_TOP - SVG_BOTTOM);
}

static bool
is_drawn(const struct chart *c, size_t i, double value)
{
	return isfinite(value) && isfinite(c->x[i]) && (!c->logarithmic || c->x[i] > 0);
}

static void
axis_of_shares(struct buf *b)
{
	for (int tenth = 0; tenth <= 10; tenth += 2) {
		double y = plot_y(tenth / 10.);

		svg_line(b, "grid", SVG_LEFT, y, SVG_WIDTH - SVG_RIGHT, y);
		svg_text_begin(b, "tick", "end", SVG_LEFT - 6, y + 4);
		buf_number(b, tenth * 10);
		svg_text_end(b);
	}
}

static void
axis_of_points(struct buf *b, const struct plot *p)
{
	const struct chart *c = p->chart;
	double last = -1000, foot = SVG_HEIGHT - SVG_BOTTOM;

	svg_line(b, "axis", SVG_LEFT, foot, SVG_WIDTH - SVG_RIGHT, foot);
	for (size_t i = 0; i < c->points; i++) {
		double shown = c->x[i] * c->x_times, x = plot_x(p, c->x[i]);

		if (!is_drawn(c, i, 0) || (c->points > MARKED_MAX && x - last < TICKS_APART))
			continue;
		svg_line(b, "axis", x, foot, x, foot + 4);
		if (x - last < TICKS_APART)
			continue;
		last = x;
		svg_text_begin(b, "tick", "middle", x, foot + 17);
		put_real(b, shown, shown != 0 && fabs(shown) < 0.95 ? 1 : 0);
		svg_text_end(b);
	}
}

/* ---- Its series -------------------------------------------------------------------------- */

static void
marker(struct buf *b, const char *class, bool round, double x, double y)
{
	if (round) {
		buf_printf(b, "<circle class=\"dot %s\" r=\"4.6\"", class);
		svg_at(b, "cx", x);
		svg_at(b, "cy", y);
	} else {
		buf_printf(b, "<rect class=\"dot %s\" width=\"6\" height=\"6\"", class);
		svg_at(b, "x", x - 3);
		svg_at(b, "y", y - 3);
	}
	buf_put(b, STR("/>"));
}

/* One series; its last value, NAN if it has none. */
static double
series_put(struct buf *b, const struct plot *p, const struct chart_series *s)
{
	const struct chart *c = p->chart;
	double last = NAN;

	if (s->y == NULL) {
		if (isfinite(s->level))
			svg_line(b, s->line, SVG_LEFT, plot_y(s->level), SVG_WIDTH - SVG_RIGHT,
			    plot_y(s->level));
		return s->level;
	}
	buf_printf(b, "<polyline class=\"line %s\" points=\"", s->class);
	for (size_t i = 0; i < c->points; i++)
		if (is_drawn(c, i, s->y[i]))
			buf_printf(b, "%.1f,%.1f ", plot_x(p, c->x[i]), plot_y(s->y[i]));
	buf_put(b, STR("\"/>"));
	for (size_t i = 0; i < c->points; i++) {
		if (!is_drawn(c, i, s->y[i]))
			continue;
		last = s->y[i];
		if (c->points <= MARKED_MAX)
			marker(b, s->class, s->class[0] == 'a', plot_x(p, c->x[i]),
			    plot_y(s->y[i]));
	}
	return last;
}

/* A line's name at its right end; they keep their distance from each other. */
struct label {
	const char *class, *text;
	double value, y;
};

/* By value, the best on top, each at least so far from the one above; all inside the drawing. */
static void
labels_place(struct label l[], size_t n)
{
	double most = SVG_HEIGHT - SVG_BOTTOM;

	for (size_t i = 1; i < n; i++)
		for (size_t k = i; k > 0 && l[k].value > l[k - 1].value; k--) {
			struct label was = l[k];

			l[k] = l[k - 1];
			l[k - 1] = was;
		}
	for (size_t i = 0; i < n; i++) {
		l[i].y = plot_y(l[i].value);
		if (i > 0 && l[i].y < l[i - 1].y + LABELS_APART)
			l[i].y = l[i - 1].y + LABELS_APART;
	}
	for (size_t i = n; i-- > 0;) {
		if (l[i].y > most)
			l[i].y = most;
		most = l[i].y - LABELS_APART;
	}
}

static void
labels_put(struct buf *b, struct label l[], size_t n)
{
	labels_place(l, n);
	for (size_t i = 0; i < n; i++) {
		buf_printf(b, "<text class=\"label %s\"", l[i].class);
		svg_at(b, "x", SVG_WIDTH - SVG_RIGHT + 6);
		svg_at(b, "y", l[i].y + 4);
		buf_char(b, '>');
		html_text(b, str_of(l[i].text));
		buf_char(b, ' ');
		put_percent(b, l[i].value);
		svg_text_end(b);
	}
}

void
chart_put(struct buf *b, const struct chart *c)
{
	struct plot p = { c, INFINITY, -INFINITY };
	struct label label[CHART_SERIES];
	size_t labels = 0;

	for (size_t i = 0; i < c->points; i++)
		if (is_drawn(c, i, 0)) {
			p.low = fmin(p.low, c->x[i]);
			p.high = fmax(p.high, c->x[i]);
		}
	svg_begin(b, c->title);
	axis_of_shares(b);
	axis_of_points(b, &p);
	svg_text(b, "title", "middle", (SVG_LEFT + SVG_WIDTH - SVG_RIGHT) / 2., SVG_HEIGHT - 8,
	    c->x_title);
	svg_upright(b, c->y_title);
	for (size_t i = 0; i < c->n && i < CHART_SERIES; i++) {
		const struct chart_series *s = &c->series[i];
		double last = series_put(b, &p, s);

		if (isfinite(last))
			label[labels++] = (struct label){ s->class, s->name, last, 0 };
	}
	labels_put(b, label, labels);
	svg_end(b);
}
