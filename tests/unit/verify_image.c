/*
 * Key images as suspects: whose name is in the lowest bits, and whose a picture confirms that came
 * back as a JPEG.
 */
#include <stdio.h>

#include <jpeglib.h>

#include "stego.h"
#include "verify_house.h"

enum { SIDE = 64, PAIRS = 4, SOMEBODY = 7, ISSUED = 1700000000 };

static struct str
bytes_of(const void *p, size_t n)
{
	return (struct str){ p, n };
}

static struct str
png(struct ctx *c, const struct image *i)
{
	struct str file;

	ck_ok(c, image_png(c, i, &file));
	return file;
}

static struct str
jpeg(struct ctx *c, const struct image *i, int quality)
{
	struct jpeg_compress_struct j = { 0 };
	struct jpeg_error_mgr errors;
	unsigned char *bytes = NULL;
	unsigned long n = 0;
	char *ret;

	j.err = jpeg_std_error(&errors);
	jpeg_create_compress(&j);
	jpeg_mem_dest(&j, &bytes, &n);
	j.image_width = (JDIMENSION)i->width;
	j.image_height = (JDIMENSION)i->height;
	j.input_components = i->channels;
	j.in_color_space = JCS_GRAYSCALE;
	jpeg_set_defaults(&j);
	jpeg_set_quality(&j, quality, TRUE);
	jpeg_start_compress(&j, TRUE);
	while (j.next_scanline < j.image_height) {
		JSAMPROW row = i->v + (size_t)j.next_scanline * (size_t)i->width;

		(void)jpeg_write_scanlines(&j, &row, 1);
	}
	jpeg_finish_compress(&j);
	jpeg_destroy_compress(&j);
	ret = take(c, n);
	ck_assert_ptr_nonnull(ret);
	memcpy(ret, bytes, n);
	free(bytes);
	return bytes_of(ret, n);
}

/* ---- A release whose keys are large enough for both carriers ------------------------------- */

/* Hills, another one each, with nothing at either end of the scale. */
static struct image
hills(struct ctx *c, int number)
{
	struct image i;

	ck_ok(c, image_new(c, SIDE, SIDE, 1, &i));
	for (int y = 0; y < SIDE; y++)
		for (int x = 0; x < SIDE; x++)
			i.v[y * SIDE + x] = (uint8_t)(60 + (x * (number + 1) + y * 2) % 90 +
			    (x / 8 + y / 8 + number) % 3 * 20);
	return i;
}

static void
large_keys(struct ctx *c, struct house *h)
{
	struct image pictures[2 * PAIRS];

	for (int i = 0; i < 2 * PAIRS; i++)
		pictures[i] = hills(c, i);
	ck_ok(c, keyset_draw(c, &h->secret, pictures, 2 * PAIRS, PAIRS, 0, &h->keys));
	ck_ok(c, keyset_commit(c, &h->secret, 9, &h->keys));
	ck_ok(c, keyset_put(c, &h->keys, &h->keys_bytes));
}

struct images {
	struct house house;
	struct stego_keys stego;
	struct house_case the; /* all but the suspect */
};

static struct stego_payload
payload(const struct images *s, uint32_t customer, uint32_t serial)
{
	return (struct stego_payload){ .release = stego_release(&s->house.release),
		.customer = customer,
		.serial = serial,
		.issued = ISSUED };
}

static struct image
made(struct ctx *c, const struct images *s, enum stego_carrier carrier, int base,
    const struct stego_payload *p)
{
	struct image i;

	ck_ok(c, stego_embed(c, carrier, &s->stego, keyset_key(&s->house.keys, base), p, &i));
	return i;
}

/* Each customer has one, with the customer's number for a serial. */
static struct str
list(struct ctx *c)
{
	struct buf b;

	ck_ok(c, take_buf(c, HOUSE_CUSTOMERS * JOB_IMAGE_BYTES, &b));
	for (uint32_t i = 1; i <= HOUSE_CUSTOMERS; i++) {
		wire_put_u32(&b, i);
		wire_put_u32(&b, i % PAIRS);
		wire_put_u32(&b, i);
		wire_put_u64(&b, ISSUED);
		wire_put_u64(&b, 0);
	}
	ck_ok(c, buf_ok(c, &b));
	return buf_str(&b);
}

static struct ctx *
begin(struct images *s)
{
	struct ctx *c = house_ctx();

	house_new(c, &s->house);
	large_keys(c, &s->house);
	ck_ok(c, stego_keys_of(c, &s->house.secret, &s->stego));
	s->the = (struct house_case){ .keys = true,
		.marks = bytes_of(s->house.secret.b, sizeof s->house.secret.b),
		.images = list(c) };
	return c;
}

static struct evidence
verdict(struct ctx *c, struct images *s, struct str suspect, enum verdict want)
{
	struct house_made out;
	struct evidence e;

	s->the.suspect = suspect;
	e = house_verdict(c, &s->house, &s->the, want, &out);
	ck_assert_str_eq(e.kind, "key-image");
	ck_assert_uint_eq(e.trace.n, want == VERDICT_PROVEN);
	if (want == VERDICT_PROVEN)
		ck_assert(e.trace.best[0].accused);
	return e;
}

/* ---- In the lowest bits ------------------------------------------------------------------ */

START_TEST(lowest_bits_name_a_customer)
{
	struct images s;
	struct ctx *c = begin(&s);
	struct stego_payload p = payload(&s, 4, 77);
	struct evidence e;
	struct image i = made(c, &s, STEGO_LSB, 0, &p);

	e = verdict(c, &s, png(c, &i), VERDICT_PROVEN);
	ck_assert_uint_eq(e.trace.best[0].number, 4);
	/* The same with another release's number in it, after a JPEG, and without any name. */
	(void)verdict(c, &s, jpeg(c, &i, 90), VERDICT_NO_EVIDENCE);
	p.release++;
	i = made(c, &s, STEGO_LSB, 0, &p);
	(void)verdict(c, &s, png(c, &i), VERDICT_NO_EVIDENCE);
	(void)verdict(c, &s, png(c, keyset_key(&s.house.keys, 0)), VERDICT_NO_EVIDENCE);
}
END_TEST

/* ---- Confirmed --------------------------------------------------------------------------- */

START_TEST(a_jpeg_confirms_whose_it_was)
{
	struct images s;
	struct ctx *c = begin(&s);
	const struct stego_payload p = payload(&s, SOMEBODY, SOMEBODY);
	struct image i = made(c, &s, STEGO_DCT, SOMEBODY % PAIRS, &p);
	struct evidence e;

	e = verdict(c, &s, png(c, &i), VERDICT_PROVEN);
	ck_assert_uint_eq(e.trace.best[0].number, SOMEBODY);
	e = verdict(c, &s, jpeg(c, &i, 75), VERDICT_PROVEN);
	ck_assert_uint_eq(e.trace.best[0].number, SOMEBODY);
	ck_assert_double_lt(e.trace.best[0].bound_log10, -19);
	ck_assert_str_eq(e.fact[0].value, "number 7 of customer 7");
}
END_TEST

/* Another serial, another picture of the key set, another's secret, an empty one. */
START_TEST(nobody_is_confirmed_by_chance)
{
	struct images s;
	struct ctx *c = begin(&s);
	struct stego_payload p = payload(&s, SOMEBODY, SOMEBODY + 100);
	struct key256 other;
	struct image i = made(c, &s, STEGO_DCT, SOMEBODY % PAIRS, &p);

	(void)verdict(c, &s, png(c, &i), VERDICT_NO_EVIDENCE);
	p = payload(&s, SOMEBODY, SOMEBODY);
	i = made(c, &s, STEGO_DCT, (SOMEBODY + 1) % PAIRS, &p);
	(void)verdict(c, &s, png(c, &i), VERDICT_NO_EVIDENCE);
	key256_random(c, &other);
	stego_keys_done(&s.stego);
	ck_ok(c, stego_keys_of(c, &other, &s.stego));
	i = made(c, &s, STEGO_DCT, SOMEBODY % PAIRS, &p);
	(void)verdict(c, &s, png(c, &i), VERDICT_NO_EVIDENCE);
	(void)verdict(c, &s, jpeg(c, keyset_key(&s.house.keys, SOMEBODY % PAIRS), 75),
	    VERDICT_NO_EVIDENCE);
}
END_TEST

START_TEST(lists_that_are_none)
{
	struct images s;
	struct ctx *c = begin(&s);
	char *bytes = take(c, s.the.images.n);
	struct house_made out;

	s.the.suspect = png(c, keyset_key(&s.house.keys, 0));
	memcpy(bytes, s.the.images.p, s.the.images.n);
	s.the.images = bytes_of(bytes, s.the.images.n - 1);
	ck_fails(c, E_INTEGRITY, house_verify(c, &s.house, &s.the, &out));
	s.the.images.n++;
	bytes[4] = PAIRS;
	ck_fails(c, E_INTEGRITY, house_verify(c, &s.house, &s.the, &out));
}
END_TEST

MAIN("verify_image", ONE(lowest_bits_name_a_customer), ONE(a_jpeg_confirms_whose_it_was),
    ONE(nobody_is_confirmed_by_chance), ONE(lists_that_are_none))
