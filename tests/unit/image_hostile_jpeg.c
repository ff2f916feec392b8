/*
 * JPEG files as they should not be: each is refused with a sentence that says what to send. Where
 * the library would warn and make up what is missing, too.
 */
#include "image_files.h"

static const struct jpeg_form photo = { 32, 32, 3 };

/* ---- JPEG -------------------------------------------------------------------------------- */

static struct str
jpeg_cmyk(struct ctx *c)
{
	return jpeg_file(c, &(struct jpeg_form){ 32, 32, 4 });
}

static struct str
jpeg_ycck(struct ctx *c)
{
	return jpeg_file(c, &(struct jpeg_form){ 32, 32, 4, .inks = true });
}

/* `in` over the frame header, from `at` bytes behind its marker on. */
static struct str
framed(struct ctx *c, size_t at, struct str in)
{
	struct str file = jpeg_file(c, &photo);

	return spliced(c, file, jpeg_marker(file, 0xc0) + at, in.n, in);
}

static struct str
jpeg_huge(struct ctx *c)
{
	return framed(c, 5, STR("\x75\x30\x75\x30"));
}

static struct str
jpeg_empty(struct ctx *c)
{
	return framed(c, 5, STR("\0\0"));
}

static struct str
jpeg_12_bits(struct ctx *c)
{
	return framed(c, 4, STR("\x0c"));
}

static struct str
jpeg_arithmetic(struct ctx *c)
{
	return framed(c, 1, STR("\xc9"));
}

static struct str
jpeg_lossless(struct ctx *c)
{
	return framed(c, 1, STR("\xc3"));
}

static struct str
jpeg_two_colours(struct ctx *c)
{
	return framed(c, 9, STR("\x02"));
}

/* Three components in the frame header, whose table has room for one. */
static struct str
jpeg_short_frame(struct ctx *c)
{
	struct str file = jpeg_file(c, &(struct jpeg_form){ 32, 32, 1 });

	return spliced(c, file, jpeg_marker(file, 0xc0) + 9, 1, STR("\x03"));
}

static struct str
jpeg_odd_sampling(struct ctx *c)
{
	return framed(c, 11, STR("\xff"));
}

static struct str
jpeg_other_size(struct ctx *c)
{
	return framed(c, 5, STR("\x01\0\x01\0"));
}

/* The same scan a hundred times: each would go over the whole picture again. */
static struct str
jpeg_scans(struct ctx *c)
{
	struct str file = jpeg_file(
	    c, &(struct jpeg_form){ 4096, 4096, 1, .progressive = true });
	const size_t scan = jpeg_marker(file, 0xda);
	struct str parts[102] = { { file.p, scan } };

	for (size_t i = 1; i < 101; i++)
		parts[i] = STR("\xff\xda\x00\x08\x01\x01\x00\x00\x00\x01\x00");
	parts[101] = (struct str){ file.p + scan, file.n - scan };
	return joined(c, parts, COUNT(parts));
}

static struct str
jpeg_behind_end(struct ctx *c)
{
	const struct str parts[] = { jpeg_file(c, &photo), STR("PK\x03\x04") };

	return joined(c, parts, 2);
}

static struct str
jpeg_two_pictures(struct ctx *c)
{
	const struct str parts[] = { jpeg_file(c, &photo), jpeg_file(c, &photo) };

	return joined(c, parts, 2);
}

static struct str
jpeg_two_frames(struct ctx *c)
{
	struct str file = jpeg_file(c, &photo);
	const size_t at = jpeg_marker(file, 0xc0);

	return spliced(c, file, at, 0, (struct str){ file.p + at, 19 });
}

static struct str
jpeg_no_scan(struct ctx *c)
{
	struct str file = jpeg_file(c, &photo);
	const size_t at = jpeg_marker(file, 0xda);

	return spliced(c, file, at, file.n - 2 - at, STR(""));
}

static struct str
jpeg_no_tables(struct ctx *c)
{
	struct str file = jpeg_file(c, &photo);
	const size_t at = jpeg_marker(file, 0xdb);

	return spliced(c, file, at, jpeg_marker(file, 0xc0) - at, STR(""));
}

/* Whole by its marks, but the data of its scan end early: the library would only warn. */
static struct str
jpeg_short_data(struct ctx *c)
{
	struct str file = jpeg_file(c, &photo);

	return spliced(c, file, file.n - 40, 38, STR(""));
}

static struct str
jpeg_spoilt_data(struct ctx *c)
{
	struct str file = jpeg_file(c, &photo);

	return spliced(c, file, jpeg_marker(file, 0xda) + 20, 12,
	    STR("\xfe\xfe\xfe\xfe\xfe\xfe\xfe\xfe\xfe\xfe\xfe\xfe"));
}

static struct str
jpeg_between(struct ctx *c)
{
	struct str file = jpeg_file(c, &photo);

	return spliced(c, file, jpeg_marker(file, 0xc0), 0, STR("hidden"));
}

static struct str
exif_unknown_turn(struct ctx *c)
{
	return jpeg_exif(c, jpeg_file(c, &photo), exif_body(c, false, 9));
}

static struct str
exif_no_tiff(struct ctx *c)
{
	return jpeg_exif(c, jpeg_file(c, &photo), STR("what is this?"));
}

static struct str
exif_cut(struct ctx *c)
{
	return jpeg_exif(c, jpeg_file(c, &photo), STR("II*\0\x08\0\0\0\x01\0\x12\x01\x03\0"));
}

static struct str
exif_far(struct ctx *c)
{
	return jpeg_exif(
	    c, jpeg_file(c, &photo), STR("MM\0*\xff\xff\xff\xfe\0\x01\x01\x12\0\x03"));
}

static struct str
exif_many(struct ctx *c)
{
	return jpeg_exif(c, jpeg_file(c, &photo),
	    STR("II*\0\x08\0\0\0\xff\xff\x12\x01\x03\0\x01\0\0\0\x06\0\0\0"));
}

static struct str
exif_wrong_type(struct ctx *c)
{
	struct str body = exif_body(c, true, 6);

	return jpeg_exif(c, jpeg_file(c, &photo), spliced(c, body, 12, 1, STR("\x04")));
}

static const struct {
	struct str (*make)(struct ctx *);
	enum err_code code;
	const char *words;
} cases[] = {
	{ jpeg_cmyk, E_INPUT, "printing colours (CMYK): send it in RGB" },
	{ jpeg_ycck, E_INPUT, "printing colours (CMYK): send it in RGB" },
	{ jpeg_huge, E_LIMIT, "30000 x 30000: send one of at most 4096" },
	{ jpeg_empty, E_INPUT, "without pixels" },
	{ jpeg_12_bits, E_INPUT, "of 12 bits" },
	{ jpeg_arithmetic, E_INPUT, "arithmetic" },
	{ jpeg_lossless, E_INPUT, "lossless" },
	{ jpeg_two_colours, E_INPUT, "of 2 colours" },
	{ jpeg_short_frame, E_INPUT, "damaged" },
	{ jpeg_odd_sampling, E_INPUT, "damaged" },
	{ jpeg_other_size, E_INPUT, "damaged" },
	{ jpeg_scans, E_LIMIT, "more than 64 scans" },
	{ jpeg_behind_end, E_INPUT, "4 bytes lie behind the end of the JPEG" },
	{ jpeg_two_pictures, E_INPUT, "behind the end" },
	{ jpeg_two_frames, E_INPUT, "damaged" },
	{ jpeg_no_scan, E_INPUT, "without a picture" },
	{ jpeg_no_tables, E_INPUT, "damaged" },
	{ jpeg_short_data, E_INPUT, "damaged" },
	{ jpeg_spoilt_data, E_INPUT, "damaged" },
	{ jpeg_between, E_INPUT, "damaged" },
	{ exif_unknown_turn, E_INPUT, "send it upright" },
	{ exif_no_tiff, E_INPUT, "without EXIF" },
	{ exif_cut, E_INPUT, "without EXIF" },
	{ exif_far, E_INPUT, "without EXIF" },
	{ exif_many, E_INPUT, "without EXIF" },
	{ exif_wrong_type, E_INPUT, "send it upright" },
};

START_TEST(refused)
{
	struct ctx *c = test_ctx();

	image_refused(c, cases[_i].make(c), cases[_i].code, cases[_i].words);
}
END_TEST

MAIN("image_hostile_jpeg", EACH(refused, cases))
