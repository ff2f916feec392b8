/*
 * Text forms: base64url and hex for bytes, checks and folding for names that people type, and the
 * escaping that lets untrusted text into a log line or onto a terminal.
 */
#include <stdio.h>
#include <unicase.h>
#include <uninorm.h>
#include <unistr.h>

#include "base.h"

static const char alphabet[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/* Four characters of three bytes. */
static inline void
base64url_group(char *to, const unsigned char *p)
{
	uint32_t v = (uint32_t)p[0] << 16 | (uint32_t)p[1] << 8 | p[2];
	const char four[] = { alphabet[v >> 18], alphabet[v >> 12 & 63], alphabet[v >> 6 & 63],
		alphabet[v & 63] };

	memcpy(to, four, sizeof four); /* at once: unlock keys are long */
}

void
base64url_put(struct buf *b, const void *bytes, size_t n)
{
	size_t rest = n % 3, size = n / 3 * 4 + (rest == 0 ? 0 : rest + 1);
	const unsigned char *p = bytes;
	unsigned char last[3] = { 0 };
	char *to, group[4];

	if (b->full || size > b->max - b->n) {
		b->full = true;
		return;
	}
	to = b->p + b->n;
	b->n += size;
	for (; n >= 3; n -= 3, p += 3, to += 4)
		base64url_group(to, p);
	if (rest > 0) {
		memcpy(last, p, rest);
		base64url_group(group, last);
		memcpy(to, group, rest + 1);
	}
}

static int
base64url_value(char ch)
{
	if (ch >= 'A' && ch <= 'Z')
		return ch - 'A';
	if (ch >= 'a' && ch <= 'z')
		return ch - 'a' + 26;
	if (ch >= '0' && ch <= '9')
		return ch - '0' + 52;
	return ch == '-' ? 62 : ch == '_' ? 63 : -1;
}

bool
base64url_decode(struct ctx *c, struct str text, struct str *ret)
{
	size_t n = text.n / 4 * 3 + (text.n % 4 == 0 ? 0 : text.n % 4 - 1), at = 0;
	uint32_t v = 0;
	unsigned bits = 0;
	char *p;

	if (text.n % 4 == 1)
		return fail(c, E_INPUT, "not base64url: impossible length");
	p = take(c, n + 1);
	if (p == NULL)
		return false;
	for (size_t i = 0; i < text.n; i++) {
		int x = base64url_value(text.p[i]);

		if (x < 0)
			return fail(c, E_INPUT, "not base64url: character %zu", i + 1);
		v = v << 6 | (uint32_t)x;
		bits += 6;
		if (bits >= 8) {
			bits -= 8;
			p[at++] = (char)(v >> bits & 255);
		}
	}
	if ((v & ((1u << bits) - 1)) != 0)
		return fail(c, E_INPUT, "not base64url: unused bits are set");
	*ret = (struct str){ p, at };
	return true;
}

void
hex_put(struct buf *b, const void *bytes, size_t n)
{
	static const char digits[] = "0123456789abcdef";
	const unsigned char *p = bytes;

	for (size_t i = 0; i < n; i++)
		buf_put(b, (struct str){ (char[]){ digits[p[i] >> 4], digits[p[i] & 15] }, 2 });
}

static int
hex_value(char ch)
{
	if (ch >= '0' && ch <= '9')
		return ch - '0';
	return ch >= 'a' && ch <= 'f' ? ch - 'a' + 10 : -1;
}

bool
hex_decode(struct ctx *c, struct str text, void *ret, size_t n)
{
	unsigned char *out = ret;

	if (text.n != 2 * n)
		return fail(c, E_INPUT, "%zu hex digits wanted, not %zu", 2 * n, text.n);
	for (size_t i = 0; i < text.n; i++)
		if (hex_value(text.p[i]) < 0)
			return fail(c, E_INPUT, "not a hex digit at character %zu", i + 1);
	for (size_t i = 0; i < n; i++)
		out[i] = (unsigned char)(hex_value(text.p[2 * i]) << 4 |
		    hex_value(text.p[2 * i + 1]));
	return true;
}

bool
text_valid(struct str s)
{
	const uint8_t *u = (const uint8_t *)s.p;

	for (size_t i = 0; i < s.n; i++)
		if (u[i] < 0x20 || u[i] == 0x7f ||
		    (u[i] == 0xc2 && i + 1 < s.n && u[i + 1] < 0xa0))
			return false;
	return s.n == 0 || u8_check(u, s.n) == NULL;
}

bool
text_fold(struct ctx *c, struct str s, struct str *ret)
{
	size_t n = 0;
	uint8_t *folded;
	bool ok;

	if (s.n == 0) {
		*ret = s;
		return true;
	}
	if (!text_valid(s))
		return fail(c, E_INPUT, "not printable UTF-8 text");
	folded = u8_casefold((const uint8_t *)s.p, s.n, NULL, UNINORM_NFKC, NULL, &n);
	if (folded == NULL)
		return fail(c, E_MEMORY, "no memory to fold a name");
	ok = n <= FOLDED_MAX
	    ? take_copy(c, (struct str){ (char *)folded, n }, ret)
	    : fail(c, E_INPUT, "a name that is too long in its plain form: take another");
	free(folded);
	return ok;
}

void
text_escape(struct buf *b, struct str s)
{
	for (size_t i = 0; i < s.n;) {
		const uint8_t *u = (const uint8_t *)s.p + i;
		ucs4_t ch;
		int len = u8_mbtouc(&ch, u, s.n - i);

		if (ch == '"' || ch == '\\')
			buf_put(b, (struct str){ (char[]){ '\\', (char)ch }, 2 });
		else if (ch < 0x20 || (ch >= 0x7f && ch < 0xa0) || ch == 0xfffd || len <= 0)
			buf_printf(b, "\\x%02x", *u), len = 1;
		else
			buf_put(b, (struct str){ s.p + i, (size_t)len });
		i += (size_t)len;
	}
}
