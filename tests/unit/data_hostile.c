/*
 * Data sets that are cut, changed, or claim what they do not hold: each ends with a sentence,
 * none with a crash or with memory taken for a claim.
 */
#include <fcntl.h>
#include <stdio.h>
#include <sys/resource.h>
#include <unistd.h>

#include "data_files.h"

#define FAR ((size_t)1 << 50) /* no limit of the caller's gets in the way */

static bool
open_and_load(struct ctx *c, struct str file, enum data_role role, size_t max)
{
	owned(data_close) struct data_reader *r = NULL;
	owned(data_samples_done) struct data_samples s = { 0 };
	owned(data_labels_done) struct data_labels l = { 0 };
	struct data_source source = data_source_bytes(&file);

	if (!data_open(c, &source, role, STR(""), &r))
		return false;
	return role == DATA_SAMPLES ? data_samples_load(c, r, max, &s)
				    : data_labels_load(c, r, 10, &l);
}

/* The load fails so, and the sentence says it. */
static void
expect(struct ctx *c, struct str file, enum data_role role, size_t max, enum err_code want,
    const char *words)
{
	ck_assert(!open_and_load(c, file, role, max));
	ck_assert_msg(
	    strstr(c->err.text, words) != NULL, "'%s' does not say '%s'", c->err.text, words);
	ck_err(c, want);
}

/* ---- NPY headers ------------------------------------------------------------------------- */

#define HEAD(descr, order, shape) \
	"{'descr': '" descr "', 'fortran_order': " order ", 'shape': " shape ", }\n"

static const struct {
	const char *header, *words;
	enum data_role role;
} header_cases[] = {
	{ HEAD("|u1", "True", "(2, 2)"), "ascontiguousarray" },
	{ HEAD("|u1", "Maybe", "(2, 2)"), "malformed" },
	{ HEAD("|u1", "False", "(-2, -2)"), "malformed" },
	{ HEAD("|u1", "False", "(2, 2.0)"), "malformed" },
	{ HEAD("|u1", "False", "(2 2)"), "malformed" },
	{ HEAD("|u1", "False", "(,2)"), "malformed" },
	{ HEAD("|u1", "False", "[2, 2]"), "malformed" },
	{ HEAD("|u1", "False", "(02, 2)"), "malformed" },
	{ HEAD("|u1", "False", "(2, 2"), "malformed" },
	{ HEAD("|u1", "False", "()"), "at least two dimensions" },
	{ HEAD("|u1", "False", "(4,)"), "at least two dimensions" },
	{ HEAD("|u1", "False", "(0, 4)"), "dimension 1 of the data is 0" },
	{ HEAD("|u1", "False", "(4, 0)"), "dimension 2 of the data is 0" },
	{ HEAD("|u1", "False", "(1, 1, 1, 1, 4)"), "more than 4 dimensions" },
	{ HEAD("|u1", "False", "(1000000000, 1000)"), "claims more" },
	{ HEAD("|u1", "False", "(4294967296, 4294967296)"), "claims more" },
	{ HEAD("|u1", "False", "(900000000000000000, 20)"), "claims more" },
	{ HEAD("|u1", "False", "(9223372036854775808, 2)"), "malformed" },
	{ HEAD("|u1", "False", "(4294967296, 4294967296, 4294967296, 4294967296)"),
	    "claims more" },
	{ HEAD("<f8", "False", "(600000000000000000, 4)"), "claims more" },
	{ HEAD("|u1", "False", "(1, 3)"), "longer than its header" },
	{ HEAD("|u1", "False", "(1, 5)"), "claims more" },
	{ HEAD("<i4", "False", "(1, 1)"), "samples are uint8 or float32, not int32" },
	{ HEAD("<f2", "False", "(1, 2)"), "of type <f2" },
	{ HEAD("<c8", "False", "(1, 1)"), "of type <c8" },
	{ HEAD("|O", "False", "(1, 1)"), "of type |O" },
	{ HEAD("|S4", "False", "(1, 1)"), "of type |S4" },
	{ HEAD("\x1b[2J", "False", "(1, 1)"), "of type \\x1b[2J" },
	{ HEAD("<M8[ns]", "False", "(1, 1)"), "of type" },
	{ "{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (1, 1), }", "plain" },
	{ "{'descr': '|u1', 'shape': (2, 2), }", "malformed" },
	{ "{'descr': '|u1', 'descr': '|u1', 'fortran_order': False, 'shape': (2, 2)}",
	    "twice" },
	{ "{'shape': (1, 1), 'shape': (2, 2), 'fortran_order': False, 'descr': '|u1'}",
	    "too many" },
	{ "{'descr': '|u1', 'fortran_order': False, 'shape': (2, 2), 'more': 1}", "too many" },
	{ "{'descr': '|u1', 'fortran_order': False, 'shape': (2, 2), } }", "malformed" },
	{ "{'descr': '|u1' 'fortran_order': False, 'shape': (2, 2), }", "malformed" },
	{ "{'descr: |u1, fortran_order: False, shape: (2, 2), }", "malformed" },
	{ "{{{{{{{{", "malformed" },
	{ "", "malformed" },
	{ HEAD("<f4", "False", "(1,)"), "whole numbers, not float32", DATA_LABELS },
	{ HEAD("|u1", "False", "(2, 1, 2)"), "one number or one row", DATA_LABELS },
	{ HEAD("|u1", "False", "()"), "one number or one row", DATA_LABELS },
	{ HEAD("<u4", "False", "(1,)"), "label 0 is 67305985", DATA_LABELS },
	{ HEAD("|u1", "False", "(1000000000000,)"), "claims more", DATA_LABELS },
};

START_TEST(npy_headers)
{
	struct ctx *c = test_ctx();

	expect(c, npy_with(c, header_cases[_i].header, STR("\x01\x02\x03\x04")),
	    header_cases[_i].role, FAR, E_INPUT, header_cases[_i].words);
}
END_TEST

START_TEST(npy_versions)
{
	struct ctx *c = test_ctx();

	expect(c, STR("\x93NUMPY\x00\x00\x00\x00"), 0, FAR, E_INPUT, "version 0.0");
	expect(c, STR("\x93NUMPY\x04\x00\x00\x00"), 0, FAR, E_INPUT, "version 4.0");
	expect(c, STR("\x93NUMPY\x01\x01\x00\x00"), 0, FAR, E_INPUT, "version 1.1");
	/* A header of 4 GB. */
	expect(c, STR("\x93NUMPY\x02\x00\xff\xff\xff\xff{'descr'"), 0, FAR, E_INPUT,
	    "header of 4294967295 bytes");
	expect(c, STR("\x93NUMPY\x01\x00\x88\x13{'descr'"), 0, FAR, E_INPUT,
	    "header of 5000 bytes");
	expect(c, STR("\x93NUMPY\x01\x00\xff\x0f{'descr'"), 0, FAR, E_INPUT, "too early");
}
END_TEST

/* ---- IDX headers ------------------------------------------------------------------------- */

static const struct {
	int type, rank;
	uint32_t dim[5];
	const char *words;
} idx_cases[] = {
	{ 0x07, 2, { 2, 2 }, "no type 0x07" },
	{ 0x00, 2, { 2, 2 }, "no type 0x00" },
	{ 0x08, 0, { 0 }, "of 0 dimensions" },
	{ 0x08, 5, { 1, 1, 1, 1, 4 }, "of 5 dimensions" },
	{ 0x08, 1, { 4 }, "at least two dimensions" },
	{ 0x08, 2, { 0, 4 }, "dimension 1 of the data is 0" },
	{ 0x08, 2, { UINT32_MAX, UINT32_MAX }, "claims more" },
	{ 0x08, 4, { UINT32_MAX, UINT32_MAX, UINT32_MAX, UINT32_MAX }, "claims more" },
	{ 0x0e, 3, { 1u << 31, 1u << 31, 1u << 31 }, "claims more" },
	{ 0x08, 2, { 1, 5 }, "claims more" },
	{ 0x08, 2, { 1, 3 }, "longer than its header" },
	{ 0x0c, 2, { 1, 1 }, "not int32" },
};

START_TEST(idx_headers)
{
	struct ctx *c = test_ctx();

	expect(c,
	    idx(c, idx_cases[_i].type, idx_cases[_i].dim, idx_cases[_i].rank,
		STR("\x01\x02\x03\x04")),
	    DATA_SAMPLES, FAR, E_INPUT, idx_cases[_i].words);
}
END_TEST

/* ---- What no header says ----------------------------------------------------------------- */

START_TEST(labels_out_of_range)
{
	struct ctx *c = test_ctx();

	expect(c, npy(c, "|u1", "(3,)", STR("\x00\x09\x0a")), DATA_LABELS, FAR, E_INPUT,
	    "label 2 is 10: the classes are 0 to 9");
	expect(c, npy(c, "|i1", "(2,)", STR("\x00\xff")), DATA_LABELS, FAR, E_INPUT,
	    "label 1 is -1");
	expect(c, npy(c, "<u8", "(1,)", STR("\xff\xff\xff\xff\xff\xff\xff\xff")), DATA_LABELS,
	    FAR, E_INPUT, "larger than 2^63");
}
END_TEST

START_TEST(numbers_that_are_none)
{
	struct ctx *c = test_ctx();
	/* Infinite, not a number, and too large for a float. */
	const struct str bad[] = { STR("\x00\x00\x80\x7f"), STR("\x00\x00\xc0\xff"),
		STR("\x00\x00\x00\x00\x00\x00\xf0\x7e") };

	for (size_t i = 0; i < COUNT(bad); i++)
		expect(c, npy(c, i < 2 ? "<f4" : "<f8", "(1, 1)", bad[i]), DATA_SAMPLES, FAR,
		    E_INPUT, "not a finite");
}
END_TEST

START_TEST(what_is_no_data)
{
	struct ctx *c = test_ctx();

	expect(c, STR(""), 0, FAR, E_INPUT, "too early");
	expect(c, STR("\x89PNG\r\n\x1a\n1234567890"), 0, FAR, E_INPUT, "neither NPY");
	expect(c, STR("PK\x03\x04 but no archive at all"), 0, FAR, E_INPUT, "no zip");
	expect(c, STR("\x1f\x8b but nothing packed"), 0, FAR, E_INPUT, "damaged");
	expect(c, gzipped(c, STR("neither of these")), 0, FAR, E_INPUT, "neither NPY");
}
END_TEST

START_TEST(larger_than_allowed)
{
	struct ctx *c = test_ctx();

	expect(c, npy(c, "|u1", "(2, 2)", STR("1234")), DATA_SAMPLES, 3, E_LIMIT,
	    "more than 3 bytes");
}
END_TEST

/* ---- Every form, cut and changed --------------------------------------------------------- */

/* NPY or IDX, plain or under gzip, and archives of either kind. */
static const int forms[] = { 0, 1, 2, 3, 4, 5 };

static struct str
form(struct ctx *c, int which)
{
	static const uint32_t dim[] = { 4, 2, 3 };
	struct str payload = STR("abcdefghijklmnopqrstuvwx"), file;
	struct zip_part part = { "x.npy", { "", 0 } };

	file = which % 2 == 0 ? npy(c, "|u1", "(4, 2, 3)", payload)
			      : idx(c, 0x08, dim, 3, payload);
	if (which == 2 || which == 3)
		return gzipped(c, file);
	if (which < 2)
		return file;
	part.bytes = npy(c, "<f4", "(1, 2, 3)", payload);
	return zipped(c, &part, 1, which == 4);
}

/* Bytes of their own, so that a sanitizer sees what is read beyond them. */
static bool
load_copy(struct ctx *c, struct str bytes)
{
	char *own = malloc(bytes.n + (bytes.n == 0));
	bool ok;

	ck_assert_ptr_nonnull(own);
	memcpy(own, bytes.p, bytes.n);
	ok = open_and_load(c, (struct str){ own, bytes.n }, DATA_SAMPLES, 1 << 20);
	free(own);
	return ok;
}

START_TEST(cut_anywhere)
{
	struct ctx *c = test_ctx();
	struct str whole = form(c, forms[_i]);

	ck_ok(c, load_copy(c, whole));
	for (size_t n = 0; n < whole.n; n++)
		ck_fails(c, E_INPUT, load_copy(c, (struct str){ whole.p, n }));
}
END_TEST

START_TEST(longer_by_a_byte)
{
	struct ctx *c = test_ctx();
	struct str whole = form(c, forms[_i]);

	/* An archive is found from its end: libzip overlooks a byte behind it, as unzip does. */
	if (forms[_i] < 4)
		ck_fails(c, E_INPUT,
		    load_copy(c, joined(c, (const struct str[]){ whole, STR("\x00") }, 2)));
}
END_TEST

START_TEST(mutations)
{
	struct ctx *c = test_ctx();
	struct str whole = form(c, forms[_i]);
	size_t accepted = 0;

	for (int i = 0; i < 10000; i++) {
		char bytes[1024];
		uint32_t dice[6];

		ck_assert_uint_le(whole.n, sizeof bytes);
		memcpy(bytes, whole.p, whole.n);
		c->random(dice, sizeof dice);
		for (size_t k = 0; k <= dice[0] % 4; k++)
			bytes[dice[1 + k] % whole.n] ^= (char)(1 << dice[1 + k] / whole.n % 8);
		if (load_copy(c, (struct str){ bytes, whole.n })) {
			accepted++;
			continue;
		}
		if (c->err.code == E_LIMIT)
			ck_err(c, E_LIMIT);
		else
			ck_err(c, E_INPUT);
	}
	ck_assert_uint_lt(accepted, 9900);
}
END_TEST

/* ---- Bombs ------------------------------------------------------------------------------- */

#define BOMB ((size_t)16 << 20)

#if defined(__SANITIZE_ADDRESS__)
#define SANITIZED true
#elif defined(__has_feature)
#define SANITIZED (__has_feature(address_sanitizer) != 0)
#else
#define SANITIZED false
#endif

/* From here on this process gets a megabyte more and no more; a sanitizer needs more itself. */
static void
megabyte_left(void)
{
	owned(fd_done) int fd = open("/proc/self/statm", O_RDONLY | O_CLOEXEC);
	char text[128] = "";
	long pages = 0;
	struct rlimit most;

	if (SANITIZED)
		return;
	ck_assert_int_gt(read(fd, text, sizeof text - 1), 0);
	ck_assert_int_eq(sscanf(text, "%*d %*d %*d %*d %*d %ld", &pages), 1);
	most.rlim_cur = most.rlim_max = (rlim_t)(pages * sysconf(_SC_PAGESIZE)) + (1 << 20);
	ck_assert_int_eq(setrlimit(RLIMIT_DATA, &most), 0);
}

START_TEST(bombs_are_not_unpacked)
{
	struct ctx *c = test_ctx();
	struct str head = npy(c, "|u1", "(2, 2)", STR("1234"));
	struct str zeros = { take(c, BOMB), BOMB };
	struct zip_part part = { "x.npy", joined(c, (const struct str[]){ head, zeros }, 2) };
	struct str gz = gzipped(c, part.bytes), zip = zipped(c, &part, 1, true);

	megabyte_left();
	expect(c, gz, DATA_SAMPLES, FAR, E_INPUT, "longer than its header");
	expect(c, zip, DATA_SAMPLES, FAR, E_INPUT, "longer than its header");
}
END_TEST

/* A file cannot hold what deflate could not have packed into it. */
static const char *const claims[] = { "(1000000000, 100)", "(1000, 1000)" };

START_TEST(claims_of_what_cannot_be_there)
{
	struct ctx *c = test_ctx();
	struct str small = npy(c, "|u1", claims[_i], STR("1234"));
	struct zip_part part = { "x.npy", small };
	struct str gz = gzipped(c, small), deflated = zipped(c, &part, 1, true);
	struct str stored = zipped(c, &part, 1, false);

	megabyte_left();
	expect(c, small, DATA_SAMPLES, FAR, E_INPUT, "claims more");
	expect(c, gz, DATA_SAMPLES, FAR, E_INPUT, "claims more");
	expect(c, deflated, DATA_SAMPLES, FAR, E_INPUT, "claims more");
	expect(c, stored, DATA_SAMPLES, FAR, E_INPUT, "claims more");
}
END_TEST

/* An archive's own word for the size of an entry counts no more than a header's. */
START_TEST(archives_that_lie)
{
	struct ctx *c = test_ctx();
	struct zip_part part = { "x.npy", npy(c, "|u1", "(1000, 1000)", STR("1234")) };

	for (int deflated = 0; deflated < 2; deflated++) {
		struct str bytes = zipped(c, &part, 1, deflated == 1);
		char *own = take(c, bytes.n), *central;

		memcpy(own, bytes.p, bytes.n);
		central = memmem(own, bytes.n, "PK\x01\x02", 4);
		ck_assert_ptr_nonnull(central);
		memcpy(central + 24, "\x00\x00\x00\x7f", 4);
		expect(
		    c, (struct str){ own, bytes.n }, DATA_SAMPLES, FAR, E_INPUT, "claims more");
	}
}
END_TEST

START_TEST(archives_of_very_many)
{
	struct ctx *c = test_ctx();
	enum { MANY = 2000 };
	struct zip_part *part = take(c, sizeof *part * MANY);

	for (int i = 0; i < MANY; i++) {
		part[i].name = take_printf(c, "%d.npy", i);
		part[i].bytes = STR("?");
	}
	expect(c, zipped(c, part, MANY, false), DATA_SAMPLES, FAR, E_INPUT, "2000 entries");
}
END_TEST

/* ---- A source that fails ----------------------------------------------------------------- */

struct failing {
	struct str bytes;
	int left; /* reads until it fails */
};

static bool
failing_read(struct ctx *c, void *arg, uint64_t at, void *to, size_t n)
{
	struct failing *f = arg;

	ck_assert_uint_le(at, f->bytes.n);
	ck_assert_uint_le(n, f->bytes.n - at);
	if (f->left-- == 0)
		return fail(c, E_INTEGRITY, "the seal is broken");
	memcpy(to, f->bytes.p + at, n);
	return true;
}

START_TEST(sources_may_fail_at_any_read)
{
	struct ctx *c = test_ctx();
	struct str whole = form(c, forms[_i]);
	bool ok = false;

	for (int n = 0; !ok; n++) {
		owned(data_close) struct data_reader *r = NULL;
		owned(data_samples_done) struct data_samples s = { 0 };
		struct failing f = { whole, n };
		struct data_source source = { whole.n, failing_read, &f };

		ck_assert_int_lt(n, 100);
		ok = data_open(c, &source, DATA_SAMPLES, STR(""), &r) &&
		    data_samples_load(c, r, FAR, &s);
		ck_assert(ok == (f.left >= 0));
		if (!ok)
			ck_err(c, E_INTEGRITY);
	}
}
END_TEST

MAIN("data_hostile", EACH(npy_headers, header_cases), ONE(npy_versions),
    EACH(idx_headers, idx_cases), ONE(labels_out_of_range), ONE(numbers_that_are_none),
    ONE(what_is_no_data), ONE(larger_than_allowed), EACH(cut_anywhere, forms),
    EACH(longer_by_a_byte, forms), EACH(mutations, forms), ONE(bombs_are_not_unpacked),
    EACH(claims_of_what_cannot_be_there, claims), ONE(archives_that_lie),
    ONE(archives_of_very_many), EACH(sources_may_fail_at_any_read, forms))
