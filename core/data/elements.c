/*
 * Elements of arrays: the types that files may hold, and their way into what is given out.
 * Samples become uint8 or float, labels int64.
 */
#include <endian.h>
#include <math.h>

#include "parts.h"

/* clang-format off */
static const struct {
	const char *name;
	size_t size;
} elements[] = {
	[ELEMENT_BOOL]    = { "bool",    1 },
	[ELEMENT_UINT8]   = { "uint8",   1 },
	[ELEMENT_INT8]    = { "int8",    1 },
	[ELEMENT_UINT16]  = { "uint16",  2 },
	[ELEMENT_INT16]   = { "int16",   2 },
	[ELEMENT_UINT32]  = { "uint32",  4 },
	[ELEMENT_INT32]   = { "int32",   4 },
	[ELEMENT_UINT64]  = { "uint64",  8 },
	[ELEMENT_INT64]   = { "int64",   8 },
	[ELEMENT_FLOAT32] = { "float32", 4 },
	[ELEMENT_FLOAT64] = { "float64", 8 },
};
/* clang-format on */
_Static_assert(COUNT(elements) == ELEMENT_COUNT, "one row per element");

size_t
element_size(enum element e)
{
	return elements[e].size;
}

const char *
element_name(enum element e)
{
	return elements[e].name;
}

size_t
data_type_size(enum data_type t)
{
	switch (t) {
	case DATA_UINT8:
		return sizeof(uint8_t);
	case DATA_FLOAT:
		return sizeof(float);
	case DATA_INT64:
		return sizeof(int64_t);
	}
	abort();
}

bool
elements_same(const struct array *a, enum data_type t)
{
	bool native = a->big_endian == (BYTE_ORDER == BIG_ENDIAN);

	return (t == DATA_UINT8 && a->element == ELEMENT_UINT8) ||
	    (t == DATA_FLOAT && a->element == ELEMENT_FLOAT32 && native) ||
	    (t == DATA_INT64 && a->element == ELEMENT_INT64 && native);
}

/* The bits of one element, in the low end. */
static uint64_t
bits(const struct array *a, const uint8_t *p)
{
	size_t size = elements[a->element].size;
	uint64_t v = 0;

	for (size_t i = 0; i < size; i++)
		v |= (uint64_t)p[i] << 8 * (a->big_endian ? size - 1 - i : i);
	return v;
}

static float
as_float(enum element e, uint64_t v)
{
	uint32_t narrow = (uint32_t)v;
	float f;
	double d;

	if (e == ELEMENT_FLOAT32) {
		memcpy(&f, &narrow, sizeof f);
		return f;
	}
	memcpy(&d, &v, sizeof d);
	return (float)d; /* infinite if float cannot hold it */
}

/* False if int64 cannot hold it. */
static bool
as_int(enum element e, uint64_t v, int64_t *ret)
{
	size_t shift = 64 - 8 * elements[e].size;
	bool is_signed = e == ELEMENT_INT8 || e == ELEMENT_INT16 || e == ELEMENT_INT32 ||
	    e == ELEMENT_INT64;

	if (is_signed)
		*ret = (int64_t)(v << shift) >> shift;
	else
		*ret = (int64_t)v;
	return is_signed || v <= INT64_MAX;
}

bool
elements_convert(struct ctx *c, const struct array *a, enum data_type type, const uint8_t *from,
    size_t n, void *to)
{
	size_t size = elements[a->element].size;

	for (size_t i = 0; i < n; i++, from += size) {
		uint64_t v = bits(a, from);

		switch (type) {
		case DATA_UINT8:
			((uint8_t *)to)[i] = (uint8_t)v;
			break;
		case DATA_FLOAT:
			((float *)to)[i] = as_float(a->element, v);
			break;
		case DATA_INT64:
			if (!as_int(a->element, v, &((int64_t *)to)[i]))
				return fail(c, E_INPUT, "a label is larger than 2^63");
			break;
		}
	}
	return true;
}

bool
elements_finite(struct ctx *c, const float *v, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (!isfinite(v[i]))
			return fail(c, E_INPUT, "element %zu is not a finite float32", i);
	return true;
}
