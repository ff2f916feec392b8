/*
 * Tests of the command line: the tables name nothing that is not there, every command is parsed,
 * documented and completed, and a line that is wrong is refused with a reason.
 */
#include <stdio.h>

#include "grammar.h"
#include "manual.h"
#include "test.h"

enum { WORDS = 16 };

static const struct program *const programs[] = { &ctl_program, &vendor_program,
	&daemon_program };

/* "token create acme" as words. */
static size_t
words_of(const char *line, struct str word[WORDS])
{
	struct str rest = str_of(line);
	size_t n = 0;

	while (rest.n > 0 && n < WORDS)
		(void)str_cut(&rest, ' ', &word[n++]);
	return n;
}

MUST static bool
parse(struct ctx *c, const struct program *p, const char *line, struct parsed *ret)
{
	struct str *word = take(c, WORDS * sizeof *word);

	return word != NULL && grammar_parse(c, p, word, words_of(line, word), ret);
}

/* ---- The tables ----------------------------------------------------------------------------- */

static bool
option_used(const struct program *p, const struct option *o)
{
	struct shape s;

	for (size_t i = 0; i <= p->commands; i++) {
		grammar_shape(i < p->commands ? p->command[i].grammar : p->globals, &s);
		for (size_t k = 0; k < s.options; k++)
			if (str_same(s.option[k].name, str_of(o->name)))
				return true;
	}
	return false;
}

START_TEST(tables_are_whole)
{
	const struct program *p = programs[_i];

	for (size_t i = 0; i <= p->commands; i++) {
		struct shape s;

		grammar_shape(i < p->commands ? p->command[i].grammar : p->globals, &s);
		for (size_t k = 0; k < s.options; k++)
			ck_assert_msg(option_named(p, s.option[k].name) != NULL,
			    "%s: no help for %.*s", p->name, STRF(s.option[k].name));
		if (i == p->commands)
			break;
		ck_assert_uint_gt(s.words.n, 0);
		ck_assert_uint_gt(strlen(p->command[i].help), 0);
		ck_assert_ptr_nonnull(p->command[i].columns);
		for (size_t k = 0; k < i; k++) {
			struct shape other;

			grammar_shape(p->command[k].grammar, &other);
			ck_assert_msg(!str_same(s.words, other.words), "%.*s is there twice",
			    STRF(s.words));
		}
	}
	for (size_t i = 0; i <= p->commands; i++) {
		struct shape s;

		grammar_shape(i < p->commands ? p->command[i].grammar : p->globals, &s);
		for (size_t k = 0; k < s.options; k++)
			ck_assert_int_eq(s.option[k].type != NULL,
			    option_takes_value(p, option_named(p, s.option[k].name)));
	}
	for (size_t i = 0; i < p->options; i++)
		ck_assert_msg(option_used(p, &p->option[i]), "%s: nobody takes %s", p->name,
		    p->option[i].name);
}
END_TEST

static bool
mentions(const struct buf *b, const char *what)
{
	return memmem(b->p, b->n, what, strlen(what)) != NULL;
}

START_TEST(manual_and_completion_name_every_command)
{
	static char page[MANUAL_MAX], script[MANUAL_MAX];
	const struct program *p = programs[_i];
	struct buf man = BUF(page), bash = BUF(script);

	manual_page(p, &man);
	completion_bash(p, &bash);
	ck_assert(!man.full && !bash.full);
	ck_assert(str_starts(buf_str(&man), STR(".TH \"HALLMARK")));
	for (size_t i = 0; i < p->commands; i++) {
		char text[200];
		struct buf b = BUF(text);
		struct shape s;

		grammar_shape(p->command[i].grammar, &s);
		buf_put(&b, STR(".SS \"\\fB"));
		for (size_t k = 0; k < s.words.n; k++)
			buf_printf(&b, s.words.p[k] == '-' ? "\\-" : "%c", s.words.p[k]);
		buf_char(&b, '\0');
		ck_assert_msg(mentions(&man, text), "the manual has no %s", text);
		snprintf(text, sizeof text, "\t\"%.*s\" | ", STRF(s.words));
		ck_assert_msg(mentions(&bash, text), "the completion has no %s", text);
	}
	for (size_t i = 0; i < p->options && p->commands > 0; i++)
		ck_assert_msg(mentions(&bash, p->option[i].name), "the completion has no %s",
		    p->option[i].name);
}
END_TEST

/* ---- Command lines -------------------------------------------------------------------------- */

#define TOKEN "tok_01a1f7b4-613b-78db-864f-cf642ca115e9"
#define RELEASE "rel_01a1f7b4-613b-78db-864f-cf642ca115e9"
#define WEBHOOK "whk_019c1a2b-3c4d-7e5f-8a6b-7c8d9e0f1a2b"
#define JOB "job_01a1f7b4-613b-78db-864f-cf642ca115e9"

/* One line at least for every command; `words` is what it is, `arg` its first argument. */
static const struct {
	const char *line, *words, *arg;
	size_t args, options;
} lines[] = {
	{ "status", "status", NULL, 0, 0 },
	{ "init --shares 5 --threshold 3", "init", NULL, 0, 2 },
	{ "unseal", "unseal", NULL, 0, 0 },
	{ "unseal @share.txt", "unseal", "@share.txt", 1, 0 },
	{ "unseal -", "unseal", "-", 1, 0 },
	{ "seal --yes", "seal", NULL, 0, 1 },
	{ "rotate --dry-run --wait", "rotate", NULL, 0, 2 },
	{ "vendor create acme", "vendor create", "acme", 1, 0 },
	{ "vendor list --format json", "vendor list", NULL, 0, 1 },
	{ "vendor suspend acme -y", "vendor suspend", "acme", 1, 1 },
	{ "vendor resume acme", "vendor resume", "acme", 1, 0 },
	{ "token create acme", "token create", "acme", 1, 0 },
	{ "--role admin token create --name x acme --role=issuer,auditor --expires 90d",
	    "token create", "acme", 1, 4 },
	{ "token create -- -acme", "token create", "-acme", 1, 0 },
	{ "token list acme", "token list", "acme", 1, 0 },
	{ "token revoke acme " TOKEN, "token revoke", "acme", 2, 0 },
	{ "job list --vendor acme", "job list", NULL, 0, 1 },
	{ "job show " JOB, "job show", JOB, 1, 0 },
	{ "job cancel " JOB, "job cancel", JOB, 1, 0 },
	{ "release list --vendor acme", "release list", NULL, 0, 1 },
	{ "webhook list --vendor acme", "webhook list", NULL, 0, 1 },
	{ "webhook log " WEBHOOK, "webhook log", WEBHOOK, 1, 0 },
	{ "webhook replay " WEBHOOK " --since 2h", "webhook replay", WEBHOOK, 1, 1 },
	{ "release unlock-key " RELEASE " 7 @me.jwk out.key --expires 90d",
	    "release unlock-key", RELEASE, 4, 1 },
	{ "audit tail -n 5 -f", "audit tail", NULL, 0, 2 },
	{ "audit verify", "audit verify", NULL, 0, 0 },
	{ "audit export --after 0", "audit export", NULL, 0, 1 },
	{ "db check", "db check", NULL, 0, 0 },
	{ "db backup /tmp/x", "db backup", "/tmp/x", 1, 0 },
	{ "db restore x --conf y", "db restore", "x", 1, 1 },
	{ "doctor", "doctor", NULL, 0, 0 },
	{ "metrics", "metrics", NULL, 0, 0 },
	{ "--socket /run/x metrics", "metrics", NULL, 0, 1 },
};

START_TEST(right_lines_parse)
{
	struct ctx *c = test_ctx();
	struct parsed p;
	struct shape s;

	ck_ok(c, parse(c, &ctl_program, lines[_i].line, &p));
	ck_assert_ptr_nonnull(p.command);
	grammar_shape(p.command->grammar, &s);
	ck_assert(str_same(s.words, str_of(lines[_i].words)));
	ck_assert_uint_eq(p.args, lines[_i].args);
	ck_assert_uint_eq(p.options, lines[_i].options);
	if (lines[_i].arg != NULL)
		ck_assert(str_same(p.arg[0], str_of(lines[_i].arg)));
}
END_TEST

START_TEST(every_command_has_a_line)
{
	for (size_t i = 0; i < ctl_program.commands; i++) {
		bool found = false;
		struct shape s;

		grammar_shape(ctl_program.command[i].grammar, &s);
		for (size_t k = 0; k < COUNT(lines) && !found; k++)
			found = str_same(s.words, str_of(lines[k].words));
		ck_assert_msg(found, "no line for %.*s", STRF(s.words));
	}
}
END_TEST

static const struct {
	const char *line, *why;
} wrong_lines[] = {
	{ "toke list", "there is no command \"toke list\"" },
	{ "token", "there is no command \"token\"" },
	{ "list token", "there is no command \"list token\"" },
	{ "status now", "status: \"now\" is one word too many" },
	{ "token create", "token create: <vendor> is missing" },
	{ "token create a b", "token create: \"b\" is one word too many" },
	{ "token revoke acme 7", "<token> is an id that begins with tok_" },
	{ "token revoke acme " JOB, "<token> is an id that begins with tok_" },
	{ "token create a --role boss", "--role is one of: admin, issuer, verifier, auditor" },
	{ "token create a --role", "--role wants a value" },
	{ "token create a --name x --name y", "--name is given twice" },
	{ "token create a --wait", "--wait does not go with token create" },
	{ "token create a --colour", "there is no option --colour" },
	{ "rotate --wait=1", "--wait takes no value" },
	{ "audit tail -n 0", "--lines is a number from 1 to 100000" },
	{ "audit tail -n 5x", "--lines is a number from 1 to 100000" },
	{ "status --format xml", "--format is one of: table, json, jsonl" },
	{ "unseal hms1-share",
	    "<share> is a secret and never an argument: give @FILE, or - and the "
	    "secret on standard input" },
	{ "--lines 5", "--lines does not go with this command" },
	{ "token create a\x1b[2J", "<vendor> is printable text of 1 to 128 bytes" },
	{ "x\x1b[2J", "there is no command \"x\\x1b[2J\"" },
};

START_TEST(wrong_lines_are_refused)
{
	struct ctx *c = test_ctx();
	struct parsed p;

	if (parse(c, &ctl_program, wrong_lines[_i].line, &p))
		ck_abort_msg("%s: did not fail", wrong_lines[_i].line);
	ck_assert_str_eq(c->err.text, wrong_lines[_i].why);
	ck_err(c, E_USAGE);
}
END_TEST

/* What may come again is all there, and what looks like an option belongs to it after "--". */
START_TEST(the_last_argument_may_come_again)
{
	struct ctx *c = test_ctx();
	struct parsed p;

	ck_ok(c,
	    parse(c, &vendor_program,
		"artifact exec a.key a.onnx --key k -- run --key {model} -y", &p));
	ck_assert_uint_eq(p.args, 3);
	ck_assert_uint_eq(p.options, 1);
	ck_assert_uint_eq(p.rests, 4);
	ck_str(p.rest[0], "run");
	ck_str(p.rest[3], "-y");
	ck_ok(c, parse(c, &vendor_program, "artifact exec a.key a.onnx run --key k", &p));
	ck_assert_uint_eq(p.rests, 1);
	ck_fails(
	    c, E_USAGE, parse(c, &vendor_program, "artifact exec a.key a.onnx --key k", &p));
	ck_fails(c, E_USAGE, parse(c, &vendor_program, "artifact exec a.key a.onnx run", &p));
}
END_TEST

START_TEST(possibilities_fit_the_words)
{
	char text[GRAMMAR_HELP];
	struct str word[WORDS];
	struct buf b = BUF(text);

	grammar_possible(&ctl_program, word, words_of("token lst", word), &b);
	ck_assert(mentions(&b, "token create <vendor>"));
	ck_assert(mentions(&b, "token list <vendor>"));
	ck_assert(!mentions(&b, "vendor list"));
	b.n = 0;
	grammar_possible(
	    &ctl_program, word, words_of("--socket x -y token --role a", word), &b);
	ck_assert(mentions(&b, "token list") && !mentions(&b, "vendor list"));
	b.n = 0;
	grammar_possible(&ctl_program, word, words_of("nonsense", word), &b);
	ck_assert(mentions(&b, "vendor list") && mentions(&b, "metrics"));
}
END_TEST

START_TEST(help_does_not_ask_for_arguments)
{
	struct ctx *c = test_ctx();
	char text[GRAMMAR_HELP];
	struct buf b = BUF(text);
	struct parsed p;

	ck_ok(c, parse(c, &ctl_program, "token create --help", &p));
	ck_assert_ptr_nonnull(p.command);
	grammar_help(&ctl_program, p.command, &b);
	ck_assert(mentions(&b, "--expires <time>") && !b.full);
	b.n = 0;
	grammar_help(&ctl_program, NULL, &b);
	ck_assert(mentions(&b, "audit export") && !b.full);
}
END_TEST

static const struct {
	const char *text;
	bool right;
	int64_t ms; /* from TEST_NOW; for "never", 0 in all */
} times[] = {
	{ "30m", true, 1800000 },
	{ "12h", true, 43200000 },
	{ "90d", true, INT64_C(7776000000) },
	{ "2w", true, 1209600000 },
	{ "1y", true, INT64_C(31536000000) },
	{ "2026-02-01T12:00:01Z", true, 1000 },
	{ "2026-02-02", true, 43200000 },
	{ "never", true, -TEST_NOW },
	{ "", false, 0 },
	{ "d", false, 0 },
	{ "-1d", false, 0 },
	{ "0d", false, 0 },
	{ "1s", false, 0 },
	{ "9999999d", false, 0 },
	{ "2026-02-30", false, 0 },
	{ "tomorrow", false, 0 },
};

START_TEST(times_are_read)
{
	struct ctx *c = test_ctx();
	int64_t ms = 7;

	if (times[_i].right) {
		ck_ok(c, grammar_time(c, str_of(times[_i].text), &ms));
		ck_assert_int_eq(ms, TEST_NOW + times[_i].ms);
	} else {
		ck_fails(c, E_USAGE, grammar_time(c, str_of(times[_i].text), &ms));
		ck_assert_int_eq(ms, 7);
	}
}
END_TEST

static const struct {
	const char *text;
	int64_t seconds; /* -1: none */
} spans[] = {
	{ "0", 0 },
	{ "90s", 90 },
	{ "10m", 600 },
	{ "12h", 43200 },
	{ "7d", 604800 },
	{ "2w", 1209600 },
	{ "1y", 31536000 },
	{ "", -1 },
	{ "s", -1 },
	{ "7", -1 },
	{ "0d", -1 },
	{ "-1d", -1 },
	{ "1.5h", -1 },
	{ "7 d", -1 },
	{ "100001d", -1 },
	{ "never", -1 },
};

START_TEST(spans_are_read)
{
	struct ctx *c = test_ctx();
	int64_t seconds = 7;

	if (spans[_i].seconds < 0) {
		ck_fails(c, E_USAGE, grammar_span(c, str_of(spans[_i].text), &seconds));
		ck_assert_int_eq(seconds, 7);
		return;
	}
	ck_ok(c, grammar_span(c, str_of(spans[_i].text), &seconds));
	ck_assert_int_eq(seconds, spans[_i].seconds);
}
END_TEST

MAIN("grammar", EACH(tables_are_whole, programs),
    EACH(manual_and_completion_name_every_command, programs), EACH(right_lines_parse, lines),
    ONE(every_command_has_a_line), EACH(wrong_lines_are_refused, wrong_lines),
    ONE(the_last_argument_may_come_again), ONE(possibilities_fit_the_words),
    ONE(help_does_not_ask_for_arguments), EACH(times_are_read, times),
    EACH(spans_are_read, spans))
