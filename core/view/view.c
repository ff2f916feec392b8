/*
 * Questions to a worker that stays, and its answers. Pictures may be larger than one message, so
 * each is cut: pieces first, then the message that says what they are for, with the rest. The
 * worker looks at bytes from outside and may have been taken over by them: its numbers must be in
 * range, its sentences text, its pictures what begins like one, before the server believes it.
 */
#include "view.h"

enum { PROTOCOL = 1, CODE_MAX = 32, DIGEST = sizeof((struct view_answer *)NULL)->pixels };

/* What a message is. */
enum part { PART_PIECE = 1, PART_QUESTION, PART_ANSWER };

static const char png_magic[] = "\x89PNG\r\n\x1a\n";

/* ---- Writing ----------------------------------------------------------------------------- */

static void
begin(struct buf *out, enum part part, uint64_t number)
{
	wire_put_u8(out, PROTOCOL);
	wire_put_u8(out, (uint8_t)part);
	wire_put_u64(out, number);
}

/* True if what is left of the picture needs a message of its own, which is written then. */
static bool
piece_put(struct buf *out, uint64_t number, struct str picture, size_t *at)
{
	if (picture.n - *at <= VIEW_PIECE_MAX)
		return false;
	begin(out, PART_PIECE, number);
	wire_put_str(out, (struct str){ picture.p + *at, VIEW_PIECE_MAX });
	*at += VIEW_PIECE_MAX;
	return true;
}

static void
rest_put(struct buf *out, struct str picture, size_t *at)
{
	wire_put_str(out, (struct str){ picture.p + *at, picture.n - *at });
	*at = SIZE_MAX;
}

bool
view_question_encode(struct ctx *c, const struct view_question *q, size_t *at, struct buf *out)
{
	if (q->picture.n > VIEW_PICTURE_MAX || *at > q->picture.n)
		return fail(c, E_LIMIT, "a picture of %zu bytes", q->picture.n);
	if (piece_put(out, q->number, q->picture, at))
		return buf_ok(c, out);
	begin(out, PART_QUESTION, q->number);
	wire_put_u8(out, (uint8_t)q->op);
	wire_put_u8(out, (uint8_t)q->carrier);
	wire_put_u32(out, q->base);
	wire_put_id(out, &q->claim.release);
	wire_put_u32(out, q->claim.customer);
	wire_put_u32(out, q->claim.serial);
	wire_put_u64(out, (uint64_t)q->claim.issued);
	wire_put_u64(out, (uint64_t)q->claim.expires);
	rest_put(out, q->picture, at);
	return buf_ok(c, out);
}

static void
looked_put(struct buf *out, const struct view_answer *a)
{
	wire_put_u8(out, (uint8_t)a->found);
	wire_put_u8(out, a->lossless);
	wire_put_u32(out, a->repaired);
	wire_put_u32(out, a->customer);
	wire_put_u32(out, a->serial);
	wire_put_u64(out, (uint64_t)a->issued);
	wire_put_u64(out, (uint64_t)a->expires);
	wire_put_u8(out, a->additional);
	wire_put_u32(out, (uint32_t)a->class);
}

bool
view_answer_encode(struct ctx *c, const struct view_answer *a, size_t *at, struct buf *out)
{
	if (a->picture.n > VIEW_PICTURE_MAX || *at > a->picture.n || a->text.n > VIEW_TEXT_MAX)
		return fail(c, E_LIMIT, "an answer with a picture of %zu bytes and %zu of text",
		    a->picture.n, a->text.n);
	if (piece_put(out, a->number, a->picture, at))
		return buf_ok(c, out);
	begin(out, PART_ANSWER, a->number);
	wire_put_u8(out, (uint8_t)a->op);
	wire_put_str(out, str_of(err_wire(a->code)));
	wire_put_str(out, a->text);
	wire_put_str(out, (struct str){ (const char *)a->pixels, sizeof a->pixels });
	looked_put(out, a);
	rest_put(out, a->picture, at);
	return buf_ok(c, out);
}

/* ---- Reading ----------------------------------------------------------------------------- */

/* What every message begins with; the part is 0 if that is wrong. */
static enum part
head_take(struct wire *w, uint64_t *ret_number)
{
	uint8_t protocol = wire_u8(w), part = wire_u8(w);

	*ret_number = wire_u64(w);
	if (protocol != PROTOCOL || part < PART_PIECE || part > PART_ANSWER || *ret_number == 0)
		w->bad = true;
	return w->bad ? (enum part)0 : (enum part)part;
}

uint64_t
view_number(struct str message)
{
	struct wire w = { message, false };
	uint64_t number = 0;

	return head_take(&w, &number) == 0 ? 0 : number;
}

/* A piece behind those of the same picture, or the first of one. */
MUST static bool
piece_take(struct ctx *c, struct wire *w, uint64_t number, struct view_pieces *p)
{
	struct str bytes = wire_str(w, VIEW_PIECE_MAX);

	if (!wire_end(c, w))
		return false;
	if (bytes.n == 0 || (p->number != 0 && p->number != number) ||
	    bytes.n > VIEW_PICTURE_MAX - p->n)
		return fail(c, E_PEER, "a piece of a picture that does not fit");
	memcpy(p->v + p->n, bytes.p, bytes.n);
	p->n += bytes.n;
	p->number = number;
	return true;
}

/* The last of a picture, behind its pieces if it has any. */
MUST static bool
rest_take(
    struct ctx *c, struct wire *w, uint64_t number, struct view_pieces *p, struct str *ret)
{
	struct str bytes = wire_str(w, VIEW_PIECE_MAX);

	if (!wire_end(c, w))
		return false;
	*ret = bytes;
	if (p->number == 0)
		return true;
	if (p->number != number || bytes.n > VIEW_PICTURE_MAX - p->n)
		return fail(c, E_PEER, "the end of a picture that does not fit");
	memcpy(p->v + p->n, bytes.p, bytes.n);
	*ret = (struct str){ p->v, p->n + bytes.n };
	p->n = 0;
	p->number = 0;
	return true;
}

static int64_t
seconds_take(struct wire *w)
{
	uint64_t s = wire_u64(w);

	if (s > INT64_MAX / 1000)
		w->bad = true;
	return w->bad ? 0 : (int64_t)s;
}

static bool
bool_take(struct wire *w)
{
	uint8_t b = wire_u8(w);

	if (b > 1)
		w->bad = true;
	return b == 1;
}

/* One of the values from 0 on, below `end`. */
static int
word_take(struct wire *w, int end)
{
	uint8_t v = wire_u8(w);

	if (v >= end)
		w->bad = true;
	return w->bad ? 0 : v;
}

MUST static bool
question_take(struct ctx *c, struct wire *w, struct view_pieces *p, struct view_question *q)
{
	q->op = (enum view_op)word_take(w, VIEW_LOOK + 1);
	q->carrier = (enum view_carrier)word_take(w, VIEW_DCT + 1);
	q->base = wire_u32(w);
	if (!wire_id(c, w, "rel", &q->claim.release))
		return fail(c, E_PEER, "a question about no release");
	q->claim.customer = wire_u32(w);
	q->claim.serial = wire_u32(w);
	q->claim.issued = seconds_take(w);
	q->claim.expires = seconds_take(w);
	if (!rest_take(c, w, q->number, p, &q->picture))
		return false;
	if ((q->op == VIEW_LOOK) != (q->picture.n > 0))
		return fail(
		    c, E_PEER, "a question with a picture that has none, or one without");
	return true;
}

bool
view_question_decode(struct ctx *c, struct str message, struct view_pieces *p, bool *ret_whole,
    struct view_question *ret)
{
	struct wire w = { message, message.n > VIEW_MESSAGE_MAX };
	struct view_question q = { 0 };
	enum part part = head_take(&w, &q.number);

	if (part == PART_PIECE) {
		*ret_whole = false;
		return piece_take(c, &w, q.number, p);
	}
	if (part != PART_QUESTION)
		return fail(c, E_PEER, "not a question");
	if (!question_take(c, &w, p, &q))
		return false;
	*ret_whole = true;
	*ret = q;
	return true;
}

static void
looked_take(struct wire *w, struct view_answer *a)
{
	a->found = (enum view_found)word_take(w, VIEW_FOUNDS);
	a->lossless = bool_take(w);
	a->repaired = wire_u32(w);
	a->customer = wire_u32(w);
	a->serial = wire_u32(w);
	a->issued = seconds_take(w);
	a->expires = seconds_take(w);
	a->additional = bool_take(w);
	a->class = (int32_t)wire_u32(w);
	if (a->additional && a->found != VIEW_FOUND)
		w->bad = true;
}

/* What it says fits together. */
static bool
is_sound(const struct view_answer *a)
{
	bool made = a->op == VIEW_MAKE && a->code == E_NONE;

	if (!text_valid(a->text) || (a->code != E_NONE && a->text.n == 0))
		return false;
	return made ? str_starts(a->picture, (struct str){ png_magic, sizeof png_magic - 1 })
		    : a->picture.n == 0;
}

MUST static bool
answer_take(struct ctx *c, struct wire *w, struct view_pieces *p, struct view_answer *a)
{
	struct str code, digest;

	a->op = (enum view_op)word_take(w, VIEW_LOOK + 1);
	code = wire_str(w, CODE_MAX);
	a->code = err_from_wire(code);
	a->text = wire_str(w, VIEW_TEXT_MAX);
	digest = wire_str(w, DIGEST);
	if (digest.n != DIGEST)
		w->bad = true;
	else
		memcpy(a->pixels, digest.p, DIGEST);
	looked_take(w, a);
	if (!rest_take(c, w, a->number, p, &a->picture))
		return false;
	return is_sound(a) ? true : fail(c, E_PEER, "an answer that does not fit together");
}

bool
view_answer_decode(struct ctx *c, struct str message, struct view_pieces *p, bool *ret_whole,
    struct view_answer *ret)
{
	struct wire w = { message, message.n > VIEW_MESSAGE_MAX };
	struct view_answer a = { 0 };
	enum part part = head_take(&w, &a.number);

	if (part == PART_PIECE) {
		*ret_whole = false;
		return piece_take(c, &w, a.number, p);
	}
	if (part != PART_ANSWER)
		return fail(c, E_PEER, "not an answer");
	if (!answer_take(c, &w, p, &a))
		return false;
	*ret_whole = true;
	*ret = a;
	return true;
}
