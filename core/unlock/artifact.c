/*
 * The head of an artifact, and the forms of what its sealed stream holds. Numbers are
 * little-endian; real numbers are their 64 bits.
 */
#include <math.h>
#include <unistd.h>

#include "parts.h"

#define MAGIC "HMKART"
enum { VERSION = 1 };

_Static_assert(sizeof MAGIC - 1 + 2 + ID_MAX + 8 == ARTIFACT_HEAD, "the head as described");

/* ---- The head ---------------------------------------------------------------------------- */

void
head_put(struct buf *out, const struct artifact *a)
{
	buf_put(out, STR(MAGIC));
	wire_put_u8(out, VERSION);
	wire_put_u8(out, (uint8_t)a->locks);
	wire_put_id(out, &a->release);
	wire_put_u64(out, a->stream_n);
}

MUST static bool
head_get(struct ctx *c, const char bytes[ARTIFACT_HEAD], struct artifact *ret)
{
	struct wire w = { .rest = { bytes, ARTIFACT_HEAD } };

	if (!str_starts(w.rest, STR(MAGIC)))
		return fail(c, E_INPUT, "what is attached to the model is not a lock");
	w.rest.p += sizeof MAGIC - 1;
	w.rest.n -= sizeof MAGIC - 1;
	if (wire_u8(&w) != VERSION)
		return fail(c, E_INPUT,
		    "the artifact is of another version: use the hallmark that made it");
	ret->locks = wire_u8(&w);
	if (ret->locks == 0 || (ret->locks & ~(unsigned)(LOCK_ADVPARAMS | LOCK_SEALED)) != 0)
		return fail(c, E_INPUT, "the artifact has a lock that is not known");
	if (!wire_id(c, &w, "rel", &ret->release))
		return false;
	ret->stream_n = wire_u64(&w);
	if (((ret->locks & LOCK_SEALED) != 0) != (ret->stream_n != 0))
		return fail(c, E_INPUT, "the artifact's head contradicts itself");
	return wire_end(c, &w);
}

bool
artifact_open(struct ctx *c, int fd, struct artifact *ret)
{
	char bytes[ARTIFACT_HEAD];
	struct artifact a = { 0 };
	uint64_t at, n;

	if (!onnx_attachment_find(c, fd, &at, &n))
		return false;
	if (n < sizeof bytes)
		return fail(c, E_INPUT, "the model is not locked: it has no artifact's head");
	if (pread(fd, bytes, sizeof bytes, (off_t)at) != sizeof bytes)
		return fail(c, E_FILE, "the artifact's head cannot be read");
	if (!head_get(c, bytes, &a))
		return false;
	if (a.stream_n != n - sizeof bytes)
		return fail(c, E_INPUT, "the artifact's head contradicts the file's length");
	a.stream_at = a.stream_n == 0 ? 0 : at + sizeof bytes;
	*ret = a;
	return true;
}

/* ---- Tensors ----------------------------------------------------------------------------- */

bool
is_markable(enum onnx_type type)
{
	return type == ONNX_FLOAT || type == ONNX_DOUBLE || type == ONNX_FLOAT16 ||
	    type == ONNX_BFLOAT16;
}

bool
entry_check(struct ctx *c, const struct sealed_tensor *t)
{
	if (onnx_type_size(t->type) == 0 || t->count < 0 || t->count > ONNX_BYTES_MAX)
		return fail(c, E_INPUT, "tensor %u: no such type or size", t->index);
	switch (t->form) {
	case SEALED_RAW:
		return true;
	case SEALED_MARKED:
	case SEALED_MIXED:
		if (is_markable(t->type) && isfinite(t->sigma) && t->sigma > 0)
			return true;
		return fail(c, E_INPUT, "tensor %u cannot carry a mark", t->index);
	}
	return fail(c, E_INPUT, "tensor %u: no such form", t->index);
}

void
entry_put(struct buf *out, const struct sealed_tensor *t)
{
	wire_put_u32(out, t->index);
	wire_put_u32(out, (uint32_t)t->type);
	wire_put_u32(out, (uint32_t)t->form);
	wire_put_u32(out, 0);
	wire_put_u64(out, (uint64_t)t->count);
	wire_put_real(out, t->form == SEALED_RAW ? 0 : t->sigma);
}

bool
entry_get(struct ctx *c, struct wire *w, struct sealed_tensor *ret)
{
	uint32_t zero, type, form;
	uint64_t count;

	ret->index = wire_u32(w);
	type = wire_u32(w);
	form = wire_u32(w);
	zero = wire_u32(w);
	count = wire_u64(w);
	ret->sigma = wire_real(w);
	if (zero != 0 || type > INT8_MAX || form > SEALED_MIXED || count > ONNX_BYTES_MAX)
		return fail(c, E_INPUT, "tensor %u: no such form or size", ret->index);
	ret->type = (enum onnx_type)type;
	ret->form = (enum sealed_form)form;
	ret->count = (int64_t)count;
	return entry_check(c, ret);
}

size_t
slot_size(enum onnx_type type)
{
	return type == ONNX_DOUBLE ? 8 : 4;
}

size_t
block_bytes(const struct sealed_tensor *t, size_t n)
{
	switch (t->form) {
	case SEALED_RAW:
		return n * onnx_type_size(t->type);
	case SEALED_MARKED:
		return n * sizeof(uint32_t);
	case SEALED_MIXED:
		return (n + 7) / 8 + n * slot_size(t->type);
	}
	abort();
}

uint64_t
content_bytes(const struct sealed_tensor *t)
{
	uint64_t n = (uint64_t)t->count;

	return n / SEALED_BLOCK * block_bytes(t, SEALED_BLOCK) +
	    block_bytes(t, n % SEALED_BLOCK);
}
