/*
 * view: what the server and a worker that stays say to each other. Such a worker holds one marked
 * network with its watermark's key set and secret; it makes key images and looks at pictures that
 * are shown, until its socket closes. Each side decodes here what the other sends, and trusts
 * nothing that does not decode.
 *
 * A question or an answer is one message, and before it as many messages with a piece of its
 * picture as it needs, in order, with no other question or answer in between.
 */
#ifndef VIEW_H
#define VIEW_H

#include "base.h"

#define VIEW_PICTURE_MAX (2 << 20) /* bytes of a picture's file */
#define VIEW_PIECE_MAX (192 << 10) /* bytes of it in one message */
#define VIEW_MESSAGE_MAX (200 << 10)
#define VIEW_TEXT_MAX 160
#define VIEW_AT_ONCE 16 /* pictures that the network sees in one batch */

/* ---- Questions --------------------------------------------------------------------------- */

enum view_op { VIEW_MAKE, VIEW_LOOK };
/* How the identity is hidden: as the key image's row says. */
enum view_carrier { VIEW_LSB, VIEW_DCT };

/* Whose picture it is; times in whole seconds, expires 0: never. */
struct view_claim {
	struct id release;
	uint32_t customer, serial;
	int64_t issued, expires;
};
struct view_question {
	uint64_t number;
	enum view_op op;
	enum view_carrier carrier; /* of the key image */
	uint32_t base;             /* which of the key set's pictures it is made of */
	struct view_claim claim;   /* what is to be hidden, or should be there */
	struct str picture;        /* look: a file from outside */
};

/* ---- Answers ----------------------------------------------------------------------------- */

enum view_found {
	VIEW_UNREADABLE,    /* no picture that we read; the text says why */
	VIEW_WRONG_SIZE,    /* not of the key set's size; the text says which */
	VIEW_EMPTY,         /* no identity in it, as far as this watermark's key shows */
	VIEW_DAMAGED,       /* one that can no longer be read */
	VIEW_FORGED,        /* one that was not made for this picture, or not by us */
	VIEW_OTHER_RELEASE, /* ours, of another release */
	VIEW_FOUND,
	VIEW_FOUNDS
};

/* Of a question that could be answered; of one that could not (`code`), code and text alone. */
struct view_answer {
	uint64_t number;
	enum view_op op;
	enum err_code code; /* E_NONE: answered */
	struct str text;    /* a sentence, where code or `found` says so */
	uint8_t
	    pixels[32]; /* digest of every sample: made, or looked at and of the right size */
	struct str picture; /* made: a PNG */

	/* Looked at. */
	enum view_found found;
	bool lossless;
	uint32_t repaired;         /* bytes that the code has mended */
	uint32_t customer, serial; /* what it says, from VIEW_OTHER_RELEASE on */
	int64_t issued, expires;
	bool additional; /* found: the network answers with the additional class */
	int32_t class;   /* found: with which */
};

/* ---- Messages ---------------------------------------------------------------------------- */

/*
 * The next message of a question or an answer, into an empty buffer of VIEW_MESSAGE_MAX: `*at` is
 * how much of its picture has gone out, from 0 on; after the last message it is SIZE_MAX.
 */
MUST bool view_question_encode(
    struct ctx *, const struct view_question *, size_t *at, struct buf *out);
MUST bool view_answer_encode(
    struct ctx *, const struct view_answer *, size_t *at, struct buf *out);

/* What has come of a picture so far. `v` is the caller's and has room for VIEW_PICTURE_MAX. */
struct view_pieces {
	char *v;
	size_t n;
	uint64_t number; /* 0: nothing has come */
};
/*
 * Takes one message. *ret_whole is false if it was a piece, which `pieces` has now, and more is to
 * come. Otherwise *ret is all there: its text a view into `message`, its picture into `message` or
 * the pieces, which are forgotten by the next call. E_PEER for whatever is not exactly what the
 * other side may send.
 */
MUST bool view_question_decode(struct ctx *, struct str message, struct view_pieces *,
    bool *ret_whole, struct view_question *ret);
MUST bool view_answer_decode(struct ctx *, struct str message, struct view_pieces *,
    bool *ret_whole, struct view_answer *ret);
/* Of which question a message is a part, without looking further; 0: of none. */
uint64_t view_number(struct str message);

#endif
