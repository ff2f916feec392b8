/*
 * From a path as it came to the row of the table that answers it. Paths are decoded once, and
 * whatever could mean two things to two readers is refused.
 */
#include "request.h"

static int
hex_digit(char ch)
{
	if (ch >= '0' && ch <= '9')
		return ch - '0';
	ch |= 0x20;
	return ch >= 'a' && ch <= 'f' ? ch - 'a' + 10 : -1;
}

/* Percent-decoding (RFC 3986); a decoded '/', NUL or control character is refused. */
MUST static bool
decode(struct ctx *c, struct str raw, bool slash_allowed, struct str *ret)
{
	char *out;
	size_t n = 0;

	if (raw.n == 0 || memchr(raw.p, '%', raw.n) == NULL) {
		*ret = raw;
		return text_valid(raw)
		    ? true
		    : fail(c, E_USAGE, "the address is not plain UTF-8 text");
	}
	out = take(c, raw.n);
	if (out == NULL)
		return false;
	for (size_t i = 0; i < raw.n; i++) {
		char ch = raw.p[i];

		if (ch == '%') {
			int hi = raw.n - i > 2 ? hex_digit(raw.p[i + 1]) : -1;
			int lo = raw.n - i > 2 ? hex_digit(raw.p[i + 2]) : -1;

			if (hi < 0 || lo < 0)
				return fail(c, E_USAGE, "a %% without two hex digits");
			ch = (char)(hi << 4 | lo);
			if (ch == '/' && !slash_allowed)
				return fail(c, E_USAGE, "an encoded slash in the path");
			i += 2;
		}
		out[n++] = ch;
	}
	*ret = (struct str){ out, n };
	return text_valid(*ret) ? true
				: fail(c, E_USAGE, "the address is not plain UTF-8 text");
}

bool
request_text(struct ctx *c, struct request *rq, const char *name, struct str *ret)
{
	return decode(c, request_query(rq, name), true, ret);
}

/* No empty segment, no "." and no "..". */
MUST static bool
path_plain(struct ctx *c, struct str path)
{
	struct str rest = path, segment;

	if (path.n == 0 || path.p[0] != '/')
		return fail(c, E_USAGE, "a path begins with /");
	rest.p++;
	rest.n--;
	for (bool more = path.n > 1; more;) {
		more = str_cut(&rest, '/', &segment);
		if (segment.n == 0 || str_same(segment, STR(".")) ||
		    str_same(segment, STR("..")))
			return fail(
			    c, E_USAGE, "an empty, \".\" or \"..\" segment in the path");
	}
	return true;
}

/* Before its first brace a pattern is the path itself: most of them are told apart by that. */
static bool
path_begins(const char *pattern, struct str path)
{
	for (size_t i = 0; pattern[i] != '\0' && pattern[i] != '{'; i++)
		if (i >= path.n || pattern[i] != path.p[i])
			return false;
	return true;
}

static bool
path_matches(const char *pattern, struct str path, struct str param[static PARAMS_MAX])
{
	struct str want = str_of(pattern), a, b;
	size_t n = 0;
	bool more_a = true, more_b = true;

	if (!path_begins(pattern, path))
		return false;
	memset(param, 0, PARAMS_MAX * sizeof *param);
	while (more_a && more_b) {
		more_a = str_cut(&want, '/', &a);
		more_b = str_cut(&path, '/', &b);
		if (a.n > 0 && a.p[0] == '{') {
			if (n == PARAMS_MAX)
				return false;
			param[n++] = b;
		} else if (!str_same(a, b)) {
			return false;
		}
	}
	return !more_a && !more_b;
}

bool
route_find(struct ctx *c, struct request *rq)
{
	struct str method = str_same(rq->method, STR("HEAD")) ? STR("GET") : rq->method;
	struct str param[PARAMS_MAX] = { 0 };
	char *allow = take(c, 64);
	struct buf b = { allow, 0, 63, false };

	if (allow == NULL || !decode(c, rq->path, false, &rq->path) || !path_plain(c, rq->path))
		return false;
	for (const struct route *r = routes; r->method != NULL; r++) {
		if (!path_matches(r->path, rq->path, param))
			continue;
		if (str_same(method, str_of(r->method))) {
			rq->route = r;
			memcpy(rq->param, param, sizeof param);
			return true;
		}
		buf_printf(&b, "%s%s", b.n > 0 ? ", " : "", r->method);
	}
	if (b.n == 0)
		return fail(c, E_ABSENT, "no such resource");
	rq->reply.allow = allow;
	return fail(c, E_METHOD, "this resource knows %.*s", STRF(buf_str(&b)));
}
