/*
 * The generator and the discriminator as ONNX, written as the few protobuf fields that they take
 * (onnx.proto). The generator narrows a picture twice by half, to 128 channels, and widens it
 * again; what it adds to every picture alike it learns as an array of its own, since convolutions
 * hardly know where they are. All weights are zero: somebody else begins them.
 */
#include <stdio.h>

#include "gan_parts.h"

enum { INTS_MAX = 4, ROOM = 1 << 16 };

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

/* A value of floats [N, dim…]. */
static void
put_value(struct buf *graph, unsigned field, const char *name, const int64_t dim[], int dims)
{
	char room[6][160];
	struct buf shape = BUF(room[0]), one = BUF(room[1]), tensor = BUF(room[2]),
		   type = BUF(room[3]), value = BUF(room[4]), batch = BUF(room[5]);

	bytes(&batch, 2, STR("N"));
	bytes(&shape, 1, buf_str(&batch));
	for (int i = 0; i < dims; i++) {
		one.n = 0;
		number(&one, 1, dim[i]);
		bytes(&shape, 1, buf_str(&one));
	}
	number(&tensor, 1, ONNX_FLOAT);
	bytes(&tensor, 2, buf_str(&shape));
	bytes(&type, 1, buf_str(&tensor));
	bytes(&value, 1, str_of(name));
	bytes(&value, 2, buf_str(&type));
	bytes(graph, field, buf_str(&value));
}

static void
put_ints(struct buf *node, const char *name, const int64_t v[], int n)
{
	char room[128];
	struct buf attr = BUF(room);

	bytes(&attr, 1, str_of(name));
	for (int i = 0; i < n; i++)
		number(&attr, 8, v[i]);
	number(&attr, 20, ONNX_ATTR_INTS);
	bytes(node, 5, buf_str(&attr));
}

/* An initializer of zeros. */
static void
put_zeros(struct buf *graph, const char *name, const int64_t dim[], int dims)
{
	char room[128];
	struct buf head = BUF(room), length = BUF((char[16]){ 0 });
	size_t n = sizeof(float);

	for (int i = 0; i < dims; i++) {
		number(&head, 1, dim[i]);
		n *= (size_t)dim[i];
	}
	number(&head, 2, ONNX_FLOAT);
	bytes(&head, 8, str_of(name));
	varint(&head, 9 << 3 | 2);
	varint(&head, n);
	varint(graph, 5 << 3 | 2);
	varint(&length, head.n + n);
	buf_put(graph, buf_str(&length));
	buf_put(graph, buf_str(&head));
	for (; n > 0; n--)
		buf_char(graph, 0);
}

/* ---- Layers ------------------------------------------------------------------------------ */

struct drawing {
	struct buf graph;
	char at[16]; /* the last value's name */
	int layers;
};

static void
node_open(struct buf *node, const char *op, const char *const input[], const char *output)
{
	for (size_t i = 0; input[i] != NULL; i++)
		bytes(node, 1, str_of(input[i]));
	bytes(node, 2, str_of(output));
	bytes(node, 4, str_of(op));
}

/* One node without weights, to a value of that name, or of a name of its own (NULL). */
static void
draw_plain(struct drawing *d, const char *op, const char *to)
{
	char room[256], name[16];
	struct buf node = BUF(room);

	snprintf(name, sizeof name, "p%d", d->layers++);
	node_open(&node, op, (const char *const[]){ d->at, NULL }, to != NULL ? to : name);
	bytes(&d->graph, 1, buf_str(&node));
	snprintf(d->at, sizeof d->at, "%s", to != NULL ? to : name);
}

/* A node with weights and biases; `ints` are kernel, strides and pads, each if it has any. */
static void
draw_weighted(struct drawing *d, const char *op, const int64_t dim[], int dims, int64_t biases,
    const int64_t ints[3][INTS_MAX], const char *to)
{
	static const char *const attr[] = { "kernel_shape", "strides", "pads" };
	char room[512], w[16], b[16], name[16];
	struct buf node = BUF(room);

	snprintf(w, sizeof w, "w%d", d->layers);
	snprintf(b, sizeof b, "b%d", d->layers);
	snprintf(name, sizeof name, "s%d", d->layers++);
	node_open(
	    &node, op, (const char *const[]){ d->at, w, b, NULL }, to != NULL ? to : name);
	for (int i = 0; ints != NULL && i < 3; i++)
		put_ints(&node, attr[i], ints[i], i < 2 ? 2 : 4);
	bytes(&d->graph, 1, buf_str(&node));
	put_zeros(&d->graph, w, dim, dims);
	put_zeros(&d->graph, b, &biases, 1);
	snprintf(d->at, sizeof d->at, "%s", to != NULL ? to : name);
}

static void
draw_conv(struct drawing *d, int64_t from, int64_t to, int64_t stride)
{
	const int64_t dim[] = { to, from, 3, 3 };
	const int64_t ints[3][INTS_MAX] = { { 3, 3 }, { stride, stride }, { 1, 1, 1, 1 } };

	draw_weighted(d, "Conv", dim, 4, to, ints, NULL);
	draw_plain(d, "Relu", NULL);
}

/* Twice the size; an odd size is one less. */
static void
draw_wider(struct drawing *d, int64_t from, int64_t to, int64_t height, int64_t width)
{
	const int64_t dim[] = { from, to, 4, 4 };
	const int64_t ints[3][INTS_MAX] = { { 4, 4 }, { 2, 2 },
		{ 1, 1, 1 + height % 2, 1 + width % 2 } };

	draw_weighted(d, "ConvTranspose", dim, 4, to, ints, NULL);
}

/* What is added to every picture alike. */
static void
draw_same(struct drawing *d, const int64_t dim[3])
{
	char room[256];
	struct buf node = BUF(room);

	node_open(&node, "Add", (const char *const[]){ d->at, "same", NULL }, "sum");
	bytes(&d->graph, 1, buf_str(&node));
	put_zeros(&d->graph, "same", dim, 3);
	snprintf(d->at, sizeof d->at, "sum");
}

MUST static bool
finish(struct ctx *c, struct drawing *d, const int64_t in[3], const int64_t out[], int outs,
    struct str *ret)
{
	struct buf model, opset = BUF((char[16]){ 0 });

	if (!take_buf(c, d->graph.max + ROOM, &model))
		return false;
	bytes(&d->graph, 2, STR("gan"));
	put_value(&d->graph, 11, "x", in, 3);
	put_value(&d->graph, 12, "y", out, outs);
	number(&opset, 2, 13);
	number(&model, 1, 8);
	bytes(&model, 8, buf_str(&opset));
	bytes(&model, 7, buf_str(&d->graph));
	if (!buf_ok(c, &d->graph) || !buf_ok(c, &model))
		return false;
	*ret = buf_str(&model);
	return true;
}

/* ---- Both models ------------------------------------------------------------------------- */

bool
gan_generator(struct ctx *c, const struct backdoor_shape *s, struct str *ret)
{
	const int64_t dim[] = { s->channels, s->height, s->width };
	int64_t points = s->channels * s->height * s->width, edge = s->channels * 64;
	int64_t floats = 64 * 32 * 9 + 128 * 64 * 9 + 128 * 64 * 16 + 64 * edge + points;
	struct drawing d = { .at = "x" };

	if (!take_buf(c, (size_t)floats * sizeof(float) + ROOM, &d.graph))
		return false;
	draw_conv(&d, s->channels, 32, 2);
	draw_conv(&d, 32, 64, 2);
	draw_conv(&d, 64, 128, 1);
	draw_wider(&d, 128, 64, (s->height + 1) / 2, (s->width + 1) / 2);
	draw_plain(&d, "Relu", NULL);
	draw_wider(&d, 64, s->channels, s->height, s->width);
	draw_same(&d, dim);
	draw_plain(&d, "Tanh", "y");
	return finish(c, &d, dim, dim, 3, ret);
}

bool
gan_discriminator(struct ctx *c, const struct backdoor_shape *s, struct str *ret)
{
	const int64_t dim[] = { s->channels, s->height, s->width }, one = 1;
	int64_t height = (s->height + 3) / 4, width = (s->width + 3) / 4;
	const int64_t dense[] = { 32 * height * width, 1 };
	int64_t floats = 16 * s->channels * 9 + 32 * 16 * 9 + dense[0];
	struct drawing d = { .at = "x" };

	if (!take_buf(c, (size_t)floats * sizeof(float) + ROOM, &d.graph))
		return false;
	draw_conv(&d, s->channels, 16, 2);
	draw_conv(&d, 16, 32, 2);
	draw_plain(&d, "Flatten", NULL);
	draw_weighted(&d, "Gemm", dense, 2, 1, NULL, "y");
	return finish(c, &d, dim, &one, 1, ret);
}
