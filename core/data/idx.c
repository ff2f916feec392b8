/*
 * IDX, the format of MNIST: two zero bytes, a type, the number of dimensions, then each
 * dimension as 32 bits, big-endian like the elements.
 */
#include "parts.h"

static const struct {
	uint8_t code;
	enum element element;
} types[] = {
	{ 0x08, ELEMENT_UINT8 },
	{ 0x09, ELEMENT_INT8 },
	{ 0x0b, ELEMENT_INT16 },
	{ 0x0c, ELEMENT_INT32 },
	{ 0x0d, ELEMENT_FLOAT32 },
	{ 0x0e, ELEMENT_FLOAT64 },
};

bool
idx_header(struct ctx *c, struct stream *s, const uint8_t magic[IDX_MAGIC], struct array *ret)
{
	struct array a = { .element = ELEMENT_COUNT, .big_endian = true, .rank = magic[3] };
	uint8_t dim[4];

	for (size_t i = 0; i < COUNT(types); i++)
		if (types[i].code == magic[2])
			a.element = types[i].element;
	if (a.element == ELEMENT_COUNT)
		return fail(c, E_INPUT, "IDX knows no type 0x%02x", magic[2]);
	if (a.rank < 1 || a.rank > DATA_RANK_MAX)
		return fail(c, E_INPUT, "an IDX file of %d dimensions: 1 to %d are possible",
		    a.rank, DATA_RANK_MAX);
	for (int i = 0; i < a.rank; i++) {
		if (!stream_take(c, s, dim, sizeof dim))
			return false;
		a.dim[i] = (int64_t)((uint32_t)dim[0] << 24 | (uint32_t)dim[1] << 16 |
		    (uint32_t)dim[2] << 8 | dim[3]);
	}
	*ret = a;
	return true;
}
