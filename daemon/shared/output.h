/*
 * output: what the command line programs print. Rows are JSON objects, shown as a table for people,
 * as one JSON value, or as one object a line; data on standard output, everything else on standard
 * error. Text that others wrote is escaped before it reaches a terminal.
 */
#ifndef OUTPUT_H
#define OUTPUT_H

#include "base.h"
#include "grammar.h"

enum output_format { OUTPUT_TABLE, OUTPUT_JSON, OUTPUT_JSONL };

struct output;
/* For the rows of one command; --format decides the form. */
MUST bool output_new(struct ctx *, const struct parsed *, struct output **ret);
void output_free(struct output **);
/* One row, a JSON object. Rows of a table may wait until their widths are known. */
MUST bool output_row(struct ctx *, struct output *, struct str json);
/* Shows what waits. */
MUST bool output_flush(struct ctx *, struct output *);
/* Ends the data; E_FILE if standard output did not take all of it. */
MUST bool output_end(struct ctx *, struct output *);
/* A bar with rate and time left on a terminal, a line now and then otherwise. total 0: unknown. */
void output_progress(struct output *, int64_t done, int64_t total);

/* ---- Messages, on standard error ------------------------------------------------------------ */

/* A sentence that may hold what others wrote. */
void output_say(const char *program, struct str text);
/* The error of a context, with its code; returns the exit status that belongs to it. */
int output_failure(const struct ctx *, const char *program);
/* What the user got wrong, and what would have been possible. */
int output_usage(const struct ctx *, const struct program *, const struct str word[], size_t n);
/* Help, version, completion or manual page, if that was asked for. */
bool output_asked(const struct program *, const struct parsed *, int *ret_exit);

/* ---- Questions ------------------------------------------------------------------------------ */

/* --yes, or a yes at the terminal; E_USAGE if there is neither. */
MUST bool output_confirm(struct ctx *, const struct parsed *, const char *what);
/*
 * A secret: from @FILE, or standard input; asked for without echo at a terminal. The newline is cut
 * off; it may be empty.
 */
MUST bool output_secret(
    struct ctx *, struct str from, const char *what, size_t max, struct str *ret);

#endif
