/*
 * Licenses as the server asks for them: claims signed by whoever signs now, heads, unlock keys that
 * are the same bytes for the same question whatever happens to the keys in between, lists.
 */
#include <signal.h>
#include <sys/mman.h>
#include <unistd.h>

#include "keys_house.h"
#include "license.h"

#define UNLOCK_TYP "hallmark-unlock+jwt"
#define LICENSE "lic_01a1f7b4-613b-78db-864f-cf642ca115ed"
enum { SEALED = 2, LOG_L = 14, SERIAL = 7 };

/* A house with a release that is ready, as far as keys can tell, and a customer. */
struct scene {
	struct house h;
	struct release_row release;
	struct ec_key *customer;
	struct str jwk;
	struct license_claims claims;
};

static void
scene_open(struct ctx *c, struct scene *s)
{
	struct key256 key;
	struct buf b;

	*s = (struct scene){ 0 };
	house_new(c, &s->h, test_folder());
	s->release = (struct release_row){ .id = id_new(c, "rel"),
		.vendor = s->h.vendor,
		.key = house_data_key(c, &s->h, &key),
		.state = RELEASE_READY,
		.locks = SEALED,
		.log_l = LOG_L,
		.kappa = .03,
		.artifact = { { 9, 8, 7 } } };
	ck_ok(c, ec_key_generate(c, &s->customer));
	ck_ok(c, take_buf(c, JWK_MAX, &b));
	ec_key_to_jwk(&b, s->customer);
	s->jwk = buf_str(&b);
	s->claims = (struct license_claims){ .vendor = s->h.vendor,
		.customer = id_new(c, "cus"),
		.release = s->release.id,
		.license = { LICENSE },
		.issued = TEST_NOW / 1000,
		.not_before = TEST_NOW / 1000,
		.expires = TEST_NOW / 1000 + DAY,
		.artifact = s->release.artifact,
		.seats = 1,
		.lease = 600,
		.components = MACHINE_ANYTHING };
	ck_ok(c, keys_signer(c, s->h.server.keys, s->h.db, &s->claims.key));
}

static void
scene_close(struct scene *s)
{
	ec_key_free(&s->customer);
	house_close(&s->h);
}

static struct keys_license
wanted(struct ctx *c, const struct scene *s)
{
	struct buf b;

	ck_ok(c, take_buf(c, LICENSE_MAX, &b));
	ck_ok(c, license_claims_put(c, &s->claims, &b));
	return (struct keys_license){ .release = &s->release,
		.license = STR(LICENSE),
		.claims = buf_str(&b),
		.jwk = s->jwk };
}

/* The claims of a token that one of the store's signing keys has signed. */
static struct license_claims
verified(struct ctx *c, struct scene *s, struct str token)
{
	owned(ec_key_free) struct ec_key *key = NULL;
	struct license_claims claims;
	struct signing_row *row;
	struct jose_header h;
	struct str payload;
	size_t n;

	ck_ok(c, signing_list(c, s->h.db, &row, &n));
	ck_assert_uint_eq(n, 1);
	ck_ok(c, ec_key_from_jwk(c, row[0].jwk, &key));
	ck_ok(c, jws_verify(c, key, STR(LICENSE_TYP), token, &h, &payload));
	ck_ok(c, license_claims_read(c, payload, &claims));
	ck_assert(license_names_key(&claims, h.kid));
	return claims;
}

static struct str
unlock(struct ctx *c, struct scene *s, struct str wrap)
{
	const struct keys_unlock u = { .release = &s->release,
		.customer = SERIAL,
		.license = STR(LICENSE),
		.jwk = s->jwk,
		.wrap = wrap,
		.issued = TEST_NOW };
	owned(fd_done) int fd = memfd_create("key", MFD_CLOEXEC);
	uint64_t n;
	char *p;

	ck_ok(c, keys_unlock_key(c, s->h.server.keys, s->h.db, &u, fd, &n));
	p = take(c, n);
	ck_assert_ptr_nonnull(p);
	ck_assert_int_eq(lseek(fd, 0, SEEK_SET), 0);
	ck_ok(c, fd_read_all(c, fd, p, n));
	return (struct str){ p, n };
}

START_TEST(licenses_and_their_keys)
{
	struct ctx *c = test_ctx();
	struct scene s;
	struct keys_license l;
	struct license_claims claims;
	struct str token, wrap, key, plain;
	struct jose_header h;

	scene_open(c, &s);
	l = wanted(c, &s);
	ck_ok(c, keys_license(c, s.h.server.keys, s.h.db, &l, &token, &wrap));
	claims = verified(c, &s, token);
	ck_assert_str_eq(claims.customer.s, s.claims.customer.s);
	key = unlock(c, &s, wrap);
	ck_assert(str_starts(key, wrap));
	ck_ok(c, jwe_decrypt(c, s.customer, STR(UNLOCK_TYP), key, &h, &plain));
	ck_assert(str_same(unlock(c, &s, wrap), key));
	scene_close(&s);
}
END_TEST

/* Claims that were made for a key which has been replaced since: the present one signs. */
START_TEST(the_present_key_signs)
{
	struct ctx *c = test_ctx();
	struct scene s;
	struct digest256 present;
	struct keys_license l;
	struct license_claims claims;
	struct str token, wrap;

	scene_open(c, &s);
	present = s.claims.key;
	s.claims.key.b[0] ^= 1;
	s.claims.next = present;
	l = wanted(c, &s);
	ck_ok(c, keys_license(c, s.h.server.keys, s.h.db, &l, &token, &wrap));
	claims = verified(c, &s, token);
	ck_assert(digest256_same(&claims.key, &present));
	ck_assert(digest256_same(&claims.next, &(struct digest256){ 0 }));
	scene_close(&s);
}
END_TEST

/* A rotation, and the custodian's death: the bytes stay. */
START_TEST(keys_stay_the_same)
{
	struct ctx *c = test_ctx();
	struct audit_entry who = house_who("keys.rotate");
	struct scene s;
	struct keys_license l;
	struct str token, wrap, key;
	pid_t before;

	scene_open(c, &s);
	l = wanted(c, &s);
	ck_ok(c, keys_license(c, s.h.server.keys, s.h.db, &l, &token, &wrap));
	key = unlock(c, &s, wrap);
	ck_ok(c, keys_rotate(c, s.h.server.keys, &who));
	for (int i = 0; i < 50; i++) {
		ck_assert(str_same(unlock(c, &s, wrap), key));
		ck_ok(c, keys_license(c, s.h.server.keys, s.h.db, &l, &token, &wrap));
		wrap = (struct str){ key.p, wrap.n };
	}
	before = house_child("hallmark-custodian");
	ck_assert_int_eq(kill(before, SIGKILL), 0);
	ck_until(house_child("hallmark-custodian") != before &&
		keys_state(s.h.server.keys) == KEYS_OPEN,
	    20);
	ck_assert(str_same(unlock(c, &s, wrap), key));
	scene_close(&s);
}
END_TEST

START_TEST(refusals)
{
	struct ctx *c = test_ctx();
	struct audit_entry who = house_who("keys.seal");
	const struct revocations r = {
		.number = 1, .this_update = TEST_NOW / 1000, .next_update = TEST_NOW / 1000 + 1
	};
	struct revocations list = r;
	struct scene s;
	struct keys_license l;
	struct digest256 signer;
	struct str token, wrap;
	struct buf b;

	scene_open(c, &s);
	list.vendor = s.h.vendor;
	ck_ok(c, take_buf(c, revocations_size(&list), &b));
	ck_ok(c, revocations_put(c, &list, &b));
	ck_ok(c, keys_sign_revocations(c, s.h.server.keys, buf_str(&b), &token));
	l = wanted(c, &s);
	l.license = STR("lic_01a1f7b4-613b-78db-864f-cf642ca115ee");
	ck_fails(c, E_INPUT, keys_license(c, s.h.server.keys, s.h.db, &l, &token, &wrap));
	l = wanted(c, &s);
	s.release.state = RELEASE_MAKING;
	ck_fails(c, E_CONFLICT, keys_license(c, s.h.server.keys, s.h.db, &l, &token, &wrap));
	s.release.state = RELEASE_READY;
	ck_ok(c, keys_seal(c, s.h.server.keys, &who));
	ck_fails(c, E_SEALED, keys_license(c, s.h.server.keys, s.h.db, &l, &token, &wrap));
	ck_fails(c, E_SEALED, keys_signer(c, s.h.server.keys, s.h.db, &signer));
	ck_fails(c, E_SEALED, keys_sign_revocations(c, s.h.server.keys, buf_str(&b), &token));
	scene_close(&s);
}
END_TEST

MAIN("keys_license", ONE(licenses_and_their_keys), ONE(the_present_key_signs),
    ONE(keys_stay_the_same), ONE(refusals))
