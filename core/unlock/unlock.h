/*
 * unlock: artifacts and unlock keys, as both sides know them. An artifact is a locked ONNX model
 * with an attachment: a public head that says which release it is, and, under the sealed lock, the
 * true weights as ciphertext. An unlock key turns those bytes into one customer's model, streamed,
 * in bounded memory, or fails without leaving anything.
 */
#ifndef UNLOCK_H
#define UNLOCK_H

#include "base.h"
#include "crypto.h"
#include "mark.h"
#include "onnx.h"

/* ---- The artifact's attachment ----------------------------------------------------------- */

/*
 *   head    "HMKART" | version | locks | release id, 48 bytes | bytes of the stream (le64)
 *   stream  a sealed file (see crypto.h) under the content key, bound to the head:
 *           terms | tensors, by rising index | then the content of each, in that order
 *
 * Content goes by blocks of SEALED_BLOCK weights. Raw: their bytes. Marked: a le32 word each, of
 * mark_hide. Mixed: a bit for each (the lowest first; 1: marked), then for each four bytes, of a
 * double eight: the word, or the weight's own bits. All weights of marked and mixed tensors take
 * their turn in the walk of mark.h, those with bits of their own too.
 */
enum { ARTIFACT_HEAD = 64, SEALED_BLOCK = 1 << 15 };
struct artifact {
	struct id release; /* "rel_…" */
	unsigned locks;
	uint64_t stream_at, stream_n; /* of the ciphertext in the file; 0 if there is none */
};
/* E_INPUT for a file that is no artifact of ours. */
MUST bool artifact_open(struct ctx *, int fd, struct artifact *ret);

/* What the sealed stream says of one tensor. */
enum sealed_form {
	SEALED_RAW,    /* its bytes as they are: exact, without a mark; any type */
	SEALED_MARKED, /* every weight; float types only */
	SEALED_MIXED,  /* some of them */
};
struct sealed_tensor {
	uint32_t index; /* of the initializer in the file */
	enum sealed_form form;
	enum onnx_type type;
	int64_t count;
	double sigma; /* > 0 unless it is raw */
};

/* ---- Writing artifacts ------------------------------------------------------------------- */

/*
 * The plain weights [first, first + n) of a tensor as raw data, n <= SEALED_BLOCK; called block by
 * block, tensor by tensor, each once. Of a mixed tensor also a bit for each, the lowest first,
 * which says that it may be marked; `marked` comes zeroed.
 */
typedef bool sealed_source(struct ctx *, void *arg, const struct sealed_tensor *, int64_t first,
    size_t n, void *bytes, uint8_t marked[]);
struct artifact_new {
	struct id release;
	unsigned locks;
	/* The rest is for the sealed lock. */
	const struct key256 *content;
	struct mark_terms terms;            /* zero if nothing is marked */
	const uint32_t *master;             /* of mark_master; NULL if nothing is marked */
	const struct sealed_tensor *tensor; /* by rising index; all that have raw data there */
	size_t tensors;
	sealed_source *source;
	void *arg;
};
/*
 * Makes an artifact of the model at whose end the descriptor stands: appends the attachment. The
 * model must have none. A weight that cannot be marked (not finite, beyond 2047 sigma) stays as it
 * is in a mixed tensor, and is E_INPUT in a marked one. *ret_stream: bytes of ciphertext.
 */
MUST bool artifact_append(
    struct ctx *, int fd, const struct artifact_new *, uint64_t *ret_stream);
/*
 * Flips the bits of those entries, from entry[*next] on, that lie in this piece of a file (see
 * onnx_patch), and moves *next behind them: what locks and what opens. E_INPUT if an entry is not
 * in the tensor, or its bits not in an element (of 2 or 4 bytes).
 */
MUST bool unlock_flip(struct ctx *, const struct unlock_entry entry[], uint32_t n,
    uint32_t *next, const struct onnx_place *, void *bytes, size_t elements);

/* ---- Unlocking --------------------------------------------------------------------------- */

struct unlock_watch {
	void (*progress)(void *arg, uint64_t done, uint64_t total); /* may be NULL */
	void *arg;
};
/*
 * Reads the whole artifact once to see that it is the key's (E_INTEGRITY), then writes the model
 * to `out`, an empty file or memory file. Memory stays under 16 MB and the table. After a failure
 * `out` holds nothing of use: discard it. E_INPUT if the file is no artifact.
 */
MUST bool unlock_apply(struct ctx *, int artifact, const struct unlock_key *, int out,
    const struct unlock_watch *);

/*
 * SHA-256 over every initializer that has raw data, in the order of the file: be32 index, be32
 * type, be64 count, the bytes. What "bit for bit the same weights" means.
 */
MUST bool unlock_digest(struct ctx *, int fd, struct digest256 *ret);

#endif
