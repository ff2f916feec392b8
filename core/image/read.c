/*
 * Files from outside, whatever they are: told apart by their first bytes, walked, decoded, turned
 * upright and brought to the channels that are wanted.
 */
#include "parts.h"

static const struct format {
	const char *name;
	bool (*begins)(struct str);
	bool (*outline)(struct ctx *, struct str, struct outline *);
	bool (*decode)(struct ctx *, struct str, const struct outline *, struct image *);
	bool lossless;
} formats[] = {
	{ "PNG", png_begins, png_outline, png_decode, true },
	{ "JPEG", jpeg_begins, jpeg_outline, jpeg_decode, false },
};

bool
outline_size(struct ctx *c, uint32_t width, uint32_t height, struct outline *o)
{
	if (width == 0 || height == 0)
		return fail(c, E_INPUT, "a picture without pixels: save it again");
	if (width > IMAGE_SIDE_MAX || height > IMAGE_SIDE_MAX)
		return fail(c, E_LIMIT, "a picture of %u x %u: send one of at most %d a side",
		    width, height, IMAGE_SIDE_MAX);
	o->width = (int)width;
	o->height = (int)height;
	return true;
}

MUST static bool
look(struct ctx *c, struct str file, const struct format **ret_format, struct outline *ret)
{
	if (file.n > IMAGE_FILE_MAX)
		return fail(c, E_LIMIT, "a picture of %zu bytes: send at most %d", file.n,
		    IMAGE_FILE_MAX);
	for (size_t i = 0; i < COUNT(formats); i++)
		if (formats[i].begins(file)) {
			*ret_format = &formats[i];
			return formats[i].outline(c, file, ret);
		}
	return fail(c, E_INPUT, "neither a PNG nor a JPEG: send one of these");
}

/* In place: a colour picture whose three samples agree everywhere. */
MUST static bool
to_grey(struct ctx *c, struct image *i)
{
	const size_t pixels = (size_t)i->width * (size_t)i->height;

	for (size_t k = 0; k < pixels; k++) {
		const uint8_t *v = i->v + 3 * k;

		if (v[0] != v[1] || v[1] != v[2])
			return fail(c, E_INPUT, "the picture is in colour: send a grey one");
		i->v[k] = v[0];
	}
	i->channels = 1;
	return true;
}

MUST static bool
to_colour(struct ctx *c, struct image *i)
{
	const size_t pixels = (size_t)i->width * (size_t)i->height;
	struct image to;

	if (!image_new(c, i->width, i->height, 3, &to))
		return false;
	for (size_t k = 0; k < pixels; k++)
		memset(to.v + 3 * k, i->v[k], 3);
	*i = to;
	return true;
}

bool
image_read(struct ctx *c, struct str bytes, int channels, struct image *ret, bool *ret_lossless)
{
	const struct format *f;
	struct outline o;
	struct image i;

	if (!look(c, bytes, &f, &o) || !f->decode(c, bytes, &o, &i) ||
	    !image_turn(c, &i, o.turn, &i) ||
	    (channels == 1 && i.channels == 3 && !to_grey(c, &i)) ||
	    (channels == 3 && i.channels == 1 && !to_colour(c, &i)))
		return false;
	*ret = i;
	if (ret_lossless != NULL)
		*ret_lossless = f->lossless;
	return true;
}

bool
image_size(struct ctx *c, struct str bytes, int *ret_width, int *ret_height)
{
	const struct format *f;
	struct outline o;

	if (!look(c, bytes, &f, &o))
		return false;
	*ret_width = o.turn > 4 ? o.height : o.width;
	*ret_height = o.turn > 4 ? o.width : o.height;
	return true;
}
