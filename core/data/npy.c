/*
 * NPY, the format of numpy.save: a version, the length of a header, and the header, which is a
 * Python dictionary of exactly three entries:
 *
 *	{'descr': '<f4', 'fortran_order': False, 'shape': (60000, 28, 28), }
 */
#include "parts.h"

#define HEADER_MAX 4096 /* numpy itself refuses to read longer ones */

/* clang-format off */
static const struct {
	const char *code;
	enum element element;
} types[] = {
	{ "b1", ELEMENT_BOOL },
	{ "u1", ELEMENT_UINT8 },   { "i1", ELEMENT_INT8 },
	{ "u2", ELEMENT_UINT16 },  { "i2", ELEMENT_INT16 },
	{ "u4", ELEMENT_UINT32 },  { "i4", ELEMENT_INT32 },
	{ "u8", ELEMENT_UINT64 },  { "i8", ELEMENT_INT64 },
	{ "f4", ELEMENT_FLOAT32 }, { "f8", ELEMENT_FLOAT64 },
};
/* clang-format on */

/* ---- The dictionary's words -------------------------------------------------------------- */

static void
skip_blanks(struct str *s)
{
	while (s->n > 0 && (*s->p == ' ' || *s->p == '\t' || *s->p == '\n')) {
		s->p++;
		s->n--;
	}
}

/* Takes this text, after blanks, if it comes next. */
static bool
word(struct str *s, const char *text)
{
	size_t n = strlen(text);

	skip_blanks(s);
	if (!str_starts(*s, (struct str){ text, n }))
		return false;
	s->p += n;
	s->n -= n;
	return true;
}

/* A text in quotes of either kind, without escapes. */
static bool
quoted(struct str *s, struct str *ret)
{
	char quote;

	skip_blanks(s);
	if (s->n == 0 || (*s->p != '\'' && *s->p != '"'))
		return false;
	quote = *s->p;
	s->p++;
	s->n--;
	if (memchr(s->p, quote, s->n) == NULL)
		return false;
	return str_cut(s, quote, ret);
}

static bool
number(struct str *s, int64_t *ret)
{
	struct str digits;
	size_t n = 0;

	skip_blanks(s);
	while (n < s->n && s->p[n] >= '0' && s->p[n] <= '9')
		n++;
	digits = (struct str){ s->p, n };
	s->p += n;
	s->n -= n;
	(void)word(s, "L"); /* as Python 2 wrote them */
	return str_number(digits, 0, INT64_MAX, ret);
}

/* ---- Its values -------------------------------------------------------------------------- */

MUST static bool
descr(struct ctx *c, struct str *s, struct array *a)
{
	char text[32];
	struct buf shown = BUF(text);
	struct str type = { "", 0 };

	if (!quoted(s, &type))
		return fail(c, E_INPUT, "the NPY array has fields: save a plain array");
	for (size_t i = 0; i < COUNT(types) && type.n == 3; i++) {
		if (!str_same((struct str){ type.p + 1, 2 }, str_of(types[i].code)) ||
		    memchr("<>|=", type.p[0], 4) == NULL)
			continue;
		a->element = types[i].element;
		a->big_endian = type.p[0] == '>';
		return true;
	}
	text_escape(&shown, (struct str){ type.p, type.n < 6 ? type.n : 6 });
	return fail(c, E_INPUT,
	    "the NPY array is of type %.*s: save it as uint8, float32 or an integer type",
	    STRF(buf_str(&shown)));
}

MUST static bool
order(struct ctx *c, struct str *s)
{
	if (word(s, "False"))
		return true;
	if (word(s, "True"))
		return fail(c, E_INPUT,
		    "the NPY array is in Fortran order: save numpy.ascontiguousarray of it");
	return fail(c, E_INPUT, "the NPY header is malformed");
}

MUST static bool
shape(struct ctx *c, struct str *s, struct array *a)
{
	bool ok = word(s, "(");

	while (ok && !word(s, ")")) {
		if (a->rank == DATA_RANK_MAX)
			return fail(c, E_INPUT, "the NPY array has more than %d dimensions",
			    DATA_RANK_MAX);
		ok = number(s, &a->dim[a->rank++]);
		/* A comma stands between two, and may stand after the last. */
		if (ok && !word(s, ","))
			ok = s->n > 0 && *s->p == ')';
	}
	if (!ok)
		return fail(c, E_INPUT, "the NPY header's shape is malformed");
	return true;
}

/* ---- The header -------------------------------------------------------------------------- */

enum { HAS_DESCR = 1, HAS_ORDER = 2, HAS_SHAPE = 4, HAS_ALL = 7 };

MUST static bool
entry(struct ctx *c, struct str *s, unsigned *has, struct array *a)
{
	struct str key;
	unsigned now;
	bool ok;

	if (!quoted(s, &key) || !word(s, ":"))
		return fail(c, E_INPUT, "the NPY header is malformed");
	if (str_same(key, STR("descr"))) {
		now = HAS_DESCR;
		ok = descr(c, s, a);
	} else if (str_same(key, STR("fortran_order"))) {
		now = HAS_ORDER;
		ok = order(c, s);
	} else if (str_same(key, STR("shape")) && (*has & HAS_SHAPE) == 0) {
		now = HAS_SHAPE;
		ok = shape(c, s, a);
	} else {
		return fail(c, E_INPUT, "the NPY header has an entry too many");
	}
	if (ok && (*has & now) != 0)
		return fail(c, E_INPUT, "the NPY header has an entry twice");
	*has |= now;
	return ok;
}

MUST static bool
dictionary(struct ctx *c, struct str s, struct array *ret)
{
	struct array a = { .element = ELEMENT_COUNT };
	unsigned has = 0;
	bool more = word(&s, "{");

	while (more && !word(&s, "}")) {
		if (!entry(c, &s, &has, &a))
			return false;
		if (!word(&s, ",")) {
			more = word(&s, "}");
			break;
		}
	}
	skip_blanks(&s);
	if (!more || s.n > 0 || has != HAS_ALL)
		return fail(c, E_INPUT, "the NPY header is malformed");
	*ret = a;
	return true;
}

bool
npy_header(struct ctx *c, struct stream *s, struct array *ret)
{
	uint8_t version[2], length[4] = { 0 };
	char header[HEADER_MAX];
	size_t n;

	if (!stream_take(c, s, version, sizeof version))
		return false;
	if (version[0] < 1 || version[0] > 3 || version[1] != 0)
		return fail(c, E_INPUT, "an NPY file of version %d.%d", version[0], version[1]);
	if (!stream_take(c, s, length, version[0] == 1 ? 2 : 4))
		return false;
	n = (size_t)length[3] << 24 | (size_t)length[2] << 16 | (size_t)length[1] << 8 |
	    length[0];
	if (n > HEADER_MAX)
		return fail(
		    c, E_INPUT, "an NPY header of %zu bytes: %d are possible", n, HEADER_MAX);
	return stream_take(c, s, header, n) && dictionary(c, (struct str){ header, n }, ret);
}
