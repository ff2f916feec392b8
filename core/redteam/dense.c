/*
 * A network of dense layers, written by hand as the few protobuf fields that it takes (onnx.proto):
 * what a thief puts in front of another network, or in its place. All weights are zero: somebody
 * else begins them.
 */
#include <stdio.h>

#include "learn.h"

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

/* A value of floats [N,…]. */
static void
put_value(struct buf *graph, unsigned field, const char *name, const int64_t dim[], int rank)
{
	char room[4][128];
	struct buf side = BUF(room[0]), shape = BUF(room[1]), type = BUF(room[2]),
		   value = BUF(room[3]);

	bytes(&side, 2, STR("N"));
	bytes(&shape, 1, buf_str(&side));
	for (int i = 0; i < rank; i++) {
		side.n = 0;
		number(&side, 1, dim[i]);
		bytes(&shape, 1, buf_str(&side));
	}
	side.n = 0;
	number(&side, 1, ONNX_FLOAT);
	bytes(&side, 2, buf_str(&shape));
	bytes(&type, 1, buf_str(&side));
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
	char room[64], more[16];
	struct buf head = BUF(room), length = BUF(more);
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

/* Layer i, from the value `from`, which becomes the layer's own. */
static void
put_layer(struct buf *graph, int i, const int64_t size[], const char *end, char from[16])
{
	char w[16], b[16], sum[16], to[16];

	snprintf(w, sizeof w, "w%d", i);
	snprintf(b, sizeof b, "b%d", i);
	snprintf(sum, sizeof sum, end == NULL ? "y" : "s%d", i);
	snprintf(to, sizeof to, end != NULL && end[0] == 'S' ? "y" : "a%d", i);
	put_node(graph, "Gemm", (const char *const[]){ from, w, b, NULL }, sum);
	if (end != NULL)
		put_node(graph, end, (const char *const[]){ sum, NULL }, to);
	put_zeros(graph, w, size[i], size[i + 1]);
	put_zeros(graph, b, size[i + 1], 0);
	memcpy(from, to, 16);
}

bool
redteam_dense(struct ctx *c, const struct data_form *form, const int64_t size[], int layers,
    bool sigmoid, struct str *ret)
{
	size_t floats = 0;
	struct buf graph, model, opset = BUF((char[16]){ 0 });
	char from[16] = "flat";

	if (layers < 1 || layers > REDTEAM_DENSE_MAX)
		return fail(c, E_INTERNAL, "%d dense layers", layers);
	for (int i = 0; i < layers; i++)
		floats += (size_t)(size[i] * size[i + 1] + size[i + 1]);
	if (!take_buf(c, floats * sizeof(float) + 2048, &graph) ||
	    !take_buf(c, floats * sizeof(float) + 4096, &model))
		return false;
	put_node(&graph, "Flatten", (const char *const[]){ "x", NULL }, from);
	for (int i = 0; i + 1 < layers; i++)
		put_layer(&graph, i, size, "Relu", from);
	put_layer(&graph, layers - 1, size, sigmoid ? "Sigmoid" : NULL, from);
	bytes(&graph, 2, STR("dense"));
	put_value(&graph, 11, "x", form->dim, form->rank);
	put_value(&graph, 12, "y", &size[layers], 1);
	number(&opset, 2, 13);
	number(&model, 1, 8);
	bytes(&model, 8, buf_str(&opset));
	bytes(&model, 7, buf_str(&graph));
	if (!buf_ok(c, &graph) || !buf_ok(c, &model))
		return false;
	*ret = buf_str(&model);
	return true;
}
