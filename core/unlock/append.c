/*
 * Makes an artifact of a model whose weights somebody else has replaced: appends the head and,
 * under the sealed lock, the true weights as a sealed stream. Its length follows from the list of
 * tensors, so the field's length can be written first.
 */
#include "parts.h"

/* Protobuf: the attachment's field, bytes with their length before them. See onnx.h. */
enum { TAG_BYTES = 2, LENGTH_BYTES = 10 };

struct appending {
	const struct artifact_new *new;
	struct sealed_writer *out;
	struct mark_walk *walk;
	uint8_t bytes[SEALED_BLOCK * 8];
	float weights[SEALED_BLOCK];
	uint32_t words[SEALED_BLOCK];
	uint8_t marked[SEALED_BLOCK / 8];
	uint8_t slots[SEALED_BLOCK * 8];
};

static void
appending_free(struct appending **a)
{
	if (*a == NULL)
		return;
	sealed_writer_free(&(*a)->out);
	mark_walk_free(&(*a)->walk);
	explicit_bzero(*a, sizeof **a);
	free(*a);
	*a = NULL;
}

/* ---- Before the first byte --------------------------------------------------------------- */

MUST static bool
new_check(struct ctx *c, const struct artifact_new *n, uint64_t *ret_plain)
{
	uint64_t plain = TERMS_BYTES + (uint64_t)n->tensors * TENSOR_BYTES;

	if ((n->locks & LOCK_SEALED) == 0) {
		*ret_plain = 0;
		return true;
	}
	if (n->tensors > ONNX_TENSORS_MAX)
		return fail(c, E_LIMIT, "more than %d tensors to seal", ONNX_TENSORS_MAX);
	for (size_t i = 0; i < n->tensors; i++) {
		const struct sealed_tensor *t = &n->tensor[i];

		if (!entry_check(c, t))
			return false;
		if (i > 0 && t->index <= t[-1].index)
			return fail(c, E_INTERNAL, "tensors to seal are not in order");
		if (t->form != SEALED_RAW && n->master == NULL)
			return fail(c, E_INTERNAL, "a mark without a table");
		plain += content_bytes(t);
	}
	*ret_plain = plain;
	return true;
}

static void
varint_put(struct buf *out, uint64_t v)
{
	for (; v >= 0x80; v >>= 7)
		wire_put_u8(out, (uint8_t)(v | 0x80));
	wire_put_u8(out, (uint8_t)v);
}

/* ---- Weights ----------------------------------------------------------------------------- */

/* Does the weight survive the way through fixed point? */
static bool
fits(float w, double sigma)
{
	double v = (double)w / sigma;

	return v > -2047 && v < 2047;
}

MUST static bool
put(struct ctx *c, struct appending *a, const void *bytes, size_t n)
{
	return sealed_write(c, a->out, (struct str){ bytes, n });
}

/* The block's words, hidden; weights that do not fit lose their mark. */
MUST static bool
words_make(struct ctx *c, struct appending *a, const struct sealed_tensor *t, size_t n)
{
	onnx_floats_get(t->type, a->bytes, n, a->weights);
	for (size_t i = 0; i < n; i++) {
		if (fits(a->weights[i], t->sigma))
			continue;
		if (t->form == SEALED_MARKED)
			return fail(c, E_INPUT,
			    "tensor %u has a weight that cannot carry a mark", t->index);
		a->marked[i / 8] &= (uint8_t) ~(1U << i % 8);
	}
	mark_fixed(a->weights, n, t->sigma, a->words);
	return mark_hide(c, a->walk, a->words, n);
}

MUST static bool
put_mixed(struct ctx *c, struct appending *a, const struct sealed_tensor *t, size_t n)
{
	size_t size = onnx_type_size(t->type), slot = slot_size(t->type);

	memset(a->slots, 0, n * slot);
	for (size_t i = 0; i < n; i++)
		if ((a->marked[i / 8] >> i % 8 & 1) != 0)
			memcpy(a->slots + i * slot, &a->words[i], sizeof a->words[i]);
		else
			memcpy(a->slots + i * slot, a->bytes + i * size, size);
	return put(c, a, a->marked, (n + 7) / 8) && put(c, a, a->slots, n * slot);
}

MUST static bool
put_block(
    struct ctx *c, struct appending *a, const struct sealed_tensor *t, int64_t first, size_t n)
{
	memset(a->marked, 0, sizeof a->marked);
	if (!a->new->source(c, a->new->arg, t, first, n, a->bytes, a->marked))
		return false;
	if (n % 8 != 0) /* bits beyond the last weight are zero */
		a->marked[n / 8] &= (uint8_t)((1U << n % 8) - 1);
	switch (t->form) {
	case SEALED_RAW:
		return put(c, a, a->bytes, n * onnx_type_size(t->type));
	case SEALED_MARKED:
		return words_make(c, a, t, n) && put(c, a, a->words, n * sizeof a->words[0]);
	case SEALED_MIXED:
		return words_make(c, a, t, n) && put_mixed(c, a, t, n);
	}
	abort();
}

MUST static bool
put_tensor(struct ctx *c, struct appending *a, const struct sealed_tensor *t)
{
	for (int64_t i = 0, n; i < t->count; i += n) {
		n = t->count - i < SEALED_BLOCK ? t->count - i : SEALED_BLOCK;
		if (!put_block(c, a, t, i, (size_t)n))
			return false;
	}
	return true;
}

/* ---- The stream -------------------------------------------------------------------------- */

MUST static bool
put_list(struct ctx *c, struct appending *a)
{
	char room[TENSOR_BYTES];
	struct buf b = BUF(room);
	bool is_marked = a->new->master != NULL;

	wire_put_u32(&b, is_marked ? a->new->terms.log_l : 0);
	wire_put_real(&b, is_marked ? a->new->terms.kappa : 0);
	wire_put_u32(&b, (uint32_t)a->new->tensors);
	if (!buf_ok(c, &b) || !put(c, a, b.p, b.n))
		return false;
	for (size_t i = 0; i < a->new->tensors; i++) {
		b.n = 0;
		entry_put(&b, &a->new->tensor[i]);
		if (!buf_ok(c, &b) || !put(c, a, b.p, b.n))
			return false;
	}
	return true;
}

MUST static bool
put_stream(struct ctx *c, int fd, const struct artifact_new *new, struct str head)
{
	owned(appending_free) struct appending *a = calloc(1, sizeof *a);
	uint64_t n;

	if (a == NULL)
		return fail(c, E_MEMORY, "no memory");
	a->new = new;
	if (new->master != NULL &&
	    !mark_walk_new(c, str_of(new->release.s), &new->terms, new->master, &a->walk))
		return false;
	if (!sealed_writer_new(c, fd, new->content, head, &a->out) || !put_list(c, a))
		return false;
	for (size_t i = 0; i < new->tensors; i++)
		if (!put_tensor(c, a, &new->tensor[i]))
			return false;
	return sealed_finish(c, a->out, &n);
}

bool
artifact_append(struct ctx *c, int fd, const struct artifact_new *new, uint64_t *ret_stream)
{
	struct artifact a = { .release = new->release, .locks = new->locks };
	char field[TAG_BYTES + LENGTH_BYTES], head[ARTIFACT_HEAD];
	struct buf f = BUF(field), h = BUF(head);
	uint64_t plain;

	if (!new_check(c, new, &plain))
		return false;
	a.stream_n = plain == 0 ? 0 : sealed_size(plain);
	varint_put(&f, ONNX_ATTACHMENT << 3 | 2);
	varint_put(&f, ARTIFACT_HEAD + a.stream_n);
	head_put(&h, &a);
	if (!buf_ok(c, &f) || !buf_ok(c, &h) || !fd_write_all(c, fd, f.p, f.n) ||
	    !fd_write_all(c, fd, h.p, h.n))
		return false;
	if (plain != 0 && !put_stream(c, fd, new, buf_str(&h)))
		return false;
	*ret_stream = a.stream_n;
	return true;
}
