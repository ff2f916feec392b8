/*
 * Tests of the admin socket's frames: a command survives the way to the daemon, an answer the way
 * back; whatever else comes is refused with a reason, within the stated bounds.
 */
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "admin_frame.h"
#include "test.h"

enum { WORDS = 16 };

/* "token create acme", parsed as hallmarkctl does. */
MUST static bool
parse(struct ctx *c, const char *line, struct parsed *ret)
{
	struct str *word = take(c, WORDS * sizeof *word), rest = str_of(line);
	size_t n = 0;

	while (word != NULL && rest.n > 0 && n < WORDS)
		(void)str_cut(&rest, ' ', &word[n++]);
	return word != NULL && grammar_parse(c, &ctl_program, word, n, ret);
}

static const char *const lines[] = { "status", "init --shares 5 --threshold 3",
	"unseal @share.txt", "seal --yes", "rotate --dry-run --wait", "vendor create acme",
	"vendor list --format json",
	"--role admin token create --name x acme --role=issuer,auditor --expires 90d",
	"token create -- -acme", "audit tail -n 5 -f", "--socket /run/x metrics",
	"token revoke acme tok_01a1f7b4-613b-78db-864f-cf642ca115e9",
	"job show job_01a1f7b4-613b-78db-864f-cf642ca115e9", "db restore x --conf y" };

/* ---- Requests ------------------------------------------------------------------------------- */

/* What the daemon has no use for. */
static bool
stays_here(const char *name)
{
	return strcmp(name, "--yes") == 0 || strcmp(name, "--socket") == 0 ||
	    strcmp(name, "--format") == 0 || strcmp(name, "--conf") == 0;
}

START_TEST(requests_survive_the_way)
{
	struct ctx *c = test_ctx();
	struct parsed sent, got;
	struct str *word, input;
	struct buf b;
	size_t n;

	ck_ok(c, parse(c, lines[_i], &sent));
	ck_ok(c, take_buf(c, FRAME_REQUEST_MAX + 1, &b));
	ck_ok(c, frame_request_put(c, &sent, STR("a \"secret\""), &b));
	ck_assert_int_eq(b.p[b.n - 1], '\n');
	b.n--;
	ck_ok(c, frame_request_read(c, buf_str(&b), &word, &n, &input));
	ck_str(input, "a \"secret\"");
	ck_ok(c, grammar_parse(c, &ctl_program, word, n, &got));
	ck_assert_ptr_eq(got.command, sent.command);
	ck_assert_uint_eq(got.args, sent.args);
	for (size_t i = 0; i < got.args; i++)
		ck_assert(str_same(got.arg[i], sent.arg[i]));
	for (size_t i = 0; i < got.options; i++)
		ck_assert(parsed_option(&sent, got.option[i].option->name, NULL));
	for (size_t i = 0; i < sent.options; i++)
		ck_assert_int_ne(parsed_option(&got, sent.option[i].option->name, NULL),
		    stays_here(sent.option[i].option->name));
	ck_assert(!parsed_option(&got, "--yes", NULL));
	ck_assert(!parsed_option(&got, "--socket", NULL));
}
END_TEST

START_TEST(repeated_options_arrive_together)
{
	struct ctx *c = test_ctx();
	struct parsed sent, got;
	struct str *word, input, roles;
	struct buf b;
	size_t n;

	ck_ok(c, parse(c, "token create a --role admin --role issuer,auditor", &sent));
	ck_ok(c, take_buf(c, FRAME_REQUEST_MAX, &b));
	ck_ok(c, frame_request_put(c, &sent, STR(""), &b));
	ck_ok(c, frame_request_read(c, buf_str(&b), &word, &n, &input));
	ck_ok(c, grammar_parse(c, &ctl_program, word, n, &got));
	ck_assert(parsed_option(&got, "--role", &roles));
	ck_str(roles, "admin,issuer,auditor");
}
END_TEST

static const struct {
	const char *line;
	enum err_code code;
} hostile[] = {
	{ "", E_JSON },
	{ "status", E_JSON },
	{ "[]", E_JSON },
	{ "{}", E_INPUT },
	{ "{\"args\":\"status\"}", E_INPUT },
	{ "{\"args\":[1]}", E_INPUT },
	{ "{\"args\":[\"a\\u0000b\"]}", E_JSON },
	{ "{\"args\":[\"a\\u001bb\"]}", E_INPUT },
	{ "{\"args\":[],\"args\":[]}", E_JSON },
	{ "{\"args\":[],\"more\":1}", E_FIELD },
	{ "{\"args\":[],\"options\":[]}", E_INPUT },
	{ "{\"args\":[],\"options\":{\"yes\":1}}", E_USAGE },
	{ "{\"args\":[],\"options\":{\"yes\":false}}", E_USAGE },
	{ "{\"args\":[],\"options\":{\"yes\":{}}}", E_USAGE },
	{ "{\"args\":[],\"input\":7}", E_INPUT },
	{ "{\"args\":[[[[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]]]]}", E_JSON },
	{ "{\"args\":[\"status\"]}x", E_JSON },
};

START_TEST(hostile_requests_are_refused)
{
	struct ctx *c = test_ctx();
	struct str *word, input;
	size_t n;

	ck_fails(c, hostile[_i].code,
	    frame_request_read(c, str_of(hostile[_i].line), &word, &n, &input));
}
END_TEST

/* Right frames with some bytes changed, both ways: refused with a reason, or understood. */
START_TEST(changed_frames_do_no_harm)
{
	static const char *const right[] = {
		"{\"args\":[\"token\",\"list\"],\"options\":{\"role\":\"admin\"},\"input\":\"x\"}",
		"{\"progress\":{\"done\":1,\"total\":2}}",
		"{\"error\":{\"code\":\"SEALED\",\"title\":\"t\",\"detail\":\"d\"}}",
		"{\"ok\":true,\"note\":\"n\",\"negative\":true}",
	};
	struct ctx *c = test_ctx();

	for (unsigned round = 0; round < 20000; round++) {
		const char *from = right[round % COUNT(right)];
		size_t n = strlen(from), words;
		struct str *word, input;
		struct parsed p;
		struct frame f;
		char text[256];
		uint8_t r[8];

		arena_reset(c->mem);
		c->err = (struct err){ 0 };
		memcpy(text, from, n);
		c->random(r, sizeof r);
		for (unsigned i = 0; i <= r[0] % 3u; i++)
			text[r[1 + i] % n] = (char)r[4 + i];
		if (r[7] < 32)
			n = r[7] * n / 32;
		if (!frame_request_read(c, (struct str){ text, n }, &word, &words, &input) ||
		    !grammar_parse(c, &ctl_program, word, words, &p))
			ck_assert_int_ne(c->err.code, E_NONE);
		c->err = (struct err){ 0 };
		if (!frame_read(c, (struct str){ text, n }, &f))
			ck_err(c, E_PEER);
	}
}
END_TEST

/* ---- Answers -------------------------------------------------------------------------------- */

START_TEST(answers_survive_the_way)
{
	struct ctx *c = test_ctx();
	const struct frame sent[] = {
		{ .kind = FRAME_ROW, .row = STR("{\"a\":[1,2]}") },
		{ .kind = FRAME_PROGRESS, .done = 3, .total = 10 },
		{ .kind = FRAME_DATA, .data = STR("bytes \n\xff") },
		{ .kind = FRAME_OK, .note = STR("well"), .negative = true },
		{ .kind = FRAME_OK },
		{ .kind = FRAME_ERROR, .code = E_SEALED, .detail = STR("not now") },
	};

	for (size_t i = 0; i < COUNT(sent); i++) {
		char text[256];
		struct buf b = BUF(text);
		struct frame got;

		frame_put(&b, &sent[i]);
		ck_assert_int_eq(b.p[b.n - 1], '\n');
		ck_ok(c, frame_read(c, (struct str){ b.p, b.n - 1 }, &got));
		ck_assert_int_eq(got.kind, sent[i].kind);
		ck_assert(str_same(got.row, sent[i].row) && str_same(got.data, sent[i].data));
		ck_assert(str_same(got.note, sent[i].note));
		ck_assert(str_same(got.detail, sent[i].detail));
		ck_assert_int_eq(got.done, sent[i].done);
		ck_assert_int_eq(got.total, sent[i].total);
		ck_assert_int_eq(got.negative, sent[i].negative);
		ck_assert_int_eq(got.code, sent[i].code);
	}
}
END_TEST

static const char *const strange[] = { "", "x", "[]", "{}", "{\"row\":1}", "{\"data\":\"!\"}",
	"{\"data\":1}", "{\"progress\":{\"done\":1}}",
	"{\"progress\":{\"done\":-1,\"total\":1}}", "{\"error\":{}}", "{\"error\":\"x\"}",
	"{\"other\":{\"code\":\"SEALED\"}}" };

START_TEST(strange_answers_are_refused)
{
	struct ctx *c = test_ctx();
	struct frame f;

	ck_fails(c, E_PEER, frame_read(c, str_of(strange[_i]), &f));
}
END_TEST

/* ---- Lines ---------------------------------------------------------------------------------- */

static void
pipe_with(const char *text, size_t n, int ends[2])
{
	ck_assert_int_eq(pipe2(ends, O_CLOEXEC), 0);
	ck_assert_int_eq(write(ends[1], text, n), (ssize_t)n);
}

START_TEST(lines_are_cut)
{
	struct ctx *c = test_ctx();
	struct frame_reader r;
	struct str line;
	int ends[2];
	bool end;

	pipe_with("one\n\nthree\n", 11, ends);
	close(ends[1]);
	ck_ok(c, frame_reader_init(c, ends[0], 16, &r));
	ck_ok(c, frame_line(c, &r, INT64_MAX, &end, &line));
	ck_str(line, "one");
	ck_ok(c, frame_line(c, &r, INT64_MAX, &end, &line));
	ck_str(line, "");
	ck_ok(c, frame_line(c, &r, INT64_MAX, &end, &line));
	ck_str(line, "three");
	ck_assert(!end);
	ck_ok(c, frame_line(c, &r, INT64_MAX, &end, &line));
	ck_assert(end);
	close(ends[0]);
}
END_TEST

START_TEST(lines_are_bounded)
{
	struct ctx *c = test_ctx();
	struct frame_reader r;
	struct str line;
	int ends[2];
	bool end;

	pipe_with("0123456789abcdef", 16, ends);
	ck_ok(c, frame_reader_init(c, ends[0], 16, &r));
	ck_fails(c, E_LIMIT, frame_line(c, &r, INT64_MAX, &end, &line));
	ck_ok(c, frame_reader_init(c, ends[0], 16, &r));
	ck_fails(c, E_SLOW, frame_line(c, &r, clock_monotonic() + 50, &end, &line));
	ck_assert_int_eq(write(ends[1], "half", 4), 4);
	close(ends[1]);
	ck_fails(c, E_PEER, frame_line(c, &r, INT64_MAX, &end, &line));
	close(ends[0]);
}
END_TEST

MAIN("admin_frame", EACH(requests_survive_the_way, lines),
    ONE(repeated_options_arrive_together), EACH(hostile_requests_are_refused, hostile),
    ONE(changed_frames_do_no_harm), ONE(answers_survive_the_way),
    EACH(strange_answers_are_refused, strange), ONE(lines_are_cut), ONE(lines_are_bounded))
