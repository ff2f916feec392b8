/*
 * Reports, pages and statements: one form each, read back as they were, and an edit is found.
 */
#include <math.h>
#include <stdio.h>

#include "crypto.h"
#include "evidence_support.h"
#include "test.h"

enum { REPORT_ROOM = EVIDENCE_JSON_MAX + 64 };

static struct str
page_of(struct ctx *c, const struct evidence *e, struct str report)
{
	struct buf b;

	ck_ok(c, take_buf(c, EVIDENCE_HTML_MAX, &b));
	ck_ok(c, evidence_html(c, e, report, &b));
	return buf_str(&b);
}

static struct str
signed_page(struct ctx *c, struct str page, const char *jws)
{
	struct buf b;

	ck_ok(c, take_buf(c, EVIDENCE_HTML_MAX + 4096, &b));
	buf_put(&b, page);
	buf_printf(&b, "<pre id=\"signature\">%s</pre></body></html>", jws);
	return buf_str(&b);
}

static bool
has(struct str s, const char *what)
{
	return memmem(s.p, s.n, what, strlen(what)) != NULL;
}

/* ---- One form ---------------------------------------------------------------------------- */

static void
comes_back(struct ctx *c, const struct evidence *e)
{
	struct evidence back, concluded = *e;
	struct str json = evidence_bytes(c, e), differs;

	ck_ok(c, evidence_read(c, json, &back));
	ck_assert(str_same(evidence_bytes(c, &back), json));
	ck_ok(c, evidence_recheck(c, json, &back, &differs));
	ck_assert_uint_eq(differs.n, 0);
	evidence_conclude(&concluded);
	ck_assert(str_same(evidence_bytes(c, &concluded), json));
	ck_assert_int_eq(back.verdict, concluded.verdict);
	ck_assert_str_eq(back.reason, concluded.reason);
	for (size_t i = 0; i < json.n; i++)
		ck_assert(json.p[i] != '<' && json.p[i] != '>' && json.p[i] != '&' &&
		    (unsigned char)json.p[i] >= 0x20);
	ck_assert(!has(json, "nan") && !has(json, "inf"));
	ck_assert(text_valid(json));
}

START_TEST(reports_come_back)
{
	struct ctx *c = test_ctx();
	struct evidence e = { 0 };

	comes_back(c, &e);
	evidence_plausible(&e);
	comes_back(c, &e);
	evidence_extreme(&e);
	comes_back(c, &e);
}
END_TEST

START_TEST(the_largest_fit)
{
	struct ctx *c = test_ctx();
	struct evidence e, back;
	struct str json, page;

	evidence_extreme(&e);
	json = evidence_bytes(c, &e);
	ck_assert_uint_gt(json.n, EVIDENCE_JSON_MAX / 4);
	page = page_of(c, &e, json);
	ck_assert_uint_lt(page.n, EVIDENCE_HTML_MAX / 2);
	ck_assert(!has(page, "<<"));
	ck_ok(c, evidence_read(c, json, &back));
	ck_assert_uint_eq(back.trace.n, EVIDENCE_CUSTOMERS_MAX);
	ck_assert_uint_eq(back.controls, EVIDENCE_CONTROLS_MAX);
	ck_assert_uint_eq(back.commitments, EVIDENCE_COMMITMENTS_MAX);
	ck_assert_uint_eq(back.pictures, EVIDENCE_PICTURES_MAX);
	ck_assert_int_eq(back.picture[0].width, EVIDENCE_MAP_SIDE);
	ck_assert_int_eq(back.picture[0].suspect[17], 0xff);
	ck_assert_str_eq(back.kind, "<<<<<<<<<<<<<<<");
	ck_assert_int_eq(back.verdict, VERDICT_CANNOT_DECIDE);
	for (size_t i = 0; i < back.trace.n; i++)
		ck_assert(!back.trace.best[i].accused);
}
END_TEST

/* As foreign files have them. */
static const struct {
	const char *text, *shown;
} text_cases[] = {
	{ "<script>alert(1)</script>", "<script>alert(1)</script>" },
	{ "a & b \"c\" 'd' \\", "a & b \"c\" 'd' \\" },
	{ "größer, 模型, 🙂", "größer, 模型, 🙂" },
	{ "line\nof\ttwo\x01\x1b[31m\x7f.", "line of two  [31m ." },
	{ "bad \xff\xfe end", "bad ?? end" },
	{ "half of one \xe6\xa8", "half of one " },
	{ "half of one \xf0\x9f\x99", "half of one " },
	{ "c1 \xc2\x85 inside", "c1 ?? inside" },
	{ "</pre><pre id=\"signature\">x", "</pre><pre id=\"signature\">x" },
};

START_TEST(texts_are_harmless)
{
	struct ctx *c = test_ctx();
	struct evidence e, back;
	struct str json, page, jws, report;

	evidence_plausible(&e);
	snprintf(e.fact[0].value, sizeof e.fact[0].value, "%s", text_cases[_i].text);
	snprintf(e.cannot, sizeof e.cannot, "%s", text_cases[_i].text);
	snprintf(e.suspect.s, ID_MAX, "%s", text_cases[_i].text);
	comes_back(c, &e);
	json = evidence_bytes(c, &e);
	ck_ok(c, evidence_read(c, json, &back));
	ck_assert_str_eq(back.fact[0].value, text_cases[_i].shown);
	ck_assert_str_eq(back.reason, text_cases[_i].shown);
	page = page_of(c, &e, json);
	ck_assert(!has(page, "<script") && !has(page, "id=\"signature\""));
	for (size_t i = 0; i < page.n; i++)
		ck_assert((unsigned char)page.p[i] >= 0x20 || page.p[i] == '\n');
	ck_ok(c, evidence_file_read(c, signed_page(c, page, "a.b.c"), &jws, &report));
	ck_assert(str_same(report, json));
}
END_TEST

static const char *const no_reports[] = { "", "{}", "[]", "null", "{", "{\"hallmark\":1}", "x",
	"{\"a\":1,\"a\":2}" };

START_TEST(others_are_refused)
{
	struct ctx *c = test_ctx();
	struct evidence e;
	struct str differs;

	ck_fails(c, E_INPUT, evidence_read(c, str_of(no_reports[_i]), &e));
	ck_fails(c, E_INPUT, evidence_recheck(c, str_of(no_reports[_i]), &e, &differs));
}
END_TEST

/* ---- Edits ------------------------------------------------------------------------------- */

/* A report that is edited, member by member. */
static char bytes[REPORT_ROOM], edited[REPORT_ROOM];
static size_t bytes_n;

/*
 * What nothing follows from: the signature is there for these. A larger number of trials may change
 * nothing, where the pairs that say nothing are counted, or a control is clean in any case.
 */
static const char *const facts_only[] = { "verification", "release", "suspect", "kind",
	"sha256", "bytes", "appeared", "why", "score", "what", "number", "id", "z", "low",
	"high", "bins", "threshold", "at", "structure", "rank", "owner", "label", "value",
	"eps1", "channel", "trials" };
/* The same where a law has no use for them: they are 0. */
static const char *const unused[] = { "labels", "hits", "misses", "bound_log10" };

static bool
is_one_of(const char *const names[], size_t n, struct str key)
{
	for (size_t i = 0; i < n; i++)
		if (str_same(key, str_of(names[i])))
			return true;
	return false;
}

static bool
is_fact(struct str key, struct str value)
{
	return is_one_of(facts_only, COUNT(facts_only), key) ||
	    (is_one_of(unused, COUNT(unused), key) && str_same(value, STR("0")));
}

/* Reads the edited report: is it refused, or said to differ? */
static bool
found(struct ctx *c, size_t n)
{
	struct evidence e;
	struct str differs = { 0 };
	bool refused;

	arena_reset(c->mem);
	refused = !evidence_recheck(c, (struct str){ edited, n }, &e, &differs);
	if (refused)
		ck_assert_int_eq(c->err.code, E_INPUT);
	c->err = (struct err){ 0 };
	return refused || differs.n > 0;
}

/* bytes with [from, to) replaced. */
static size_t
replace(size_t from, size_t to, struct str by)
{
	struct buf b = BUF(edited);

	buf_put(&b, (struct str){ bytes, from });
	buf_put(&b, by);
	buf_put(&b, (struct str){ bytes + to, bytes_n - to });
	ck_assert(!b.full);
	return b.n;
}

/* A value that is another one of the same kind. */
static struct str
other(struct str value)
{
	static char text[REPORT_ROOM];

	if (str_same(value, STR("true")))
		return STR("false");
	if (str_same(value, STR("false")))
		return STR("true");
	if (str_same(value, STR("null")))
		return STR("1");
	if (str_same(value, STR("\"\"")))
		return STR("\"x\"");
	memcpy(text, value.p, value.n);
	for (size_t i = 0; i < value.n; i++)
		if (value.p[0] == '"' ? i == 1 : value.p[i] >= '0' && value.p[i] <= '9') {
			text[i] = value.p[i] == '7' ? '8' : '7';
			break;
		}
	return (struct str){ text, value.n };
}

static size_t
end_of(size_t at)
{
	bool inside = false;

	for (; at < bytes_n; at++) {
		if (bytes[at] == '"' && bytes[at - 1] != '\\')
			inside = !inside;
		else if (!inside && strchr(",]}", bytes[at]) != NULL)
			break;
	}
	return at;
}

/*
 * Each value is replaced once. A measured value whose edit changes nothing that follows is a fact
 * for the signature; everything that was concluded must be found.
 */
START_TEST(edits_are_found)
{
	struct ctx *c = test_ctx();
	struct str key = { 0 }, value, json;
	size_t edits = 0, undetected = 0;
	struct evidence e;

	evidence_plausible(&e);
	json = evidence_bytes(c, &e);
	memcpy(bytes, json.p, json.n);
	bytes_n = json.n;
	for (size_t at = 1; at < bytes_n; at++) {
		size_t end;

		if (strchr(",:[]{}", bytes[at]) != NULL)
			continue;
		end = end_of(at);
		if (bytes[at] == '"') {
			size_t close = at + 1;

			while (bytes[close] != '"' || bytes[close - 1] == '\\')
				close++;
			if (bytes[close + 1] == ':') {
				key = (struct str){ bytes + at + 1, close - at - 1 };
				at = close;
				continue;
			}
		}
		edits++;
		value = (struct str){ bytes + at, end - at };
		if (!found(c, replace(at, end, other(value)))) {
			undetected++;
			ck_assert_msg(is_fact(key, value), "%.*s is not checked", STRF(key));
		}
		at = end - 1;
	}
	ck_assert_uint_gt(edits, 250);
	ck_assert_uint_lt(undetected, edits * 2 / 3);
}
END_TEST

/* Not only that something differs, but what. */
static const struct {
	const char *from, *to, *differs;
} edit_cases[] = {
	{ "\"hits\":96,", "\"hits\":97,", "/tests/0/p_log10" },
	{ "\"trials\":100,\"hits\":61", "\"trials\":90,\"hits\":61", "/tests/1/p_log10" },
	{ "\"labels\":10,", "\"labels\":9,", "/tests/1/p_log10" },
	{ "\"bound_log10\":-41.72,\"score\"", "\"bound_log10\":-51.72,\"score\"",
	    "/tests/3/p_log10" },
	{ "\"planned\":true,\"ran\":false", "\"planned\":false,\"ran\":false",
	    "/tests/0/adjusted_log10" },
	{ "\"supports_only\":true", "\"supports_only\":false", "/tests/5/supports_only" },
	{ "\"law\":\"rank\"", "\"law\":\"bound\"", "/tests/4/law" },
	{ "\"allowance_log10\":19.26591972", "\"allowance_log10\":0",
	    "/tests/0/allowance_log10" },
	{ "\"low\":44", "\"low\":440", "/controls/0/clean" },
	{ "\"customers\":1000", "\"customers\":1001", "/trace/best/0/all_log10" },
	{ "\"accused\":true", "\"accused\":false", "/trace/best/0/accused" },
	{ "\"at\":\"2025-11", "\"at\":\"2026-11", "/trace/best/0/accused" },
	{ "\"verdict\":\"proven\"", "\"verdict\":\"indicative\"", "/verdict" },
	{ "10^-37", "10^-39", "/reason" },
	{ "\"eps1\":1e-06", "\"eps1\":0.000001", "/" },
	{ "\"bytes\":1112480", "\"bytes\": 1112480", "/" },
	{ "\"hallmark\":\"", "\"hallmark\":\"9", "/hallmark" },
};

START_TEST(the_first_difference_is_named)
{
	struct ctx *c = test_ctx();
	struct str from = str_of(edit_cases[_i].from), differs;
	struct evidence e;
	const char *at;
	size_t n;

	evidence_plausible(&e);
	bytes_n = evidence_bytes(c, &e).n;
	memcpy(bytes, evidence_bytes(c, &e).p, bytes_n);
	at = memmem(bytes, bytes_n, from.p, from.n);
	ck_assert_ptr_nonnull(at);
	n = replace(
	    (size_t)(at - bytes), (size_t)(at - bytes) + from.n, str_of(edit_cases[_i].to));
	ck_ok(c, evidence_recheck(c, (struct str){ edited, n }, &e, &differs));
	ck_assert_msg(str_same(differs, str_of(edit_cases[_i].differs)), "%.*s", STRF(differs));
}
END_TEST

/* Every edit of a page, but in the report itself. */
START_TEST(edited_pages_are_found)
{
	struct ctx *c = test_ctx(), *each = test_ctx();
	struct evidence e;
	struct str json, page, jws, report;
	size_t from, to, tried = 0;
	char *copy;

	evidence_plausible(&e);
	json = evidence_bytes(c, &e);
	page = signed_page(c, page_of(c, &e, json), "a.b.c");
	ck_ok(c, evidence_file_read(c, page, &jws, &report));
	ck_str(jws, "a.b.c");
	ck_assert(str_same(report, json));
	from = (size_t)(report.p - page.p);
	to = from + report.n;
	copy = take(c, page.n);
	memcpy(copy, page.p, page.n);
	for (size_t at = 0; at < page.n - STR("a.b.c</pre></body></html>").n; at += 701) {
		if (at >= from && at < to)
			continue;
		copy[at] ^= 1;
		arena_reset(each->mem);
		ck_assert_msg(
		    !evidence_file_read(each, (struct str){ copy, page.n }, &jws, &report),
		    "byte %zu of the page", at);
		ck_assert(each->err.code == E_INPUT || each->err.code == E_INTEGRITY);
		copy[at] ^= 1;
		tried++;
	}
	ck_assert_uint_gt(tried, 30);
}
END_TEST

/* Answers that its vendor has brought are said to be that, and a service's, too. */
START_TEST(a_page_tells_whose_word_it_is)
{
	struct ctx *c = test_ctx();
	struct evidence e;
	struct str page;

	evidence_plausible(&e);
	page = page_of(c, &e, evidence_bytes(c, &e));
	ck_assert_ptr_null(memmem(page.p, page.n, "gave these answers", 18));
	memcpy(e.kind, "transcript", sizeof "transcript");
	page = page_of(c, &e, evidence_bytes(c, &e));
	ck_assert_ptr_nonnull(memmem(page.p, page.n, "which service gave these answers", 32));
}
END_TEST

/* ---- Files ------------------------------------------------------------------------------- */

START_TEST(files_are_taken_apart)
{
	struct ctx *c = test_ctx();
	struct str jws, report;

	ck_ok(c,
	    evidence_file_read(
		c, STR("{\"signature\":\"aA.0-_.z\",\"report\":{\"a\":1}}\n"), &jws, &report));
	ck_str(jws, "aA.0-_.z");
	ck_str(report, "{\"a\":1}");
}
END_TEST

static const char *const no_files[] = { "", "{}", "{\"signature\":\"\",\"report\":{}}",
	"{\"signature\":\"a\",\"report\":{}", "{\"report\":{},\"signature\":\"a\"}",
	"{\"signature\":\"a b\",\"report\":{}}", "<!DOCTYPE html>", "<html>",
	"<!DOCTYPE html><pre id=\"report\">{}</pre>",
	"<!DOCTYPE html><pre id=\"report\">{}</pre><pre id=\"signature\">a</pre></body></html>",
	"<!DOCTYPE html><pre id=\"signature\">a</pre></body></html>" };

START_TEST(other_files_are_refused)
{
	struct ctx *c = test_ctx();
	struct str jws, report;

	ck_fails(c, E_INPUT, evidence_file_read(c, str_of(no_files[_i]), &jws, &report));
}
END_TEST

/* ---- Statements -------------------------------------------------------------------------- */

#define UUID "_01a1f7b4-613b-78db-864f-cf642ca115e9"
#define DIGEST "0101010101010101010101010101010101010101010101010101010101010101"
#define CLAIMS(accused, iat, verdict)                                                         \
	"{\"accused\":" accused ",\"iat\":" iat ",\"iss\":\"ven" UUID "\",\"jti\":\"ver" UUID \
	"\",\"report\":\"" DIGEST "\",\"sub\":\"rel" UUID "\",\"suspect\":\"" DIGEST          \
	"\",\"verdict\":\"" verdict "\"}"

static const char *const good_claims[] = { CLAIMS("[]", "0", "no-evidence"),
	CLAIMS("[12]", "1769947200", "proven"),
	CLAIMS("[0,4294967295]", "9223372036854775807", "indicative") };

START_TEST(statements_come_back)
{
	struct ctx *c = test_ctx();
	struct evidence_statement s;
	char text[EVIDENCE_CLAIMS_MAX];
	struct buf b = BUF(text);

	ck_ok(c, evidence_claims_read(c, str_of(good_claims[_i]), &s));
	ck_ok(c, evidence_claims_put(c, &s, &b));
	ck_assert(str_same(buf_str(&b), str_of(good_claims[_i])));
	ck_assert_uint_eq(s.n, (size_t)_i);
	ck_assert_str_eq(s.release.s, "rel" UUID);
	ck_assert_int_eq(s.suspect.b[31], 1);
}
END_TEST

START_TEST(the_largest_statement_fits)
{
	struct ctx *c = test_ctx();
	struct evidence_statement s, back;
	char text[EVIDENCE_CLAIMS_MAX];
	struct buf b = BUF(text);

	ck_ok(c, evidence_claims_read(c, str_of(good_claims[1]), &s));
	s.verdict = VERDICT_CANNOT_DECIDE;
	s.at = INT64_MAX;
	s.n = COUNT(s.accused);
	memset(s.accused, 0xff, sizeof s.accused);
	ck_ok(c, evidence_claims_put(c, &s, &b));
	ck_ok(c, evidence_claims_read(c, buf_str(&b), &back));
	ck_assert_uint_eq(back.n, s.n);
}
END_TEST

static const char *const bad_claims[] = { "", "{}", "{\"accused\":[]}", "{\"accused\":[],}",
	CLAIMS("[-1]", "1", "proven"), CLAIMS("[1.5]", "1", "proven"),
	CLAIMS("[4294967296]", "1", "proven"), CLAIMS("[\"1\"]", "1", "proven"),
	CLAIMS("[1, 2]", "1", "proven"), CLAIMS("[1]", "-1", "proven"),
	CLAIMS("[1]", "1", "guilty"), CLAIMS("[[1],2]", "1", "proven"),
	CLAIMS("[1]", "1", "proven") " ", " " CLAIMS("[1]", "1", "proven"),
	CLAIMS("[1]", "1,\"x\":1", "proven"), CLAIMS("[1]", "1,\"iat\":1", "proven") };

START_TEST(other_statements_are_refused)
{
	struct ctx *c = test_ctx();
	struct evidence_statement s;

	ck_fails(c, E_INPUT, evidence_claims_read(c, str_of(bad_claims[_i]), &s));
}
END_TEST

MAIN("evidence_report", ONE(reports_come_back), ONE(the_largest_fit),
    EACH(texts_are_harmless, text_cases), EACH(others_are_refused, no_reports),
    ONE(edits_are_found), EACH(the_first_difference_is_named, edit_cases),
    ONE(edited_pages_are_found), ONE(a_page_tells_whose_word_it_is), ONE(files_are_taken_apart),
    EACH(other_files_are_refused, no_files), EACH(statements_come_back, good_claims),
    ONE(the_largest_statement_fits), EACH(other_statements_are_refused, bad_claims))
