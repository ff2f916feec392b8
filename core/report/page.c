/*
 * A page from its head to its end: what a reader of any report finds in the same place.
 */
#include "report.h"

void
put_day(struct buf *b, int64_t ms)
{
	char text[32];
	struct buf t = BUF(text);

	time_put(&t, ms);
	buf_put(b, (struct str){ text, t.n < 10 ? t.n : 10 });
}

bool
page_begin(struct ctx *c, struct buf *b, const struct page_head *h)
{
	struct str name;

	if (!show_name(c, h->name, &name))
		return false;
	buf_put(b,
	    STR("<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"/>\n"
		"<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; "
		"style-src 'unsafe-inline'"));
	if (h->pictures)
		buf_put(b, STR("; img-src data:"));
	buf_put(b,
	    STR("\"/>\n"
		"<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"/>\n"
		"<meta name=\"referrer\" content=\"no-referrer\"/>\n<title>"));
	html_text(b, str_of(h->title));
	buf_char(b, ' ');
	html_text(b, name);
	buf_put(b, STR("</title>\n<style>\n"));
	report_style(b);
	buf_put(b, STR("</style></head>\n<body><main>\n<header>\n<p class=\"kind\">"));
	html_text(b, str_of(h->kind));
	buf_put(b, STR("</p>\n<h1>"));
	if (!html_name(c, b, h->name))
		return false;
	buf_put(b, STR("</h1>\n"));
	return true;
}

void
page_card(struct buf *b, double share, const char *text)
{
	buf_put(b, STR("<div class=\"card\"><b>"));
	put_percent(b, share);
	buf_put(b, STR("</b><span>"));
	html_text(b, str_of(text));
	buf_put(b, STR("</span></div>\n"));
}

/* Base64 as data: URIs have it (RFC 4648 section 4), with its padding. */
static void
base64_put(struct buf *b, struct str s)
{
	static const char digit[] =
	    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

	for (size_t i = 0; i < s.n; i += 3) {
		size_t have = s.n - i < 3 ? s.n - i : 3;
		uint32_t three = 0;

		for (size_t k = 0; k < 3; k++)
			three = three << 8 | (k < have ? (uint8_t)s.p[i + k] : 0);
		for (size_t k = 0; k < 4; k++)
			buf_char(b, k <= have ? digit[three >> (18 - 6 * k) & 63] : '=');
	}
}

void
page_picture(struct buf *b, struct str png, int width, int height, const char *alt)
{
	buf_printf(b, "<img width=\"%d\" height=\"%d\" alt=\"", width, height);
	html_text(b, str_of(alt));
	buf_put(b, STR("\" src=\"data:image/png;base64,"));
	base64_put(b, png);
	buf_put(b, STR("\"/>"));
}

void
page_section(struct buf *b, const char *title, const char *text)
{
	buf_put(b, STR("<section>\n<h2>"));
	html_text(b, str_of(title));
	buf_put(b, STR("</h2>\n<p>"));
	html_text(b, str_of(text));
	buf_put(b, STR("</p>\n"));
}

void
page_section_end(struct buf *b)
{
	buf_put(b, STR("</section>\n"));
}

void
page_end(struct buf *b)
{
	buf_put(b, STR("</main></body></html>\n"));
}
