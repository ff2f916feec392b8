/*
 * Relevance: every rule of a convolution against the same rule on its matrix, taken from the
 * network by asking it about one number after the other; and what must change no map: another order
 * of channels, other scales of channels, a norm beside its convolution instead of within it.
 */
#include <math.h>

#include "nn_support.h"
#include "test.h"

#define NEAR(a, b, tolerance) ck_assert_double_eq_tol((double)(a), (double)(b), (tolerance))

static float *
weight(struct net *n, const char *name, int64_t *ret_count)
{
	struct nn_weight *w = nn_weight_by_name(n->g, str_of(name));

	ck_assert_ptr_nonnull(w);
	*ret_count = w->count;
	return w->data;
}

static struct net
made(struct ctx *c, const struct net_text *t)
{
	struct net n;

	ck_ok(c, net_import(c, t, &n));
	ck_ok(c, nn_graph_load(c, n.g, 1 << 20));
	return n;
}

/* ---- A convolution as a matrix ------------------------------------------------------------- */

enum { SIDE = 5, CHANNELS = 4, IMAGE = CHANNELS * SIDE * SIDE, MAP_MAX = 6 * SIDE * SIDE };

/* The first convolution passes on what it gets, and all relevance by the box. */
static const struct {
	const char *weights, *attrs;
} convolutions[] = {
	{ "e:4x4x1x1 w:6x4x3x3", "pads=1,1,1,1" },
	{ "e:4x4x1x1 w:6x4x3x3", "strides=2,2 pads=0,1,1,0" },
	{ "e:4x4x1x1 w:6x2x3x2", "group=2 pads=1,0,0,1" },
	{ "e:4x4x1x1 w:4x1x3x3", "group=4 pads=1,1,1,1" },
	{ "e:4x4x1x1 w:3x4x2x2", "dilations=2,2" },
	{ "e:4x4x1x1 w:5x4x1x1", "strides=2,2" },
};

static struct net
convolution(struct ctx *c, int which)
{
	struct net_text t = { 13, "x:Nx4x5x5", convolutions[which].weights, NULL, "y" };
	struct net n;
	int64_t count;
	float *e;

	t.nodes = take_printf(c, "h Conv x e; y Conv h w %s", convolutions[which].attrs);
	n = made(c, &t);
	e = weight(&n, "e", &count);
	for (int i = 0; i < CHANNELS * CHANNELS; i++)
		e[i] = i % (CHANNELS + 1) == 0 ? 1 : 0;
	nn_graph_changed(n.g);
	return n;
}

/* Column i is what the network makes of a one at place i. */
static int64_t
matrix(struct ctx *c, struct net *n, float *to)
{
	const struct nn_options o = { .mode = NN_INFER };
	struct nn_plan *p = NULL;
	float x[IMAGE] = { 0 };
	const void *in[] = { x };
	int64_t rows = 0;

	ck_ok(c, nn_plan_new(c, n->g, &o, &p));
	for (int i = 0; i < IMAGE; i++) {
		const struct nn_tensor *y = nn_plan_output(p, 0);

		x[i] = 1;
		ck_ok(c, nn_forward(c, p, in));
		x[i] = 0;
		rows = nn_count(y);
		ck_assert_int_le(rows, MAP_MAX);
		for (int64_t k = 0; k < rows; k++)
			to[k * IMAGE + i] = ((const float *)y->data)[k];
	}
	nn_plan_free(&p);
	return rows;
}

/* By the matrix: what input i is worth to a sum, under a rule. */
enum by { BY_EPSILON, BY_POSITIVE, BY_GAMMA };

static double
brought(enum by rule, double w, double a)
{
	switch (rule) {
	case BY_EPSILON:
		return w * a;
	case BY_POSITIVE:
		return fmax(w * a, 0);
	case BY_GAMMA:
		return (w > 0 ? w * 1.25 : w) * a;
	}
	return 0;
}

static void
divided(enum by rule, const float *m, int64_t rows, const float *x, const float *r, double *to)
{
	for (int i = 0; i < IMAGE; i++)
		to[i] = 0;
	for (int64_t k = 0; k < rows; k++) {
		const float *w = m + k * IMAGE;
		double z = 0;

		for (int i = 0; i < IMAGE; i++)
			z += brought(rule, (double)w[i], (double)x[i]);
		for (int i = 0; z != 0 && i < IMAGE; i++)
			to[i] += brought(rule, (double)w[i], (double)x[i]) * (double)r[k] / z;
	}
}

/* Relevance, but none where a sum nearly cancels: its quotient would be noise. */
static float *
given(struct ctx *c, const float *m, int64_t rows, const float *x)
{
	float *r = net_numbers(c, MAP_MAX);

	for (int64_t k = 0; k < rows; k++) {
		double z[2] = { 0 };

		for (int i = 0; i < IMAGE; i++) {
			z[0] += brought(BY_EPSILON, (double)m[k * IMAGE + i], (double)x[i]);
			z[1] += brought(BY_GAMMA, (double)m[k * IMAGE + i], (double)x[i]);
		}
		r[k] = fabs(z[0]) < .1 || fabs(z[1]) < .1 ? 0 : fabsf(r[k]);
	}
	return r;
}

START_TEST(convolutions_divide_as_their_matrices)
{
	static const enum nn_map maps[] = { NN_MAP_EPSILON, NN_MAP_TAYLOR, NN_MAP_GAMMA };
	struct ctx *c = test_ctx();
	const struct nn_options o = { .mode = NN_EXPLAIN };
	struct net n = convolution(c, _i);
	float *m = take(c, (size_t)MAP_MAX * IMAGE * sizeof *m), *x = net_numbers(c, IMAGE);
	int64_t rows = matrix(c, &n, m);
	const float *out[1];
	const void *in[] = { x };
	double want[IMAGE];
	struct nn_plan *p = NULL;

	for (int i = 0; i < IMAGE; i++)
		x[i] = fabsf(x[i]);
	out[0] = given(c, m, rows, x);
	ck_ok(c, nn_plan_new(c, n.g, &o, &p));
	ck_ok(c, nn_relevance_box(c, p, -1, 2));
	for (int k = 0; k < 3; k++) {
		double size = 0;

		ck_ok(c, nn_forward(c, p, in));
		ck_ok(c, nn_relevance(c, p, maps[k], out));
		divided((enum by)k, m, rows, x, out[0], want);
		for (int i = 0; i < IMAGE; i++)
			size = fmax(size, fabs(want[i]));
		for (int i = 0; i < IMAGE; i++)
			NEAR(nn_input_gradient(p, 0)[i], want[i], 1e-4 * size);
	}
	nn_plan_free(&p);
	nn_graph_free(&n.g);
}
END_TEST

/* ---- What changes no map ------------------------------------------------------------------- */

enum { WIDTH = 4, PIXELS = 2 * 8 * 8 };
static const struct net_text deep = { 13, "x:Nx2x8x8", "a:4x2x3x3 b:4 d:6x4x3x3 f:6 u:5x24 v:5",
	"h Conv x a b pads=1,1,1,1; i Relu h; j MaxPool i kernel_shape=2,2 strides=2,2;"
	" k Conv j d f pads=1,1,1,1; m Relu k; n AveragePool m kernel_shape=2,2 strides=2,2; "
	"o Flatten n; y Gemm o u v transB=1",
	"y" };

/* Both maps, by the largest of each. */
static void
maps_of(struct ctx *c, struct net *n, const float *x, float map[2][PIXELS])
{
	const struct nn_options o = { .mode = NN_EXPLAIN };
	const float start[5] = { 0, 0, 1, 0, 0 }, *out[] = { start };
	const void *in[] = { x };
	struct nn_plan *p = NULL;

	ck_ok(c, nn_plan_new(c, n->g, &o, &p));
	ck_ok(c, nn_relevance_box(c, p, -1, 1));
	for (int k = 0; k < 2; k++) {
		float most = 0;

		ck_ok(c, nn_forward(c, p, in));
		ck_ok(c, nn_relevance(c, p, k == 0 ? NN_MAP_TAYLOR : NN_MAP_EPSILON, out));
		memcpy(map[k], nn_input_gradient(p, 0), PIXELS * sizeof(float));
		for (int i = 0; i < PIXELS; i++)
			most = fmaxf(most, fabsf(map[k][i]));
		for (int i = 0; i < PIXELS; i++)
			map[k][i] /= most;
	}
	nn_plan_free(&p);
}

static void
same_maps(float a[2][PIXELS], float b[2][PIXELS], double tolerance)
{
	for (int k = 0; k < 2; k++)
		for (int i = 0; i < PIXELS; i++)
			NEAR(a[k][i], b[k][i], tolerance);
}

/* Channel m of the first layer becomes channel m + 1, for all that reads it as well. */
static void
turn_channels(struct net *n)
{
	float was[4 * 18], *a, *b, *d;
	int64_t count;

	a = weight(n, "a", &count);
	memcpy(was, a, sizeof was);
	for (int m = 0; m < WIDTH; m++)
		memcpy(a + (m + 1) % WIDTH * 18, was + m * 18, 18 * sizeof *a);
	b = weight(n, "b", &count);
	memcpy(was, b, WIDTH * sizeof *b);
	for (int m = 0; m < WIDTH; m++)
		b[(m + 1) % WIDTH] = was[m];
	d = weight(n, "d", &count);
	for (int o = 0; o < 6; o++) {
		memcpy(was, d + o * 36, 36 * sizeof *d);
		for (int m = 0; m < WIDTH; m++)
			memcpy(d + o * 36 + (m + 1) % WIDTH * 9, was + m * 9, 9 * sizeof *d);
	}
	nn_graph_changed(n->g);
}

/* Each channel has a scale of its own, from a millionth to a million. */
static void
scale_channels(struct net *n)
{
	static const float by[WIDTH] = { 1e-6F, 1e6F, 32, 1e-3F };
	int64_t count;
	float *a = weight(n, "a", &count), *b = weight(n, "b", &count),
	      *d = weight(n, "d", &count);

	for (int m = 0; m < WIDTH; m++) {
		for (int i = 0; i < 18; i++)
			a[m * 18 + i] *= by[m];
		b[m] *= by[m];
		for (int o = 0; o < 6; o++)
			for (int i = 0; i < 9; i++)
				d[o * 36 + m * 9 + i] /= by[m];
	}
	nn_graph_changed(n->g);
}

static void (*const neutral[])(struct net *) = { turn_channels, scale_channels };

START_TEST(order_and_scale_of_channels_change_no_map)
{
	struct ctx *c = test_ctx();
	struct net n = made(c, &deep);
	float *x = net_numbers(c, PIXELS), was[2][PIXELS], is[2][PIXELS];

	maps_of(c, &n, x, was);
	neutral[_i](&n);
	maps_of(c, &n, x, is);
	same_maps(was, is, 1e-5);
	nn_graph_free(&n.g);
}
END_TEST

/* With biases among what is divided by: the gradient times the input. */
START_TEST(maps_that_count_biases_are_gradients)
{
	struct ctx *c = test_ctx();
	const struct nn_options explain = { .mode = NN_EXPLAIN },
				differentiate = { .mode = NN_DIFFERENTIATE,
					.input_gradients = true };
	struct net n = made(c, &deep);
	float *x = net_numbers(c, PIXELS), start[5] = { 0, 0, 1, 0, 0 }, most = 0;
	const float *out[] = { start }, *gradient, *map;
	const void *in[] = { x };
	struct nn_plan *p = NULL, *q = NULL;

	ck_ok(c, nn_plan_new(c, n.g, &explain, &p));
	ck_ok(c, nn_plan_new(c, n.g, &differentiate, &q));
	ck_ok(c, nn_forward(c, q, in));
	ck_ok(c, nn_backward(c, q, out));
	ck_ok(c, nn_forward(c, p, in));
	start[2] = ((const float *)nn_plan_output(p, 0)->data)[2];
	ck_ok(c, nn_relevance(c, p, NN_MAP_BIASED, out));
	gradient = nn_input_gradient(q, 0);
	map = nn_input_gradient(p, 0);
	for (int i = 0; i < PIXELS; i++)
		most = fmaxf(most, fabsf(map[i]));
	ck_assert_float_gt(most, 0);
	for (int i = 0; i < PIXELS; i++)
		NEAR(map[i], gradient[i] * x[i], 1e-4 * (double)most);
	nn_plan_free(&p);
	nn_plan_free(&q);
	nn_graph_free(&n.g);
}
END_TEST

/* Factors below zero and of nothing among them: those turn and remove rows of weights. */
static const float factors[][4] = { { .5F, 2, 1.5F, .25F }, { .5F, -2, 1.5F, .25F },
	{ .5F, -2, 0, 4 } };

START_TEST(norms_are_folded_into_their_convolutions)
{
	struct ctx *c = test_ctx();
	const struct net_text beside = { 13, "x:Nx2x8x8",
		"a:4x2x3x3 s:4 b:4 m:4 v:4 u:5x64 w:5",
		"h Conv x a pads=1,1,1,1; g BatchNormalization h s b m v; i Relu g; n AveragePool "
		"i kernel_shape=2,2 strides=2,2; o Flatten n; y Gemm o u w transB=1",
		"y" };
	const struct net_text within = { 13, "x:Nx2x8x8", "a:4x2x3x3 b:4 u:5x64 w:5",
		"h Conv x a b pads=1,1,1,1; i Relu h; n AveragePool i kernel_shape=2,2 "
		"strides=2,2; o Flatten n; y Gemm o u w transB=1",
		"y" };
	struct net one = made(c, &beside), two = made(c, &within);
	float *x = net_numbers(c, PIXELS), map[2][2][PIXELS];
	int64_t n;

	for (int m = 0; m < 4; m++) {
		float var = .5F + (float)m, f = factors[_i][m], mean = weight(&one, "m", &n)[m];

		weight(&one, "v", &n)[m] = var;
		weight(&one, "s", &n)[m] = f;
		f /= sqrtf(var + 1e-5F);
		for (int i = 0; i < 18; i++)
			weight(&two, "a", &n)[m * 18 + i] = f *
			    weight(&one, "a", &n)[m * 18 + i];
		weight(&two, "b", &n)[m] = weight(&one, "b", &n)[m] - mean * f;
	}
	memcpy(weight(&two, "u", &n), weight(&one, "u", &n), 5 * 64 * sizeof *x);
	memcpy(weight(&two, "w", &n), weight(&one, "w", &n), 5 * sizeof *x);
	nn_graph_changed(one.g);
	nn_graph_changed(two.g);
	maps_of(c, &one, x, map[0]);
	maps_of(c, &two, x, map[1]);
	same_maps(map[0], map[1], 1e-5);
	nn_graph_free(&one.g);
	nn_graph_free(&two.g);
}
END_TEST

MAIN("nn_relevance_rules", EACH(convolutions_divide_as_their_matrices, convolutions),
    EACH(order_and_scale_of_channels_change_no_map, neutral),
    ONE(maps_that_count_biases_are_gradients),
    EACH(norms_are_folded_into_their_convolutions, factors))
