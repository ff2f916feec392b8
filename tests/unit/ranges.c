/*
 * Content-Range, Range, Repr-Digest and lists of tags, as anybody may write them.
 */
#include "ranges.h"
#include "test.h"

#define DIGEST "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="
#define OTHER "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFE="

/* ---- Content-Range ------------------------------------------------------------------------- */

static const struct {
	const char *text;
	struct content_range want;
} good_ranges[] = {
	{ "bytes 0-0/1", { 0, 1, 1 } },
	{ "bytes 0-99/200", { 0, 100, 200 } },
	{ "BYTES 100-199/200", { 100, 100, 200 } },
	{ "bytes */5", { -1, 0, 5 } },
	{ "bytes 0-70368744177663/70368744177664", { 0, INT64_C(1) << 46, INT64_C(1) << 46 } },
};

START_TEST(content_ranges_are_read)
{
	struct ctx *c = test_ctx();
	struct content_range r;

	ck_ok(c, content_range_parse(c, str_of(good_ranges[_i].text), &r));
	ck_assert_int_eq(r.from, good_ranges[_i].want.from);
	ck_assert_int_eq(r.n, good_ranges[_i].want.n);
	ck_assert_int_eq(r.size, good_ranges[_i].want.size);
}
END_TEST

static const char *const bad_ranges[] = { "", "bytes", "bytes ", "bytes 0-1", "bytes 0-1/",
	"bytes 0-1/*", "bytes */*", "bytes */0", "bytes 0-1/1", "bytes 1-0/5", "bytes -1/5",
	"bytes 0-/5", "bytes 0-5/5", "bytes 00-1/5", "bytes 0-01/5", "bytes 0-1/05",
	"bytes +0-1/5", "bytes 0 - 1/5", "bytes  0-1/5", "bytes 0-1/5 ", " bytes 0-1/5",
	"bytes=0-1/5", "byte 0-1/5", "bits 0-1/5", "bytes 0-1/5,2-3/5", "bytes 0x0-1/5",
	"bytes 0-1/9223372036854775808", "bytes 0-1/18446744073709551617", "bytes */-1",
	"bytes 18446744073709551616-18446744073709551617/5", "bytes 0-1/70368744177665",
	"bytes 0-1/5/5", "bytes 0-1-2/5", "bytes **/5", "bytes *-1/5" };

START_TEST(odd_content_ranges_are_refused)
{
	struct ctx *c = test_ctx();
	struct content_range r = { 7, 7, 7 };

	if (content_range_parse(c, str_of(bad_ranges[_i]), &r))
		ck_abort_msg("accepted: %s", bad_ranges[_i]);
	ck_err(c, E_USAGE);
	ck_assert_int_eq(r.from + r.n + r.size, 21);
}
END_TEST

/* ---- Repr-Digest --------------------------------------------------------------------------- */

static const char *const good_digests[] = { "sha-256=:" DIGEST ":",
	"sha-512=:AAAA:,sha-256=:" DIGEST ":",
	"sha-256=:" DIGEST ": , md5=:AA==:", " sha-256=:" DIGEST ":\t" };

START_TEST(digests_are_read_and_written)
{
	struct ctx *c = test_ctx();
	struct digest256 d, of_nothing;
	char room[80];
	struct buf b = BUF(room);

	ck_ok(c, sha256(c, STR(""), &of_nothing));
	ck_ok(c, repr_digest_parse(c, str_of(good_digests[_i]), &d));
	ck_assert(digest256_same(&d, &of_nothing));
	repr_digest_put(&b, &d);
	ck_str(buf_str(&b), "sha-256=:" DIGEST ":");
}
END_TEST

static const char *const bad_digests[] = { "", ",", "sha-256",
	"sha-256=", "sha-256=:", "sha-256=::", "sha-256=" DIGEST, "sha-256=:" DIGEST,
	"sha-256:" DIGEST ":", "SHA-256=:" DIGEST ":", "sha-256 =:" DIGEST ":",
	"sha-256=: " DIGEST ":",
	"sha-256=:" DIGEST "=:", "sha-256=:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU:",
	"sha-256=:47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU=:",
	"sha-256=:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFV=:",
	"sha-256=:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSu==:", "sha-256=:" DIGEST ":;x=1",
	"sha-256=:" DIGEST ":, sha-256=:" OTHER ":",
	"sha-256=:" DIGEST ":,sha-256=:" DIGEST ":", "sha-512=:" DIGEST ":",
	"xsha-256=:" DIGEST ":", "sha-256=:47DEQpj8HBSa+/TImW+5\nCeuQeRkm5NMpJWZG3hSuFU=:" };

START_TEST(odd_digests_are_refused)
{
	struct ctx *c = test_ctx();
	struct digest256 d;

	if (repr_digest_parse(c, str_of(bad_digests[_i]), &d))
		ck_abort_msg("accepted: %s", bad_digests[_i]);
	ck_err(c, E_USAGE);
}
END_TEST

START_TEST(no_other_digest_is_read)
{
	struct ctx *c = test_ctx();
	struct digest256 d, again;
	char room[80];

	for (unsigned i = 0; i < 2000; i++) {
		struct buf b = BUF(room);

		c->random(d.b, sizeof d.b);
		repr_digest_put(&b, &d);
		ck_ok(c, repr_digest_parse(c, buf_str(&b), &again));
		ck_assert(digest256_same(&d, &again));
	}
}
END_TEST

/* ---- Range --------------------------------------------------------------------------------- */

/* To a file of 100 bytes. */
static const struct {
	const char *text;
	enum range_kind want;
	int64_t from, n;
} wishes[] = {
	{ "bytes=0-0", RANGE_PART, 0, 1 },
	{ "bytes=0-99", RANGE_PART, 0, 100 },
	{ "bytes=10-19", RANGE_PART, 10, 10 },
	{ "bytes=99-", RANGE_PART, 99, 1 },
	{ "bytes=50-1000", RANGE_PART, 50, 50 },
	{ "bytes=50-99999999999999999999999999", RANGE_PART, 50, 50 },
	{ "bytes=-1", RANGE_PART, 99, 1 },
	{ "bytes=-100", RANGE_PART, 0, 100 },
	{ "bytes=-99999999999999999999999999", RANGE_PART, 0, 100 },
	{ "Bytes= 5-6 ", RANGE_PART, 5, 2 },
	{ "bytes=100-", RANGE_NONE },
	{ "bytes=100-200", RANGE_NONE },
	{ "bytes=99999999999999999999999999-", RANGE_NONE },
	{ "bytes=-0", RANGE_NONE },
	{ "", RANGE_ALL },
	{ "bytes", RANGE_ALL },
	{ "bytes=", RANGE_ALL },
	{ "bytes=-", RANGE_ALL },
	{ "bytes=5", RANGE_ALL },
	{ "bytes=5-4", RANGE_ALL },
	{ "bytes=a-b", RANGE_ALL },
	{ "bytes=--1", RANGE_ALL },
	{ "bytes=1--2", RANGE_ALL },
	{ "bytes=+1-2", RANGE_ALL },
	{ "bytes=1 -2", RANGE_ALL },
	{ "bytes=0-1,3-4", RANGE_ALL },
	{ "bytes 0-1", RANGE_ALL },
	{ "lines=0-1", RANGE_ALL },
	{ "bytes=0x1-2", RANGE_ALL },
};

START_TEST(ranges_are_read_or_ignored)
{
	int64_t from = -7, n = -7;
	enum range_kind kind = range_parse(str_of(wishes[_i].text), 100, &from, &n);

	ck_assert_msg(kind == wishes[_i].want, "%s: %d", wishes[_i].text, kind);
	ck_assert_int_eq(from, kind == RANGE_PART ? wishes[_i].from : -7);
	ck_assert_int_eq(n, kind == RANGE_PART ? wishes[_i].n : -7);
}
END_TEST

START_TEST(an_empty_file_has_no_range)
{
	int64_t from, n;

	ck_assert_int_eq(range_parse(STR("bytes=0-"), 0, &from, &n), RANGE_NONE);
	ck_assert_int_eq(range_parse(STR("bytes=-5"), 0, &from, &n), RANGE_NONE);
	ck_assert_int_eq(range_parse(STR("x"), 0, &from, &n), RANGE_ALL);
}
END_TEST

/* ---- Tags ---------------------------------------------------------------------------------- */

static const struct {
	const char *list;
	bool want;
} lists[] = {
	{ "\"ab\"", true },
	{ "W/\"ab\"", true },
	{ "\"x\", \"ab\"", true },
	{ "\"x\",W/\"ab\" ,\"y\"", true },
	{ "*", true },
	{ " * ", true },
	{ "", false },
	{ ",", false },
	{ "ab", false },
	{ "\"a\"", false },
	{ "\"abc\"", false },
	{ "\"AB\"", false },
	{ "w/\"ab\"", false },
	{ "\"x\", *", false },
};

START_TEST(tags_are_found)
{
	ck_assert_msg(etag_listed(str_of(lists[_i].list), STR("\"ab\"")) == lists[_i].want,
	    "%s", lists[_i].list);
}
END_TEST

MAIN("ranges", EACH(content_ranges_are_read, good_ranges),
    EACH(odd_content_ranges_are_refused, bad_ranges),
    EACH(digests_are_read_and_written, good_digests),
    EACH(odd_digests_are_refused, bad_digests), ONE(no_other_digest_is_read),
    EACH(ranges_are_read_or_ignored, wishes), ONE(an_empty_file_has_no_range),
    EACH(tags_are_found, lists))
