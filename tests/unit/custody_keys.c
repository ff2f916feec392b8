/*
 * The custodian's keys, with real processes: vendor keys and data keys and every way in which their
 * rows can be mixed up, rotation, what load refuses, signatures.
 */
#include <stdio.h>

#include "custody_house.h"

/* ---- Vendor keys and data keys ----------------------------------------------------------- */

START_TEST(data_keys_open_with_their_own_rows_only)
{
	struct ctx *c = test_ctx();
	struct house h = test_house(c);
	struct vendor_key_row a, a2, b, v;
	struct data_key_row x, y, d;
	struct key256 kx, ky, got = { 0 };

	ck_ok(c, custody_vendor_key_new(c, h.custody, test_id("vnd_a"), 1, &a));
	ck_ok(c, custody_vendor_key_new(c, h.custody, test_id("vnd_a"), 2, &a2));
	ck_ok(c, custody_vendor_key_new(c, h.custody, test_id("vnd_b"), 1, &b));
	ck_ok(c, custody_data_key_new(c, h.custody, &a, test_id("key_x"), &kx, &x));
	ck_ok(c, custody_data_key_new(c, h.custody, &a, test_id("key_y"), &ky, &y));
	ck_assert(!key256_same(&kx, &ky));
	ck_assert_str_eq(x.id.s, "key_x");
	ck_assert_str_eq(x.vendor.s, "vnd_a");
	ck_assert_int_eq(x.version, 1);
	ck_ok(c, custody_data_key_open(c, h.custody, &a, &x, &got));
	ck_assert(key256_same(&kx, &got));
	ck_ok(c, custody_data_key_open(c, h.custody, &a, &y, &got));
	ck_assert(key256_same(&ky, &got));
	got = (struct key256){ 0 };
#define REFUSED(change_v, change_d)                                                          \
	do {                                                                                 \
		v = a;                                                                       \
		d = x;                                                                       \
		change_v;                                                                    \
		change_d;                                                                    \
		ck_fails(c, E_INTEGRITY, custody_data_key_open(c, h.custody, &v, &d, &got)); \
	} while (0)
	REFUSED(, d.id = y.id);
	REFUSED(, d.sealed = y.sealed);
	REFUSED(, d.vendor = b.vendor);
	REFUSED(, d.version = 2);
	REFUSED(v = b, );
	REFUSED(v = b, d.vendor = b.vendor);
	REFUSED(v = a2, );
	REFUSED(v = a2, d.version = 2);
	REFUSED(v.sealed = a2.sealed, );
	REFUSED(v.sealed = b.sealed, );
	REFUSED(v.vendor = b.vendor, d.vendor = b.vendor);
	REFUSED(v.version = 2, d.version = 2);
	REFUSED(v.keyring = 2, );
	REFUSED(v.keyring = 0, );
	REFUSED(v.sealed = x.sealed, );
	REFUSED(, d.sealed = a.sealed);
	REFUSED(, d.sealed.n--);
	REFUSED(, d.sealed.n = 0);
	REFUSED(v.sealed.n = 0, );
#undef REFUSED
	ck_assert_mem_eq(&got, &(struct key256){ 0 }, sizeof got);
	house_done(&h);
}
END_TEST

START_TEST(data_keys_any_flipped_bit)
{
	struct ctx *c = test_ctx();
	struct house h = test_house(c);
	struct vendor_key_row vendor;
	struct data_key_row row, bad;
	struct key256 key;
	char bytes[256];

	ck_ok(c, custody_vendor_key_new(c, h.custody, test_id("vnd_a"), 1, &vendor));
	ck_ok(c, custody_data_key_new(c, h.custody, &vendor, test_id("key_x"), &key, &row));
	for (size_t bit = 0; bit < 8 * row.sealed.n; bit++) {
		bad = row;
		memcpy(bytes, row.sealed.p, row.sealed.n);
		bytes[bit / 8] ^= (char)(1 << bit % 8);
		bad.sealed.p = bytes;
		ck_fails(
		    c, E_INTEGRITY, custody_data_key_open(c, h.custody, &vendor, &bad, &key));
	}
	ck_ok(c, custody_data_key_open(c, h.custody, &vendor, &row, &key));
	house_done(&h);
}
END_TEST

START_TEST(names_that_are_none)
{
	struct ctx *c = test_ctx();
	struct house h = test_house(c);
	struct vendor_key_row vendor;
	struct data_key_row row;
	struct key256 key;

	ck_fails(c, E_INPUT, custody_vendor_key_new(c, h.custody, test_id(""), 1, &vendor));
	ck_fails(c, E_INPUT, custody_vendor_key_new(c, h.custody, test_id("a b"), 1, &vendor));
	ck_fails(
	    c, E_INPUT, custody_vendor_key_new(c, h.custody, test_id("vnd_a"), 0, &vendor));
	ck_fails(
	    c, E_INPUT, custody_vendor_key_new(c, h.custody, test_id("vnd_a"), -1, &vendor));
	ck_ok(c, custody_vendor_key_new(c, h.custody, test_id("vnd_a"), 1, &vendor));
	ck_fails(
	    c, E_INPUT, custody_data_key_new(c, h.custody, &vendor, test_id(""), &key, &row));
	ck_fails(c, E_INPUT,
	    custody_data_key_new(c, h.custody, &vendor, test_id("\x1b[1m"), &key, &row));
	house_done(&h);
}
END_TEST

/* ---- Rotation ---------------------------------------------------------------------------- */

#define MANY CUSTODY_REWRAP_MAX

START_TEST(rotation_leaves_nothing_under_the_old)
{
	struct ctx *c = test_ctx();
	struct house h = test_house(c);
	struct keyring_row rings[2] = { h.ring };
	struct vendor_key_row old, new;
	struct data_key_row *rows = take(c, MANY * sizeof *rows), *fresh = NULL;
	struct key256 *keys = take(c, MANY * sizeof *keys), got;
	struct signing_row signing;
	struct custody_status s = { 0 };

	ck_ok(c, custody_vendor_key_new(c, h.custody, test_id("vnd_a"), 1, &old));
	for (size_t i = 0; i < MANY; i++) {
		struct id id = test_id(take_printf(c, "key_%zu", i));

		ck_ok(c, custody_data_key_new(c, h.custody, &old, id, &keys[i], &rows[i]));
	}
	ck_ok(c, custody_rotate_begin(c, h.custody, &rings[1]));
	ck_assert_int_eq(rings[1].version, 2);
	ck_ok(c, custody_status(c, h.custody, &s));
	ck_assert_int_eq(s.keyring, 1);
	ck_ok(c, custody_load(c, h.custody, rings, 2, &h.signing, 1));
	ck_ok(c, custody_status(c, h.custody, &s));
	ck_assert_int_eq(s.keyring, 2);
	ck_ok(c, custody_signing_reseal(c, h.custody, &h.signing, &signing));
	ck_assert_int_eq(signing.keyring, 2);
	ck_assert(str_same(signing.kid, h.signing.kid) && str_same(signing.jwk, h.signing.jwk));
	ck_assert_int_eq(signing.created, h.signing.created);
	ck_ok(c, custody_vendor_key_new(c, h.custody, test_id("vnd_a"), 2, &new));
	ck_assert_int_eq(new.keyring, 2);
	ck_ok(c, custody_data_key_rewrap(c, h.custody, &old, &new, rows, MANY, &fresh));
	for (size_t i = 0; i < MANY; i++) {
		ck_ok(c, custody_data_key_open(c, h.custody, &old, &rows[i], &got));
		ck_ok(c, custody_data_key_open(c, h.custody, &new, &fresh[i], &got));
		ck_assert(key256_same(&got, &keys[i]));
		ck_fails(
		    c, E_INTEGRITY, custody_data_key_open(c, h.custody, &old, &fresh[i], &got));
	}
	/* The new keyring does not do without the resealed signing key … */
	ck_fails(c, E_INTEGRITY, custody_load(c, h.custody, &rings[1], 1, &h.signing, 1));
	/* … and once it is alone, nothing old opens. */
	ck_ok(c, custody_load(c, h.custody, &rings[1], 1, &signing, 1));
	ck_fails(c, E_INTEGRITY, custody_data_key_open(c, h.custody, &old, &rows[0], &got));
	ck_ok(c, custody_data_key_open(c, h.custody, &new, &fresh[0], &got));
	house_done(&h);
}
END_TEST

START_TEST(rewrap_refuses)
{
	struct ctx *c = test_ctx();
	struct house h = test_house(c);
	struct vendor_key_row a, a2, b;
	struct data_key_row *rows = take(c, (MANY + 1) * sizeof *rows), *fresh = NULL;
	struct key256 key;

	ck_ok(c, custody_vendor_key_new(c, h.custody, test_id("vnd_a"), 1, &a));
	ck_ok(c, custody_vendor_key_new(c, h.custody, test_id("vnd_a"), 2, &a2));
	ck_ok(c, custody_vendor_key_new(c, h.custody, test_id("vnd_b"), 1, &b));
	ck_ok(c, custody_data_key_new(c, h.custody, &a, test_id("key_0"), &key, &rows[0]));
	for (size_t i = 1; i < MANY + 1; i++)
		rows[i] = rows[0];
	ck_fails(
	    c, E_INTEGRITY, custody_data_key_rewrap(c, h.custody, &a, &b, rows, 1, &fresh));
	ck_fails(
	    c, E_INTEGRITY, custody_data_key_rewrap(c, h.custody, &a2, &a, rows, 1, &fresh));
	ck_fails(
	    c, E_USAGE, custody_data_key_rewrap(c, h.custody, &a, &a2, rows, MANY + 1, &fresh));
	rows[MANY - 1].id = test_id("key_1");
	ck_fails(
	    c, E_INTEGRITY, custody_data_key_rewrap(c, h.custody, &a, &a2, rows, MANY, &fresh));
	ck_assert_ptr_null(fresh);
	ck_ok(c, custody_data_key_rewrap(c, h.custody, &a, &a2, rows, 0, &fresh));
	house_done(&h);
}
END_TEST

START_TEST(load_refuses)
{
	struct ctx *c = test_ctx();
	struct house h = test_house(c);
	struct keyring_row two[2] = { h.ring, h.ring }, many[CUSTODY_KEYRINGS_MAX + 1];
	struct signing_row s = h.signing;

	ck_fails(c, E_INPUT, custody_load(c, h.custody, two, 2, &s, 1));
	ck_fails(c, E_USAGE, custody_load(c, h.custody, two, 0, &s, 0));
	for (size_t i = 0; i < COUNT(many); i++)
		many[i] = h.ring;
	ck_fails(c, E_USAGE, custody_load(c, h.custody, many, COUNT(many), &s, 1));
	two[0].version = 2;
	ck_fails(c, E_INTEGRITY, custody_load(c, h.custody, two, 1, &s, 1));
	s.created++;
	ck_fails(c, E_INTEGRITY, custody_load(c, h.custody, &h.ring, 1, &s, 1));
	s = h.signing;
	s.kid = STR("AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA");
	ck_fails(c, E_INTEGRITY, custody_load(c, h.custody, &h.ring, 1, &s, 1));
	s = h.signing;
	s.keyring = 7;
	ck_fails(c, E_INTEGRITY, custody_load(c, h.custody, &h.ring, 1, &s, 1));
	/* A keyring's sealed bytes are not a signing key's. */
	s = h.signing;
	s.sealed = h.ring.sealed;
	ck_fails(c, E_INTEGRITY, custody_load(c, h.custody, &h.ring, 1, &s, 1));
	ck_assert_int_eq(test_state(c, h.custody), CUSTODY_UNSEALED);
	ck_ok(c, custody_load(c, h.custody, &h.ring, 1, NULL, 0));
	house_done(&h);
}
END_TEST

/* ---- Signatures -------------------------------------------------------------------------- */

START_TEST(checkpoints_are_signed_and_only_grow)
{
	struct ctx *c = test_ctx();
	struct house h = test_house(c);
	struct digest256 hash = { { 1, 2, 3 } }, other = { { 9 } };
	owned(ec_key_free) struct ec_key *public = NULL;
	struct jose_header header;
	struct str jws, payload;

	ck_ok(c, ec_key_from_jwk(c, h.signing.jwk, &public));
	ck_ok(c, custody_sign_checkpoint(c, h.custody, 7, &hash, TEST_NOW, &jws));
	ck_ok(c, jws_verify(c, public, STR(CHECKPOINT_TYP), jws, &header, &payload));
	ck_assert(str_same(header.kid, h.signing.kid));
	ck_str(payload,
	    "{\"seq\":7,\"hash\":\"AQIDAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\","
	    "\"at\":\"2026-02-01T12:00:00.000Z\"}");
	ck_fails(
	    c, E_CONFLICT, custody_sign_checkpoint(c, h.custody, 6, &hash, TEST_NOW, &jws));
	ck_fails(
	    c, E_CONFLICT, custody_sign_checkpoint(c, h.custody, 7, &other, TEST_NOW, &jws));
	ck_ok(c, custody_sign_checkpoint(c, h.custody, 7, &hash, TEST_NOW, &jws));
	ck_ok(c, custody_sign_checkpoint(c, h.custody, 8, &other, TEST_NOW, &jws));
	ck_fails(c, E_INPUT, custody_sign_checkpoint(c, h.custody, 0, &hash, TEST_NOW, &jws));
	ck_fails(c, E_INPUT, custody_sign_checkpoint(c, h.custody, -1, &hash, TEST_NOW, &jws));
	ck_fails(c, E_INPUT, custody_sign_checkpoint(c, h.custody, 9, &hash, -1, &jws));
	/* Loading and sealing do not make it forget. */
	ck_ok(c, custody_load(c, h.custody, &h.ring, 1, &h.signing, 1));
	ck_fails(
	    c, E_CONFLICT, custody_sign_checkpoint(c, h.custody, 7, &hash, TEST_NOW, &jws));
	ck_ok(c, custody_load(c, h.custody, &h.ring, 1, NULL, 0));
	ck_fails(
	    c, E_CONFLICT, custody_sign_checkpoint(c, h.custody, 9, &hash, TEST_NOW, &jws));
	house_done(&h);
}
END_TEST

START_TEST(releases_are_vouched_for)
{
	static const char *const id = "0198a000-0000-7000-8000-000000000001";
	struct ctx *c = test_ctx();
	struct house h = test_house(c);
	const struct custody_release good = { .release = str_of(take_printf(c, "rel_%s", id)),
		.model = str_of(take_printf(c, "mod_%s", id)),
		.name = STR("net"),
		.artifact = { { 0xab } },
		.bytes = 5,
		.at = TEST_NOW };
	owned(ec_key_free) struct ec_key *public = NULL;
	struct str manifest, bundle, payload;
	struct jose_header header;
	struct custody_release r = good;

	ck_ok(c, ec_key_from_jwk(c, h.signing.jwk, &public));
	ck_ok(c, custody_sign_release(c, h.custody, &r, &manifest, &bundle));
	ck_ok(c, jws_verify(c, public, STR(MANIFEST_TYP), manifest, &header, &payload));
	ck_assert(str_same(header.kid, h.signing.kid));
	ck_assert_ptr_nonnull(memmem(payload.p, payload.n, "\"sha256\":\"ab00", 14));
	ck_assert_ptr_nonnull(memmem(payload.p, payload.n, "\"iat\":1769947200}", 17));
	ck_assert_ptr_nonnull(memmem(bundle.p, bundle.n, "\"dsseEnvelope\":{", 16));
#define REFUSED(code, change)                                                                  \
	do {                                                                                   \
		r = good;                                                                      \
		change;                                                                        \
		ck_fails(c, code, custody_sign_release(c, h.custody, &r, &manifest, &bundle)); \
	} while (0)
	REFUSED(E_ABSENT, r.release = good.model);
	REFUSED(E_ABSENT, r.model = STR("mod_x"));
	REFUSED(E_INPUT, r.name = STR(""));
	REFUSED(E_INPUT, r.name = STR("a\nb"));
	REFUSED(E_INPUT, r.bytes = 0);
	REFUSED(E_INPUT, r.at = 0);
#undef REFUSED
	ck_ok(c, custody_seal(c, h.custody));
	ck_fails(c, E_SEALED, custody_sign_release(c, h.custody, &good, &manifest, &bundle));
	house_done(&h);
}
END_TEST

START_TEST(public_keys_are_a_key_set)
{
	struct ctx *c = test_ctx();
	struct house h = test_house(c);
	struct json_part *set, *keys, *key;
	struct json_part found;
	size_t n;
	struct str json;

	ck_ok(c, custody_jwks(c, h.custody, &json));
	ck_ok(c, json_split(c, json, &set, &n));
	ck_assert(json_find(set, n, "keys", &found));
	ck_ok(c, json_split(c, found.value, &keys, &n));
	ck_assert_uint_eq(n, 1);
	ck_ok(c, json_split(c, keys[0].value, &key, &n));
	ck_assert(json_find(key, n, "kid", &found));
	ck_assert(str_same(found.value, h.signing.kid));
	ck_assert(json_find(key, n, "x", &found) && !json_find(key, n, "d", &found));
	house_done(&h);
}
END_TEST

MAIN("custody-keys", ONE(data_keys_open_with_their_own_rows_only),
    ONE(data_keys_any_flipped_bit), ONE(names_that_are_none),
    ONE(rotation_leaves_nothing_under_the_old), ONE(rewrap_refuses), ONE(load_refuses),
    ONE(checkpoints_are_signed_and_only_grow), ONE(releases_are_vouched_for),
    ONE(public_keys_are_a_key_set))
