/*
 * Tests of the reader of CSV and JSON lines: what RFC 4180 allows comes as it was meant, whatever
 * the size of the pieces it is read in; what is broken is told, and costs nothing but itself.
 */
#include <stdio.h>

#include "records.h"
#include "test.h"

/* A text, given in pieces of so many bytes. */
struct pieces {
	struct str rest;
	size_t most;
};

static ssize_t
piece(void *arg, char *to, size_t n)
{
	struct pieces *p = arg;

	if (n > p->most)
		n = p->most;
	if (n > p->rest.n)
		n = p->rest.n;
	memcpy(to, p->rest.p, n);
	p->rest.p += n;
	p->rest.n -= n;
	return (ssize_t)n;
}

/* All records as "LINE:cell|cell;", those that are broken as "LINE!". */
static struct str
show(struct ctx *c, struct str text, size_t most)
{
	struct pieces p = { text, most };
	struct records r = { .read = piece, .arg = &p };
	struct record rec;
	struct buf b;
	bool any;

	ck_ok(c, take_buf(c, 4096, &b));
	ck_ok(c, records_begin(c, &r));
	while (records_next(c, &r, &any, &rec) && any) {
		buf_printf(&b, "%lld%s", (long long)rec.line, rec.why != NULL ? "!" : ":");
		for (size_t i = 0; rec.why == NULL && i < rec.cells; i++)
			buf_printf(&b, "%s%.*s", i > 0 ? "|" : "", STRF(rec.cell[i]));
		buf_char(&b, ';');
	}
	if (c->err.code != E_NONE) {
		ck_err(c, E_INPUT);
		buf_put(&b, STR("unclosed"));
	}
	return buf_str(&b);
}

static const struct {
	const char *text, *want;
} cases[] = {
	{ "", "" },
	{ "\n\r\n \n", "" },
	{ "a,b\nc,d\n", "1:a|b;2:c|d;" },
	{ "a,b\r\nc,d\r\n", "1:a|b;2:c|d;" },
	{ "a,b\nc,d", "1:a|b;2:c|d;" },
	{ "a,b\r\nc,d\r", "1:a|b;2:c|d;" },
	{ "\xef\xbb\xbf"
	  "a,b\n",
	    "1:a|b;" },
	{ "a\n\n\nb\n", "1:a;4:b;" },
	{ ",\n,,\n", "1:|;2:||;" },
	{ "\"a\",\"b,c\"\n", "1:a|b,c;" },
	{ "\"a\"\"b\",\"\"\n", "1:a\"b|;" },
	{ "\"\"\"\"\n", "1:\";" },
	{ "\"a\",\"b\"\r\nc\n", "1:a|b;2:c;" },
	{ "\"a\nb\",c\nd,e\n", "1!;3:d|e;" }, /* a line feed is not printable */
	{ "a\"b,c\nd,e\n", "1!;2:d|e;" },
	{ "\"a\"b,c\nd,e\n", "1!;2:d|e;" },
	{ "\"a\" ,c\nd,e\n", "1!;2:d|e;" },
	{ "\"a\"\rb\nd,e\n", "1!;2:d|e;" },
	{ "a\rb\nd\n", "1!;2:d;" },
	{ "a\xff,b\nc,d\n", "1!;2:c|d;" },
	{ "a\n\"b,c\nd\n", "1:a;unclosed" },
	{ "\"", "unclosed" },
	{ "a;b\n", "1:a;b;" },
	{ " a , b \n", "1: a | b ;" },
	{ "{\"a\": \"b,c\"}\n\n{\"d\": \"\\\"\"}\n",
	    "1:{\"a\": \"b,c\"};3:{\"d\": \"\\\"\"};" },
	{ "\xef\xbb\xbf\n {\"a\"}\r\n", "2: {\"a\"};" },
};

START_TEST(records_are_what_was_meant)
{
	struct ctx *c = test_ctx();
	struct str text = str_of(cases[_i].text), want = str_of(cases[_i].want), got;

	for (size_t most = 1; most < 9; most++) {
		got = show(c, text, most);
		ck_assert_msg(str_same(got, want), "in pieces of %zu: %.*s", most, STRF(got));
	}
	got = show(c, text, RECORD_MAX);
	ck_assert_msg(str_same(got, want), "at once: %.*s", STRF(got));
}
END_TEST

/* A zero byte ends no string here. */
START_TEST(a_zero_byte_is_refused)
{
	struct ctx *c = test_ctx();

	ck_str(show(c, STR("a\0b,c\nd\n"), 3), "1!;2:d;");
}
END_TEST

/* A line of `n` bytes between two others. */
static struct str
long_line(struct ctx *c, size_t n, char first)
{
	char *p = take(c, n + 16);

	ck_assert_ptr_nonnull(p);
	memcpy(p, "a\n", 2);
	memset(p + 2, 'x', n);
	p[2] = first;
	memcpy(p + 2 + n, "\nb\n", 3);
	return (struct str){ p, n + 5 };
}

START_TEST(a_line_without_end_costs_itself)
{
	struct ctx *c = test_ctx();
	const size_t more[] = { RECORD_MAX, RECORD_MAX + 1, 3 * RECORD_MAX + 7, 1 << 20 };

	for (size_t i = 0; i < COUNT(more); i++) {
		ck_str(show(c, long_line(c, more[i], 'x'), RECORD_MAX), "1:a;2!;3:b;");
		ck_str(show(c, long_line(c, more[i], 'x'), 4097), "1:a;2!;3:b;");
		ck_str(show(c, long_line(c, more[i], '"'), 4097), "1:a;unclosed");
	}
}
END_TEST

START_TEST(a_line_as_long_as_it_may_be)
{
	struct ctx *c = test_ctx();
	struct pieces p = { long_line(c, RECORD_MAX - 1, 'x'), 1000 };
	struct records r = { .read = piece, .arg = &p };
	struct record rec;
	bool any;

	ck_ok(c, records_begin(c, &r));
	ck_ok(c, records_next(c, &r, &any, &rec));
	ck_ok(c, records_next(c, &r, &any, &rec));
	ck_assert(any && rec.why == NULL && rec.cell[0].n == RECORD_MAX - 1);
	ck_ok(c, records_next(c, &r, &any, &rec));
	ck_assert(any && rec.line == 3);
	ck_ok(c, records_next(c, &r, &any, &rec));
	ck_assert(!any);
}
END_TEST

START_TEST(too_many_cells_are_refused)
{
	struct ctx *c = test_ctx();
	char text[200];
	struct buf b = BUF(text);

	for (int i = 0; i < RECORD_CELLS; i++)
		buf_char(&b, ',');
	buf_put(&b, STR("\nd\n"));
	ck_str(show(c, buf_str(&b), 7), "1!;2:d;");
}
END_TEST

static ssize_t
broken(void *arg, char *to, size_t n)
{
	(void)arg, (void)to, (void)n;
	return -1;
}

START_TEST(a_file_that_cannot_be_read_fails)
{
	struct ctx *c = test_ctx();
	struct records r = { .read = broken };

	ck_fails(c, E_FILE, records_begin(c, &r));
}
END_TEST

MAIN("records", EACH(records_are_what_was_meant, cases), ONE(a_zero_byte_is_refused),
    ONE(a_line_without_end_costs_itself), ONE(a_line_as_long_as_it_may_be),
    ONE(too_many_cells_are_refused), ONE(a_file_that_cannot_be_read_fails))
