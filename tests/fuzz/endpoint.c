/*
 * Any bytes as the description of a service, as its answer, and as what our own processes say to
 * each other about it. What is read is within its bounds; a message that decodes is, encoded again,
 * the one that came.
 */
#include "fuzz.h"
#include "live.h"
#include "verify.h"

const size_t target_memory = 64 << 20;

enum { ORDINARY = 3 };

static void
description(struct ctx *c, struct str bytes)
{
	struct endpoint e;
	struct str body;

	(void)endpoint_is(c, bytes);
	must(c->err.code == E_NONE, "an error that nobody asked for", c);
	if (bytes.n > ENDPOINT_MAX || !endpoint_read(c, bytes, &e)) {
		c->err = (struct err){ 0 };
		return;
	}
	must(e.rate >= 1 && e.rate <= LIVE_RATE_MAX && e.budget >= 1, "a rate", c);
	must(e.url.n <= LIVE_URL_MAX && e.type.n <= LIVE_TYPE_MAX, "a size", c);
	must(live_headers_check(c, e.headers), "headers that may not be sent", c);
	must(endpoint_host(&e).n <= e.url.n, "a host", c);
	must(endpoint_body(c, &e, STR("\x89PNG"), &body) && body.n >= 4, "no body", c);
}

static void
answer(struct ctx *c, struct str bytes, struct str pointer)
{
	const struct endpoint e = { .answer = pointer };
	struct endpoint_form f = { .ordinary = ORDINARY };
	struct verify_answer a;

	if (!endpoint_answer(c, &e, &f, bytes, &a)) {
		must(text_valid(str_of(c->err.text)), "a sentence that cannot be shown", c);
		refused(c);
		return;
	}
	must(a.answer >= -1 && a.ordinary >= -1 && a.ordinary < ORDINARY, "no answer", c);
}

static void
messages(struct ctx *c, struct str bytes)
{
	struct live_question q;
	struct live_answer a;
	struct buf b;

	must(take_buf(c, LIVE_MESSAGE_MAX, &b), "no memory", c);
	if (live_question_decode(c, bytes, &q))
		must(live_question_encode(c, &q, &b) && str_same(buf_str(&b), bytes),
		    "another question", c);
	b.n = 0;
	if (live_answer_decode(c, bytes, &a))
		must(live_answer_encode(c, &a, &b) && str_same(buf_str(&b), bytes),
		    "another answer", c);
	c->err = (struct err){ 0 };
}

void
target(struct ctx *c, struct str bytes)
{
	messages(c, bytes);
	description(c, bytes);
	if (bytes.n > LIVE_ANSWER_MAX)
		return;
	answer(c, bytes, STR("/label"));
	answer(c, bytes, STR("/a~1b/0/~0"));
}
