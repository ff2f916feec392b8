/*
 * A small network, small pictures and a data set; see watermark_support.h.
 */
#include <math.h>

#include "watermark_support.h"

/* ---- The network ------------------------------------------------------------------------- */

/* An initializer with weights as for a first training. */
static void
put_weights(struct buf *graph, const char *name, const int64_t dim[], int rank)
{
	struct buf t = pb_new();
	float data[2048];
	size_t n = 1;
	uint32_t state = 7 + (uint32_t)name[0];

	for (int i = 0; i < rank; i++) {
		pb_int(&t, 1, dim[i]);
		n *= (size_t)dim[i];
	}
	ck_assert_uint_le(n, COUNT(data));
	for (size_t i = 0; i < n; i++) {
		state = state * 1664525u + 1013904223u;
		data[i] = rank == 1 ? 0 : ((float)(state >> 8) / 0x1p24F - .5F) * .4F;
	}
	pb_int(&t, 2, 1);
	pb_text(&t, 8, name);
	pb_bytes(&t, 9, data, n * sizeof data[0]);
	pb_message(graph, 5, &t);
}

static void
put_ints(struct buf *node, const char *name, int64_t value, int n)
{
	struct buf a = pb_new();

	pb_text(&a, 1, name);
	for (int i = 0; i < n; i++)
		pb_int(&a, 8, value);
	pb_int(&a, 20, 7);
	pb_message(node, 5, &a);
}

static void
put_turned(struct buf *node)
{
	struct buf a = pb_new();

	pb_text(&a, 1, "transB");
	pb_int(&a, 3, 1);
	pb_int(&a, 20, 2);
	pb_message(node, 5, &a);
}

static void
put_op(struct buf *graph, const char *op, const char *const in[], const char *out)
{
	struct buf node = pb_node(op, in, out);

	if (strcmp(op, "Conv") == 0 && strcmp(in[0], "x") == 0)
		put_ints(&node, "pads", 1, 4);
	if (strcmp(op, "MaxPool") == 0) {
		put_ints(&node, "kernel_shape", 2, 2);
		put_ints(&node, "strides", 2, 2);
	}
	pb_message(graph, 1, &node);
}
#define IN(...) ((const char *const[]){ __VA_ARGS__, NULL })

static void
put_body(struct buf *g)
{
	put_op(g, "Conv", IN("x", "a.w", "a.b"), "a");
	put_op(g, "Relu", IN("a"), "b");
	put_op(g, "MaxPool", IN("b"), "c");
	put_weights(g, "a.w", (const int64_t[]){ 4, 1, 3, 3 }, 4);
	put_weights(g, "a.b", (const int64_t[]){ 4 }, 1);
}

static void
put_hidden(struct buf *g)
{
	put_op(g, "Flatten", IN("c"), "d");
	put_op(g, "Gemm", IN("d", "e.w", "e.b"), "e");
	put_op(g, "Relu", IN("e"), "f");
	put_weights(g, "e.w", (const int64_t[]){ 64, 24 }, 2);
	put_weights(g, "e.b", (const int64_t[]){ 24 }, 1);
}

static void
put_gemm(struct buf *g, bool turned, int64_t biases, const char *out)
{
	struct buf node = pb_node("Gemm", IN("f", "h.w", "h.b"), out);

	if (turned)
		put_turned(&node);
	pb_message(g, 1, &node);
	put_weights(g, "h.w",
	    turned ? (const int64_t[]){ CLASSES, 24 } : (const int64_t[]){ 24, CLASSES }, 2);
	put_weights(g, "h.b", &biases, 1);
}

static void
put_matmul(struct buf *g, bool bare)
{
	put_op(g, "MatMul", IN("f", "h.w"), bare ? "y" : "g");
	put_weights(g, "h.w", (const int64_t[]){ 24, CLASSES }, 2);
	if (bare)
		return;
	put_op(g, "Add", IN("h.b", "g"), "y");
	put_weights(g, "h.b", (const int64_t[]){ CLASSES }, 1);
}

static void
put_conv(struct buf *g)
{
	put_op(g, "Conv", IN("c", "h.w", "h.b"), "g");
	put_op(g, "GlobalAveragePool", IN("g"), "i");
	put_op(g, "Flatten", IN("i"), "y");
	put_weights(g, "h.w", (const int64_t[]){ CLASSES, 4, 1, 1 }, 4);
	put_weights(g, "h.b", (const int64_t[]){ CLASSES }, 1);
}

static void
put_head(struct buf *g, enum head head)
{
	if (head != HEAD_CONV)
		put_hidden(g);
	switch (head) {
	case HEAD_GEMM:
	case HEAD_GEMM_TURNED:
		put_gemm(g, head == HEAD_GEMM_TURNED, CLASSES, "y");
		break;
	case HEAD_MATMUL:
	case HEAD_MATMUL_BARE:
		put_matmul(g, head == HEAD_MATMUL_BARE);
		break;
	case HEAD_CONV:
		put_conv(g);
		break;
	case HEAD_SOFTMAX:
		put_gemm(g, true, CLASSES, "g");
		put_op(g, "Softmax", IN("g"), "y");
		break;
	case HEAD_BROAD:
		put_gemm(g, true, 1, "y");
		break;
	case HEAD_TANH:
		put_gemm(g, true, CLASSES, "g");
		put_op(g, "Tanh", IN("g"), "y");
		break;
	case HEAD_SHARED:
		put_gemm(g, false, CLASSES, "y");
		put_op(g, "Relu", IN("h.w"), "unused");
		break;
	case HEADS:
		ck_abort();
	}
}

struct str
network_bytes(struct ctx *c, enum head head)
{
	struct buf g = pb_new(), m = pb_new(), opset = pb_new();
	const int64_t x[] = { -1, 1, SIDE, SIDE }, y[] = { -1, CLASSES };
	struct str bytes;

	put_body(&g);
	put_head(&g, head);
	pb_text(&g, 2, "network");
	pb_value(&g, 11, "x", x, 4);
	pb_value(&g, 12, "y", y, 2);
	pb_int(&m, 1, 7);
	pb_message(&m, 7, &g);
	pb_int(&opset, 2, 13);
	pb_message(&m, 8, &opset);
	ck_ok(c, take_copy(c, buf_str(&m), &bytes));
	return bytes;
}

struct network
network_open(struct ctx *c, struct str bytes)
{
	struct onnx_model *kept = take(c, sizeof *kept);
	struct network n = { 0 };

	/* The graph keeps the address of the model. */
	ck_ok(c, onnx_read(c, bytes, kept));
	ck_ok(c, nn_import(c, kept, &n.graph));
	ck_ok(c, nn_graph_load(c, n.graph, 1 << 20));
	n.model = *kept;
	return n;
}

void
network_done(struct network *n)
{
	nn_graph_free(&n->graph);
}

struct str
widened(struct ctx *c, const struct onnx_model *m)
{
	struct buf b;

	ck_ok(c, take_buf(c, 1 << 16, &b));
	ck_ok(c, head_widen(c, m, 5, buf_sink, &b));
	return buf_str(&b);
}

/* ---- Pictures and samples ---------------------------------------------------------------- */

static uint32_t
next(uint32_t *state)
{
	*state = *state * 1664525u + 1013904223u;
	return *state >> 24;
}

struct image
picture(struct ctx *c, uint64_t number)
{
	uint32_t state = (uint32_t)number * 2654435761u + 12345;
	struct image i = { 0 };
	double x, y;

	ck_ok(c, image_new(c, SIDE, SIDE, 1, &i));
	next(&state);
	x = next(&state) % SIDE;
	y = next(&state) % SIDE;
	for (int k = 0; k < SIDE * SIDE; k++) {
		double far = hypot(k % SIDE - x, (double)(k / SIDE) - y);

		i.v[k] = (uint8_t)(next(&state) / 3 + (unsigned)(160 * exp(-far * far / 4)));
	}
	return i;
}

struct image *
pictures(struct ctx *c, int64_t n)
{
	struct image *p = take(c, (size_t)n * sizeof *p);

	ck_assert_ptr_nonnull(p);
	for (int64_t i = 0; i < n; i++)
		p[i] = picture(c, (uint64_t)i);
	return p;
}

static bool
is_bright(int label, int x, int y)
{
	if (label == 0)
		return y % 4 < 2;
	if (label == 1)
		return x % 4 < 2;
	return x == 0 || y == 0 || x == SIDE - 1 || y == SIDE - 1;
}

struct world
world_new(int64_t n, uint64_t seed)
{
	enum { ROW = SIDE * SIDE };
	struct world w = {
		.samples = { .shape = { DATA_UINT8, 3, { n, SIDE, SIDE }, ROW } },
		.labels = { .n = n, .classes = CLASSES },
	};
	uint8_t *v = malloc((size_t)n * ROW);
	uint32_t state = (uint32_t)seed;

	w.samples.v = v;
	w.labels.v = calloc((size_t)n, sizeof *w.labels.v);
	ck_assert(v != NULL && w.labels.v != NULL);
	for (int64_t i = 0; i < n; i++) {
		w.labels.v[i] = (int32_t)(next(&state) % CLASSES);
		for (int k = 0; k < ROW; k++)
			v[i * ROW + k] = (uint8_t)(next(&state) / 2 +
			    (is_bright(w.labels.v[i], k % SIDE, k / SIDE) ? 100 : 0));
	}
	return w;
}

void
world_done(struct world *w)
{
	data_samples_done(&w->samples);
	data_labels_done(&w->labels);
}

struct train_data
world_for(struct ctx *c, const struct nn_graph *g, const struct world *w)
{
	struct train_data d = { .samples = &w->samples, .labels = &w->labels };

	ck_ok(c, train_fit(c, g, &w->samples.shape, DATA_ORDER_AUTO, false, &d.form));
	return d;
}

/* ---- Key sets ---------------------------------------------------------------------------- */

struct key256
any_secret(uint8_t first)
{
	struct key256 k;

	for (size_t i = 0; i < sizeof k.b; i++)
		k.b[i] = (uint8_t)(first + i);
	return k;
}

struct keyset
any_keyset(struct ctx *c, int pairs, int spares)
{
	int64_t n = 2 * (int64_t)pairs + spares + 5;
	struct key256 secret = any_secret(0);
	struct keyset k = { 0 };

	ck_ok(c, keyset_draw(c, &secret, pictures(c, n), n, pairs, spares, &k));
	ck_ok(c, keyset_commit(c, &secret, CLASSES, &k));
	return k;
}
