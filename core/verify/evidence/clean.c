/*
 * What a report can hold: texts that are text, numbers of ten digits. All arithmetic is done with
 * numbers that have been through here, so that whoever reads them from a report finds the same.
 */
#include <math.h>
#include <stdarg.h>
#include <stdio.h>

#include "parts.h"

/* Logarithms of probabilities end somewhere, above minus infinity. */
#define LOG10_LEAST (-1e9)
/* The end of the year 9999. */
#define TIME_MOST INT64_C(253402300799999)
/* Every program that reads JSON has these exactly. */
#define COUNT_MOST (INT64_C(1) << 53)

/* Of ten digits; whatever is not finite becomes "not known". */
static double
ten_digits(double v)
{
	char text[32];

	if (!isfinite(v))
		return NAN;
	snprintf(text, sizeof text, "%.10g", v);
	return strtod(text, NULL) + 0.; /* no negative zero */
}

static double
log10_within(double v)
{
	return isnan(v) || v > 0 ? 0 : ten_digits(fmax(v, LOG10_LEAST));
}

/* Cut where a character is not whole; if it is no text then, what is not ASCII becomes '?'. */
static void
text_clean(char *text, size_t size)
{
	size_t n = strnlen(text, size - 1), at = n;

	for (size_t i = 0; i < n; i++)
		if ((unsigned char)text[i] < 0x20 || text[i] == 0x7f)
			text[i] = ' ';
	while (at > 0 && n - at < 3 && ((unsigned char)text[at - 1] & 0xc0) == 0x80)
		at--;
	if (at > 0 && !text_valid((struct str){ text + at - 1, n - at + 1 }))
		n = at - 1;
	memset(text + n, 0, size - n);
	for (size_t i = 0; !text_valid((struct str){ text, n }) && i < n; i++)
		if ((unsigned char)text[i] >= 0x7f)
			text[i] = '?';
}

static int64_t
within(int64_t n, int64_t most)
{
	if (n < 0)
		return 0;
	return n < most ? n : most;
}

static void
one_clean(const struct member *m, char *at)
{
	int64_t *count = (void *)at;
	double *real = (void *)at;

	switch (m->kind) {
	case MEMBER_TEXT:
		text_clean(at, m->size);
		break;
	case MEMBER_COUNT:
		*count = within(*count, COUNT_MOST);
		break;
	case MEMBER_COUNTS:
		for (size_t i = 0; i < m->size / sizeof *count; i++)
			count[i] = within(count[i], COUNT_MOST);
		break;
	case MEMBER_TIME:
		if (*count < 0 || *count > TIME_MOST)
			*count = 0;
		break;
	case MEMBER_REAL:
		*real = ten_digits(*real);
		break;
	case MEMBER_LOG10:
		*real = log10_within(*real);
		break;
	case MEMBER_OBJECT:
		members_clean(m->of, m->members, at);
		break;
	case MEMBER_WORD:
	case MEMBER_INT:
	case MEMBER_U32:
	case MEMBER_BOOL:
	case MEMBER_DIGEST:
	case MEMBER_MAP:
	case MEMBER_ROW:
	case MEMBER_LIST:
		break;
	}
}

void
members_clean(const struct member *m, size_t n, void *of)
{
	char *at = of;

	for (size_t i = 0; i < n; i++) {
		size_t many = m[i].most;

		one_clean(&m[i], at + m[i].at);
		if (m[i].kind != MEMBER_LIST)
			continue;
		if (m[i].count_at != 0) {
			size_t *count = (void *)(at + m[i].count_at);

			*count = *count < many ? *count : many;
			many = *count;
		}
		for (size_t k = 0; k < many; k++)
			members_clean(m[i].of, m[i].members, at + m[i].at + k * m[i].size);
	}
}

/* ---- Maps -------------------------------------------------------------------------------- */

/* Each sample the mean of a block of the larger map. */
MUST static bool
map_reduce(struct ctx *c, const struct evidence_picture *p, int width, int height,
    const uint8_t *from, const uint8_t **ret)
{
	uint8_t *to = take(c, (size_t)width * (size_t)height);

	if (to == NULL)
		return false;
	for (int i = 0; i < width * height; i++) {
		int x0 = (int)((int64_t)(i % width) * p->width / width);
		int x1 = (int)((int64_t)(i % width + 1) * p->width / width);
		int y0 = (int)((int64_t)(i / width) * p->height / height);
		int y1 = (int)((int64_t)(i / width + 1) * p->height / height);
		int64_t sum = 0, n = (int64_t)(x1 - x0) * (y1 - y0);

		for (int y = y0; y < y1; y++)
			for (int x = x0; x < x1; x++)
				sum += from[(size_t)y * (size_t)p->width + (size_t)x];
		to[i] = (uint8_t)((sum + n / 2) / n);
	}
	*ret = to;
	return true;
}

bool
evidence_maps_reduce(struct ctx *c, struct evidence *e)
{
	for (size_t i = 0; i < e->pictures; i++) {
		struct evidence_picture *p = &e->picture[i];
		int width = p->width < EVIDENCE_MAP_SIDE ? p->width : EVIDENCE_MAP_SIDE;
		int height = p->height < EVIDENCE_MAP_SIDE ? p->height : EVIDENCE_MAP_SIDE;

		if (width < 1 || height < 1 || p->owner == NULL || p->suspect == NULL)
			return fail(c, E_INTERNAL, "a relevance map without samples");
		if (width == p->width && height == p->height)
			continue;
		if (!map_reduce(c, p, width, height, p->owner, &p->owner) ||
		    !map_reduce(c, p, width, height, p->suspect, &p->suspect))
			return false;
		p->width = width;
		p->height = height;
	}
	return true;
}

void
evidence_fact(struct evidence *e, const char *label, const char *fmt, ...)
{
	struct evidence_fact *f = &e->fact[e->facts];
	va_list args;

	if (e->facts == COUNT(e->fact))
		return;
	snprintf(f->label, sizeof f->label, "%s", label);
	va_start(args, fmt);
	vsnprintf(f->value, sizeof f->value, fmt, args);
	va_end(args);
	e->facts++;
}
