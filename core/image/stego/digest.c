/*
 * Which picture it is: digests of its size and its samples, of all of their bits or of the seven
 * upper ones.
 */
#include "parts.h"

enum { PIECE = 4096 };

/* The domain with its zero byte, three sizes, and the samples with a mask over each. */
MUST static bool
digest(struct ctx *c, struct str domain, const struct image *i, uint8_t mask,
    struct digest256 *ret)
{
	owned(sha256_done) struct sha256 h = { 0 };
	uint8_t size[3 * 4], piece[PIECE];
	size_t n = image_bytes(i);

	if (!sha256_init(c, &h))
		return false;
	be32_put(size, (uint32_t)i->width);
	be32_put(size + 4, (uint32_t)i->height);
	be32_put(size + 8, (uint32_t)i->channels);
	sha256_add(&h, domain);
	sha256_add(&h, (struct str){ (const char *)size, sizeof size });
	for (size_t at = 0, some; at < n; at += some) {
		some = n - at < PIECE ? n - at : PIECE;
		for (size_t k = 0; k < some; k++)
			piece[k] = i->v[at + k] & mask;
		sha256_add(&h, (struct str){ (const char *)piece, some });
	}
	return sha256_end(c, &h, ret);
}

bool
stego_picture_digest(struct ctx *c, const struct image *i, struct digest256 *ret)
{
	static const char domain[] = "hallmark/1/h7";

	return digest(c, (struct str){ domain, sizeof domain }, i, 0xfe, ret);
}

bool
stego_pixels_digest(struct ctx *c, const struct image *i, struct digest256 *ret)
{
	static const char domain[] = "hallmark/1/pixels";

	return digest(c, (struct str){ domain, sizeof domain }, i, 0xff, ret);
}
