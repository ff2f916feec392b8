/*
 * Time: the clocks, and RFC 3339 text, UTC only. Dates are computed here (proleptic Gregorian,
 * days from civil), because the C library's functions depend on locale, zone and thread.
 */
#include <stdio.h>
#include <sys/random.h>
#include <time.h>

#include "base.h"

enum { DAY_MS = 86400000 };

int64_t
clock_now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_REALTIME, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

int64_t
clock_monotonic(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

void
os_random(void *p, size_t n)
{
	char *at = p;

	while (n > 0) {
		ssize_t got = getrandom(at, n, 0);

		if (got <= 0)
			abort(); /* without randomness nothing here is safe */
		at += got;
		n -= (size_t)got;
	}
}

struct ctx
ctx_real(struct arena *mem, const char *tag)
{
	return (struct ctx){ .mem = mem, .now = clock_now, .random = os_random, .tag = tag };
}

/* Days from 1970-01-01; years begin in March here, so that the leap day comes last. */
static int64_t
days_from_date(int64_t y, int64_t m, int64_t d)
{
	int64_t era, yoe, doy;

	y -= m <= 2;
	era = (y >= 0 ? y : y - 399) / 400;
	yoe = y - era * 400;
	doy = (153 * (m + (m > 2 ? -3 : 9)) + 2) / 5 + d - 1;
	return era * 146097 + yoe * 365 + yoe / 4 - yoe / 100 + doy - 719468;
}

static void
date_from_days(int64_t days, int64_t *y, int64_t *m, int64_t *d)
{
	int64_t z = days + 719468;
	int64_t era = (z >= 0 ? z : z - 146096) / 146097;
	int64_t doe = z - era * 146097;
	int64_t yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
	int64_t doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
	int64_t mp = (5 * doy + 2) / 153;

	*d = doy - (153 * mp + 2) / 5 + 1;
	*m = mp + (mp < 10 ? 3 : -9);
	*y = yoe + era * 400 + (*m <= 2);
}

static void
digits_put(char *p, int64_t n, int width)
{
	for (int i = width; i-- > 0; n /= 10)
		p[i] = (char)('0' + n % 10);
}

void
time_put(struct buf *b, int64_t ms)
{
	int64_t days = ms / DAY_MS - (ms % DAY_MS < 0), rest = ms - days * DAY_MS, y, m, d;
	char text[] = "YYYY-MM-DDThh:mm:ss.000Z";

	date_from_days(days, &y, &m, &d);
	digits_put(text, y, 4);
	digits_put(text + 5, m, 2);
	digits_put(text + 8, d, 2);
	digits_put(text + 11, rest / 3600000, 2);
	digits_put(text + 14, rest / 60000 % 60, 2);
	digits_put(text + 17, rest / 1000 % 60, 2);
	digits_put(text + 20, rest % 1000, 3);
	buf_put(b, (struct str){ text, sizeof text - 1 });
}

/* `form` has a letter for each digit and itself for everything else. */
static bool
shaped(struct str s, const char *form)
{
	for (size_t i = 0; i < s.n; i++) {
		bool digit = s.p[i] >= '0' && s.p[i] <= '9';

		if (form[i] == '0' ? !digit : s.p[i] != form[i])
			return false;
	}
	return true;
}

static int64_t
digits_at(struct str s, size_t at, size_t n)
{
	int64_t v = 0;

	for (size_t i = at; i < at + n; i++)
		v = v * 10 + (s.p[i] - '0');
	return v;
}

bool
time_parse(struct ctx *c, struct str s, int64_t *ret_ms)
{
	int64_t y, mo, d, h, mi, sec, ms = 0, y2, m2, d2, days;

	if (!(s.n == 20 && shaped(s, "0000-00-00T00:00:00Z")) &&
	    !(s.n == 24 && shaped(s, "0000-00-00T00:00:00.000Z")))
		return fail(
		    c, E_INPUT, "a time is written 2026-02-01T12:00:00Z (RFC 3339, UTC)");
	y = digits_at(s, 0, 4);
	mo = digits_at(s, 5, 2);
	d = digits_at(s, 8, 2);
	h = digits_at(s, 11, 2);
	mi = digits_at(s, 14, 2);
	sec = digits_at(s, 17, 2);
	if (s.n == 24)
		ms = digits_at(s, 20, 3);
	if (y < 1970 || mo < 1 || mo > 12 || d < 1 || h > 23 || mi > 59 || sec > 59)
		return fail(c, E_INPUT, "no such time");
	days = days_from_date(y, mo, d);
	date_from_days(days, &y2, &m2, &d2);
	if (d2 != d || m2 != mo)
		return fail(c, E_INPUT, "no such day");
	*ret_ms = days * DAY_MS + h * 3600000 + mi * 60000 + sec * 1000 + ms;
	return true;
}
