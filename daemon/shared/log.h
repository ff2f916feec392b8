/*
 * log: one line per event on standard error, in logfmt, with the priority prefix that the systemd
 * journal understands when it listens, and a time of its own when it does not. Untrusted text is
 * escaped. There is no function that takes bytes, so that no secret can come here by accident.
 */
#ifndef LOG_H
#define LOG_H

#include "base.h"

enum log_level {
	LOG_LEVEL_ERROR = 3,
	LOG_LEVEL_WARNING = 4,
	LOG_LEVEL_INFO = 6,
	LOG_LEVEL_DEBUG = 7
};

/* The name printed as prog=…; the most talkative level that is printed. */
void log_open(const char *program, enum log_level most);
/* event: a stable word such as "job-done"; fmt: further `key=value` pairs, values quoted by %s of
 * log_quote when they are not plain numbers or ids. errno is preserved. */
PRINTF(4, 5)
void log_event(enum log_level, const char *tag, const char *event, const char *fmt, ...);
/* An error with all that the context knows of it: code, text, detail, tag. */
void log_failure(const struct ctx *, const char *event);
/*
 * Escaped and in quotes, in one of a few buffers of this thread: valid until the fourth next
 * call.
 */
const char *log_quote(struct str);

#endif
