/*
 * A report checked by whoever doubts it: the counts are read, everything is concluded from them
 * anew and written again, and the bytes are compared. Where they differ, the first member is named.
 */
#include "parts.h"

enum { PLACE_MAX = 96 };

/*
 * Walks down both at once, one level a turn; *place becomes where the first difference is. The
 * members of both have the same names, as they were read by the same tables, except where a list is
 * shorter.
 */
MUST static bool
differs(struct ctx *c, struct str was, struct str is, struct buf *place)
{
	bool deeper = true;

	while (deeper) {
		struct json_part *a, *b;
		size_t n, m, i = 0;

		if (!json_split(c, was, &a, &n) || !json_split(c, is, &b, &m))
			return false;
		while (i < n && i < m && a[i].kind == b[i].kind &&
		    str_same(a[i].key, b[i].key) && str_same(a[i].value, b[i].value))
			i++;
		if (i == n || i == m)
			break; /* nothing but its form, or its length */
		buf_char(place, '/');
		if (a[i].key.n > 0)
			buf_put(place, a[i].key);
		else
			buf_number(place, (int64_t)i);
		deeper = a[i].kind == b[i].kind &&
		    (a[i].kind == KIND_OBJECT || a[i].kind == KIND_LIST);
		was = a[i].value;
		is = b[i].value;
	}
	if (place->n == 0)
		buf_char(place, '/');
	return true;
}

bool
evidence_recheck(struct ctx *c, struct str json, struct evidence *ret, struct str *ret_differs)
{
	struct buf b, place;
	struct evidence e;

	if (!evidence_read(c, json, &e) || !take_buf(c, EVIDENCE_JSON_MAX, &b) ||
	    !take_buf(c, PLACE_MAX, &place))
		return false;
	evidence_conclude(&e);
	if (!evidence_json(c, &e, &b))
		return false;
	if (!str_same(buf_str(&b), json) && !differs(c, json, buf_str(&b), &place))
		return false;
	*ret = e;
	*ret_differs = buf_str(&place);
	return true;
}
