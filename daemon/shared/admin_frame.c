/*
 * The frames of the admin socket, both directions. Lines are bounded before anything is parsed;
 * what arrives is decoded strictly, whoever sent it.
 */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <unistd.h>

#include "admin_frame.h"

/* ---- Lines ---------------------------------------------------------------------------------- */

bool
frame_reader_init(struct ctx *c, int fd, size_t max, struct frame_reader *ret)
{
	char *p = take(c, max);

	if (p == NULL)
		return false;
	*ret = (struct frame_reader){ .fd = fd, .p = p, .max = max };
	return true;
}

void
frame_reader_wipe(struct frame_reader *r)
{
	explicit_bzero(r->p, r->max);
	r->n = r->line = 0;
}

/* Waits for bytes and takes them; *ret_got 0 at the end of the stream. */
MUST static bool
more(struct ctx *c, struct frame_reader *r, int64_t deadline, size_t *ret_got)
{
	for (;;) {
		int64_t left = deadline == INT64_MAX ? 3600000 : deadline - clock_monotonic();
		struct pollfd p = { r->fd, POLLIN, 0 };
		ssize_t got;

		if (left <= 0)
			return fail(c, E_SLOW, "nothing more has come in time");
		if (poll(&p, 1, (int)(left < 3600000 ? left : 3600000)) <= 0)
			continue; /* interrupted, or the time is up: `left` decides */
		got = read(r->fd, r->p + r->n, r->max - r->n);
		if (got >= 0) {
			*ret_got = (size_t)got;
			return true;
		}
		if (errno != EINTR && errno != EAGAIN)
			return fail(c, E_PEER, "the connection is broken");
	}
}

bool
frame_line(
    struct ctx *c, struct frame_reader *r, int64_t deadline, bool *ret_end, struct str *ret)
{
	size_t seen = 0, got;

	if (r->line > 0) {
		memmove(r->p, r->p + r->line, r->n - r->line);
		r->n -= r->line;
		r->line = 0;
	}
	for (;;) {
		char *end = r->n > seen ? memchr(r->p + seen, '\n', r->n - seen) : NULL;

		if (end != NULL) {
			*ret = (struct str){ r->p, (size_t)(end - r->p) };
			r->line = ret->n + 1;
			*ret_end = false;
			return true;
		}
		seen = r->n;
		if (r->n == r->max)
			return fail(c, E_LIMIT, "a line has more than %zu bytes", r->max);
		if (!more(c, r, deadline, &got))
			return false;
		if (got == 0 && r->n > 0)
			return fail(c, E_PEER, "the connection ended within a line");
		if (got == 0) {
			*ret_end = true;
			return true;
		}
		r->n += got;
	}
}

/* ---- Requests ------------------------------------------------------------------------------- */

/* What hallmarkctl does itself; the daemon has no use for it. */
static bool
stays_here(const struct option *o)
{
	static const char *const names[] = { "--socket", "--format", "--yes", "--conf" };

	for (size_t i = 0; i < COUNT(names); i++)
		if (strcmp(o->name, names[i]) == 0)
			return true;
	return false;
}

/* All values of one option, which came several times, with commas. */
MUST static bool
joined(struct ctx *c, const struct parsed *p, const struct option *o, struct str *ret)
{
	size_t max = 1;
	struct buf b;

	for (size_t i = 0; i < p->options; i++)
		max += p->option[i].value.n + 1;
	if (!take_buf(c, max, &b))
		return false;
	for (size_t i = 0; i < p->options; i++)
		if (p->option[i].option == o) {
			if (b.n > 0)
				buf_char(&b, ',');
			buf_put(&b, p->option[i].value);
		}
	*ret = buf_str(&b);
	return true;
}

MUST static bool
options_put(struct ctx *c, const struct parsed *p, struct js *j)
{
	js_open(j, "options", '{');
	for (size_t i = 0; i < p->options; i++) {
		const struct option *o = p->option[i].option;
		struct str value;
		bool again = false;

		for (size_t k = 0; k < i; k++)
			again = again || p->option[k].option == o;
		if (again || stays_here(o))
			continue;
		if (!joined(c, p, o, &value))
			return false;
		if (value.n > 0)
			js_text(j, o->name + 2, value);
		else
			js_bool(j, o->name + 2, true);
	}
	js_close(j, '}');
	return true;
}

bool
frame_request_put(struct ctx *c, const struct parsed *p, struct str input, struct buf *out)
{
	struct js j = { out };
	struct shape s;
	struct str word;

	grammar_shape(p->command->grammar, &s);
	js_open(&j, NULL, '{');
	js_open(&j, "args", '[');
	while (s.words.n > 0) {
		(void)str_cut(&s.words, ' ', &word);
		js_text(&j, NULL, word);
	}
	for (size_t i = 0; i < p->args; i++)
		js_text(&j, NULL, p->arg[i]);
	js_close(&j, ']');
	if (!options_put(c, p, &j))
		return false;
	if (input.n > 0)
		js_text(&j, "input", input);
	js_close(&j, '}');
	buf_char(out, '\n');
	if (out->n > FRAME_REQUEST_MAX)
		return fail(
		    c, E_LIMIT, "the request has more than %d bytes", FRAME_REQUEST_MAX);
	return buf_ok(c, out);
}

struct request_frame {
	struct str_list args;
	struct str options, input;
};
/* clang-format off */
static const struct json_field request_fields[] = {
	{ "args", FIELD_LIST, offsetof(struct request_frame, args), 0, 4096, true },
	{ "options", FIELD_OBJECT, offsetof(struct request_frame, options) },
	{ "input", FIELD_TEXT, offsetof(struct request_frame, input), 0, FRAME_INPUT_MAX },
};
/* clang-format on */

MUST static bool
option_words(struct ctx *c, const struct json_part *o, struct str *word, size_t *n)
{
	char *name = take_printf(c, "--%.*s", STRF(o->key));

	if (name == NULL)
		return false;
	word[(*n)++] = str_of(name);
	if (o->kind == KIND_TEXT)
		word[(*n)++] = o->value;
	else if (o->kind != KIND_BOOL || !str_same(o->value, STR("true")))
		return fail(c, E_USAGE, "an option is a text or true");
	return true;
}

bool
frame_request_read(
    struct ctx *c, struct str line, struct str **ret_word, size_t *ret_n, struct str *ret_input)
{
	struct request_frame r = { .options = STR("{}") };
	struct json_part *option;
	struct str *word;
	size_t options, n = 0;

	if (!json_decode(c, line, request_fields, COUNT(request_fields), &r) ||
	    !json_split(c, r.options, &option, &options))
		return false;
	word = take(c, (r.args.n + 2 * options + 2) * sizeof *word);
	if (word == NULL)
		return false;
	for (size_t i = 0; i < options; i++)
		if (!option_words(c, &option[i], word, &n))
			return false;
	word[n++] = STR("--");
	for (size_t i = 0; i < r.args.n; i++)
		word[n++] = r.args.v[i];
	*ret_word = word;
	*ret_n = n;
	*ret_input = r.input;
	return true;
}

/* ---- Answers -------------------------------------------------------------------------------- */

void
frame_put(struct buf *out, const struct frame *f)
{
	struct js j = { out };

	js_open(&j, NULL, '{');
	switch (f->kind) {
	case FRAME_ROW:
		js_raw(&j, "row", f->row);
		break;
	case FRAME_PROGRESS:
		js_open(&j, "progress", '{');
		js_number(&j, "done", f->done);
		js_number(&j, "total", f->total);
		js_close(&j, '}');
		break;
	case FRAME_DATA:
		js_bytes(&j, "data", f->data.p, f->data.n);
		break;
	case FRAME_OK:
		js_bool(&j, "ok", true);
		if (f->note.n > 0)
			js_text(&j, "note", f->note);
		if (f->negative)
			js_bool(&j, "negative", true);
		break;
	case FRAME_ERROR:
		js_open(&j, "error", '{');
		js_text(&j, "code", str_of(err_wire(f->code)));
		js_text(&j, "title", str_of(err_title(f->code)));
		js_text(&j, "detail", f->detail);
		js_close(&j, '}');
		break;
	}
	js_close(&j, '}');
	buf_char(out, '\n');
}

void
frame_put_error(struct buf *out, const struct ctx *c)
{
	frame_put(out,
	    &(struct frame){
		.kind = FRAME_ERROR, .code = c->err.code, .detail = str_of(c->err.text) });
}

/* The two objects within an object of an answer. */
MUST static bool
inner_read(struct ctx *c, struct str text, struct frame *f)
{
	struct json_part *part, p;
	size_t n;

	if (!json_split(c, text, &part, &n))
		return false;
	if (f->kind == FRAME_PROGRESS)
		return json_find(part, n, "done", &p) &&
		    str_number(p.value, 0, INT64_MAX, &f->done) &&
		    json_find(part, n, "total", &p) &&
		    str_number(p.value, 0, INT64_MAX, &f->total);
	if (!json_find(part, n, "code", &p) || p.kind != KIND_TEXT)
		return false;
	f->code = err_from_wire(p.value);
	if (json_find(part, n, "detail", &p) && p.kind == KIND_TEXT)
		f->detail = p.value;
	return true;
}

MUST static bool
answer_read(struct ctx *c, struct str line, struct frame *f)
{
	struct json_part *part, p;
	size_t n;

	if (!json_split(c, line, &part, &n) || n == 0)
		return false;
	if (str_same(part->key, STR("row")) && part->kind == KIND_OBJECT) {
		f->kind = FRAME_ROW;
		f->row = part->value;
		return true;
	}
	if (str_same(part->key, STR("data")) && part->kind == KIND_TEXT) {
		f->kind = FRAME_DATA;
		return base64url_decode(c, part->value, &f->data);
	}
	if (str_same(part->key, STR("ok"))) {
		f->kind = FRAME_OK;
		if (json_find(part, n, "note", &p) && p.kind == KIND_TEXT)
			f->note = p.value;
		f->negative = json_find(part, n, "negative", &p) &&
		    str_same(p.value, STR("true"));
		return true;
	}
	f->kind = str_same(part->key, STR("progress")) ? FRAME_PROGRESS : FRAME_ERROR;
	if (f->kind == FRAME_ERROR && !str_same(part->key, STR("error")))
		return false;
	return part->kind == KIND_OBJECT && inner_read(c, part->value, f);
}

bool
frame_read(struct ctx *c, struct str line, struct frame *ret)
{
	struct frame f = { 0 };

	if (!answer_read(c, line, &f)) {
		if (c->err.code == E_MEMORY || c->err.code == E_LIMIT)
			return false;
		return fail(c, E_PEER, "the daemon's answer is not understood");
	}
	*ret = f;
	return true;
}
