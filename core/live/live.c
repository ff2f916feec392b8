/*
 * Questions to a service and its answers, as bytes. What becomes part of a request of HTTP is
 * looked at here once more by whoever gets it, so that no line can be smuggled into one.
 */
#include <strings.h>

#include "live.h"

enum { NAME_MAX_BYTES = 64, STATUS_MAX = 999 };

const char *const live_method_names[] = { "POST", "PUT", NULL };
_Static_assert(COUNT(live_method_names) == LIVE_METHODS + 1, "one name per method");

/* ---- Lines ------------------------------------------------------------------------------- */

/* They say where a message ends, how its bytes travel, whom it is for, or they are our own. */
static const char *const reserved[] = { "connection", "content-length", "content-type",
	"expect", "host", "keep-alive", "proxy-authorization", "proxy-connection", "te",
	"trailer", "transfer-encoding", "upgrade" };

static bool
is_reserved(struct str name)
{
	for (size_t i = 0; i < COUNT(reserved); i++)
		if (name.n == strlen(reserved[i]) &&
		    strncasecmp(name.p, reserved[i], name.n) == 0)
			return true;
	return false;
}

/* A token of RFC 9110. */
static bool
is_name(struct str s)
{
	for (size_t i = 0; i < s.n; i++) {
		char ch = s.p[i];
		bool letter = (ch >= 'a' && ch <= 'z') || (ch >= 'A' && ch <= 'Z');

		if (!letter && !(ch >= '0' && ch <= '9') &&
		    (ch == '\0' || strchr("!#$%&'*+-.^_`|~", ch) == NULL))
			return false;
	}
	return s.n > 0 && s.n <= NAME_MAX_BYTES;
}

/* Visible ASCII, and blanks where they may be. */
static bool
is_visible(struct str s, bool blanks)
{
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] < ' ' || s.p[i] > '~' || (s.p[i] == ' ' && !blanks))
			return false;
	return s.n > 0;
}

bool
live_headers_check(struct ctx *c, struct str headers)
{
	struct str line, name;

	if (headers.n > LIVE_HEADERS_MAX)
		return fail(
		    c, E_INPUT, "the headers have more than %d bytes", LIVE_HEADERS_MAX);
	for (int n = 0; headers.n > 0; n++) {
		if (n == LIVE_LINES_MAX)
			return fail(c, E_INPUT, "more than %d headers", LIVE_LINES_MAX);
		if (!str_cut(&headers, '\n', &line) || !str_cut(&line, ':', &name) ||
		    !is_name(name) || !is_visible(line, true) || line.p[0] != ' ' ||
		    str_trim(line).n == 0)
			return fail(c, E_INPUT,
			    "a header is a name and a value, both of visible ASCII");
		if (is_reserved(name))
			return fail(c, E_INPUT, "the header %.*s cannot be chosen", STRF(name));
	}
	return true;
}

/* ---- Questions --------------------------------------------------------------------------- */

bool
live_question_encode(struct ctx *c, const struct live_question *q, struct buf *out)
{
	if (q->body.n > LIVE_BODY_MAX)
		return fail(c, E_LIMIT,
		    "a question has %zu bytes, and %d are sent at most: the pictures are too large "
		    "for a service that is asked live",
		    q->body.n, LIVE_BODY_MAX);
	wire_put_u64(out, q->number);
	wire_put_u8(out, (uint8_t)q->method);
	wire_put_str(out, q->url);
	wire_put_str(out, q->type);
	wire_put_str(out, q->headers);
	wire_put_str(out, q->body);
	return buf_ok(c, out);
}

bool
live_question_decode(struct ctx *c, struct str bytes, struct live_question *ret)
{
	struct wire w = { bytes, bytes.n > LIVE_MESSAGE_MAX };
	struct live_question q = { .number = wire_u64(&w) };
	uint8_t method = wire_u8(&w);

	q.url = wire_str(&w, LIVE_URL_MAX);
	q.type = wire_str(&w, LIVE_TYPE_MAX);
	q.headers = wire_str(&w, LIVE_HEADERS_MAX);
	q.body = wire_str(&w, LIVE_BODY_MAX);
	if (!wire_end(c, &w))
		return false;
	if (q.number == 0 || method >= LIVE_METHODS || !is_visible(q.url, false) ||
	    !is_visible(q.type, true) || !live_headers_check(c, q.headers))
		return fail(c, E_PEER, "a question is malformed");
	q.method = (enum live_method)method;
	*ret = q;
	return true;
}

/* ---- Answers ----------------------------------------------------------------------------- */

bool
live_answer_encode(struct ctx *c, const struct live_answer *a, struct buf *out)
{
	wire_put_u64(out, a->number);
	wire_put_u32(out, (uint32_t)a->status);
	wire_put_str(out, a->text);
	wire_put_str(out, a->body);
	return buf_ok(c, out);
}

bool
live_answer_decode(struct ctx *c, struct str bytes, struct live_answer *ret)
{
	struct wire w = { bytes, bytes.n > LIVE_MESSAGE_MAX };
	struct live_answer a = { .number = wire_u64(&w) };
	uint32_t status = wire_u32(&w);

	a.text = wire_str(&w, LIVE_TEXT_MAX);
	a.body = wire_str(&w, LIVE_ANSWER_MAX);
	if (!wire_end(c, &w))
		return false;
	if (a.number == 0 || status > STATUS_MAX || !text_valid(a.text) ||
	    (status == 0) != (a.text.n > 0) || (status == 0 && a.body.n > 0))
		return fail(c, E_PEER, "an answer is malformed");
	a.status = (int)status;
	*ret = a;
	return true;
}
