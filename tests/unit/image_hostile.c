/*
 * PNG files as they should not be, and what is no picture at all: each is refused with a sentence
 * that says what to send. Built with the sanitizers, this also shows that nothing is read beyond
 * the file's end and nothing stays behind.
 */
#include "image_files.h"

static const struct png_form grey = { .width = 28, .height = 28, .depth = 8 };
static const struct png_form colour = { .width = 28, .height = 28, .depth = 8, .kind = 2 };

/* ---- PNG --------------------------------------------------------------------------------- */

/* A PNG whose header says this; the rest of it is of another size. */
static struct str
claims(struct ctx *c, uint32_t width, uint32_t height, int depth, int kind, int interlace)
{
	const char body[] = { (char)(width >> 24), (char)(width >> 16), (char)(width >> 8),
		(char)width, (char)(height >> 24), (char)(height >> 16), (char)(height >> 8),
		(char)height, (char)depth, (char)kind, 0, 0, (char)interlace };

	return spliced(c, png_file(c, &grey), 8, 25,
	    png_chunk(c, "IHDR", (struct str){ body, sizeof body }));
}

static struct str
png_huge(struct ctx *c)
{
	return claims(c, 30000, 30000, 8, 6, 0);
}

static struct str
png_endless(struct ctx *c)
{
	return claims(c, UINT32_MAX, 1, 8, 0, 0);
}

static struct str
png_empty(struct ctx *c)
{
	return claims(c, 0, 28, 8, 0, 0);
}

static struct str
png_odd_kind(struct ctx *c)
{
	return claims(c, 28, 28, 8, 5, 0);
}

static struct str
png_odd_depth(struct ctx *c)
{
	return claims(c, 28, 28, 3, 0, 0);
}

static struct str
png_odd_interlace(struct ctx *c)
{
	return claims(c, 28, 28, 8, 0, 2);
}

/* More picture promised than there is. */
static struct str
png_short_data(struct ctx *c)
{
	return claims(c, 28, 29, 8, 0, 0);
}

static struct str
png_no_colours(struct ctx *c)
{
	return claims(c, 28, 28, 8, 3, 0);
}

/* Colour 2 of two. */
static struct str
png_colour_beyond(struct ctx *c)
{
	struct png_form f = grey;
	struct str file;

	f.kind = 3;
	f.colours = STR("\0\0\0\x01\x01\x01\x02\x02\x02");
	file = png_file(c, &f);
	f.colours.n = 6;
	return spliced(c, file, 33, 12 + 9, png_chunk(c, "PLTE", f.colours));
}

static struct str
png_alpha(struct ctx *c)
{
	struct png_form f = grey;

	f.kind = 4;
	f.alpha = 1;
	return png_file(c, &f);
}

static struct str
png_alpha16(struct ctx *c)
{
	struct png_form f = colour;

	f.kind = 6;
	f.depth = 16;
	f.alpha = 1;
	return png_file(c, &f);
}

static struct str
png_clear_colour(struct ctx *c)
{
	struct png_form f = grey;

	f.kind = 3;
	f.depth = 4;
	f.colours = STR("\0\0\0\x01\x01\x01\x02\x02\x02");
	f.trns = STR("\xff\xfe");
	return png_file(c, &f);
}

/* A shade that is there is named as the clear one. */
static struct str
png_clear_shade(struct ctx *c)
{
	const char clear[] = { 0, (char)png_sample(&grey, 3, 3, 0) };
	struct png_form f = grey;

	f.trns = (struct str){ clear, 2 };
	return png_file(c, &f);
}

static struct str
png_animated(struct ctx *c)
{
	return png_with(c, &grey, png_chunk(c, "acTL", STR("\0\0\0\x02\0\0\0\0")), STR(""));
}

static struct str
png_frames_only(struct ctx *c)
{
	return png_with(c, &grey, STR(""), png_chunk(c, "fdAT", STR("\0\0\0\x01more")));
}

static struct str
png_unknown_part(struct ctx *c)
{
	return png_with(c, &grey, png_chunk(c, "CgBI", STR("\x50\0\x20\x02")), STR(""));
}

static struct str
png_two_heads(struct ctx *c)
{
	return png_with(
	    c, &grey, png_chunk(c, "IHDR", STR("\0\0\0\x01\0\0\0\x01\x08\0\0\0\0")), STR(""));
}

static struct str
png_late_colours(struct ctx *c)
{
	return png_with(c, &colour, STR(""), png_chunk(c, "PLTE", STR("\0\0\0")));
}

static struct str
png_in_pieces(struct ctx *c)
{
	const struct str parts[] = { png_chunk(c, "tEXt", STR("a\0b")),
		png_chunk(c, "IDAT", STR("")) };

	return png_with(c, &grey, STR(""), joined(c, parts, 2));
}

static struct str
png_no_picture(struct ctx *c)
{
	struct str file = png_file(c, &grey);

	return spliced(c, file, 33, file.n - 12 - 33, STR(""));
}

static struct str
png_headless(struct ctx *c)
{
	return spliced(c, png_file(c, &grey), 8, 25, STR(""));
}

static struct str
png_long_head(struct ctx *c)
{
	return spliced(
	    c, png_file(c, &grey), 8, 25, png_chunk(c, "IHDR", STR("12345678901234")));
}

static struct str
png_wrong_crc(struct ctx *c)
{
	struct str file = png_file(c, &grey);

	return spliced(c, file, file.n - 14, 1, STR("\x55"));
}

static struct str
png_not_zlib(struct ctx *c)
{
	struct str file = png_file(c, &grey);

	return spliced(c, file, 33, file.n - 12 - 33, png_chunk(c, "IDAT", STR("not packed")));
}

static struct str
png_behind_end(struct ctx *c)
{
	const struct str parts[] = { png_file(c, &grey), STR("PK\x03\x04") };

	return joined(c, parts, 2);
}

static struct str
png_two_pictures(struct ctx *c)
{
	const struct str parts[] = { png_file(c, &grey), png_file(c, &colour) };

	return joined(c, parts, 2);
}

static struct str
png_page(struct ctx *c)
{
	const struct str parts[] = { png_file(c, &grey), STR("<script>alert(1)</script>") };

	return joined(c, parts, 2);
}

static struct str
png_chunk_4gb(struct ctx *c)
{
	return spliced(c, png_file(c, &grey), 33, 4, STR("\xff\xff\xff\xff"));
}

static struct str
png_bad_exif(struct ctx *c)
{
	return png_with(c, &grey, png_chunk(c, "eXIf", exif_body(c, true, 9)), STR(""));
}

/* ---- Others ------------------------------------------------------------------------------ */

static struct str
nothing(struct ctx *c)
{
	(void)c;
	return STR("");
}

static struct str
gif(struct ctx *c)
{
	(void)c;
	return STR("GIF89a\x01\0\x01\0\x80\0\0\0\0\0\xff\xff\xff!\xf9\x04\x01\0\0\0\0,");
}

static struct str
webp(struct ctx *c)
{
	(void)c;
	return STR("RIFF\x1a\0\0\0WEBPVP8L");
}

static struct str
page(struct ctx *c)
{
	(void)c;
	return STR("<svg xmlns='http://www.w3.org/2000/svg'/>");
}

static struct str
too_long(struct ctx *c)
{
	char *p = take(c, IMAGE_FILE_MAX + 1);

	ck_assert_ptr_nonnull(p);
	memcpy(p, "\x89PNG\r\n\x1a\n", 8);
	return (struct str){ p, IMAGE_FILE_MAX + 1 };
}

static const struct {
	struct str (*make)(struct ctx *);
	enum err_code code;
	const char *words;
} cases[] = {
	{ png_huge, E_LIMIT, "30000 x 30000: send one of at most 4096" },
	{ png_endless, E_LIMIT, "at most 4096" },
	{ png_empty, E_INPUT, "without pixels" },
	{ png_odd_kind, E_INPUT, "unknown colour type 5" },
	{ png_odd_depth, E_INPUT, "damaged" },
	{ png_odd_interlace, E_INPUT, "damaged" },
	{ png_short_data, E_INPUT, "damaged" },
	{ png_no_colours, E_INPUT, "damaged" },
	{ png_colour_beyond, E_INPUT, "lacks colours of its palette" },
	{ png_alpha, E_INPUT, "transparent in places" },
	{ png_alpha16, E_INPUT, "opaque background" },
	{ png_clear_colour, E_INPUT, "opaque background" },
	{ png_clear_shade, E_INPUT, "opaque background" },
	{ png_animated, E_INPUT, "animated PNG: send one still picture" },
	{ png_frames_only, E_INPUT, "animated" },
	{ png_unknown_part, E_INPUT, "unknown kind" },
	{ png_two_heads, E_INPUT, "damaged" },
	{ png_late_colours, E_INPUT, "out of order" },
	{ png_in_pieces, E_INPUT, "in pieces" },
	{ png_no_picture, E_INPUT, "without a picture" },
	{ png_headless, E_INPUT, "no header" },
	{ png_long_head, E_INPUT, "no header" },
	{ png_wrong_crc, E_INPUT, "damaged" },
	{ png_not_zlib, E_INPUT, "damaged" },
	{ png_behind_end, E_INPUT, "4 bytes lie behind the end of the PNG" },
	{ png_two_pictures, E_INPUT, "behind the end" },
	{ png_page, E_INPUT, "behind the end" },
	{ png_chunk_4gb, E_INPUT, "cut off" },
	{ png_bad_exif, E_INPUT, "send it upright" },
	{ nothing, E_INPUT, "neither a PNG nor a JPEG" },
	{ gif, E_INPUT, "neither a PNG nor a JPEG" },
	{ webp, E_INPUT, "neither a PNG nor a JPEG" },
	{ page, E_INPUT, "neither a PNG nor a JPEG" },
	{ too_long, E_LIMIT, "send at most 4194304" },
};

START_TEST(refused)
{
	struct ctx *c = test_ctx();

	image_refused(c, cases[_i].make(c), cases[_i].code, cases[_i].words);
}
END_TEST

MAIN("image_hostile", EACH(refused, cases))
