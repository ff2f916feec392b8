/*
 * Output as a list of stretches. The length of a protobuf message comes before its bytes, so we
 * gather first and send then; what is gathered are views of the original file and of the caller's
 * numbers, and only the few bytes between them are made.
 */
#include "parts.h"

enum { CONVERT_BYTES = 1 << 16 };

MUST static bool
append(struct ctx *c, struct pieces *l, struct piece one, uint64_t n)
{
	struct piece *p = take(c, sizeof *p);

	if (p == NULL)
		return false;
	*p = one;
	if (l->last == NULL)
		l->first = p;
	else
		l->last->next = p;
	l->last = p;
	l->n += n;
	return true;
}

bool
pieces_add(struct ctx *c, struct pieces *l, struct str bytes)
{
	struct piece *last = l->last;

	if (bytes.n == 0)
		return true;
	if (last != NULL && last->numbers == NULL && last->bytes.p + last->bytes.n == bytes.p) {
		last->bytes.n += bytes.n;
		l->n += bytes.n;
		return true;
	}
	return append(c, l, (struct piece){ .bytes = bytes }, bytes.n);
}

bool
pieces_add_numbers(
    struct ctx *c, struct pieces *l, const struct onnx_new_tensor *numbers, enum onnx_type type)
{
	struct piece p = { .numbers = numbers, .type = type };
	int64_t count;

	if (!shape_count(c, numbers->dim, numbers->rank, &count))
		return false;
	p.count = (size_t)count;
	return numbers_fit(c, numbers, p.count, type) &&
	    append(c, l, p, p.count * onnx_type_size(type));
}

bool
pieces_add_field(struct ctx *c, struct pieces *l, uint32_t number, const struct pieces *inside)
{
	struct buf head;

	if (!take_buf(c, PB_ROOM, &head))
		return false;
	pb_put_head(&head, number, inside->n);
	if (!pieces_add(c, l, buf_str(&head)))
		return false;
	if (inside->first != NULL) {
		l->last->next = inside->first;
		l->last = inside->last;
		l->n += inside->n;
	}
	return true;
}

MUST static bool
send_numbers(struct ctx *c, const struct piece *p, onnx_sink *sink, void *arg)
{
	size_t size = onnx_type_size(p->type), most = CONVERT_BYTES / size, n;
	struct buf b;

	if (!take_buf(c, CONVERT_BYTES, &b))
		return false;
	for (size_t i = 0; i < p->count; i += n) {
		n = p->count - i < most ? p->count - i : most;
		numbers_raw(p->numbers, p->type, i, n, b.p);
		if (!sink(c, arg, (struct str){ b.p, n * size }))
			return false;
	}
	return true;
}

bool
pieces_send(struct ctx *c, const struct pieces *l, onnx_sink *sink, void *arg)
{
	for (const struct piece *p = l->first; p != NULL; p = p->next)
		if (p->numbers == NULL ? !sink(c, arg, p->bytes)
				       : !send_numbers(c, p, sink, arg))
			return false;
	return true;
}

/* ---- Protobuf ---------------------------------------------------------------------------- */

static void
put_varint(struct buf *b, uint64_t v)
{
	for (; v >= 0x80; v >>= 7)
		buf_char(b, (char)(v | 0x80));
	buf_char(b, (char)v);
}

static void
put_tag(struct buf *b, uint32_t number, enum pb_wire wire)
{
	put_varint(b, (uint64_t)number << 3 | wire);
}

void
pb_put_int(struct buf *b, uint32_t number, int64_t v)
{
	put_tag(b, number, PB_VARINT);
	put_varint(b, (uint64_t)v);
}

void
pb_put_float(struct buf *b, uint32_t number, float v)
{
	char bytes[sizeof v];

	memcpy(bytes, &v, sizeof v);
	put_tag(b, number, PB_FIXED32);
	buf_put(b, (struct str){ bytes, sizeof bytes });
}

void
pb_put_head(struct buf *b, uint32_t number, uint64_t n)
{
	put_tag(b, number, PB_BYTES);
	put_varint(b, n);
}

void
pb_put_bytes(struct buf *b, uint32_t number, struct str bytes)
{
	pb_put_head(b, number, bytes.n);
	buf_put(b, bytes);
}
