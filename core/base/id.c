/*
 * Identifiers: a short type, '_' and a UUIDv7 (RFC 9562 section 5.7): 48 bits of time, 74 random
 * bits. They sort by time of birth, so tables keyed by them grow at their end.
 */
#include "base.h"

enum { UUID_TEXT = 36, TYPE_MAX = 4 };

static bool
is_hyphen_place(size_t i)
{
	return i == 8 || i == 13 || i == 18 || i == 23;
}

struct id
id_new(struct ctx *c, const char *type)
{
	static const char digits[] = "0123456789abcdef";
	struct id id = { 0 };
	uint8_t u[16];
	uint64_t ms = (uint64_t)c->now();
	char *p = id.s;

	c->random(u, sizeof u);
	for (int i = 0; i < 6; i++)
		u[i] = (uint8_t)(ms >> (40 - 8 * i));
	u[6] = (uint8_t)(0x70 | (u[6] & 0x0f)); /* version 7 */
	u[8] = (uint8_t)(0x80 | (u[8] & 0x3f)); /* variant of RFC 9562 */
	for (int i = 0; i < TYPE_MAX && type[i] != '\0'; i++)
		*p++ = type[i];
	*p++ = '_';
	for (size_t i = 0; i < 16; i++) {
		if (i == 4 || i == 6 || i == 8 || i == 10)
			*p++ = '-';
		*p++ = digits[u[i] >> 4];
		*p++ = digits[u[i] & 15];
	}
	return id;
}

bool
id_parse(struct ctx *c, struct str s, const char *type, struct id *ret)
{
	size_t skip = strlen(type) + 1;
	bool ok = s.n == skip + UUID_TEXT && s.n < ID_MAX && str_starts(s, str_of(type)) &&
	    s.p[skip - 1] == '_' && s.p[skip + 14] == '7';

	for (size_t i = 0; ok && i < UUID_TEXT; i++) {
		char ch = s.p[skip + i];

		ok = is_hyphen_place(i) ? ch == '-'
					: (ch >= '0' && ch <= '9') || (ch >= 'a' && ch <= 'f');
	}
	if (!ok)
		return fail(c, E_ABSENT, "not an id of this kind (%s_…)", type);
	*ret = (struct id){ 0 };
	memcpy(ret->s, s.p, s.n);
	return true;
}
