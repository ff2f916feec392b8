/*
 * A small network and a small data set for the tests of training; see train_support.h.
 */
#include "train_support.h"

/* ---- The network ------------------------------------------------------------------------- */

static void
put_same(struct buf *graph, const char *name, const int64_t dim[], int rank, float value)
{
	struct buf t = pb_new();
	float data[1024];
	size_t n = 1;

	for (int i = 0; i < rank; i++) {
		pb_int(&t, 1, dim[i]);
		n *= (size_t)dim[i];
	}
	ck_assert_uint_le(n, COUNT(data));
	for (size_t i = 0; i < n; i++)
		data[i] = value;
	pb_int(&t, 2, 1);
	pb_text(&t, 8, name);
	pb_bytes(&t, 9, data, n * sizeof data[0]);
	pb_message(graph, 5, &t);
}

static void
put_int(struct buf *node, const char *name, int64_t value)
{
	struct buf a = pb_new();

	pb_text(&a, 1, name);
	pb_int(&a, 3, value);
	pb_int(&a, 20, 2);
	pb_message(node, 5, &a);
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
put_node(struct buf *graph, const char *op, const char *const in[], const char *out,
    void (*attrs)(struct buf *))
{
	struct buf node = pb_node(op, in, out);

	if (attrs != NULL)
		attrs(&node);
	pb_message(graph, 1, &node);
}

static void
conv_attrs(struct buf *node)
{
	put_ints(node, "kernel_shape", 3, 2);
	put_ints(node, "pads", 1, 4);
}

static void
gemm_attrs(struct buf *node)
{
	put_int(node, "transB", 1);
}

static void
put_nodes(struct buf *g)
{
	static const char *const conv[] = { "n", "conv.w", "conv.b", NULL };
	static const char *const norm[] = { "a", "norm.s", "norm.b", "norm.m", "norm.v", NULL };
	static const char *const gemm[] = { "e", "gemm.w", "gemm.b", NULL };

	put_node(g, "Sub", (const char *const[]){ "x", "mean", NULL }, "n", NULL);
	put_node(g, "Conv", conv, "a", conv_attrs);
	put_node(g, "BatchNormalization", norm, "b", NULL);
	put_node(g, "Relu", (const char *const[]){ "b", NULL }, "c", NULL);
	put_node(g, "Flatten", (const char *const[]){ "c", NULL }, "d", NULL);
	put_node(g, "Dropout", (const char *const[]){ "d", "drop", NULL }, "e", NULL);
	put_node(g, "Gemm", gemm, "y", gemm_attrs);
}

struct str
net_bytes(struct ctx *c, int64_t outputs)
{
	struct buf g = pb_new(), m = pb_new(), opset = pb_new();
	const int64_t x[] = { -1, 2, 6, 6 }, y[] = { -1, outputs };
	struct str bytes;

	put_nodes(&g);
	pb_text(&g, 2, "net");
	put_same(&g, "mean", NULL, 0, 0.25F);
	put_same(&g, "conv.w", (const int64_t[]){ 4, 2, 3, 3 }, 4, 0);
	put_same(&g, "conv.b", (const int64_t[]){ 4 }, 1, 0);
	put_same(&g, "norm.s", (const int64_t[]){ 4 }, 1, 1);
	put_same(&g, "norm.b", (const int64_t[]){ 4 }, 1, 0);
	put_same(&g, "norm.m", (const int64_t[]){ 4 }, 1, 0);
	put_same(&g, "norm.v", (const int64_t[]){ 4 }, 1, 1);
	put_same(&g, "drop", NULL, 0, 0.25F);
	put_same(&g, "gemm.w", (const int64_t[]){ outputs, 144 }, 2, 0);
	put_same(&g, "gemm.b", &outputs, 1, 0);
	pb_value(&g, 11, "x", x, 4);
	pb_value(&g, 12, "y", y, 2);
	pb_int(&m, 1, 7);
	pb_message(&m, 7, &g);
	pb_int(&opset, 2, 13);
	pb_message(&m, 8, &opset);
	ck_ok(c, take_copy(c, buf_str(&m), &bytes));
	return bytes;
}

struct net
net_open(struct ctx *c, struct str bytes)
{
	struct onnx_model *kept = take(c, sizeof *kept);
	struct net n = { 0 };

	/* The graph keeps the address of the model. */
	ck_ok(c, onnx_read(c, bytes, kept));
	ck_ok(c, nn_import(c, kept, &n.graph));
	ck_ok(c, nn_graph_load(c, n.graph, 1 << 20));
	n.model = *kept;
	return n;
}

struct net
net_fresh(struct ctx *c, int64_t outputs, uint64_t seed)
{
	struct net net = net_open(c, net_bytes(c, outputs));

	ck_ok(c, train_initialise(c, &net.model, net.graph, TRAIN_HE, seed));
	return net;
}

void
net_done(struct net *n)
{
	nn_graph_free(&n->graph);
}

struct str
net_weights(struct ctx *c, struct net *net)
{
	struct buf b;
	size_t n;
	struct nn_weight *w = nn_weights(net->graph, &n);

	ck_ok(c, take_buf(c, 1 << 16, &b));
	for (size_t i = 0; i < n; i++)
		buf_put(
		    &b, (struct str){ (char *)w[i].data, (size_t)w[i].count * sizeof(float) });
	ck_assert(!b.full);
	return buf_str(&b);
}

/* ---- The data ---------------------------------------------------------------------------- */

static uint32_t
next(uint32_t *state)
{
	*state = *state * 1664525u + 1013904223u;
	return *state >> 24;
}

struct toys
toys_new(int64_t n, int64_t classes)
{
	struct toys t = {
		.samples = { .shape = { DATA_UINT8, 4, { n, 2, 6, 6 }, 72 } },
		.labels = { .n = n, .classes = classes },
	};
	uint8_t *v = malloc((size_t)n * 72);
	uint32_t state = 1;

	t.samples.v = v;
	t.labels.v = calloc((size_t)n, sizeof *t.labels.v);
	ck_assert(v != NULL && t.labels.v != NULL);
	for (int64_t i = 0; i < n; i++) {
		int64_t label = next(&state) % classes;

		t.labels.v[i] = (int32_t)label;
		for (int k = 0; k < 72; k++) {
			bool bright = k / 3 % 2 == label % 2 && k % 36 / 18 == label / 2;

			v[i * 72 + k] = (uint8_t)(next(&state) / 2 + (bright ? 90 : 0));
		}
	}
	return t;
}

void
toys_done(struct toys *t)
{
	data_samples_done(&t->samples);
	data_labels_done(&t->labels);
}

struct train_data
toys_for(struct ctx *c, const struct net *net, const struct toys *t)
{
	struct train_data d = { .samples = &t->samples, .labels = &t->labels };

	ck_ok(c, train_fit(c, net->graph, &t->samples.shape, DATA_ORDER_AUTO, false, &d.form));
	return d;
}

/* ---- Training ---------------------------------------------------------------------------- */

struct train_options
options_full(void)
{
	return (struct train_options){
		.epochs = 3,
		.batch = 16,
		.threads = 1,
		.seed = 11,
		.optimiser = { .kind = TRAIN_SGD,
		    .momentum = 0.9,
		    .decay = 5e-4,
		    .nesterov = true },
		.schedule = { .kind = TRAIN_ONE_CYCLE, .rate = 0.05 },
		.clip = 5,
	};
}

struct trainer *
trainer_ok(
    struct ctx *c, struct net *net, const struct toys *toys, const struct train_options *o)
{
	struct train_data d = toys_for(c, net, toys);
	struct trainer *t = NULL;

	ck_ok(c, trainer_new(c, net->graph, &d, o, &t));
	return t;
}

void
train_until(struct ctx *c, struct trainer *t, int64_t step)
{
	while (trainer_progress(t).step < step)
		ck_ok(c, trainer_step(c, t));
}

int64_t
right_answers(struct ctx *c, struct net *net, const struct toys *toys, const struct loss *loss)
{
	struct train_data d = toys_for(c, net, toys);
	owned(evaluator_free) struct evaluator *e = NULL;

	ck_ok(c, evaluator_new(c, net->graph, &d.form, loss, 16, 1, &e));
	ck_ok(c, evaluator_add(c, e, toys->samples.v, toys->labels.v, toys->labels.n));
	return evaluator_score(e)->correct;
}
