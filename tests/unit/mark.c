/*
 * Marks: what is hidden comes back, a customer's table leaves a mark of the promised strength, its
 * owner stands out and nobody else does, and the bound on an innocent's score holds and is tight.
 */
#include "test.h"

#include <float.h>
#include <math.h>

#include "mark.h"

static const struct key256 release = { { 4, 1, 2, 3 } };
static const struct mark_terms usual = { .log_l = 14, .kappa = .03 };
#define ID STR("rel_019c1a2b-0000-7000-8000-000000000001")

/* Normal numbers that repeat. */
static float *
normal(struct ctx *c, size_t n, uint32_t seed)
{
	struct prf s = prf_stream(&release, "normal", 0, seed);
	float *v = take(c, n * sizeof v[0]);

	for (size_t i = 0; i < n; i++)
		v[i] = (float)(sqrt(-2 * log(1 - prf_real(&s))) * cos(2 * M_PI * prf_real(&s)));
	ck_ok(c, prf_end(c, &s));
	return v;
}

static uint32_t *
master(struct ctx *c, const struct mark_terms *t)
{
	uint32_t *e = take(c, sizeof e[0] << t->log_l);

	ck_ok(c, mark_master(c, &release, t, e));
	return e;
}

static uint32_t *
table(struct ctx *c, const struct mark_terms *t, uint32_t customer)
{
	uint32_t *d = take(c, sizeof d[0] << t->log_l);

	ck_ok(c, mark_table(c, &release, t, customer, d));
	return d;
}

/* ---- Tables ------------------------------------------------------------------------------ */

START_TEST(strength_and_length_follow_the_weights)
{
	ck_assert_double_eq(mark_kappa(61470), .03);
	ck_assert_double_eq(mark_kappa(1000000), .02);
	ck_assert_double_eq(mark_kappa(100000000), .01);
	ck_assert_uint_eq(mark_log_l(1, .03), 14);
	ck_assert_uint_eq(mark_log_l(284444, .03), 14);
	ck_assert_uint_eq(mark_log_l(284445, .03), 15);
	ck_assert_uint_eq(mark_log_l(549984, .02), 14);
	ck_assert_uint_eq(mark_log_l(268435456, .01), 21);
	ck_assert_uint_eq(mark_log_l(UINT64_MAX, .01), MARK_LOG_MAX);
}
END_TEST

static const struct mark_terms terms[] = { { 14, .03 }, { 15, .02 }, { 16, .001 }, { 17, 1 },
	{ 18, .5 } };

/* D = E - G; G is of the promised spread, symmetric, bounded, and another for everybody. */
START_TEST(tables_are_what_they_should_be)
{
	struct ctx *c = test_ctx();
	const struct mark_terms *t = &terms[_i];
	size_t n = (size_t)1 << t->log_l;
	uint32_t *e = master(c, t), *d;
	int32_t *g = take(c, n * sizeof g[0]);
	double one = (double)(1 << MARK_ONE) * t->kappa / 2, sum = 0, squares = 0, most = 0;
	size_t wrong = 0;

	d = table(c, t, 7);
	ck_ok(c, mark_values(c, &release, t, 7, g));
	for (size_t i = 0; i < n; i++) {
		wrong += d[i] != e[i] - (uint32_t)g[i];
		most = fmax(most, fabs(g[i] / one));
		sum += g[i] / one;
		squares += g[i] / one * (g[i] / one);
	}
	ck_assert_uint_eq(wrong, 0);
	ck_assert_double_le(most, sqrt(6) + 1 / one);
	ck_assert_double_le(fabs(sum), 5 * sqrt((double)n));
	ck_assert_double_le(fabs(squares - (double)n), 5 * sqrt(1.4 * (double)n));
}
END_TEST

/* Every value is what lround makes of its draw, ties and all. */
START_TEST(values_are_rounded)
{
	struct ctx *c = test_ctx();
	const struct mark_terms *t = &terms[_i];
	size_t n = (size_t)1 << t->log_l;
	const double unit = t->kappa / 2 * sqrt(6) * (1 << MARK_ONE) / 65536;
	int32_t *g = take(c, n * sizeof g[0]);
	uint32_t *draw = take(c, n * sizeof draw[0]);
	owned(bulk_free) struct bulk *stream = NULL;
	struct key256 code;

	ck_ok(c, prf_subkey(c, &release, "code", &code));
	ck_ok(c, bulk_new(c, &code, "table", 0, 7, &stream));
	ck_ok(c, bulk_read(c, stream, draw, n * sizeof draw[0]));
	ck_ok(c, mark_values(c, &release, t, 7, g));
	for (size_t i = 0; i < n; i++) {
		long point = (long)(draw[i] & 0xffff) + (long)(draw[i] >> 16) - 65535;

		ck_assert_int_eq(g[i], lround(unit * (double)point));
	}
}
END_TEST

START_TEST(tables_differ)
{
	struct ctx *c = test_ctx();
	struct key256 other = { { 5 } }, a, b;
	uint32_t *one = table(c, &usual, 1), *two = table(c, &usual, 2), same = 0;
	uint32_t *apart = take(c, sizeof apart[0] << usual.log_l);

	ck_ok(c, mark_table(c, &other, &usual, 1, apart));
	for (size_t i = 0; i < (size_t)1 << usual.log_l; i++)
		same += (one[i] == two[i]) + (one[i] == apart[i]);
	ck_assert_uint_le(same, 20);
	ck_ok(c, mark_content_key(c, &release, &a));
	ck_ok(c, mark_content_key(c, &other, &b));
	ck_assert(!key256_same(&a, &b));
}
END_TEST

static const struct mark_terms bad_terms[] = { { 0, .03 }, { 13, .03 }, { 23, .03 }, { 14, 0 },
	{ 14, -1 }, { 14, 1.5 }, { 14, NAN }, { 14, INFINITY } };

START_TEST(terms_out_of_range_are_refused)
{
	struct ctx *c = test_ctx();
	struct mark_walk *w = NULL;
	struct mark_score s;
	uint32_t v[1];
	int32_t g[1];

	ck_fails(c, E_INPUT, mark_master(c, &release, &bad_terms[_i], v));
	ck_fails(c, E_INPUT, mark_table(c, &release, &bad_terms[_i], 1, v));
	ck_fails(c, E_INPUT, mark_values(c, &release, &bad_terms[_i], 1, g));
	ck_fails(c, E_INPUT, mark_walk_new(c, ID, &bad_terms[_i], v, &w));
	ck_fails(c, E_INPUT, mark_score(c, &release, &bad_terms[_i], 1, NULL, &s));
}
END_TEST

/* ---- The walk ---------------------------------------------------------------------------- */

/* The definition, bit by bit: fields of the keystream, the lowest bits first. */
static void
hide_slowly(
    struct ctx *c, const struct mark_terms *t, const uint32_t e[], uint32_t v[], size_t n)
{
	owned(bulk_free) struct bulk *s = NULL;
	size_t bytes = (n * MARK_TERMS * t->log_l + 7) / 8, bit = 0;
	uint8_t *fields = take(c, bytes);
	struct digest256 d;
	struct key256 k;

	ck_ok(c, sha256(c, ID, &d));
	memcpy(k.b, d.b, sizeof k.b);
	ck_ok(c, bulk_new(c, &k, "index", 0, 0, &s));
	ck_ok(c, bulk_read(c, s, fields, bytes));
	for (size_t i = 0; i < n; i++)
		for (int j = 0; j < MARK_TERMS; j++) {
			size_t at = 0;

			for (unsigned b = 0; b < t->log_l; b++, bit++)
				at |= (size_t)(fields[bit / 8] >> bit % 8 & 1) << b;
			v[i] += e[at];
		}
}

START_TEST(what_is_hidden_comes_back)
{
	enum { N = 10001 };
	static const size_t pieces[] = { 1, 3, 2047, 2048, 2049, 5000, N };
	struct ctx *c = test_ctx();
	const struct mark_terms *t = &terms[_i];
	uint32_t *e = master(c, t), *want = take(c, sizeof(uint32_t) * N);
	uint32_t *v = take(c, sizeof(uint32_t) * N);

	for (uint32_t i = 0; i < N; i++)
		want[i] = i * 2654435761U;
	hide_slowly(c, t, e, want, N);
	for (size_t i = 0; i < COUNT(pieces); i++) {
		owned(mark_walk_free) struct mark_walk *in = NULL, *out = NULL;

		for (uint32_t j = 0; j < N; j++)
			v[j] = j * 2654435761U;
		ck_ok(c, mark_walk_new(c, ID, t, e, &in));
		ck_ok(c, mark_walk_new(c, ID, t, e, &out));
		for (size_t at = 0, n; at < N; at += n) {
			n = N - at < pieces[i] ? N - at : pieces[i];
			ck_ok(c, mark_hide(c, in, v + at, n));
		}
		ck_assert_mem_eq(v, want, sizeof(uint32_t) * N);
		ck_ok(c, mark_show(c, out, v, N));
		for (uint32_t j = 0; j < N; j++)
			if (v[j] != j * 2654435761U)
				ck_abort_msg("word %u of %zu at a time", j, pieces[i]);
	}
}
END_TEST

/* ---- Fixed point ------------------------------------------------------------------------- */

static const struct {
	float w;
	double sigma;
	int32_t q;
} points[] = {
	{ 0, 1, 0 },
	{ -0.0F, 1, 0 },
	{ 1, 1, 1 << 20 },
	{ -1, 1, -(1 << 20) },
	{ .5F, .25, 2 << 20 },
	{ 2047, 1, 2047 << 20 },
	{ 2048, 1, 2047 << 20 },
	{ -1e30F, 1e-30, -(2047 << 20) },
	{ INFINITY, 1, 2047 << 20 },
	{ -INFINITY, 1, -(2047 << 20) },
	{ FLT_MIN, 1, 0 },
};

START_TEST(fixed_point_and_back)
{
	uint32_t q;
	float w;

	mark_fixed(&points[_i].w, 1, points[_i].sigma, &q);
	ck_assert_int_eq((int32_t)q, points[_i].q);
	mark_float(&q, 1, points[_i].sigma, &w);
	ck_assert_double_eq_tol((double)w, points[_i].q / 1048576. * points[_i].sigma, 1e-30);
}
END_TEST

START_TEST(fixed_point_is_near)
{
	enum { N = 10000 };
	struct ctx *c = test_ctx();
	float *w = normal(c, N, 1), *back = take(c, sizeof(float) * N), nan = NAN;
	uint32_t *q = take(c, sizeof(uint32_t) * N);

	mark_fixed(w, N, .7, q);
	mark_float(q, N, .7, back);
	for (size_t i = 0; i < N; i++)
		ck_assert_double_le(fabs((double)(back[i] - w[i])),
		    .7 / (2 << MARK_ONE) + fabs((double)w[i]) * FLT_EPSILON);
	mark_fixed(&nan, 1, 1, q); /* anything, but it ends */
}
END_TEST

/* ---- Tracing ----------------------------------------------------------------------------- */

struct suspect {
	float *d; /* deviations, in standard deviations of the weights */
	double *sums;
	double deviation;
};

/* The copy of one customer, or the mean of several, of n weights; `noise` added to it. */
static struct suspect
copy_of(struct ctx *c, const struct mark_terms *t, size_t n, const uint32_t customers[],
    size_t many, double noise)
{
	struct suspect s = { take(c, n * sizeof(float)), take(c, sizeof(double) << t->log_l),
		0 };
	owned(mark_walk_free) struct mark_walk *in = NULL, *again = NULL;
	float *w = normal(c, n, 1), *more = normal(c, n, 2),
	      *opened = take(c, n * sizeof(float));
	uint32_t *hidden = take(c, n * sizeof(uint32_t)), *q = take(c, n * sizeof(uint32_t));

	mark_fixed(w, n, 1, hidden);
	ck_ok(c, mark_walk_new(c, ID, t, master(c, t), &in));
	ck_ok(c, mark_hide(c, in, hidden, n));
	for (size_t k = 0; k < many; k++) {
		owned(mark_walk_free) struct mark_walk *out = NULL;

		memcpy(q, hidden, n * sizeof q[0]);
		ck_ok(c, mark_walk_new(c, ID, t, table(c, t, customers[k]), &out));
		ck_ok(c, mark_show(c, out, q, n));
		mark_float(q, n, 1, opened);
		for (size_t i = 0; i < n; i++)
			s.d[i] += (opened[i] - w[i]) / (float)many;
	}
	for (size_t i = 0; i < n; i++) {
		s.d[i] += (float)noise * more[i];
		s.deviation += (double)(s.d[i] * s.d[i]);
	}
	s.deviation = sqrt(s.deviation / (double)n);
	ck_ok(c, mark_walk_new(c, ID, t, NULL, &again));
	ck_ok(c, mark_gather(c, again, s.d, n / 3, s.sums));
	ck_ok(c, mark_gather(c, again, s.d + n / 3, n - n / 3, s.sums));
	return s;
}

/* A mark is of strength kappa; its owner stands out by sqrt(L) or so, and nobody else does. */
START_TEST(an_owner_stands_out)
{
	enum { N = 61470, INNOCENTS = 400 };
	static const uint32_t owner[] = { 3 };
	struct ctx *c = test_ctx();
	struct suspect s = copy_of(c, &usual, N, owner, 1, 0);
	double sum = 0, squares = 0, most = 0;
	struct mark_score score;

	ck_assert_double_eq_tol(s.deviation, usual.kappa, .02 * usual.kappa);
	ck_ok(c, mark_score(c, &release, &usual, 3, s.sums, &score));
	ck_assert_double_ge(score.z, 100);
	ck_assert_double_le(score.log_p, -3000);
	for (uint32_t u = 0; u < INNOCENTS; u++) {
		ck_ok(c, mark_score(c, &release, &usual, 1000 + u, s.sums, &score));
		ck_assert_double_le(score.log_p, 0);
		sum += score.z;
		squares += score.z * score.z;
		most = fmax(most, fabs(score.z));
	}
	ck_assert_double_le(most, 4.5);
	ck_assert_double_le(fabs(sum), 5 * sqrt(INNOCENTS));
	ck_assert_double_eq_tol(squares / INNOCENTS, 1, 5 * sqrt(2. / INNOCENTS));
}
END_TEST

START_TEST(the_mean_of_several_names_each)
{
	static const uint32_t owners[] = { 3, 4, 5, 6, 7, 8, 9, 10 };
	struct ctx *c = test_ctx();
	struct suspect s = copy_of(c, &usual, 61470, owners, COUNT(owners), .1);
	struct mark_score score;

	for (size_t i = 0; i < COUNT(owners); i++) {
		ck_ok(c, mark_score(c, &release, &usual, owners[i], s.sums, &score));
		ck_assert_double_ge(score.z, 6);
		ck_assert_double_le(score.log_p, -15);
	}
}
END_TEST

/* ln of the upper tail of the normal distribution. */
static double
log_tail(double z)
{
	return log(.5 * erfc(z / sqrt(2)));
}

/*
 * Where all sums weigh the same, the normal tail is all but exact: the bound has to lie above it,
 * by no more than Chernoff's bound gives away, which is 1 / (z sqrt(2 pi)).
 */
START_TEST(the_bound_holds_and_is_tight)
{
	struct ctx *c = test_ctx();
	size_t n = (size_t)1 << usual.log_l;
	double *a = take(c, n * sizeof a[0]);
	int32_t *g = take(c, n * sizeof g[0]);
	struct mark_score score;

	ck_ok(c, mark_values(c, &release, &usual, 1, g));
	for (double part = 0; part < .2; part += .005) {
		struct prf s = prf_stream(&release, "coin", 0, (uint32_t)(part * 1000));

		for (size_t i = 0; i < n; i++)
			a[i] = ((g[i] > 0) == (prf_real(&s) < .5 + part)) ? 1 : -1;
		ck_ok(c, prf_end(c, &s));
		ck_ok(c, mark_score(c, &release, &usual, 1, a, &score));
		if (score.z < 4) {
			ck_assert_double_le(score.log_p, 0);
			continue;
		}
		ck_assert_double_ge(score.log_p, -score.z * score.z / 2 * 1.01);
		ck_assert_double_ge(score.log_p, log_tail(score.z) * 1.01);
		ck_assert_double_le(score.log_p, -score.z * score.z / 2 * .97);
	}
	ck_assert_double_ge(score.z, 35);
}
END_TEST

/* One heavy sum: the score is bounded, and no z says more than the distribution allows. */
START_TEST(the_bound_knows_light_tails)
{
	struct ctx *c = test_ctx();
	size_t n = (size_t)1 << usual.log_l;
	double *a = take(c, n * sizeof a[0]);
	int most = 0;
	struct mark_score score;

	a[5] = 1;
	for (uint32_t u = 0; u < 4000; u++) {
		ck_ok(c, mark_score(c, &release, &usual, u, a, &score));
		ck_assert_double_le(fabs(score.z), 2.45);
		/* P(x1 + x2 >= s) = (1 - s)^2 / 2 for a triangle on [-1, 1] */
		most += score.z >= .9 * sqrt(6);
		ck_assert_double_le(score.log_p, 0);
	}
	ck_assert_int_le(abs(most - 20), 20);
}
END_TEST

START_TEST(nothing_to_trace_accuses_nobody)
{
	struct ctx *c = test_ctx();
	double *a = take(c, sizeof(double) << usual.log_l);
	struct mark_score score = { 1, 1 };

	ck_ok(c, mark_score(c, &release, &usual, 1, a, &score));
	ck_assert_double_eq(score.z, 0);
	ck_assert_double_eq(score.log_p, 0);
	a[3] = NAN;
	ck_fails(c, E_INPUT, mark_score(c, &release, &usual, 1, a, &score));
	a[3] = INFINITY;
	ck_fails(c, E_INPUT, mark_score(c, &release, &usual, 1, a, &score));
}
END_TEST

MAIN("mark", ONE(strength_and_length_follow_the_weights),
    EACH(tables_are_what_they_should_be, terms), EACH(values_are_rounded, terms),
    ONE(tables_differ), EACH(terms_out_of_range_are_refused, bad_terms),
    EACH(what_is_hidden_comes_back, terms), EACH(fixed_point_and_back, points),
    ONE(fixed_point_is_near), ONE(an_owner_stands_out), ONE(the_mean_of_several_names_each),
    ONE(the_bound_holds_and_is_tight), ONE(the_bound_knows_light_tails),
    ONE(nothing_to_trace_accuses_nobody))
