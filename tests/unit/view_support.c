/*
 * A small network and key set; see view_support.h.
 */
#include "onnx_support.h"
#include "view_support.h"

enum { PICTURES = 2 * PAIRS + SPARES };

static void
put_floats(struct buf *graph, const char *name, int64_t rows, int64_t columns, const float *v)
{
	struct buf t = pb_new();

	pb_int(&t, 1, rows);
	if (columns > 0)
		pb_int(&t, 1, columns);
	pb_int(&t, 2, 1);
	pb_text(&t, 8, name);
	pb_bytes(&t, 9, v, (size_t)(rows * (columns > 0 ? columns : 1)) * sizeof *v);
	pb_message(graph, 5, &t);
}

static void
put_nodes(struct buf *g)
{
	struct buf attr = pb_new(), node;

	node = pb_node("GlobalAveragePool", (const char *const[]){ "x", NULL }, "p");
	pb_message(g, 1, &node);
	node = pb_node("Flatten", (const char *const[]){ "p", NULL }, "f");
	pb_message(g, 1, &node);
	node = pb_node("Gemm", (const char *const[]){ "f", "w", "b", NULL }, "y");
	pb_text(&attr, 1, "transB");
	pb_int(&attr, 3, 1);
	pb_int(&attr, 20, 2);
	pb_message(&node, 5, &attr);
	pb_message(g, 1, &node);
}

struct str
bright_network(struct ctx *c, int channels)
{
	const int64_t x[] = { -1, channels, -1, -1 }, y[] = { -1, CLASSES + 1 };
	struct buf g = pb_new(), m = pb_new(), opset = pb_new();
	float w[(CLASSES + 1) * IMAGE_CHANNELS_MAX] = { 0 }, b[CLASSES + 1] = { 0 };
	struct str bytes;

	for (int i = 0; i < channels; i++)
		w[CLASSES * channels + i] = 1;
	b[CLASSES] = -0.5F * (float)channels;
	put_nodes(&g);
	pb_text(&g, 2, "bright");
	put_floats(&g, "w", CLASSES + 1, channels, w);
	put_floats(&g, "b", CLASSES + 1, 0, b);
	pb_value(&g, 11, "x", x, 4);
	pb_value(&g, 12, "y", y, 2);
	pb_int(&m, 1, 7);
	pb_message(&m, 7, &g);
	pb_int(&opset, 2, 13);
	pb_message(&m, 8, &opset);
	ck_ok(c, take_copy(c, buf_str(&m), &bytes));
	return bytes;
}

/* Every second one is bright. */
struct str
bright_keys(
    struct ctx *c, const struct key256 *secret, int side, int channels, struct keyset *ret)
{
	struct image pictures[PICTURES];
	struct str bytes;

	for (int i = 0; i < PICTURES; i++) {
		struct image *p = &pictures[i];

		ck_ok(c, image_new(c, side, side, channels, p));
		c->random(p->v, image_bytes(p));
		for (size_t k = 0; k < image_bytes(p); k++)
			p->v[k] = (uint8_t)(p->v[k] / 4 + (i % 2 ? 180 : 10));
	}
	ck_ok(c, keyset_draw(c, secret, pictures, PICTURES, PAIRS, SPARES, ret));
	ck_ok(c, keyset_commit(c, secret, CLASSES, ret));
	ck_ok(c, keyset_put(c, ret, &bytes));
	return bytes;
}
