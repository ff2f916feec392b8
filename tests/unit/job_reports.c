/*
 * What workers report: it comes back as it was sent, and what a hostile worker might send is
 * refused.
 */
#include "job.h"
#include "test.h"

static struct str
report(struct ctx *c, const struct job_report *r)
{
	struct buf b;

	ck_ok(c, take_buf(c, JOB_REPORT_MAX, &b));
	ck_ok(c, job_report_encode(c, r, &b));
	return buf_str(&b);
}

START_TEST(reports_come_back)
{
	struct ctx *c = test_ctx();
	struct job_report p = { .type = JOB_PROGRESS, .done = 3, .total = 9, .note = STR("x") };
	struct job_report r = { .type = JOB_RESULT,
		.result = STR("{ \"a\": [1, {}] }"),
		.made = { { 0, { 0 } }, { 1 << 20, { 7, 8 } } },
		.mades = 2 };
	struct job_report f = { .type = JOB_FAILURE, .code = E_INTEGRITY, .text = STR("no") };
	struct job_report got;

	ck_ok(c, job_report_decode(c, report(c, &p), &got));
	ck_assert_int_eq(got.type, JOB_PROGRESS);
	ck_assert_int_eq(got.done, 3);
	ck_assert_int_eq(got.total, 9);
	ck_str(got.note, "x");
	ck_ok(c, job_report_decode(c, report(c, &r), &got));
	ck_assert_int_eq(got.type, JOB_RESULT);
	ck_str(got.result, "{\"a\":[1,{}]}");
	ck_assert_uint_eq(got.mades, 2);
	ck_assert_int_eq(got.made[0].size, 0);
	ck_assert_int_eq(got.made[1].size, 1 << 20);
	ck_assert_uint_eq(got.made[1].sha256[1], 8);
	ck_ok(c, job_report_decode(c, report(c, &f), &got));
	ck_assert_int_eq(got.type, JOB_FAILURE);
	ck_assert_int_eq(got.code, E_INTEGRITY);
	ck_str(got.text, "no");
}
END_TEST

static const struct job_report bad_reports[] = {
	{ .type = JOB_PROGRESS, .done = 10, .total = 9 },
	{ .type = JOB_PROGRESS, .done = -1, .total = 9 },
	{ .type = JOB_PROGRESS, .done = 1, .total = -9 },
	{ .type = JOB_PROGRESS, .note = { "a\nlog=line", 10 } },
	{ .type = JOB_PROGRESS, .note = { "\xff", 1 } },
	{ .type = JOB_FAILURE, .code = E_INPUT, .text = { "\x1b[2J", 4 } },
	{ .type = JOB_RESULT, .result = { "", 0 } },
	{ .type = JOB_RESULT, .result = { "[]", 2 } },
	{ .type = JOB_RESULT, .result = { "1", 1 } },
	{ .type = JOB_RESULT, .result = { "{\"a\":1,\"a\":2}", 13 } },
	{ .type = JOB_RESULT, .result = { "{},\"b\":{}", 9 } },
	{ .type = JOB_RESULT, .result = { "{}}", 3 } },
	{ .type = JOB_RESULT, .result = { "{\"a\":\"\xff\"}", 9 } },
	{ .type = JOB_RESULT, .result = { "{}", 2 }, .made = { { -1, { 0 } } }, .mades = 1 },
};

START_TEST(reports_that_are_none)
{
	struct ctx *c = test_ctx();
	struct job_report got;

	ck_fails(c, E_PEER, job_report_decode(c, report(c, &bad_reports[_i]), &got));
}
END_TEST

START_TEST(reports_in_bytes_that_are_none)
{
	struct ctx *c = test_ctx();
	struct job_report p = {
		.type = JOB_PROGRESS, .done = 3, .total = 9, .note = STR("xyz")
	};
	struct job_report f = { .type = JOB_FAILURE, .code = E_INPUT, .text = STR("no") }, got;
	struct str whole = report(c, &p);
	char bytes[64];
	struct buf b = BUF(bytes);

	for (size_t n = 0; n < whole.n; n++)
		ck_fails(c, E_PEER, job_report_decode(c, (struct str){ whole.p, n }, &got));
	ck_fails(c, E_PEER, job_report_decode(c, STR("\x03"), &got));
	ck_fails(c, E_PEER, job_report_decode(c, STR("\xff"), &got));
	/* A code that no table knows is a bug of the worker, not a success. */
	wire_put_u8(&b, JOB_FAILURE);
	wire_put_str(&b, STR("OK"));
	wire_put_str(&b, STR("fine"));
	ck_ok(c, job_report_decode(c, buf_str(&b), &got));
	ck_assert_int_eq(got.code, E_INTERNAL);
	/* Longer than a sentence. */
	f.text = (struct str){ take(c, 4096), 4096 };
	ck_fails(c, E_PEER, job_report_decode(c, report(c, &f), &got));
}
END_TEST

START_TEST(reports_too_large_are_not_sent)
{
	struct ctx *c = test_ctx();
	struct job_report r = { .type = JOB_RESULT };
	struct job_report p = { .type = JOB_PROGRESS };
	struct buf b;

	ck_ok(c, take_buf(c, JOB_REPORT_MAX, &b));
	r.result = (struct str){ take(c, JOB_RESULT_MAX + 1), JOB_RESULT_MAX + 1 };
	ck_fails(c, E_LIMIT, job_report_encode(c, &r, &b));
	r.result = STR("{}");
	r.mades = JOB_OUTPUTS_MAX + 1;
	ck_fails(c, E_LIMIT, job_report_encode(c, &r, &b));
	p.note = (struct str){ r.result.p, JOB_NOTE_MAX + 1 };
	ck_fails(c, E_LIMIT, job_report_encode(c, &p, &b));
}
END_TEST

MAIN("job_reports", ONE(reports_come_back), EACH(reports_that_are_none, bad_reports),
    ONE(reports_in_bytes_that_are_none), ONE(reports_too_large_are_not_sent))
