/*
 * PNG of our own: header, picture, end; the same bytes for the same picture.
 */
#include <spng.h>

#include "parts.h"

static void
spng_done(spng_ctx **s)
{
	spng_ctx_free(*s);
}

bool
image_png(struct ctx *c, const struct image *i, struct str *ret)
{
	struct spng_ihdr head = {
		.width = (uint32_t)i->width,
		.height = (uint32_t)i->height,
		.bit_depth = 8,
		.color_type = i->channels == 1 ? SPNG_COLOR_TYPE_GRAYSCALE
					       : SPNG_COLOR_TYPE_TRUECOLOR,
	};
	owned(spng_done) spng_ctx *s = spng_ctx_new(SPNG_CTX_ENCODER);
	owned(heap_free) void *file = NULL;
	int code = SPNG_EMEM;
	size_t n = 0;

	if (s == NULL || spng_set_option(s, SPNG_ENCODE_TO_BUFFER, 1) != 0 ||
	    spng_set_ihdr(s, &head) != 0 ||
	    spng_encode_image(s, i->v, image_bytes(i), SPNG_FMT_PNG, SPNG_ENCODE_FINALIZE) != 0)
		return fail(c, E_MEMORY, "no memory to write a PNG");
	file = spng_get_png_buffer(s, &n, &code);
	if (file == NULL)
		return fail_log(c, E_MEMORY, spng_strerror(code), "no memory to write a PNG");
	return take_copy(c, (struct str){ file, n }, ret);
}
