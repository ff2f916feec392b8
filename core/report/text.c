/*
 * Names and numbers as text. Names come from vendors and from files that others made: they are cut,
 * whatever is no text is replaced, and in HTML every character that means something is written as
 * a reference. A number that is not finite is never written.
 */
#include <stdarg.h>
#include <stdio.h>

#include "report.h"

/* ---- Names ------------------------------------------------------------------------------- */

/* The length of the longest prefix of whole characters. */
static size_t
whole(struct str s, size_t most)
{
	size_t n = s.n < most ? s.n : most;

	while (n > 0 && n < s.n && ((unsigned char)s.p[n] & 0xc0) == 0x80)
		n--;
	return n;
}

bool
show_name(struct ctx *c, struct str s, struct str *ret)
{
	struct str head = { s.p, whole(s, SHOW_NAME) };
	bool text = text_valid(head);
	struct buf b;

	if (!take_buf(c, SHOW_NAME + 8, &b))
		return false;
	for (size_t i = 0; i < head.n; i++) {
		unsigned char ch = (unsigned char)head.p[i];

		buf_char(&b, text || (ch >= 0x20 && ch < 0x7f) ? (char)ch : '?');
	}
	if (head.n < s.n)
		buf_put(&b, STR("…"));
	if (b.n == 0)
		buf_put(&b, STR("(no name)"));
	*ret = buf_str(&b);
	return buf_ok(c, &b);
}

void
html_text(struct buf *b, struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		switch (s.p[i]) {
		case '&':
			buf_put(b, STR("&amp;"));
			break;
		case '<':
			buf_put(b, STR("&lt;"));
			break;
		case '>':
			buf_put(b, STR("&gt;"));
			break;
		case '"':
			buf_put(b, STR("&quot;"));
			break;
		case '\'':
			buf_put(b, STR("&#39;"));
			break;
		default:
			buf_char(b, s.p[i]);
		}
}

bool
html_name(struct ctx *c, struct buf *b, struct str s)
{
	struct str shown;

	if (!show_name(c, s, &shown))
		return false;
	buf_put(b, STR("<bdi>"));
	html_text(b, shown);
	buf_put(b, STR("</bdi>"));
	return true;
}

void
html_printf(struct buf *b, const char *fmt, ...)
{
	char text[SENTENCE_MAX];
	va_list args;

	va_start(args, fmt);
	(void)vsnprintf(text, sizeof text, fmt, args);
	va_end(args);
	html_text(b, str_of(text));
}

/* ---- Numbers ----------------------------------------------------------------------------- */

void
put_real(struct buf *b, double d, int decimals)
{
	if (!isfinite(d)) {
		buf_put(b, STR("–"));
		return;
	}
	if (d <= -0.5 * pow(10, -decimals))
		buf_put(b, STR("−"));
	if (fabs(d) > 1e15)
		buf_printf(b, "%.3g", fabs(d));
	else
		buf_printf(b, "%.*f", decimals, fabs(d));
}

void
put_percent(struct buf *b, double share)
{
	put_real(b, share * 100, 1);
	if (isfinite(share))
		buf_put(b, STR("\u00a0%"));
}

void
put_count(struct buf *b, uint64_t n)
{
	if (n >= 1000) {
		put_count(b, n / 1000);
		buf_printf(b, ",%03u", (unsigned)(n % 1000));
	} else
		buf_printf(b, "%u", (unsigned)n);
}

void
put_share(struct buf *b, double share)
{
	if (!isfinite(share) || share >= 0.01 || share <= 0) {
		put_percent(b, share);
		return;
	}
	/* Two digits that say something. */
	put_real(b, share * 100, 1 - (int)floor(log10(share * 100)));
	buf_put(b, STR("\u00a0%"));
}

void
put_seconds(struct buf *b, double s)
{
	if (!isfinite(s) || s < 0)
		buf_put(b, STR("–"));
	else if (s >= 120 && s < 1e9)
		buf_printf(
		    b, "%.0f\u00a0min %.0f\u00a0s", floor(s / 60), s - 60 * floor(s / 60));
	else if (s < 0.1)
		buf_printf(b, "%.2g\u00a0ms", s * 1000);
	else {
		put_real(b, s, s < 10 ? 2 : 0);
		buf_put(b, STR("\u00a0s"));
	}
}

void
put_chance(struct buf *b, double p)
{
	if (!isfinite(p))
		buf_put(b, STR("–"));
	else if (p < 1e-12)
		buf_put(b, STR("below 10⁻¹²"));
	else if (p < 0.001)
		buf_printf(b, "%.0e", p);
	else
		put_real(b, p, 3);
}
