/*
 * Views of bytes and bounded writers: the only ways in which text travels through this program.
 */
#include <stdarg.h>
#include <stdio.h>

#include "base.h"

struct str
str_of(const char *s)
{
	return s == NULL ? (struct str){ "", 0 } : (struct str){ s, strlen(s) };
}

bool
str_same(struct str a, struct str b)
{
	return a.n == b.n && (a.n == 0 || memcmp(a.p, b.p, a.n) == 0);
}

bool
str_starts(struct str s, struct str prefix)
{
	return s.n >= prefix.n && str_same((struct str){ s.p, prefix.n }, prefix);
}

bool
str_cut(struct str *rest, char sep, struct str *ret_head)
{
	const char *at = rest->n > 0 ? memchr(rest->p, sep, rest->n) : NULL;

	if (at == NULL) {
		*ret_head = *rest;
		*rest = (struct str){ "", 0 };
		return false;
	}
	*ret_head = (struct str){ rest->p, (size_t)(at - rest->p) };
	rest->n -= ret_head->n + 1;
	rest->p = at + 1;
	return true;
}

static bool
is_blank(char ch)
{
	return ch == ' ' || ch == '\t' || ch == '\r';
}

struct str
str_trim(struct str s)
{
	while (s.n > 0 && is_blank(s.p[0])) {
		s.p++;
		s.n--;
	}
	while (s.n > 0 && is_blank(s.p[s.n - 1]))
		s.n--;
	return s;
}

bool
pairs_next(struct pairs *p)
{
	struct str line = { "", 0 };

	while (line.n == 0 || line.p[0] == '#') {
		if (p->rest.n == 0)
			return false;
		(void)str_cut(&p->rest, '\n', &line);
		line = str_trim(line);
		p->line++;
	}
	p->value = line;
	if (str_cut(&p->value, '=', &p->key))
		p->value = str_trim(p->value);
	else
		p->value = (struct str){ 0 };
	p->key = str_trim(p->key);
	return true;
}

bool
str_number(struct str s, int64_t min, int64_t max, int64_t *ret)
{
	int64_t n = 0;

	if (s.n == 0 || s.n > 18 || (s.p[0] == '0' && s.n > 1))
		return false;
	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] < '0' || s.p[i] > '9')
			return false;
		n = n * 10 + (s.p[i] - '0');
	}
	if (n < min || n > max)
		return false;
	*ret = n;
	return true;
}

void
buf_put(struct buf *b, struct str s)
{
	if (b->full || s.n > b->max - b->n) {
		b->full = true;
		return;
	}
	if (s.n > 0)
		memcpy(b->p + b->n, s.p, s.n);
	b->n += s.n;
}

void
buf_char(struct buf *b, char ch)
{
	buf_put(b, (struct str){ &ch, 1 });
}

void
buf_number(struct buf *b, int64_t n)
{
	char digits[24], *p = digits + sizeof digits;
	uint64_t u = n < 0 ? 0 - (uint64_t)n : (uint64_t)n;

	do
		*--p = (char)('0' + u % 10);
	while ((u /= 10) != 0);
	if (n < 0)
		*--p = '-';
	buf_put(b, (struct str){ p, (size_t)(digits + sizeof digits - p) });
}

void
buf_printf(struct buf *b, const char *fmt, ...)
{
	size_t room = b->max - b->n;
	char last;
	va_list args;
	int n;

	if (b->full)
		return;
	va_start(args, fmt);
	n = vsnprintf(b->p + b->n, room, fmt, args);
	va_end(args);
	if (n < 0 || (size_t)n > room) {
		b->full = true;
		return;
	}
	if (n > 0 && (size_t)n == room) {
		/* The terminator took the place of the last character: print it apart. */
		char *whole;

		va_start(args, fmt);
		n = vasprintf(&whole, fmt, args);
		va_end(args);
		if (n < 0) {
			b->full = true;
			return;
		}
		last = whole[n - 1];
		b->p[b->n + (size_t)n - 1] = last;
		free(whole);
	}
	b->n += (size_t)n;
}

struct str
buf_str(const struct buf *b)
{
	return (struct str){ b->p, b->n };
}
