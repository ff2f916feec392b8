/*
 * base: errors, memory, bytes, text, times, ids and wire fields.
 */
#include "test.h"

START_TEST(errors_have_names_of_their_own)
{
	for (int i = 0; i < E_COUNT; i++) {
		enum err_code code = (enum err_code)i;

		ck_assert_int_eq(err_from_wire(str_of(err_wire(code))), code);
		ck_assert_uint_gt(strlen(err_title(code)), 3);
		ck_assert(err_http(code) >= 200 && err_http(code) < 600);
		ck_assert(err_exit(code) >= 0 && err_exit(code) <= 5);
		ck_assert((err_exit(code) == 0) == (code == E_NONE));
	}
	ck_assert_int_eq(err_from_wire(STR("NO_SUCH_CODE")), E_INTERNAL);
}
END_TEST

START_TEST(arena_gives_zeroed_memory_up_to_its_limit)
{
	struct arena *mem = arena_new(100000);
	struct ctx c = ctx_real(mem, "t");
	char *p;

	for (int round = 0; round < 3; round++) {
		for (int i = 0; i < 99; i++) {
			p = take(&c, 1000);
			ck_assert_ptr_nonnull(p);
			ck_assert_uint_eq((uintptr_t)p % 16, 0);
			for (int k = 0; k < 1000; k++)
				ck_assert_int_eq(p[k], 0);
			memset(p, 0xff, 1000);
		}
		ck_assert_uint_eq(arena_used(mem), 99000);
		ck_assert_ptr_null(take(&c, 1001));
		ck_err(&c, E_MEMORY);
		ck_assert_ptr_null(take(&c, SIZE_MAX - 5));
		ck_err(&c, E_MEMORY);
		arena_reset(mem);
	}
	arena_free(&mem);
	arena_free(&mem);
}
END_TEST

START_TEST(buffers_remember_their_first_overflow)
{
	struct ctx *c = test_ctx();
	char room[10], wide[32];
	struct buf b = BUF(room), w = BUF(wide);

	buf_put(&b, STR("12345"));
	buf_put(&b, STR("678901"));
	ck_assert(b.full);
	buf_put(&b, STR("x"));
	ck_str(buf_str(&b), "12345");
	ck_fails(c, E_LIMIT, buf_ok(c, &b));

	b.n = 0;
	b.full = false;
	buf_printf(&b, "%s-%d", "abcdefg", 12); /* exactly ten */
	ck_assert(!b.full);
	ck_str(buf_str(&b), "abcdefg-12");
	buf_printf(&b, "%s", "");
	ck_assert(!b.full);
	buf_printf(&b, "%d", 1);
	ck_assert(b.full);

	b.n = 0;
	b.full = false;
	buf_number(&b, -1234567);
	ck_str(buf_str(&b), "-1234567");
	buf_number(&w, INT64_MIN);
	ck_str(buf_str(&w), "-9223372036854775808");
}
END_TEST

START_TEST(strings_are_cut_at_separators)
{
	struct str rest = STR("a,,b"), head;

	ck_assert(str_cut(&rest, ',', &head));
	ck_str(head, "a");
	ck_assert(str_cut(&rest, ',', &head));
	ck_str(head, "");
	ck_assert(!str_cut(&rest, ',', &head));
	ck_str(head, "b");
	ck_assert_uint_eq(rest.n, 0);
	ck_assert(!str_cut(&rest, ',', &head));
	ck_assert_uint_eq(head.n, 0);
}
END_TEST

START_TEST(blanks_are_trimmed)
{
	/* clang-format off */
	static const char *const cases[][2] = {
		{ "a", "a" }, { " a", "a" }, { "a\t ", "a" }, { " \t\ra b\r", "a b" },
		{ "", "" }, { " \t ", "" }, { "\na", "\na" },
	};
	/* clang-format on */

	for (size_t i = 0; i < COUNT(cases); i++)
		ck_assert(str_same(str_trim(str_of(cases[i][0])), str_of(cases[i][1])));
	ck_assert_uint_eq(str_trim((struct str){ "a\0", 2 }).n, 2);
}
END_TEST

START_TEST(pairs_are_walked)
{
	static const char text[] =
	    "# comment\n\n a = b c \r\n\t\n  # a = b\nd==\ne =\nword\nf=g";
	/* A NULL value: the line has no '='. */
	static const struct {
		int line;
		const char *key, *value;
	} want[] = {
		{ 3, "a", "b c" },
		{ 6, "d", "=" },
		{ 7, "e", "" },
		{ 8, "word", NULL },
		{ 9, "f", "g" },
	};
	struct pairs p = { .rest = str_of(text) };

	for (size_t i = 0; i < COUNT(want); i++) {
		ck_assert(pairs_next(&p));
		ck_assert_int_eq(p.line, want[i].line);
		ck_assert(str_same(p.key, str_of(want[i].key)));
		ck_assert(str_same(p.value, str_of(want[i].value)));
		ck_assert((p.value.p == NULL) == (want[i].value == NULL));
	}
	ck_assert(!pairs_next(&p));
	ck_assert(!pairs_next(&p));
	p = (struct pairs){ .rest = str_of(" \n#\n") };
	ck_assert(!pairs_next(&p));
}
END_TEST

static const struct {
	const char *text;
	bool ok;
	int64_t value;
} number_cases[] = {
	{ "0", true, 0 },
	{ "7", true, 7 },
	{ "1000", true, 1000 },
	{ "1001", false, 0 },
	{ "", false, 0 },
	{ "00", false, 0 },
	{ "01", false, 0 },
	{ "-1", false, 0 },
	{ "+1", false, 0 },
	{ " 1", false, 0 },
	{ "1 ", false, 0 },
	{ "1e2", false, 0 },
	{ "0x10", false, 0 },
	{ "99999999999999999999999", false, 0 },
};

START_TEST(numbers_are_plain_decimals)
{
	int64_t n = -5;

	ck_assert_int_eq(
	    str_number(str_of(number_cases[_i].text), 0, 1000, &n), number_cases[_i].ok);
	ck_assert_int_eq(n, number_cases[_i].ok ? number_cases[_i].value : -5);
}
END_TEST

/* RFC 4648 section 10, without padding, and the alphabet's last two letters. */
static const struct {
	const char *plain, *text;
} base64_cases[] = {
	{ "", "" },
	{ "f", "Zg" },
	{ "fo", "Zm8" },
	{ "foo", "Zm9v" },
	{ "foob", "Zm9vYg" },
	{ "fooba", "Zm9vYmE" },
	{ "foobar", "Zm9vYmFy" },
	{ "\xfb\xff\xbf", "-_-_" },
};

START_TEST(base64url_there_and_back)
{
	struct ctx *c = test_ctx();
	char room[32];
	struct buf b = BUF(room);
	struct str plain = str_of(base64_cases[_i].plain), back;

	base64url_put(&b, plain.p, plain.n);
	ck_assert(str_same(buf_str(&b), str_of(base64_cases[_i].text)));
	ck_ok(c, base64url_decode(c, buf_str(&b), &back));
	ck_assert(str_same(back, plain));
}
END_TEST

/* All bytes, all lengths, against the plainest writer there is. */
START_TEST(base64url_of_any_length)
{
	static const char alphabet[] =
	    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
	struct ctx *c = test_ctx();
	unsigned char plain[300];
	char room[400], want[400];

	for (size_t i = 0; i < sizeof plain; i++)
		plain[i] = (unsigned char)(i * 7);
	for (size_t n = 0; n < sizeof plain; n++) {
		struct buf b = BUF(room), full = { room, 0, n * 8 / 6, false };
		struct str back;
		size_t at = 0;

		for (size_t bit = 0; bit < 8 * n; bit += 6) {
			unsigned two = (unsigned)plain[bit / 8] << 8 |
			    (bit / 8 + 1 < n ? plain[bit / 8 + 1] : 0u);

			want[at++] = alphabet[two >> (10 - bit % 8) & 63];
		}
		base64url_put(&b, plain, n);
		ck_assert(str_same(buf_str(&b), (struct str){ want, at }));
		ck_ok(c, base64url_decode(c, buf_str(&b), &back));
		ck_assert(str_same(back, (struct str){ (char *)plain, n }));
		base64url_put(&full, plain, n);
		ck_assert_int_eq(full.full, full.max < at);
		ck_assert_uint_eq(full.n, full.full ? 0 : at);
	}
}
END_TEST

static const char *const base64_bad[] = { "A", "Zg==", "Zh", "Zm9", "Zm 9", "Zm+v", "Zm/v",
	"Zm9v\n", "AAAAA" };

START_TEST(base64url_is_canonical_only)
{
	struct ctx *c = test_ctx();
	struct str back;

	ck_fails(c, E_INPUT, base64url_decode(c, str_of(base64_bad[_i]), &back));
}
END_TEST

START_TEST(hex_there_and_back)
{
	struct ctx *c = test_ctx();
	char room[8];
	struct buf b = BUF(room);
	unsigned char back[4] = { 0 };

	hex_put(&b, "\x00\x7f\x80\xff", 4);
	ck_str(buf_str(&b), "007f80ff");
	ck_ok(c, hex_decode(c, buf_str(&b), back, 4));
	ck_assert_int_eq(memcmp(back, "\x00\x7f\x80\xff", 4), 0);
	ck_fails(c, E_INPUT, hex_decode(c, STR("007f80f"), back, 4));
	ck_fails(c, E_INPUT, hex_decode(c, STR("007F80FF"), back, 4));
}
END_TEST

static const struct {
	struct str text;
	bool valid;
} text_cases[] = {
	{ { "plain", 5 }, true }, { { "", 0 }, true }, { { "Zürich 東京", 14 }, true },
	{ { "a\nb", 3 }, false }, { { "a\0b", 3 }, false }, { { "a\x7f", 2 }, false },
	{ { "a\xc2\x85", 3 }, false },        /* NEL, a C1 control */
	{ { "\xc0\x80", 2 }, false },         /* overlong NUL */
	{ { "\xed\xa0\x80", 3 }, false },     /* surrogate */
	{ { "\xf4\x90\x80\x80", 4 }, false }, /* beyond U+10FFFF */
	{ { "\xe2\x82", 2 }, false },         /* cut short */
};

START_TEST(text_is_printable_utf8)
{
	ck_assert_int_eq(text_valid(text_cases[_i].text), text_cases[_i].valid);
}
END_TEST

START_TEST(names_fold_to_one_form)
{
	struct ctx *c = test_ctx();
	static const char *const same[] = { "STRASSE", "Straße", "strasse", "ｓｔｒａｓｓｅ" };
	struct str first, other;
	char long_name[48];

	ck_ok(c, text_fold(c, str_of(same[0]), &first));
	for (size_t i = 1; i < COUNT(same); i++) {
		ck_ok(c, text_fold(c, str_of(same[i]), &other));
		ck_assert(str_same(first, other));
	}
	ck_ok(c, text_fold(c, STR("street"), &other));
	ck_assert(!str_same(first, other));
	ck_fails(c, E_INPUT, text_fold(c, STR("a\tb"), &other));
	/* U+FDFA is three bytes, and 33 when it is folded. */
	for (size_t i = 0; i < 16; i++)
		memcpy(long_name + 3 * i, "\xef\xb7\xba", 3);
	ck_ok(c, text_fold(c, (struct str){ long_name, 45 }, &other));
	ck_fails(c, E_INPUT, text_fold(c, (struct str){ long_name, 48 }, &other));
}
END_TEST

START_TEST(text_is_escaped_for_terminals)
{
	char room[64];
	struct buf b = BUF(room);

	text_escape(&b, STR("a\"b\\c\x1b[31mé\xff"));
	ck_str(buf_str(&b), "a\\\"b\\\\c\\x1b[31mé\\xff");
}
END_TEST

static const struct {
	const char *text;
	int64_t ms; /* -1: refused */
} time_cases[] = {
	{ "1970-01-01T00:00:00Z", 0 },
	{ "2026-02-01T12:00:00.000Z", 1769947200000 },
	{ "2000-02-29T23:59:59.999Z", 951868799999 },
	{ "2038-01-19T03:14:08Z", 2147483648000 },
	{ "9999-12-31T23:59:59Z", 253402300799000 },
	{ "1900-02-29T00:00:00Z", -1 },
	{ "2001-02-29T00:00:00Z", -1 },
	{ "2026-13-01T00:00:00Z", -1 },
	{ "2026-00-10T00:00:00Z", -1 },
	{ "2026-04-31T00:00:00Z", -1 },
	{ "2026-01-01T24:00:00Z", -1 },
	{ "2026-01-01T00:60:00Z", -1 },
	{ "2026-01-01T00:00:60Z", -1 },
	{ "2026-01-01T00:00:00+01:00", -1 },
	{ "2026-01-01 00:00:00Z", -1 },
	{ "2026-01-01T00:00:00", -1 },
	{ "2026-1-1T00:00:00Z", -1 },
	{ "", -1 },
};

START_TEST(times_are_read)
{
	struct ctx *c = test_ctx();
	int64_t ms;

	if (time_cases[_i].ms < 0) {
		ck_fails(c, E_INPUT, time_parse(c, str_of(time_cases[_i].text), &ms));
		return;
	}
	ck_ok(c, time_parse(c, str_of(time_cases[_i].text), &ms));
	ck_assert_int_eq(ms, time_cases[_i].ms);
}
END_TEST

START_TEST(times_agree_with_themselves)
{
	struct ctx *c = test_ctx();
	int64_t back;

	for (int64_t ms = 0; ms < INT64_C(253402300799000);
	     ms += INT64_C(86400000) * 29 + 12345) {
		char room[32];
		struct buf b = BUF(room);

		time_put(&b, ms);
		ck_ok(c, time_parse(c, buf_str(&b), &back));
		ck_assert_int_eq(back, ms);
	}
}
END_TEST

START_TEST(ids_sort_by_birth_and_are_read_strictly)
{
	struct ctx *c = test_ctx();
	struct id a, b, back;

	test_clock_set(TEST_NOW);
	a = id_new(c, "tok");
	test_clock_set(TEST_NOW + 1);
	b = id_new(c, "tok");
	ck_assert_int_lt(strcmp(a.s, b.s), 0);
	ck_ok(c, id_parse(c, str_of(a.s), "tok", &back));
	ck_assert_str_eq(back.s, a.s);
	ck_fails(c, E_ABSENT, id_parse(c, str_of(a.s), "job", &back));
	ck_fails(c, E_ABSENT, id_parse(c, STR("tok_"), "tok", &back));
	ck_fails(c, E_ABSENT, id_parse(c, (struct str){ a.s, strlen(a.s) - 1 }, "tok", &back));
	a.s[10] = 'G';
	ck_fails(c, E_ABSENT, id_parse(c, str_of(a.s), "tok", &back));
}
END_TEST

START_TEST(wire_carries_ids_and_reals)
{
	static const double reals[] = { 0, -0.0, .1, -1e300, 5e-324 };
	struct ctx *c = test_ctx();
	struct id id = id_new(c, "rel"), back;
	char room[200];
	struct buf b = BUF(room);
	struct wire w;

	for (size_t i = 0; i < COUNT(reals); i++)
		wire_put_real(&b, reals[i]);
	wire_put_id(&b, &id);
	ck_assert_uint_eq(b.n, COUNT(reals) * 8 + ID_MAX);
	w = (struct wire){ buf_str(&b), false };
	for (size_t i = 0; i < COUNT(reals); i++) {
		double v = wire_real(&w);

		ck_assert_mem_eq(&v, &reals[i], sizeof v);
	}
	ck_ok(c, wire_id(c, &w, "rel", &back));
	ck_assert_str_eq(back.s, id.s);
	ck_ok(c, wire_end(c, &w));
	w.rest = (struct str){ b.p + b.n - ID_MAX, ID_MAX };
	ck_fails(c, E_INPUT, wire_id(c, &w, "job", &back));
	room[b.n - 1] = 'x'; /* after its end */
	w.rest = (struct str){ b.p + b.n - ID_MAX, ID_MAX };
	ck_fails(c, E_INPUT, wire_id(c, &w, "rel", &back));
	w.rest = (struct str){ b.p, ID_MAX - 1 };
	ck_fails(c, E_INPUT, wire_id(c, &w, "rel", &back));
	ck_assert(w.bad);
}
END_TEST

START_TEST(wire_fields_there_and_back)
{
	struct ctx *c = test_ctx();
	char room[64];
	struct buf b = BUF(room);
	struct wire w;

	wire_put_u8(&b, 250);
	wire_put_u32(&b, 0xdeadbeef);
	wire_put_u64(&b, UINT64_MAX - 1);
	wire_put_str(&b, STR("hello"));
	w = (struct wire){ buf_str(&b), false };
	ck_assert_uint_eq(wire_u8(&w), 250);
	ck_assert_uint_eq(wire_u32(&w), 0xdeadbeef);
	ck_assert_uint_eq(wire_u64(&w), UINT64_MAX - 1);
	ck_str(wire_str(&w, 5), "hello");
	ck_ok(c, wire_end(c, &w));
	for (size_t cut = 0; cut < b.n; cut++) {
		w = (struct wire){ { b.p, cut }, false };
		wire_u8(&w);
		wire_u32(&w);
		wire_u64(&w);
		wire_str(&w, 5);
		ck_fails(c, E_PEER, wire_end(c, &w));
	}
	w = (struct wire){ { b.p + 13, b.n - 13 }, false };
	wire_str(&w, 4);
	ck_fails(c, E_PEER, wire_end(c, &w));
}
END_TEST

MAIN("base", ONE(errors_have_names_of_their_own),
    ONE(arena_gives_zeroed_memory_up_to_its_limit), ONE(buffers_remember_their_first_overflow),
    ONE(strings_are_cut_at_separators), ONE(blanks_are_trimmed), ONE(pairs_are_walked),
    EACH(numbers_are_plain_decimals, number_cases),
    EACH(base64url_there_and_back, base64_cases), ONE(base64url_of_any_length),
    EACH(base64url_is_canonical_only, base64_bad), ONE(hex_there_and_back),
    EACH(text_is_printable_utf8, text_cases), ONE(names_fold_to_one_form),
    ONE(text_is_escaped_for_terminals), EACH(times_are_read, time_cases),
    ONE(times_agree_with_themselves), ONE(ids_sort_by_birth_and_are_read_strictly),
    ONE(wire_carries_ids_and_reals), ONE(wire_fields_there_and_back))
