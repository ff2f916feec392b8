/*
 * report: pages for people about what a job did, each in one file that holds all that it needs: its
 * policy forbids a browser to fetch anything; it reads on a phone and prints. Foreign names become
 * text that is safe to show, and a number that is not finite is never written.
 */
#ifndef REPORT_H
#define REPORT_H

#include <math.h>

#include "base.h"

/* ---- Text -------------------------------------------------------------------------------- */

enum { SHOW_NAME = 80, SENTENCE_MAX = 600 };

/* A foreign name as text: cut to SHOW_NAME bytes, whatever is no text replaced; in the arena. */
MUST bool show_name(struct ctx *, struct str, struct str *ret);
/* The same as HTML, kept apart from the direction of what stands around it. */
MUST bool html_name(struct ctx *, struct buf *, struct str);
/* Text of our own as HTML. */
void html_text(struct buf *, struct str);
PRINTF(2, 3) void html_printf(struct buf *, const char *fmt, ...);

/* Numbers; one that is not finite becomes a dash. */
void put_real(struct buf *, double, int decimals);
void put_percent(struct buf *, double share);   /* "91.7 %" */
void put_count(struct buf *, uint64_t);         /* "61,706" */
void put_share(struct buf *, double share);     /* of something tiny: "0.023 %" */
void put_seconds(struct buf *, double seconds); /* "0.79 s", "2 min 5 s" */
void put_chance(struct buf *, double p);        /* a p-value */

/* ---- The page ---------------------------------------------------------------------------- */

struct page_head {
	const char *title, *kind; /* "Protection of", before the name; "Protection report" */
	struct str name;          /* of what it is about, foreign */
	bool pictures;            /* pictures stand in the page, as data: */
};
/* Up to the name, as the page's one heading, within an open header. */
MUST bool page_begin(struct ctx *, struct buf *, const struct page_head *);
/* 2026-02-01 */
void put_day(struct buf *, int64_t ms);
/* A figure of the summary, and what it says. */
void page_card(struct buf *, double share, const char *text);
/* A PNG inside the page; alt: what it shows, for who cannot see it. */
void page_picture(struct buf *, struct str png, int width, int height, const char *alt);
/* A part of the page: its heading, and a line that says what it shows. */
void page_section(struct buf *, const char *title, const char *text);
void page_section_end(struct buf *);
void page_end(struct buf *);

/* ---- Tables ------------------------------------------------------------------------------ */

/* A table with these heads: of words in the first column, of numbers in the others. */
void table_begin(struct buf *, const char *const head[], size_t n);
void table_end(struct buf *);
/* "And 12 more layers.", if not all were shown. */
void table_more(struct buf *, size_t all, size_t shown, const char *what);
/* A cell of a number; cell_end ends any. */
void cell_begin(struct buf *);
void cell_end(struct buf *);
void cell_percent(struct buf *, double share);
void cell_count(struct buf *, uint64_t);
void cell_real(struct buf *, double, int decimals);
/* A share of the whole with its bar; the class says which colour. */
void cell_bar(struct buf *, const char *class, double share);
void cell_text(struct buf *, const char *);
/* Name and value, in a table of two columns: from facts_begin to table_end. */
void facts_begin(struct buf *);
void fact_begin(struct buf *, const char *name);
void fact_end(struct buf *);

/* ---- Drawings ---------------------------------------------------------------------------- */

/* The drawing, and the plot in it. */
enum { SVG_WIDTH = 470, SVG_HEIGHT = 300, SVG_LEFT = 46, SVG_RIGHT = 142 };
enum { SVG_TOP = 12, SVG_BOTTOM = 46 };

/* A drawing that is called so for who cannot see it. */
void svg_begin(struct buf *, const char *title);
void svg_end(struct buf *);
void svg_at(struct buf *, const char *name, double); /* an attribute: a coordinate */
/* Lines and texts, of a class of the style sheet. */
void svg_line(struct buf *, const char *class, double x1, double y1, double x2, double y2);
void svg_text_begin(struct buf *, const char *class, const char *anchor, double x, double y);
void svg_text_end(struct buf *);
void svg_text(
    struct buf *, const char *class, const char *anchor, double x, double y, const char *text);
/* The name of the axis of values, upright at the left. */
void svg_upright(struct buf *, const char *text);

/*
 * A chart of shares from 0 to 100 %. A class is "a", "b", "c" (which every kind of colour blindness
 * tells apart, and shape and dash as well) or "plain". What is not finite is left out.
 */
enum { CHART_POINTS = 256, CHART_SERIES = 6 };
struct chart_series {
	const char *class, *name;
	const double *y; /* one a point; NULL: `level` alone, from edge to edge */
	double level;
	const char *line; /* class of a level's line */
};
struct chart {
	const char *title, *x_title, *y_title;
	const double *x;
	size_t points;
	double x_times; /* what stands at the axis is x times this */
	bool logarithmic;
	struct chart_series series[CHART_SERIES];
	size_t n;
};
/* Later series lie on top. */
void chart_put(struct buf *, const struct chart *);

/* The page's style sheet. */
void report_style(struct buf *);

#endif
