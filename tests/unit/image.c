/*
 * Pictures that are as they should be: every kind of PNG and JPEG gives the samples that it holds,
 * our own files come back as they were, and likeness is measured as published.
 */
#include <math.h>
#include <stdio.h>

#include <jpeglib.h>

#include "image_files.h"

/* ---- PNG --------------------------------------------------------------------------------- */

#define PALETTE BYTES("\x10\x20\x30\xff\x00\x80\x01\x02\x03\xfe\xfd\xfc")

static const struct {
	int kind, depth, channels;
	struct str colours, trns;
} kinds[] = {
	{ 0, 1, 1 }, { 0, 2, 1 }, { 0, 4, 1 }, { 0, 8, 1 }, { 0, 16, 1 }, { 2, 8, 3 },
	{ 2, 16, 3 }, { 3, 2, 3, PALETTE }, { 3, 4, 3, PALETTE }, { 3, 8, 3, PALETTE },
	{ 3, 8, 3, PALETTE, BYTES("\xff\xff\xff") }, { 3, 1, 3, BYTES("\0\0\0\xff\xff\xff") },
	{ 4, 8, 1 }, { 4, 16, 1 }, { 6, 8, 3 }, { 6, 16, 3 },
	{ 2, 8, 3, BYTES(""), BYTES("\0\x01\0\x02\0\x03") }, /* a colour that is not there */
};

/* What the sample should have become, by the standard's section 13.12. */
static int
expected(const struct png_form *f, int x, int y, int k)
{
	uint32_t v = png_sample(f, x, y, k);

	if (f->kind == 3)
		return (uint8_t)f->colours.p[3 * v + (uint32_t)k];
	return (int)floor(v * 255.0 / ((1u << f->depth) - 1) + .5);
}

static void
expect_form(struct ctx *c, const struct png_form *f, int channels)
{
	bool lossless = false;
	struct image i;

	ck_ok(c, image_read(c, png_file(c, f), 0, &i, &lossless));
	ck_assert_int_eq(i.width, f->width);
	ck_assert_int_eq(i.height, f->height);
	ck_assert_int_eq(i.channels, channels);
	ck_assert(lossless);
	for (int y = 0; y < i.height; y++)
		for (int x = 0; x < i.width; x++)
			for (int k = 0; k < channels; k++)
				ck_assert_int_eq(i.v[(y * i.width + x) * channels + k],
				    expected(f, x, y, k));
}

START_TEST(png_kinds)
{
	static const int sizes[][2] = { { 28, 28 }, { 1, 1 }, { 13, 5 }, { 3, 17 } };
	struct ctx *c = test_ctx();

	for (size_t i = 0; i < COUNT(sizes); i++)
		for (int interlaced = 0; interlaced < 2; interlaced++)
			expect_form(c,
			    &(struct png_form){ .width = sizes[i][0],
				.height = sizes[i][1],
				.depth = kinds[_i].depth,
				.kind = kinds[_i].kind,
				.interlaced = interlaced,
				.colours = kinds[_i].colours,
				.trns = kinds[_i].trns },
			    kinds[_i].channels);
}
END_TEST

/* Texts, profiles and times may be there, and say nothing. */
START_TEST(png_more_chunks)
{
	struct ctx *c = test_ctx();
	const struct png_form f = { .width = 5, .height = 4, .depth = 8 };
	const struct str before[] = { png_chunk(c, "gAMA", STR("\0\0\xb1\x8f")),
		png_chunk(c, "tEXt", STR("Title\0a text")),
		png_chunk(c, "zzZz", STR("nobody knows")) };
	struct str file = png_with(
	    c, &f, joined(c, before, 3), png_chunk(c, "tIME", STR("1234567")));
	struct image plain, i;

	ck_ok(c, image_read(c, png_file(c, &f), 0, &plain, NULL));
	ck_ok(c, image_read(c, file, 0, &i, NULL));
	ck_assert_mem_eq(plain.v, i.v, 20);
}
END_TEST

static const int shapes[][3] = { { 28, 28, 1 }, { 32, 32, 3 }, { 1, 1, 1 }, { 1, 1, 3 },
	{ 7, 100, 3 }, { 300, 2, 1 } };

START_TEST(png_comes_back)
{
	struct ctx *c = test_ctx();
	const struct image from = picture(c, shapes[_i][0], shapes[_i][1], shapes[_i][2]);
	struct str file, again;
	bool lossless;
	struct image to;

	ck_ok(c, image_png(c, &from, &file));
	ck_ok(c, image_png(c, &from, &again));
	ck_assert(str_same(file, again));
	ck_ok(c, image_read(c, file, 0, &to, &lossless));
	ck_assert(lossless);
	ck_assert_int_eq(to.width, from.width);
	ck_assert_int_eq(to.height, from.height);
	ck_assert_int_eq(to.channels, from.channels);
	ck_assert_mem_eq(to.v, from.v, image_bytes(&from));
}
END_TEST

/* Three chunks: nothing says when, by what or for whom. */
START_TEST(png_says_no_more)
{
	struct ctx *c = test_ctx();
	const struct image i = picture(c, 28, 28, 1);
	static const char *const types[] = { "IHDR", "IDAT", "IEND" };
	struct str file;
	size_t at = 8;

	ck_ok(c, image_png(c, &i, &file));
	for (size_t k = 0; k < COUNT(types); k++) {
		const uint8_t *p = (const uint8_t *)file.p + at;

		ck_assert_uint_le(at + 12, file.n);
		ck_assert_mem_eq(p + 4, types[k], 4);
		at += 12 + ((size_t)p[2] << 8 | p[3]);
	}
	ck_assert_uint_eq(at, file.n);
}
END_TEST

/* ---- JPEG -------------------------------------------------------------------------------- */

static const struct jpeg_form jpegs[] = {
	{ 28, 28, 1 },
	{ 32, 32, 3 },
	{ 32, 32, 3, .progressive = true },
	{ 17, 9, 1, .progressive = true },
	{ 1, 1, 3 },
	{ 100, 3, 3 },
};

/* The same samples as the library gives when it is used as its manual says. */
START_TEST(jpeg_kinds)
{
	struct ctx *c = test_ctx();
	const struct jpeg_form *f = &jpegs[_i];
	const struct str file = jpeg_file(c, f);
	struct jpeg_decompress_struct j = { 0 };
	struct jpeg_error_mgr errors;
	bool lossless = true;
	struct image i;

	ck_ok(c, image_read(c, file, 0, &i, &lossless));
	ck_assert(!lossless);
	ck_assert_int_eq(i.width, f->width);
	ck_assert_int_eq(i.height, f->height);
	ck_assert_int_eq(i.channels, f->components);
	j.err = jpeg_std_error(&errors);
	jpeg_create_decompress(&j);
	jpeg_mem_src(&j, (const unsigned char *)file.p, file.n);
	(void)jpeg_read_header(&j, TRUE);
	(void)jpeg_start_decompress(&j);
	for (int y = 0; y < f->height; y++) {
		uint8_t line[300], *row = line;

		(void)jpeg_read_scanlines(&j, &row, 1);
		ck_assert_mem_eq(line, i.v + y * f->width * f->components,
		    (size_t)(f->width * f->components));
	}
	jpeg_destroy_decompress(&j);
}
END_TEST

START_TEST(jpeg_and_back)
{
	struct ctx *c = test_ctx();
	const struct image from = picture(c, shapes[_i][0], shapes[_i][1], shapes[_i][2]);
	static const int qualities[] = { 95, 75, 30, 10 };
	double last = INFINITY;
	size_t bytes;

	for (size_t k = 0; k < COUNT(qualities); k++) {
		struct image to, again, read;
		struct str file;

		ck_ok(c, image_jpeg(c, &from, qualities[k], &to, &bytes));
		ck_ok(c, image_jpeg(c, &from, qualities[k], &again, NULL));
		ck_ok(c, image_jpeg_file(c, &from, qualities[k], &file));
		ck_ok(c, image_read(c, file, 0, &read, NULL));
		ck_assert_uint_eq(file.n, bytes);
		ck_assert_int_eq(to.channels, from.channels);
		ck_assert_mem_eq(to.v, again.v, image_bytes(&from));
		ck_assert_mem_eq(to.v, read.v, image_bytes(&from));
		if (from.width < 28)
			continue; /* too small for an order */
		ck_assert_double_lt(image_psnr(&from, &to), last);
		ck_assert_double_gt(image_psnr(&from, &to), 18);
		last = image_psnr(&from, &to);
	}
}
END_TEST

/* ---- Channels and orientation ------------------------------------------------------------ */

START_TEST(channels_wanted)
{
	struct ctx *c = test_ctx();
	struct image grey = picture(c, 28, 28, 1), colour, back;
	struct str file;

	ck_ok(c, image_png(c, &grey, &file));
	ck_ok(c, image_read(c, file, 3, &colour, NULL));
	ck_assert_int_eq(colour.channels, 3);
	for (int i = 0; i < 28 * 28 * 3; i++)
		ck_assert_int_eq(colour.v[i], grey.v[i / 3]);
	ck_ok(c, image_png(c, &colour, &file));
	ck_ok(c, image_read(c, file, 1, &back, NULL));
	ck_assert_int_eq(back.channels, 1);
	ck_assert_mem_eq(back.v, grey.v, 28 * 28);
	colour.v[100] ^= 1;
	ck_ok(c, image_png(c, &colour, &file));
	ck_fails(c, E_INPUT, image_read(c, file, 1, &back, NULL));
}
END_TEST

/* Two rows of three: 1 2 3 over 4 5 6; how the upright picture reads, by orientation. */
static const struct {
	int turn, width;
	const char *upright;
} turns[] = {
	{ 0, 3, "123456" },
	{ 1, 3, "123456" },
	{ 2, 3, "321654" },
	{ 3, 3, "654321" },
	{ 4, 3, "456123" },
	{ 5, 2, "142536" },
	{ 6, 2, "415263" },
	{ 7, 2, "635241" },
	{ 8, 2, "362514" },
};

START_TEST(png_upright)
{
	struct ctx *c = test_ctx();
	const struct png_form f = { .width = 3, .height = 2, .depth = 8 };
	const bool little = _i % 2;
	struct str exif = png_chunk(c, "eXIf", exif_body(c, little, turns[_i].turn));
	struct image stored, i;
	int width, height;

	ck_ok(c, image_read(c, png_file(c, &f), 0, &stored, NULL));
	for (int after = 0; after < 2; after++) {
		struct str file = png_with(
		    c, &f, after ? STR("") : exif, after ? exif : STR(""));

		ck_ok(c, image_read(c, file, 0, &i, NULL));
		ck_ok(c, image_size(c, file, &width, &height));
		ck_assert_int_eq(i.width, turns[_i].width);
		ck_assert_int_eq(i.width, width);
		ck_assert_int_eq(i.height, height);
		for (int k = 0; k < 6; k++)
			ck_assert_int_eq(i.v[k], stored.v[turns[_i].upright[k] - '1']);
	}
}
END_TEST

START_TEST(jpeg_upright)
{
	struct ctx *c = test_ctx();
	struct str file = jpeg_file(c, &(struct jpeg_form){ 3, 2, 3 });
	struct image stored, i;
	int width, height;

	ck_ok(c, image_read(c, file, 0, &stored, NULL));
	file = jpeg_exif(c, file, exif_body(c, _i % 2, turns[_i].turn));
	ck_ok(c, image_read(c, file, 0, &i, NULL));
	ck_ok(c, image_size(c, file, &width, &height));
	ck_assert_int_eq(i.width, turns[_i].width);
	ck_assert_int_eq(i.width, width);
	ck_assert_int_eq(i.height, height);
	for (int k = 0; k < 18; k++)
		ck_assert_int_eq(
		    i.v[k], stored.v[3 * (turns[_i].upright[k / 3] - '1') + k % 3]);
}
END_TEST

/* ---- Likeness ---------------------------------------------------------------------------- */

START_TEST(psnr_is_exact)
{
	struct ctx *c = test_ctx();
	struct image a = picture(c, 32, 32, 3), b;

	ck_ok(c, image_copy(c, &a, &b));
	ck_assert(isinf(image_psnr(&a, &b)));
	for (size_t i = 0; i < image_bytes(&b); i += 2)
		b.v[i] ^= 1;
	/* Half of the lowest bits: mean square 1/2. */
	ck_assert_double_eq_tol(image_psnr(&a, &b), 10 * log10(2 * 255. * 255), 1e-9);
	b.v[0] = (uint8_t)(a.v[0] ^ 255);
	ck_assert_double_lt(image_psnr(&a, &b), 51.14);
}
END_TEST

static const int constants[][3] = { { 28, 28, 1 }, { 32, 32, 3 }, { 64, 80, 1 }, { 3, 5, 1 },
	{ 1, 1, 3 } };

START_TEST(ssim_is_exact)
{
	struct ctx *c = test_ctx();
	struct image a, b;

	ck_ok(c, image_new(c, constants[_i][0], constants[_i][1], constants[_i][2], &a));
	ck_ok(c, image_copy(c, &a, &b));
	memset(a.v, 102, image_bytes(&a)); /* 0.4 */
	memset(b.v, 153, image_bytes(&b)); /* 0.6 */
	ck_assert_double_eq_tol(
	    image_ssim(&a, &b), (2 * .4 * .6 + 1e-4) / (.4 * .4 + .6 * .6 + 1e-4), 1e-12);
	ck_assert_double_eq_tol(image_ssim(&a, &a), 1, 1e-12);
}
END_TEST

START_TEST(ssim_sees_structure)
{
	struct ctx *c = test_ctx();
	struct image a = picture(c, 32, 32, 3), b, flat;

	ck_ok(c, image_jpeg(c, &a, 10, &b, NULL));
	ck_ok(c, image_copy(c, &a, &flat));
	memset(flat.v, 120, image_bytes(&flat));
	ck_assert_double_eq_tol(image_ssim(&a, &a), 1, 1e-12);
	ck_assert_double_lt(image_ssim(&a, &b), .99);
	ck_assert_double_gt(image_ssim(&a, &b), image_ssim(&a, &flat) + .3);
	ck_assert_double_eq_tol(image_ssim(&a, &b), image_ssim(&b, &a), 1e-12);
}
END_TEST

MAIN("image", EACH(png_kinds, kinds), ONE(png_more_chunks), EACH(png_comes_back, shapes),
    ONE(png_says_no_more), EACH(jpeg_kinds, jpegs), EACH(jpeg_and_back, shapes),
    ONE(channels_wanted), EACH(png_upright, turns), EACH(jpeg_upright, turns),
    ONE(psnr_is_exact), EACH(ssim_is_exact, constants), ONE(ssim_sees_structure))
