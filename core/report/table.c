/*
 * Tables. Shares carry a bar of their length, so that a column can be read at a glance; what was
 * not measured is a dash.
 */
#include "report.h"

/* ---- Cells ------------------------------------------------------------------------------- */

void
table_begin(struct buf *b, const char *const head[], size_t n)
{
	buf_put(b, STR("<div class=\"wide\"><table><thead><tr>"));
	for (size_t i = 0; i < n; i++) {
		buf_put(b, i == 0 ? STR("<th>") : STR("<th class=\"n\">"));
		html_text(b, str_of(head[i]));
		buf_put(b, STR("</th>"));
	}
	buf_put(b, STR("</tr></thead><tbody>\n"));
}

void
table_end(struct buf *b)
{
	buf_put(b, STR("</tbody></table></div>\n"));
}

void
table_more(struct buf *b, size_t all, size_t shown, const char *what)
{
	if (all <= shown)
		return;
	buf_put(b, STR("<p class=\"note\">And "));
	put_count(b, all - shown);
	buf_printf(b, " more %s.</p>\n", what);
}

void
cell_begin(struct buf *b)
{
	buf_put(b, STR("<td class=\"n\">"));
}

void
cell_end(struct buf *b)
{
	buf_put(b, STR("</td>"));
}

void
cell_percent(struct buf *b, double share)
{
	cell_begin(b);
	put_percent(b, share);
	cell_end(b);
}

void
cell_count(struct buf *b, uint64_t n)
{
	cell_begin(b);
	put_count(b, n);
	cell_end(b);
}

void
cell_real(struct buf *b, double v, int decimals)
{
	cell_begin(b);
	put_real(b, v, decimals);
	cell_end(b);
}

void
cell_bar(struct buf *b, const char *class, double share)
{
	double width = isfinite(share) ? fmax(0, fmin(1, share)) : 0;

	buf_printf(b,
	    "<td class=\"n\"><span class=\"track\"><span class=\"fill %s\" "
	    "style=\"width:%.1f%%\"></span></span><span class=\"figure\">",
	    class, width * 100);
	put_percent(b, share);
	buf_put(b, STR("</span></td>"));
}

void
cell_text(struct buf *b, const char *text)
{
	buf_put(b, STR("<td>"));
	html_text(b, str_of(text));
	cell_end(b);
}

/* ---- Facts ------------------------------------------------------------------------------- */

void
facts_begin(struct buf *b)
{
	buf_put(b, STR("<div class=\"wide\"><table class=\"facts\"><tbody>\n"));
}

void
fact_begin(struct buf *b, const char *name)
{
	buf_put(b, STR("<tr><th scope=\"row\">"));
	html_text(b, str_of(name));
	buf_put(b, STR("</th><td>"));
}

void
fact_end(struct buf *b)
{
	buf_put(b, STR("</td></tr>\n"));
}
