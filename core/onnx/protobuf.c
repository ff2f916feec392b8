/*
 * Protobuf's wire format, read by hand. A message is a row of fields; each begins with a tag that
 * holds its number and how its value is encoded. We walk over the bytes and give views; nothing is
 * copied, nothing recurses, and no length is believed before it was compared with what is left.
 */
#include "parts.h"

enum { VARINT_BYTES = 10, NUMBER_MAX = (1 << 29) - 1 };

struct pb
pb_of(struct str message)
{
	const char *p = message.n > 0 ? message.p : ""; /* C adds nothing to NULL, not even 0 */

	return (struct pb){ p, p, p + message.n };
}

bool
pb_more(const struct pb *w)
{
	return w->at < w->end;
}

/* Seven bits a byte, the lowest first; ten bytes at most, of which the last is 0 or 1. */
static bool
varint(struct pb *w, uint64_t *ret)
{
	uint64_t value = 0;

	for (unsigned i = 0; i < VARINT_BYTES && w->at < w->end; i++) {
		uint8_t b = (uint8_t)*w->at++;

		if (i == VARINT_BYTES - 1 && b > 1)
			return false;
		value |= (uint64_t)(b & 0x7f) << (7 * i);
		if (b < 0x80) {
			*ret = value;
			return true;
		}
	}
	return false;
}

/* Little-endian, as protobuf and this machine have it. */
_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "written for little-endian machines");

static bool
fixed(struct pb *w, size_t n, uint64_t *ret)
{
	uint64_t value = 0;

	if ((size_t)(w->end - w->at) < n)
		return false;
	memcpy(&value, w->at, n);
	w->at += n;
	*ret = value;
	return true;
}

static bool
scalar(struct pb *w, enum pb_wire wire, uint64_t *ret)
{
	return wire == PB_VARINT ? varint(w, ret) : fixed(w, wire == PB_FIXED32 ? 4 : 8, ret);
}

const char *
pb_head(struct pb *w, struct pb_field *ret)
{
	uint64_t tag;
	bool ok;

	if (!varint(w, &tag))
		return "a field's tag is not a valid number";
	if (tag >> 3 == 0 || tag >> 3 > NUMBER_MAX)
		return "a field's number is out of range";
	*ret = (struct pb_field){ .number = (uint32_t)(tag >> 3) };
	switch (tag & 7) {
	case PB_VARINT:
	case PB_FIXED32:
	case PB_FIXED64:
		ret->wire = (enum pb_wire)(tag & 7);
		ok = scalar(w, ret->wire, &ret->value);
		break;
	case PB_BYTES:
		ret->wire = PB_BYTES;
		ok = varint(w, &ret->value);
		break;
	default:
		return "a field is encoded in a way that ONNX does not use";
	}
	return ok ? NULL : "a field's value is cut short or not a valid number";
}

/* NULL if the next field is there, else what is wrong with it. */
static const char *
step(struct pb *w, struct pb_field *f)
{
	const char *begin = w->at, *wrong = pb_head(w, f);

	if (wrong != NULL)
		return wrong;
	if (f->wire == PB_BYTES) {
		if (f->value > (uint64_t)(w->end - w->at))
			return "a field goes beyond the end of its message";
		f->bytes = (struct str){ w->at, (size_t)f->value };
		w->at += f->bytes.n;
	}
	f->whole = (struct str){ begin, (size_t)(w->at - begin) };
	return NULL;
}

bool
pb_next(struct ctx *c, struct pb *w, struct pb_field *ret)
{
	const char *begin = w->at, *wrong;
	struct pb_field f;

	wrong = step(w, &f);
	if (wrong != NULL)
		return fail(
		    c, E_INPUT, "not ONNX: %s (byte %td of it)", wrong, begin - w->begin);
	*ret = f;
	return true;
}

bool
pb_find(struct pb *w, uint32_t number, struct pb_field *ret)
{
	while (pb_more(w))
		if (step(w, ret) != NULL)
			w->at = w->end;
		else if (ret->number == number)
			return true;
	return false;
}

/* ---- Repeated numbers -------------------------------------------------------------------- */

bool
pb_count(struct ctx *c, const struct pb_field *f, enum pb_wire wire, size_t *ret)
{
	size_t each = wire == PB_FIXED32 ? 4 : 8;
	struct pb w = pb_of(f->bytes);
	uint64_t value;
	size_t n = 0;

	if (f->wire == wire) {
		*ret = 1;
		return true;
	}
	if (f->wire != PB_BYTES)
		return fail(c, E_INPUT, "numbers are encoded as another type");
	if (wire != PB_VARINT) {
		*ret = f->bytes.n / each;
		return f->bytes.n % each == 0
		    ? true
		    : fail(c, E_INPUT, "a list of numbers ends within a number");
	}
	for (; pb_more(&w); n++)
		if (!varint(&w, &value))
			return fail(c, E_INPUT, "a list of numbers holds an invalid one");
	*ret = n;
	return true;
}

struct pb_numbers
pb_numbers_of(struct str message, uint32_t number, enum pb_wire wire)
{
	return (struct pb_numbers){ pb_of(message), { 0 }, number, wire };
}

bool
pb_number(struct pb_numbers *l, uint64_t *ret)
{
	struct pb_field f;

	while (!pb_more(&l->piece)) {
		if (!pb_find(&l->message, l->number, &f))
			return false;
		if (f.wire != PB_BYTES) {
			*ret = f.value;
			return true;
		}
		l->piece = pb_of(f.bytes);
	}
	return scalar(&l->piece, l->wire, ret);
}
