/*
 * A share as people copy it: one word without blanks, in base32 (RFC 4648, lower case), which has
 * no 0, 1, 8 or 9 to be mistaken for letters. Its own checksum of 40 bits tells a typing error in
 * this very share, before it is ever put together with others. Like the arithmetic, the coding
 * uses no table.
 */
#include "parts.h"

#define PREFIX "hms1"

enum { GROUP = 5, BODY = 40, CHECK = 5 };

_Static_assert(sizeof((struct share *)0)->group == GROUP, "eight letters");
_Static_assert(sizeof((struct share *)0)->y + sizeof((struct share *)0)->commit == BODY,
    "sixty-four letters");

/* The letter of v < 32: a to z, 2 to 7. */
static char
letter(unsigned v)
{
	unsigned digit = 0 - ((25 - v) >> 31); /* all ones from 26 on */

	return (char)(v + 'a' - (digit & ('a' + 26 - '2')));
}

/* All ones if v < limit < 2^31, for any v. */
static unsigned
below(unsigned v, unsigned limit)
{
	return 0 - (((v - limit) & ~v) >> 31);
}

/* The value of a letter, capital or not; 32 if it is none. */
static unsigned
letter_value(char ch)
{
	unsigned u = (unsigned char)ch, low = (u | 0x20) - 'a', digit = u - '2';
	unsigned is_low = below(low, 26), is_digit = below(digit, 6);

	return (is_low & low) | (is_digit & (digit + 26)) | (~(is_low | is_digit) & 32);
}

/* n bytes, a multiple of 5. */
static void
base32_put(struct buf *b, const uint8_t *p, size_t n)
{
	for (size_t i = 0; i < n; i += 5) {
		uint64_t five = 0;

		for (size_t j = 0; j < 5; j++)
			five = five << 8 | p[i + j];
		for (int shift = 35; shift >= 0; shift -= 5)
			buf_char(b, letter((unsigned)(five >> shift) & 31));
	}
}

/* Exactly n bytes, a multiple of 5. */
static bool
base32_get(struct str s, uint8_t *ret, size_t n)
{
	unsigned bad = 0;

	if (s.n != n / 5 * 8)
		return false;
	for (size_t i = 0; i < n / 5; i++) {
		uint64_t five = 0;

		for (size_t j = 0; j < 8; j++) {
			unsigned v = letter_value(s.p[8 * i + j]);

			bad |= v & 32;
			five = five << 5 | (v & 31);
		}
		for (size_t j = 0; j < 5; j++)
			ret[5 * i + j] = (uint8_t)(five >> (32 - 8 * j));
	}
	return bad == 0;
}

/*
 * CRC-40 of the share's bytes (not of its text: capitals do not matter), with the polynomial of
 * 3GPP TS 45.003: it finds every error within eight neighbouring letters, exchanged ones among
 * them, and misses others once in 2^40. For typing errors only; the commitment is for forgeries.
 */
static void
checksum(const struct share *s, uint8_t ret[CHECK])
{
	const uint8_t *p = (const uint8_t *)s;
	uint64_t crc = 0;

	for (size_t i = 0; i < 8 * sizeof *s; i++) {
		uint64_t bit = (uint64_t)(p[i / 8] >> (7 - i % 8)) & 1, top = crc >> 39 & 1;

		crc = (crc << 1) ^ ((0 - (bit ^ top)) & UINT64_C(0x0004820009));
		crc &= UINT64_C(0xffffffffff);
	}
	crc ^= UINT64_C(0xffffffffff);
	for (int i = 0; i < CHECK; i++)
		ret[i] = (uint8_t)(crc >> (32 - 8 * i));
}

_Static_assert(sizeof(struct share) == GROUP + 2 + BODY, "no padding in what is summed");

void
share_put(struct buf *b, const struct share *s)
{
	uint8_t body[BODY], check[CHECK];

	memcpy(body, s->y, sizeof s->y);
	memcpy(body + sizeof s->y, s->commit, sizeof s->commit);
	checksum(s, check);
	buf_put(b, STR(PREFIX "-"));
	base32_put(b, s->group, GROUP);
	buf_printf(b, "-%u-%u-", s->k, s->index);
	base32_put(b, body, BODY);
	buf_char(b, '-');
	base32_put(b, check, CHECK);
	explicit_bzero(body, sizeof body);
}

static bool
is_prefix(struct str s)
{
	return s.n == 4 && (s.p[0] | 0x20) == 'h' && (s.p[1] | 0x20) == 'm' &&
	    (s.p[2] | 0x20) == 's' && s.p[3] == '1';
}

bool
share_parse(struct ctx *c, struct str text, struct share *ret)
{
	owned(share_done) struct share s = { 0 };
	uint8_t body[BODY], check[CHECK], want[CHECK];
	struct str prefix, group, k, index, share, rest = text;
	int64_t k_n, index_n;
	bool ok;

	str_cut(&rest, '-', &prefix);
	str_cut(&rest, '-', &group);
	str_cut(&rest, '-', &k);
	str_cut(&rest, '-', &index);
	str_cut(&rest, '-', &share);
	if (text.n > SHARE_TEXT_MAX || !is_prefix(prefix))
		return fail(c, E_INPUT, "a share begins with %s- and is one word", PREFIX);
	if (!str_number(k, 1, SHARES_MAX, &k_n) || !str_number(index, 1, SHARES_MAX, &index_n))
		return fail(c, E_INPUT, "the share has a typing error in its numbers");
	ok = base32_get(group, s.group, GROUP) && base32_get(share, body, BODY) &&
	    base32_get(rest, check, CHECK);
	s.k = (uint8_t)k_n;
	s.index = (uint8_t)index_n;
	memcpy(s.y, body, sizeof s.y);
	memcpy(s.commit, body + sizeof s.y, sizeof s.commit);
	explicit_bzero(body, sizeof body);
	checksum(&s, want);
	if (!ok ||
	    !secret_same(
		(struct str){ (char *)check, CHECK }, (struct str){ (char *)want, CHECK }))
		return fail(c, E_INPUT, "share %u has a typing error", s.index);
	*ret = s;
	return true;
}
