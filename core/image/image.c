/*
 * Pictures in memory: made, copied, measured.
 */
#include <string.h>

#include "image.h"

size_t
image_bytes(const struct image *i)
{
	return (size_t)i->width * (size_t)i->height * (size_t)i->channels;
}

bool
image_new(struct ctx *c, int width, int height, int channels, struct image *ret)
{
	struct image i = { width, height, channels, NULL };

	if (channels != 1 && channels != IMAGE_CHANNELS_MAX)
		return fail(c, E_INPUT, "a picture has 1 or 3 channels, not %d", channels);
	if (width < 1 || height < 1 || width > IMAGE_SIDE_MAX || height > IMAGE_SIDE_MAX)
		return fail(c, E_LIMIT, "a picture of %d x %d: at most %d a side", width,
		    height, IMAGE_SIDE_MAX);
	i.v = take(c, image_bytes(&i));
	if (i.v == NULL)
		return false;
	*ret = i;
	return true;
}

bool
image_copy(struct ctx *c, const struct image *from, struct image *ret)
{
	struct image i;

	if (!image_new(c, from->width, from->height, from->channels, &i))
		return false;
	memcpy(i.v, from->v, image_bytes(from));
	*ret = i;
	return true;
}
