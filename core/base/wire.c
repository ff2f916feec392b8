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
