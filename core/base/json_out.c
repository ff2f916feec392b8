/*
 * JSON out: a writer of compact JSON that keeps the commas. Text is escaped as RFC 8259 asks;
 * numbers that JSON cannot hold (NaN, infinities) become null.
 */
#include <math.h>
#include <stdio.h>

#include "base.h"

static void
quoted(struct buf *b, struct str s)
{
	size_t from = 0;

	buf_char(b, '"');
	for (size_t i = 0; i < s.n; i++) {
		unsigned char ch = (unsigned char)s.p[i];

		if (ch >= 0x20 && ch != '"' && ch != '\\' && ch != 0x7f)
			continue;
		buf_put(b, (struct str){ s.p + from, i - from });
		from = i + 1;
		if (ch == '"' || ch == '\\')
			buf_put(b, (struct str){ (char[]){ '\\', (char)ch }, 2 });
		else if (ch == '\n')
			buf_put(b, STR("\\n"));
		else
			buf_printf(b, "\\u%04x", ch);
	}
	if (from < s.n)
		buf_put(b, (struct str){ s.p + from, s.n - from });
	buf_char(b, '"');
}

static void
begin(struct js *j, const char *key)
{
	if (j->comma)
		buf_char(j->out, ',');
	j->comma = true;
	if (key == NULL)
		return;
	quoted(j->out, str_of(key));
	buf_char(j->out, ':');
}

void
js_open(struct js *j, const char *key, char bracket)
{
	begin(j, key);
	buf_char(j->out, bracket);
	j->comma = false;
}

void
js_close(struct js *j, char bracket)
{
	buf_char(j->out, bracket);
	j->comma = true;
}

void
js_text(struct js *j, const char *key, struct str s)
{
	begin(j, key);
	quoted(j->out, s);
}

void
js_number(struct js *j, const char *key, int64_t n)
{
	begin(j, key);
	buf_number(j->out, n);
}

void
js_real(struct js *j, const char *key, double d)
{
	begin(j, key);
	if (isfinite(d))
		buf_printf(j->out, "%.10g", d);
	else
		buf_put(j->out, STR("null"));
}

void
js_bool(struct js *j, const char *key, bool v)
{
	begin(j, key);
	buf_put(j->out, v ? STR("true") : STR("false"));
}

void
js_null(struct js *j, const char *key)
{
	begin(j, key);
	buf_put(j->out, STR("null"));
}

void
js_time(struct js *j, const char *key, int64_t ms)
{
	begin(j, key);
	buf_char(j->out, '"');
	time_put(j->out, ms);
	buf_char(j->out, '"');
}

void
js_time_or_null(struct js *j, const char *key, int64_t ms)
{
	if (ms != 0)
		js_time(j, key, ms);
	else
		js_null(j, key);
}

void
js_text_or_null(struct js *j, const char *key, struct str text)
{
	if (text.n > 0)
		js_text(j, key, text);
	else
		js_null(j, key);
}

void
js_bytes(struct js *j, const char *key, const void *bytes, size_t n)
{
	begin(j, key);
	buf_char(j->out, '"');
	base64url_put(j->out, bytes, n);
	buf_char(j->out, '"');
}

void
js_raw(struct js *j, const char *key, struct str value)
{
	begin(j, key);
	buf_put(j->out, value);
}
