/*
 * Errors. Codes are few and mean what the caller can do; the status of an HTTP answer and the exit
 * status of a program are columns here, so that nobody else ever chooses one.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>

#include "base.h"

/* clang-format off */
static const struct {
	const char *wire, *title;
	int http, exit;
} errors[] = {
	[E_NONE]          = { "OK",                       "Done",                           200, 0 },
	[E_USAGE]         = { "BAD_REQUEST",              "Malformed request",              400, 1 },
	[E_JSON]          = { "MALFORMED_JSON",           "Malformed JSON",                 400, 1 },
	[E_INPUT]         = { "INVALID_VALUE",            "Invalid value",                  422, 1 },
	[E_FIELD]         = { "UNKNOWN_FIELD",            "Unknown field",                  422, 1 },
	[E_AUTH]          = { "UNAUTHENTICATED",          "Authentication required",        401, 2 },
	[E_DENIED]        = { "FORBIDDEN",                "Not allowed",                    403, 2 },
	[E_ABSENT]        = { "NOT_FOUND",                "Not found",                      404, 2 },
	[E_METHOD]        = { "METHOD_NOT_ALLOWED",       "Method not allowed",             405, 2 },
	[E_CONFLICT]      = { "CONFLICT",                 "Conflicts with present state",   409, 2 },
	[E_STALE]         = { "PRECONDITION_FAILED",      "Changed since it was read",      412, 2 },
	[E_NEED_MATCH]    = { "PRECONDITION_REQUIRED",    "If-Match required",              428, 2 },
	[E_NEED_KEY]      = { "IDEMPOTENCY_KEY_REQUIRED", "Idempotency-Key required",       400, 2 },
	[E_KEY_REUSED]    = { "IDEMPOTENCY_KEY_REUSED",   "Idempotency-Key used before",    422, 2 },
	[E_LIMIT]         = { "TOO_LARGE",                "Too large",                      413, 1 },
	[E_LENGTH]        = { "LENGTH_REQUIRED",          "Content-Length required",        411, 2 },
	[E_RANGE]         = { "RANGE_NOT_SATISFIABLE",    "No such range",                  416, 2 },
	[E_MEDIA]         = { "UNSUPPORTED_MEDIA_TYPE",   "Unsupported media type",         415, 2 },
	[E_DIGEST]        = { "DIGEST_MISMATCH",          "Not what was announced",         422, 5 },
	[E_SLOW]          = { "REQUEST_TIMEOUT",          "Too slow",                       408, 2 },
	[E_RATE]          = { "RATE_LIMITED",             "Too many requests",              429, 2 },
	[E_SEALED]        = { "SEALED",                   "Sealed",                         503, 4 },
	[E_UNINITIALISED] = { "UNINITIALISED",            "Not initialised",                501, 4 },
	[E_DRAINING]      = { "DRAINING",                 "Shutting down",                  503, 2 },
	[E_BUSY]          = { "BUSY",                     "Busy, try again",                503, 2 },
	[E_MEMORY]        = { "OUT_OF_MEMORY",            "Out of memory",                  503, 2 },
	[E_STORE]         = { "STORE_UNAVAILABLE",        "Store unavailable",              503, 2 },
	[E_FULL]          = { "STORAGE_FULL",             "Storage full",                   507, 2 },
	[E_PEER]          = { "UNREACHABLE",              "Process unreachable",            503, 2 },
	[E_FILE]          = { "LOCAL_FILE",               "Local file error",               500, 1 },
	[E_INTEGRITY]     = { "INTEGRITY",                "Integrity check failed",         500, 5 },
	[E_CRYPTO]        = { "CRYPTOGRAPHY",             "Cryptographic library failed",   500, 5 },
	[E_REFUSED]       = { "REFUSED",                  "Refused by the license's terms",  403, 3 },
	[E_UNDECIDED]     = { "UNDECIDED",                "Cannot be decided now",          503, 2 },
	[E_INTERNAL]      = { "INTERNAL",                 "Internal error",                 500, 1 },
};
/* clang-format on */
_Static_assert(COUNT(errors) == E_COUNT, "one row per code");

const char *
err_wire(enum err_code code)
{
	return errors[code].wire;
}

const char *
err_title(enum err_code code)
{
	return errors[code].title;
}

const char *
err_name(const struct err *e)
{
	return e->name != NULL ? e->name : err_wire(e->code);
}

int
err_http(enum err_code code)
{
	return errors[code].http;
}

int
err_exit(enum err_code code)
{
	return errors[code].exit;
}

enum err_code
err_from_wire(struct str wire)
{
	for (size_t i = 0; i < COUNT(errors); i++)
		if (str_same(wire, str_of(errors[i].wire)))
			return (enum err_code)i;
	return E_INTERNAL;
}

/* A text that had to be cut must not end within a character. */
static void
cut_back(char *text)
{
	size_t n = strlen(text);

	for (size_t k = 0; k < 4 && k <= n; k++) {
		if (text_valid((struct str){ text, n - k })) {
			text[n - k] = '\0';
			return;
		}
	}
}

PRINTF(5, 0)
static void
record(struct ctx *c, enum err_code code, const char *at, const char *detail, const char *fmt,
    va_list args)
{
	c->err = (struct err){ .code = code };
	if (vsnprintf(c->err.text, sizeof c->err.text, fmt, args) >= (int)sizeof c->err.text)
		cut_back(c->err.text);
	snprintf(c->err.at, sizeof c->err.at, "%s", at);
	snprintf(c->err.detail, sizeof c->err.detail, "%s", detail);
}

bool
fail(struct ctx *c, enum err_code code, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	record(c, code, "", "", fmt, args);
	va_end(args);
	return false;
}

bool
fail_at(struct ctx *c, enum err_code code, const char *at, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	record(c, code, at, "", fmt, args);
	va_end(args);
	return false;
}

bool
fail_named(struct ctx *c, enum err_code code, const char *name, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	record(c, code, "", "", fmt, args);
	va_end(args);
	c->err.name = name;
	return false;
}

bool
fail_log(struct ctx *c, enum err_code code, const char *detail, const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	record(c, code, "", detail, fmt, args);
	va_end(args);
	return false;
}

bool
fail_errno(struct ctx *c, const char *what, const char *name)
{
	int e = errno;
	char text[96];
	const char *why = strerror_r(e, text, sizeof text);

	if (e == ENOSPC || e == EDQUOT)
		return fail_log(c, E_FULL, name, "no space left to %s", what);
	return fail(c, E_FILE, "cannot %s %s: %s", what, name, why);
}
