/*
 * The log: logfmt lines on standard error. One write per line, so that lines of several threads and
 * processes do not mix.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

#include "log.h"

static struct {
	const char *_Atomic program;
	_Atomic enum log_level most; /* may change while others print */
	_Atomic bool journal;
} the_log = { "hallmark", LOG_LEVEL_INFO, false };

void
log_open(const char *program, enum log_level most)
{
	the_log.program = program;
	the_log.most = most;
	the_log.journal = getenv("JOURNAL_STREAM") != NULL;
}

static const char *
level_name(enum log_level level)
{
	switch (level) {
	case LOG_LEVEL_ERROR:
		return "error";
	case LOG_LEVEL_WARNING:
		return "warning";
	case LOG_LEVEL_INFO:
		return "info";
	case LOG_LEVEL_DEBUG:
		return "debug";
	}
	return "unknown";
}

void
log_event(enum log_level level, const char *tag, const char *event, const char *fmt, ...)
{
	char line[1200];
	struct buf b = { line, 0, sizeof line - 1, false };
	int e = errno;
	va_list args;
	int n;

	if (level > the_log.most)
		return;
	if (the_log.journal) {
		buf_printf(&b, "<%d>", (int)level);
	} else {
		buf_put(&b, STR("time="));
		time_put(&b, clock_now());
		buf_char(&b, ' ');
	}
	buf_printf(&b, "level=%s prog=%s tag=%s event=%s ", level_name(level), the_log.program,
	    tag == NULL || *tag == '\0' ? "-" : tag, event);
	va_start(args, fmt);
	n = vsnprintf(line + b.n, sizeof line - 1 - b.n, fmt, args);
	va_end(args);
	if (n > 0)
		b.n += (size_t)n < sizeof line - 2 - b.n ? (size_t)n : sizeof line - 2 - b.n;
	line[b.n++] = '\n';
	if (write(STDERR_FILENO, line, b.n) < 0)
		errno = 0; /* nobody is left to tell */
	errno = e;
}

const char *
log_quote(struct str s)
{
	static _Thread_local char ring[4][320];
	static _Thread_local unsigned at;
	char *out = ring[at++ % 4];
	struct buf b = { out, 0, sizeof ring[0] - 2, false };

	if (s.n > 70)
		s.n = 70;
	buf_char(&b, '"');
	text_escape(&b, s);
	out[b.n] = '"';
	out[b.n + 1] = '\0';
	return out;
}

void
log_failure(const struct ctx *c, const char *event)
{
	char text[400];
	struct buf b = { text, 0, sizeof text - 1, false };

	text_escape(&b, str_of(c->err.text));
	text[b.n] = '\0';
	log_event(LOG_LEVEL_ERROR, c->tag, event, "code=%s text=\"%s\"%s%s",
	    err_wire(c->err.code), text, c->err.detail[0] != '\0' ? " detail=" : "",
	    c->err.detail[0] != '\0' ? log_quote(str_of(c->err.detail)) : "");
}
