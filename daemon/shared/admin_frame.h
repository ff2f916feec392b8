/*
 * admin_frame: what hallmarkctl and hallmarkd say to each other. One JSON object a line, one
 * request a connection:
 *
 *	{"args":["token","create","acme"],"options":{"role":"admin"},"input":"…"}
 *
 * and then any number of rows, progress and data lines, and one last line:
 *
 *	{"row":{…}}  {"progress":{"done":3,"total":10}}  {"data":"base64url"}
 *	{"ok":true,"note":"…","negative":false}  or  {"error":{"code":"…","title":"…","detail":"…"}}
 */
#ifndef ADMIN_FRAME_H
#define ADMIN_FRAME_H

#include "base.h"
#include "grammar.h"

enum {
	FRAME_REQUEST_MAX = 64 << 10, /* one line, its newline included */
	FRAME_ANSWER_MAX = 512 << 10,
	FRAME_DATA_MAX = 48 << 10, /* bytes of one data line, before base64url */
	FRAME_INPUT_MAX = 4096,
	FRAME_REQUEST_MS = 10000, /* for a whole request to arrive */
};

/* ---- Lines ---------------------------------------------------------------------------------- */

/* Reads lines off a descriptor, each at most `max` bytes with its newline. */
struct frame_reader {
	int fd;
	char *p;
	size_t n, max, line; /* bytes there; bytes of the line given out last */
};
MUST bool frame_reader_init(struct ctx *, int fd, size_t max, struct frame_reader *ret);
/*
 * The next line without its newline, valid until the next call. Waits until `deadline`
 * (clock_monotonic; INT64_MAX: for ever): E_SLOW. *ret_end at the end of the stream; E_PEER if that
 * comes within a line, E_LIMIT for a line that is too long.
 */
MUST bool frame_line(
    struct ctx *, struct frame_reader *, int64_t deadline, bool *ret_end, struct str *ret);
/* Wipes what was read: it may have held a secret. */
void frame_reader_wipe(struct frame_reader *);

/* ---- Requests ------------------------------------------------------------------------------- */

/* Appends the line of a parsed command. Options for the client alone are left out. */
MUST bool frame_request_put(
    struct ctx *, const struct parsed *, struct str input, struct buf *out);
/* Back to the words of a command line, for grammar_parse. E_USAGE or E_JSON for anything else. */
MUST bool frame_request_read(
    struct ctx *, struct str line, struct str **ret_word, size_t *ret_n, struct str *ret_input);

/* ---- Answers -------------------------------------------------------------------------------- */

enum frame_kind { FRAME_ROW, FRAME_PROGRESS, FRAME_DATA, FRAME_OK, FRAME_ERROR };
struct frame {
	enum frame_kind kind;
	struct str row;      /* a JSON object */
	int64_t done, total; /* total 0: unknown */
	struct str data;     /* decoded */
	struct str note;     /* ok: a sentence, or empty */
	bool negative;       /* ok: done, and what was asked turned out not to hold */
	enum err_code code;  /* error */
	struct str detail;
};
/* Appends one line. An error is what c->err says. */
void frame_put(struct buf *out, const struct frame *);
void frame_put_error(struct buf *out, const struct ctx *);
/* E_PEER for a line that is none of these. */
MUST bool frame_read(struct ctx *, struct str line, struct frame *ret);

#endif
