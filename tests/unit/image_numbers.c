/*
 * What is computed on pictures: cosine transforms against their definition and published figures,
 * colours, and the camera's view.
 */
#include <math.h>

#include "image_files.h"

/* ---- Cosine transforms ------------------------------------------------------------------- */

enum { SIDE_MAX = 64, BLOCK_MAX = SIDE_MAX * SIDE_MAX };

static const int sides[] = { 2, 3, 4, 7, 8, 13, 28, 32, 63, 64 };

static double
weight(int u, int side)
{
	return sqrt((u == 0 ? 1.0 : 2.0) / side);
}

/* The definition, term by term. */
static double
coefficient(int side, const double *p, int u, int v)
{
	double sum = 0;

	for (int x = 0; x < side; x++)
		for (int y = 0; y < side; y++)
			sum += p[x * side + y] * cos((2 * x + 1) * u * M_PI / (2 * side)) *
			    cos((2 * y + 1) * v * M_PI / (2 * side));
	return sum * weight(u, side) * weight(v, side);
}

static void
block(struct ctx *c, int side, double *ret)
{
	const struct image i = picture(c, side, side, 1);

	for (int k = 0; k < side * side; k++)
		ret[k] = i.v[k];
}

START_TEST(dct_is_its_definition)
{
	struct ctx *c = test_ctx();
	static double p[BLOCK_MAX], got[BLOCK_MAX];
	const int side = sides[_i];

	block(c, side, p);
	image_dct(side, p, got);
	for (int u = 0; u<side; u += side> 16 ? 5 : 1)
		for (int v = 0; v<side; v += side> 16 ? 3 : 1)
			ck_assert_double_eq_tol(
			    got[u * side + v], coefficient(side, p, u, v), 1e-9);
}
END_TEST

/* There and back, in place and not, gives the samples; the transform keeps their energy. */
START_TEST(dct_comes_back)
{
	struct ctx *c = test_ctx();
	static double p[BLOCK_MAX], q[BLOCK_MAX], there[BLOCK_MAX];
	const int side = sides[_i];
	double before = 0, after = 0;

	block(c, side, p);
	memcpy(q, p, sizeof q);
	image_dct(side, p, there);
	image_dct(side, q, q);
	ck_assert_mem_eq(q, there, (size_t)(side * side) * sizeof *q);
	image_dct_back(side, q, q);
	for (int k = 0; k < side * side; k++) {
		ck_assert_double_eq_tol(q[k], p[k], 1e-10);
		ck_assert(floor(q[k] + .5) == p[k]);
		before += p[k] * p[k];
		after += there[k] * there[k];
	}
	ck_assert_double_eq_tol(before, after, before * 1e-13);
}
END_TEST

/* A added to k coefficients of a block: mean square k A^2 / side^2 on that channel. */
static const struct {
	int side, k;
	double a, mse, psnr, psnr3;
} added[] = {
	{ 32, 2, 30, 1.7578, 45.68, 50.45 },
	{ 8, 1, 30, 14.0625, 36.65, 41.42 },
	{ 8, 1, 20, 6.25, 40.17, 44.94 },
};

START_TEST(dct_figures)
{
	static double p[BLOCK_MAX], q[BLOCK_MAX];
	struct ctx *c = test_ctx();
	const int side = added[_i].side;
	double sum = 0;

	block(c, side, p);
	image_dct(side, p, q);
	for (int k = 0; k < added[_i].k; k++)
		q[(side / 2 + k) * side + side / 2 - 1] += added[_i].a;
	image_dct_back(side, q, q);
	for (int k = 0; k < side * side; k++)
		sum += (p[k] - q[k]) * (p[k] - q[k]);
	sum /= side * side;
	ck_assert_double_eq_tol(sum, added[_i].mse, 5e-5);
	ck_assert_double_eq_tol(10 * log10(255 * 255 / sum), added[_i].psnr, 5e-3);
	ck_assert_double_eq_tol(10 * log10(3 * 255 * 255 / sum), added[_i].psnr3, 5e-3);
}
END_TEST

/* ---- Colours ----------------------------------------------------------------------------- */

static const struct {
	double rgb[3], ycc[3];
} colours[] = {
	{ { 0, 0, 0 }, { 0, 128, 128 } },
	{ { 255, 255, 255 }, { 255, 128, 128 } },
	{ { 255, 0, 0 }, { 76.245, 84.97213, 255.5 } },
	{ { 0, 255, 0 }, { 149.685, 43.52788, 21.23466 } },
	{ { 0, 0, 255 }, { 29.07, 255.5, 107.26534 } },
};

START_TEST(colours_change)
{
	double got[3], back[3];

	image_to_ycc(colours[_i].rgb, got);
	memcpy(back, got, sizeof back);
	image_to_rgb(back, back);
	for (int k = 0; k < 3; k++) {
		ck_assert_double_eq_tol(got[k], colours[_i].ycc[k], 1e-3);
		ck_assert_double_eq_tol(back[k], colours[_i].rgb[k], 1e-10);
	}
}
END_TEST

/* ---- The camera -------------------------------------------------------------------------- */

#define STILL .scale = 1, .gain = 1

static const int shapes[][3] = { { 28, 28, 1 }, { 32, 32, 3 }, { 1, 1, 1 }, { 50, 3, 3 } };

static struct image
seen(struct ctx *c, const struct image *from, struct image_view v, uint64_t seed)
{
	struct image to;

	ck_ok(c, image_new(c, from->width, from->height, from->channels, &to));
	image_warp(from, &v, seed, &to);
	return to;
}

START_TEST(nothing_happens)
{
	struct ctx *c = test_ctx();
	const struct image from = picture(c, shapes[_i][0], shapes[_i][1], shapes[_i][2]);
	/* The last two go the whole way round. */
	static const struct image_view views[] = { { STILL }, { STILL, .gamma = 1 },
		{ STILL, .roll = 360 }, { STILL, .roll = 1e-13, .yaw = 1e-13 } };

	for (size_t k = 0; k < COUNT(views); k++) {
		struct image to = seen(c, &from, views[k], 7);

		ck_assert_mem_eq(to.v, from.v, image_bytes(&from));
	}
}
END_TEST

/* A right angle moves every sample to where its corner goes. */
START_TEST(right_angles)
{
	struct ctx *c = test_ctx();
	const struct image from = picture(c, 17, 17, 3);
	struct image to = seen(c, &from, (struct image_view){ STILL, .roll = 90 }, 0);

	for (int y = 0; y < 17; y++)
		for (int x = 0; x < 17; x++)
			ck_assert_mem_eq(
			    to.v + 3 * (17 * y + x), from.v + 3 * (17 * (16 - x) + y), 3);
	to = seen(c, &from, (struct image_view){ STILL, .roll = 180 }, 0);
	for (int k = 0; k < 17 * 17; k++)
		ck_assert_mem_eq(to.v + 3 * k, from.v + 3 * (17 * 17 - 1 - k), 3);
}
END_TEST

/*
 * Nearer by 2: sample x lies where (x + 1/2 - w/2) / 2 + w/2 - 1/2 was; a slope becomes half as
 * steep, exactly, as bilinear interpolation keeps slopes.
 */
START_TEST(nearer)
{
	struct ctx *c = test_ctx();
	struct image from, to;

	ck_ok(c, image_new(c, 32, 32, 1, &from));
	for (int k = 0; k < 32 * 32; k++)
		from.v[k] = (uint8_t)(4 * (k % 32) + 2 * (k / 32));
	to = seen(c, &from, (struct image_view){ .scale = 2, .gain = 1 }, 0);
	for (int y = 0; y < 32; y++)
		for (int x = 0; x < 32; x++) {
			double sx = (x + .5 - 16) / 2 + 15.5, sy = (y + .5 - 16) / 2 + 15.5;

			ck_assert_double_eq_tol(to.v[32 * y + x], 4 * sx + 2 * sy, .5 + 1e-9);
		}
	/* Farther: the edge is repeated. */
	to = seen(c, &from, (struct image_view){ .scale = .5, .gain = 1 }, 0);
	ck_assert_int_eq(to.v[0], from.v[0]);
	ck_assert_int_eq(to.v[32 * 3 + 3], from.v[0]);
	ck_assert_int_eq(to.v[31], from.v[31]);
	ck_assert_int_eq(to.v[32 * 31 + 31], from.v[32 * 31 + 31]);
}
END_TEST

/* The homography of the description, by matrices, at one angle of each. */
START_TEST(as_described)
{
	struct ctx *c = test_ctx();
	const double a = 10 * M_PI / 180, b = 20 * M_PI / 180, g = -15 * M_PI / 180;
	const double z[3][3] = { { cos(a), -sin(a), 0 }, { sin(a), cos(a), 0 }, { 0, 0, 1 } };
	const double y[3][3] = { { cos(b), 0, sin(b) }, { 0, 1, 0 }, { -sin(b), 0, cos(b) } };
	const double x[3][3] = { { 1, 0, 0 }, { 0, cos(g), -sin(g) }, { 0, sin(g), cos(g) } };
	const double focus = 1.2 * 64;
	double zy[3][3] = { 0 }, r[3][3] = { 0 };
	struct image from, to;

	for (int i = 0; i < 27; i++)
		zy[i / 9][i / 3 % 3] += z[i / 9][i % 3] * y[i % 3][i / 3 % 3];
	for (int i = 0; i < 27; i++)
		r[i / 9][i / 3 % 3] += zy[i / 9][i % 3] * x[i % 3][i / 3 % 3];
	ck_ok(c, image_new(c, 64, 48, 1, &from));
	for (int k = 0; k < 64 * 48; k++)
		from.v[k] = (uint8_t)(2 * (k % 64) + k / 64);
	to = seen(c, &from,
	    (struct image_view){ .scale = .8, .gain = 1, .roll = 10, .yaw = 20, .pitch = -15 },
	    0);
	/* Each place of the picture is seen where the matrix sends it. */
	for (int py = 8; py < 40; py++)
		for (int px = 8; px < 56; px++) {
			const double u = (px + .5 - 32) / focus, v = (py + .5 - 24) / focus;
			const double w = r[2][0] * u + r[2][1] * v + 1 / .8;
			const double sx = (r[0][0] * u + r[0][1] * v) / w * focus + 31.5;
			const double sy = (r[1][0] * u + r[1][1] * v) / w * focus + 23.5;
			const int nx = (int)floor(sx), ny = (int)floor(sy);
			const uint8_t *at = to.v + 64 * ny + nx;
			const double fx = sx - nx, fy = sy - ny;
			const double got = at[0] * (1 - fx) * (1 - fy) + at[1] * fx * (1 - fy) +
			    at[64] * (1 - fx) * fy + at[65] * fx * fy;

			ck_assert_double_eq_tol(got, 2 * px + py, 1);
		}
}
END_TEST

START_TEST(light)
{
	struct ctx *c = test_ctx();
	struct image from, to;

	ck_ok(c, image_new(c, 16, 16, 1, &from));
	for (int k = 0; k < 256; k++)
		from.v[k] = (uint8_t)k;
	to = seen(c, &from, (struct image_view){ .scale = 1, .gain = 1.4, .offset = -.05 }, 0);
	for (int k = 0; k < 256; k++) {
		double want = fmin(fmax(1.4 * k - .05 * 255, 0), 255);

		ck_assert_double_eq_tol(to.v[k], want, .5 + 1e-9);
	}
	to = seen(c, &from, (struct image_view){ STILL, .gamma = 1.2 }, 0);
	for (int k = 0; k < 256; k++)
		ck_assert_double_eq_tol(to.v[k], 255 * pow(k / 255.0, 1.2), .5 + 1e-9);
}
END_TEST

/* A point becomes the bell that its deviation says; a plain picture stays. */
START_TEST(out_of_focus)
{
	struct ctx *c = test_ctx();
	struct image from, to;
	double sum = 0, spread = 0;

	ck_ok(c, image_new(c, 33, 33, 1, &from));
	for (int y = 14; y < 19; y++)
		memset(from.v + 33 * y + 14, 250, 5);
	to = seen(c, &from, (struct image_view){ STILL, .blur = 2 }, 0);
	for (int k = 0; k < 33 * 33; k++) {
		sum += to.v[k];
		spread += to.v[k] * (k % 33 - 16.0) * (k % 33 - 16.0);
	}
	ck_assert_double_eq_tol(sum, 250 * 25, 250);
	ck_assert_double_eq_tol(spread / sum, 2 * 2 + 2, .3); /* the square's own is 2 */
	memset(from.v, 77, 33 * 33);
	to = seen(c, &from, (struct image_view){ STILL, .blur = 100 }, 0);
	ck_assert_mem_eq(to.v, from.v, 33 * 33);
}
END_TEST

START_TEST(noise)
{
	struct ctx *c = test_ctx();
	const struct image_view v = { STILL, .noise = .05 };
	double sum = 0, squares = 0, fourth = 0;
	struct image from, to, again, other;
	size_t n;

	ck_ok(c, image_new(c, 200, 200, 3, &from));
	n = image_bytes(&from);
	memset(from.v, 128, n);
	to = seen(c, &from, v, 5);
	again = seen(c, &from, v, 5);
	other = seen(c, &from, v, 6);
	ck_assert_mem_eq(to.v, again.v, n);
	ck_assert_mem_ne(to.v, other.v, n);
	for (size_t k = 0; k < n; k++) {
		double d = to.v[k] - 128.0;

		sum += d;
		squares += d * d;
		fourth += d * d * d * d;
	}
	ck_assert_double_eq_tol(sum / (double)n, 0, .15);
	ck_assert_double_eq_tol(sqrt(squares / (double)n), .05 * 255, .1);
	ck_assert_double_eq_tol(fourth * (double)n / squares / squares, 3, .1);
}
END_TEST

/* Whatever is asked for, nothing is read beside the picture: the sanitizers would see. */
START_TEST(odd_views)
{
	struct ctx *c = test_ctx();
	static const struct image_view odd[] = { { .scale = 0 }, { .scale = -1, .gain = 1 },
		{ .scale = 1e300, .gain = 1e300 }, { .scale = 1, .yaw = 90, .gain = -1 },
		{ .scale = 1, .yaw = 89.9, .pitch = 89.9, .roll = 1e9, .gain = 1 },
		{ .scale = (double)NAN, .roll = (double)NAN, .gain = (double)NAN, .noise = 1 },
		{ .scale = (double)INFINITY, .gain = 1, .blur = 1e-9 },
		{ STILL, .blur = 1e9, .gamma = 1e9, .noise = 1e9 } };

	for (size_t k = 0; k < COUNT(odd); k++)
		for (size_t s = 0; s < COUNT(shapes); s++) {
			const struct image from = picture(
			    c, shapes[s][0], shapes[s][1], shapes[s][2]);

			(void)seen(c, &from, odd[k], 1);
		}
}
END_TEST

START_TEST(views_by_chance)
{
	enum { N = 10000 };
	int far = 0, turned = 0, tilted = 0, lit = 0, noisy = 0, still = 0;

	for (uint64_t seed = 0; seed < N; seed++) {
		const struct image_view v = image_view_random(seed),
					w = image_view_random(seed);

		ck_assert_mem_eq(&v, &w, sizeof v);
		ck_assert(v.scale >= .5 && v.scale <= 1.2);
		ck_assert(fabs(v.roll) <= 15 && fabs(v.yaw) <= 30 && fabs(v.pitch) <= 30);
		ck_assert(v.gain >= .6 && v.gain <= 1.4 && fabs(v.offset) <= .05);
		ck_assert(v.noise >= 0 && v.noise <= .05 && v.blur == 0 && v.gamma == 0);
		far += v.scale != 1;
		turned += v.roll != 0;
		tilted += v.yaw != 0;
		lit += v.gain != 1;
		noisy += v.noise > 0;
		still += v.scale == 1 && v.roll == 0 && v.yaw == 0 && v.gain == 1 &&
		    v.noise == 0;
	}
	/* Half of them each, independently: four deviations are 200. */
	ck_assert_int_le(abs(far - N / 2), 200);
	ck_assert_int_le(abs(turned - N / 2), 200);
	ck_assert_int_le(abs(tilted - N / 2), 200);
	ck_assert_int_le(abs(lit - N / 2), 200);
	ck_assert_int_le(abs(noisy - N / 2), 200);
	ck_assert_int_le(abs(still - N / 32), 70);
}
END_TEST

MAIN("image_numbers", EACH(dct_is_its_definition, sides), EACH(dct_comes_back, sides),
    EACH(dct_figures, added), EACH(colours_change, colours), EACH(nothing_happens, shapes),
    ONE(right_angles), ONE(nearer), ONE(as_described), ONE(light), ONE(out_of_focus),
    ONE(noise), ONE(odd_views), ONE(views_by_chance))
