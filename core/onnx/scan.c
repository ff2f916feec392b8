/*
 * The walk over a file that is too large to be mapped or held: it reads the heads of fields through
 * a small window and jumps over what is in between, so that a model of many gigabytes costs a few
 * reads a tensor.
 */
#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

#include "parts.h"

enum { WINDOW = 16 << 10 };

bool
scan_read(struct ctx *c, const struct scan *s, uint64_t at, void *to, size_t n)
{
	char *p = to;

	while (n > 0) {
		ssize_t got = pread(s->fd, p, n, (off_t)at);

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return fail_errno(c, "read", "a model");
		if (got == 0)
			return fail(c, E_FILE, "the model became shorter while it was read");
		p += got;
		at += (uint64_t)got;
		n -= (size_t)got;
	}
	return true;
}

bool
scan_begin(struct ctx *c, int fd, struct scan *ret)
{
	struct scan s = { .fd = fd };
	struct stat st;

	if (fstat(fd, &st) != 0)
		return fail_errno(c, "examine", "a model");
	if (!S_ISREG(st.st_mode))
		return fail(c, E_INPUT, "a model must be a file");
	s.size = (uint64_t)st.st_size;
	if (!take_buf(c, WINDOW, &s.window))
		return false;
	*ret = s;
	return true;
}

/* A view of the next bytes, up to PB_HEAD of them and not beyond `end`. */
MUST static bool
peek(struct ctx *c, struct scan *s, uint64_t end, struct str *ret)
{
	uint64_t left = s->size - s->at;
	size_t want = end - s->at < PB_HEAD ? (size_t)(end - s->at) : PB_HEAD;

	if (s->at < s->window_at || s->at + want > s->window_at + s->window.n) {
		s->window.n = 0;
		if (!scan_read(c, s, s->at, s->window.p, left < WINDOW ? (size_t)left : WINDOW))
			return false;
		s->window.n = left < WINDOW ? (size_t)left : WINDOW;
		s->window_at = s->at;
	}
	*ret = (struct str){ s->window.p + (s->at - s->window_at), want };
	return true;
}

/* The field at s->at, within a message that ends at `end`; s->at moves behind it. */
MUST static bool
next_field(struct ctx *c, struct scan *s, uint64_t end, struct scan_field *ret)
{
	struct pb_field f;
	const char *wrong;
	struct str head;
	struct pb w;

	if (!peek(c, s, end, &head))
		return false;
	w = pb_of(head);
	wrong = pb_head(&w, &f);
	if (wrong != NULL)
		return fail(
		    c, E_INPUT, "not ONNX: %s (byte %llu)", wrong, (unsigned long long)s->at);
	*ret = (struct scan_field){ f.number, f.wire, f.value, s->at, 0, 0 };
	ret->at = s->at + (uint64_t)(w.at - w.begin);
	if (f.wire == PB_BYTES && f.value > end - ret->at)
		return fail(c, E_INPUT,
		    "not ONNX: a field goes beyond the end of its message (byte %llu)",
		    (unsigned long long)s->at);
	ret->end = ret->at + (f.wire == PB_BYTES ? f.value : 0);
	s->at = ret->end;
	return true;
}

MUST static bool
only_once(struct ctx *c, const struct scan_field *f, const char *name, struct scan_field *to)
{
	if (f->wire != PB_BYTES)
		return fail(c, E_INPUT, "%s is encoded as another type", name);
	if (to->end != 0)
		return fail(c, E_INPUT, "%s comes twice", name);
	*to = *f;
	return true;
}

bool
scan_top(struct ctx *c, struct scan *s, struct scan_model *ret)
{
	struct scan_model m = { 0 };
	struct scan_field f;

	s->at = 0;
	while (s->at < s->size) {
		if (!next_field(c, s, s->size, &f))
			return false;
		if (f.number == MODEL_GRAPH && !only_once(c, &f, "graph", &m.graph))
			return false;
		if (f.number == MODEL_ATTACHMENT &&
		    !only_once(c, &f, "the attachment", &m.attachment))
			return false;
	}
	*ret = m;
	return true;
}

/* ---- One initializer --------------------------------------------------------------------- */

MUST static bool
take_name(
    struct ctx *c, const struct scan *s, const struct scan_field *f, struct scan_tensor *t)
{
	struct str name = { t->name, (size_t)f->value };

	if (f->wire != PB_BYTES)
		return fail(c, E_INPUT, "name is encoded as another type");
	if (f->value > ONNX_NAME_MAX)
		return fail(c, E_LIMIT, "a name is %llu bytes long, more than %d",
		    (unsigned long long)f->value, ONNX_NAME_MAX);
	if (t->name_n > 0)
		return fail(c, E_INPUT, "name comes twice");
	if (!scan_read(c, s, f->at, t->name, name.n) || !name_check(c, name))
		return false;
	t->name_n = name.n;
	return true;
}

MUST static bool
take_raw(struct ctx *c, const struct scan_field *f, struct scan_tensor *t)
{
	if (f->wire != PB_BYTES)
		return fail(c, E_INPUT, "raw_data is encoded as another type");
	if (t->raw_at != 0)
		return fail(c, E_INPUT, "raw_data comes twice");
	t->raw_at = f->at;
	t->raw_n = f->value;
	return true;
}

MUST static bool
take_type(struct ctx *c, const struct scan_field *f, struct scan_tensor *t)
{
	if (f->wire != PB_VARINT)
		return fail(c, E_INPUT, "data_type is encoded as another type");
	if (t->type != 0)
		return fail(c, E_INPUT, "data_type comes twice");
	t->type = (int64_t)f->value;
	return true;
}

MUST static bool
scan_tensor(
    struct ctx *c, struct scan *s, const struct scan_field *message, struct scan_tensor *t)
{
	struct scan_field f;
	bool ok = true;

	t->name_n = 0;
	t->type = 0;
	t->raw_at = t->raw_n = 0;
	s->at = message->at;
	while (ok && s->at < message->end) {
		if (!next_field(c, s, message->end, &f))
			return false;
		if (f.number == TENSOR_NAME)
			ok = take_name(c, s, &f, t);
		else if (f.number == TENSOR_RAW)
			ok = take_raw(c, &f, t);
		else if (f.number == TENSOR_TYPE)
			ok = take_type(c, &f, t);
	}
	return ok;
}

bool
scan_next_tensor(struct ctx *c, struct scan *s, const struct scan_field *graph,
    struct scan_tensor *ret, bool *ret_found)
{
	struct scan_field f;

	*ret_found = false;
	while (!*ret_found && s->at < graph->end) {
		if (!next_field(c, s, graph->end, &f))
			return false;
		if (f.number != GRAPH_TENSOR)
			continue;
		if (f.wire != PB_BYTES)
			return fail(c, E_INPUT, "initializer is encoded as another type");
		if (!scan_tensor(c, s, &f, ret))
			return within(c, "initializer %llu", (unsigned long long)ret->index);
		*ret_found = true;
	}
	return true;
}
