/*
 * What the files of this module share: what a file says of itself before anything is decoded, the
 * decoders that follow, and the randomness of the camera.
 */
#ifndef IMAGE_PARTS_H
#define IMAGE_PARTS_H

#include "image.h"

/* ---- Bytes of files ---------------------------------------------------------------------- */

/* Big-endian, as PNG and JPEG count. */
static inline uint32_t
be16(const char *p)
{
	return (uint32_t)(uint8_t)p[0] << 8 | (uint8_t)p[1];
}

static inline uint32_t
be32(const char *p)
{
	return be16(p) << 16 | be16(p + 2);
}

/* For owned(): memory of malloc. */
static inline void
heap_free(void *p)
{
	void *held;

	memcpy(&held, p, sizeof held);
	free(held);
}

/* ---- Outlines ---------------------------------------------------------------------------- */

/* What a walk over a file finds. Nothing was decoded, nothing allocated. */
struct outline {
	int width, height, channels; /* as stored, within limits; channels 1 or 3 */
	int depth;                   /* bits a sample: 1 to 8, or 16 */
	int turn;                    /* orientation of EXIF: 1 (upright) to 8 */
	size_t kept;                 /* PNG: bytes of the chunks that make the picture */
};

/*
 * Each walks its format from the first byte to the last and refuses what the header of this module
 * says is refused, as far as that shows without decoding.
 */
MUST bool png_outline(struct ctx *, struct str file, struct outline *ret);
MUST bool jpeg_outline(struct ctx *, struct str file, struct outline *ret);
bool png_begins(struct str file);
bool jpeg_begins(struct str file);
/* Width and height of a file as found; E_LIMIT beyond IMAGE_SIDE_MAX. */
MUST bool outline_size(struct ctx *, uint32_t width, uint32_t height, struct outline *);

/* The orientation in a TIFF structure; 1 if it does not say. */
MUST bool exif_turn(struct ctx *, struct str tiff, int *ret);

/* ---- Decoders ---------------------------------------------------------------------------- */

/* What the outline promised, not turned yet. */
MUST bool png_decode(struct ctx *, struct str file, const struct outline *, struct image *ret);
MUST bool jpeg_decode(struct ctx *, struct str file, const struct outline *, struct image *ret);
/* Upright, from how it is stored: may be the picture itself. */
MUST bool image_turn(struct ctx *, const struct image *, int turn, struct image *ret);

/* ---- Numbers ----------------------------------------------------------------------------- */

/* To the nearest of 0 to 255; 0 for what is no number. */
static inline uint8_t
sample_of(double v)
{
	return v > 0 ? v < 255 ? (uint8_t)(v + .5) : 255 : 0;
}

#endif
