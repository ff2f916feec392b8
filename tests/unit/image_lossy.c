/*
 * Lossy codecs: each gives a picture of the same shape, worse where it presses harder, and always
 * the same one.
 */
#include <math.h>

#include "image_files.h"
#include "lossy.h"

static const int shapes[][3] = { { 28, 28, 1 }, { 32, 32, 3 }, { 64, 64, 3 }, { 100, 70, 1 } };

static void
each_level(struct ctx *c, enum lossy_codec codec, const struct image *from)
{
	double last = INFINITY;
	size_t n, bytes, before = SIZE_MAX;
	const int *level = lossy_levels(codec, &n);

	ck_assert_uint_ge(n, 4);
	for (size_t k = 0; k < n; k++) {
		struct image to, again;

		ck_ok(c, lossy_pass(c, codec, level[k], from, &to, &bytes));
		ck_ok(c, lossy_pass(c, codec, level[k], from, &again, NULL));
		ck_assert_int_eq(to.width, from->width);
		ck_assert_int_eq(to.height, from->height);
		ck_assert_int_eq(to.channels, from->channels);
		ck_assert_mem_eq(to.v, again.v, image_bytes(from));
		ck_assert_double_lt(image_psnr(from, &to), last);
		ck_assert_double_gt(image_psnr(from, &to), 19);
		ck_assert_uint_lt(bytes, before);
		last = image_psnr(from, &to);
		before = bytes;
	}
}

START_TEST(levels_press)
{
	struct ctx *c = test_ctx();
	const struct image from = picture(c, shapes[_i][0], shapes[_i][1], shapes[_i][2]);

	for (int codec = 0; codec < LOSSY_COUNT; codec++)
		each_level(c, (enum lossy_codec)codec, &from);
}
END_TEST

/* The coded samples are as many as the ratio says: 90 to 120 bytes of each file are head. */
START_TEST(ratios_are_kept)
{
	struct ctx *c = test_ctx();
	const struct image from = picture(c, 32, 32, 3);
	struct image to;
	size_t bytes;

	for (int ratio = 4; ratio <= 32; ratio *= 2) {
		ck_ok(c, lossy_pass(c, LOSSY_JPEG2000, ratio, &from, &to, &bytes));
		ck_assert_uint_le(bytes, image_bytes(&from) / (size_t)ratio + 120);
		ck_assert_uint_ge(bytes, image_bytes(&from) * 8 / (size_t)ratio / 10 + 70);
	}
}
END_TEST

static const int odd[][3] = { { 1, 1, 1 }, { 1, 1, 3 }, { 2, 3, 3 }, { 300, 1, 3 },
	{ 5, 200, 1 }, { 17, 31, 3 } };

START_TEST(odd_shapes)
{
	struct ctx *c = test_ctx();
	const struct image from = picture(c, odd[_i][0], odd[_i][1], odd[_i][2]);

	for (int codec = 0; codec < LOSSY_COUNT; codec++) {
		const size_t pixels = image_bytes(&from);
		struct image to;
		double off = 0;

		ck_ok(c,
		    lossy_pass(c, (enum lossy_codec)codec, codec == LOSSY_JPEG2000 ? 2 : 95,
			&from, &to, NULL));
		for (size_t k = 0; k < pixels; k++)
			off += to.v[k] - from.v[k];
		ck_assert_int_eq(to.width, from.width);
		ck_assert_int_eq(to.height, from.height);
		ck_assert_double_lt(fabs(off / (double)pixels), 16); /* as bright as it was */
	}
}
END_TEST

/* A plain grey comes back as itself, or nearly so: nothing is shifted on the way. */
START_TEST(greys_stay)
{
	struct ctx *c = test_ctx();
	struct image from, to;

	ck_ok(c, image_new(c, 28, 28, 1, &from));
	for (int grey = 0; grey < 256; grey += 5) {
		memset(from.v, grey, 28 * 28);
		for (int codec = 0; codec < LOSSY_COUNT; codec++) {
			ck_ok(c, lossy_pass(c, (enum lossy_codec)codec, 95, &from, &to, NULL));
			for (int k = 0; k < 28 * 28; k++)
				ck_assert_int_le(abs(to.v[k] - grey), 1);
		}
	}
}
END_TEST

static const struct {
	enum lossy_codec codec;
	int level;
} refused[] = {
	{ LOSSY_JPEG, 0 },
	{ LOSSY_JPEG, 101 },
	{ LOSSY_JPEG2000, 1 },
	{ LOSSY_JPEG2000, 101 },
	{ LOSSY_WEBP, 0 },
	{ LOSSY_WEBP, 101 },
};

START_TEST(levels_end)
{
	struct ctx *c = test_ctx();
	const struct image from = picture(c, 28, 28, 1);
	struct image to;

	ck_fails(
	    c, E_INPUT, lossy_pass(c, refused[_i].codec, refused[_i].level, &from, &to, NULL));
}
END_TEST

START_TEST(names)
{
	ck_assert_str_eq(lossy_name(LOSSY_JPEG), "JPEG");
	ck_assert_str_eq(lossy_name(LOSSY_JPEG2000), "JPEG 2000");
	ck_assert_str_eq(lossy_name(LOSSY_WEBP), "WebP");
}
END_TEST

MAIN("image_lossy", EACH(levels_press, shapes), ONE(ratios_are_kept), EACH(odd_shapes, odd),
    ONE(greys_stay), EACH(levels_end, refused), ONE(names))
