/*
 * External data: a tensor that names a file, and a place in it, instead of holding its elements.
 * The files are views that came with the model; a name is looked up among them and nowhere else.
 */
#include "parts.h"

struct place {
	struct str location;
	int64_t offset, length; /* length: -1 if it is not said */
};

bool
sides_gather(struct ctx *c, const struct onnx_side side[], size_t n, struct sides *ret)
{
	struct sides s = { .n = n };

	if (n > ONNX_SIDES_MAX)
		return fail(
		    c, E_LIMIT, "%zu files of external data, more than %d", n, ONNX_SIDES_MAX);
	s.side = take(c, n * sizeof *s.side);
	s.used = take(c, n * sizeof *s.used);
	if (s.side == NULL || s.used == NULL)
		return false;
	if (n > 0)
		memcpy(s.side, side, n * sizeof *s.side);
	qsort(s.side, n, sizeof *s.side, side_order);
	for (size_t i = 1; i < n; i++)
		if (str_same(s.side[i - 1].name, s.side[i].name))
			return fail(
			    c, E_INPUT, "'%s' is in the bundle twice", shown(s.side[i].name).s);
	*ret = s;
	return true;
}

bool
sides_used(struct ctx *c, const struct sides *s)
{
	for (size_t i = 0; i < s->n; i++)
		if (!s->used[i])
			return fail(c, E_INPUT,
			    "'%s' is in the bundle, but the model does not name it: leave it out",
			    shown(s->side[i].name).s);
	return true;
}

struct str
without_dot(struct str path)
{
	while (str_starts(path, STR("./"))) {
		path.p += 2;
		path.n -= 2;
	}
	return path;
}

/* ---- Where a tensor says its data are ---------------------------------------------------- */

MUST static bool
take_number(struct ctx *c, const struct str pair[2], int64_t *to)
{
	if (!str_number(pair[1], 0, INT64_MAX, to))
		return fail(c, E_INPUT, "the %s of its external data is not a number",
		    shown(pair[0]).s);
	return true;
}

/* Other keys, such as the checksum, are nothing that we need. */
MUST static bool
take_pair(struct ctx *c, const struct str pair[2], struct place *p, unsigned *seen)
{
	static const struct str keys[] = { { "location", 8 }, { "offset", 6 },
		{ "length", 6 } };
	unsigned key = 0;

	while (key < COUNT(keys) && !str_same(pair[0], keys[key]))
		key++;
	if (key == COUNT(keys))
		return true;
	if ((*seen >> key & 1) != 0)
		return fail(
		    c, E_INPUT, "the %.*s of its external data comes twice", STRF(keys[key]));
	*seen |= 1U << key;
	if (key == 0)
		p->location = pair[1];
	return key == 0 || take_number(c, pair, key == 1 ? &p->offset : &p->length);
}

MUST static bool
read_place(struct ctx *c, struct str message, struct place *ret)
{
	struct place p = { .location = { "", 0 }, .length = -1 };
	struct pb w = pb_of(message);
	struct str pair[2];
	struct pb_field f;
	unsigned seen = 0;

	while (pb_find(&w, TENSOR_EXTERNAL, &f)) {
		if (!pair_read(c, f.bytes, pair))
			return within(c, "external_data");
		if (!take_pair(c, pair, &p, &seen))
			return false;
	}
	if (p.location.n == 0)
		return fail(c, E_INPUT, "it does not say which file keeps its data");
	*ret = p;
	return true;
}

bool
external_find(
    struct ctx *c, struct str message, const struct sides *sides, size_t due, struct str *ret)
{
	const struct onnx_side *s;
	struct onnx_side key = { .bytes = { NULL, 0 } };
	struct place p;
	size_t offset;

	if (!read_place(c, message, &p))
		return false;
	key.name = without_dot(p.location);
	s = sides->n == 0 ? NULL : bsearch(&key, sides->side, sides->n, sizeof key, side_order);
	if (s == NULL)
		return fail(c, E_INPUT, "its data are in '%s', which is not in the bundle",
		    shown(p.location).s);
	sides->used[s - sides->side] = true;
	if (p.length >= 0 && (uint64_t)p.length != due)
		return fail(c, E_INPUT, "it says %lld bytes of external data, not %zu",
		    (long long)p.length, due);
	offset = (size_t)p.offset;
	if (offset > s->bytes.n || due > s->bytes.n - offset)
		return fail(
		    c, E_INPUT, "its data go beyond the end of '%s'", shown(key.name).s);
	*ret = (struct str){ s->bytes.p + offset, due };
	return true;
}
