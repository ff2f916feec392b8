/*
 * WebP by libwebp. The format knows only colour: a grey picture goes through it as red, green, blue
 * that agree, and what comes back is its luminance.
 */
#include <webp/decode.h>
#include <webp/encode.h>

#include "parts.h"

static void
webp_done(uint8_t **p)
{
	WebPFree(*p);
}

static void
heap_done(uint8_t **p)
{
	free(*p);
}

/* Three samples a pixel, from one. */
static void
spread(const struct image *from, uint8_t *to)
{
	const size_t pixels = image_bytes(from);

	for (size_t i = 0; i < pixels; i++)
		memset(to + 3 * i, from->v[i], 3);
}

/* And back. */
static void
gather(const uint8_t *from, const struct image *to)
{
	const size_t pixels = image_bytes(to);

	for (size_t i = 0; i < pixels; i++, from += 3) {
		double ycc[3];

		image_to_ycc((const double[3]){ from[0], from[1], from[2] }, ycc);
		to->v[i] = (uint8_t)(ycc[0] + .5);
	}
}

MUST static bool
through(struct ctx *c, int quality, const uint8_t *rgb, int width, int height, uint8_t *to,
    size_t *ret_bytes)
{
	owned(webp_done) uint8_t *file = NULL;
	const int row = 3 * width;

	*ret_bytes = WebPEncodeRGB(rgb, width, height, row, (float)quality, &file);
	if (*ret_bytes == 0)
		return fail(c, E_MEMORY, "no memory for WebP");
	if (WebPDecodeRGBInto(file, *ret_bytes, to, (size_t)row * (size_t)height, row) == NULL)
		return fail(c, E_INTERNAL, "WebP does not give a picture back");
	return true;
}

bool
webp_run(struct ctx *c, int level, const struct image *from, const struct image *to,
    size_t *ret_bytes)
{
	const size_t colour = 3 * (size_t)from->width * (size_t)from->height;
	owned(heap_done) uint8_t *rgb = NULL;

	if (from->channels == 3)
		return through(c, level, from->v, from->width, from->height, to->v, ret_bytes);
	rgb = malloc(colour);
	if (rgb == NULL)
		return fail(c, E_MEMORY, "no memory for WebP");
	spread(from, rgb);
	if (!through(c, level, rgb, from->width, from->height, rgb, ret_bytes))
		return false;
	gather(rgb, to);
	return true;
}
