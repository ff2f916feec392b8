/*
 * The messages between the server and its courier, as bytes. Both sides check every field: the
 * courier reads hostile answers, so what it says is bounded, and text is chosen here by a number.
 */
#include "courier_wire.h"

#define URL_MAX 1024
#define HEADER_MAX 128
#define WHY_MAX 200
#define LIMIT_MAX 600000

/* clang-format off */
static const char *const ends[PARCEL_ENDS] = {
	[PARCEL_ANSWERED]    = "",
	[PARCEL_BAD_URL]     = "the URL is not one of https",
	[PARCEL_NO_NAME]     = "the host's name cannot be resolved",
	[PARCEL_FORBIDDEN]   = "the host's address is private: `webhook-networks` does not allow it",
	[PARCEL_LARGE]       = "the answer is larger than 64 kB",
	[PARCEL_UNREACHABLE] = "nobody listens there",
	[PARCEL_UNTRUSTED]   = "the host's certificate is not to be trusted",
	[PARCEL_NO_TLS]      = "the TLS handshake failed",
	[PARCEL_SLOW]        = "there was no answer in time",
	[PARCEL_BROKEN]      = "the connection ended without an answer",
	[PARCEL_LOST]        = "the courier ended before there was an answer",
};
/* clang-format on */

const char *
parcel_end_text(enum parcel_end end)
{
	return ends[end];
}

bool
courier_hello_encode(struct ctx *c, const struct courier_hello *h, struct buf *out)
{
	wire_put_u8(out, COURIER_PROTOCOL);
	wire_put_u8(out, h->ready);
	wire_put_u8(out, h->files_walled);
	wire_put_str(out, h->why);
	return buf_ok(c, out);
}

bool
courier_hello_decode(struct ctx *c, struct str bytes, struct courier_hello *ret)
{
	struct wire w = { bytes, false };
	uint8_t protocol = wire_u8(&w);
	struct courier_hello h = { .ready = wire_u8(&w) == 1 };

	h.files_walled = wire_u8(&w) == 1;
	h.why = wire_str(&w, WHY_MAX);
	if (!wire_end(c, &w))
		return false;
	if (protocol != COURIER_PROTOCOL)
		return fail(c, E_PEER, "hallmark-courier is of another version");
	*ret = h;
	return true;
}

bool
parcel_encode(struct ctx *c, const struct parcel *p, struct buf *out)
{
	wire_put_u64(out, p->serial);
	wire_put_u64(out, (uint64_t)p->limit_ms);
	wire_put_u64(out, (uint64_t)p->at);
	wire_put_str(out, p->url);
	wire_put_str(out, p->id);
	wire_put_str(out, p->signature);
	wire_put_str(out, p->body);
	return buf_ok(c, out);
}

/* Visible ASCII: no header can be smuggled in. */
static bool
is_visible(struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] <= ' ' || s.p[i] > '~')
			return false;
	return s.n > 0;
}

bool
parcel_decode(struct ctx *c, struct str bytes, struct parcel *ret)
{
	struct wire w = { bytes, false };
	struct parcel p = { .serial = wire_u64(&w) };

	p.limit_ms = (int64_t)wire_u64(&w);
	p.at = (int64_t)wire_u64(&w);
	p.url = wire_str(&w, URL_MAX);
	p.id = wire_str(&w, HEADER_MAX);
	p.signature = wire_str(&w, HEADER_MAX);
	p.body = wire_str(&w, COURIER_BODY_MAX);
	if (!wire_end(c, &w))
		return false;
	if (p.limit_ms < 1 || p.limit_ms > LIMIT_MAX || p.at < 0 || !is_visible(p.url) ||
	    !is_visible(p.id) || !is_visible(p.signature))
		return fail(c, E_PEER, "a parcel is malformed");
	*ret = p;
	return true;
}

bool
parcel_report_encode(struct ctx *c, const struct parcel_report *r, struct buf *out)
{
	wire_put_u64(out, r->serial);
	wire_put_u8(out, (uint8_t)r->end);
	wire_put_u32(out, (uint32_t)r->status);
	return buf_ok(c, out);
}

bool
parcel_report_decode(struct ctx *c, struct str bytes, struct parcel_report *ret)
{
	struct wire w = { bytes, false };
	struct parcel_report r = { .serial = wire_u64(&w) };
	uint8_t end = wire_u8(&w);
	uint32_t status = wire_u32(&w);

	if (!wire_end(c, &w))
		return false;
	if (end >= PARCEL_ENDS || status > 999)
		return fail(c, E_PEER, "a report of the courier is malformed");
	r.end = (enum parcel_end)end;
	r.status = (int)status;
	*ret = r;
	return true;
}

bool
question_report_encode(struct ctx *c, const struct question_report *r, struct buf *out)
{
	wire_put_u64(out, r->number);
	wire_put_u8(out, (uint8_t)r->end);
	wire_put_u32(out, (uint32_t)r->status);
	wire_put_str(out, r->body);
	return buf_ok(c, out);
}

bool
question_report_decode(struct ctx *c, struct str bytes, struct question_report *ret)
{
	struct wire w = { bytes, false };
	struct question_report r = { .number = wire_u64(&w) };
	uint8_t end = wire_u8(&w);
	uint32_t status = wire_u32(&w);

	r.body = wire_str(&w, LIVE_ANSWER_MAX);
	if (!wire_end(c, &w))
		return false;
	r.end = (enum parcel_end)end;
	r.status = (int)status;
	if (end >= PARCEL_ENDS || status > 999 || (r.end == PARCEL_ANSWERED) != (status > 0) ||
	    (status == 0 && r.body.n > 0))
		return fail(c, E_PEER, "a report of the courier is malformed");
	*ret = r;
	return true;
}
