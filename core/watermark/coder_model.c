/*
 * The autoencoders that embedding trains for itself, as a model: x [N,n] -> Gemm -> Relu -> Gemm ->
 * Relu -> Gemm -> Relu -> Gemm -> Sigmoid -> y [N,n], written as the few protobuf fields that it
 * takes (onnx.proto). All weights are zero: somebody else begins them.
 */
#include <stdio.h>

#include "coder.h"

enum { LAYERS = 4 };

/* ---- Protobuf ---------------------------------------------------------------------------- */

static void
varint(struct buf *b, uint64_t v)
{
	for (; v >= 128; v >>= 7)
		buf_char(b, (char)(v | 128));
	buf_char(b, (char)v);
}

static void
number(struct buf *b, unsigned field, int64_t v)
{
	varint(b, field << 3);
	varint(b, (uint64_t)v);
}

static void
bytes(struct buf *b, unsigned field, struct str v)
{
	varint(b, field << 3 | 2);
	varint(b, v.n);
	buf_put(b, v);
}

/* ---- The parts of a model ---------------------------------------------------------------- */

/* A value x or y: floats [N,n]. */
static void
put_value(struct buf *graph, unsigned field, const char *name, int64_t n)
{
	char room[4][64];
	struct buf batch = BUF(room[0]), size = BUF(room[1]), shape = BUF(room[2]),
		   tensor = BUF(room[3]);
	char more[2][96];
	struct buf type = BUF(more[0]), value = BUF(more[1]);

	bytes(&batch, 2, STR("N"));
	number(&size, 1, n);
	bytes(&shape, 1, buf_str(&batch));
	bytes(&shape, 1, buf_str(&size));
	number(&tensor, 1, ONNX_FLOAT);
	bytes(&tensor, 2, buf_str(&shape));
	bytes(&type, 1, buf_str(&tensor));
	bytes(&value, 1, str_of(name));
	bytes(&value, 2, buf_str(&type));
	bytes(graph, field, buf_str(&value));
}

static void
put_node(struct buf *graph, const char *op, const char *const input[], const char *output)
{
	char room[128];
	struct buf node = BUF(room);

	for (size_t i = 0; input[i] != NULL; i++)
		bytes(&node, 1, str_of(input[i]));
	bytes(&node, 2, str_of(output));
	bytes(&node, 4, str_of(op));
	bytes(graph, 1, buf_str(&node));
}

/* An initializer of zeros; columns 0: of one dimension. */
static void
put_zeros(struct buf *graph, const char *name, int64_t rows, int64_t columns)
{
	static const char zero[4096];
	char room[64];
	struct buf head = BUF(room), length = BUF((char[16]){ 0 });
	size_t n = (size_t)(rows * (columns == 0 ? 1 : columns)) * sizeof(float);

	number(&head, 1, rows);
	if (columns > 0)
		number(&head, 1, columns);
	number(&head, 2, ONNX_FLOAT);
	bytes(&head, 8, str_of(name));
	varint(&head, 9 << 3 | 2);
	varint(&head, n);
	varint(graph, 5 << 3 | 2);
	varint(&length, head.n + n);
	buf_put(graph, buf_str(&length));
	buf_put(graph, buf_str(&head));
	for (size_t some; n > 0; n -= some) {
		some = n < sizeof zero ? n : sizeof zero;
		buf_put(graph, (struct str){ zero, some });
	}
}

bool
coder_model(struct ctx *c, int64_t n, int64_t wide, int64_t narrow, struct str *ret)
{
	const int64_t size[LAYERS + 1] = { n, wide, narrow, wide, n };
	size_t floats = (size_t)(2 * n * wide + 2 * wide * narrow + 2 * wide + narrow + n);
	struct buf graph, model, opset = BUF((char[16]){ 0 });
	char from[16] = "x";

	if (!take_buf(c, floats * sizeof(float) + 2048, &graph) ||
	    !take_buf(c, floats * sizeof(float) + 4096, &model))
		return false;
	for (int i = 0; i < LAYERS; i++) {
		char w[16], b[16], sum[16], to[16];

		snprintf(w, sizeof w, "w%d", i);
		snprintf(b, sizeof b, "b%d", i);
		snprintf(sum, sizeof sum, "s%d", i);
		snprintf(to, sizeof to, i + 1 < LAYERS ? "a%d" : "y", i);
		put_node(&graph, "Gemm", (const char *const[]){ from, w, b, NULL }, sum);
		put_node(&graph, i + 1 < LAYERS ? "Relu" : "Sigmoid",
		    (const char *const[]){ sum, NULL }, to);
		put_zeros(&graph, w, size[i], size[i + 1]);
		put_zeros(&graph, b, size[i + 1], 0);
		memcpy(from, to, sizeof from);
	}
	bytes(&graph, 2, STR("coder"));
	put_value(&graph, 11, "x", n);
	put_value(&graph, 12, "y", n);
	number(&opset, 2, 13);
	number(&model, 1, 8);
	bytes(&model, 8, buf_str(&opset));
	bytes(&model, 7, buf_str(&graph));
	if (!buf_ok(c, &graph) || !buf_ok(c, &model))
		return false;
	*ret = buf_str(&model);
	return true;
}
