/*
 * A license that asks for its key image, checked by hallmark as a process: the picture that it
 * names, to the last pixel, whatever file carries it, and nothing else; hostile files are told as
 * such.
 */
#include "cli_support.h"
#include "license_support.h"
#include "stego.h"

#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

struct house {
	struct image image;
	const char *license, *keys, *picture;
};

static void
put(struct ctx *c, const char *path, struct str bytes)
{
	ck_ok(c, file_replace(c, AT_FDCWD, path, 0600, bytes));
}

static struct image
picture(struct ctx *c)
{
	struct image im;

	ck_ok(c, image_new(c, 32, 32, 3, &im));
	for (size_t i = 0; i < image_bytes(&im); i++)
		im.v[i] = (uint8_t)(i * i / 7 + i);
	return im;
}

static void
picture_put(struct ctx *c, const char *path, const struct image *im)
{
	struct str png;

	ck_ok(c, image_png(c, im, &png));
	put(c, path, png);
}

/* The vendor's public keys, and a license file that he has signed. */
static void
license_put(struct ctx *c, const struct house *h, const struct license_claims *l)
{
	owned(ec_key_free) struct ec_key *key = NULL;
	char kid[64];
	struct buf id = BUF(kid), payload, jws, jwks;
	struct digest256 d;

	ck_ok(c, ec_key_generate(c, &key));
	d = ec_key_thumbprint(key);
	base64url_put(&id, d.b, sizeof d.b);
	ck_ok(c, take_buf(c, LICENSE_MAX, &payload));
	ck_ok(c, license_claims_put(c, l, &payload));
	ck_ok(c, take_buf(c, jws_size(payload.n), &jws));
	ck_ok(c, jws_sign(c, key, STR(LICENSE_TYP), buf_str(&id), buf_str(&payload), &jws));
	put(c, h->license, buf_str(&jws));
	ck_ok(c, take_buf(c, 4096, &jwks));
	buf_put(&jwks, STR("{\"keys\":["));
	ec_key_to_jwk(&jwks, key);
	buf_put(&jwks, STR("]}"));
	put(c, h->keys, buf_str(&jwks));
}

static struct license_claims
claims_of(struct ctx *c, const struct house *h)
{
	struct license_claims l = claims_example();
	int64_t now = seconds_of(clock_now());

	l.issued = l.not_before = now - 60;
	l.expires = now + DAY;
	l.binding = BIND_NONE;
	l.bound = (struct fingerprint){ 0 };
	ck_ok(c, stego_pixels_digest(c, &h->image, &l.key_image));
	return l;
}

static struct house
house_new(struct ctx *c)
{
	const char *folder = test_folder();
	struct house h = { .image = picture(c),
		.license = test_path(folder, "license.jws"),
		.keys = test_path(folder, "keys.json"),
		.picture = test_path(folder, "me.png") };
	struct license_claims l = claims_of(c, &h);

	license_put(c, &h, &l);
	picture_put(c, h.picture, &h.image);
	return h;
}

static struct said
check_with(struct ctx *c, const struct house *h, const char *image)
{
	if (image == NULL)
		return RUN(c, "license", "check", h->license, "--keys", h->keys);
	return RUN(c, "license", "check", h->license, "--keys", h->keys, "--image", image);
}

#define ck_verdict(said, code, name)                                              \
	ck_assert_msg((said).status == (code) && says((said).out, (name)),        \
	    "status %d, not %d with %s: %.*s%.*s", (said).status, (code), (name), \
	    STRF((said).out), STRF((said).err))

/* ---- Pictures ---------------------------------------------------------------------------- */

START_TEST(the_image_is_asked_for)
{
	struct ctx *c = test_ctx();
	struct house h = house_new(c);
	struct license_claims l = claims_of(c, &h);

	ck_verdict(check_with(c, &h, NULL), 3, "IMAGE_MISSING");
	ck_verdict(check_with(c, &h, h.picture), 0, "VALID");
	l.key_image = (struct digest256){ 0 };
	license_put(c, &h, &l);
	ck_verdict(check_with(c, &h, h.picture), 3, "IMAGE_UNKNOWN");
	l.image = IMAGE_NONE;
	license_put(c, &h, &l);
	ck_verdict(check_with(c, &h, h.picture), 0, "VALID");
	ck_verdict(check_with(c, &h, NULL), 0, "VALID");
}
END_TEST

/* The pixels count, not the file: another chunk in it changes nothing, another bit does. */
START_TEST(pixels_count)
{
	/* A tEXt chunk "a": its length, name, text and checksum. */
	static const char chunk[] = "\0\0\0\2tEXta\0\220\305\204j";
	struct ctx *c = test_ctx();
	struct house h = house_new(c);
	struct image other;
	struct str png;
	struct buf b;

	ck_ok(c, image_copy(c, &h.image, &other));
	other.v[image_bytes(&other) - 1] ^= 1;
	picture_put(c, h.picture, &other);
	ck_verdict(check_with(c, &h, h.picture), 3, "IMAGE_MISMATCH");
	ck_ok(c, image_png(c, &h.image, &png));
	ck_ok(c, take_buf(c, png.n + sizeof chunk, &b));
	buf_put(&b, (struct str){ png.p, 33 }); /* signature and header */
	buf_put(&b, (struct str){ chunk, sizeof chunk - 1 });
	buf_put(&b, (struct str){ png.p + 33, png.n - 33 });
	put(c, h.picture, buf_str(&b));
	ck_verdict(check_with(c, &h, h.picture), 0, "VALID");
}
END_TEST

/* Each file is told as what it is, with status 1; the process is still there to say so. */
START_TEST(hostile_files)
{
	struct ctx *c = test_ctx();
	struct house h = house_new(c);
	struct str png = file_bytes(c, h.picture);
	char *copy = take_cstr(c, png);
	struct buf large;
	size_t told = 0;

	ck_says(check_with(c, &h, "/nowhere/me.png"), 1, "/nowhere/me.png");
	put(c, h.picture, STR(""));
	ck_assert_int_eq(check_with(c, &h, h.picture).status, 1);
	put(c, h.picture, STR("BM, or something else"));
	ck_assert_int_eq(check_with(c, &h, h.picture).status, 1);
	ck_ok(c, take_buf(c, (1 << 20) + 64, &large));
	buf_put(&large, png);
	while (!large.full)
		buf_char(&large, 'x');
	put(c, h.picture, buf_str(&large));
	ck_assert_int_eq(check_with(c, &h, h.picture).status, 1);
	for (size_t n = 1; n < png.n; n += png.n / 23) {
		put(c, h.picture, (struct str){ png.p, n });
		told += check_with(c, &h, h.picture).status == 1;
	}
	ck_assert_uint_ge(told, 22);
	memcpy(copy + 16, "\177\377\377\377", 4); /* its width */
	put(c, h.picture, (struct str){ copy, png.n });
	ck_assert_int_eq(check_with(c, &h, h.picture).status, 1);
}
END_TEST

MAIN("image_cli", ONE(the_image_is_asked_for), ONE(pixels_count), ONE(hostile_files))
