/*
 * Graphs and plans: what is refused and how it is said, batches and free dimensions, weights that
 * change, memory that is shared, gradients that meet, training's own behaviour.
 */
#include <math.h>
#include <stdio.h>

#include "nn_support.h"
#include "test.h"

static const struct nn_options infer = { .mode = NN_INFER };

static const float *
run(struct ctx *c, struct nn_plan *p, const float *x)
{
	ck_ok(c, nn_forward(c, p, (const void *const[]){ x }));
	return nn_plan_output(p, 0)->data;
}

/* ---- Refusals ---------------------------------------------------------------------------- */

static const struct {
	struct net_text t;
	const char *says;
} refused[] = {
	{ { 13, "x:4", "", "y Frobnicate x", "y" }, "operator Frobnicate" },
	{ { 13, "x:4", "", "y Frobnicate x", "y" }, "node y: " },
	{ { 13, "x:4", "", "y Relu z", "y" }, "node y (Relu)" },
	{ { 13, "x:4", "", "y Relu x x", "y" }, "2 inputs" },
	{ { 13, "x:4", "", "y Add x", "y" }, "1 inputs" },
	{ { 13, "x:4", "", "y Relu x", "z" }, "from nowhere" },
	{ { 13, "x:4", "", "y Relu x; y Relu x", "y" }, "two values" },
	{ { 13, "x:4", "w:5", "y Add x w", "y" }, "do not broadcast" },
	{ { 13, "x:2x3x8x8", "w:4x2x3x3", "y Conv x w", "y" }, "channels" },
	{ { 13, "x:2x3x8x8", "w:4x3x9x9", "y Conv x w", "y" }, "larger than" },
	{ { 13, "x:2x3x8x8", "w:4x3x3x3", "y Conv x w strides=0,1", "y" }, "strides of 0" },
	{ { 13, "x:2x3x8x8", "w:4x3x3x3", "y Conv x w pads=-1,0,0,0", "y" }, "pads of -1" },
	{ { 13, "x:2x3x8x8", "w:4x3x3x3", "y Conv x w group=0", "y" }, "group of 0" },
	{ { 13, "x:2x3x8x8", "w:4x3x3x3", "y Conv x w group=5000000000", "y" }, "group of" },
	{ { 13, "x:2x3x8x8", "w:4x3x3x3", "y Conv x w auto_pad=SOME", "y" }, "auto_pad" },
	{ { 13, "x:2x3x8x8", "", "y MaxPool x", "y" }, "kernel_shape" },
	{ { 13, "x:2x3x8x8", "", "y MaxPool x kernel_shape=2,2 dilations=1000000,1", "y" },
	    "larger than" },
	{ { 13, "x:2x3", "w:4x5", "y Gemm x w", "y" }, "do not fit" },
	{ { 13, "x:2x3", "", "y Softmax x axis=7", "y" }, "axis 7" },
	{ { 13, "x:2x3", "", "y Transpose x perm=0,0", "y" }, "permutation" },
	{ { 13, "x:2x3", "", "y Transpose x perm=0,1,2", "y" }, "perm" },
	{ { 13, "x:2x3", "", "y Concat x x axis=-3", "y" }, "axis -3" },
	{ { 13, "x:2x3", "", "y Cast x to=8", "y" }, "string" },
	{ { 13, "x:2x3", "", "a Shape x; y Reshape x a; z Sqrt a", "z" }, "real" },
	{ { 13, "x:2x3", "", "y LRN x size=0", "y" }, "size of 0" },
	{ { 13, "x:2x8x2x2", "", "y DepthToSpace x blocksize=3", "y" }, "blocks of 3" },
	{ { 13, "x:2x3", "", "y Where x x x", "y" }, "boolean" },
	{ { 11, "x:2x3", "", "y Squeeze x axes=0", "y" }, "not 1" },
	{ { 11, "x:2x3", "", "y Unsqueeze x axes=0,0", "y" }, "twice" },
	{ { 11, "x:2x3", "", "y Unsqueeze x axes=0,1,2,3,4,5,6", "y" }, "dimensions" },
	{ { 9, "x:2x3", "", "y Pad x pads=0,0,0,0 mode=other", "y" }, "mode" },
	{ { 9, "x:100000x3", "", "y Pad x pads=100000,100000,100000,100000", "y" }, "large" },
	{ { 9, "x:2x3", "", "y Pad x pads=-2,0,-1,0", "y" }, "pads of" },
	{ { 13, "x:2000000000x2000000000", "", "y Relu x", "y" }, "large" },
	{ { 13, "x:65536x1 z:1x65536", "", "y Add x z", "y" }, "large" },
	{ { 13, "x:jN", "", "y Sigmoid x", "y" }, "real" },
};

START_TEST(bad_models_are_refused_by_name)
{
	struct ctx *c = test_ctx();
	struct net net;

	ck_assert(!net_import(c, &refused[_i].t, &net));
	ck_assert(c->err.code == E_INPUT || c->err.code == E_LIMIT);
	ck_assert_msg(strstr(c->err.text, refused[_i].says) != NULL, "says: %s", c->err.text);
	ck_assert_ptr_null(net.g);
}
END_TEST

/* ---- Shapes ------------------------------------------------------------------------------ */

START_TEST(any_batch_can_be_planned)
{
	const struct net_text t = { 13, "x:Nx4", "w:3x4 b:3", "y Gemm x w b transB=1", "y" };
	struct nn_options o = infer;
	struct ctx *c = test_ctx();
	float *x = net_numbers(c, 20), first[15];
	struct nn_plan *p = NULL;
	struct net net;

	ck_ok(c, net_import(c, &t, &net));
	ck_assert(nn_batch_free(net.g));
	o.batch = 5;
	ck_ok(c, nn_plan_new(c, net.g, &o, &p));
	ck_assert_int_eq(nn_plan_output(p, 0)->dim[0], 5);
	memcpy(first, run(c, p, x), sizeof first);
	nn_plan_free(&p);
	ck_ok(c, nn_plan_new(c, net.g, &infer, &p));
	for (int i = 0; i < 15; i++)
		ck_assert_float_eq_tol(run(c, p, x + i / 3 * 4)[i % 3], first[i], 1e-6);
	nn_plan_free(&p);
	nn_graph_free(&net.g);
}
END_TEST

START_TEST(shape_arithmetic_is_folded)
{
	/* What exporters write for x.view(x.size(0), -1). */
	const struct net_text t = { 12, "x:Nx2x3", "w:4x6",
		"s Shape x; z Constant value_int=0; n Gather s z axis=0; u Unsqueeze n axes=0;"
		"m Constant value_ints=-1; t Concat u m axis=0; f Reshape x t; y Gemm f w transB=1",
		"y" };
	struct nn_options o = { .batch = 7 };
	struct ctx *c = test_ctx();
	struct nn_plan *p = NULL;
	struct net net;

	ck_ok(c, net_import(c, &t, &net));
	ck_ok(c, nn_plan_new(c, net.g, &o, &p));
	ck_assert_int_eq(nn_plan_output(p, 0)->dim[0], 7);
	ck_assert_int_eq(nn_plan_output(p, 0)->dim[1], 4);
	nn_plan_free(&p);
	nn_graph_free(&net.g);
}
END_TEST

START_TEST(free_dimensions_are_given_by_name)
{
	const struct net_text t = { 13, "x:NxTx4", "w:4x3", "y MatMul x w", "y" };
	const struct nn_symbol symbols[] = { { STR("T"), 6 } };
	struct nn_options o = { .batch = 2 };
	struct ctx *c = test_ctx();
	struct nn_plan *p = NULL;
	struct net net;

	ck_ok(c, net_import(c, &t, &net));
	ck_fails(c, E_INPUT, nn_plan_new(c, net.g, &o, &p));
	o.symbol = symbols;
	o.symbols = 1;
	ck_ok(c, nn_plan_new(c, net.g, &o, &p));
	ck_assert_int_eq(nn_plan_output(p, 0)->dim[1], 6);
	nn_plan_free(&p);
	nn_graph_free(&net.g);
}
END_TEST

START_TEST(a_fixed_batch_stays)
{
	const struct net_text t = { 13, "x:2x4", "", "y Relu x", "y" };
	struct nn_options o = { .batch = 3 };
	struct ctx *c = test_ctx();
	struct nn_plan *p = NULL;
	struct net net;

	ck_ok(c, net_import(c, &t, &net));
	ck_assert(!nn_batch_free(net.g));
	ck_fails(c, E_INPUT, nn_plan_new(c, net.g, &o, &p));
	ck_assert_ptr_null(p);
	nn_graph_free(&net.g);
}
END_TEST

START_TEST(memory_is_bounded)
{
	const struct net_text t = { 13, "x:Nx1000", "w:1000x1000", "y MatMul x w", "y" };
	struct nn_options o = { .batch = 1000, .memory_max = 1 << 20 };
	struct ctx *c = test_ctx();
	struct nn_plan *p = NULL;
	struct net net;

	ck_ok(c, net_import(c, &t, &net));
	ck_fails(c, E_LIMIT, nn_plan_new(c, net.g, &o, &p));
	o.memory_max = 16 << 20;
	ck_ok(c, nn_plan_new(c, net.g, &o, &p));
	nn_plan_free(&p);
	nn_graph_free(&net.g);
}
END_TEST

/* ---- Memory that is shared --------------------------------------------------------------- */

/* Chains, views, values used again much later, in place and not. */
static const struct net_text tangles[] = {
	{ 13, "x:3x4", "w:4x4",
	    "a Relu x; b Sigmoid a; c Add a b; d Exp c; e Mul d b; f Sub e x; y MatMul f w",
	    "y" },
	{ 13, "x:2x6", "",
	    "a Tanh x; b Flatten a axis=0; c Flatten a axis=1; d Neg b; e Add c c; f Neg e;"
	    "g Flatten f axis=0; y Add d g",
	    "y" },
	{ 13, "x:2x6", "", "a Identity x; b Neg a; c Identity b; d Exp c; y Add d b", "y" },
	{ 13, "x:2x6", "", "a Relu x; b Identity a; c Neg a; y Add b c", "y b" },
	{ 13, "x:4x4", "w:4x4",
	    "a MatMul x w; b Transpose a; c Add a b; d Concat c a b axis=1; e Sigmoid d; y ReduceSum e",
	    "y c" },
	{ 13, "x:4x4", "w:4x4",
	    "a MatMul x w; b Softmax a; c Mul b a; d Flatten c; e Identity d; f Sin e; g Mul f f;"
	    "h Add g x; i Flatten h axis=0; y Cos i",
	    "y" },
	{ 13, "x:2x3x6x6", "w:3x3x3x3 b:3",
	    "a Conv x w b pads=1,1,1,1; r Tanh a; s Add r x; m AveragePool s kernel_shape=2,2;"
	    "t Conv s w b; q GlobalAveragePool t; u Add m q; y Flatten u",
	    "y" },
};

START_TEST(sharing_memory_changes_nothing)
{
	struct nn_options keep = {
		.mode = NN_DIFFERENTIATE, .input_gradients = true, .plain = true
	};
	struct nn_options share = { .mode = NN_INFER, .plain = true };
	struct ctx *c = test_ctx();
	struct nn_plan *p = NULL, *q = NULL;
	struct net net;
	float *x, *copy;
	size_t outputs;

	ck_ok(c, net_import(c, &tangles[_i], &net));
	ck_ok(c, nn_plan_new(c, net.g, &share, &p));
	ck_ok(c, nn_plan_new(c, net.g, &keep, &q));
	x = net_numbers(c, nn_count(nn_plan_input(p, 0)));
	copy = take(c, (size_t)nn_count(nn_plan_input(p, 0)) * sizeof *x);
	memcpy(copy, x, (size_t)nn_count(nn_plan_input(p, 0)) * sizeof *x);
	(void)nn_outputs(net.g, &outputs);
	for (int again = 0; again < 2; again++) {
		(void)run(c, p, x);
		(void)run(c, q, copy);
		for (size_t i = 0; i < outputs; i++)
			ck_assert_mem_eq(nn_plan_output(p, i)->data, nn_plan_output(q, i)->data,
			    (size_t)nn_count(nn_plan_output(p, i)) * sizeof *x);
	}
	ck_assert_mem_eq(x, copy, (size_t)nn_count(nn_plan_input(p, 0)) * sizeof *x);
	ck_assert_uint_le(nn_plan_memory(p), nn_plan_memory(q));
	nn_plan_free(&p);
	nn_plan_free(&q);
	nn_graph_free(&net.g);
}
END_TEST

/* The change of the loss, as the gradient would have it, and by central differences. */
static void
check_differences(struct ctx *c, struct nn_plan *p, float *x, const float *got, float *factor[],
    size_t outputs)
{
	for (int64_t j = 0; j < nn_count(nn_plan_input(p, 0)); j++) {
		double side[2] = { 0 }, old = (double)x[j], want;

		for (int s = 0; s < 2; s++) {
			x[j] = (float)(old + (s == 0 ? 1.0 : -1.0) / 512);
			(void)run(c, p, x);
			for (size_t i = 0; i < outputs; i++) {
				const struct nn_tensor *y = nn_plan_output(p, i);

				for (int64_t k = 0; k < nn_count(y); k++)
					side[s] += (double)factor[i][k] *
					    (double)((const float *)y->data)[k];
			}
		}
		x[j] = (float)old;
		want = (side[0] - side[1]) * 256;
		/* A kink may lie between the two sides at a place near zero. */
		ck_assert_msg(fabs(want - (double)got[j]) <= 0.03 + 0.03 * fabs(want) ||
			fabs(old) < 1.0 / 256,
		    "input %lld: %g, %g by differences", (long long)j, (double)got[j], want);
	}
}

static void
check_gradients(const struct net_text *t, bool plain)
{
	const struct nn_options o = {
		.mode = NN_DIFFERENTIATE, .input_gradients = true, .plain = plain
	};
	struct ctx *c = test_ctx();
	float *x, *g[2] = { NULL }, *factor[2];
	struct nn_plan *p = NULL;
	size_t outputs;
	struct net net;
	int64_t n;

	ck_ok(c, net_import(c, t, &net));
	ck_ok(c, nn_plan_new(c, net.g, &o, &p));
	n = nn_count(nn_plan_input(p, 0));
	x = net_numbers(c, n);
	(void)nn_outputs(net.g, &outputs);
	for (size_t i = 0; i < outputs; i++)
		factor[i] = net_numbers(c, nn_count(nn_plan_output(p, i)));
	for (int again = 0; again < 2; again++) {
		(void)run(c, p, x);
		ck_ok(c, nn_backward(c, p, (const float *const *)factor));
		g[again] = take(c, (size_t)n * sizeof **g);
		memcpy(g[again], nn_input_gradient(p, 0), (size_t)n * sizeof **g);
	}
	ck_assert_mem_eq(g[0], g[1], (size_t)n * sizeof **g);
	check_differences(c, p, x, g[0], factor, outputs);
	nn_plan_free(&p);
	nn_graph_free(&net.g);
}

START_TEST(gradients_meet)
{
	check_gradients(&tangles[_i], true);
	check_gradients(&tangles[_i], false);
}
END_TEST

/* ---- Weights ----------------------------------------------------------------------------- */

START_TEST(changed_weights_are_seen)
{
	/* The transposed weights are computed once, and again when they change. */
	const struct net_text t = { 13, "x:1x3", "w:2x3", "t Transpose w; y MatMul x t", "y" };
	const float x[] = { 1, 0, 0 };
	struct ctx *c = test_ctx();
	struct nn_plan *p = NULL;
	struct nn_weight *w;
	struct net net;

	ck_ok(c, net_import(c, &t, &net));
	ck_ok(c, nn_plan_new(c, net.g, &infer, &p));
	w = nn_weight_by_name(net.g, STR("w"));
	ck_assert_ptr_nonnull(w);
	ck_assert_float_eq(run(c, p, x)[1], w->data[3]);
	w->data[3] = 7;
	nn_graph_changed(net.g);
	ck_assert_float_eq(run(c, p, x)[1], 7);
	nn_plan_free(&p);
	nn_graph_free(&net.g);
}
END_TEST

START_TEST(weight_gradients_add_up)
{
	const struct net_text t = { 13, "x:Nx3", "w:2x3 b:2 f:3",
		"n Sub x f; y Gemm n w b transB=1", "y" };
	const struct nn_options o = { .mode = NN_TRAIN, .batch = 2 };
	const float x[6] = { 1, 2, 3, 4, 5, 6 }, g[4] = { 1, 0, 0, 2 };
	const float *const given[] = { g };
	struct ctx *c = test_ctx();
	struct nn_plan *p = NULL;
	struct net net;

	ck_ok(c, net_import(c, &t, &net));
	ck_ok(c, nn_plan_new(c, net.g, &o, &p));
	ck_assert_ptr_null(nn_weight_gradient(p, 2));
	ck_assert_ptr_null(nn_input_gradient(p, 0));
	ck_fails(c, E_INTERNAL, nn_backward(c, p, given));
	for (int times = 1; times <= 2; times++) {
		(void)run(c, p, x);
		ck_ok(c, nn_backward(c, p, given));
		ck_assert_float_eq(nn_weight_gradient(p, 1)[0], (float)times);
		ck_assert_float_eq(nn_weight_gradient(p, 1)[1], (float)(2 * times));
	}
	nn_gradients_clear(p);
	ck_assert_float_eq(nn_weight_gradient(p, 1)[1], 0);
	nn_plan_free(&p);
	nn_graph_free(&net.g);
}
END_TEST

START_TEST(a_step_function_has_the_gradient_zero)
{
	const struct net_text t = { 13, "x:2x3", "w:3", "a Mul x w; f Floor a; y Add f a",
		"y" };
	const struct nn_options o = { .mode = NN_TRAIN };
	const float x[6] = { 1, 2, 3, 4, 5, 6 }, g[6] = { 1, 0, 0, 1, 0, 0 };
	struct ctx *c = test_ctx();
	struct nn_plan *p = NULL;
	struct net net;

	ck_ok(c, net_import(c, &t, &net));
	nn_weight_by_name(net.g, STR("w"))->trainable = true;
	ck_ok(c, nn_plan_new(c, net.g, &o, &p));
	(void)run(c, p, x);
	ck_ok(c, nn_backward(c, p, (const float *const[]){ g }));
	ck_assert_float_eq(nn_weight_gradient(p, 0)[0], 5);
	nn_plan_free(&p);
	nn_graph_free(&net.g);
}
END_TEST

/* ---- Training ---------------------------------------------------------------------------- */

START_TEST(running_statistics_move_in_training_only)
{
	const struct net_text t = { 13, "x:4x2", "s:2 b:2 m:2 v:2",
		"y BatchNormalization x s b m v momentum=0.75", "y" };
	const float x[8] = { 1, 10, 2, 20, 3, 30, 6, 40 };
	struct nn_options o = { .mode = NN_DIFFERENTIATE };
	struct ctx *c = test_ctx();
	struct nn_plan *p = NULL;
	struct nn_weight *w;
	struct net net;
	size_t n;

	ck_ok(c, net_import(c, &t, &net));
	w = nn_weights(net.g, &n);
	ck_assert(w[0].trainable && w[1].trainable && !w[2].trainable && !w[3].trainable);
	ck_ok(c, nn_plan_new(c, net.g, &o, &p));
	w[2].data[0] = 1;
	w[3].data[0] = w[3].data[1] = 1;
	(void)run(c, p, x);
	ck_assert_float_eq(w[2].data[0], 1);
	nn_plan_free(&p);
	o.mode = NN_TRAIN;
	ck_ok(c, nn_plan_new(c, net.g, &o, &p));
	(void)run(c, p, x);
	ck_assert_float_eq_tol(w[2].data[0], 0.75f * 1 + 0.25f * 3, 1e-6f);
	ck_assert_float_eq_tol(w[3].data[0], 0.75f * 1 + 0.25f * 3.5f, 1e-6f);
	nn_plan_free(&p);
	nn_graph_free(&net.g);
}
END_TEST

START_TEST(dropout_follows_the_seed)
{
	const struct net_text t = { 11, "x:N", "", "y Dropout x ratio=0.25", "y" };
	struct nn_options o = { .mode = NN_TRAIN, .batch = 4000, .seed = 9 };
	struct ctx *c = test_ctx();
	struct nn_plan *p = NULL, *q = NULL;
	float *x = take(c, 4000 * sizeof *x);
	double sum = 0;
	int dropped = 0;
	struct net net;

	for (int i = 0; i < 4000; i++)
		x[i] = 1;
	ck_ok(c, net_import(c, &t, &net));
	ck_ok(c, nn_plan_new(c, net.g, &o, &p));
	ck_ok(c, nn_plan_new(c, net.g, &o, &q));
	ck_assert_mem_eq(run(c, p, x), run(c, q, x), 4000 * sizeof *x);
	(void)run(c, p, x);
	ck_assert_mem_ne(
	    nn_plan_output(p, 0)->data, nn_plan_output(q, 0)->data, 4000 * sizeof *x);
	for (int i = 0; i < 4000; i++) {
		float y = ((const float *)nn_plan_output(p, 0)->data)[i];

		sum += (double)y;
		dropped += y == 0;
	}
	ck_assert_double_eq_tol(sum / 4000, 1, 0.05);
	ck_assert_int_gt(dropped, 900);
	ck_assert_int_lt(dropped, 1100);
	nn_plan_free(&p);
	nn_plan_free(&q);
	ck_ok(c, nn_plan_new(c, net.g, &infer, &p));
	ck_assert_float_eq(run(c, p, x)[0], 1);
	nn_plan_free(&p);
	nn_graph_free(&net.g);
}
END_TEST

START_TEST(an_index_out_of_range_is_an_error)
{
	const struct net_text t = { 13, "i:j2", "w:4x3", "y Gather w i", "y" };
	const int64_t good[] = { 0, -4 }, bad[] = { 0, 4 };
	struct ctx *c = test_ctx();
	struct nn_plan *p = NULL;
	struct net net;

	ck_ok(c, net_import(c, &t, &net));
	ck_ok(c, nn_plan_new(c, net.g, &infer, &p));
	ck_ok(c, nn_forward(c, p, (const void *const[]){ good }));
	ck_fails(c, E_INPUT, nn_forward(c, p, (const void *const[]){ bad }));
	ck_ok(c, nn_forward(c, p, (const void *const[]){ good }));
	nn_plan_free(&p);
	nn_graph_free(&net.g);
}
END_TEST

MAIN("nn", EACH(bad_models_are_refused_by_name, refused), ONE(any_batch_can_be_planned),
    ONE(shape_arithmetic_is_folded), ONE(free_dimensions_are_given_by_name),
    ONE(a_fixed_batch_stays), ONE(memory_is_bounded),
    EACH(sharing_memory_changes_nothing, tangles), EACH(gradients_meet, tangles),
    ONE(changed_weights_are_seen), ONE(weight_gradients_add_up),
    ONE(a_step_function_has_the_gradient_zero), ONE(running_statistics_move_in_training_only),
    ONE(dropout_follows_the_seed), ONE(an_index_out_of_range_is_an_error))
