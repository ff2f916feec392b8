/*
 * Messages by tables: one row says what a field is, and one walk over the message checks and
 * collects them all. Fields that may come once are refused when they come twice, since readers
 * differ in what they make of that; fields that nobody has heard of are skipped.
 */
#include <stdarg.h>
#include <stdio.h>

#include "parts.h"

struct shown
shown(struct str name)
{
	struct shown ret = { "" };
	struct buf b = BUF(ret.s);
	size_t n = name.n < SHOWN_MAX ? name.n : SHOWN_MAX;

	/* Not in the middle of a character. */
	while (n > 0 && n < name.n && ((uint8_t)name.p[n] & 0xc0) == 0x80)
		n--;
	text_escape(&b, (struct str){ name.p, n });
	if (n < name.n)
		buf_put(&b, STR("..."));
	return ret;
}

bool
within(struct ctx *c, const char *fmt, ...)
{
	struct err inner = c->err;
	char place[sizeof inner.text];
	va_list args;

	va_start(args, fmt);
	vsnprintf(place, sizeof place, fmt, args);
	va_end(args);
	return fail_log(c, inner.code, inner.detail, "%s: %s", place, inner.text);
}

bool
name_check(struct ctx *c, struct str name)
{
	if (name.n > ONNX_NAME_MAX)
		return fail(c, E_LIMIT, "a name is %zu bytes long, more than %d", name.n,
		    ONNX_NAME_MAX);
	if (!text_valid(name))
		return fail(c, E_INPUT, "the name '%s' is not printable UTF-8", shown(name).s);
	return true;
}

/* What a field of this kind looks like on the wire. */
static enum pb_wire
wire_of(enum pb_kind kind)
{
	switch (kind) {
	case PB_INT:
	case PB_VARINTS:
		return PB_VARINT;
	case PB_REAL:
	case PB_FIXED32S:
		return PB_FIXED32;
	case PB_FIXED64S:
		return PB_FIXED64;
	case PB_RAW:
	case PB_NAME:
	case PB_LIST:
	case PB_REFUSED:
		return PB_BYTES;
	}
	abort();
}

MUST static bool
take_once(struct ctx *c, const struct pb_rule *r, const struct pb_field *f, bool seen, void *at)
{
	if (seen)
		return fail(c, E_INPUT, "%s comes twice", r->name);
	if (f->wire != wire_of(r->kind))
		return fail(c, E_INPUT, "%s is encoded as another type", r->name);
	if (r->kind == PB_NAME && !name_check(c, f->bytes))
		return within(c, "%s", r->name);
	if (r->kind == PB_INT)
		*(int64_t *)at = (int64_t)f->value;
	else if (r->kind == PB_REAL)
		memcpy(at, &f->value, sizeof(float));
	else
		*(struct str *)at = f->bytes;
	return true;
}

MUST static bool
take_field(
    struct ctx *c, const struct pb_rule *r, const struct pb_field *f, bool seen, void *target)
{
	void *at = (char *)target + r->at;
	size_t n = 1;

	switch (r->kind) {
	case PB_INT:
	case PB_REAL:
	case PB_RAW:
	case PB_NAME:
		return take_once(c, r, f, seen, at);
	case PB_LIST:
		if (f->wire != PB_BYTES)
			return fail(c, E_INPUT, "%s is encoded as another type", r->name);
		break;
	case PB_VARINTS:
	case PB_FIXED32S:
	case PB_FIXED64S:
		if (!pb_count(c, f, wire_of(r->kind), &n))
			return within(c, "%s", r->name);
		break;
	case PB_REFUSED:
		return fail(c, E_INPUT, "%s: not supported", r->name);
	}
	*(size_t *)at += n;
	return true;
}

bool
pb_decode(struct ctx *c, struct str message, const struct pb_rule *rules, size_t n, void *ret,
    uint32_t *ret_seen)
{
	struct pb w = pb_of(message);
	struct pb_field f;
	uint32_t seen = 0;

	while (pb_more(&w)) {
		if (!pb_next(c, &w, &f))
			return false;
		for (size_t i = 0; i < n; i++) {
			if (rules[i].number != f.number)
				continue;
			if (!take_field(c, &rules[i], &f, (seen >> i) & 1, ret))
				return false;
			seen |= UINT32_C(1) << i;
			break;
		}
	}
	*ret_seen = seen;
	return true;
}

bool
pair_read(struct ctx *c, struct str message, struct str ret[2])
{
	static const struct pb_rule pair[] = {
		{ PAIR_KEY, PB_RAW, 0, "key" },
		{ PAIR_VALUE, PB_RAW, sizeof(struct str), "value" },
	};
	struct str both[2] = { { "", 0 }, { "", 0 } };
	uint32_t seen;

	if (!pb_decode(c, message, pair, COUNT(pair), both, &seen))
		return false;
	memcpy(ret, both, sizeof both);
	return true;
}
