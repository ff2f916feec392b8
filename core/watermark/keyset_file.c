/*
 * A key set as bytes:
 *
 *	"HMKEYS" | version | channels | width | height | pairs | spares | classes | commitment |
 *	a coin, a runner-up label and a twin's label for each pair |
 *	the samples of every picture: pair by pair, then the spares
 *
 * little-endian, without gaps; nothing follows.
 */
#include "parts.h"

#define MAGIC "HMKEYS"
enum {
	VERSION = 1,
	HEAD_BYTES = 6 + 1 + IMAGE_FORM_BYTES + 3 * 4 + 32,
	PAIR_BYTES = 1 + 2 * 4
};

static int64_t
items(const struct keyset *k)
{
	return 2 * (int64_t)k->pairs + k->spares;
}

bool
keyset_put(struct ctx *c, const struct keyset *k, struct str *ret)
{
	const struct image *first = keyset_first(k);
	size_t size = image_bytes(first);
	struct buf b;

	if (!take_buf(
		c, HEAD_BYTES + (size_t)k->pairs * PAIR_BYTES + (size_t)items(k) * size, &b))
		return false;
	buf_put(&b, STR(MAGIC));
	wire_put_u8(&b, VERSION);
	image_form_put(&b, first);
	wire_put_u32(&b, (uint32_t)k->pairs);
	wire_put_u32(&b, (uint32_t)k->spares);
	wire_put_u32(&b, (uint32_t)k->classes);
	buf_put(&b, (struct str){ (const char *)k->commitment.b, sizeof k->commitment.b });
	for (int i = 0; i < k->pairs; i++) {
		wire_put_u8(&b, k->coin[i]);
		wire_put_u32(&b, (uint32_t)k->runner_up[i]);
		wire_put_u32(&b, (uint32_t)k->twin_label[i]);
	}
	for (int64_t i = 0; i < items(k); i++)
		image_samples_put(&b, keyset_item(k, i));
	if (!buf_ok(c, &b))
		return false;
	*ret = buf_str(&b);
	return true;
}

/* ---- Back -------------------------------------------------------------------------------- */

MUST static bool
malformed(struct ctx *c)
{
	return fail(c, E_INPUT, "this is no key set, or it was altered or cut short");
}

/* Everything before the pairs, and room for what follows. */
MUST static bool
head_get(struct ctx *c, struct wire *w, struct image *ret_form, struct keyset *ret)
{
	struct image form;
	uint32_t pairs, spares, classes;
	struct digest256 d;

	if (!str_starts(w->rest, STR(MAGIC)))
		return malformed(c);
	w->rest.p += sizeof MAGIC - 1;
	w->rest.n -= sizeof MAGIC - 1;
	if (wire_u8(w) != VERSION)
		return malformed(c);
	form = image_form_read(w);
	pairs = wire_u32(w);
	spares = wire_u32(w);
	classes = wire_u32(w);
	for (size_t i = 0; i < sizeof d.b; i++)
		d.b[i] = wire_u8(w);
	if (pairs < 1 || pairs > KEYSET_PAIRS_MAX || spares > KEYSET_SPARES_MAX ||
	    classes < 2 || classes > INT32_MAX ||
	    !images_end(w, pairs * PAIR_BYTES, &form, 2 * pairs + spares))
		return malformed(c);
	if (!keyset_room(c, (int)pairs, (int)spares, ret))
		return false;
	ret->classes = (int)classes;
	ret->commitment = d;
	*ret_form = form;
	return true;
}

MUST static bool
pairs_get(struct ctx *c, struct wire *w, struct keyset *k)
{
	for (int i = 0; i < k->pairs; i++) {
		uint32_t coin = wire_u8(w), runner_up = wire_u32(w), twin = wire_u32(w);

		if (coin > 1 || runner_up >= (uint32_t)k->classes ||
		    twin >= (uint32_t)k->classes)
			return malformed(c);
		k->coin[i] = (uint8_t)coin;
		k->runner_up[i] = (int32_t)runner_up;
		k->twin_label[i] = (int32_t)twin;
	}
	return true;
}

bool
keyset_read(struct ctx *c, struct str bytes, struct keyset *ret)
{
	struct keyset k = { 0 };
	struct image form = { 0 };
	struct wire w = { .rest = bytes };

	if (!head_get(c, &w, &form, &k) || !pairs_get(c, &w, &k))
		return false;
	for (int64_t i = 0; i < items(&k); i++)
		if (!image_samples_read(c, &w, &form, keyset_item(&k, i)))
			return false;
	*ret = k;
	return true;
}
