/*
 * A form with one file. The body is all in memory; it is cut here, never copied, and each cut is
 * made once, from front to back. What a form may have but ours has not is refused: a preamble, an
 * epilogue, folded header lines, encodings, a second field.
 *
 *	--BOUNDARY CRLF
 *	Content-Disposition: form-data; name="image"; filename="me.png" CRLF
 *	Content-Type: image/png CRLF
 *	CRLF
 *	bytes CRLF
 *	--BOUNDARY-- CRLF
 */
#include <strings.h>

#include "multipart.h"

enum { BOUNDARY_MAX = 70, HEADERS_MAX = 8, LINE_MAX = 1024 };

static bool
same_word(struct str s, const char *word)
{
	return s.n == strlen(word) && strncasecmp(s.p, word, s.n) == 0;
}

MUST static bool
no_form(struct ctx *c, const char *what)
{
	return fail(c, E_USAGE, "the form is malformed: %s", what);
}

/* ---- Parameters of a header -------------------------------------------------------------- */

/* A quoted string, without its quotes; a quote in it is escaped, and stays so. */
static bool
quoted(struct str *rest, struct str *ret)
{
	for (size_t i = 1; i < rest->n; i++) {
		if (rest->p[i] == '\\')
			i++;
		else if (rest->p[i] == '"') {
			*ret = (struct str){ rest->p + 1, i - 1 };
			rest->p += i + 1;
			rest->n -= i + 1;
			return true;
		}
	}
	return false;
}

/*
 * The next `; name=value` of what follows a header's first word; false at the end, and, *ret_bad
 * then being set, where that is not what comes.
 */
static bool
parameter_next(struct str *rest, struct str *ret_name, struct str *ret_value, bool *ret_bad)
{
	struct str s = str_trim(*rest);

	*ret_bad = s.n > 0;
	if (s.n == 0 || s.p[0] != ';')
		return false;
	s = str_trim((struct str){ s.p + 1, s.n - 1 });
	if (!str_cut(&s, '=', ret_name) || ret_name->n == 0)
		return false;
	if (s.n > 0 && s.p[0] == '"') {
		if (!quoted(&s, ret_value))
			return false;
	} else {
		size_t n = 0;

		while (n < s.n && s.p[n] != ';' && s.p[n] != '"')
			n++;
		*ret_value = str_trim((struct str){ s.p, n });
		s.p += n;
		s.n -= n;
	}
	*ret_bad = false;
	*rest = s;
	return true;
}

/* The value of that parameter; the same one twice is malformed. */
MUST static bool
parameter(struct ctx *c, struct str rest, const char *wanted, bool *ret_found, struct str *ret)
{
	struct str name, value;
	bool bad;

	*ret_found = false;
	while (parameter_next(&rest, &name, &value, &bad)) {
		if (!same_word(name, wanted))
			continue;
		if (*ret_found)
			return no_form(c, "a header says something twice");
		*ret_found = true;
		*ret = value;
	}
	return bad ? no_form(c, "a header's parameters cannot be read") : true;
}

/* What stands before the first semicolon, which the rest keeps. */
static struct str
first_word(struct str *rest)
{
	size_t n = 0;
	struct str word;

	while (n < rest->n && rest->p[n] != ';')
		n++;
	word = str_trim((struct str){ rest->p, n });
	rest->p += n;
	rest->n -= n;
	return word;
}

bool
multipart_is(struct str content_type)
{
	return same_word(first_word(&content_type), "multipart/form-data");
}

/* RFC 2046: 1 to 70 of these characters. */
MUST static bool
boundary_of(struct ctx *c, struct str type, struct str *ret)
{
	static const char extra[] = "'()+_,-./:=? ";
	struct str b;
	bool found;

	(void)first_word(&type);
	if (!parameter(c, type, "boundary", &found, &b))
		return false;
	if (!found || b.n == 0 || b.n > BOUNDARY_MAX || b.p[b.n - 1] == ' ')
		return no_form(c, "its Content-Type names no boundary of 1 to 70 characters");
	for (size_t i = 0; i < b.n; i++)
		if (((b.p[i] | 0x20) < 'a' || (b.p[i] | 0x20) > 'z') &&
		    (b.p[i] < '0' || b.p[i] > '9') &&
		    memchr(extra, b.p[i], sizeof extra - 1) == NULL)
			return no_form(c, "its boundary has a character that none may have");
	*ret = b;
	return true;
}

/* ---- The one part ------------------------------------------------------------------------ */

static bool
skip(struct str *rest, struct str what)
{
	if (!str_starts(*rest, what))
		return false;
	rest->p += what.n;
	rest->n -= what.n;
	return true;
}

/* A header line without its end. */
MUST static bool
line_next(struct ctx *c, struct str *rest, struct str *ret)
{
	const char *end = rest->n == 0 ? NULL : memchr(rest->p, '\n', rest->n);
	size_t n = end == NULL ? 0 : (size_t)(end - rest->p);

	if (n == 0 || end[-1] != '\r' || n > LINE_MAX)
		return no_form(c, "a header line does not end as it must, or is too long");
	*ret = (struct str){ rest->p, n - 1 };
	rest->p += n + 1;
	rest->n -= n + 1;
	return true;
}

struct part {
	struct str disposition, type, encoding;
};

MUST static bool
header_take(struct ctx *c, struct str line, struct part *p)
{
	struct str name, *to = NULL;

	if (line.p[0] == ' ' || line.p[0] == '\t' || !str_cut(&line, ':', &name) ||
	    name.n == 0 || name.p[name.n - 1] == ' ')
		return no_form(c, "a header line cannot be read");
	if (same_word(name, "Content-Disposition"))
		to = &p->disposition;
	else if (same_word(name, "Content-Type"))
		to = &p->type;
	else if (same_word(name, "Content-Transfer-Encoding"))
		to = &p->encoding;
	if (to == NULL)
		return true;
	if (to->p != NULL)
		return no_form(c, "a header comes twice");
	*to = str_trim(line);
	return true;
}

MUST static bool
headers_take(struct ctx *c, struct str *rest, struct part *p)
{
	struct str line;

	for (int i = 0; i <= HEADERS_MAX; i++) {
		if (!line_next(c, rest, &line))
			return false;
		if (line.n == 0)
			return true;
		if (!header_take(c, line, p))
			return false;
	}
	return no_form(c, "too many header lines");
}

/* A file, under the name that was asked for, as it is. */
MUST static bool
part_fits(struct ctx *c, struct part *p, const char *wanted)
{
	struct str rest = p->disposition, name = { "", 0 }, file;
	bool named = false, filed = false;

	if (p->disposition.p == NULL || !same_word(first_word(&rest), "form-data"))
		return no_form(c, "its part has no Content-Disposition: form-data");
	if (!parameter(c, rest, "name", &named, &name) ||
	    !parameter(c, rest, "filename", &filed, &file))
		return false;
	if (!named || !str_same(name, str_of(wanted)))
		return fail_at(c, E_FIELD, "name", "the form has one field, \"%s\"", wanted);
	if (!filed)
		return no_form(c, "its field is no file: a filename is wanted");
	return p->encoding.p == NULL || same_word(p->encoding, "binary")
	    ? true
	    : no_form(c, "its file must come as it is, without an encoding");
}

/* Up to the delimiter that follows, CRLF included. */
MUST static bool
content(struct ctx *c, struct str *rest, struct str delimiter, struct str *ret)
{
	const char *at = rest->n == 0 ? NULL
				      : memmem(rest->p, rest->n, delimiter.p, delimiter.n);

	if (at == NULL)
		return no_form(c, "its end is missing");
	*ret = (struct str){ rest->p, (size_t)(at - rest->p) };
	rest->n -= ret->n + delimiter.n;
	rest->p = at + delimiter.n;
	return true;
}

bool
multipart_file(struct ctx *c, struct str content_type, struct str body, const char *name,
    struct str *ret_type, struct str *ret_bytes)
{
	struct str boundary, rest = body, bytes;
	struct part p = { 0 };
	char text[4 + BOUNDARY_MAX];
	struct buf delimiter = BUF(text);

	if (!multipart_is(content_type))
		return no_form(c, "it is not multipart/form-data");
	if (!boundary_of(c, content_type, &boundary))
		return false;
	buf_printf(&delimiter, "\r\n--");
	buf_put(&delimiter, boundary);
	if (!skip(&rest, (struct str){ text + 2, delimiter.n - 2 }) ||
	    !skip(&rest, STR("\r\n")))
		return no_form(c, "it does not begin with its boundary");
	if (!headers_take(c, &rest, &p) || !part_fits(c, &p, name) ||
	    !content(c, &rest, buf_str(&delimiter), &bytes))
		return false;
	if (skip(&rest, STR("\r\n")))
		return fail_at(c, E_FIELD, "name", "the form has one field, \"%s\"", name);
	if (!skip(&rest, STR("--")) || (rest.n > 0 && !str_same(rest, STR("\r\n"))))
		return no_form(c, "something follows its end");
	*ret_type = p.type.p == NULL ? STR("") : p.type;
	*ret_bytes = bytes;
	return true;
}
