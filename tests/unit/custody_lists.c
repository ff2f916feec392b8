/*
 * Lists of revocations, signed by a real custodian: of any length, in the locked memory of an
 * ordinary user; and what is refused.
 */
#include "custody_house.h"
#include "license_support.h"

static struct revocations
list_of(struct ctx *c, size_t n)
{
	struct uuid *v = take(c, (n + 1) * sizeof *v);

	ck_assert_ptr_nonnull(v);
	for (size_t i = 0; i < n; i++)
		for (unsigned k = 0; k < 4; k++)
			v[i].b[k] = (uint8_t)(i >> (24 - 8 * k));
	return (struct revocations){ .vendor = { VENDOR },
		.number = 3,
		.this_update = NOW,
		.next_update = NOW + DAY,
		.revoked = v,
		.revoked_n = n / 2,
		.suspended = v + n / 2,
		.suspended_n = n - n / 2 };
}

static const size_t list_lengths[] = { 0, 1, 5, 4096, 100000 };

START_TEST(lists_are_signed)
{
	struct ctx *c = test_ctx();
	struct house h = test_house(c);
	owned(ec_key_free) struct ec_key *signer = NULL;
	struct revocations r = list_of(c, list_lengths[_i]), back;
	struct str token, payload;
	struct jose_header header;
	struct buf b;

	ck_ok(c, take_buf(c, revocations_size(&r), &b));
	ck_ok(c, revocations_put(c, &r, &b));
	ck_ok(c, ec_key_from_jwk(c, h.signing.jwk, &signer));
	ck_ok(c, custody_sign_revocations(c, h.custody, buf_str(&b), &token));
	ck_ok(c, jws_verify(c, signer, STR(REVOCATIONS_TYP), token, &header, &payload));
	ck_assert(str_same(header.kid, h.signing.kid));
	ck_assert(str_same(payload, buf_str(&b)));
	ck_ok(c, revocations_read(c, payload, &back));
	ck_assert_uint_eq(back.revoked_n + back.suspended_n, list_lengths[_i]);
	house_done(&h);
}
END_TEST

/* As long as a list may be: the locked memory of an ordinary user suffices. */
START_TEST(the_longest_list_is_signed)
{
	struct ctx *c = test_ctx();
	struct house h = test_house(c);
	struct revocations r = list_of(c, REVOCATIONS_ENTRIES);
	struct str token;
	struct buf b;

	ck_ok(c, take_buf(c, revocations_size(&r), &b));
	ck_ok(c, revocations_put(c, &r, &b));
	ck_ok(c, custody_sign_revocations(c, h.custody, buf_str(&b), &token));
	ck_assert_uint_gt(token.n, b.n);
	house_done(&h);
}
END_TEST

START_TEST(lists_refused)
{
	struct ctx *c = test_ctx();
	struct house h = test_house(c);
	struct revocations r = list_of(c, 2);
	struct str token = STR("unchanged");
	struct buf b;

	ck_ok(c, take_buf(c, revocations_size(&r) + 1, &b));
	ck_ok(c, revocations_put(c, &r, &b));
	buf_char(&b, ' ');
	ck_fails(c, E_INPUT, custody_sign_revocations(c, h.custody, buf_str(&b), &token));
	ck_fails(c, E_JSON, custody_sign_revocations(c, h.custody, STR(""), &token));
	b.n--;
	ck_ok(c, custody_load(c, h.custody, &h.ring, 1, NULL, 0));
	ck_fails(c, E_CONFLICT, custody_sign_revocations(c, h.custody, buf_str(&b), &token));
	ck_ok(c, custody_seal(c, h.custody));
	ck_fails(c, E_SEALED, custody_sign_revocations(c, h.custody, buf_str(&b), &token));
	ck_str(token, "unchanged");
	house_done(&h);
}
END_TEST

MAIN("custody-lists", EACH(lists_are_signed, list_lengths), ONE(the_longest_list_is_signed),
    ONE(lists_refused))
