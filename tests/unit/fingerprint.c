/*
 * Fingerprints: likeness against values computed elsewhere; maps of a copy are its original's, maps
 * of another network are not; bytes come back, and nothing else is taken for them.
 */
#include "test.h"

#include <math.h>

#include "fingerprint.h"
#include "nn_support.h"

#define NEAR(a, b, tolerance) ck_assert_double_eq_tol((double)(a), (double)(b), (tolerance))

/* ---- Likeness ------------------------------------------------------------------------------ */

START_TEST(likeness_is_as_defined)
{
	struct ctx *c = test_ctx();
	const float a[] = { 1, 2, 3, 4, 5 }, b[] = { 2, 4, 6, 8, 100 }, d[] = { 3, 1, 3, 3, 0 };
	const float back[] = { 5, 4, 3, 2, 1 }, flat[5] = { 2, 2, 2, 2, 2 };
	double s;

	NEAR(likeness_cosine(a, a, 5), 1, 1e-12);
	NEAR(likeness_pearson(a, back, 5), -1, 1e-12);
	NEAR(likeness_pearson(a, flat, 5), 0, 1e-12);
	ck_ok(c, likeness_spearman(c, a, b, 5, &s));
	NEAR(s, 1, 1e-6);
	/* Ranks 0, 1, 2, 3, 4 and 3, 1, 3, 3, 0: sums of squares 10 and 8, of products -4. */
	ck_ok(c, likeness_spearman(c, a, d, 5, &s));
	NEAR(s, -4 / sqrt(80), 1e-6);
	ck_ok(c, likeness_top(c, a, b, 5, 2, &s));
	NEAR(s, 1, 1e-12);
	ck_ok(c, likeness_top(c, a, back, 5, 2, &s));
	NEAR(s, 0, 1e-12);
}
END_TEST

/* What is no number is like nothing, and is not waited for. */
START_TEST(numbers_that_are_none_have_a_rank)
{
	struct ctx *c = test_ctx();
	const float a[] = { 1, NAN, 3, NAN }, b[] = { 1, 2, 3, 4 };
	double s;

	ck_ok(c, likeness_spearman(c, a, b, 4, &s));
	ck_assert(s >= -1 && s <= 1);
}
END_TEST

/* Nothing to see is like what has little to see, by structure; it is never so by ranks. */
START_TEST(blank_maps_are_no_likeness)
{
	struct ctx *c = test_ctx();
	float dot[28 * 28] = { 0 }, blank[28 * 28] = { 0 };
	double s;

	dot[14 * 28 + 14] = 1;
	ck_assert_double_gt(likeness_structure(dot, blank, 28, 28), .8);
	ck_ok(c, likeness_spearman(c, dot, blank, 28 * 28, &s));
	NEAR(s, 0, 1e-12);
	NEAR(likeness_cosine(dot, blank, 28 * 28), 0, 1e-12);
}
END_TEST

START_TEST(structure_of_flat_pictures)
{
	float a[32 * 32], b[32 * 32];

	for (int i = 0; i < 32 * 32; i++) {
		a[i] = .5F;
		b[i] = .6F;
	}
	NEAR(likeness_structure(a, b, 32, 32), .983609, 1e-6);
	NEAR(likeness_structure(a, a, 32, 32), 1, 1e-6);
	NEAR(likeness_structure(a, a, 5, 5), 0, 1e-12); /* too small for a window */
}
END_TEST

/* ---- Maps ---------------------------------------------------------------------------------- */

enum { PROBES = 20, SIDE = 10 };
static const struct net_text net = { 13, "x:Nx2x10x10", "a:4x2x3x3 b:4 d:6x4x3x3 u:5x54 v:5",
	"h Conv x a b; i Relu h; k Conv i d; m Relu k; n AveragePool m kernel_shape=2,2 "
	"strides=2,2; o Flatten n; y Gemm o u v transB=1",
	"y" };

static struct fingerprint_probes
probes(struct ctx *c)
{
	float *x = net_numbers(c, PROBES * 2 * SIDE * SIDE);

	return (struct fingerprint_probes){ x, PROBES, 2, SIDE, SIDE, NULL, -1, 1 };
}

static struct net
one(struct ctx *c, uint64_t seed)
{
	struct net n;
	struct net_text t = net;

	/* Weights follow the context's chance. */
	test_seed(seed);
	t.nodes = "h Conv x a b; i Relu h; k Conv i d; m Relu k; n AveragePool m "
		  "kernel_shape=3,3 strides=2,2; o Flatten n; y Gemm o u v transB=1";
	t.weights = "a:4x2x3x3 b:4 d:6x4x3x3 u:5x24 v:5";
	ck_ok(c, net_import(c, &t, &n));
	ck_ok(c, nn_graph_load(c, n.g, 1 << 20));
	return n;
}

START_TEST(copies_are_alike_and_strangers_are_not)
{
	struct ctx *c = test_ctx();
	struct fingerprint_probes p = probes(c);
	struct net owner = one(c, 1), other = one(c, 2);
	struct fingerprint a, b, d;
	struct fingerprint_scores s;
	struct nn_weight *w;
	double blur;

	ck_ok(c, fingerprint_take(c, owner.g, &p, &a));
	p.answer = a.answer;
	ck_ok(c, fingerprint_take(c, other.g, &p, &d));
	ck_ok(c, fingerprint_compare(c, &a, &a, &s));
	NEAR(s.taylor, 1, 1e-6);
	NEAR(s.epsilon, 1, 1e-6);
	NEAR(s.top, 1, 1e-6);
	ck_ok(c, fingerprint_compare(c, &a, &d, &s));
	ck_assert_double_lt(s.epsilon, .6);
	ck_assert_double_lt(s.taylor, .8);
	/* A hundredth more or less of each weight. */
	w = nn_weight_by_name(owner.g, STR("d"));
	for (int64_t i = 0; i < w->count; i++)
		w->data[i] *= i % 2 == 0 ? 1.01F : .99F;
	nn_graph_changed(owner.g);
	ck_ok(c, fingerprint_take(c, owner.g, &p, &b));
	ck_ok(c, fingerprint_compare(c, &a, &b, &s));
	ck_assert_double_gt(s.epsilon, .95);
	ck_assert_double_gt(s.taylor, .95);
	ck_ok(c, fingerprint_blur(c, owner.g, &p, &blur));
	ck_assert(blur > 0 && blur < 1);
	nn_graph_free(&owner.g);
	nn_graph_free(&other.g);
}
END_TEST

START_TEST(maps_are_scaled)
{
	struct ctx *c = test_ctx();
	struct fingerprint_probes p = probes(c);
	struct net owner = one(c, 1);
	struct fingerprint a;

	ck_ok(c, fingerprint_take(c, owner.g, &p, &a));
	for (int i = 0; i < PROBES; i++) {
		double sum = 0, most = 0;

		for (int k = 0; k < SIDE * SIDE; k++) {
			sum += (double)a.taylor[i * SIDE * SIDE + k];
			most = fmax(most, fabs((double)a.epsilon[i * SIDE * SIDE + k]));
			ck_assert_float_ge(a.taylor[i * SIDE * SIDE + k], -1e-6F);
		}
		NEAR(sum, 1, 1e-4);
		NEAR(most, 1, 1e-6);
		ck_assert_float_lt(a.lost[0][i], 1e-3F);
	}
	nn_graph_free(&owner.g);
}
END_TEST

/* ---- Bytes --------------------------------------------------------------------------------- */

START_TEST(bytes_come_back_and_others_do_not)
{
	struct ctx *c = test_ctx();
	struct fingerprint_probes p = probes(c);
	struct net owner = one(c, 1);
	struct fingerprint a, b;
	struct fingerprint_scores s;
	struct str bytes;
	char *copy;

	ck_ok(c, fingerprint_take(c, owner.g, &p, &a));
	ck_ok(c, fingerprint_file_put(c, &a, &bytes));
	ck_ok(c, fingerprint_file_read(c, bytes, &b));
	ck_ok(c, fingerprint_compare(c, &a, &b, &s));
	NEAR(s.epsilon, 1, 1e-6);
	ck_assert_mem_eq(a.taylor, b.taylor, PROBES * SIDE * SIDE * sizeof(float));
	for (size_t n = 0; n < bytes.n; n += 97)
		ck_fails(c, E_INPUT, fingerprint_file_read(c, (struct str){ bytes.p, n }, &b));
	copy = take(c, bytes.n);
	memcpy(copy, bytes.p, bytes.n);
	for (int i = 4; i < 20; i++) { /* sizes that the bytes do not have */
		copy[i] = (char)(copy[i] ^ 0x41);
		ck_fails(
		    c, E_INPUT, fingerprint_file_read(c, (struct str){ copy, bytes.n }, &b));
		copy[i] = (char)(copy[i] ^ 0x41);
	}
	nn_graph_free(&owner.g);
}
END_TEST

START_TEST(what_does_not_fit_is_refused)
{
	struct ctx *c = test_ctx();
	struct fingerprint_probes p = probes(c);
	struct net owner = one(c, 1);
	const int32_t far[PROBES] = { 0, 1, 5 };
	struct fingerprint a;

	p.answer = far;
	ck_fails(c, E_INPUT, fingerprint_take(c, owner.g, &p, &a));
	p.answer = NULL;
	p.width = 9;
	ck_fails(c, E_INPUT, fingerprint_take(c, owner.g, &p, &a));
	p.width = SIDE;
	p.n = 0;
	ck_fails(c, E_INPUT, fingerprint_take(c, owner.g, &p, &a));
	nn_graph_free(&owner.g);
}
END_TEST

MAIN("fingerprint", ONE(likeness_is_as_defined), ONE(numbers_that_are_none_have_a_rank),
    ONE(blank_maps_are_no_likeness), ONE(structure_of_flat_pictures),
    ONE(copies_are_alike_and_strangers_are_not), ONE(maps_are_scaled),
    ONE(bytes_come_back_and_others_do_not), ONE(what_does_not_fit_is_refused))
