/*
 * Lowest bits of all samples, of a picture (the carrier `lsb`) or of a signal. In an order that
 * only the key knows, they are code words of the payload, one after the other, under a mask of the
 * customer's own. The whole plane is filled, so that it looks like noise everywhere, and two
 * customers' pictures differ everywhere.
 *
 * The order is the watermark's and not the picture's: a plane that was moved onto another picture
 * is still read, and then found out by its MAC, which says of the upper planes what they were.
 */
#include "parts.h"

enum {
	SAMPLES_MIN = 784, /* 28 x 28, grey: a code of 57 bytes behind the 41 */
	SAMPLES_MAX = STEGO_SIGNAL_MAX,
	TRIES = 16, /* damage is spread evenly: if that many words are bad, all are */
};

/* How a picture's plane is divided: `words` of `length` bytes; what is left over is mask alone. */
struct division {
	size_t samples, bytes;
	int words, length;
};

static struct division
divide(const struct lowest *on)
{
	struct division d = { .samples = on->n };
	size_t whole = d.samples / 8;

	d.bytes = (d.samples + 7) / 8;
	d.words = (int)((whole + WORD_MAX - 1) / WORD_MAX);
	d.length = (int)(whole / (size_t)d.words);
	return d;
}

size_t
lowest_capacity(const struct lowest *on)
{
	struct division d;

	if (on->n < SAMPLES_MIN || on->n > SAMPLES_MAX)
		return 0;
	d = divide(on);
	return (size_t)d.words * (size_t)d.length;
}

/* ---- Hiding ------------------------------------------------------------------------------ */

/* The code words over the mask. */
MUST static bool
words_put(struct ctx *c, const struct division *d, uint8_t word[WORD_MAX], uint8_t plane[])
{
	owned(rs_free) struct rs *code = NULL;

	if (!rs_new(c, d->length, PAYLOAD_SIZE, &code))
		return false;
	rs_encode(code, word);
	for (int k = 0; k < d->words; k++, plane += d->length)
		for (int i = 0; i < d->length; i++)
			plane[i] ^= word[i];
	return true;
}

bool
lowest_embed(struct ctx *c, const struct stego_keys *keys, const struct lowest *base,
    const struct stego_payload *p, const struct lowest *to)
{
	struct division d = divide(base);
	uint8_t word[WORD_MAX], *plane;
	uint32_t *order;

	if (!payload_put(c, keys, base, p, word) ||
	    !draw_bytes(c, &keys->white, "white", p->customer, d.bytes, &plane) ||
	    !draw_order(c, &keys->order, "order", 0, (uint32_t)d.samples, &order) ||
	    !words_put(c, &d, word, plane))
		return false;
	for (size_t j = 0; j < d.samples; j++)
		lowest_bit_put(to, order[j], plane[j / 8] >> (7 - j % 8) & 1);
	return true;
}

/* ---- Finding ----------------------------------------------------------------------------- */

/* The plane in its order, without the mask. */
MUST static bool
plane_read(struct ctx *c, const struct stego_keys *keys, const struct lowest *on,
    const struct division *d, uint32_t customer, uint8_t **ret)
{
	uint32_t *order;
	uint8_t *plane;

	if (!draw_bytes(c, &keys->white, "white", customer, d->bytes, &plane) ||
	    !draw_order(c, &keys->order, "order", 0, (uint32_t)d->samples, &order))
		return false;
	for (size_t j = 0; j < d->samples; j++)
		plane[j / 8] ^= (uint8_t)(lowest_bit(on, order[j]) << (7 - j % 8));
	*ret = plane;
	return true;
}

/*
 * How many bytes of the word were wrong, -1 if it cannot be mended to a payload. Most words are
 * good where it matters, and what is behind the payload is quickly compared.
 */
static int
word_mend(const struct rs *code, int length, uint8_t word[WORD_MAX])
{
	uint8_t right[WORD_MAX];
	int wrong = 0;

	if (!payload_whole(word)) {
		wrong = rs_mend(code, word, NULL, 0);
		return wrong >= 0 && payload_whole(word) ? wrong : -1;
	}
	memcpy(right, word, PAYLOAD_SIZE);
	rs_encode(code, right);
	for (int i = PAYLOAD_SIZE; i < length; i++)
		wrong += right[i] != word[i];
	return wrong;
}

/* The first word that can be mended; otherwise, whether one was there. */
MUST static bool
words_read(struct ctx *c, const struct division *d, const uint8_t plane[],
    const struct stego_payload *claim, uint8_t word[WORD_MAX], int *ret_wrong,
    bool *ret_damaged)
{
	owned(rs_free) struct rs *code = NULL;
	int words = d->words < TRIES ? d->words : TRIES;
	uint8_t known[PAYLOAD_KNOWN];
	size_t same = 0;

	if (!rs_new(c, d->length, PAYLOAD_SIZE, &code))
		return false;
	payload_known(claim, known);
	*ret_wrong = -1;
	for (int k = 0; k < words && *ret_wrong < 0; k++, plane += d->length) {
		memcpy(word, plane, (size_t)d->length);
		same += bits_same(word, known, sizeof known);
		*ret_wrong = word_mend(code, d->length, word);
	}
	*ret_damaged = bits_agree(same, 8 * sizeof known * (size_t)words);
	return true;
}

/* What a whole payload is worth. */
MUST static bool
judge(struct ctx *c, const struct stego_keys *keys, const struct lowest *on,
    const struct stego_payload *claim, const uint8_t word[WORD_MAX],
    enum stego_found *ret_found, struct stego_payload *ret)
{
	struct stego_payload p = payload_get(word);
	bool genuine;

	if (!payload_genuine(c, keys, on, word, &genuine))
		return false;
	*ret_found = !genuine || p.customer != claim->customer ? STEGO_FORGED
	    : p.release != claim->release                      ? STEGO_OTHER_RELEASE
							       : STEGO_FOUND;
	*ret = p;
	return true;
}

bool
lowest_extract(struct ctx *c, const struct stego_keys *keys, const struct lowest *on,
    const struct stego_payload *claim, enum stego_found *ret_found, struct stego_payload *ret,
    int *ret_repaired)
{
	struct division d = divide(on);
	uint8_t word[WORD_MAX], *plane;
	bool damaged;
	int wrong;

	if (!plane_read(c, keys, on, &d, claim->customer, &plane) ||
	    !words_read(c, &d, plane, claim, word, &wrong, &damaged))
		return false;
	if (wrong < 0) {
		*ret_found = damaged ? STEGO_DAMAGED : STEGO_NONE;
		return true;
	}
	*ret_repaired = wrong;
	return judge(c, keys, on, claim, word, ret_found, ret);
}

/* ---- Pictures ---------------------------------------------------------------------------- */

size_t
lsb_capacity(const struct image *i)
{
	const struct lowest on = lowest_of_image(i);

	return lowest_capacity(&on);
}

bool
lsb_embed(struct ctx *c, const struct stego_keys *keys, const struct image *base,
    const struct stego_payload *p, struct image *to)
{
	const struct lowest from = lowest_of_image(base), into = lowest_of_image(to);

	return lowest_embed(c, keys, &from, p, &into);
}

bool
lsb_extract(struct ctx *c, const struct stego_keys *keys, const struct image *i,
    const struct image *base, const struct stego_payload *claim, enum stego_found *ret_found,
    struct stego_payload *ret, int *ret_repaired)
{
	const struct lowest on = lowest_of_image(i);

	(void)base;
	return lowest_extract(c, keys, &on, claim, ret_found, ret, ret_repaired);
}
