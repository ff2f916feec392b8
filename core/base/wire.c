/*
 * Wire fields between our own processes: little-endian numbers, bytes with their length before
 * them. Both ends are ours and of one version; the reader still trusts nothing.
 */
#include "base.h"

static void
number_put(struct buf *b, uint64_t v, size_t n)
{
	char bytes[8];

	for (size_t i = 0; i < n; i++)
		bytes[i] = (char)(v >> (8 * i) & 255);
	buf_put(b, (struct str){ bytes, n });
}

static uint64_t
number(struct wire *w, size_t n)
{
	uint64_t v = 0;

	if (w->bad || w->rest.n < n) {
		w->bad = true;
		return 0;
	}
	for (size_t i = 0; i < n; i++)
		v |= (uint64_t)(uint8_t)w->rest.p[i] << (8 * i);
	w->rest.p += n;
	w->rest.n -= n;
	return v;
}

void
wire_put_u8(struct buf *b, uint8_t v)
{
	number_put(b, v, 1);
}

void
wire_put_u32(struct buf *b, uint32_t v)
{
	number_put(b, v, 4);
}

void
wire_put_u64(struct buf *b, uint64_t v)
{
	number_put(b, v, 8);
}

void
wire_put_real(struct buf *b, double v)
{
	uint64_t bits;

	memcpy(&bits, &v, sizeof bits);
	wire_put_u64(b, bits);
}

void
wire_put_id(struct buf *b, const struct id *id)
{
	struct id padded = { { 0 } };

	memcpy(padded.s, id->s, strnlen(id->s, sizeof id->s - 1));
	buf_put(b, (struct str){ padded.s, sizeof padded.s });
}

void
wire_put_str(struct buf *b, struct str s)
{
	if (s.n > UINT32_MAX) {
		b->full = true;
		return;
	}
	wire_put_u32(b, (uint32_t)s.n);
	buf_put(b, s);
}

uint8_t
wire_u8(struct wire *w)
{
	return (uint8_t)number(w, 1);
}

uint32_t
wire_u32(struct wire *w)
{
	return (uint32_t)number(w, 4);
}

uint64_t
wire_u64(struct wire *w)
{
	return number(w, 8);
}

double
wire_real(struct wire *w)
{
	uint64_t bits = wire_u64(w);
	double v;

	memcpy(&v, &bits, sizeof v);
	return v;
}

bool
wire_id(struct ctx *c, struct wire *w, const char *type, struct id *ret)
{
	struct str place = w->rest;
	size_t n;

	if (w->bad || place.n < ID_MAX) {
		w->bad = true;
		return fail(c, E_INPUT, "an id of the kind %s_… is missing", type);
	}
	w->rest = (struct str){ place.p + ID_MAX, place.n - ID_MAX };
	n = strnlen(place.p, ID_MAX);
	for (size_t i = n; i < ID_MAX; i++)
		if (place.p[i] != '\0')
			return fail(c, E_INPUT, "an id goes on after its end");
	if (!id_parse(c, (struct str){ place.p, n }, type, ret))
		return fail(c, E_INPUT, "that is not an id of the kind %s_…", type);
	return true;
}

struct str
wire_str(struct wire *w, size_t max)
{
	size_t n = wire_u32(w);
	struct str s;

	if (w->bad || n > max || n > w->rest.n) {
		w->bad = true;
		return (struct str){ "", 0 };
	}
	s = (struct str){ w->rest.p, n };
	w->rest.p += n;
	w->rest.n -= n;
	return s;
}

bool
wire_end(struct ctx *c, const struct wire *w)
{
	if (w->bad || w->rest.n != 0)
		return fail(c, E_PEER, "a message between our processes is malformed");
	return true;
}
