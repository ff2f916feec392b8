/*
 * The carrier `dct`: a number of 64 bits, customer and MAC, spread over the luminance where JPEG is
 * careful: 8 cosine coefficients of low frequency in each block of 8 x 8, zig-zag positions 6 to
 * 13, which JPEG 75 rounds to multiples of 7 to 10. The number is coded by RS(16,8), and each of
 * the 128 bits pushes every coefficient that an order under the key gives it, up or down by a chip
 * of the customer's own, as far as 40 dB allow (about 7).
 *
 * Whoever reads takes the base picture's own coefficients off, if he has it; else they are the
 * noise in which the bits must be heard: hopeless at 64 x 64, where a bit has 4 coefficients, and
 * well above a hundred pixels a side good enough. The code is no longer for larger pictures: they
 * have more coefficients for each bit instead, which are added up before anything is decided, and
 * that is worth more than a longer code.
 */
#include <math.h>

#include "parts.h"

enum {
	SIDE = 8,
	PIXELS = SIDE * SIDE,
	BANDS = 8,
	SIDE_MIN = 64,
	DATA = 8,
	CODE = 16,
	BITS = 8 * CODE,
	LOSSES = 6, /* at most so many of the weakest bytes are given up, two at a time */
};
/* How far a coefficient is pushed at most: less, to 7.1, unless samples are cut off at 0 or 255. */
#define STRENGTH 9.0
#define STEP .01
/* What a coefficient counts at most: the rest would be the picture's own. */
#define HEARD 9.0
/* Decibels. No picture is further from its base after JPEG 60, and no other picture as near. */
#define ALIKE 20.0

static const uint8_t zigzag[BANDS][2] = { { 0, 3 }, { 1, 2 }, { 2, 1 }, { 3, 0 }, { 4, 0 },
	{ 3, 1 }, { 2, 2 }, { 1, 3 } };

/* Where bits go in pictures of one size, for one customer. */
struct spread {
	int wide, cells; /* blocks in a row; coefficients in all */
	double wave[BANDS][PIXELS];
	uint32_t *order; /* coefficient k bears bit order[k] % BITS */
	uint8_t *chips;  /* with this sign, a bit each */
	uint8_t *mask;   /* over the code word, so that silence says nothing */
};

size_t
dct_capacity(const struct image *i)
{
	return i->width >= SIDE_MIN && i->height >= SIDE_MIN ? CODE : 0;
}

MUST static bool
spread_make(struct ctx *c, const struct stego_keys *keys, const struct image *i,
    uint32_t customer, struct spread *ret)
{
	struct spread s = { .wide = i->width / SIDE };

	s.cells = s.wide * (i->height / SIDE) * BANDS;
	for (int b = 0; b < BANDS; b++) {
		double one[PIXELS] = { 0 };

		one[zigzag[b][0] * SIDE + zigzag[b][1]] = 1;
		image_dct_back(SIDE, one, s.wave[b]);
	}
	if (!draw_order(c, &keys->order, "dct", 0, (uint32_t)s.cells, &s.order) ||
	    !draw_bytes(c, &keys->white, "dct", customer, (size_t)s.cells / 8 + CODE, &s.chips))
		return false;
	s.mask = s.chips + s.cells / 8;
	*ret = s;
	return true;
}

static double
chip(const struct spread *s, int cell)
{
	return (s->chips[cell / 8] >> cell % 8 & 1) != 0 ? 1 : -1;
}

static void
mask(const struct spread *s, uint8_t word[CODE])
{
	for (int i = 0; i < CODE; i++)
		word[i] ^= s->mask[i];
}

/* The sample in the corner of a block. */
static size_t
corner(const struct spread *s, const struct image *i, int block)
{
	size_t x = (size_t)(block % s->wide) * SIDE, y = (size_t)(block / s->wide) * SIDE;

	return (y * (size_t)i->width + x) * (size_t)i->channels;
}

static size_t
within(const struct image *i, int pixel)
{
	size_t x = (size_t)(pixel % SIDE), y = (size_t)(pixel / SIDE);

	return (y * (size_t)i->width + x) * (size_t)i->channels;
}

/* ---- The number -------------------------------------------------------------------------- */

/* Customer, and a MAC over all that is claimed; coded. */
MUST static bool
number_make(struct ctx *c, const struct rs *code, const struct stego_keys *keys,
    const struct stego_payload *p, uint8_t ret[CODE])
{
	uint8_t m[2 + 5 * 4] = { 'H', 'D' };
	struct digest256 mac;

	if (!times_check(c, p))
		return false;
	be32_put(m + 2, p->release);
	be32_put(m + 6, p->customer);
	be32_put(m + 10, p->serial);
	be32_put(m + 14, (uint32_t)p->issued);
	be32_put(m + 18, (uint32_t)p->expires);
	if (!hmac_sha256(c, (struct str){ (const char *)keys->mac.b, sizeof keys->mac.b },
		(struct str){ (const char *)m, sizeof m }, &mac))
		return false;
	be32_put(ret, p->customer);
	memcpy(ret + 4, mac.b, DATA - 4);
	rs_encode(code, ret);
	return true;
}

static bool
bit_of(const uint8_t number[CODE], uint32_t bit)
{
	return (number[bit / 8] >> (7 - bit % 8) & 1) != 0;
}

/* ---- Hiding ------------------------------------------------------------------------------ */

static void
block_push(const struct spread *s, const struct image *base, int block, double strength,
    const uint8_t number[CODE], struct image *to)
{
	size_t at = corner(s, base, block);
	double push[BANDS];

	for (int b = 0; b < BANDS; b++) {
		int cell = block * BANDS + b;
		double way = bit_of(number, s->order[cell] % BITS) ? strength : -strength;

		push[b] = way * chip(s, cell);
	}
	for (int p = 0; p < PIXELS; p++) {
		double more = 0;

		for (int b = 0; b < BANDS; b++)
			more += push[b] * s->wave[b][p];
		for (int k = 0; k < base->channels; k++) {
			size_t sample = at + within(base, p) + (size_t)k;

			to->v[sample] = (uint8_t)lrint(
			    fmin(fmax(base->v[sample] + more, 0), 255));
		}
	}
}

/* What the squares of all changes may add up to at 40 dB, as a multiple of what they do. */
static double
room(const struct image *base, const struct image *to)
{
	const size_t n = image_bytes(base);
	uint64_t sum = 1;

	for (size_t i = 0; i < n; i++) {
		int d = base->v[i] - to->v[i];

		sum += (uint64_t)(d * d);
	}
	return (double)n * 255 * 255 / 1e4 / (double)sum;
}

bool
dct_embed(struct ctx *c, const struct stego_keys *keys, const struct image *base,
    const struct stego_payload *p, struct image *to)
{
	owned(rs_free) struct rs *code = NULL;
	uint8_t number[CODE];
	struct spread s;
	double left;

	if (!rs_new(c, CODE, DATA, &code) || !number_make(c, code, keys, p, number) ||
	    !spread_make(c, keys, base, p->customer, &s))
		return false;
	mask(&s, number);
	for (double strength = STRENGTH; strength > STEP; strength -= STEP) {
		for (int block = 0; block < s.cells / BANDS; block++)
			block_push(&s, base, block, strength, number, to);
		left = room(base, to);
		if (left >= 1)
			return true;
		strength *= sqrt(left);
	}
	return fail(c, E_INTERNAL, "no strength is weak enough");
}

/* ---- Finding ----------------------------------------------------------------------------- */

static double
luminance(const struct image *i, size_t sample)
{
	double ycc[3];

	if (i->channels == 1)
		return i->v[sample];
	image_to_ycc((const double[]){ i->v[sample], i->v[sample + 1], i->v[sample + 2] }, ycc);
	return ycc[0];
}

/* The coefficients of one block, those of the base taken off. */
static void
block_hear(const struct spread *s, const struct image *i, const struct image *base, int block,
    double ret[BANDS])
{
	size_t at = corner(s, i, block);
	double y[PIXELS];

	for (int p = 0; p < PIXELS; p++) {
		y[p] = luminance(i, at + within(i, p));
		if (base != NULL)
			y[p] -= luminance(base, at + within(i, p));
	}
	for (int b = 0; b < BANDS; b++) {
		ret[b] = 0;
		for (int p = 0; p < PIXELS; p++)
			ret[b] += y[p] * s->wave[b][p];
	}
}

/* How loudly each bit says one. */
static void
hear(const struct spread *s, const struct image *i, const struct image *base, double loud[BITS])
{
	double v[BANDS];

	memset(loud, 0, BITS * sizeof *loud);
	for (int block = 0; block < s->cells / BANDS; block++) {
		block_hear(s, i, base, block, v);
		for (int b = 0; b < BANDS; b++) {
			int cell = block * BANDS + b;

			loud[s->order[cell] % BITS] += fmin(fmax(v[b], -HEARD), HEARD) *
			    chip(s, cell);
		}
	}
}

/* The bytes that are heard, and their places, the least certain first. */
static void
heard(const double loud[BITS], uint8_t word[CODE], int weakest[CODE])
{
	double certain[CODE];

	for (int i = 0; i < CODE; i++) {
		int at = i;

		word[i] = 0;
		certain[i] = INFINITY;
		for (int k = 0; k < 8; k++) {
			double v = loud[8 * i + k];

			word[i] = (uint8_t)(word[i] << 1 | (v > 0));
			certain[i] = fmin(certain[i], fabs(v));
		}
		for (; at > 0 && certain[weakest[at - 1]] > certain[i]; at--)
			weakest[at] = weakest[at - 1];
		weakest[at] = i;
	}
}

static struct str
view(const uint8_t word[CODE])
{
	return (struct str){ (const char *)word, CODE };
}

/* Bytes mended, -1 if what was heard is not this number. */
static int
number_find(const struct rs *code, const uint8_t heard_word[CODE], const int weakest[CODE],
    const uint8_t number[CODE])
{
	uint8_t word[CODE];

	for (int losses = 0; losses <= LOSSES; losses += 2) {
		int mended;

		memcpy(word, heard_word, CODE);
		mended = rs_mend(code, word, weakest, losses);
		if (mended >= 0 && secret_same(view(word), view(number)))
			return mended;
	}
	return -1;
}

/* What it is, if it is not the number that was claimed. */
static enum stego_found
other_number(const struct rs *code, uint8_t word[CODE], const uint8_t number[CODE])
{
	size_t same = bits_same(word, number, CODE);

	if (rs_mend(code, word, NULL, 0) >= 0 && memcmp(word, number, DATA - 4) == 0)
		return STEGO_FORGED;
	return bits_agree(same, BITS) ? STEGO_DAMAGED : STEGO_NONE;
}

bool
dct_extract(struct ctx *c, const struct stego_keys *keys, const struct image *i,
    const struct image *base, const struct stego_payload *claim, enum stego_found *ret_found,
    struct stego_payload *ret, int *ret_repaired)
{
	owned(rs_free) struct rs *code = NULL;
	uint8_t number[CODE], word[CODE];
	double loud[BITS];
	int weakest[CODE], mended;
	struct spread s;

	if (!rs_new(c, CODE, DATA, &code) || !number_make(c, code, keys, claim, number) ||
	    !spread_make(c, keys, i, claim->customer, &s))
		return false;
	hear(&s, i, base, loud);
	heard(loud, word, weakest);
	mask(&s, word);
	mended = number_find(code, word, weakest, number);
	if (mended < 0) {
		*ret_found = other_number(code, word, number);
		return true;
	}
	*ret_found = base != NULL && image_psnr(i, base) < ALIKE ? STEGO_FORGED : STEGO_FOUND;
	*ret = *claim;
	*ret_repaired = mended;
	return true;
}
