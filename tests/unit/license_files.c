/*
 * The files that carry a license: what is written comes back, in one form only, and nothing that
 * was altered, cut or thought up is read.
 */
#include "license_support.h"

static struct str
payload_of(struct ctx *c, const struct license_claims *l)
{
	struct buf b;

	ck_ok(c, take_buf(c, LICENSE_MAX, &b));
	ck_ok(c, license_claims_put(c, l, &b));
	return buf_str(&b);
}

/* `from` replaced by `to` in a text that has it. */
static struct str
with(struct ctx *c, struct str s, const char *from, const char *to)
{
	char *text = take_cstr(c, s), *at;

	ck_assert_ptr_nonnull(text);
	at = strstr(text, from);
	ck_assert_msg(at != NULL, "no %s in %s", from, text);
	*at = '\0';
	text = take_printf(c, "%s%s%s", text, to, at + strlen(from));
	ck_assert_ptr_nonnull(text);
	return str_of(text);
}

/* ---- Claims ------------------------------------------------------------------------------ */

START_TEST(claims_come_back)
{
	struct ctx *c = test_ctx();
	struct license_claims l = claims_example(), back;
	struct str p = payload_of(c, &l);

	ck_ok(c, license_claims_read(c, p, &back));
	ck_assert_str_eq(back.license.s, LICENSE);
	ck_assert_str_eq(back.vendor.s, VENDOR);
	ck_assert_int_eq(back.expires, l.expires);
	ck_assert_int_eq(back.binding, BIND_MOST);
	ck_assert_uint_eq(back.bound.n, 3);
	ck_assert(digest256_same(&back.artifact, &l.artifact));
	ck_assert(digest256_same(&back.next, &l.next));
	ck_assert_int_eq(back.image, IMAGE_UNLOCK);
	ck_assert(digest256_same(&back.key_image, &l.key_image));
	ck_assert(str_same(payload_of(c, &back), p));
	l.expires = 0;
	l.next = (struct digest256){ 0 };
	l.revocations = (struct str){ 0 };
	l.bound = (struct fingerprint){ 0 };
	ck_ok(c, license_claims_read(c, payload_of(c, &l), &back));
	ck_assert(back.expires == 0 && back.bound.n == 0 && back.revocations.n == 0);
}
END_TEST

/* A license from before there were key images has the form that one without an image has now. */
START_TEST(claims_without_image)
{
	struct ctx *c = test_ctx();
	struct license_claims l = claims_example(), back;
	struct str p;

	l.key_image = (struct digest256){ 0 }; /* asked for, but never made yet */
	p = payload_of(c, &l);
	ck_assert_ptr_nonnull(strstr(take_cstr(c, p), "\"image\":\"unlock\",\"iss\""));
	ck_assert_ptr_null(strstr(take_cstr(c, p), "key_image"));
	ck_ok(c, license_claims_read(c, p, &back));
	ck_assert_int_eq(back.image, IMAGE_UNLOCK);
	ck_assert(digest256_same(&back.key_image, &l.key_image));
	p = with(c, p, "\"image\":\"unlock\",", "");
	back = (struct license_claims){ .image = IMAGE_UNLOCK };
	ck_ok(c, license_claims_read(c, p, &back));
	ck_assert_int_eq(back.image, IMAGE_NONE);
	ck_assert(str_same(payload_of(c, &back), p));
}
END_TEST

/* RFC 8785: members by name. So what is signed is what any canonical writer would write. */
START_TEST(claims_are_canonical)
{
	struct ctx *c = test_ctx();
	struct license_claims l = claims_example();
	struct str p = payload_of(c, &l);
	struct json_part *part;
	size_t n;

	ck_ok(c, json_split(c, p, &part, &n));
	ck_assert_uint_eq(n, 24);
	for (size_t i = 1; i < n; i++) {
		const char *a = take_cstr(c, part[i - 1].key), *b = take_cstr(c, part[i].key);

		ck_assert_int_lt(strcmp(a, b), 0);
	}
	ck_assert_ptr_null(memchr(p.p, ' ', p.n));
}
END_TEST

#define KID "AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE"
#define IMAGE "AwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwM"
#define ZERO "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
static const struct {
	const char *from, *to;
} bad_claims[] = {
	{ "\"iss\":\"ven_", "\"iss\":\"cus_" },
	{ "\"jti\":\"lic_0", "\"jti\":\"lic_g" },
	{ "\"sub\":\"cus_", "\"sub\":\"cus-" },
	{ "\"seats\":2", "\"seats\":0" },
	{ "\"seats\":2", "\"seats\":1000001" },
	{ "\"seats\":2", "\"seats\":2.0" },
	{ "\"seats\":2", "\"seats\":02" },
	{ "\"seats\":2", "\"seats\": 2" },
	{ "\"seats\":2", "\"seats\":2e0" },
	{ "\"seats\":2", "\"seats\":\"2\"" },
	{ "\"seats\":2,", "" },
	{ "\"seats\":2", "\"seats\":2,\"admin\":true" },
	{ "\"seats\":2", "\"seats\":2,\"seats\":2" },
	{ "\"exp\":", "\"exp\":999" },
	{ "\"exp\":1", "\"exp\":-1" },
	{ "\"exp\":1772", "\"exp\":1769" },
	{ "\"lease\":600", "\"lease\":2592001" },
	{ "\"offline\":604800", "\"offline\":316224001" },
	{ "\"tolerance\":300", "\"tolerance\":86401" },
	{ "\"binding\":\"most\"", "\"binding\":\"none\"" },
	{ "\"binding\":\"most\"", "\"binding\":\"Most\"" },
	{ "\"bound\":\"A", "\"bound\":\"B" },
	{ "\"components\":[\"product\",\"machine-id\"",
	    "\"components\":[\"machine-id\",\"product\"" },
	{ "\"components\":[\"product\",\"machine-id\",\"disk\",\"tpm\"]", "\"components\":[]" },
	{ "\"run\"", "\"run\",\"run\"" },
	{ "\"run\"", "\"r\\u0075n\"" },
	{ "\"run\"", "\"r n\"" },
	{ "\"https:", "\"http:" },
	{ "\"artifact\":\"a7", "\"artifact\":\"A7" },
	{ "\"artifact\":\"a7", "\"artifact\":\"" },
	{ "\"keys\":[\"A", "\"keys\":[\"*" },
	{ "\"image\":\"unlock\"", "\"image\":\"none\"" },
	{ "\"image\":\"unlock\",", "" }, /* which picture, but it is not asked for */
	{ "\"image\":\"unlock\"", "\"image\":\"maybe\"" },
	{ "\"image\":\"unlock\"", "\"image\":1" },
	{ "\"key_image\":\"A", "\"key_image\":\"" },
	{ "\"key_image\":\"A", "\"key_image\":\"*" },
	{ "\"key_image\":\"" IMAGE "\"", "\"key_image\":\"" ZERO "\"" },
	{ "\"key_image\":\"" IMAGE "\"", "\"key_image\":null" },
	{ "\"keys\":[\"", "\"keys\":[],\"x\":[\"" },
	{ "\"keys\":[\"", "\"keys\":[\"" KID "\",\"" },
	{ "\"stale\":\"refused\"", "\"stale\":\"maybe\"" },
	{ "{\"artifact\"", " {\"artifact\"" },
	{ "300}", "300} " },
	{ "300}", "300}x" },
	{ "300}", "300" },
};

START_TEST(claims_refuse)
{
	struct ctx *c = test_ctx();
	struct license_claims l = claims_example(), back = { .seats = 77 };
	struct str bad = with(c, payload_of(c, &l), bad_claims[_i].from, bad_claims[_i].to);

	ck_assert_msg(!license_claims_read(c, bad, &back), "%s", bad.p);
	ck_assert_int_ne(c->err.code, E_NONE);
	ck_assert_str_ne(c->err.text, "");
	ck_assert_int_eq(back.seats, 77);
}
END_TEST

START_TEST(claims_bear_no_cut_and_no_flip)
{
	struct ctx *c = test_ctx();
	struct license_claims l = claims_example(), back;
	char text[4096];
	struct buf b = BUF(text);
	size_t read = 0;

	buf_put(&b, payload_of(c, &l));
	ck_assert(!b.full);
	for (size_t n = 0; n < b.n; n++)
		ck_assert(!license_claims_read(c, (struct str){ text, n }, &back));
	for (size_t i = 0; i < b.n * 8; i++) {
		arena_reset(c->mem);
		text[i / 8] ^= (char)(1 << i % 8);
		/* Still a license, of other content: then it is exactly that content's form. */
		if (license_claims_read(c, buf_str(&b), &back)) {
			read++;
			ck_assert(str_same(payload_of(c, &back), buf_str(&b)));
		}
		text[i / 8] ^= (char)(1 << i % 8);
	}
	ck_assert_uint_gt(read, 100); /* digits of numbers, ids and digests */
}
END_TEST

/* What cannot be read is not written: nobody gets a signature on it. */
START_TEST(claims_are_checked_before_signing)
{
	struct ctx *c = test_ctx();
	char room[LICENSE_MAX];
	struct buf b = BUF(room);
	struct license_claims l = claims_example();

	l.seats = 0;
	ck_fails(c, E_INPUT, license_claims_put(c, &l, &b));
	l = claims_example();
	l.expires = l.not_before;
	ck_fails(c, E_INPUT, license_claims_put(c, &l, &b));
	l = claims_example();
	l.issued = l.expires;
	ck_fails(c, E_INPUT, license_claims_put(c, &l, &b));
	l = claims_example();
	l.vendor.s[0] = 'x';
	ck_fails(c, E_ABSENT, license_claims_put(c, &l, &b));
	l = claims_example();
	l.image = IMAGE_NONE;
	ck_fails(c, E_INPUT, license_claims_put(c, &l, &b));
	ck_assert_uint_eq(b.n, 0);
}
END_TEST

START_TEST(claims_name_keys)
{
	struct ctx *c = test_ctx();
	struct license_claims l = claims_example();
	char kid[64];
	struct buf b = BUF(kid);

	(void)c;
	base64url_put(&b, l.next.b, 32);
	ck_assert(license_names_key(&l, buf_str(&b)));
	l.next = (struct digest256){ 0 };
	ck_assert(!license_names_key(&l, buf_str(&b)));
	b.n = 0;
	base64url_put(&b, l.next.b, 32);
	ck_assert(!license_names_key(&l, buf_str(&b))); /* none is no key */
	ck_assert(!license_names_key(&l, STR("")));
}
END_TEST

/* ---- Revocations ------------------------------------------------------------------------- */

static struct uuid *
uuids(struct ctx *c, size_t n)
{
	struct uuid *v = take(c, n * sizeof *v);

	ck_assert_ptr_nonnull(v);
	for (size_t i = 0; i < n; i++) {
		struct id id = id_new(c, "lic");

		ck_ok(c, uuid_of(c, &id, &v[i]));
	}
	ck_assert_uint_eq(uuids_sort(v, n), n);
	return v;
}

static struct str
list_payload(struct ctx *c, const struct revocations *r)
{
	struct buf b;

	ck_ok(c, take_buf(c, revocations_size(r), &b));
	ck_ok(c, revocations_put(c, r, &b));
	return buf_str(&b);
}

/* 10^5 of them: the size is as announced, and exactly those are found. */
START_TEST(lists_of_any_length)
{
	static const size_t lengths[] = { 0, 1, 2, 1000, 100000 };
	struct ctx *c = test_ctx();
	size_t n = lengths[_i];
	struct uuid *v = uuids(c, n + 2);
	struct revocations r = { .vendor = { VENDOR },
		.number = 9,
		.this_update = NOW,
		.next_update = NOW + DAY,
		.revoked = v,
		.revoked_n = n / 2,
		.suspended = v + n / 2,
		.suspended_n = n - n / 2 },
			   back;
	struct str p = list_payload(c, &r);

	ck_assert_uint_lt(p.n, 250 + n * 22);
	ck_ok(c, revocations_read(c, p, &back));
	ck_assert_uint_eq(back.revoked_n, n / 2);
	ck_assert_int_eq(back.number, 9);
	for (size_t i = 0; i < n; i++)
		ck_assert_int_eq(revocations_find(&back, &v[i]),
		    i < n / 2 ? LICENSE_REVOKED : LICENSE_SUSPENDED);
	ck_assert_int_eq(revocations_find(&back, &v[n]), LICENSE_ACTIVE);
	ck_assert_int_eq(revocations_find(&back, &v[n + 1]), LICENSE_ACTIVE);
}
END_TEST

#define LIST(revoked, suspended)                                           \
	"{\"iss\":\"" VENDOR                                               \
	"\",\"nextUpdate\":1769947201,\"number\":1,\"revoked\":\"" revoked \
	"\",\"suspended\":\"" suspended "\",\"thisUpdate\":1769947200}"

START_TEST(lists_refuse)
{
	struct ctx *c = test_ctx();
	struct uuid *v = uuids(c, 4), swapped[2] = { v[1], v[0] };
	struct revocations good = { .vendor = { VENDOR },
		.number = 1,
		.this_update = NOW,
		.next_update = NOW + 1,
		.revoked = v,
		.revoked_n = 2,
		.suspended = v + 2,
		.suspended_n = 2 },
			   r = good;
	struct str p = list_payload(c, &good);
	char room[4096];
	struct buf b = BUF(room);

	r.revoked = swapped;
	ck_fails(c, E_INPUT, revocations_put(c, &r, &b));
	r = good;
	r.suspended = v + 1; /* one in both */
	ck_fails(c, E_INPUT, revocations_put(c, &r, &b));
	r = good;
	r.number = 0;
	ck_fails(c, E_INPUT, revocations_put(c, &r, &b));
	r = good;
	r.next_update = r.this_update;
	ck_fails(c, E_INPUT, revocations_put(c, &r, &b));
	r = good;
	r.revoked_n = REVOCATIONS_ENTRIES;
	ck_fails(c, E_LIMIT, revocations_put(c, &r, &b));
	ck_assert_uint_eq(b.n, 0);
	ck_ok(c, revocations_read(c, p, &r));
	ck_assert(!revocations_read(c, with(c, p, "\"number\":1", "\"number\":0"), &r));
	ck_assert(!revocations_read(c, with(c, p, "\"number\":1", "\"number\": 1"), &r));
	ck_assert(!revocations_read(c, with(c, p, "ven_", "lic_"), &r));
	ck_assert(!revocations_read(c, with(c, p, "\"revoked\":\"", "\"revoked\":\"AAAA"), &r));
	for (size_t n = 0; n < p.n; n++)
		ck_assert(!revocations_read(c, (struct str){ p.p, n }, &r));
	/* One entry, then two that fall or are the same, or one that is in both. */
	p = STR(LIST("AAAAAAAAAAAAAAAAAAAAAQ", "AAAAAAAAAAAAAAAAAAAAAg"));
	ck_ok(c, revocations_read(c, p, &r));
	p = STR(LIST("AAAAAAAAAAAAAAAAAAAAAQAAAAAAAAAAAAAAAAAAAAA", ""));
	ck_fails(c, E_INPUT, revocations_read(c, p, &r));
	p = STR(LIST("AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", ""));
	ck_fails(c, E_INPUT, revocations_read(c, p, &r));
	p = STR(LIST("AAAAAAAAAAAAAAAAAAAAAQ", "AAAAAAAAAAAAAAAAAAAAAQ"));
	ck_fails(c, E_INPUT, revocations_read(c, p, &r));
}
END_TEST

START_TEST(uuids_sort_and_drop)
{
	struct uuid v[] = { { { 3 } }, { { 1 } }, { { 3 } }, { { 2 } }, { { 1 } } };

	ck_assert_uint_eq(uuids_sort(v, COUNT(v)), 3);
	ck_assert_uint_eq(v[0].b[0], 1);
	ck_assert_uint_eq(v[2].b[0], 3);
	ck_assert_uint_eq(uuids_sort(v, 0), 0);
}
END_TEST

/* ---- Last seen --------------------------------------------------------------------------- */

START_TEST(records_come_back)
{
	struct ctx *c = test_ctx();
	owned(ec_key_free) struct ec_key *one = NULL, *other = NULL;
	const struct id id = { LICENSE }, id2 = id_new(c, "lic");
	struct last_seen s = { .license = id, .time = NOW, .number = 7, .uses = 3 }, back;
	struct key256 k, k2, k3;
	char room[LAST_SEEN_SIZE];
	struct buf b = BUF(room);

	ck_ok(c, ec_key_generate(c, &one));
	ck_ok(c, ec_key_generate(c, &other));
	ck_ok(c, last_seen_key(c, one, &id, &k));
	ck_ok(c, last_seen_key(c, one, &id2, &k2));
	ck_ok(c, last_seen_key(c, other, &id, &k3));
	ck_ok(c, last_seen_put(c, &k, &s, &b));
	ck_assert_uint_eq(b.n, LAST_SEEN_SIZE);
	ck_ok(c, last_seen_read(c, &k, buf_str(&b), &back));
	ck_assert(back.time == NOW && back.number == 7 && back.uses == 3);
	ck_fails(c, E_INTEGRITY, last_seen_read(c, &k2, buf_str(&b), &back));
	ck_fails(c, E_INTEGRITY, last_seen_read(c, &k3, buf_str(&b), &back));
	for (size_t n = 0; n < b.n; n++)
		ck_fails(c, E_INPUT, last_seen_read(c, &k, (struct str){ room, n }, &back));
	for (size_t i = 0; i < b.n * 8; i++) {
		room[i / 8] ^= (char)(1 << i % 8);
		ck_assert(!last_seen_read(c, &k, buf_str(&b), &back));
		room[i / 8] ^= (char)(1 << i % 8);
	}
}
END_TEST

START_TEST(records_never_fall)
{
	struct last_seen s = { .issued = NOW, .time = NOW, .number = 5, .uses = 9 };

	s = last_seen_next(s, NOW, NOW - DAY, 3);
	ck_assert(s.time == NOW && s.number == 5 && s.uses == 10);
	s = last_seen_next(s, NOW - DAY, NOW + DAY, 6);
	ck_assert(s.time == NOW + DAY && s.number == 6 && s.uses == 11 && s.issued == NOW);
	/* A license of a later issue: the vendor has said what time it is. */
	s = last_seen_next(s, NOW + 10, NOW + 20, 1);
	ck_assert(s.time == NOW + 20 && s.number == 6 && s.uses == 12);
	s.uses = INT64_MAX;
	ck_assert_int_eq(last_seen_next(s, 0, 0, 0).uses, INT64_MAX);
}
END_TEST

MAIN("license_files", ONE(claims_come_back), ONE(claims_without_image),
    ONE(claims_are_canonical), EACH(claims_refuse, bad_claims),
    ONE(claims_bear_no_cut_and_no_flip), ONE(claims_are_checked_before_signing),
    ONE(claims_name_keys), { lists_of_any_length, 5 }, ONE(lists_refuse),
    ONE(uuids_sort_and_drop), ONE(records_come_back), ONE(records_never_fall))
