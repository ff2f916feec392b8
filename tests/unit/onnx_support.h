/*
 * ONNX files made by hand for the tests: protobuf written by a few lines of its own, and a small
 * model in parts that a test may change before they are put together.
 */
#ifndef ONNX_SUPPORT_H
#define ONNX_SUPPORT_H

#include "onnx.h"
#include "test.h"

/* ---- Protobuf, written with nothing of the module under test ------------------------------ */

struct buf pb_new(void);
void pb_varint(struct buf *, uint64_t);
void pb_int(struct buf *, uint32_t field, int64_t);
void pb_text(struct buf *, uint32_t field, const char *);
void pb_bytes(struct buf *, uint32_t field, const void *, size_t n);
void pb_message(struct buf *, uint32_t field, const struct buf *);
void pb_fixed32(struct buf *, uint32_t field, float);
/* A ValueInfoProto of float; a negative dimension becomes a symbol. */
void pb_value(struct buf *, uint32_t field, const char *name, const int64_t dim[], int rank);
/* A TensorProto of float with raw data 0.5, 1.5, … */
void pb_floats(struct buf *, uint32_t field, const char *name, const int64_t dim[], int rank);
/* A NodeProto with one output; inputs end with NULL. */
struct buf pb_node(const char *op, const char *const inputs[], const char *output);

/* ---- A small model ------------------------------------------------------------------------ */

/*
 * x [N,3] -> Gemm(w [2,3], b [2], transB=1) -> y -> Relu -> z [N,2]. `tensor` begins as the
 * message of w, `node` as that of Gemm; what is put into the others is appended.
 */
struct sample {
	int64_t ir, opset;
	int graphs;
	struct buf tensor, node, graph, model;
	const char *out;
};
struct sample sample_new(void);
struct str sample_bytes(const struct sample *);
/* One with things that the reader does not know, in the model, the graph, a node, a tensor. */
struct sample sample_with_unknown(void);
bool contains(struct str bytes, struct str part);

/* A way to spoil the sample, and how its reading must fail then, in which words. */
struct hostile {
	void (*spoil)(struct sample *);
	enum err_code want;
	const char *says;
};
void check_refused(const struct hostile *);

/* Reads and must succeed. */
struct onnx_model read_ok(struct ctx *, struct str bytes);
/* Gathers what is written. */
onnx_sink gather;
/* What onnx_write makes of a model; must succeed. */
struct str write_ok(struct ctx *, const struct onnx_model *, const struct onnx_edit *);
/* A file of tests/data/models, mapped for good. */
struct str model_file(struct ctx *, const char *name);
/* A memory file with these bytes, and back. */
int memory_file(struct str bytes);
struct str memory_bytes(struct ctx *, int fd);

#endif
