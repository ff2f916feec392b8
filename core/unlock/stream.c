/*
 * The sealed stream on its way out: opened chunk by chunk, read once from its beginning to its end,
 * in the order in which the patch goes through the model's tensors. A block of weights at a time:
 * words of the ciphertext, less the customer's entries of the table, times sigma.
 */
#include "parts.h"

struct stream {
	struct sealed_file *file;
	struct mark_walk *walk; /* NULL if nothing is marked */
	uint64_t at;            /* in the plain stream */
	struct sealed_tensor *tensor;
	size_t tensors, next; /* `next`: the one that is being filled, or comes next */
	int64_t filled;       /* weights of it */
	uint32_t words[SEALED_BLOCK];
	float weights[SEALED_BLOCK];
	uint8_t marked[SEALED_BLOCK / 8];
	uint8_t slots[SEALED_BLOCK * 8];
};

void
content_free(struct stream **s)
{
	if (*s == NULL)
		return;
	sealed_file_free(&(*s)->file);
	mark_walk_free(&(*s)->walk);
	explicit_bzero(*s, sizeof **s);
	free(*s);
	*s = NULL;
}

MUST static bool
contradicts(struct ctx *c)
{
	return fail(c, E_INTEGRITY, "the artifact's sealed part contradicts itself");
}

MUST static bool
stream_read(struct ctx *c, struct stream *s, void *to, size_t n)
{
	if (n > sealed_file_size(s->file) - s->at)
		return contradicts(c);
	if (!sealed_file_read(c, s->file, s->at, to, n))
		return false;
	s->at += n;
	return true;
}

/* ---- The list of tensors ----------------------------------------------------------------- */

MUST static bool
tensors_read(struct ctx *c, struct stream *s, size_t n)
{
	uint64_t content = 0;

	if (n > ONNX_TENSORS_MAX || n > (sealed_file_size(s->file) - s->at) / TENSOR_BYTES)
		return contradicts(c);
	s->tensor = take(c, n * sizeof s->tensor[0] + 1);
	if (s->tensor == NULL)
		return false;
	s->tensors = n;
	for (size_t i = 0; i < n; i++) {
		char bytes[TENSOR_BYTES];
		struct wire w = { .rest = { bytes, sizeof bytes } };
		struct sealed_tensor *t = &s->tensor[i];

		if (!stream_read(c, s, bytes, sizeof bytes))
			return false;
		if (!entry_get(c, &w, t) || (i > 0 && t->index <= t[-1].index) ||
		    (t->form != SEALED_RAW && s->walk == NULL))
			return contradicts(c);
		content += content_bytes(t);
	}
	return content == sealed_file_size(s->file) - s->at ? true : contradicts(c);
}

/* Terms, table and key belong together. */
MUST static bool
terms_read(
    struct ctx *c, struct stream *s, const struct artifact *a, const struct unlock_key *k)
{
	char bytes[TERMS_BYTES];
	struct wire w = { .rest = { bytes, sizeof bytes } };
	struct mark_terms t;
	size_t tensors;

	if (!stream_read(c, s, bytes, sizeof bytes))
		return false;
	t.log_l = wire_u32(&w);
	t.kappa = wire_real(&w);
	tensors = wire_u32(&w);
	if (t.log_l != k->terms.log_l || t.kappa != k->terms.kappa ||
	    (t.log_l == 0) != (k->table == NULL))
		return fail(c, E_INTEGRITY, "the unlock key is of another release");
	if (k->table != NULL && !mark_walk_new(c, str_of(a->release.s), &t, k->table, &s->walk))
		return false;
	return tensors_read(c, s, tensors);
}

bool
content_open(struct ctx *c, int fd, const struct artifact *a, const struct unlock_key *k,
    struct stream **ret)
{
	owned(content_free) struct stream *s = calloc(1, sizeof *s);
	char head[ARTIFACT_HEAD];
	struct buf b = BUF(head);

	if (s == NULL)
		return fail(c, E_MEMORY, "no memory");
	head_put(&b, a);
	if (!sealed_file_open_part(
		c, fd, a->stream_at, a->stream_n, &k->content, buf_str(&b), &s->file))
		return c->err.code != E_INTEGRITY
		    ? false
		    : fail(c, E_INTEGRITY, "the unlock key does not open this artifact");
	if (!terms_read(c, s, a, k))
		return false;
	*ret = steal(s);
	return true;
}

/* ---- Weights ----------------------------------------------------------------------------- */

MUST static bool
fill_marked(struct ctx *c, struct stream *s, const struct sealed_tensor *t, void *to, size_t n)
{
	if (!stream_read(c, s, s->words, n * sizeof s->words[0]) ||
	    !mark_show(c, s->walk, s->words, n))
		return false;
	mark_float(s->words, n, t->sigma, s->weights);
	onnx_floats_put(t->type, s->weights, n, to);
	return true;
}

/* Those with bits of their own are put over the others. */
MUST static bool
fill_mixed(struct ctx *c, struct stream *s, const struct sealed_tensor *t, void *to, size_t n)
{
	size_t size = onnx_type_size(t->type), slot = slot_size(t->type);
	char *bytes = to;

	if (!stream_read(c, s, s->marked, (n + 7) / 8) ||
	    !stream_read(c, s, s->slots, n * slot))
		return false;
	for (size_t i = 0; i < n; i++)
		memcpy(&s->words[i], s->slots + i * slot, sizeof s->words[i]);
	if (!mark_show(c, s->walk, s->words, n))
		return false;
	mark_float(s->words, n, t->sigma, s->weights);
	onnx_floats_put(t->type, s->weights, n, to);
	for (size_t i = 0; i < n; i++)
		if ((s->marked[i / 8] >> i % 8 & 1) == 0)
			memcpy(bytes + i * size, s->slots + i * slot, size);
	return true;
}

MUST static bool
fill_block(struct ctx *c, struct stream *s, const struct sealed_tensor *t, void *to, size_t n)
{
	switch (t->form) {
	case SEALED_RAW:
		return stream_read(c, s, to, n * onnx_type_size(t->type));
	case SEALED_MARKED:
		return fill_marked(c, s, t, to, n);
	case SEALED_MIXED:
		return fill_mixed(c, s, t, to, n);
	}
	abort();
}

/* Pieces of a patch begin where blocks do. */
_Static_assert(ONNX_PIECE % (SEALED_BLOCK * 8) == 0, "whole blocks, of the widest type too");

bool
content_fill(struct ctx *c, struct stream *s, const struct onnx_place *place, void *bytes,
    size_t elements)
{
	size_t size = onnx_type_size(place->type);
	const struct sealed_tensor *t;
	char *to = bytes;

	while (s->next < s->tensors && s->tensor[s->next].count == 0)
		s->next++; /* the patch does not see them */
	t = &s->tensor[s->next];
	if (s->next == s->tensors || place->index < t->index)
		return true;
	if (place->index > t->index || place->type != t->type || place->count != t->count ||
	    place->first != s->filled)
		return contradicts(c);
	for (size_t i = 0, n; i < elements; i += n) {
		n = elements - i < SEALED_BLOCK ? elements - i : SEALED_BLOCK;
		if (!fill_block(c, s, t, to + i * size, n))
			return false;
	}
	s->filled += (int64_t)elements;
	if (s->filled == t->count) {
		s->next++;
		s->filled = 0;
	}
	return true;
}

bool
content_end(struct ctx *c, const struct stream *s)
{
	return s->at == sealed_file_size(s->file) ? true : contradicts(c);
}
