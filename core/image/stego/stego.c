/*
 * The two carriers behind one interface, and what they have in common: keys, and what was found in
 * words.
 */
#include "parts.h"

/* clang-format off */
static const struct {
	const char *name;
	carrier_capacity *capacity;
	carrier_embed *embed;
	carrier_extract *extract;
	const char *needs;	/* a picture that it fits in */
} carriers[] = {
	[STEGO_LSB] = { "lsb", lsb_capacity, lsb_embed, lsb_extract,
	    "one of 784 (28 x 28) to 4194304 samples" },
	[STEGO_DCT] = { "dct", dct_capacity, dct_embed, dct_extract,
	    "one of 64 x 64 at least" },
};
/* clang-format on */

const char *
stego_carrier_name(enum stego_carrier carrier)
{
	return carriers[carrier].name;
}

const char *
stego_found_name(enum stego_found found)
{
	static const char *const names[] = {
		[STEGO_NONE] = "no payload for this customer",
		[STEGO_DAMAGED] = "a payload of which too much is gone",
		[STEGO_FORGED] = "a payload that does not belong to this picture",
		[STEGO_OTHER_RELEASE] = "the payload of another release",
		[STEGO_FOUND] = "a payload",
	};

	return names[found];
}

static uint32_t
hex_digit(char d)
{
	return (uint32_t)(d <= '9' ? d - '0' : d - 'a' + 10);
}

uint32_t
stego_release(const struct id *release)
{
	size_t n = strlen(release->s);
	uint32_t v = 0;

	for (size_t i = n < 8 ? 0 : n - 8; i < n; i++)
		v = v << 4 | (hex_digit(release->s[i]) & 15);
	return v;
}

bool
stego_keys_of(struct ctx *c, const struct key256 *secret, struct stego_keys *ret)
{
	struct stego_keys k;
	bool ok = prf_subkey(c, secret, "order", &k.order) &&
	    prf_subkey(c, secret, "white", &k.white) && prf_subkey(c, secret, "mac", &k.mac);

	if (ok)
		*ret = k;
	stego_keys_done(&k);
	return ok;
}

void
stego_keys_done(struct stego_keys *k)
{
	explicit_bzero(k, sizeof *k);
}

size_t
stego_capacity(enum stego_carrier carrier, const struct image *i)
{
	return carriers[carrier].capacity(i);
}

bool
stego_embed(struct ctx *c, enum stego_carrier carrier, const struct stego_keys *keys,
    const struct image *base, const struct stego_payload *p, struct image *ret)
{
	struct image to;

	if (stego_capacity(carrier, base) == 0)
		return fail(c, E_INPUT,
		    "a picture of %d x %d cannot carry a payload by %s: take %s", base->width,
		    base->height, carriers[carrier].name, carriers[carrier].needs);
	if (!image_copy(c, base, &to) || !carriers[carrier].embed(c, keys, base, p, &to))
		return false;
	*ret = to;
	return true;
}

static bool
same_size(const struct image *a, const struct image *b)
{
	return a->width == b->width && a->height == b->height && a->channels == b->channels;
}

bool
stego_extract(struct ctx *c, enum stego_carrier carrier, const struct stego_keys *keys,
    const struct image *i, const struct image *base, const struct stego_payload *claim,
    enum stego_found *ret_found, struct stego_payload *ret, int *ret_repaired)
{
	enum stego_found found = STEGO_NONE;
	struct stego_payload p = { 0 };
	int repaired = 0;

	if (stego_capacity(carrier, i) > 0 && (base == NULL || same_size(i, base)) &&
	    !carriers[carrier].extract(c, keys, i, base, claim, &found, &p, &repaired))
		return false;
	*ret_found = found;
	*ret = p;
	*ret_repaired = repaired;
	return true;
}
