/*
 * Any bytes as messages to a worker that stays, or from it: the first byte says which, then each
 * message has its length before it, two bytes. What decodes is within its bounds, and encoded again
 * it is the message that it came from.
 */
#include "fuzz.h"
#include "view.h"

const size_t target_memory = 8 << 20;

/* Between our own processes there is one way to be wrong. */
static void
not_understood(struct ctx *c)
{
	must(c->err.code == E_PEER && c->err.text[0] != '\0', "an odd refusal", c);
	c->err = (struct err){ 0 };
}

/* What was taken apart, put together: the last message is the one that came. */
static void
same_again(struct ctx *c, struct str message, const struct view_question *q,
    const struct view_answer *a)
{
	struct buf b = { 0 };

	for (size_t at = 0; at != SIZE_MAX;) {
		must(take_buf(c, VIEW_MESSAGE_MAX, &b), "no memory", c);
		must(q != NULL ? view_question_encode(c, q, &at, &b)
			       : view_answer_encode(c, a, &at, &b),
		    "what was decoded cannot be encoded", c);
	}
	must(str_same(buf_str(&b), message), "another message", c);
}

static void
question(struct ctx *c, struct str message, struct view_pieces *p)
{
	bool alone = p->number == 0, whole;
	struct view_question q;

	if (!view_question_decode(c, message, p, &whole, &q)) {
		not_understood(c);
		return;
	}
	must(p->n <= VIEW_PICTURE_MAX, "more than there is room for", c);
	if (!whole)
		return;
	must(q.number != 0 && q.number == view_number(message), "no number", c);
	must(q.picture.n <= VIEW_PICTURE_MAX, "a picture too large", c);
	must((q.op == VIEW_LOOK) == (q.picture.n > 0), "a picture too many", c);
	must(q.claim.issued >= 0 && q.claim.expires >= 0, "no time", c);
	if (alone)
		same_again(c, message, &q, NULL);
}

static void
answer(struct ctx *c, struct str message, struct view_pieces *p)
{
	bool alone = p->number == 0, whole;
	struct view_answer a;

	if (!view_answer_decode(c, message, p, &whole, &a)) {
		not_understood(c);
		return;
	}
	must(p->n <= VIEW_PICTURE_MAX, "more than there is room for", c);
	if (!whole)
		return;
	must(a.number != 0 && a.number == view_number(message), "no number", c);
	must(text_valid(a.text) && a.text.n <= VIEW_TEXT_MAX, "no text", c);
	must(a.found < VIEW_FOUNDS, "nothing that could be found", c);
	must(a.picture.n == 0 || (a.op == VIEW_MAKE && a.code == E_NONE), "a picture", c);
	must(!a.additional || a.found == VIEW_FOUND, "answered unasked", c);
	/* A code that no table knows reads as another one. */
	if (alone && a.code != E_INTERNAL)
		same_again(c, message, NULL, &a);
}

void
target(struct ctx *c, struct str bytes)
{
	static char room[VIEW_PICTURE_MAX];
	struct view_pieces p = { .v = room };
	bool asks = bytes.n > 0 && bytes.p[0] & 1;

	if (bytes.n > 0)
		bytes = (struct str){ bytes.p + 1, bytes.n - 1 };
	while (bytes.n >= 2) {
		size_t n = (size_t)(unsigned char)bytes.p[0] << 8 | (unsigned char)bytes.p[1];
		struct str message = { bytes.p + 2, n < bytes.n - 2 ? n : bytes.n - 2 };

		if (asks)
			question(c, message, &p);
		else
			answer(c, message, &p);
		bytes.p = message.p + message.n;
		bytes.n -= 2 + message.n;
	}
}
