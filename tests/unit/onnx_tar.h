/*
 * Bundles made by hand for the tests: tar written by a few lines of its own, and the sample of
 * onnx_support.h with a tensor that lies in another file.
 */
#ifndef ONNX_TAR_H
#define ONNX_TAR_H

#include "onnx_support.h"

enum { TAR_BLOCK = 512 };

/* Adds a member. Returns its header, to be spoiled and signed anew. */
char *tar_put(struct buf *tar, char type, const char *name, struct str bytes);
/* Writes the sum of a header into it. */
void tar_sign(char *header);
/* model.onnx, and the weights of sample_outside. */
void tar_plain(struct buf *tar, struct str model);
/* Puts the mark of the end. */
struct str tar_finished(struct buf *tar);

/* -0.5, 0.5, 1.5, …: eight floats. */
struct str weights(void);
/* A TensorProto of floats that lie in `place`: location, offset, length; NULL is not said. */
struct buf tensor_outside(
    const char *name, const int64_t dim[], int rank, const char *const place[3]);
/* Writes one word of external_data into a TensorProto; nothing if `value` is NULL. */
void tensor_external(struct buf *tensor, const char *key, const char *value);
/* The sample with w in a file `weights`, from its second number on. */
struct sample sample_outside(void);

#endif
