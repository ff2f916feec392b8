/*
 * live: how somebody else's service is asked, picture by picture. The worker of a verification
 * composes questions and has no network; the server relays them, one at a time, and enforces what
 * its configuration allows; a courier sends them, and has neither secrets nor an opinion. Each side
 * decodes here what the other sends, and trusts nothing that does not decode.
 */
#ifndef LIVE_H
#define LIVE_H

#include "base.h"

#define LIVE_URL_MAX 1024
#define LIVE_TYPE_MAX 128
#define LIVE_HEADERS_MAX (4 << 10) /* bytes of all lines */
#define LIVE_BODY_MAX (200 << 10)
#define LIVE_ANSWER_MAX (64 << 10) /* bytes of an answer's body */
#define LIVE_TEXT_MAX 191
#define LIVE_MESSAGE_MAX (208 << 10) /* of either kind */
enum { LIVE_LINES_MAX = 16, LIVE_RATE_MAX = 50 /* questions a second */ };

enum live_method { LIVE_POST, LIVE_PUT, LIVE_METHODS };
extern const char *const live_method_names[]; /* "POST" …, NULL at the end */

/* A request of HTTP. */
struct live_question {
	uint64_t number;
	enum live_method method;
	struct str url, type; /* type: of its body */
	struct str headers;   /* lines "Name: value", each ended by \n; may be empty */
	struct str body;
};
/* What came back: the body is as hostile as whoever sent it. */
struct live_answer {
	uint64_t number;
	int status;      /* 0: there was no answer */
	struct str text; /* why there was none, a sentence */
	struct str body; /* LIVE_ANSWER_MAX at most */
};

/*
 * Header lines that may be sent: names and values of visible ASCII, none of those that say where a
 * message ends or whom it is for. E_INPUT with a sentence.
 */
MUST bool live_headers_check(struct ctx *, struct str headers);

/* Encoding appends to a buffer of LIVE_MESSAGE_MAX: E_LIMIT for a part that is too large. */
MUST bool live_question_encode(struct ctx *, const struct live_question *, struct buf *out);
MUST bool live_answer_encode(struct ctx *, const struct live_answer *, struct buf *out);
/* Views into the bytes. E_PEER for whatever is not exactly what the other side may send. */
MUST bool live_question_decode(struct ctx *, struct str bytes, struct live_question *ret);
MUST bool live_answer_decode(struct ctx *, struct str bytes, struct live_answer *ret);

#endif
