/*
 * Sums over whole numbers are exact in float32, so the kernels have to give exactly what a direct
 * reading of the definitions gives: convolutions, pools and products of random shapes, and the
 * gradient of a product with zeros in it.
 */
#include <stdio.h>

#include "nn_support.h"
#include "test.h"

enum { ROUNDS = 40 };

static int
pick(struct ctx *c, int low, int high)
{
	uint32_t r;

	c->random(&r, sizeof r);
	return low + (int)(r % (uint32_t)(high - low + 1));
}

/* ---- Two-dimensional windows ------------------------------------------------------------- */

struct shape {
	int n, c, m, group, h, w, kh, kw, sh, sw, dh, dw, pt, pl, pb, pr;
	int oh, ow;
};

static struct shape
random_shape(struct ctx *c)
{
	struct shape s = { .n = pick(c, 1, 2), .group = pick(c, 1, 3) };

	s.c = s.group * pick(c, 1, 2);
	s.m = s.group * pick(c, 1, 2);
	s.kh = pick(c, 1, 3);
	s.kw = pick(c, 1, 3);
	s.sh = pick(c, 1, 3);
	s.sw = pick(c, 1, 3);
	s.dh = pick(c, 1, 2);
	s.dw = pick(c, 1, 2);
	s.pt = pick(c, 0, s.kh - 1);
	s.pb = pick(c, 0, s.kh - 1);
	s.pl = pick(c, 0, s.kw - 1);
	s.pr = pick(c, 0, s.kw - 1);
	s.h = pick(c, (s.kh - 1) * s.dh + 1, 9);
	s.w = pick(c, (s.kw - 1) * s.dw + 1, 9);
	s.oh = (s.h + s.pt + s.pb - (s.kh - 1) * s.dh - 1) / s.sh + 1;
	s.ow = (s.w + s.pl + s.pr - (s.kw - 1) * s.dw - 1) / s.sw + 1;
	return s;
}

static const char *
attrs_of(struct ctx *c, const struct shape *s, bool pool)
{
	if (pool)
		return take_printf(c,
		    "kernel_shape=%d,%d strides=%d,%d pads=%d,%d,%d,%d dilations=%d,%d", s->kh,
		    s->kw, s->sh, s->sw, s->pt, s->pl, s->pb, s->pr, s->dh, s->dw);
	return take_printf(c, "group=%d strides=%d,%d pads=%d,%d,%d,%d dilations=%d,%d",
	    s->group, s->sh, s->sw, s->pt, s->pl, s->pb, s->pr, s->dh, s->dw);
}

/* Runs the case with small whole numbers in its inputs. */
static const struct nn_tensor *
run_case(struct ctx *c, const struct nn_case *of, struct case_net *net, struct nn_plan **p)
{
	const struct nn_options o = { .plain = true };

	case_read(c, of, net);
	for (int i = 0; i < net->ins; i++)
		for (int64_t n = 0; n < net->in[i].count; n++)
			net->in[i].f[n] = (float)pick(c, -4, 4);
	ck_ok(c, case_import(c, of, false, net));
	ck_ok(c, nn_plan_new(c, net->g, &o, p));
	ck_ok(c, nn_forward(c, *p, net->given));
	return nn_plan_output(*p, 0);
}

static float
image_at(const struct shape *s, const float *x, int n, int c, int h, int w)
{
	bool inside = h >= 0 && h < s->h && w >= 0 && w < s->w;

	return inside ? x[((n * s->c + c) * s->h + h) * s->w + w] : 0;
}

/* The definition: a sum over channels of the group and places of the kernel. */
static float
conv_at(const struct shape *s, const struct case_net *net, int n, int m, int oh, int ow)
{
	const float *x = net->in[0].f, *weights = net->in[1].f;
	int per = s->c / s->group, first = m / (s->m / s->group) * per;
	float sum = net->in[2].f[m];

	for (int c = 0; c < per; c++)
		for (int a = 0; a < s->kh; a++)
			for (int b = 0; b < s->kw; b++)
				sum += weights[((m * per + c) * s->kh + a) * s->kw + b] *
				    image_at(s, x, n, first + c, oh * s->sh - s->pt + a * s->dh,
					ow * s->sw - s->pl + b * s->dw);
	return sum;
}

START_TEST(convolutions_are_exact)
{
	struct ctx *c = test_ctx();
	const struct nn_tensor *y;
	struct nn_plan *p = NULL;
	struct nn_case of = { "Conv", 13, NULL, NULL };
	struct case_net net;
	const float *got;
	struct shape s;

	test_seed((uint64_t)_i + 1);
	s = random_shape(c);
	of.inputs = take_printf(c, "%dx%dx%dx%d %dx%dx%dx%d %d", s.n, s.c, s.h, s.w, s.m,
	    s.c / s.group, s.kh, s.kw, s.m);
	of.attrs = attrs_of(c, &s, false);
	y = run_case(c, &of, &net, &p);
	ck_assert_int_eq(y->dim[2], s.oh);
	ck_assert_int_eq(y->dim[3], s.ow);
	got = y->data;
	for (int n = 0; n < s.n; n++)
		for (int m = 0; m < s.m; m++)
			for (int a = 0; a < s.oh; a++)
				for (int b = 0; b < s.ow; b++)
					ck_assert_float_eq(
					    *got++, conv_at(&s, &net, n, m, a, b));
	nn_plan_free(&p);
	nn_graph_free(&net.g);
}
END_TEST

/* The map that scatters: each place of the input adds its kernel to the output. */
static void
scatter(const struct shape *s, const struct case_net *net, int height, int width, float *to)
{
	const float *x = net->in[0].f, *weights = net->in[1].f;
	int per = s->m / s->group;

	for (int n = 0; n < s->n; n++)
		for (int i = 0; i < s->c * s->h * s->w; i++) {
			int c = i / (s->h * s->w), first = c / (s->c / s->group) * per;

			for (int k = 0; k < per * s->kh * s->kw; k++) {
				int m = k / (s->kh * s->kw);
				int h = i / s->w % s->h * s->sh - s->pt +
				    k / s->kw % s->kh * s->dh;
				int w = i % s->w * s->sw - s->pl + k % s->kw * s->dw;

				if (h >= 0 && h < height && w >= 0 && w < width)
					to[((n * s->m + first + m) * height + h) * width + w] +=
					    x[n * s->c * s->h * s->w + i] *
					    weights[c * per * s->kh * s->kw + k];
			}
		}
}

START_TEST(transposed_convolutions_are_exact)
{
	struct ctx *c = test_ctx();
	const struct nn_tensor *y;
	struct nn_plan *p = NULL;
	struct nn_case of = { "ConvTranspose", 13, NULL, NULL };
	struct case_net net;
	struct shape s;
	float *want;

	test_seed((uint64_t)_i + 1);
	s = random_shape(c);
	of.inputs = take_printf(c, "%dx%dx%dx%d %dx%dx%dx%d", s.n, s.c, s.h + 2, s.w + 2, s.c,
	    s.m / s.group, s.kh, s.kw);
	s.h += 2;
	s.w += 2;
	of.attrs = attrs_of(c, &s, false);
	y = run_case(c, &of, &net, &p);
	want = take(c, (size_t)nn_count(y) * sizeof *want);
	scatter(&s, &net, (int)y->dim[2], (int)y->dim[3], want);
	for (int64_t i = 0; i < nn_count(y); i++)
		ck_assert_float_eq(((const float *)y->data)[i], want[i]);
	nn_plan_free(&p);
	nn_graph_free(&net.g);
}
END_TEST

/* The largest and the sum of what a window sees, and of how many. */
static int
window_at(
    const struct shape *s, const float *x, const int at[4], float *ret_largest, float *ret_sum)
{
	int seen = 0;

	*ret_sum = 0;
	for (int a = 0; a < s->kh; a++)
		for (int b = 0; b < s->kw; b++) {
			int h = at[2] * s->sh - s->pt + a * s->dh;
			int w = at[3] * s->sw - s->pl + b * s->dw;
			float v = image_at(s, x, at[0], at[1], h, w);

			if (h < 0 || h >= s->h || w < 0 || w >= s->w)
				continue;
			*ret_largest = seen == 0 || v > *ret_largest ? v : *ret_largest;
			*ret_sum += v;
			seen++;
		}
	return seen;
}

START_TEST(pools_are_exact)
{
	struct ctx *c = test_ctx();
	bool mean = _i % 2 == 0;
	struct nn_case of = { mean ? "AveragePool" : "MaxPool", 13, NULL, NULL };
	const struct nn_tensor *y;
	struct nn_plan *p = NULL;
	struct case_net net;
	struct shape s;
	float largest, sum;
	int at[4], seen;

	test_seed((uint64_t)_i + 1);
	s = random_shape(c);
	of.inputs = take_printf(c, "%dx%dx%dx%d", s.n, s.c, s.h, s.w);
	of.attrs = attrs_of(c, &s, true);
	y = run_case(c, &of, &net, &p);
	ck_assert_int_eq(y->dim[2], s.oh);
	ck_assert_int_eq(y->dim[3], s.ow);
	for (int64_t i = 0; i < nn_count(y); i++) {
		at[3] = (int)(i % s.ow);
		at[2] = (int)(i / s.ow % s.oh);
		at[1] = (int)(i / s.ow / s.oh % s.c);
		at[0] = (int)(i / s.ow / s.oh / s.c);
		seen = window_at(&s, net.in[0].f, at, &largest, &sum);
		if (seen > 0)
			ck_assert_float_eq(
			    ((const float *)y->data)[i], mean ? sum / (float)seen : largest);
	}
	nn_plan_free(&p);
	nn_graph_free(&net.g);
}
END_TEST

START_TEST(products_are_exact)
{
	struct ctx *c = test_ctx();
	struct nn_case of = { "Gemm", 13, NULL, NULL };
	const struct nn_tensor *y;
	struct nn_plan *p = NULL;
	struct case_net net;
	int m, n, k, ta, tb;

	test_seed((uint64_t)_i + 1);
	m = pick(c, 1, 9);
	n = pick(c, 1, 9);
	k = pick(c, 1, 40);
	ta = pick(c, 0, 1);
	tb = pick(c, 0, 1);
	of.inputs = take_printf(
	    c, "%dx%d %dx%d %d", ta ? k : m, ta ? m : k, tb ? n : k, tb ? k : n, n);
	of.attrs = take_printf(c, "transA=%d transB=%d alpha=2.0 beta=3.0", ta, tb);
	y = run_case(c, &of, &net, &p);
	for (int i = 0; i < m * n; i++) {
		int row = i / n, col = i % n;
		float sum = 0;

		for (int j = 0; j < k; j++)
			sum += net.in[0].f[ta ? j * m + row : row * k + j] *
			    net.in[1].f[tb ? col * k + j : j * n + col];
		ck_assert_float_eq(((const float *)y->data)[i], 2 * sum + 3 * net.in[2].f[col]);
	}
	nn_plan_free(&p);
	nn_graph_free(&net.g);
}
END_TEST

/* Rows with no zero, with one, with two: the second product moves with its zero alone. */
START_TEST(zeros_leave_products_their_gradient)
{
	const struct net_text t = { 13, "x:3x3", "", "y ReduceProd x axes=1", "y" };
	const struct nn_options o = { .mode = NN_DIFFERENTIATE, .input_gradients = true };
	const float x[9] = { 1, 2, 3, 4, 0, 5, 0, 7, 0 }, g[3] = { 1, 10, 100 };
	const float want[9] = { 6, 3, 2, 0, 10 * 4 * 5, 0, 0, 0, 0 };
	struct ctx *c = test_ctx();
	struct nn_plan *p = NULL;
	struct net net;

	ck_ok(c, net_import(c, &t, &net));
	ck_ok(c, nn_plan_new(c, net.g, &o, &p));
	ck_ok(c, nn_forward(c, p, (const void *const[]){ x }));
	ck_ok(c, nn_backward(c, p, (const float *const[]){ g }));
	for (int i = 0; i < 9; i++)
		ck_assert_float_eq(nn_input_gradient(p, 0)[i], want[i]);
	nn_plan_free(&p);
	nn_graph_free(&net.g);
}
END_TEST

#define MANY(test)           \
	{                    \
		test, ROUNDS \
	}
MAIN("nn_exact", MANY(convolutions_are_exact), MANY(transposed_convolutions_are_exact),
    MANY(pools_are_exact), MANY(products_are_exact), ONE(zeros_leave_products_their_gradient))
