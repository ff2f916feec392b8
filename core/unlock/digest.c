/*
 * What does not depend on a lock's form: the digest that says whether two models have the same
 * weights bit for bit, and flipping the bits of locked parameters.
 */
#include "parts.h"

static void
be_put(uint8_t *to, uint64_t v, size_t n)
{
	for (size_t i = 0; i < n; i++)
		to[i] = (uint8_t)(v >> (8 * (n - 1 - i)));
}

void
digest_piece(
    struct sha256 *h, const struct onnx_place *place, const void *bytes, size_t elements)
{
	uint8_t head[16];

	if (place->first == 0) {
		be_put(head, place->index, 4);
		be_put(head + 4, (uint64_t)place->type, 4);
		be_put(head + 8, (uint64_t)place->count, 8);
		sha256_add(h, (struct str){ (char *)head, sizeof head });
	}
	sha256_add(h, (struct str){ bytes, elements * onnx_type_size(place->type) });
}

static bool
look(struct ctx *c, void *arg, const struct onnx_place *place, const void *bytes,
    size_t elements)
{
	(void)c;
	digest_piece(arg, place, bytes, elements);
	return true;
}

bool
unlock_digest(struct ctx *c, int fd, struct digest256 *ret)
{
	owned(sha256_done) struct sha256 h = { 0 };

	return sha256_init(c, &h) && onnx_look(c, fd, look, &h) && sha256_end(c, &h, ret);
}

/* ---- Locked parameters ------------------------------------------------------------------- */

MUST static bool
flip_one(struct ctx *c, const struct unlock_entry *e, enum onnx_type type, char *element)
{
	size_t size = onnx_type_size(type);
	uint32_t bits = 0;

	if ((size != 2 && size != 4) || (size == 2 && e->flip > UINT16_MAX))
		return fail(c, E_INPUT, "a locked parameter does not fit its tensor's type");
	memcpy(&bits, element, size);
	bits ^= e->flip;
	memcpy(element, &bits, size);
	return true;
}

bool
unlock_flip(struct ctx *c, const struct unlock_entry entry[], uint32_t n, uint32_t *next,
    const struct onnx_place *place, void *bytes, size_t elements)
{
	for (; *next < n; (*next)++) {
		const struct unlock_entry *e = &entry[*next];
		int64_t at = (int64_t)e->index - place->first;

		if (e->tensor > place->index)
			break;
		if (e->tensor < place->index || at < 0 || e->index >= place->count)
			return fail(c, E_INPUT, "a locked parameter is not in the model");
		if (at >= (int64_t)elements)
			break;
		if (!flip_one(c, e, place->type,
			(char *)bytes + (size_t)at * onnx_type_size(place->type)))
			return false;
	}
	return true;
}
