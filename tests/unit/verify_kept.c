/*
 * What a release's job leaves for those who verify later: its fingerprint, with which no data are
 * needed any more and nothing else is found, and how its positions were drawn.
 */
#include "verify_house.h"

enum { ENTRIES = 1, FINGERPRINT = 4 }; /* of a protection's outputs */

/* A release of pictures that the model knows, as far as the files go. */
static void
known(struct ctx *c, struct house *h)
{
	const char *root = getenv("SOURCE_ROOT");

	house_new(c, h);
	ck_ok(c,
	    file_read(c, 0, take_printf(c, "%s/tests/data/samples/fashion-images.gz", root),
		1 << 20, &h->samples));
	ck_ok(c,
	    file_read(c, 0, take_printf(c, "%s/tests/data/samples/fashion-labels.gz", root),
		1 << 20, &h->labels));
}

/* A member of an object in the result of a job, as text. */
static struct str
member(struct ctx *c, struct str object, const char *name)
{
	struct json_part *part, found;
	size_t n;

	ck_ok(c, json_split(c, object, &part, &n));
	ck_assert_msg(json_find(part, n, name, &found), "%s", name);
	return found.value;
}

/* ---- Fingerprints ------------------------------------------------------------------------ */

START_TEST(a_kept_fingerprint_finds_what_data_find)
{
	struct ctx *c = house_ctx();
	struct house_made with_data, with_print, made;
	struct house_case k = { .data = true };
	struct evidence a, b;
	struct house h;
	struct str print;

	known(c, &h);
	house_protect(c, &h, ",\"lock\":\"sealed\"", &made);
	ck_assert_uint_gt(made.out[FINGERPRINT].n, 100000);
	k.suspect = house_copy(c, &h, 9);
	k.null = h.model;
	a = house_verdict(c, &h, &k, VERDICT_PROVEN, &with_data);
	k.data = false;
	k.print = made.out[FINGERPRINT];
	print = member(c, made.result, "fingerprint");
	k.more = str_of(take_printf(
	    c, ",\"fingerprint_commitment\":\"%.*s\"", STRF(member(c, print, "sha256"))));
	b = house_verdict(c, &h, &k, VERDICT_PROVEN, &with_print);
	ck_assert(b.test[TEST_FINGERPRINT].ran && b.test[TEST_BOUNDARY].ran);
	ck_assert_mem_eq(&a.test[TEST_FINGERPRINT], &b.test[TEST_FINGERPRINT],
	    sizeof b.test[TEST_FINGERPRINT]);
	ck_assert_mem_eq(
	    &a.test[TEST_BOUNDARY], &b.test[TEST_BOUNDARY], sizeof b.test[TEST_BOUNDARY]);
	ck_assert_uint_eq(a.pictures, b.pictures);
	for (size_t i = 0; i < b.pictures; i++)
		ck_assert_mem_eq(a.picture[i].suspect, b.picture[i].suspect, 28 * 28);
	/* The vendor is committed to it. */
	ck_assert_uint_eq(b.commitments, a.commitments + 1);
	ck_assert_str_eq(b.commitment[b.commitments - 1].what, "fingerprint");
}
END_TEST

START_TEST(another_fingerprint_ends_the_job)
{
	struct ctx *c = house_ctx();
	struct house_made made, ret;
	struct house_case k = { .keys = true };
	struct house h;
	char *other;

	house_new(c, &h);
	house_protect(c, &h, ",\"lock\":\"sealed\"", &made);
	k.suspect = h.artifact;
	other = take(c, made.out[FINGERPRINT].n);
	memcpy(other, made.out[FINGERPRINT].p, made.out[FINGERPRINT].n);
	k.print = (struct str){ other, made.out[FINGERPRINT].n };
	ck_ok(c, house_verify(c, &h, &k, &ret));
	other[8] = (char)~other[8];
	ck_fails(c, E_INTEGRITY, house_verify(c, &h, &k, &ret));
	other[8] = (char)~other[8];
	k.print.n--;
	ck_fails(c, E_INTEGRITY, house_verify(c, &h, &k, &ret));
	k.print.n++;
	k.more = STR(",\"fingerprint_commitment\":"
		     "\"0000000000000000000000000000000000000000000000000000000000000001\"");
	ck_fails(c, E_INTEGRITY, house_verify(c, &h, &k, &ret));
}
END_TEST

START_TEST(without_data_there_is_none)
{
	struct ctx *c = house_ctx();
	struct house_made made;
	struct house h;

	house_new(c, &h);
	h.samples = h.labels = STR("");
	house_protect(c, &h, ",\"lock\":\"sealed\"", &made);
	ck_assert_uint_eq(made.out[FINGERPRINT].n, 0);
	ck_assert(str_same(member(c, made.result, "fingerprint"), STR("null")));
	ck_assert(str_same(member(c, made.result, "lock"), STR("null")));
}
END_TEST

/* ---- Locks ------------------------------------------------------------------------------- */

/* The options that a lock was made with, as they are handed on; without that they are unknown. */
START_TEST(a_lock_is_known_again_by_its_options)
{
	struct ctx *c = house_ctx();
	struct house_case k = { .data = true, .unmarked = true };
	struct house_made made, ret;
	struct evidence e;
	struct house h;
	struct str lock;

	known(c, &h);
	house_protect(c, &h,
	    ",\"lock\":\"advparams\",\"lock_set\":90,\"validation\":60,\"alpha\":0.15,\"phi\":6,"
	    "\"layers\":[\"a\",\"b\"]",
	    &made);
	ck_assert(str_same(member(c, made.result, "layers"), STR("[\"a\",\"b\"]")));
	lock = member(c, made.result, "lock");
	ck_assert(str_same(member(c, lock, "mode"), STR("pooled")));
	ck_assert(str_same(member(c, lock, "lock_set"), STR("50")));
	k.suspect = made.out[0];
	k.entries = made.out[ENTRIES];
	ck_ok(c, house_verify(c, &h, &k, &ret));
	ck_ok(c, evidence_read(c, ret.out[0], &e));
	ck_assert(!e.test[TEST_LOCK_KEY].ran);
	ck_assert_ptr_nonnull(strstr(e.test[TEST_LOCK_KEY].why, "cannot be drawn again"));
	/* Its members, without the braces. */
	k.more = str_of(take_printf(c, ",%.*s", (int)lock.n - 2, lock.p + 1));
	ck_ok(c, house_verify(c, &h, &k, &ret));
	ck_ok(c, evidence_read(c, ret.out[0], &e));
	ck_assert_msg(e.test[TEST_LOCK_KEY].ran, "%s", e.test[TEST_LOCK_KEY].why);
	ck_assert_double_lt(e.test[TEST_LOCK_KEY].log10_p, -4);
}
END_TEST

MAIN("verify_kept", ONE(a_kept_fingerprint_finds_what_data_find),
    ONE(another_fingerprint_ends_the_job), ONE(without_data_there_is_none),
    ONE(a_lock_is_known_again_by_its_options))
