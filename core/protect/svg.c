/*
 * The report's figures as SVG inside the page: the curve of what a thief gets back, and a layer's
 * values before and after.
 */
#include "report_parts.h"

enum { WIDE_RIGHT = 14 }; /* where nothing is written at the right */

/* ---- The curve --------------------------------------------------------------------------- */

_Static_assert(
    (int)SHOW_POINTS <= (int)CHART_POINTS, "a chart has room for the points that are shown");

void
svg_curves(struct buf *b, const struct protect_report *r, const struct attack_result *a)
{
	double share[SHOW_POINTS], from_file[SHOW_POINTS], from_scratch[SHOW_POINTS];
	const struct chart chart = {
		.title = "What a thief gets back, by the share of the data that he has",
		.x_title = "share of the data that the thief has, %",
		.y_title = "right answers, %",
		.x = share,
		.points = a->points < SHOW_POINTS ? a->points : SHOW_POINTS,
		.x_times = 100,
		.logarithmic = true,
		.series = { { "plain", "original", NULL, r->before, "level" },
		    { "plain", "locked file", NULL, r->locked, "level low" },
		    { "a", "from the file", from_file, 0, NULL },
		    { "b", "from scratch", from_scratch, 0, NULL } },
		.n = 4,
	};

	for (size_t i = 0; i < chart.points; i++) {
		share[i] = a->point[i].x;
		from_file[i] = a->point[i].accuracy;
		from_scratch[i] = a->point[i].against;
	}
	chart_put(b, &chart);
}

/* ---- The histogram ----------------------------------------------------------------------- */

struct bins {
	const struct protect_layer *of;
	double top; /* of the axis: log10(1 + count) */
};

static double
bin_x(double at)
{
	return SVG_LEFT + at / LAYER_BINS * (SVG_WIDTH - SVG_LEFT - WIDE_RIGHT);
}

static double
bin_y(const struct bins *h, uint64_t count)
{
	return SVG_TOP +
	    (1 - log10(1 + (double)count) / h->top) * (SVG_HEIGHT - SVG_TOP - SVG_BOTTOM);
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

	svg_line(b, "axis", SVG_LEFT, SVG_HEIGHT - SVG_BOTTOM, SVG_WIDTH - WIDE_RIGHT,
	    SVG_HEIGHT - SVG_BOTTOM);
	svg_text(b, "title", "middle", (SVG_LEFT + SVG_WIDTH - WIDE_RIGHT) / 2., SVG_HEIGHT - 8,
	    "value of the parameter");
	for (int i = 0; step > 0 && i <= 12; i++) {
		double v = (ceil(l->low / step) + i) * step;
		double x = bin_x((v - l->low) / range * LAYER_BINS);

		if (v > l->high)
			break;
		svg_line(b, "axis", x, SVG_HEIGHT - SVG_BOTTOM, x, SVG_HEIGHT - SVG_BOTTOM + 4);
		svg_text_begin(b, "tick", "middle", x, SVG_HEIGHT - SVG_BOTTOM + 17);
		buf_printf(b, "%.3g", fabs(v) < step / 2 ? 0 : v);
		svg_text_end(b);
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

		svg_line(b, "grid", SVG_LEFT, y, SVG_WIDTH - WIDE_RIGHT, y);
		svg_text_begin(b, "tick", "end", SVG_LEFT - 6, y + 4);
		put_short(b, count);
		svg_text_end(b);
	}
	svg_upright(b, "parameters");
}

/* The outline of the counts, from the left foot to the right one. */
static void
bins_steps(struct buf *b, const struct bins *h, const uint64_t bin[], const char *class)
{
	buf_printf(
	    b, "<path class=\"%s\" d=\"M%.1f %d", class, bin_x(0), SVG_HEIGHT - SVG_BOTTOM);
	for (int i = 0; i < LAYER_BINS; i++)
		buf_printf(b, "V%.1fH%.1f", bin_y(h, bin[i]), bin_x(i + 1));
	buf_printf(b, "V%d\"/>", SVG_HEIGHT - SVG_BOTTOM);
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
	svg_end(b);
}
