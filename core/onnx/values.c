/*
 * The elements of a tensor as numbers: whatever they are stored as, float32 or int64 comes out.
 */
#include "parts.h"

/* Runs over the elements as bits of their own type, from wherever they lie. */
struct bits {
	const struct onnx_tensor *t;
	struct pb_numbers listed;
	const char *raw;
	size_t size;
};

static struct bits
bits_of(const struct onnx_tensor *t)
{
	struct bits b = { .t = t, .raw = t->raw.p, .size = onnx_type_size(t->type) };
	enum pb_wire wire;
	uint32_t field = type_field(t->type, &wire);

	b.listed = pb_numbers_of(t->message, field, wire);
	return b;
}

/* Is this a value of the type? Short floats are listed as their bits. */
bool
int_fits(enum onnx_type type, int64_t v)
{
	switch (type) {
	case ONNX_UINT8:
		return v >= 0 && v <= UINT8_MAX;
	case ONNX_INT8:
		return v >= INT8_MIN && v <= INT8_MAX;
	case ONNX_BOOL:
		return v == 0 || v == 1;
	case ONNX_FLOAT16:
	case ONNX_BFLOAT16:
		return v >= 0 && v <= UINT16_MAX;
	case ONNX_INT32:
		return v >= INT32_MIN && v <= INT32_MAX;
	case ONNX_FLOAT:
	case ONNX_DOUBLE:
	case ONNX_INT64:
		return true;
	}
	abort();
}

MUST static bool
bits_next(struct ctx *c, struct bits *b, uint64_t *ret)
{
	uint64_t v = 0;

	if (b->raw != NULL) {
		memcpy(&v, b->raw, b->size);
		b->raw += b->size;
	} else if (!pb_number(&b->listed, &v)) {
		return fail(c, E_INTERNAL, "a tensor has fewer elements than were counted");
	} else if (!int_fits(b->t->type, (int64_t)v)) {
		return fail(c, E_INPUT, "'%s' holds %lld, which is not a %s",
		    shown(b->t->name).s, (long long)v, onnx_type_name(b->t->type));
	}
	*ret = v;
	return true;
}

static int64_t
to_int(enum onnx_type type, uint64_t bits)
{
	switch (type) {
	case ONNX_UINT8:
		return (uint8_t)bits;
	case ONNX_INT8:
		return (int8_t)bits;
	case ONNX_INT32:
		return (int32_t)bits;
	case ONNX_BOOL:
		return bits != 0;
	case ONNX_INT64:
	case ONNX_FLOAT:
	case ONNX_FLOAT16:
	case ONNX_DOUBLE:
	case ONNX_BFLOAT16:
		return (int64_t)bits;
	}
	abort();
}

static float
to_float(enum onnx_type type, uint64_t bits)
{
	float f;
	double d;

	switch (type) {
	case ONNX_FLOAT:
		memcpy(&f, &bits, sizeof f);
		return f;
	case ONNX_DOUBLE:
		memcpy(&d, &bits, sizeof d);
		return (float)d;
	case ONNX_FLOAT16:
		return half_to_float((uint16_t)bits);
	case ONNX_BFLOAT16:
		return bfloat_to_float((uint16_t)bits);
	case ONNX_UINT8:
	case ONNX_INT8:
	case ONNX_INT32:
	case ONNX_INT64:
	case ONNX_BOOL:
		return (float)to_int(type, bits);
	}
	abort();
}

void
onnx_floats_get(enum onnx_type type, const void *raw, size_t n, float to[])
{
	size_t size = onnx_type_size(type);
	const char *at = raw;

	if (type == ONNX_FLOAT) {
		memcpy(to, raw, n * sizeof to[0]);
		return;
	}
	for (size_t i = 0; i < n; i++, at += size) {
		uint64_t bits = 0;

		memcpy(&bits, at, size);
		to[i] = to_float(type, bits);
	}
}

bool
onnx_tensor_floats(struct ctx *c, const struct onnx_tensor *t, float *to)
{
	struct bits b = bits_of(t);
	uint64_t bits;

	if (t->type == ONNX_FLOAT && t->raw.n > 0) {
		memcpy(to, t->raw.p, t->raw.n);
		return true;
	}
	for (int64_t i = 0; i < t->count; i++) {
		if (!bits_next(c, &b, &bits))
			return false;
		to[i] = to_float(t->type, bits);
	}
	return true;
}

bool
onnx_tensor_ints(struct ctx *c, const struct onnx_tensor *t, int64_t *to)
{
	struct bits b = bits_of(t);
	uint64_t bits;

	if (t->type == ONNX_FLOAT || t->type == ONNX_DOUBLE || t->type == ONNX_FLOAT16 ||
	    t->type == ONNX_BFLOAT16)
		return fail(c, E_INPUT, "'%s' is %s, where integers are due", shown(t->name).s,
		    onnx_type_name(t->type));
	for (int64_t i = 0; i < t->count; i++) {
		if (!bits_next(c, &b, &bits))
			return false;
		to[i] = to_int(t->type, bits);
	}
	return true;
}
