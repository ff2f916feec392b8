/*
 * Pictures of one form in files of our own: they come back as they were, their bytes are the ones
 * that older files have, and no form or length is believed that cannot be.
 */
#include "image_files.h"

static const int forms[][3] = { { 1, 1, 1 }, { 3, 2, 3 }, { IMAGE_SIDE_MAX, 1, 1 },
	{ 1, IMAGE_SIDE_MAX, 3 } };

START_TEST(pictures_come_back)
{
	struct ctx *c = test_ctx();
	const int *f = forms[_i];
	struct image one = picture(c, f[0], f[1], f[2]), other, form, back;
	struct wire w = { 0 };
	struct buf b;

	ck_ok(c, image_copy(c, &one, &other));
	other.v[0] ^= 1;
	ck_ok(c, take_buf(c, IMAGE_FORM_BYTES + 2 * image_bytes(&one), &b));
	image_form_put(&b, &one);
	ck_assert_uint_eq(b.n, IMAGE_FORM_BYTES);
	image_samples_put(&b, &one);
	image_samples_put(&b, &other);
	ck_ok(c, buf_ok(c, &b));
	w.rest = buf_str(&b);
	form = image_form_read(&w);
	ck_assert(!w.bad && form.width == f[0] && form.height == f[1] && form.channels == f[2]);
	ck_assert(images_end(&w, 0, &form, 2));
	ck_ok(c, image_samples_read(c, &w, &form, &back));
	ck_assert_mem_eq(back.v, one.v, image_bytes(&one));
	ck_ok(c, image_samples_read(c, &w, &form, &back));
	ck_assert_mem_eq(back.v, other.v, image_bytes(&one));
	ck_assert(images_end(&w, 0, &form, 0));
	ck_fails(c, E_INPUT, image_samples_read(c, &w, &form, &back));
}
END_TEST

START_TEST(bytes_stay_as_they_are)
{
	uint8_t v[] = { 9, 8, 7, 6, 5, 4 };
	struct image i = { 2, 1, 3, v };
	char room[32];
	struct buf b = BUF(room);

	image_form_put(&b, &i);
	image_samples_put(&b, &i);
	ck_str(buf_str(&b), "\3\2\0\0\0\1\0\0\0\x9\x8\x7\x6\x5\x4");
}
END_TEST

/* 4097 is 0x1001. */
static const struct str impossible[] = {
	BYTES("\0\2\0\0\0\2\0\0\0"),
	BYTES("\2\2\0\0\0\2\0\0\0"),
	BYTES("\4\2\0\0\0\2\0\0\0"),
	BYTES("\xff\2\0\0\0\2\0\0\0"),
	BYTES("\1\0\0\0\0\2\0\0\0"),
	BYTES("\1\2\0\0\0\0\0\0\0"),
	BYTES("\1\x01\x10\0\0\2\0\0\0"),
	BYTES("\1\2\0\0\0\x01\x10\0\0"),
	BYTES("\1\2\0\0\x80\2\0\0\0"),
	BYTES("\1\xff\xff\xff\xff\xff\xff\xff\xff"),
	BYTES("\1\2\0\0\0\2\0\0"),
	BYTES("\1"),
	BYTES(""),
};

START_TEST(forms_that_cannot_be)
{
	struct ctx *c = test_ctx();
	struct wire w = { .rest = impossible[_i] };
	struct image form = image_form_read(&w), i;

	ck_assert(w.bad);
	ck_assert(form.width == 0 && form.height == 0 && form.channels == 0);
	ck_assert(!images_end(&w, 0, &form, 0) && !images_end(&w, 0, &form, 1));
	ck_fails(c, E_INPUT, image_samples_read(c, &w, &form, &i));
}
END_TEST

/* 24 bytes are 12 of something else and 3 pictures of 4, and nothing besides. */
static const struct {
	size_t left, before;
	uint32_t n;
	bool fits;
} lengths[] = {
	{ 24, 12, 3, true }, { 24, 0, 6, true }, { 24, 24, 0, true }, { 23, 12, 3, false },
	{ 25, 12, 3, false }, { 24, 12, 2, false }, { 24, 12, 4, false }, { 24, 28, 0, false },
	{ 24, SIZE_MAX - 3, 7, false },
	/* 24 too, if sums could wrap */ { 24, 0, UINT32_MAX, false },
	{ 24, 12, (1U << 30) + 3, false }, /* 12 too, if it were counted in 32 bits */
};

START_TEST(lengths_are_exact)
{
	static const char zeros[25];
	struct wire w = { .rest = { zeros, lengths[_i].left } };
	struct image form = { 2, 2, 1, NULL };

	ck_assert(images_end(&w, lengths[_i].before, &form, lengths[_i].n) == lengths[_i].fits);
	w.bad = true;
	ck_assert(!images_end(&w, lengths[_i].before, &form, lengths[_i].n));
}
END_TEST

START_TEST(a_picture_cut_short)
{
	struct ctx *c = test_ctx();
	struct image form = { 5, 3, 1, NULL }, i;

	for (size_t n = 1; n < 15; n++) {
		char *exact = malloc(n);
		struct wire w = { .rest = { exact, n } };

		ck_assert_ptr_nonnull(exact);
		ck_fails(c, E_INPUT, image_samples_read(c, &w, &form, &i));
		ck_assert_uint_eq(w.rest.n, n);
		free(exact);
	}
}
END_TEST

MAIN("image_block", EACH(pictures_come_back, forms), ONE(bytes_stay_as_they_are),
    EACH(forms_that_cannot_be, impossible), EACH(lengths_are_exact, lengths),
    ONE(a_picture_cut_short))
