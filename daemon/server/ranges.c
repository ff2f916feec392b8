/*
 * The headers that speak of parts and digests. Where a request brings bytes, anything odd is
 * refused: what is kept must be what was meant. Where it asks for bytes, anything odd is ignored,
 * and the whole file answers.
 */
#include "ranges.h"

static bool
odd(struct ctx *c)
{
	return fail_at(c, E_USAGE, "Content-Range",
	    "Content-Range is \"bytes FIRST-LAST/SIZE\", or \"bytes */SIZE\" without a body");
}

bool
content_range_parse(struct ctx *c, struct str text, struct content_range *ret)
{
	static const int64_t most = SEALED_PLAIN_MAX;
	struct str unit, range, first;
	struct content_range r;
	int64_t last;

	if (!str_cut(&text, ' ', &unit) || unit.n != 5 ||
	    strncasecmp(unit.p, "bytes", 5) != 0 || !str_cut(&text, '/', &range) ||
	    !str_number(text, 1, most, &r.size))
		return odd(c);
	if (str_same(range, STR("*"))) {
		*ret = (struct content_range){ -1, 0, r.size };
		return true;
	}
	if (!str_cut(&range, '-', &first) || !str_number(first, 0, most, &r.from) ||
	    !str_number(range, 0, most, &last) || last < r.from || last >= r.size)
		return odd(c);
	r.n = last - r.from + 1;
	*ret = r;
	return true;
}

/* ---- Digests ------------------------------------------------------------------------------- */

enum { DIGEST_BASE64 = 44 };

/* ":BASE64:" of 32 bytes: the alphabet of RFC 4648 section 4, padded, canonical. */
MUST static bool
byte_sequence(struct ctx *c, struct str text, struct digest256 *ret)
{
	char url[DIGEST_BASE64];
	struct str bytes;

	if (text.n != DIGEST_BASE64 + 2 || text.p[0] != ':' || text.p[text.n - 1] != ':' ||
	    text.p[text.n - 2] != '=')
		return fail(c, E_USAGE, "not a digest");
	for (size_t i = 0; i < DIGEST_BASE64 - 1; i++) {
		char ch = text.p[i + 1];

		if (ch == '-' || ch == '_')
			return fail(c, E_USAGE, "not a digest");
		if (ch == '+' || ch == '/')
			ch = ch == '+' ? '-' : '_';
		url[i] = ch;
	}
	if (!base64url_decode(c, (struct str){ url, DIGEST_BASE64 - 1 }, &bytes) ||
	    bytes.n != sizeof ret->b)
		return fail(c, E_USAGE, "not a digest");
	memcpy(ret->b, bytes.p, sizeof ret->b);
	return true;
}

bool
repr_digest_parse(struct ctx *c, struct str text, struct digest256 *ret)
{
	struct digest256 found;
	struct str member, name;
	size_t n = 0;

	for (bool more = text.n > 0; more;) {
		more = str_cut(&text, ',', &member);
		member = str_trim(member);
		str_cut(&member, '=', &name);
		if (!str_same(name, STR("sha-256")))
			continue;
		if (n++ > 0 || !byte_sequence(c, member, &found)) {
			n = 0;
			break;
		}
	}
	if (n == 0)
		return fail_at(c, E_USAGE, "Repr-Digest",
		    "an upload announces the whole file's digest: Repr-Digest: "
		    "sha-256=:BASE64:");
	*ret = found;
	return true;
}

void
repr_digest_put(struct buf *b, const struct digest256 *d)
{
	char url[DIGEST_BASE64];
	struct buf u = BUF(url);

	base64url_put(&u, d->b, sizeof d->b);
	for (size_t i = 0; i < u.n; i++)
		if (url[i] == '-' || url[i] == '_')
			url[i] = url[i] == '-' ? '+' : '/';
	buf_put(b, STR("sha-256=:"));
	buf_put(b, buf_str(&u));
	buf_put(b, STR("=:"));
}

/* ---- What is asked for --------------------------------------------------------------------- */

/* A number that may be larger than anything we have: then it is the largest. */
static bool
digits(struct str s, int64_t *ret)
{
	int64_t n = 0;

	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] < '0' || s.p[i] > '9')
			return false;
		n = n > SEALED_PLAIN_MAX ? n : n * 10 + (s.p[i] - '0');
	}
	*ret = n;
	return s.n > 0;
}

enum range_kind
range_parse(struct str text, int64_t size, int64_t *ret_from, int64_t *ret_n)
{
	struct str unit, first;
	int64_t from, last = size - 1;

	if (!str_cut(&text, '=', &unit) || unit.n != 5 || strncasecmp(unit.p, "bytes", 5) != 0)
		return RANGE_ALL;
	text = str_trim(text);
	if (!str_cut(&text, '-', &first))
		return RANGE_ALL;
	if (first.n == 0) { /* the last so many bytes */
		if (!digits(text, &from))
			return RANGE_ALL;
		if (from == 0 || size == 0)
			return RANGE_NONE;
		from = from > size ? 0 : size - from;
	} else {
		if (!digits(first, &from) || (text.n > 0 && !digits(text, &last)) ||
		    (text.n > 0 && last < from))
			return RANGE_ALL;
		if (from >= size)
			return RANGE_NONE;
		if (last >= size)
			last = size - 1;
	}
	*ret_from = from;
	*ret_n = last - from + 1;
	return RANGE_PART;
}

bool
etag_listed(struct str list, struct str etag)
{
	struct str one;

	if (str_same(str_trim(list), STR("*")))
		return true;
	for (bool more = list.n > 0; more;) {
		more = str_cut(&list, ',', &one);
		one = str_trim(one);
		if (str_starts(one, STR("W/")))
			one = (struct str){ one.p + 2, one.n - 2 };
		if (one.n > 0 && str_same(one, etag))
			return true;
	}
	return false;
}
