/*
 * Pictures damaged anywhere, and pictures made to cost much: every byte cut off, every bit turned,
 * what unpacks to a thousand times its size, what is walked over again and again.
 */
#include <sys/resource.h>

#include <zlib.h>

#include "image_files.h"

static const struct png_form grey = { .width = 28, .height = 28, .depth = 8 };
static const struct png_form colour = { .width = 28, .height = 28, .depth = 8, .kind = 2 };
static const struct jpeg_form photo = { 32, 32, 3 };

/* ---- Whatever is damaged, wherever ------------------------------------------------------- */

static struct str
whole_palette(struct ctx *c)
{
	struct png_form f = grey;

	f.kind = 3;
	f.depth = 4;
	f.interlaced = true;
	f.colours = STR("\0\0\0\x01\x01\x01\x02\x02\x02");
	f.trns = STR("\xff\xff\xff");
	return png_with(c, &f, png_chunk(c, "tEXt", STR("Title\0text")),
	    png_chunk(c, "eXIf", exif_body(c, false, 6)));
}

static struct str
whole_deep(struct ctx *c)
{
	struct png_form f = { .width = 7, .height = 5, .depth = 16, .kind = 6 };

	return png_file(c, &f);
}

static struct str
whole_jpeg(struct ctx *c)
{
	return jpeg_exif(c, jpeg_file(c, &photo), exif_body(c, true, 8));
}

static struct str
whole_progressive(struct ctx *c)
{
	return jpeg_file(c, &(struct jpeg_form){ 20, 20, 3, .progressive = true });
}

static const struct {
	struct str (*make)(struct ctx *);
	bool sums; /* it carries check sums over all of itself */
} wholes[] = {
	{ whole_palette, true },
	{ whole_deep, true },
	{ whole_jpeg, false },
	{ whole_progressive, false },
};

START_TEST(cut_anywhere)
{
	struct ctx *c = test_ctx();
	const struct str file = wholes[_i].make(c);
	struct image i;

	ck_ok(c, image_read(c, file, 0, &i, NULL));
	for (size_t n = 0; n < file.n; n++) {
		ck_assert(!image_read_exact(c, (struct str){ file.p, n }, 0, &i));
		ck_assert_str_ne(c->err.text, "");
		ck_err(c, E_INPUT);
	}
}
END_TEST

START_TEST(flipped_anywhere)
{
	struct ctx *c = test_ctx();
	const struct str file = wholes[_i].make(c);
	char *p = malloc(file.n);
	struct image i;

	ck_assert_ptr_nonnull(p);
	for (size_t bit = 0; bit < 8 * file.n; bit++) {
		memcpy(p, file.p, file.n);
		p[bit / 8] ^= (char)(1 << bit % 8);
		if (image_read(c, (struct str){ p, file.n }, 0, &i, NULL)) {
			ck_assert(!wholes[_i].sums);
			ck_assert(i.width > 0 && i.width <= IMAGE_SIDE_MAX);
			arena_reset(c->mem);
		} else {
			ck_assert_str_ne(c->err.text, "");
			ck_assert(c->err.code == E_INPUT || c->err.code == E_LIMIT ||
			    c->err.code == E_MEMORY);
			c->err = (struct err){ 0 };
		}
	}
	free(p);
}
END_TEST

/* ---- What it costs ----------------------------------------------------------------------- */

enum { BOMB = 64 << 20, COST = 16 << 20 };

/* BOMB zeros, deflated. */
static struct str
bomb(struct ctx *c)
{
	static char zeros[1 << 16];
	z_stream z = { 0 };
	char *p = take(c, 1 << 20);

	ck_assert_ptr_nonnull(p);
	ck_assert_int_eq(deflateInit(&z, 9), Z_OK);
	z.next_out = (Bytef *)p;
	z.avail_out = 1 << 20;
	for (size_t done = 0; done < BOMB; done += sizeof zeros) {
		z.next_in = (Bytef *)zeros;
		z.avail_in = sizeof zeros;
		ck_assert_int_eq(deflate(&z, Z_NO_FLUSH), Z_OK);
	}
	ck_assert_int_eq(deflate(&z, Z_FINISH), Z_STREAM_END);
	ck_assert_int_eq(deflateEnd(&z), Z_OK);
	return (struct str){ p, z.total_out };
}

static struct str
in_text(struct ctx *c, struct str packed)
{
	const struct str body[] = { STR("Title\0\0"), packed };

	return png_with(c, &grey, png_chunk(c, "zTXt", joined(c, body, 2)), STR(""));
}

static struct str
in_long_text(struct ctx *c, struct str packed)
{
	const struct str body[] = { STR("Title\0\x01\0\0\0"), packed };

	return png_with(c, &grey, STR(""), png_chunk(c, "iTXt", joined(c, body, 2)));
}

static struct str
in_profile(struct ctx *c, struct str packed)
{
	const struct str body[] = { STR("sRGB\0\0"), packed };

	return png_with(c, &grey, png_chunk(c, "iCCP", joined(c, body, 2)), STR(""));
}

static struct str
in_picture(struct ctx *c, struct str packed)
{
	const struct str file = png_file(c, &grey);

	return spliced(c, file, 33, file.n - 12 - 33, png_chunk(c, "IDAT", packed));
}

static struct str (*const bombs[])(
    struct ctx *, struct str) = { in_text, in_long_text, in_profile, in_picture };

static size_t
peak(void)
{
	struct rusage u;

	ck_assert_int_eq(getrusage(RUSAGE_SELF, &u), 0);
	return (size_t)u.ru_maxrss << 10;
}

/* What would be 64 MB is never unpacked; the picture beside it is read. */
START_TEST(bombs_stay_packed)
{
	struct ctx *c = test_ctx();
	const struct str file = bombs[_i](c, bomb(c));
	const size_t before = peak();
	const int64_t begun = clock_monotonic();
	struct image i;

	ck_ok(c, image_read(c, file, 0, &i, NULL));
	ck_assert_int_eq(i.width, 28);
	ck_assert_uint_lt(peak() - before, COST);
	ck_assert_int_lt(clock_monotonic() - begun, 5000);
}
END_TEST

/* A frame of 4096 x 4096, and the two tables that its scans need. */
#define WIDE                                                   \
	"\xff\xd8\xff\xdb\x00\x43\x00" TABLE                   \
	"\xff\xc2\x00\x0b\x08\x10\x00\x10\x00\x01\x01\x11\x00" \
	"\xff\xc4\x00\x14\x00\x01" ZEROS "\x00"                \
	"\xff\xc4\x00\x14\x10\x01" ZEROS "\xe0"
#define ZEROS "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"
#define SIXTEEN "\x10\x10\x10\x10\x10\x10\x10\x10\x10\x10\x10\x10\x10\x10\x10\x10"
#define TABLE SIXTEEN SIXTEEN SIXTEEN SIXTEEN

/*
 * The largest picture that may be, in as many scans as may be, each of some bytes alone: one code
 * word says that the next 16,384 blocks have nothing, but the decoder walks over all of them.
 */
START_TEST(scans_are_bounded)
{
	struct ctx *c = test_ctx();
	static char dc[512 * 512 / 8], ac[30]; /* zeros */
	struct str parts[2 * 64 + 4] = { STR(WIDE),
		STR("\xff\xda\x00\x08\x01\x01\x00\x00\x00\x00"), { dc, sizeof dc } };
	int64_t begun;
	size_t n = 3;
	struct image i;

	for (int k = 1; k < 64; k++, n += 2) {
		char *head = take(c, 10);

		ck_assert_ptr_nonnull(head);
		memcpy(head, "\xff\xda\x00\x08\x01\x01\x00\x00\x00\x00", 10);
		head[7] = head[8] = (char)k;
		parts[n] = (struct str){ head, 10 };
		parts[n + 1] = (struct str){ ac, sizeof ac };
	}
	parts[n++] = STR("\xff\xd9");
	begun = clock_monotonic();
	ck_ok(c, image_read(c, joined(c, parts, n), 0, &i, NULL));
	ck_assert_int_lt(clock_monotonic() - begun, 20000);
}
END_TEST

/* As much as the arena has room for, and an error when it has no more. */
START_TEST(memory_is_bounded)
{
	struct ctx *c = test_ctx();
	const struct str files[] = { png_file(c, &colour), jpeg_file(c, &photo) };

	for (size_t k = 0; k < COUNT(files); k++)
		for (size_t max = 0; max < 6000; max += 100) {
			struct arena *small = arena_new(max);
			struct ctx tight = ctx_real(small, "tight");
			struct image i;

			ck_assert_ptr_nonnull(small);
			if (image_read(&tight, files[k], 0, &i, NULL))
				ck_assert_uint_ge(max, image_bytes(&i));
			else
				ck_err(&tight, E_MEMORY);
			arena_free(&small);
		}
}
END_TEST

MAIN("image_damage", EACH(cut_anywhere, wholes), EACH(flipped_anywhere, wholes),
    EACH(bombs_stay_packed, bombs), ONE(scans_are_bounded), ONE(memory_is_bounded))
