/*
 * The fast executor against the plain kernels: whole networks with what is fused, shared, made
 * again and split there, for batches that threads divide and batches that they do not, in every
 * mode.
 * Whole numbers have to come out exactly, the others closely, and every run the same bits.
 */
#include <math.h>
#include <stdio.h>

#include "nn_support.h"
#include "test.h"

/* clang-format off */
static const struct net_text nets[] = {
	/* Convolutions of all manners; the first two read the input, channels first and one alone. */
	{ 13, "x:Nx3x13x11", "w:5x3x3x3 b:5", "y Conv x w b pads=1,1,1,1", "y" },
	{ 13, "x:Nx1x9x10", "w:6x1x5x5 b:6", "h Conv x w b pads=2,2,2,2; y Relu h", "y" },
	{ 13, "x:Nx16x9x9", "w:32x16x3x3", "h Relu x; y Conv h w pads=1,1,1,1 strides=2,2", "y" },
	{ 13, "x:Nx8x11x7", "w:12x4x3x2 b:12", "h Relu x; y Conv h w b group=2 pads=1,0,2,1 strides=2,1", "y" },
	{ 13, "x:Nx16x10x10", "w:16x1x3x3", "h Relu x; y Conv h w group=16 pads=1,1,1,1", "y" },
	{ 13, "x:Nx6x12x12", "w:4x6x3x3 b:4", "h Relu x; y Conv h w b dilations=2,3 pads=2,3,1,0", "y" },
	{ 13, "x:Nx4x21", "w:8x4x5 b:8", "h Conv x w b strides=2 pads=1,2; y Relu h", "y" },
	{ 13, "x:Nx24x7x7", "w:40x24x1x1 b:40", "h Conv x w b; y Clip h", "y" },
	{ 13, "x:Nx2x4x5x4", "w:3x2x2x3x2 b:3", "y Conv x w b pads=1,0,1,0,1,0", "y" },
	{ 13, "x:Nx6x5x4", "w:6x4x3x3 b:4", "h Relu x; c ConvTranspose h w b strides=2,2 pads=1,0,0,1 output_padding=1,1; y Relu c", "y" },
	{ 13, "x:Nx8x7x6", "w:8x16x2x3", "h Relu x; y ConvTranspose h w group=2 dilations=2,1", "y" },
	/* Pools, and a product that reads channels first. */
	{ 13, "x:Nx1x12x12", "w:6x1x3x3 v:10x150 b:10",
	  "c Conv x w pads=1,1,1,1; r Relu c; p MaxPool r kernel_shape=3,3 strides=2,2 ceil_mode=1 pads=0,0,0,0;"
	  "q AveragePool p kernel_shape=2,2 strides=1,1; f Flatten q; y Gemm f v b transB=1", "y" },
	{ 13, "x:Nx5x8x9", "w:7x5x3x3 v:7x4",
	  "c Conv x w pads=1,1,1,1; p AveragePool c kernel_shape=3,2 strides=2,2 pads=1,1,1,1 count_include_pad=1;"
	  "g GlobalAveragePool p; f Flatten g; m MatMul f v; y Relu m", "y" },
	/* A residual block with and without a convolution on its short way, and its end. */
	{ 13, "x:Nx3x8x8", "w:16x3x3x3 s:16 t:16 m:16 v:16 w1:16x16x3x3 s1:16 t1:16 m1:16 v1:16",
	  "n Add x x; a Conv n w pads=1,1,1,1; b BatchNormalization a s t m v; r Relu b;"
	  "c Conv r w1 pads=1,1,1,1; d BatchNormalization c s1 t1 m1 v1; e Add d r; z Relu e;"
	  "g GlobalAveragePool z; y Flatten g", "y" },
	{ 13, "x:Nx8x6x6", "w:12x8x3x3 s:12 t:12 m:12 v:12 w1:12x8x1x1 s1:12 t1:12 m1:12 v1:12",
	  "r Relu x; c Conv r w pads=1,1,1,1 strides=2,2; d BatchNormalization c s t m v;"
	  "k Conv r w1 strides=2,2; l BatchNormalization k s1 t1 m1 v1; e Add d l; y Relu e", "y" },
	{ 13, "x:Nx6x5x5", "w:6x6x3x3 b:6 w1:6x6x3x3 b1:6",
	  "a Conv x w b pads=1,1,1,1; c Relu a; d Conv c w1 b1 pads=1,1,1,1; e Add c d; f Add e c; y Relu f", "y" },
	/* Concatenations that grow, as in a dense block; and one of branches. */
	{ 13, "x:Nx2x7x7", "w0:5x2x3x3 s:5 t:5 m:5 v:5 w1:3x5x3x3 s1:8 t1:8 m1:8 v1:8 w2:3x8x3x3 s2:11 t2:11 m2:11 v2:11",
	  "c0 Conv x w0 pads=1,1,1,1; b0 BatchNormalization c0 s t m v; r0 Relu b0; c1 Conv r0 w1 pads=1,1,1,1;"
	  "k1 Concat c0 c1 axis=1; b1 BatchNormalization k1 s1 t1 m1 v1; r1 Relu b1; c2 Conv r1 w2 pads=1,1,1,1;"
	  "k2 Concat k1 c2 axis=1; b2 BatchNormalization k2 s2 t2 m2 v2; y Relu b2", "y" },
	{ 13, "x:Nx4x6x6", "w:8x4x1x1 w1:4x4x3x3 w2:3x16x1x1",
	  "a Conv x w; b Relu a; c Conv x w1 pads=1,1,1,1; p MaxPool x kernel_shape=3,3 pads=1,1,1,1;"
	  "k Concat b c p axis=1; y Conv k w2", "y" },
	{ 13, "x:Nx4x6x6", "w:4x4x3x3", "c Conv x w pads=1,1,1,1; a Concat c x axis=1; b Concat x c axis=1; y Add a b", "y" },
	/* Factors and summands by channel; a convolution that takes them up; several outputs. */
	{ 13, "x:Nx3x5x6", "k:1x3x1x1 l:3x1x1 m:1 w:4x3x3x3 n:4x1x1",
	  "a Sub x k; b Mul a l; c Add b m; d Conv c w; e Mul d n; f Add e n; y Relu f; z Sub m c", "y z" },
	/* What has no fast way in between: softmax, a transposition, a sum over the batch. */
	{ 13, "x:Nx4x5x3", "w:4x4x3x3", "c Conv x w pads=1,1,1,1; s Softmax c axis=1; t Transpose s perm=0,2,3,1;"
	  "u Sigmoid t; v Transpose u perm=0,3,1,2; d Conv v w; y Tanh d", "y" },
	{ 13, "x:Nx6", "w:5x6 b:5 v:5x5", "h Gemm x w b transB=1; m ReduceMean h axes=0 keepdims=1; d Sub h m; q Mul d d;"
	  "r MatMul q v; y Add r h", "y" },
	{ 13, "x:Nx3x4", "w:4x4 v:3x4", "h MatMul x w; a Add h v; s Constant value_ints=0,12; r Reshape a s; y Relu r", "y" },
	/* Elements are dropped by their place in the whole batch. */
	{ 10, "x:Nx3x5x4", "w:4x3x3x3", "c Conv x w pads=1,1,1,1; d Dropout c ratio=0.3; y Relu d", "y" },
	/* A view of what a convolution would like to write over. */
	{ 13, "x:Nx4x5x5", "w:4x4x1x1 v:4x3 k:3x4",
	  "g GlobalAveragePool x; f Flatten g; r Relu g; a Conv r w; b Add a g; h Flatten b; m MatMul f v; n MatMul m k; y Add n h", "y" },
	{ 13, "x:Nx2x20x24", "w:24x24", "p MatMul x w; t Transpose p perm=0,1,3,2; m MatMul x t; s Softmax m axis=-1; y MatMul s p", "y" },
	/* The same weight twice; a weight by another name; an output that is the input. */
	{ 13, "x:Nx4x5x5", "w:4x4x3x3 s:4 t:4 m:4 v:4",
	  "a Conv x w pads=1,1,1,1; b BatchNormalization a s t m v; r Relu b; c Conv r w pads=1,1,1,1;"
	  "i Identity t; y BatchNormalization c s i m v; z Identity x", "y z" },
};
/* clang-format on */

static const struct manner {
	enum nn_mode mode;
	int64_t batch;
	int threads;
} manners[] = {
	{ NN_INFER, 1, 1 },
	{ NN_INFER, 1, 2 },
	{ NN_INFER, 1, 3 },
	{ NN_INFER, 7, 1 },
	{ NN_INFER, 35, 2 },
	{ NN_DIFFERENTIATE, 1, 2 },
	{ NN_DIFFERENTIATE, 5, 1 },
	{ NN_DIFFERENTIATE, 9, 2 },
	{ NN_TRAIN, 4, 1 },
	{ NN_TRAIN, 9, 2 },
	{ NN_TRAIN, 70, 3 },
};

/* More than any output has. */
enum { OUT_MAX = 600000 };
enum { NETS = COUNT(nets), WAYS = COUNT(nets) * COUNT(manners), OUTPUTS = 2, WEIGHTS = 16 };

/* The network with its weights, of which it has no more than WEIGHTS. */
static void
read_net(struct ctx *c, const struct net_text *t, struct net *ret)
{
	size_t n;

	ck_ok(c, net_import(c, t, ret));
	ck_ok(c, nn_graph_load(c, ret->g, SIZE_MAX));
	(void)nn_weights(ret->g, &n);
	ck_assert_uint_le(n, WEIGHTS);
}

/* ---- A run, and all that comes of it ----------------------------------------------------- */

struct result {
	float *output[OUTPUTS], *input_gradient, *gradient[WEIGHTS], *after[WEIGHTS];
	int64_t outputs[OUTPUTS], inputs, weights[WEIGHTS];
};

static float *
copy_of(struct ctx *c, const float *from, int64_t n)
{
	float *to = take(c, (size_t)n * sizeof *to + 1);

	ck_assert_ptr_nonnull(to);
	if (n > 0)
		memcpy(to, from, (size_t)n * sizeof *to);
	return to;
}

/* Variances have to be positive. */
static void
positive_variances(struct nn_graph *g)
{
	size_t n;
	struct nn_weight *w = nn_weights(g, &n);

	for (size_t i = 0; i < n; i++)
		for (int64_t k = 0; w[i].name.p[0] == 'v' && w[i].rank == 1 && k < w[i].count;
		     k++)
			w[i].data[k] = fabsf(w[i].data[k]) + 0.5f;
}

static void
run(struct ctx *c, struct nn_graph *g, const struct manner *m, bool plain, const float *x,
    const float *out, struct result *ret)
{
	struct nn_options o = { .mode = m->mode,
		.batch = m->batch,
		.threads = m->threads,
		.plain = plain,
		.input_gradients = true };
	const void *const input[] = { x };
	const float *const gradient[OUTPUTS] = { out, out };
	struct nn_plan *p = NULL;
	size_t outputs, weights;
	struct nn_weight *w = nn_weights(g, &weights);

	(void)nn_outputs(g, &outputs);
	ck_ok(c, nn_plan_new(c, g, &o, &p));
	ck_ok(c, nn_forward(c, p, input));
	for (size_t i = 0; i < outputs; i++) {
		ret->outputs[i] = nn_count(nn_plan_output(p, i));
		ck_assert_int_le(ret->outputs[i], OUT_MAX);
		ret->output[i] = copy_of(c, nn_plan_output(p, i)->data, ret->outputs[i]);
	}
	if (m->mode != NN_INFER) {
		ck_ok(c, nn_backward(c, p, gradient));
		ret->inputs = nn_count(nn_plan_input(p, 0));
		ret->input_gradient = copy_of(c, nn_input_gradient(p, 0), ret->inputs);
	}
	for (size_t i = 0; i < weights; i++) {
		ret->weights[i] = w[i].count;
		ret->after[i] = copy_of(c, w[i].data, w[i].count);
		if (nn_weight_gradient(p, i) != NULL)
			ret->gradient[i] = copy_of(c, nn_weight_gradient(p, i), w[i].count);
	}
	nn_plan_free(&p);
}

/* The largest difference, relative to the largest number. */
static double
apart(const float *a, const float *b, int64_t n)
{
	double most = 0, size = 1e-3;

	for (int64_t i = 0; i < n; i++) {
		most = fmax(most, fabs((double)a[i] - (double)b[i]));
		size = fmax(size, fabs((double)b[i]));
	}
	return most / size;
}

static void
compare(const struct result *a, const struct result *b, double most)
{
	for (int i = 0; i < OUTPUTS; i++)
		ck_assert_double_le(apart(a->output[i], b->output[i], a->outputs[i]), most);
	ck_assert_double_le(apart(a->input_gradient, b->input_gradient, a->inputs), most);
	for (int i = 0; i < WEIGHTS; i++) {
		ck_assert_double_le(apart(a->after[i], b->after[i], a->weights[i]), most);
		ck_assert((a->gradient[i] == NULL) == (b->gradient[i] == NULL));
		if (a->gradient[i] != NULL)
			ck_assert_double_le(
			    apart(a->gradient[i], b->gradient[i], a->weights[i]), most);
	}
}

static void
restore(struct nn_graph *g, float *const before[])
{
	size_t n;
	struct nn_weight *w = nn_weights(g, &n);

	for (size_t i = 0; i < n; i++)
		memcpy(w[i].data, before[i], (size_t)w[i].count * sizeof(float));
	nn_graph_changed(g);
}

/* All weights of a network as they are. */
static void
remember(struct ctx *c, struct nn_graph *g, float *before[WEIGHTS])
{
	size_t n;
	struct nn_weight *w = nn_weights(g, &n);

	for (size_t i = 0; i < n; i++)
		before[i] = copy_of(c, w[i].data, w[i].count);
}

static int64_t
input_count(const struct nn_graph *g, int64_t batch)
{
	size_t n;
	const struct nn_port *in = nn_inputs(g, &n);
	int64_t count = batch;

	for (int d = 1; d < in->rank; d++)
		count *= in->dim[d];
	return count;
}

/* ---- Tests ------------------------------------------------------------------------------- */

START_TEST(fast_meets_plain)
{
	const struct manner *m = &manners[_i / NETS];
	struct ctx *c = test_ctx();
	struct result fast = { 0 }, plain = { 0 };
	float *before[WEIGHTS], *x, *out = net_numbers(c, OUT_MAX);
	struct net net;

	test_seed((uint64_t)_i);
	read_net(c, &nets[_i % NETS], &net);
	positive_variances(net.g);
	remember(c, net.g, before);
	x = net_numbers(c, input_count(net.g, m->batch));
	run(c, net.g, m, false, x, out, &fast);
	restore(net.g, before);
	run(c, net.g, m, true, x, out, &plain);
	compare(&fast, &plain, 2e-4);
	nn_graph_free(&net.g);
}
END_TEST

static void
make_whole(float *v, int64_t n)
{
	for (int64_t i = 0; i < n; i++)
		v[i] = rintf(v[i] * 3);
}

static bool
only_sums(const struct net_text *t)
{
	static const char *const no[] = { "Batch", "Average", "Softmax", "Mean", "Dropout" };

	for (size_t i = 0; i < COUNT(no); i++)
		if (strstr(t->nodes, no[i]) != NULL)
			return false;
	return true;
}

START_TEST(whole_numbers_are_exact)
{
	const struct manner *m = &manners[_i / NETS];
	struct ctx *c = test_ctx();
	struct result fast = { 0 }, plain = { 0 };
	float *x, *out = net_numbers(c, OUT_MAX);
	struct nn_weight *w;
	struct net net;
	size_t n;

	if (!only_sums(&nets[_i % NETS]))
		return;
	read_net(c, &nets[_i % NETS], &net);
	x = net_numbers(c, input_count(net.g, m->batch));
	make_whole(x, input_count(net.g, m->batch));
	make_whole(out, OUT_MAX);
	w = nn_weights(net.g, &n);
	for (size_t i = 0; i < n; i++)
		make_whole(w[i].data, w[i].count);
	nn_graph_changed(net.g);
	run(c, net.g, m, false, x, out, &fast);
	run(c, net.g, m, true, x, out, &plain);
	compare(&fast, &plain, 0);
	nn_graph_free(&net.g);
}
END_TEST

START_TEST(every_run_gives_the_same_bits)
{
	const struct manner m = { NN_TRAIN, 199, 3 };
	struct ctx *c = test_ctx();
	struct result first = { 0 }, again;
	float *before[WEIGHTS], *x, *out = net_numbers(c, OUT_MAX);
	struct net net;

	read_net(c, &nets[_i], &net);
	positive_variances(net.g);
	remember(c, net.g, before);
	x = net_numbers(c, input_count(net.g, m.batch));
	run(c, net.g, &m, false, x, out, &first);
	for (int i = 0; i < 3; i++) {
		again = (struct result){ 0 };
		restore(net.g, before);
		run(c, net.g, &m, false, x, out, &again);
		compare(&first, &again, 0);
	}
	nn_graph_free(&net.g);
}
END_TEST

START_TEST(threads_change_little)
{
	struct manner m = { NN_TRAIN, 21, 1 };
	struct ctx *c = test_ctx();
	struct result one = { 0 };
	float *before[WEIGHTS], *x, *out = net_numbers(c, OUT_MAX);
	struct net net;

	read_net(c, &nets[_i], &net);
	positive_variances(net.g);
	remember(c, net.g, before);
	x = net_numbers(c, input_count(net.g, m.batch));
	run(c, net.g, &m, false, x, out, &one);
	for (m.threads = 2; m.threads <= 5; m.threads++) {
		struct result more = { 0 };

		restore(net.g, before);
		run(c, net.g, &m, false, x, out, &more);
		compare(&one, &more, 2e-4);
	}
	nn_graph_free(&net.g);
}
END_TEST

START_TEST(training_takes_less_memory)
{
	const struct net_text *t = &nets[13];
	struct nn_options o = { .mode = NN_TRAIN, .batch = 128 };
	struct ctx *c = test_ctx();
	struct nn_plan *fast = NULL, *plain = NULL;
	struct net net;

	read_net(c, t, &net);
	ck_ok(c, nn_plan_new(c, net.g, &o, &fast));
	o.plain = true;
	ck_ok(c, nn_plan_new(c, net.g, &o, &plain));
	ck_assert_uint_lt(nn_plan_memory(fast), nn_plan_memory(plain));
	nn_plan_free(&fast);
	nn_plan_free(&plain);
	nn_graph_free(&net.g);
}
END_TEST

MAIN("nn_fast", { fast_meets_plain, WAYS }, { whole_numbers_are_exact, WAYS },
    EACH(every_run_gives_the_same_bits, nets), EACH(threads_change_little, nets),
    ONE(training_takes_less_memory))
