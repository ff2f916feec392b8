/*
 * A form with one file: what browsers and curl send is read, to the byte; whatever else a form can
 * be, or pretend to be, is refused; and no cut of a good one, and no change of one of its bytes,
 * makes anything but a refusal or other bytes of the same file.
 */
#include "multipart.h"
#include "test.h"

#define TYPE "multipart/form-data; boundary=X7"
#define HEAD "--X7\r\nContent-Disposition: form-data; name=\"image\"; filename=\"me.png\"\r\n"
#define FORM HEAD "Content-Type: image/png\r\n\r\nbytes\r\n--X7--\r\n"

/* Content-Type, body, the type and the bytes that come out. */
static const struct {
	const char *type, *body, *want_type, *want;
} good[] = {
	{ TYPE, FORM, "image/png", "bytes" },
	{ "multipart/form-data;boundary=\"X7\"", FORM, "image/png", "bytes" },
	{ "Multipart/Form-Data; charset=utf-8; BOUNDARY=X7", FORM, "image/png", "bytes" },
	/* without the last line's end, as some write it */
	{ TYPE, HEAD "Content-Type: image/png\r\n\r\nbytes\r\n--X7--", "image/png", "bytes" },
	{ TYPE, HEAD "\r\nbytes\r\n--X7--\r\n", "", "bytes" },
	{ TYPE, HEAD "content-type:image/jpeg\r\n\r\n\r\n--X7--\r\n", "image/jpeg", "" },
	/* what looks like the boundary, but has no line of its own */
	{ TYPE, HEAD "\r\n--X7--X7\r\n-X7\r\n--X7--\r\n", "", "--X7--X7\r\n-X7" },
	{ TYPE, HEAD "\r\n\r\n\r\n\r\n--X7--\r\n", "", "\r\n\r\n" },
	{ TYPE,
	    "--X7\r\nX-Other: 1\r\nContent-Transfer-Encoding: binary\r\n"
	    "CONTENT-DISPOSITION:form-data ;filename=\"a;\\\"b=.png\" ; name=image\r\n\r\nx\r\n--X7--",
	    "", "x" },
	{ "multipart/form-data; boundary=----WebKitFormBoundaryAbC0",
	    "------WebKitFormBoundaryAbC0\r\nContent-Disposition: form-data; name=\"image\"; "
	    "filename=\"\"\r\nContent-Type: image/png\r\n\r\n1\r\n------WebKitFormBoundaryAbC0--\r\n",
	    "image/png", "1" },
};

START_TEST(forms_are_read)
{
	struct ctx *c = test_ctx();
	struct str type, bytes;

	ck_assert(multipart_is(str_of(good[_i].type)));
	ck_ok(c,
	    multipart_file(
		c, str_of(good[_i].type), str_of(good[_i].body), "image", &type, &bytes));
	ck_assert(str_same(type, str_of(good[_i].want_type)));
	ck_assert(str_same(bytes, str_of(good[_i].want)));
}
END_TEST

#define PART(headers) "--X7\r\n" headers "\r\n\r\nbytes\r\n--X7--\r\n"
#define DISPOSITION "Content-Disposition: form-data; name=\"image\"; filename=\"m\""
static const struct {
	const char *type, *body;
	enum err_code want;
} bad[] = {
	/* the header of the request */
	{ "multipart/mixed; boundary=X7", FORM, E_USAGE },
	{ "multipart/form-data", FORM, E_USAGE },
	{ "multipart/form-data; boundary=", FORM, E_USAGE },
	{ "multipart/form-data; boundary=\"X7", FORM, E_USAGE },
	{ "multipart/form-data; boundary=X7; boundary=X8", FORM, E_USAGE },
	{ "multipart/form-data; boundary=\"X7\"y", FORM, E_USAGE },
	{ "multipart/form-data boundary=X7", FORM, E_USAGE },
	{ "multipart/form-data; boundary=\"X7 \"", "--X7 \r\n", E_USAGE },
	{ "multipart/form-data; boundary=X\x01", FORM, E_USAGE },
	{ "multipart/form-data; boundary="
	  "0123456789012345678901234567890123456789012345678901234567890123456789x",
	    FORM, E_USAGE },
	/* the form's frame */
	{ TYPE, "", E_USAGE },
	{ TYPE, "bytes", E_USAGE },
	{ TYPE, "--X7", E_USAGE },
	{ TYPE, "--X7\r\n", E_USAGE },
	{ TYPE, "--X7--\r\n", E_USAGE },
	{ TYPE, "--X8\r\n" FORM, E_USAGE },
	{ TYPE, "a preamble\r\n" FORM, E_USAGE },
	{ TYPE, "\r\n" FORM, E_USAGE },
	{ TYPE, FORM "an epilogue", E_USAGE },
	{ TYPE, FORM "\r\n", E_USAGE },
	{ TYPE, HEAD "\r\nbytes", E_USAGE },
	{ TYPE, HEAD "\r\nbytes\r\n--X7", E_USAGE },
	{ TYPE, HEAD "\r\nbytes\r\n--X7-", E_USAGE },
	{ TYPE, HEAD "\r\nbytes\r\n--X7 --\r\n", E_USAGE },
	{ TYPE, HEAD "\r\nbytes\n--X7--\r\n", E_USAGE },
	{ TYPE, HEAD "\r\n--X7--\r\n", E_USAGE },
	/* lines */
	{ TYPE, PART("Content-Disposition: form-data; name=\"image\"; filename=\"m\"\n"),
	    E_USAGE },
	{ TYPE, PART(DISPOSITION "\r\n folded"), E_USAGE },
	{ TYPE, PART(DISPOSITION "\r\n\tfolded: 1"), E_USAGE },
	{ TYPE, PART(DISPOSITION "\r\nno colon"), E_USAGE },
	{ TYPE, PART(DISPOSITION "\r\n: empty"), E_USAGE },
	{ TYPE, PART(DISPOSITION "\r\nContent-Type : image/png"), E_USAGE },
	{ TYPE, PART(DISPOSITION "\r\n" DISPOSITION), E_USAGE },
	{ TYPE, PART(DISPOSITION "\r\nContent-Type: image/png\r\nContent-Type: image/png"),
	    E_USAGE },
	{ TYPE,
	    PART(DISPOSITION
		"\r\na: 1\r\na: 1\r\na: 1\r\na: 1\r\na: 1\r\na: 1\r\na: 1\r\na: 1\r\na: 1"),
	    E_USAGE },
	/* the field */
	{ TYPE, PART("Content-Type: image/png"), E_USAGE },
	{ TYPE, PART("Content-Disposition: attachment; name=\"image\"; filename=\"m\""),
	    E_USAGE },
	{ TYPE, PART("Content-Disposition: form-data; name=\"image\""), E_USAGE },
	{ TYPE, PART("Content-Disposition: form-data; filename=\"m\""), E_FIELD },
	{ TYPE, PART("Content-Disposition: form-data; name=\"Image\"; filename=\"m\""),
	    E_FIELD },
	{ TYPE, PART("Content-Disposition: form-data; name=\"image"), E_USAGE },
	{ TYPE, PART("Content-Disposition: form-data; name=\"image\\"), E_USAGE },
	{ TYPE, PART("Content-Disposition: form-data; name=image; name=image; filename=m"),
	    E_USAGE },
	{ TYPE, PART("Content-Disposition: form-data; name"), E_USAGE },
	{ TYPE, PART("Content-Disposition: form-data;"), E_USAGE },
	{ TYPE, PART("Content-Disposition: form-data; =x; name=image; filename=m"), E_USAGE },
	{ TYPE, PART(DISPOSITION "\r\nContent-Transfer-Encoding: base64"), E_USAGE },
	/* another field behind it, or the same again */
	{ TYPE, HEAD "\r\nbytes\r\n--X7\r\n" DISPOSITION "\r\n\r\nx\r\n--X7--\r\n", E_FIELD },
};

START_TEST(others_are_refused)
{
	struct ctx *c = test_ctx();
	struct str type = STR("kept"), bytes = STR("kept");

	ck_fails(c, bad[_i].want,
	    multipart_file(
		c, str_of(bad[_i].type), str_of(bad[_i].body), "image", &type, &bytes));
	ck_str(type, "kept");
	ck_str(bytes, "kept");
}
END_TEST

START_TEST(only_that_type_is_one)
{
	ck_assert(multipart_is(STR("multipart/form-data")));
	ck_assert(multipart_is(STR(" MULTIPART/form-data ;x")));
	ck_assert(!multipart_is(STR("multipart/form-datax")));
	ck_assert(!multipart_is(STR("image/png; x=multipart/form-data")));
	ck_assert(!multipart_is(STR("")));
}
END_TEST

START_TEST(a_line_is_bounded)
{
	struct ctx *c = test_ctx();
	struct str type, bytes;
	struct buf b;

	ck_ok(c, take_buf(c, 8 << 10, &b));
	buf_put(&b, STR("--X7\r\nX: "));
	while (b.n < 2000)
		buf_char(&b, 'a');
	buf_put(&b, STR("\r\n"));
	buf_put(&b, STR(FORM));
	ck_fails(c, E_USAGE, multipart_file(c, STR(TYPE), buf_str(&b), "image", &type, &bytes));
}
END_TEST

/* Reads from memory of exactly that size, so that a byte too far would be noticed. */
static bool
reads(struct ctx *c, const char *from, size_t n, struct str *ret)
{
	char *exact = malloc(n > 0 ? n : 1);
	struct str type, bytes;
	bool ok;

	ck_assert_ptr_nonnull(exact);
	memcpy(exact, from, n);
	c->err = (struct err){ 0 };
	ok = multipart_file(c, STR(TYPE), (struct str){ exact, n }, "image", &type, &bytes) &&
	    take_copy(c, bytes, ret);
	ck_assert(ok == (c->err.code == E_NONE));
	free(exact);
	return ok;
}

START_TEST(no_cut_is_a_form)
{
	struct ctx *c = test_ctx();
	const char form[] = FORM;
	struct str got;

	for (size_t n = 0; n < sizeof form - 3; n++)
		ck_assert_msg(!reads(c, form, n, &got), "%zu bytes", n);
	ck_assert(reads(c, form, sizeof form - 3, &got)); /* without its last CRLF */
	ck_assert(!reads(c, form, sizeof form - 2, &got));
	ck_assert(reads(c, form, sizeof form - 1, &got));
}
END_TEST

START_TEST(no_change_reads_beyond)
{
	struct ctx *c = test_ctx();
	const char form[] = FORM;
	char other[sizeof form];
	struct str got;
	int forms = 0;

	for (size_t i = 0; i < sizeof form - 1; i++)
		for (int v = 0; v < 256; v++) {
			memcpy(other, form, sizeof form);
			other[i] = (char)v;
			if (reads(c, other, sizeof form - 1, &got)) {
				ck_assert_uint_eq(got.n, 5);
				forms++;
			}
		}
	ck_assert_int_gt(forms, 5 * 255); /* the bytes themselves may be any */
}
END_TEST

MAIN("multipart", EACH(forms_are_read, good), EACH(others_are_refused, bad),
    ONE(only_that_type_is_one), ONE(a_line_is_bounded), ONE(no_cut_is_a_form),
    ONE(no_change_reads_beyond))
