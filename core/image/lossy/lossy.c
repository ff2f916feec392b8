/*
 * The lossy codecs by name, and how hard they press.
 */
#include "lossy.h"

static const struct {
	const char *name;
	int level[5];
	size_t levels;
} codecs[LOSSY_COUNT] = {
	[LOSSY_JPEG] = { "JPEG", { 95, 75, 50, 30, 10 }, 5 },
	[LOSSY_JPEG2000] = { "JPEG 2000", { 5, 10, 20, 40 }, 4 },
	[LOSSY_WEBP] = { "WebP", { 95, 75, 50, 30, 10 }, 5 },
};

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
