/*
 * Any picture as one that might hide something, with either carrier. Nothing is found in it that
 * was not hidden; what is hidden in it comes back; and after any change to the picture it comes
 * back as it was or is refused, and refused for sure if an upper bit is not what it was.
 *
 *	flags width height customer changes, changes times (place 2, what), samples …
 */
#include <math.h>

#include "fuzz.h"
#include "stego.h"

enum { SIDE_MAX = 96, COLOUR = 1, WITH_BASE = 2, DCT = 4 };
const size_t target_memory = 4 << 20;

static uint8_t
byte(struct str *rest)
{
	uint8_t v;

	if (rest->n == 0)
		return 0;
	v = (uint8_t)rest->p[0];
	rest->p++;
	rest->n--;
	return v;
}

/* The samples repeat until the picture is full. */
static struct image
picture(struct ctx *c, int width, int height, int channels, struct str samples)
{
	struct image i;

	must(image_new(c, width, height, channels, &i), "picture", c);
	for (size_t k = 0; k < image_bytes(&i) && samples.n > 0; k++)
		i.v[k] = (uint8_t)samples.p[k % samples.n];
	return i;
}

static enum stego_found
look(struct ctx *c, enum stego_carrier carrier, const struct stego_keys *keys,
    const struct image *i, const struct image *base, const struct stego_payload *claim,
    struct stego_payload *ret)
{
	enum stego_found found;
	int repaired;

	must(stego_extract(c, carrier, keys, i, base, claim, &found, ret, &repaired),
	    "a picture is not looked through", c);
	must(repaired >= 0 && repaired <= 107, "more was mended than can be", c);
	must(found != STEGO_OTHER_RELEASE, "another release", c);
	return found;
}

static bool
same(const struct stego_payload *a, const struct stego_payload *b)
{
	return a->release == b->release && a->customer == b->customer &&
	    a->serial == b->serial && a->issued == b->issued && a->expires == b->expires;
}

/* Laid over the samples; whether any upper bit is another than before. */
static bool
change(struct image *i, struct str changes)
{
	size_t n = image_bytes(i);
	uint8_t *mask = calloc(n, 1), upper = 0;

	while (changes.n > 0) {
		size_t place = (size_t)byte(&changes) << 8;

		place = (place | byte(&changes)) % n;
		mask[place] ^= byte(&changes);
	}
	for (size_t k = 0; k < n; k++) {
		i->v[k] ^= mask[k];
		upper |= mask[k] & 0xfe;
	}
	free(mask);
	return upper != 0;
}

static void
hide(struct ctx *c, enum stego_carrier carrier, const struct stego_keys *keys,
    const struct image *base, bool with_base, const struct stego_payload *p, struct str changes)
{
	enum stego_found found;
	struct stego_payload got;
	struct image i;
	bool upper;

	if (!stego_embed(c, carrier, keys, base, p, &i)) {
		must(stego_capacity(carrier, base) == 0, "not hidden", c);
		refused(c);
		return;
	}
	must(image_psnr(base, &i) >= (carrier == STEGO_DCT ? 40 : 48), "it shows", c);
	found = look(c, carrier, keys, &i, with_base ? base : NULL, p, &got);
	must(carrier == STEGO_DCT || (found == STEGO_FOUND && same(&got, p)), "lost", c);
	upper = change(&i, changes);
	found = look(c, carrier, keys, &i, with_base ? base : NULL, p, &got);
	must(found != STEGO_FOUND || same(&got, p), "another payload", c);
	must(carrier == STEGO_DCT || found != STEGO_FOUND || !upper, "changed, and found", c);
	must(carrier == STEGO_DCT || changes.n > 3 * 28 || upper || found == STEGO_FOUND,
	    "not mended", c);
}

void
target(struct ctx *c, struct str bytes)
{
	static const struct key256 secret = { { 1, 2, 3 } };
	struct stego_payload p = { 7, 0, 3, 1700000000, 0 }, got;
	uint8_t flags = byte(&bytes);
	enum stego_carrier carrier = (flags & DCT) != 0 ? STEGO_DCT : STEGO_LSB;
	int width = 1 + byte(&bytes) % SIDE_MAX, height = 1 + byte(&bytes) % SIDE_MAX;
	struct str changes;
	struct stego_keys keys;
	struct image i;

	p.customer = byte(&bytes);
	changes.n = 3 * (size_t)byte(&bytes);
	changes.p = bytes.p;
	if (changes.n > bytes.n)
		changes.n = bytes.n;
	bytes.p += changes.n;
	bytes.n -= changes.n;
	must(stego_keys_of(c, &secret, &keys), "keys", c);
	i = picture(c, width, height, (flags & COLOUR) != 0 ? 3 : 1, bytes);
	must(look(c, carrier, &keys, &i, NULL, &p, &got) != STEGO_FOUND, "out of nothing", c);
	hide(c, carrier, &keys, &i, (flags & WITH_BASE) != 0, &p, changes);
}
