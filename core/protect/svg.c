/*
 * The report's figures as SVG inside the page: the curve of what a thief gets back, and a layer's
 * values before and after. Colours come from the page's style sheet, by class: a, b (told apart by
 * every kind of colour blindness, and by shape and dash as well), and quiet ones. Coordinates are
 * whole tenths of a unit.
 */
#include "report.h"

/* The drawing, and the plot in it. */
enum { WIDTH = 470, HEIGHT = 300, LEFT = 46, RIGHT = 142, TOP = 12, BOTTOM = 46 };
enum { WIDE_RIGHT = 14 }; /* where nothing is written at the right */

static void
put_at(struct buf *b, const char *name, double v)
{
	buf_printf(b, " %s=\"%.1f\"", name, isfinite(v) ? fmax(-9999, fmin(9999, v)) : 0);
}

static void
put_line(struct buf *b, const char *class, double x1, double y1, double x2, double y2)
{
	buf_printf(b, "<line class=\"%s\"", class);
	put_at(b, "x1", x1);
	put_at(b, "y1", y1);
	put_at(b, "x2", x2);
	put_at(b, "y2", y2);
	buf_put(b, STR("/>"));
}

static void
text_begin(struct buf *b, const char *class, const char *anchor, double x, double y)
{
	buf_printf(b, "<text class=\"%s\" text-anchor=\"%s\"", class, anchor);
	put_at(b, "x", x);
	put_at(b, "y", y);
	buf_char(b, '>');
}

static void
text_end(struct buf *b)
{
	buf_put(b, STR("</text>"));
}

static void
put_text(
    struct buf *b, const char *class, const char *anchor, double x, double y, const char *text)
{
	text_begin(b, class, anchor, x, y);
	html_text(b, str_of(text));
	text_end(b);
}

static void
svg_begin(struct buf *b, const char *title)
{
	buf_printf(b, "<svg viewBox=\"0 0 %d %d\" role=\"img\"><title>", WIDTH, HEIGHT);
	html_text(b, str_of(title));
	buf_put(b, STR("</title>"));
}

/* ---- The curve --------------------------------------------------------------------------- */

enum { LABELS = 4, LABEL_APART = 15 };

/* A line's name at its right end; they keep their distance from each other. */
struct label {
	const char *class, *text;
	double value, y;
};

struct curve {
	const struct attack_result *of;
	size_t points;
	double low, high; /* shares at the ends of the axis, which is logarithmic */
};

static double
curve_x(const struct curve *k, double share)
{
	double at = k->high > k->low ? log(share / k->low) / log(k->high / k->low) : 0.5;

	return LEFT + 14 + at * (WIDTH - LEFT - RIGHT - 22);
}

static double
curve_y(double accuracy)
{
	return TOP + (1 - accuracy) * (HEIGHT - TOP - BOTTOM);
}

static bool
is_drawn(const struct attack_point *p, double value)
{
	return isfinite(value) && isfinite(p->x) && p->x > 0;
}

static void
curve_axes(struct buf *b, const struct curve *k)
{
	double last = -1000;

	for (int tenth = 0; tenth <= 10; tenth += 2) {
		double y = curve_y(tenth / 10.);

		put_line(b, "grid", LEFT, y, WIDTH - RIGHT, y);
		text_begin(b, "tick", "end", LEFT - 6, y + 4);
		buf_number(b, tenth * 10);
		text_end(b);
	}
	put_line(b, "axis", LEFT, HEIGHT - BOTTOM, WIDTH - RIGHT, HEIGHT - BOTTOM);
	for (size_t i = 0; i < k->points; i++) {
		double share = k->of->point[i].x, x = curve_x(k, share);

		if (!is_drawn(&k->of->point[i], 0))
			continue;
		put_line(b, "axis", x, HEIGHT - BOTTOM, x, HEIGHT - BOTTOM + 4);
		if (x - last < 20)
			continue;
		last = x;
		text_begin(b, "tick", "middle", x, HEIGHT - BOTTOM + 17);
		put_real(b, share * 100, share < 0.0095 ? 1 : 0);
		text_end(b);
	}
	put_text(b, "title", "middle", (LEFT + WIDTH - RIGHT) / 2., HEIGHT - 8,
	    "share of the data that the thief has, %");
	buf_printf(b,
	    "<text class=\"title\" text-anchor=\"middle\" transform=\"rotate(-90 11 %d)\" "
	    "x=\"11\" y=\"%d\">right answers, %%</text>",
	    (TOP + HEIGHT - BOTTOM) / 2, (TOP + HEIGHT - BOTTOM) / 2);
}

static void
curve_marker(struct buf *b, const char *class, bool round, double x, double y)
{
	if (round) {
		buf_printf(b, "<circle class=\"dot %s\" r=\"4.6\"", class);
		put_at(b, "cx", x);
		put_at(b, "cy", y);
	} else {
		buf_printf(b, "<rect class=\"dot %s\" width=\"6\" height=\"6\"", class);
		put_at(b, "x", x - 3);
		put_at(b, "y", y - 3);
	}
	buf_put(b, STR("/>"));
}

/* One series; its last value, NAN if it has none. */
static double
curve_line(struct buf *b, const struct curve *k, bool against)
{
	const char *class = against ? "b" : "a";
	double last = NAN;

	buf_printf(b, "<polyline class=\"line %s\" points=\"", class);
	for (size_t i = 0; i < k->points; i++) {
		const struct attack_point *p = &k->of->point[i];
		double v = against ? p->against : p->accuracy;

		if (is_drawn(p, v))
			buf_printf(b, "%.1f,%.1f ", curve_x(k, p->x), curve_y(v));
	}
	buf_put(b, STR("\"/>"));
	for (size_t i = 0; i < k->points; i++) {
		const struct attack_point *p = &k->of->point[i];
		double v = against ? p->against : p->accuracy;

		if (!is_drawn(p, v))
			continue;
		curve_marker(b, class, !against, curve_x(k, p->x), curve_y(v));
		last = v;
	}
	return last;
}

/* By value, the best on top, each at least so far from the one above; all inside the drawing. */
static void
labels_place(struct label l[], size_t n)
{
	double most = HEIGHT - BOTTOM;

	for (size_t i = 1; i < n; i++)
		for (size_t k = i; k > 0 && l[k].value > l[k - 1].value; k--) {
			struct label was = l[k];

			l[k] = l[k - 1];
			l[k - 1] = was;
		}
	for (size_t i = 0; i < n; i++) {
		l[i].y = curve_y(l[i].value);
		if (i > 0 && l[i].y < l[i - 1].y + LABEL_APART)
			l[i].y = l[i - 1].y + LABEL_APART;
	}
	for (size_t i = n; i-- > 0;) {
		if (l[i].y > most)
			l[i].y = most;
		most = l[i].y - LABEL_APART;
	}
}

static void
labels_put(struct buf *b, struct label l[], size_t n)
{
	labels_place(l, n);
	for (size_t i = 0; i < n; i++) {
		buf_printf(b, "<text class=\"label %s\"", l[i].class);
		put_at(b, "x", WIDTH - RIGHT + 6);
		put_at(b, "y", l[i].y + 4);
		buf_char(b, '>');
		html_text(b, str_of(l[i].text));
		buf_char(b, ' ');
		put_percent(b, l[i].value);
		text_end(b);
	}
}

static void
level(struct buf *b, const char *class, double v)
{
	put_line(b, class, LEFT, curve_y(v), WIDTH - RIGHT, curve_y(v));
}

void
svg_curves(struct buf *b, const struct protect_report *r, const struct attack_result *a)
{
	struct curve k = { a, a->points < SHOW_POINTS ? a->points : SHOW_POINTS, INFINITY, 0 };
	struct label all[LABELS] = {
		{ "plain", "original", r->before, 0 },
		{ "a", "from the file", NAN, 0 },
		{ "b", "from scratch", NAN, 0 },
		{ "plain", "locked file", r->locked, 0 },
	};
	struct label shown[LABELS];
	size_t n = 0;

	for (size_t i = 0; i < k.points; i++)
		if (is_drawn(&a->point[i], 0)) {
			k.low = fmin(k.low, a->point[i].x);
			k.high = fmax(k.high, a->point[i].x);
		}
	svg_begin(b, "What a thief gets back, by the share of the data that he has");
	curve_axes(b, &k);
	if (isfinite(r->before))
		level(b, "level", r->before);
	if (isfinite(r->locked))
		level(b, "level low", r->locked);
	all[1].value = curve_line(b, &k, false);
	all[2].value = curve_line(b, &k, true); /* dashes let the other one through */
	for (size_t i = 0; i < LABELS; i++)
		if (isfinite(all[i].value))
			shown[n++] = all[i];
	labels_put(b, shown, n);
	buf_put(b, STR("</svg>\n"));
}

/* ---- The histogram ----------------------------------------------------------------------- */

struct bins {
	const struct protect_layer *of;
	double top; /* of the axis: log10(1 + count) */
};

static double
bin_x(double at)
{
	return LEFT + at / LAYER_BINS * (WIDTH - LEFT - WIDE_RIGHT);
}

static double
bin_y(const struct bins *h, uint64_t count)
{
	return TOP + (1 - log10(1 + (double)count) / h->top) * (HEIGHT - TOP - BOTTOM);
}

/* A step of 1, 2 or 5 times a power of ten, so that about `n` of them make the range. */
static double
nice_step(double range, int n)
{
	double raw = range / n, power = pow(10, floor(log10(raw))), m = raw / power;

	return power * (m < 1.5 ? 1 : m < 3.5 ? 2 : m < 7.5 ? 5 : 10);
}

static void
bins_value_axis(struct buf *b, const struct protect_layer *l)
{
	double range = l->high - l->low, step = range > 0 ? nice_step(range, 6) : 0;

	put_line(b, "axis", LEFT, HEIGHT - BOTTOM, WIDTH - WIDE_RIGHT, HEIGHT - BOTTOM);
	put_text(b, "title", "middle", (LEFT + WIDTH - WIDE_RIGHT) / 2., HEIGHT - 8,
	    "value of the parameter");
	for (int i = 0; step > 0 && i <= 12; i++) {
		double v = (ceil(l->low / step) + i) * step;
		double x = bin_x((v - l->low) / range * LAYER_BINS);

		if (v > l->high)
			break;
		put_line(b, "axis", x, HEIGHT - BOTTOM, x, HEIGHT - BOTTOM + 4);
		text_begin(b, "tick", "middle", x, HEIGHT - BOTTOM + 17);
		buf_printf(b, "%.3g", fabs(v) < step / 2 ? 0 : v);
		text_end(b);
	}
}

/* A power of ten in few characters. */
static void
put_short(struct buf *b, uint64_t n)
{
	if (n < 10000)
		put_count(b, n);
	else if (n < 1000000)
		buf_printf(b, "%uk", (unsigned)(n / 1000));
	else
		buf_printf(b, "%uM", (unsigned)(n / 1000000));
}

static void
bins_count_axis(struct buf *b, const struct bins *h)
{
	uint64_t count = 1;

	for (int i = 0; i < 12 && log10(1 + (double)count) <= h->top; i++, count *= 10) {
		double y = bin_y(h, count);

		put_line(b, "grid", LEFT, y, WIDTH - WIDE_RIGHT, y);
		text_begin(b, "tick", "end", LEFT - 6, y + 4);
		put_short(b, count);
		text_end(b);
	}
	buf_printf(b,
	    "<text class=\"title\" text-anchor=\"middle\" transform=\"rotate(-90 11 %d)\" "
	    "x=\"11\" y=\"%d\">parameters</text>",
	    (TOP + HEIGHT - BOTTOM) / 2, (TOP + HEIGHT - BOTTOM) / 2);
}

/* The outline of the counts, from the left foot to the right one. */
static void
bins_steps(struct buf *b, const struct bins *h, const uint64_t bin[], const char *class)
{
	buf_printf(b, "<path class=\"%s\" d=\"M%.1f %d", class, bin_x(0), HEIGHT - BOTTOM);
	for (int i = 0; i < LAYER_BINS; i++)
		buf_printf(b, "V%.1fH%.1f", bin_y(h, bin[i]), bin_x(i + 1));
	buf_printf(b, "V%d\"/>", HEIGHT - BOTTOM);
}

static bool
drawable(const struct protect_layer *l)
{
	return isfinite(l->low) && isfinite(l->high) && fabs(l->low) < 1e30 &&
	    fabs(l->high) < 1e30 && l->high - l->low > 1e-30;
}

void
svg_histogram(struct buf *b, const struct protect_layer *l)
{
	struct bins h = { l, 1 };

	if (!drawable(l))
		return;
	for (int i = 0; i < LAYER_BINS; i++) {
		h.top = fmax(h.top, log10(1 + (double)l->before[i]));
		h.top = fmax(h.top, log10(1 + (double)l->after[i]));
	}
	h.top *= 1.04;
	svg_begin(b, "How the values of a layer lie, before and after");
	bins_count_axis(b, &h);
	bins_steps(b, &h, l->before, "area a");
	bins_steps(b, &h, l->after, "step b");
	bins_value_axis(b, l);
	buf_put(b, STR("</svg>\n"));
}
