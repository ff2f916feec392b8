/*
 * The lossy codecs, a row each: name, how hard they press, how a picture goes through.
 */
#include "parts.h"

/* JPEG is the picture module's own. */
MUST static bool
jpeg_run(struct ctx *c, int level, const struct image *from, const struct image *to,
    size_t *ret_bytes)
{
	struct image i;

	if (!image_jpeg(c, from, level, &i, ret_bytes))
		return false;
	memcpy(to->v, i.v, image_bytes(to));
	return true;
}

static const struct {
	const char *name;
	int least, most; /* levels */
	int level[5];
	size_t levels;
	lossy_run *run;
} codecs[] = {
	[LOSSY_JPEG] = { "JPEG", 1, 100, { 95, 75, 50, 30, 10 }, 5, jpeg_run },
	[LOSSY_JPEG2000] = { "JPEG 2000", 2, 100, { 5, 10, 20, 40 }, 4, jp2_run },
	[LOSSY_WEBP] = { "WebP", 1, 100, { 95, 75, 50, 30, 10 }, 5, webp_run },
};
_Static_assert(COUNT(codecs) == LOSSY_COUNT, "one row per codec");

const char *
lossy_name(enum lossy_codec codec)
{
	return codecs[codec].name;
}

const int *
lossy_levels(enum lossy_codec codec, size_t *ret_n)
{
	*ret_n = codecs[codec].levels;
	return codecs[codec].level;
}

bool
lossy_pass(struct ctx *c, enum lossy_codec codec, int level, const struct image *i,
    struct image *ret, size_t *ret_bytes)
{
	struct image to;
	size_t bytes;

	if (level < codecs[codec].least || level > codecs[codec].most)
		return fail(c, E_INPUT, "%s at %d: give a level of %d to %d",
		    codecs[codec].name, level, codecs[codec].least, codecs[codec].most);
	if (!image_new(c, i->width, i->height, i->channels, &to) ||
	    !codecs[codec].run(c, level, i, &to, &bytes))
		return false;
	*ret = to;
	if (ret_bytes != NULL)
		*ret_bytes = bytes;
	return true;
}
