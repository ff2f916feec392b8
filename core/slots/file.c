/*
 * Slots as bytes:
 *
 *	"HMSLOT" | version | channels | width | height | slots | classes | colluders | commitment |
 *	own class, answer of a 0, answer of a 1 for each slot |
 *	the samples of every picture, slot by slot
 *
 * little-endian, without gaps; nothing follows.
 */
#include "parts.h"

#define MAGIC "HMSLOT"
enum { VERSION = 1, HEAD_BYTES = 6 + 1 + IMAGE_FORM_BYTES + 3 * 4 + 32, SLOT_BYTES = 3 * 4 };

static const struct image *
first_of(const struct slots *s)
{
	return &s->picture[0][0];
}

bool
slots_put(struct ctx *c, const struct slots *s, struct str *ret)
{
	size_t size = image_bytes(first_of(s)), n = (size_t)s->n;
	struct buf b;

	if (!take_buf(c, HEAD_BYTES + n * (SLOT_BYTES + SLOT_PICTURES * size), &b))
		return false;
	buf_put(&b, STR(MAGIC));
	wire_put_u8(&b, VERSION);
	image_form_put(&b, first_of(s));
	wire_put_u32(&b, (uint32_t)s->n);
	wire_put_u32(&b, (uint32_t)s->classes);
	wire_put_u32(&b, (uint32_t)s->colluders);
	buf_put(&b, (struct str){ (const char *)s->commitment.b, sizeof s->commitment.b });
	for (int i = 0; i < s->n; i++) {
		wire_put_u32(&b, (uint32_t)s->own[i]);
		wire_put_u32(&b, (uint32_t)s->label[i][0]);
		wire_put_u32(&b, (uint32_t)s->label[i][1]);
	}
	for (int i = 0; i < s->n; i++)
		for (int k = 0; k < SLOT_PICTURES; k++)
			image_samples_put(&b, &s->picture[i][k]);
	if (!buf_ok(c, &b))
		return false;
	*ret = buf_str(&b);
	return true;
}

/* ---- Back -------------------------------------------------------------------------------- */

MUST static bool
malformed(struct ctx *c)
{
	return fail(c, E_INPUT, "these are no slots, or they were altered or cut short");
}

/* Everything before the slots, and room for what follows. */
MUST static bool
head_get(struct ctx *c, struct wire *w, struct image *ret_form, struct slots *ret)
{
	struct image form;
	uint32_t n, classes, colluders;
	struct digest256 d;

	if (!str_starts(w->rest, STR(MAGIC)))
		return malformed(c);
	w->rest.p += sizeof MAGIC - 1;
	w->rest.n -= sizeof MAGIC - 1;
	if (wire_u8(w) != VERSION)
		return malformed(c);
	form = image_form_read(w);
	n = wire_u32(w);
	classes = wire_u32(w);
	colluders = wire_u32(w);
	for (size_t i = 0; i < sizeof d.b; i++)
		d.b[i] = wire_u8(w);
	if (n < 1 || n > SLOTS_MAX || classes < 3 || classes > INT32_MAX || colluders < 1 ||
	    colluders > CODE_COLLUDERS_MAX ||
	    !images_end(w, n * SLOT_BYTES, &form, n * SLOT_PICTURES))
		return malformed(c);
	if (!slots_room(c, (int)n, ret))
		return false;
	ret->classes = (int)classes;
	ret->colluders = (int)colluders;
	ret->commitment = d;
	*ret_form = form;
	return true;
}

MUST static bool
labels_get(struct ctx *c, struct wire *w, struct slots *s)
{
	for (int i = 0; i < s->n; i++) {
		uint32_t own = wire_u32(w), zero = wire_u32(w), one = wire_u32(w);
		uint32_t classes = (uint32_t)s->classes;

		if (own >= classes || zero >= classes || one >= classes || zero == one ||
		    own == zero || own == one)
			return malformed(c);
		s->own[i] = (int32_t)own;
		s->label[i][0] = (int32_t)zero;
		s->label[i][1] = (int32_t)one;
	}
	return true;
}

bool
slots_read(struct ctx *c, struct str bytes, struct slots *ret)
{
	struct slots s = { 0 };
	struct image form = { 0 };
	struct wire w = { .rest = bytes };

	if (!head_get(c, &w, &form, &s) || !labels_get(c, &w, &s))
		return false;
	for (int i = 0; i < s.n; i++)
		for (int k = 0; k < SLOT_PICTURES; k++)
			if (!image_samples_read(c, &w, &form, &s.picture[i][k]))
				return false;
	*ret = s;
	return true;
}
