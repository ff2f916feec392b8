/*
 * Picture files for tests; see image_files.h.
 */
#include <math.h>
#include <stdio.h>

#include <jpeglib.h>
#include <zlib.h>

#include "image_files.h"

struct str
joined(struct ctx *c, const struct str part[], size_t n)
{
	size_t sum = 0;
	struct buf b;

	for (size_t i = 0; i < n; i++)
		sum += part[i].n;
	ck_ok(c, take_buf(c, sum, &b));
	for (size_t i = 0; i < n; i++)
		buf_put(&b, part[i]);
	return buf_str(&b);
}

struct str
spliced(struct ctx *c, struct str s, size_t at, size_t gone, struct str in)
{
	const struct str parts[] = { { s.p, at }, in, { s.p + at + gone, s.n - at - gone } };

	ck_assert_uint_le(at + gone, s.n);
	return joined(c, parts, 3);
}

static struct str
number(struct ctx *c, uint32_t v, size_t n)
{
	char *p = take(c, n);

	ck_assert_ptr_nonnull(p);
	for (size_t i = 0; i < n; i++)
		p[i] = (char)(v >> 8 * (n - 1 - i));
	return (struct str){ p, n };
}

/* ---- PNG --------------------------------------------------------------------------------- */

struct str
png_chunk(struct ctx *c, const char *type, struct str body)
{
	const struct str inner[] = { str_of(type), body };
	const struct str checked = joined(c, inner, 2);
	const uint32_t crc = (uint32_t)crc32(0, (const Bytef *)checked.p, (uInt)checked.n);
	const struct str parts[] = { number(c, (uint32_t)body.n, 4), checked,
		number(c, crc, 4) };

	return joined(c, parts, 3);
}

struct str
deflated(struct ctx *c, struct str plain)
{
	uLongf n = compressBound(plain.n);
	char *p = take(c, n);

	ck_assert_ptr_nonnull(p);
	ck_assert_int_eq(compress2((Bytef *)p, &n, (const Bytef *)plain.p, plain.n, 9), Z_OK);
	return (struct str){ p, n };
}

static int
samples(const struct png_form *f)
{
	static const int of_kind[] = { 1, 0, 3, 1, 2, 0, 4 };

	return of_kind[f->kind];
}

uint32_t
png_sample(const struct png_form *f, int x, int y, int k)
{
	const uint32_t most = (1u << f->depth) - 1;

	if ((f->kind == 4 && k == 1) || (f->kind == 6 && k == 3))
		return most - (uint32_t)f->alpha;
	if (f->kind == 3)
		return (uint32_t)(x + 3 * y) % ((uint32_t)f->colours.n / 3);
	return ((uint32_t)(x * 7919 + y * 104729 + k * 1299709) * 2654435761u >> 8) & most;
}

/* Every `dx`-th pixel of every `dy`-th row, from (x0, y0) on, without filters. */
static void
rows(struct buf *b, const struct png_form *f, int x0, int y0, int dx, int dy)
{
	if (x0 >= f->width)
		return;
	for (int y = y0; y < f->height; y += dy) {
		uint32_t held = 0;
		int bits = 0;

		buf_char(b, 0);
		for (int x = x0; x < f->width; x += dx)
			for (int k = 0; k < samples(f); k++) {
				uint32_t v = png_sample(f, x, y, k);

				if (f->depth == 16)
					buf_char(b, (char)(v >> 8));
				held = held << f->depth | v;
				bits += f->depth == 16 ? 8 : f->depth;
				if (bits == 8) {
					buf_char(b, (char)held);
					bits = 0;
				}
			}
		if (bits > 0)
			buf_char(b, (char)(held << (8 - bits)));
	}
}

static struct str
pixels(struct ctx *c, const struct png_form *f)
{
	static const int passes[7][4] = { { 0, 0, 8, 8 }, { 4, 0, 8, 8 }, { 0, 4, 4, 8 },
		{ 2, 0, 4, 4 }, { 0, 2, 2, 4 }, { 1, 0, 2, 2 }, { 0, 1, 1, 2 } };
	struct buf b;

	ck_ok(c, take_buf(c, (size_t)(f->width + 16) * (size_t)(f->height + 16) * 9, &b));
	if (!f->interlaced)
		rows(&b, f, 0, 0, 1, 1);
	for (int i = 0; f->interlaced && i < 7; i++)
		rows(&b, f, passes[i][0], passes[i][1], passes[i][2], passes[i][3]);
	ck_assert(!b.full);
	return deflated(c, buf_str(&b));
}

struct str
png_with(struct ctx *c, const struct png_form *f, struct str before, struct str after)
{
	const char kinds[] = { (char)f->depth, (char)f->kind, 0, 0, (char)f->interlaced };
	const struct str head[] = { number(c, (uint32_t)f->width, 4),
		number(c, (uint32_t)f->height, 4), { kinds, sizeof kinds } };
	const struct str parts[] = {
		STR("\x89PNG\r\n\x1a\n"),
		png_chunk(c, "IHDR", joined(c, head, 3)),
		f->colours.n > 0 ? png_chunk(c, "PLTE", f->colours) : STR(""),
		f->trns.n > 0 ? png_chunk(c, "tRNS", f->trns) : STR(""),
		before,
		png_chunk(c, "IDAT", pixels(c, f)),
		after,
		png_chunk(c, "IEND", STR("")),
	};

	return joined(c, parts, COUNT(parts));
}

struct str
png_file(struct ctx *c, const struct png_form *f)
{
	return png_with(c, f, STR(""), STR(""));
}

/* ---- JPEG -------------------------------------------------------------------------------- */

struct str
jpeg_file(struct ctx *c, const struct jpeg_form *f)
{
	struct jpeg_compress_struct j = { 0 };
	struct jpeg_error_mgr errors;
	unsigned char *file = NULL, *row;
	unsigned long n = 0;
	struct str ret;

	j.err = jpeg_std_error(&errors);
	jpeg_create_compress(&j);
	jpeg_mem_dest(&j, &file, &n);
	j.image_width = (JDIMENSION)f->width;
	j.image_height = (JDIMENSION)f->height;
	j.input_components = f->components;
	j.in_color_space = f->components == 1 ? JCS_GRAYSCALE
	    : f->components == 3              ? JCS_RGB
					      : JCS_CMYK;
	jpeg_set_defaults(&j);
	if (f->components == 4)
		jpeg_set_colorspace(&j, f->inks ? JCS_YCCK : JCS_CMYK);
	jpeg_set_quality(&j, f->quality == 0 ? 90 : f->quality, TRUE);
	if (f->progressive)
		jpeg_simple_progression(&j);
	jpeg_start_compress(&j, TRUE);
	row = take(c, (size_t)f->width * (size_t)f->components);
	ck_assert_ptr_nonnull(row);
	for (int y = 0; y < f->height; y++) {
		for (int x = 0; x < f->width * f->components; x++)
			row[x] = (unsigned char)(64 + 3 * y + 2 * x / f->components +
			    20 * (x % f->components));
		(void)jpeg_write_scanlines(&j, &row, 1);
	}
	jpeg_finish_compress(&j);
	ck_ok(c, take_copy(c, (struct str){ (const char *)file, n }, &ret));
	jpeg_destroy_compress(&j);
	free(file);
	return ret;
}

struct str
jpeg_with(struct ctx *c, struct str file, uint8_t marker, struct str body)
{
	const struct str parts[] = { number(c, 0xff00u | marker, 2),
		number(c, (uint32_t)body.n + 2, 2), body };

	return spliced(c, file, 2, 0, joined(c, parts, 3));
}

struct str
jpeg_exif(struct ctx *c, struct str file, struct str tiff)
{
	const struct str parts[] = { STR("Exif\0\0"), tiff };

	return jpeg_with(c, file, 0xe1, joined(c, parts, 2));
}

size_t
jpeg_marker(struct str file, uint8_t marker)
{
	const char what[] = { (char)0xff, (char)marker };
	const char *at = memmem(file.p, file.n, what, 2);

	ck_assert_ptr_nonnull(at);
	return (size_t)(at - file.p);
}

/* ---- Others ------------------------------------------------------------------------------ */

struct str
exif_body(struct ctx *c, bool little, int turn)
{
	char *p = take(c, 26);

	ck_assert_ptr_nonnull(p);
	memcpy(p,
	    little ? "II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0\0\0\0\0\0\0\0\0"
		   : "MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\0\0\0\0\0\0\0",
	    26);
	p[little ? 18 : 19] = (char)turn;
	return (struct str){ p, 26 };
}

struct image
picture(struct ctx *c, int width, int height, int channels)
{
	uint32_t state = 1;
	struct image i;
	uint8_t *v;

	ck_ok(c, image_new(c, width, height, channels, &i));
	v = i.v;
	for (int y = 0; y < height; y++)
		for (int x = 0; x < width; x++)
			for (int k = 0; k < channels; k++) {
				double smooth = 120 + 80 * sin(x * .2 + k) * cos(y * .15);

				state = state * 1664525 + 1013904223;
				*v++ = (uint8_t)(smooth + (state >> 24) % 8);
			}
	return i;
}

bool
image_read_exact(struct ctx *c, struct str file, int channels, struct image *ret)
{
	char *p = malloc(file.n > 0 ? file.n : 1);
	bool ok;

	ck_assert_ptr_nonnull(p);
	memcpy(p, file.p, file.n);
	ok = image_read(c, (struct str){ p, file.n }, channels, ret, NULL);
	free(p);
	return ok;
}

void
image_refused(struct ctx *c, struct str file, enum err_code code, const char *words)
{
	struct image i = { 0 };

	if (image_read_exact(c, file, 0, &i))
		ck_abort_msg("read, but should be refused: %s", words);
	if (strstr(c->err.text, words) == NULL)
		ck_abort_msg("'%s' does not say '%s'", c->err.text, words);
	ck_err(c, code);
	ck_assert_ptr_null(i.v);
}
