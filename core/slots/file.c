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
enum { VERSION = 1, HEAD_BYTES = 6 + 2 + 5 * 4 + 32, SLOT_BYTES = 3 * 4 };

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
	wire_put_u8(&b, (uint8_t)first_of(s)->channels);
	wire_put_u32(&b, (uint32_t)first_of(s)->width);
	wire_put_u32(&b, (uint32_t)first_of(s)->height);
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
			buf_put(&b, (struct str){ (const char *)s->picture[i][k].v, size });
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

/* Is there a picture of that kind, of which so many are left? */
static bool
pictures_left(const struct image *form, uint32_t n, size_t left)
{
	return n >= 1 && n <= SLOTS_MAX && form->width >= 1 && form->height >= 1 &&
	    form->width <= IMAGE_SIDE_MAX && form->height <= IMAGE_SIDE_MAX &&
	    (form->channels == 1 || form->channels == IMAGE_CHANNELS_MAX) &&
	    left == n * (SLOT_BYTES + SLOT_PICTURES * image_bytes(form));
}

/* Everything before the slots, and room for what follows. */
MUST static bool
head_get(struct ctx *c, struct wire *w, struct image *ret_form, struct slots *ret)
{
	struct image form = { 0 };
	uint32_t n, classes, colluders;
	struct digest256 d;

	if (!str_starts(w->rest, STR(MAGIC)))
		return malformed(c);
	w->rest.p += sizeof MAGIC - 1;
	w->rest.n -= sizeof MAGIC - 1;
	if (wire_u8(w) != VERSION)
		return malformed(c);
	form.channels = wire_u8(w);
	form.width = (int)wire_u32(w);
	form.height = (int)wire_u32(w);
	n = wire_u32(w);
	classes = wire_u32(w);
	colluders = wire_u32(w);
	for (size_t i = 0; i < sizeof d.b; i++)
		d.b[i] = wire_u8(w);
	if (w->bad || classes < 3 || classes > INT32_MAX || colluders < 1 ||
	    colluders > CODE_COLLUDERS_MAX || !pictures_left(&form, n, w->rest.n))
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
	size_t size;

	if (!head_get(c, &w, &form, &s) || !labels_get(c, &w, &s))
		return false;
	size = image_bytes(&form);
	for (int i = 0; i < s.n * SLOT_PICTURES; i++) {
		struct image *p = &s.picture[i / SLOT_PICTURES][i % SLOT_PICTURES];

		if (!image_new(c, form.width, form.height, form.channels, p))
			return false;
		memcpy(p->v, w.rest.p + (size_t)i * size, size);
	}
	*ret = s;
	return true;
}
