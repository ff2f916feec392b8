/*
 * What the command line programs say and ask: messages and questions on standard error, and secrets
 * that come from a file, a pipe or an unechoing terminal, never from an argument.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <termios.h>
#include <unistd.h>

#include "manual.h"
#include "output.h"

enum { SAY_MAX = 2048 };

/* ---- Messages ------------------------------------------------------------------------------- */

/* Nothing that moves a cursor; quotes and backslashes stay, unlike in a log. */
static void
sentence(struct buf *b, struct str text)
{
	size_t from = 0;

	for (size_t i = 0; i <= text.n; i++)
		if (i == text.n || text.p[i] == '"' || text.p[i] == '\\') {
			text_escape(b, (struct str){ text.p + from, i - from });
			if (i < text.n)
				buf_char(b, text.p[i]);
			from = i + 1;
		}
}

void
output_say(const char *program, struct str text)
{
	char line[SAY_MAX];
	struct buf b = BUF(line);

	sentence(&b, text);
	fprintf(stderr, "%s: %.*s\n", program, STRF(buf_str(&b)));
}

int
output_failure(const struct ctx *c, const char *program)
{
	char line[SAY_MAX];
	struct buf b = BUF(line);

	sentence(&b, str_of(c->err.text[0] != '\0' ? c->err.text : err_title(c->err.code)));
	fprintf(stderr, "%s: %.*s (%s)\n", program, STRF(buf_str(&b)), err_name(&c->err));
	return err_exit(c->err.code);
}

int
output_usage(const struct ctx *c, const struct program *p, const struct str word[], size_t n)
{
	static char text[GRAMMAR_HELP];
	struct buf b = BUF(text);
	int status = output_failure(c, p->name);

	grammar_possible(p, word, n, &b);
	fprintf(stderr, "%.*s", STRF(buf_str(&b)));
	return status;
}

bool
output_asked(const struct program *p, const struct parsed *parsed, int *ret_exit)
{
	static char text[MANUAL_MAX];
	struct buf b = BUF(text);

	if (parsed_option(parsed, "--version", NULL))
		buf_printf(&b, "%s %s\n", p->name, HALLMARK_VERSION);
	else if (parsed_option(parsed, "--completion", NULL))
		completion_bash(p, &b);
	else if (parsed_option(parsed, "--man", NULL))
		manual_page(p, &b);
	else if (parsed_option(parsed, "--help", NULL) || parsed->command == NULL)
		grammar_help(p, parsed->command, &b);
	else
		return false;
	fwrite(text, 1, b.n, stdout);
	*ret_exit = fflush(stdout) == 0 && !b.full ? 0 : err_exit(E_FILE);
	return true;
}

/* ---- Questions ------------------------------------------------------------------------------ */

bool
output_confirm(struct ctx *c, const struct parsed *p, const char *what)
{
	char answer[8];

	if (parsed_option(p, "--yes", NULL))
		return true;
	if (isatty(STDIN_FILENO) != 1 || isatty(STDERR_FILENO) != 1)
		return fail(c, E_USAGE, "%s: give --yes, or run it at a terminal", what);
	fprintf(stderr, "%s? Type yes to go on: ", what);
	if (fgets(answer, sizeof answer, stdin) != NULL && strcmp(answer, "yes\n") == 0)
		return true;
	return fail(c, E_USAGE, "not confirmed: nothing was done");
}

static void
echo(bool on)
{
	struct termios t;

	if (tcgetattr(STDIN_FILENO, &t) != 0)
		return;
	t.c_lflag = on ? t.c_lflag | ECHO : t.c_lflag & ~(tcflag_t)ECHO;
	(void)tcsetattr(STDIN_FILENO, TCSAFLUSH, &t);
}

/* Reads until the end, or at a terminal until the end of the line. */
MUST static bool
secret_read(struct ctx *c, int fd, bool line, size_t max, struct str *ret)
{
	char *p = take(c, max + 2);
	size_t n = 0;

	if (p == NULL)
		return false;
	while (n < max + 2 && !(line && n > 0 && p[n - 1] == '\n')) {
		ssize_t got = read(fd, p + n, max + 2 - n);

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return fail_errno(c, "read", "the secret");
		if (got == 0)
			break;
		n += (size_t)got;
	}
	while (n > 0 && (p[n - 1] == '\n' || p[n - 1] == '\r'))
		n--;
	if (n > max)
		return fail(c, E_USAGE, "a secret of at most %zu bytes is wanted", max);
	*ret = (struct str){ p, n };
	return true;
}

bool
output_secret(struct ctx *c, struct str from, const char *what, size_t max, struct str *ret)
{
	owned(fd_done) int fd = -1;
	char *path;
	bool ok, terminal = isatty(STDIN_FILENO) == 1;

	if (from.n > 1 && from.p[0] == '@') {
		path = take_cstr(c, (struct str){ from.p + 1, from.n - 1 });
		if (path == NULL)
			return false;
		fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
		if (fd < 0)
			return fail_errno(c, "open", path);
		return secret_read(c, fd, false, max, ret);
	}
	if (terminal) {
		/* Before the question: what is typed as soon as it is seen must not be shown. */
		echo(false);
		fprintf(stderr, "%s (not shown): ", what);
	}
	ok = secret_read(c, STDIN_FILENO, terminal, max, ret);
	if (terminal) {
		echo(true);
		fputc('\n', stderr);
	}
	return ok;
}
