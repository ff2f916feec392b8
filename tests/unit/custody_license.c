/*
 * What the custodian does for licenses, with real processes: claims that are read again before they
 * are signed, heads of unlock keys, unlock keys behind a head; and what of all that is refused.
 */
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

#include "custody_house.h"
#include "license_support.h"

#define UNLOCK_TYP "hallmark-unlock+jwt"
#define OTHER_RELEASE "rel_01a1f7b4-613b-78db-864f-cf642ca115f0"
#define OTHER_LICENSE "lic_01a1f7b4-613b-78db-864f-cf642ca115f1"
enum { ADVPARAMS = 1, SEALED = 2, LOG_L = 14, SERIAL = 7 };

/* A house with one release's secret, and a customer. */
struct scene {
	struct house h;
	struct vendor_key_row vendor;
	struct data_key_row secret;
	struct ec_key *customer, *signer;
	struct str jwk;
	struct license_claims claims;
};

static struct str
jwk_of(struct ctx *c, const struct ec_key *key)
{
	struct buf b;

	ck_ok(c, take_buf(c, JWK_MAX, &b));
	ec_key_to_jwk(&b, key);
	return buf_str(&b);
}

static struct scene
scene_new(struct ctx *c)
{
	struct scene s = { .h = test_house(c), .claims = claims_example() };
	struct key256 key;

	ck_ok(c, custody_vendor_key_new(c, s.h.custody, test_id(VENDOR), 1, &s.vendor));
	ck_ok(c,
	    custody_data_key_new(c, s.h.custody, &s.vendor, test_id("key_x"), &key, &s.secret));
	ck_ok(c, ec_key_generate(c, &s.customer));
	s.jwk = jwk_of(c, s.customer);
	ck_ok(c, ec_key_from_jwk(c, s.h.signing.jwk, &s.signer));
	s.claims.key = ec_key_thumbprint(s.signer);
	return s;
}

static void
scene_done(struct scene *s)
{
	ec_key_free(&s->customer);
	ec_key_free(&s->signer);
	house_done(&s->h);
}

static struct str
claims_text(struct ctx *c, const struct license_claims *l)
{
	struct buf b;

	ck_ok(c, take_buf(c, LICENSE_MAX, &b));
	ck_ok(c, license_claims_put(c, l, &b));
	return buf_str(&b);
}

static struct custody_license
license_of(struct ctx *c, const struct scene *s)
{
	return (struct custody_license){ .vendor = &s->vendor,
		.secret = &s->secret,
		.release = STR(RELEASE),
		.license = STR(LICENSE),
		.artifact = s->claims.artifact,
		.claims = claims_text(c, &s->claims),
		.jwk = s->jwk };
}

static struct str
wrap_of(struct ctx *c, struct scene *s)
{
	struct custody_license l = license_of(c, s);
	struct str token, wrap;

	ck_ok(c, custody_license(c, s->h.custody, &l, &token, &wrap));
	return wrap;
}

/* ---- Licenses ---------------------------------------------------------------------------- */

START_TEST(licenses_are_signed_and_wrapped)
{
	struct ctx *c = test_ctx();
	struct scene s = scene_new(c);
	struct custody_license l = license_of(c, &s);
	struct license_claims claims;
	struct str token, wrap, payload, value, none;
	struct jwe_head head;
	struct jose_header h;

	ck_ok(c, custody_license(c, s.h.custody, &l, &token, &wrap));
	ck_ok(c, jws_verify(c, s.signer, STR(LICENSE_TYP), token, &h, &payload));
	ck_assert(str_same(h.kid, s.h.signing.kid));
	ck_assert(str_same(payload, l.claims));
	ck_ok(c, license_claims_read(c, payload, &claims));
	ck_ok(c, jwe_head_read(c, wrap, &head));
	h = head.says;
	ck_str(h.typ, UNLOCK_TYP);
	ck_assert(jose_header_text(&h, "release", &value));
	ck_str(value, RELEASE);
	ck_assert(jose_header_text(&h, "license", &value));
	ck_str(value, LICENSE);
	ck_assert(jose_header_text(&h, "artifact", &value));
	ck_assert_uint_eq(value.n, 64);
	/* Either alone; both heads are fresh. */
	l.jwk = STR("");
	ck_ok(c, custody_license(c, s.h.custody, &l, &token, &none));
	ck_assert(token.n > 0 && none.n == 0);
	l.claims = STR("");
	l.jwk = s.jwk;
	ck_ok(c, custody_license(c, s.h.custody, &l, &none, &value));
	ck_assert(none.n == 0 && value.n > 0 && !str_same(value, wrap));
	l.jwk = STR("");
	ck_fails(c, E_USAGE, custody_license(c, s.h.custody, &l, &token, &wrap));
	scene_done(&s);
}
END_TEST

START_TEST(licenses_refused)
{
	struct ctx *c = test_ctx();
	struct scene s = scene_new(c);
	const struct custody_license good = license_of(c, &s);
	struct license_claims claims;
	struct custody_license l;
	struct vendor_key_row v;
	struct data_key_row d;
	struct str token = STR("unchanged"), wrap = STR("unchanged");

#define REFUSED(code, change)                                                          \
	do {                                                                           \
		l = good;                                                              \
		v = s.vendor;                                                          \
		d = s.secret;                                                          \
		claims = s.claims;                                                     \
		change;                                                                \
		l.vendor = &v;                                                         \
		l.secret = &d;                                                         \
		ck_fails(c, code, custody_license(c, s.h.custody, &l, &token, &wrap)); \
	} while (0)
#define ALTERED(code, change)                       \
	REFUSED(code, {                             \
		change;                             \
		l.claims = claims_text(c, &claims); \
	})
	REFUSED(E_ABSENT, l.release = STR(LICENSE));
	REFUSED(E_INPUT, l.release = STR(OTHER_RELEASE));
	REFUSED(E_INPUT, l.license = STR(OTHER_LICENSE));
	REFUSED(E_ABSENT, l.license = STR("lic_x"));
	REFUSED(E_INPUT, l.artifact.b[31] ^= 1);
	REFUSED(E_JSON, l.claims.n--);
	REFUSED(E_JSON, l.claims = STR("{"));
	REFUSED(E_INPUT, l.claims = STR("{}"));
	REFUSED(E_JSON, l.jwk.n--);
	REFUSED(E_INPUT, l.jwk = STR("{}"));
	REFUSED(E_INTEGRITY, d.sealed.n--);
	REFUSED(E_INTEGRITY, d.id = test_id("key_y"));
	REFUSED(E_INTEGRITY, v.version = 2);
	ALTERED(E_INPUT, claims.license = test_id(OTHER_LICENSE));
	ALTERED(E_INPUT, claims.release = test_id(OTHER_RELEASE));
	ALTERED(E_INPUT, claims.artifact.b[0] ^= 1);
	ALTERED(E_INPUT, claims.vendor = test_id("ven_01a1f7b4-613b-78db-864f-cf642ca115f9"));
	ALTERED(E_CONFLICT, claims.key.b[0] ^= 1);
	ALTERED(E_CONFLICT, claims.key = claims.next);
#undef ALTERED
#undef REFUSED
	ck_str(token, "unchanged");
	ck_str(wrap, "unchanged");
	ck_ok(c, custody_load(c, s.h.custody, &s.h.ring, 1, NULL, 0));
	ck_fails(c, E_CONFLICT, custody_license(c, s.h.custody, &good, &token, &wrap));
	ck_ok(c, custody_seal(c, s.h.custody));
	ck_fails(c, E_SEALED, custody_license(c, s.h.custody, &good, &token, &wrap));
	scene_done(&s);
}
END_TEST

/* Another spelling of the same claims is not signed. */
START_TEST(claims_in_other_words)
{
	struct ctx *c = test_ctx();
	struct scene s = scene_new(c);
	struct custody_license l = license_of(c, &s);
	char *text = take_cstr(c, l.claims);
	struct str token, wrap;

	l.claims = str_of(take_printf(c, " %s", text));
	ck_fails(c, E_INPUT, custody_license(c, s.h.custody, &l, &token, &wrap));
	l.claims = str_of(take_printf(c, "{\"admin\":true,%s", text + 1));
	ck_fails(c, E_FIELD, custody_license(c, s.h.custody, &l, &token, &wrap));
	scene_done(&s);
}
END_TEST

/* ---- Unlock keys ------------------------------------------------------------------------- */

static struct custody_unlock
unlock_of(const struct scene *s, struct str wrap)
{
	return (struct custody_unlock){ .vendor = &s->vendor,
		.secret = &s->secret,
		.release = STR(RELEASE),
		.license = STR(LICENSE),
		.customer = SERIAL,
		.locks = SEALED,
		.log_l = LOG_L,
		.kappa = .03,
		.issued = TEST_NOW,
		.artifact = s->claims.artifact,
		.jwk = s->jwk,
		.wrap = wrap,
		.entries = -1 };
}

static struct str
unlock(struct ctx *c, struct scene *s, const struct custody_unlock *u)
{
	owned(fd_done) int fd = memfd_create("key", MFD_CLOEXEC);
	uint64_t n;
	char *p;

	ck_ok(c, custody_unlock_key(c, s->h.custody, u, fd, &n));
	p = take(c, n);
	ck_assert_ptr_nonnull(p);
	ck_assert_int_eq(lseek(fd, 0, SEEK_END), (off_t)n);
	ck_assert_int_eq(lseek(fd, 0, SEEK_SET), 0);
	ck_ok(c, fd_read_all(c, fd, p, n));
	return (struct str){ p, n };
}

static struct str
opened(struct ctx *c, const struct scene *s, struct str token)
{
	struct jose_header h;
	struct str plain;

	ck_ok(c, jwe_decrypt(c, s->customer, STR(UNLOCK_TYP), token, &h, &plain));
	return plain;
}

/* With a head: the same question, the same bytes; and the plain key is that without one. */
START_TEST(unlock_keys_behind_a_head)
{
	struct ctx *c = test_ctx();
	struct scene s = scene_new(c);
	struct str wrap = wrap_of(c, &s), other = wrap_of(c, &s), token, plain;
	struct custody_unlock u = unlock_of(&s, wrap);

	token = unlock(c, &s, &u);
	plain = opened(c, &s, token);
	ck_assert_uint_gt(plain.n, sizeof(uint32_t) << LOG_L);
	ck_assert(str_starts(token, wrap));
	ck_assert(str_same(unlock(c, &s, &u), token));
	/* After a restart of the keys, too. */
	ck_ok(c, custody_load(c, s.h.custody, &s.h.ring, 1, &s.h.signing, 1));
	ck_assert(str_same(unlock(c, &s, &u), token));
	u.wrap = other;
	ck_assert(!str_same(unlock(c, &s, &u), token));
	ck_assert(str_same(opened(c, &s, unlock(c, &s, &u)), plain));
	u.wrap = STR("");
	ck_assert(str_same(opened(c, &s, unlock(c, &s, &u)), plain));
	ck_assert(!str_same(unlock(c, &s, &u), unlock(c, &s, &u)));
	scene_done(&s);
}
END_TEST

/* The third part of a token. */
static struct str
nonce_of(struct str token)
{
	struct str part = STR("");

	for (int i = 0; i < 3; i++)
		(void)str_cut(&token, '.', &part);
	ck_assert_uint_eq(part.n, 16);
	return part;
}

/* Whatever the plain key follows from changes the nonce. */
START_TEST(no_two_keys_have_one_nonce)
{
	struct ctx *c = test_ctx();
	struct scene s = scene_new(c);
	const struct custody_unlock good = unlock_of(&s, wrap_of(c, &s));
	struct custody_unlock u;
	struct str nonce[16];
	size_t n = 0;

#define OTHER(change)                                     \
	do {                                              \
		u = good;                                 \
		change;                                   \
		nonce[n++] = nonce_of(unlock(c, &s, &u)); \
	} while (0)
	OTHER(u.kappa = .03);
	OTHER(u.customer++);
	OTHER(u.issued++);
	OTHER(u.expires = TEST_NOW + 1);
	OTHER(u.kappa = .02);
	OTHER(u.log_l = LOG_L + 1);
	OTHER(u.log_l = 0);
	OTHER(u.plain.b[0] = 1);
	OTHER(u.wrap = wrap_of(c, &s));
#undef OTHER
	for (size_t i = 0; i < n; i++)
		for (size_t j = 0; j < i; j++)
			ck_assert_msg(!str_same(nonce[i], nonce[j]), "%zu and %zu", i, j);
	scene_done(&s);
}
END_TEST

/* A sealed list of one locked parameter. */
static int
entries_of(struct ctx *c, const struct key256 *key, uint8_t index)
{
	owned(sealed_writer_free) struct sealed_writer *w = NULL;
	const char entry[12] = { 0, 0, 0, 0, (char)index, 0, 0, 0, 1 };
	int fd = memfd_create("entries", MFD_CLOEXEC);
	uint64_t n;

	ck_ok(c, sealed_writer_new(c, fd, key, STR("aad"), &w));
	ck_ok(c, sealed_write(c, w, (struct str){ entry, sizeof entry }));
	ck_ok(c, sealed_finish(c, w, &n));
	return fd;
}

/* Locked parameters count as well: others, another nonce; the same ones, the same bytes. */
START_TEST(unlock_keys_with_entries)
{
	struct ctx *c = test_ctx();
	struct scene s = scene_new(c);
	struct custody_unlock u = unlock_of(&s, wrap_of(c, &s));
	struct data_key_row row;
	struct str token[3];
	struct key256 key;

	ck_ok(c, custody_data_key_new(c, s.h.custody, &s.vendor, test_id("key_e"), &key, &row));
	u.locks = ADVPARAMS;
	u.entries_vendor = &s.vendor;
	u.entries_key = &row;
	u.entries_aad = STR("aad");
	for (uint8_t i = 0; i < 3; i++) {
		owned(fd_done) int fd = entries_of(c, &key, i / 2);

		ck_assert_int_eq(lseek(fd, 0, SEEK_SET), 0);
		u.entries = fd;
		token[i] = unlock(c, &s, &u);
		(void)opened(c, &s, token[i]);
	}
	ck_assert(str_same(token[0], token[1]));
	ck_assert(!str_same(nonce_of(token[0]), nonce_of(token[2])));
	ck_assert(!str_same(opened(c, &s, token[0]), opened(c, &s, token[2])));
	scene_done(&s);
}
END_TEST

/* The head of another license, release, artifact or key; and what is no head. */
START_TEST(foreign_heads_refused)
{
	struct ctx *c = test_ctx();
	struct scene s = scene_new(c);
	owned(ec_key_free) struct ec_key *stranger = NULL;
	owned(fd_done) int fd = memfd_create("key", MFD_CLOEXEC);
	struct jose_member four[] = { { "release", STR(RELEASE) }, { "artifact", STR("") },
		{ "license", STR(LICENSE) }, { "more", STR("x") } };
	const struct key256 content = { { 1 } };
	const struct custody_unlock good = unlock_of(&s, wrap_of(c, &s));
	struct custody_unlock u;
	char text[JWE_HEAD_MAX], digits[64];
	struct buf b = BUF(text), hex = BUF(digits);
	struct str half = good.wrap;
	uint64_t n = 77;

	ck_ok(c, ec_key_generate(c, &stranger));
#define REFUSED(code, change)                                                      \
	do {                                                                       \
		u = good;                                                          \
		change;                                                            \
		ck_fails(c, code, custody_unlock_key(c, s.h.custody, &u, fd, &n)); \
	} while (0)
	REFUSED(E_INPUT, u.license = STR(OTHER_LICENSE));
	REFUSED(E_INPUT, u.license = STR(""));
	REFUSED(E_INPUT, u.release = STR(OTHER_RELEASE));
	REFUSED(E_INPUT, u.artifact.b[0] ^= 1);
	REFUSED(E_INPUT, u.jwk = jwk_of(c, stranger));
	REFUSED(E_INPUT, u.wrap.n--);
	REFUSED(E_INPUT, (void)str_cut(&half, '.', &u.wrap));
	REFUSED(E_INPUT, u.wrap = STR("."));
	REFUSED(E_INPUT, u.wrap = STR("e30.AAAA"));
	/* Of another kind of token, or saying more than a head of ours. */
	ck_ok(c, jwe_wrap(c, s.customer, STR("other"), four, 3, &content, &b));
	REFUSED(E_INPUT, u.wrap = buf_str(&b));
	b.n = 0;
	ck_ok(c, jwe_wrap(c, s.customer, STR(UNLOCK_TYP), four, 4, &content, &b));
	REFUSED(E_INPUT, u.wrap = buf_str(&b));
	/* Of nobody's license. */
	hex_put(&hex, s.claims.artifact.b, sizeof s.claims.artifact.b);
	four[1].value = buf_str(&hex);
	b.n = 0;
	ck_ok(c, jwe_wrap(c, s.customer, STR(UNLOCK_TYP), four, 2, &content, &b));
	REFUSED(E_INPUT, {
		u.wrap = buf_str(&b);
		u.license = STR("");
	});
#undef REFUSED
	ck_assert_uint_eq(n, 77);
	ck_assert_int_eq(lseek(fd, 0, SEEK_END), 0);
	scene_done(&s);
}
END_TEST

MAIN("custody-license", ONE(licenses_are_signed_and_wrapped), ONE(licenses_refused),
    ONE(claims_in_other_words), ONE(unlock_keys_behind_a_head), ONE(no_two_keys_have_one_nonce),
    ONE(unlock_keys_with_entries), ONE(foreign_heads_refused))
