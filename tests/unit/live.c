/*
 * What a worker, the server and a courier say to each other about a service: whole messages come
 * back as they were, and nothing else is one.
 */
#include "live.h"
#include "test.h"

static struct live_question
question(void)
{
	return (struct live_question){ .number = 7,
		.method = LIVE_PUT,
		.url = STR("https://a.example/x?y=z"),
		.type = STR("application/json; charset=utf-8"),
		.headers = STR("Authorization: Bearer x y\nX-A: b\n"),
		.body = STR("{\"image\":\"\"}") };
}

static struct str
encoded(struct ctx *c, const struct live_question *q)
{
	struct buf b;

	ck_ok(c, take_buf(c, LIVE_MESSAGE_MAX, &b));
	ck_ok(c, live_question_encode(c, q, &b));
	return buf_str(&b);
}

START_TEST(questions_come_back)
{
	struct ctx *c = test_ctx();
	struct live_question q = question(), back;
	struct str bytes = encoded(c, &q);

	ck_ok(c, live_question_decode(c, bytes, &back));
	ck_assert_uint_eq(back.number, 7);
	ck_assert_int_eq(back.method, LIVE_PUT);
	ck_assert(str_same(back.url, q.url) && str_same(back.type, q.type) &&
	    str_same(back.headers, q.headers) && str_same(back.body, q.body));
	for (size_t n = 0; n < bytes.n; n++)
		ck_fails(c, E_PEER, live_question_decode(c, (struct str){ bytes.p, n }, &back));
}
END_TEST

static const char *const bad_headers[] = { "A", "A\n", "A:b\n", "A: b", ": b\n", "A b: c\n",
	"A: b\nB\n", "A: \n", "A: b\r\n", "A: b\tc\n", "A: \xc3\xa4\n", "Host: x\n",
	"hOsT: x\n", "Content-Length: 3\n", "Transfer-Encoding: chunked\n",
	"Connection: close\n", "Content-Type: a\n", "Expect: x\n", "Upgrade: h2c\n",
	"A: b\n\nC: d\n", "1: 2\n9:\n" };

START_TEST(no_line_is_smuggled_in)
{
	struct ctx *c = test_ctx();
	struct live_question q = question(), back;

	q.headers = str_of(bad_headers[_i]);
	ck_fails(c, E_INPUT, live_headers_check(c, q.headers));
	ck_fails(c, E_PEER, live_question_decode(c, encoded(c, &q), &back));
}
END_TEST

START_TEST(headers_have_a_number)
{
	struct ctx *c = test_ctx();
	struct buf b;

	ck_ok(c, take_buf(c, 2 * LIVE_HEADERS_MAX, &b));
	for (int i = 0; i < LIVE_LINES_MAX; i++)
		buf_printf(&b, "A%d: b\n", i);
	ck_ok(c, live_headers_check(c, buf_str(&b)));
	buf_put(&b, STR("C: d\n"));
	ck_fails(c, E_INPUT, live_headers_check(c, buf_str(&b)));
	b.n = 0;
	buf_put(&b, STR("A: "));
	while (b.n <= LIVE_HEADERS_MAX)
		buf_char(&b, 'b');
	buf_char(&b, '\n');
	ck_fails(c, E_INPUT, live_headers_check(c, buf_str(&b)));
}
END_TEST

START_TEST(nor_by_any_other_part)
{
	static const struct str bad[] = { { "a\r\nX: y", 7 }, { "", 0 }, { "a\0b", 3 },
		{ "\xc3\xa4", 2 }, { "a\tb", 3 } };
	struct ctx *c = test_ctx();

	for (size_t i = 0; i < COUNT(bad); i++) {
		struct live_question q = question(), back;

		q.url = bad[i];
		ck_fails(c, E_PEER, live_question_decode(c, encoded(c, &q), &back));
		q = question();
		q.type = bad[i];
		ck_fails(c, E_PEER, live_question_decode(c, encoded(c, &q), &back));
	}
}
END_TEST

START_TEST(questions_have_a_size)
{
	struct ctx *c = test_ctx();
	struct live_question q = question(), back;
	struct buf b;

	q.body = (struct str){ take(c, LIVE_BODY_MAX + 1), LIVE_BODY_MAX };
	ck_ok(c, live_question_decode(c, encoded(c, &q), &back));
	ck_assert_uint_eq(back.body.n, LIVE_BODY_MAX);
	q.body.n++;
	ck_ok(c, take_buf(c, LIVE_MESSAGE_MAX, &b));
	ck_fails(c, E_LIMIT, live_question_encode(c, &q, &b));
	q = question();
	q.number = 0;
	ck_fails(c, E_PEER, live_question_decode(c, encoded(c, &q), &back));
	q = question();
	q.method = LIVE_METHODS;
	ck_fails(c, E_PEER, live_question_decode(c, encoded(c, &q), &back));
}
END_TEST

START_TEST(answers_come_back)
{
	struct ctx *c = test_ctx();
	const struct live_answer good[] = {
		{ 3, 200, STR(""), { "\0\xff{", 3 } },
		{ 4, 500, STR(""), STR("") },
		{ 5, 0, STR("nobody listens there"), STR("") },
	};
	struct live_answer bad[] = {
		{ 0, 200, STR(""), STR("x") },
		{ 3, 1000, STR(""), STR("x") },
		{ 3, 0, STR(""), STR("") },
		{ 3, 200, STR("why"), STR("") },
		{ 3, 0, STR("why"), STR("x") },
		{ 3, 0, { "a\0", 2 }, STR("") },
		{ 3, 200, STR(""), { take(c, LIVE_ANSWER_MAX + 1), LIVE_ANSWER_MAX + 1 } },
	};
	struct live_answer back;
	struct buf b;

	for (size_t i = 0; i < COUNT(good); i++) {
		ck_ok(c, take_buf(c, LIVE_MESSAGE_MAX, &b));
		ck_ok(c, live_answer_encode(c, &good[i], &b));
		ck_ok(c, live_answer_decode(c, buf_str(&b), &back));
		ck_assert(back.number == good[i].number && back.status == good[i].status &&
		    str_same(back.text, good[i].text) && str_same(back.body, good[i].body));
		for (size_t n = 0; n < b.n; n++)
			ck_fails(
			    c, E_PEER, live_answer_decode(c, (struct str){ b.p, n }, &back));
	}
	for (size_t i = 0; i < COUNT(bad); i++) {
		ck_ok(c, take_buf(c, LIVE_MESSAGE_MAX, &b));
		ck_ok(c, live_answer_encode(c, &bad[i], &b));
		ck_fails(c, E_PEER, live_answer_decode(c, buf_str(&b), &back));
	}
}
END_TEST

MAIN("live", ONE(questions_come_back), EACH(no_line_is_smuggled_in, bad_headers),
    ONE(headers_have_a_number), ONE(nor_by_any_other_part), ONE(questions_have_a_size),
    ONE(answers_come_back))
