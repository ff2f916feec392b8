/*
 * Pictures of one form in a file of our own: the form once, then, where the file has them, the
 * samples of one picture after the other. What a file says of itself is not believed: a form that
 * no picture has, and samples that are not all there, are found before memory is taken for them.
 */
#include "image.h"

void
image_form_put(struct buf *b, const struct image *i)
{
	wire_put_u8(b, (uint8_t)i->channels);
	wire_put_u32(b, (uint32_t)i->width);
	wire_put_u32(b, (uint32_t)i->height);
}

struct image
image_form_read(struct wire *w)
{
	uint32_t channels = wire_u8(w), width = wire_u32(w), height = wire_u32(w);

	if ((channels != 1 && channels != IMAGE_CHANNELS_MAX) || width < 1 ||
	    width > IMAGE_SIDE_MAX || height < 1 || height > IMAGE_SIDE_MAX) {
		w->bad = true;
		return (struct image){ 0 };
	}
	return (struct image){ (int)width, (int)height, (int)channels, NULL };
}

bool
images_end(const struct wire *w, size_t before, const struct image *form, uint32_t n)
{
	return !w->bad && w->rest.n >= before &&
	    w->rest.n - before == (size_t)n * image_bytes(form);
}

void
image_samples_put(struct buf *b, const struct image *i)
{
	buf_put(b, (struct str){ (const char *)i->v, image_bytes(i) });
}

bool
image_samples_read(struct ctx *c, struct wire *w, const struct image *form, struct image *ret)
{
	size_t size = image_bytes(form);
	struct image i;

	if (w->bad || w->rest.n < size)
		return fail(c, E_INPUT, "a picture was cut short");
	if (!image_new(c, form->width, form->height, form->channels, &i))
		return false;
	memcpy(i.v, w->rest.p, size);
	w->rest.p += size;
	w->rest.n -= size;
	*ret = i;
	return true;
}
