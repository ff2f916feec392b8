/*
 * The description of a service, and what it answers. The first is a file that anybody may have
 * uploaded, the second comes from whoever has the most to lose: both are taken apart strictly, and
 * an answer that is not exactly what was said to be one is none.
 */
#include "live.h"
#include "transcript.h"

#define PICTURE "{{png}}"
#define PICTURE_BASE64 "{{png_base64}}"
enum { RATE_USUAL = 5, BUDGET_USUAL = 400, BODY_MAX = 16 << 10, POINTER_MAX = 256 };

/* ---- Reading it -------------------------------------------------------------------------- */

struct description {
	struct str endpoint, type, headers, body, answer;
	int method;
	int64_t rate, budget;
};
/* clang-format off */
#define AT(member) offsetof(struct description, member)
static const struct json_field fields[] = {
	{ "endpoint",     FIELD_TEXT,   AT(endpoint), 1, LIVE_URL_MAX, true },
	{ "answer",       FIELD_TEXT,   AT(answer),   1, POINTER_MAX,  true },
	{ "method",       FIELD_WORD,   AT(method),   .words = live_method_names },
	{ "content_type", FIELD_TEXT,   AT(type),     1, LIVE_TYPE_MAX },
	{ "headers",      FIELD_OBJECT, AT(headers),  0, LIVE_HEADERS_MAX },
	{ "body",         FIELD_TEXT,   AT(body),     1, BODY_MAX },
	{ "rate",         FIELD_NUMBER, AT(rate),     1, LIVE_RATE_MAX },
	{ "budget",       FIELD_NUMBER, AT(budget),   1, CHALLENGE_PICTURES_MAX },
};
/* clang-format on */

/* Without the blanks and empty lines before it. */
static struct str
begun(struct str s)
{
	while (s.n > 0 && (s.p[0] == ' ' || (s.p[0] >= '\t' && s.p[0] <= '\r')))
		s = (struct str){ s.p + 1, s.n - 1 };
	return s;
}

bool
endpoint_is(struct ctx *c, struct str bytes)
{
	struct json_part *part, url;
	size_t n;
	bool ok;

	bytes = begun(bytes);
	if (bytes.n == 0 || bytes.n > ENDPOINT_MAX || bytes.p[0] != '{')
		return false;
	ok = json_split(c, bytes, &part, &n) && json_find(part, n, "endpoint", &url);
	c->err = (struct err){ 0 };
	return ok;
}

MUST static bool
headers_read(struct ctx *c, struct str object, struct str *ret)
{
	struct json_part *part;
	struct buf b;
	size_t n;

	if (object.n == 0)
		return true;
	if (!json_split(c, object, &part, &n) || !take_buf(c, 2 * LIVE_HEADERS_MAX, &b))
		return false;
	for (size_t i = 0; i < n; i++) {
		if (part[i].kind != KIND_TEXT)
			return fail(c, E_INPUT, "a header's value is a text");
		buf_put(&b, part[i].key);
		buf_put(&b, STR(": "));
		buf_put(&b, part[i].value);
		buf_char(&b, '\n');
	}
	*ret = buf_str(&b);
	return buf_ok(c, &b) && live_headers_check(c, *ret);
}

/* Where the picture stands in the body. */
MUST static bool
body_read(struct ctx *c, struct str body, struct endpoint *e)
{
	const struct str mark = STR(PICTURE_BASE64);
	size_t at = 0, found = 0;

	e->raw = str_same(body, STR(PICTURE));
	if (e->raw)
		return true;
	for (size_t i = 0; i + mark.n <= body.n; i++)
		if (str_starts((struct str){ body.p + i, body.n - i }, mark)) {
			at = i;
			found++;
		}
	if (found != 1)
		return fail(c, E_INPUT,
		    "the body is " PICTURE ", or has " PICTURE_BASE64 " in it, once");
	e->before = (struct str){ body.p, at };
	e->after = (struct str){ body.p + at + mark.n, body.n - at - mark.n };
	return true;
}

MUST static bool
description_read(struct ctx *c, struct str bytes, struct endpoint *e)
{
	struct description d = { .headers = { "", 0 },
		.body = STR(PICTURE),
		.type = STR(""),
		.rate = RATE_USUAL,
		.budget = BUDGET_USUAL };

	if (!json_decode(c, bytes, fields, COUNT(fields), &d) || !body_read(c, d.body, e) ||
	    !headers_read(c, d.headers, &e->headers))
		return false;
	if (d.answer.p[0] != '/')
		return fail(c, E_INPUT,
		    "\"answer\" is a JSON Pointer to the label or the scores, such as /label");
	if (d.type.n == 0)
		d.type = e->raw ? STR("image/png") : STR("application/json");
	e->url = d.endpoint;
	e->type = d.type;
	e->answer = d.answer;
	e->method = d.method;
	e->rate = d.rate;
	e->budget = d.budget;
	return true;
}

bool
endpoint_read(struct ctx *c, struct str bytes, struct endpoint *ret)
{
	struct endpoint e = { .headers = { "", 0 } };
	char text[sizeof c->err.text];

	if (description_read(c, bytes, &e)) {
		*ret = e;
		return true;
	}
	if (c->err.code == E_MEMORY)
		return false;
	memcpy(text, c->err.text, sizeof text);
	return fail(c, E_INPUT, "the description of the service is wrong: %.120s", text);
}

struct str
endpoint_host(const struct endpoint *e)
{
	struct str rest = e->url, host = { "", 0 };

	for (int i = 0; i < 3; i++) /* "https:", "", the host */
		(void)str_cut(&rest, '/', &host);
	return host;
}

/* ---- A question -------------------------------------------------------------------------- */

/* RFC 4648 section 4, padded. */
static void
base64_put(struct buf *b, struct str bytes)
{
	size_t from = b->n;

	base64url_put(b, bytes.p, bytes.n);
	for (size_t i = from; i < b->n; i++)
		if (b->p[i] == '-' || b->p[i] == '_')
			b->p[i] = b->p[i] == '-' ? '+' : '/';
	while ((b->n - from) % 4 != 0 && !b->full)
		buf_char(b, '=');
}

bool
endpoint_body(struct ctx *c, const struct endpoint *e, struct str png, struct str *ret)
{
	struct buf b;

	*ret = png;
	if (e->raw)
		return true;
	if (!take_buf(c, e->before.n + png.n / 3 * 4 + 8 + e->after.n, &b))
		return false;
	buf_put(&b, e->before);
	base64_put(&b, png);
	buf_put(&b, e->after);
	*ret = buf_str(&b);
	return buf_ok(c, &b);
}

/* ---- An answer --------------------------------------------------------------------------- */

/* One step of a pointer: ~1 is a slash, ~0 a tilde (RFC 6901). */
MUST static bool
step_read(struct ctx *c, struct str step, char **ret)
{
	char *to = take_cstr(c, step);
	size_t n = 0;

	if (to == NULL)
		return false;
	for (size_t i = 0; i < step.n; i++) {
		bool escaped = step.p[i] == '~' && i + 1 < step.n &&
		    (step.p[i + 1] == '0' || step.p[i + 1] == '1');

		to[n++] = !escaped ? step.p[i] : step.p[i + 1] == '1' ? '/' : '~';
		i += escaped;
	}
	to[n] = '\0';
	*ret = to;
	return true;
}

MUST static bool
step_take(struct ctx *c, struct str text, struct str step, struct json_part *ret)
{
	struct json_part *part;
	int64_t at;
	size_t n;
	char *key;

	if (!json_split(c, text, &part, &n) || !step_read(c, step, &key))
		return false;
	if (text.p[0] == '[') {
		if (!str_number(step, 0, INT32_MAX, &at) || at >= (int64_t)n)
			return fail(c, E_INPUT, "the answer has no %.60s", key);
		*ret = part[at];
		return true;
	}
	return json_find(part, n, key, ret)
	    ? true
	    : fail(c, E_INPUT, "the answer has no \"%.60s\"", key);
}

MUST static bool
part_find(struct ctx *c, struct str body, struct str pointer, struct json_part *ret)
{
	struct json_part at = { .kind = KIND_OBJECT, .value = begun(body) };
	struct str rest = { pointer.p + 1, pointer.n - 1 }, step;
	bool more = true;

	while (more) {
		more = str_cut(&rest, '/', &step);
		if ((at.kind != KIND_OBJECT && at.kind != KIND_LIST) || at.value.n == 0)
			return fail(c, E_INPUT, "the answer is not deep enough");
		if (!step_take(c, at.value, step, &at))
			return false;
	}
	*ret = at;
	return true;
}

MUST static bool
scores_read(struct ctx *c, struct reading *r, struct str list, struct row *row)
{
	struct json_part *part;
	size_t n;

	if (!json_split(c, list, &part, &n))
		return false;
	if (n == 0)
		return fail(c, E_INPUT, "a list without scores stands there");
	for (size_t i = 0; i < n; i++) {
		if (part[i].kind != KIND_NUMBER && part[i].kind != KIND_NULL)
			return fail(c, E_INPUT, "a score is a number");
		if (!row_number(c, r, part[i].value, row))
			return false;
	}
	return row_scores(c, r, row);
}

MUST static bool
part_read(struct ctx *c, struct reading *r, const struct json_part *p)
{
	struct row row = { .place = 0 };

	switch (p->kind) {
	case KIND_NULL:
		return true;
	case KIND_LIST:
		return scores_read(c, r, p->value, &row);
	case KIND_NUMBER:
	case KIND_TEXT:
		return row_number(c, r, p->value, &row) && row_label(c, r, &row);
	case KIND_BOOL:
	case KIND_OBJECT:
		break;
	}
	return fail(c, E_INPUT, "neither a label nor a list of scores stands there");
}

bool
endpoint_answer(struct ctx *c, const struct endpoint *e, struct endpoint_form *f,
    struct str body, struct verify_answer *ret)
{
	struct verify_answer said = { -1, -1 };
	struct reading r = { .ordinary = f->ordinary,
		.line = 1,
		.said = &said,
		.form = (enum transcript_form)f->form,
		.scores = f->scores };
	struct json_part part;

	if (!part_find(c, body, e->answer, &part) || !part_read(c, &r, &part))
		return c->err.code == E_JSON ? fail(c, E_INPUT, "the answer is no JSON")
					     : false;
	f->form = (int)r.form;
	f->scores = r.scores;
	*ret = said;
	return true;
}
