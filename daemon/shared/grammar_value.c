/*
 * The values of a command line: what stands for <vendor>, <time>, <lines>. Each kind says what it
 * wants in words that the user can act upon.
 */
#include "grammar.h"

MUST static bool
word_check(struct ctx *c, const struct placeholder *type, const char *what, struct str value)
{
	char all[120];
	struct buf b = BUF(all);
	struct str one;

	for (size_t i = 0; type->words[i] != NULL; i++)
		buf_printf(&b, "%s%s", i > 0 ? ", " : "", type->words[i]);
	do {
		bool known = false;

		(void)str_cut(&value, ',', &one);
		for (size_t i = 0; type->words[i] != NULL && !known; i++)
			known = str_same(one, str_of(type->words[i]));
		if (!known)
			return fail(c, E_USAGE, "%s is one of: %.*s", what, STRF(buf_str(&b)));
	} while (value.n > 0);
	return true;
}

static int64_t
unit_ms(char unit)
{
	static const struct {
		char unit;
		int64_t ms;
	} units[] = { { 'm', 60000 }, { 'h', 3600000 }, { 'd', 86400000 }, { 'w', 604800000 },
		{ 'y', INT64_C(31536000000) } };

	for (size_t i = 0; i < COUNT(units); i++)
		if (units[i].unit == unit)
			return units[i].ms;
	return 0;
}

bool
grammar_span(struct ctx *c, struct str s, int64_t *ret)
{
	int64_t n, ms = s.n > 1 ? unit_ms(s.p[s.n - 1]) : 0;

	if (str_same(s, STR("0"))) {
		*ret = 0;
		return true;
	}
	if (s.n > 1 && s.p[s.n - 1] == 's')
		ms = 1000;
	if (ms == 0 || !str_number((struct str){ s.p, s.n - 1 }, 1, 100000, &n))
		return fail(c, E_USAGE, "a span of time is 90s, 10m, 12h, 7d, 2w, 1y, or 0");
	*ret = n * (ms / 1000);
	return true;
}

bool
grammar_time(struct ctx *c, struct str s, int64_t *ret)
{
	char day[32];
	struct buf b = BUF(day);
	int64_t n;

	if (str_same(s, STR("never"))) {
		*ret = 0;
		return true;
	}
	if (s.n > 1 && unit_ms(s.p[s.n - 1]) > 0 &&
	    str_number((struct str){ s.p, s.n - 1 }, 1, 100000, &n)) {
		*ret = c->now() + n * unit_ms(s.p[s.n - 1]);
		return true;
	}
	if (s.n == 10) {
		buf_put(&b, s);
		buf_put(&b, STR("T00:00:00Z"));
		s = buf_str(&b);
	}
	if (time_parse(c, s, ret))
		return true;
	return fail(c, E_USAGE,
	    "a time is 90d, 12h (m h d w y), 2027-01-31, 2027-01-31T12:00:00Z or never");
}

bool
grammar_value(struct ctx *c, const struct placeholder *type, const char *what, struct str value)
{
	struct id id;
	int64_t n;

	switch (type->want) {
	case WANT_NUMBER:
		if (!str_number(value, type->min, type->max, &n))
			return fail(c, E_USAGE, "%s is a number from %lld to %lld", what,
			    (long long)type->min, (long long)type->max);
		return true;
	case WANT_WORD:
		return word_check(c, type, what, value);
	case WANT_TIME:
		return grammar_time(c, value, &n);
	case WANT_SPAN:
		return grammar_span(c, value, &n);
	case WANT_ID:
		if (!id_parse(c, value, type->id, &id))
			return fail(
			    c, E_USAGE, "%s is an id that begins with %s_", what, type->id);
		return true;
	case WANT_ANY:
		return true;
	case WANT_SECRET:
		if (!str_same(value, STR("-")) && (value.n < 2 || value.p[0] != '@'))
			return fail(c, E_USAGE,
			    "%s is a secret and never an argument: give @FILE, or - and the "
			    "secret on standard input",
			    what);
		return true;
	case WANT_TEXT:
	case WANT_FILE:
		if (value.n < (size_t)type->min || value.n > (size_t)type->max ||
		    !text_valid(value))
			return fail(c, E_USAGE, "%s is printable text of %lld to %lld bytes",
			    what, (long long)type->min, (long long)type->max);
		return true;
	}
	abort(); /* the compiler has seen every case */
}
