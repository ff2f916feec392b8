/*
 * Which picture (or signal) it is: digests of its size and its samples, of all of their bits or of
 * all but the lowest.
 */
#include "parts.h"

enum { PIECE = 4096 };

/*
 * The domain with its zero byte, three sizes, and the samples with a mask over each; those of two
 * bytes big-endian.
 */
MUST static bool
digest(struct ctx *c, struct str domain, const struct lowest *on, unsigned mask,
    struct digest256 *ret)
{
	owned(sha256_done) struct sha256 h = { 0 };
	uint8_t size[3 * 4], piece[PIECE];
	size_t n = 0;

	if (!sha256_init(c, &h))
		return false;
	for (int i = 0; i < 3; i++)
		be32_put(size + 4 * i, on->size[i]);
	sha256_add(&h, domain);
	sha256_add(&h, (struct str){ (const char *)size, sizeof size });
	for (size_t k = 0; k < on->n; k++) {
		unsigned v = on->signal != NULL ? (uint16_t)on->signal[k] : on->picture[k];

		v &= mask;
		if (on->signal != NULL)
			piece[n++] = (uint8_t)(v >> 8);
		piece[n++] = (uint8_t)v;
		if (n + 1 >= PIECE || k + 1 == on->n) {
			sha256_add(&h, (struct str){ (const char *)piece, n });
			n = 0;
		}
	}
	return sha256_end(c, &h, ret);
}

bool
lowest_digest(struct ctx *c, const struct lowest *on, struct digest256 *ret)
{
	static const char picture[] = "hallmark/1/h7", signal[] = "hallmark/1/h15";

	return digest(c,
	    on->signal != NULL ? (struct str){ signal, sizeof signal }
			       : (struct str){ picture, sizeof picture },
	    on, 0xfffe, ret);
}

bool
stego_picture_digest(struct ctx *c, const struct image *i, struct digest256 *ret)
{
	const struct lowest on = lowest_of_image(i);

	return lowest_digest(c, &on, ret);
}

bool
stego_pixels_digest(struct ctx *c, const struct image *i, struct digest256 *ret)
{
	static const char domain[] = "hallmark/1/pixels";
	const struct lowest on = lowest_of_image(i);

	return digest(c, (struct str){ domain, sizeof domain }, &on, 0xff, ret);
}
