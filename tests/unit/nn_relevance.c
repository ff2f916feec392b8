/*
 * Relevance: against vectors computed elsewhere, and what must hold for every operator: nothing is
 * made and nothing is lost on the way, positive rules stay positive, scaling neurons changes
 * nothing, and an operator without a rule is refused by name.
 */
#include <math.h>

#include "nn_cases.h"
#include "ops.h"
#include "test.h"

#define NEAR(a, b, tolerance) ck_assert_double_eq_tol((double)(a), (double)(b), (tolerance))

/* ---- Nets with given weights --------------------------------------------------------------- */

static void
weight_set(struct net *n, const char *name, const float v[])
{
	struct nn_weight *w = nn_weight_by_name(n->g, str_of(name));

	ck_assert_ptr_nonnull(w);
	memcpy(w->data, v, (size_t)w->count * sizeof v[0]);
	nn_graph_changed(n->g);
}

static struct nn_plan *
explain(struct ctx *c, struct nn_graph *g)
{
	const struct nn_options o = { .mode = NN_EXPLAIN };
	struct nn_plan *p = NULL;

	ck_ok(c, nn_plan_new(c, g, &o, &p));
	return p;
}

static double
sum_of(const float v[], int64_t n)
{
	double sum = 0;

	for (int64_t i = 0; i < n; i++)
		sum += (double)v[i];
	return sum;
}

/* ---- Known vectors: two dense layers ------------------------------------------------------- */

static const float x4[] = { .2F, .9F, .5F, .7F };
static const float w1[] = { .5F, -.3F, .8F, .1F, -.2F, .7F, .4F, -.6F, .3F, .2F, -.5F, .9F };
static const float b1[] = { .1F, -.2F, .05F };
static const float w2[] = { .6F, -.4F, .2F, -.3F, .8F, .5F }, b2[] = { 0, .1F };

static void
mlp(struct ctx *c, struct net *ret)
{
	const struct net_text t = { 13, "x:Nx4", "a:3x4 b:3 u:2x3 v:2",
		"h Gemm x a b transB=1; r Relu h; y Gemm r u v transB=1", "y" };

	ck_ok(c, net_import(c, &t, ret));
	ck_ok(c, nn_graph_load(c, ret->g, 1 << 20));
	weight_set(ret, "a", w1);
	weight_set(ret, "b", b1);
	weight_set(ret, "u", w2);
	weight_set(ret, "v", b2);
}

enum box { NO_BOX, UNIT, SIGNED };
static const struct {
	enum nn_map map;
	enum box box;
	double want[4];
} dense[] = {
	{ NN_MAP_EPSILON, NO_BOX, { -.028632, .561274, -.284690, .203046 } },
	{ NN_MAP_TAYLOR, NO_BOX, { .029221, .071554, .087234, .262991 } },
	{ NN_MAP_TAYLOR, UNIT, { .034993, .121674, .093862, .200471 } },
	{ NN_MAP_TAYLOR, SIGNED, { .055004, .124670, .066244, .205082 } },
	{ NN_MAP_GAMMA, UNIT, { .021258, .155563, .023160, .251018 } },
};

START_TEST(dense_layers_divide_as_they_should)
{
	struct ctx *c = test_ctx();
	const float box[3][2] = { { 0, 0 }, { 0, 1 }, { -1, 1 } }, start[] = { 0, .451F };
	const void *in[] = { x4 };
	const float *out[] = { start };
	struct nn_plan *p;
	struct net net;

	mlp(c, &net);
	p = explain(c, net.g);
	if (dense[_i].box != NO_BOX)
		ck_ok(c, nn_relevance_box(c, p, box[dense[_i].box][0], box[dense[_i].box][1]));
	ck_ok(c, nn_forward(c, p, in));
	NEAR(((const float *)nn_plan_output(p, 0)->data)[1], .451, 1e-6);
	ck_ok(c, nn_relevance(c, p, dense[_i].map, out));
	for (int i = 0; i < 4; i++)
		NEAR(nn_input_gradient(p, 0)[i], dense[_i].want[i], 3e-6);
	NEAR(sum_of(nn_input_gradient(p, 0), 4), .451, 1e-5);
	ck_fails(c, E_INTERNAL, nn_relevance(c, p, dense[_i].map, out));
	nn_plan_free(&p);
	nn_graph_free(&net.g);
}
END_TEST

/* ---- Known vectors: a convolution with its norm folded ------------------------------------- */

static const double by_box[16] = { 0, .000191, .002863, .000055, .023380, .064126, .006403,
	.008991, .031973, .079804, .146921, .071791, .050358, .061934, .136462, .047029 };

START_TEST(a_convolution_divides_as_it_should)
{
	struct ctx *c = test_ctx();
	const struct net_text t = { 13, "x:Nx1x4x4", "w:1x1x3x3 b:1", "h Conv x w b; y Relu h",
		"y" };
	const float image[] = { .32F, .15F, .65F, .07F, .54F, .37F, .06F, .51F, .04F, .43F,
		.07F, .09F, .42F, .83F, .12F, .22F };
	float w[] = { .13F, .45F, .08F, -.1F, .48F, -.45F, .36F, -.21F, -.36F };
	const float b[] = { -.549991F }, *out[1];
	const void *in[] = { image };
	struct nn_plan *p;
	struct net net;

	for (int i = 0; i < 9; i++)
		w[i] *= 2.999940F;
	ck_ok(c, net_import(c, &t, &net));
	ck_ok(c, nn_graph_load(c, net.g, 1 << 20));
	weight_set(&net, "w", w);
	weight_set(&net, "b", b);
	p = explain(c, net.g);
	ck_ok(c, nn_relevance_box(c, p, 0, 1));
	ck_ok(c, nn_forward(c, p, in));
	out[0] = nn_plan_output(p, 0)->data;
	NEAR(out[0][2], .488288, 2e-6);
	NEAR(sum_of(out[0], 4), .732279, 3e-6);
	ck_ok(c, nn_relevance(c, p, NN_MAP_TAYLOR, out));
	for (int i = 0; i < 16; i++)
		NEAR(nn_input_gradient(p, 0)[i], by_box[i], 3e-6);
	nn_plan_free(&p);
	nn_graph_free(&net.g);
}
END_TEST

/* ---- Known vectors: sums and means --------------------------------------------------------- */

START_TEST(sums_share_what_comes)
{
	struct ctx *c = test_ctx();
	const struct net_text t = { 13, "u:Nx2 v:Nx2", "", "y Add u v", "y" };
	const float u[] = { .5F, 0 }, v[] = { .25F, 0 }, r[] = { .6F, .4F }, *out[] = { r };
	const void *in[] = { u, v };
	struct nn_plan *p;
	struct net net;

	ck_ok(c, net_import(c, &t, &net));
	p = explain(c, net.g);
	ck_ok(c, nn_forward(c, p, in));
	ck_ok(c, nn_relevance(c, p, NN_MAP_TAYLOR, out));
	NEAR(nn_input_gradient(p, 0)[0], .4, 1e-6);
	NEAR(nn_input_gradient(p, 0)[1], .2, 1e-6);
	NEAR(nn_input_gradient(p, 1)[0], .2, 1e-6);
	NEAR(nn_input_gradient(p, 1)[1], .2, 1e-6);
	nn_plan_free(&p);
	nn_graph_free(&net.g);
}
END_TEST

START_TEST(means_share_by_what_was_brought)
{
	struct ctx *c = test_ctx();
	const struct net_text t = { 13, "x:Nx1x2x2", "", "y GlobalAveragePool x", "y" };
	const float some[] = { .1F, .3F, 0, .6F }, none[4] = { 0 };
	const double want[2][4] = { { .05, .15, 0, .3 }, { .125, .125, .125, .125 } };
	const float r[] = { .5F }, *out[] = { r };
	struct net net;
	struct nn_plan *p;

	ck_ok(c, net_import(c, &t, &net));
	p = explain(c, net.g);
	for (int k = 0; k < 2; k++) {
		const void *in[] = { k == 0 ? some : none };

		ck_ok(c, nn_forward(c, p, in));
		ck_ok(c, nn_relevance(c, p, NN_MAP_TAYLOR, out));
		for (int i = 0; i < 4; i++)
			NEAR(nn_input_gradient(p, 0)[i], want[k][i], 1e-6);
	}
	nn_plan_free(&p);
	nn_graph_free(&net.g);
}
END_TEST

/* ---- Every operator ------------------------------------------------------------------------ */

/* What adds what no input brought cannot pass on all; nor can, to one input, what mixes. */
static bool
loses(const char *op, bool weights)
{
	static const char *const adds[] = { "BatchNormalization", "ConvTranspose", "Gemm",
		"Pad" };
	static const char *const mixes[] = { "Concat", "GRU", "LSTM", "Max", "Min", "Where" };

	for (size_t i = 0; i < COUNT(adds); i++)
		if (strcmp(op, adds[i]) == 0)
			return true;
	for (size_t i = 0; weights && i < COUNT(mixes); i++)
		if (strcmp(op, mixes[i]) == 0)
			return true;
	return false;
}

static const struct nn_row *
row_of(const char *op)
{
	for (int i = 0; i < OP_COUNT; i++)
		if (strcmp(nn_ops[i].onnx, op) == 0)
			return &nn_ops[i];
	ck_abort_msg("no row of %s", op);
}

/* All that comes to the inputs; those that are no weights. */
static double
arrived(const struct case_net *n, const struct nn_plan *p)
{
	double sum = 0;

	for (int i = 0; i < n->ins; i++)
		if (!n->in[i].absent && !n->in[i].constant && !n->weight[i] &&
		    n->place[i] >= 0 && nn_input_gradient(p, (size_t)n->place[i]) != NULL)
			sum += sum_of(
			    nn_input_gradient(p, (size_t)n->place[i]), n->in[i].count);
	return sum;
}

static void
check_kept(const struct nn_case *of, bool weights)
{
	struct ctx *c = test_ctx();
	const struct nn_options o = { .mode = NN_EXPLAIN };
	const struct nn_row *row = row_of(of->op);
	const float *start[CASE_OUTPUTS];
	struct nn_plan *p = NULL;
	double left = 0, came, size = 0;
	struct case_net net;

	case_read(c, of, &net);
	ck_ok(c, case_import(c, of, weights, &net));
	if (row->backward != NULL && row->relevance == NULL) {
		ck_fails(c, E_INPUT, nn_plan_new(c, net.g, &o, &p));
		nn_graph_free(&net.g);
		return;
	}
	ck_ok(c, nn_plan_new(c, net.g, &o, &p));
	ck_ok(c, nn_forward(c, p, net.given));
	for (size_t i = 0; i < net.m.outputs; i++) {
		const struct nn_tensor *y = nn_plan_output(p, i);
		float *r = take(c, (size_t)nn_count(y) * sizeof *r + 1);

		/* What is zero was brought by nobody. */
		for (int64_t n = 0; y->type == NN_FLOAT && n < nn_count(y); n++) {
			r[n] = ((float *)y->data)[n] != 0 ? 1 + (float)(n % 7) / 8 : 0;
			left += (double)r[n];
			size += fabs((double)r[n]);
		}
		start[i] = r;
	}
	ck_ok(c, nn_relevance(c, p, NN_MAP_EPSILON, start));
	came = arrived(&net, p);
	ck_assert_msg(isfinite(came), "%s (%s): not finite", of->op, of->inputs);
	if (!loses(of->op, weights))
		ck_assert_msg(fabs(came - left) <= 2e-3 * size, "%s (%s): %g came of %g",
		    of->op, of->inputs, came, left);
	nn_plan_free(&p);
	nn_graph_free(&net.g);
}

START_TEST(nothing_is_made_and_nothing_is_lost)
{
	check_kept(&nn_cases[_i], true);
	check_kept(&nn_cases[_i], false);
}
END_TEST

/* ---- Whole nets ---------------------------------------------------------------------------- */

static const struct net_text deep = { 13, "x:Nx2x8x8", "a:4x2x3x3 b:4 d:4x4x3x3 u:5x16 v:5",
	"h Conv x a b pads=1,1,1,1; i Relu h; j MaxPool i kernel_shape=2,2 strides=2,2;"
	" k Conv j d pads=1,1,1,1; l Add k j; m Relu l; n AveragePool m kernel_shape=2,2 "
	"strides=2,2; o Flatten n; y Gemm o u v transB=1",
	"y" };

static void
deep_maps(struct ctx *c, struct net *net, const float *x, float map[2][128])
{
	struct nn_plan *p = explain(c, net->g);
	const void *in[] = { x };
	float start[5] = { 0, 0, 1, 0, 0 };
	const float *out[] = { start };

	ck_ok(c, nn_relevance_box(c, p, -1, 1));
	for (int k = 0; k < 2; k++) {
		ck_ok(c, nn_forward(c, p, in));
		ck_ok(c, nn_relevance(c, p, k == 0 ? NN_MAP_TAYLOR : NN_MAP_EPSILON, out));
		memcpy(map[k], nn_input_gradient(p, 0), 128 * sizeof(float));
	}
	nn_plan_free(&p);
}

START_TEST(positive_rules_stay_positive_and_keep_all)
{
	struct ctx *c = test_ctx();
	float map[2][128], least = 0;
	struct net net;

	ck_ok(c, net_import(c, &deep, &net));
	ck_ok(c, nn_graph_load(c, net.g, 1 << 20));
	deep_maps(c, &net, net_numbers(c, 128), map);
	for (int i = 0; i < 128; i++)
		least = fminf(least, map[0][i]);
	ck_assert_double_ge((double)least, -1e-6);
	NEAR(sum_of(map[0], 128), 1, 1e-3);
	NEAR(sum_of(map[1], 128), 1, 1e-2);
	nn_graph_free(&net.g);
}
END_TEST

static const float scales[] = { 1e-3F, 1e3F };

/* Half of one layer's weights and biases, twice of what reads them: the same net. */
START_TEST(scaling_neurons_changes_no_map)
{
	struct ctx *c = test_ctx();
	float map[2][2][128];
	float *x = net_numbers(c, 128), by = scales[_i];
	struct net_text t = deep;
	struct net net;

	/* Without the bypass, which would have to be scaled as well. */
	t.nodes = "h Conv x a b pads=1,1,1,1; i Relu h; j MaxPool i kernel_shape=2,2 "
		  "strides=2,2; l Conv j d pads=1,1,1,1; m Relu l; n AveragePool m "
		  "kernel_shape=2,2 strides=2,2; o Flatten n; y Gemm o u v transB=1";
	ck_ok(c, net_import(c, &t, &net));
	ck_ok(c, nn_graph_load(c, net.g, 1 << 20));
	deep_maps(c, &net, x, map[0]);
	for (int64_t i = 0; i < nn_weight_by_name(net.g, STR("a"))->count; i++)
		nn_weight_by_name(net.g, STR("a"))->data[i] *= by;
	for (int64_t i = 0; i < 4; i++)
		nn_weight_by_name(net.g, STR("b"))->data[i] *= by;
	for (int64_t i = 0; i < nn_weight_by_name(net.g, STR("d"))->count; i++)
		nn_weight_by_name(net.g, STR("d"))->data[i] /= by;
	nn_graph_changed(net.g);
	deep_maps(c, &net, x, map[1]);
	for (int k = 0; k < 2; k++)
		for (int i = 0; i < 128; i++)
			NEAR(map[0][k][i], map[1][k][i], 2e-4);
	nn_graph_free(&net.g);
}
END_TEST

/* Without biases an answer is its gradient times the input, and so is its epsilon map. */
START_TEST(epsilon_is_gradient_times_input)
{
	struct ctx *c = test_ctx();
	const struct net_text t = { 13, "x:Nx1x6x6", "a:3x1x3x3 u:4x12",
		"h Conv x a pads=0,0,0,0; i Relu h; j MaxPool i kernel_shape=2,2 strides=2,2;"
		" o Flatten j; y Gemm o u transB=1",
		"y" };
	const struct nn_options o = { .mode = NN_DIFFERENTIATE, .input_gradients = true };
	float *x = net_numbers(c, 36), start[4] = { 1, 0, 0, 0 };
	const float *out[] = { start };
	const void *in[] = { x };
	struct nn_plan *p, *q = NULL;
	struct net net;

	ck_ok(c, net_import(c, &t, &net));
	p = explain(c, net.g);
	ck_ok(c, nn_plan_new(c, net.g, &o, &q));
	ck_ok(c, nn_forward(c, q, in));
	start[0] = 1;
	ck_ok(c, nn_backward(c, q, out));
	ck_ok(c, nn_forward(c, p, in));
	start[0] = ((const float *)nn_plan_output(p, 0)->data)[0];
	ck_ok(c, nn_relevance(c, p, NN_MAP_EPSILON, out));
	for (int i = 0; i < 36; i++)
		NEAR(nn_input_gradient(p, 0)[i], nn_input_gradient(q, 0)[i] * x[i], 2e-4);
	nn_plan_free(&p);
	nn_plan_free(&q);
	nn_graph_free(&net.g);
}
END_TEST

MAIN("nn_relevance", EACH(dense_layers_divide_as_they_should, dense),
    ONE(a_convolution_divides_as_it_should), ONE(sums_share_what_comes),
    ONE(means_share_by_what_was_brought), EACH(nothing_is_made_and_nothing_is_lost, nn_cases),
    ONE(positive_rules_stay_positive_and_keep_all),
    EACH(scaling_neurons_changes_no_map, scales), ONE(epsilon_is_gradient_times_input))
