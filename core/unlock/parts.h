/*
 * What the files of this module share: the forms of what lies in an artifact. Not for others.
 */
#ifndef UNLOCK_PARTS_H
#define UNLOCK_PARTS_H

#include "unlock.h"

/* ---- artifact.c -------------------------------------------------------------------------- */

enum {
	TERMS_BYTES = 16, /* le32 log_l | le64 kappa | le32 number of tensors */
	TENSOR_BYTES =
	    32, /* le32 index | le32 type | le32 form | le32 zero | le64 count | le64 sigma */
};

void head_put(struct buf *, const struct artifact *);

/* E_INPUT for what no artifact holds: an impossible form, type, count or sigma. */
MUST bool entry_check(struct ctx *, const struct sealed_tensor *);
void entry_put(struct buf *, const struct sealed_tensor *);
MUST bool entry_get(struct ctx *, struct wire *, struct sealed_tensor *ret);

bool is_markable(enum onnx_type);
/* Bytes of a weight in a mixed tensor's content. */
size_t slot_size(enum onnx_type);
/* Bytes of the content of n <= SEALED_BLOCK weights of a tensor, and of the whole tensor. */
size_t block_bytes(const struct sealed_tensor *, size_t n);
uint64_t content_bytes(const struct sealed_tensor *);

/* ---- digest.c ---------------------------------------------------------------------------- */

/* One piece of unlock_digest. */
void digest_piece(
    struct sha256 *, const struct onnx_place *, const void *bytes, size_t elements);

/* ---- stream.c ---------------------------------------------------------------------------- */

/* The sealed stream of an artifact, read from its beginning to its end. */
struct stream;
/* E_INTEGRITY if the key is another's, or what it holds is not what the key says. */
MUST bool content_open(struct ctx *, int fd, const struct artifact *, const struct unlock_key *,
    struct stream **ret);
void content_free(struct stream **);
/* Puts the weights in the place of this piece's bytes, if the tensor is sealed. */
MUST bool content_fill(
    struct ctx *, struct stream *, const struct onnx_place *, void *bytes, size_t elements);
/* E_INTEGRITY unless all of it was read. */
MUST bool content_end(struct ctx *, const struct stream *);

#endif
