/*
 * A picture as a camera would see it: turned about its centre and set nearer or farther, dimmed,
 * out of focus, and with noise that follows from a seed.
 */
#include <math.h>

#include "parts.h"

/* ---- Randomness -------------------------------------------------------------------------- */

/* splitmix64 (Steele, Lea, Flood 2014). */
static uint64_t
bits(uint64_t *state)
{
	uint64_t z = *state += UINT64_C(0x9e3779b97f4a7c15);

	z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
	return z ^ (z >> 31);
}

static double
between(uint64_t *state, double low, double high)
{
	return low + (high - low) * ((double)(bits(state) >> 11) * 0x1p-53);
}

/*
 * Deviation 1, as normal as can be seen: how many of 64 coins show heads, with the steps between
 * filled evenly.
 */
static double
normal(uint64_t *state)
{
	static const double scale = 0.24935149047701483; /* 1 / sqrt(64/4 + 1/12) */
	const int heads = __builtin_popcountll(bits(state));

	return (heads - 32 + between(state, -.5, .5)) * scale;
}

/* ---- Turned and set nearer --------------------------------------------------------------- */

/* The picture plane in front of the camera; lengths in units of the camera's distance. */
struct plane {
	double r[3][2];     /* where its two axes point */
	double near;        /* 1 / scale */
	double focus, x, y; /* in pixels: focal length, centre */
};

/* Rz(roll) Ry(yaw) Rx(pitch), its first two columns. */
static struct plane
plane_of(const struct image *i, const struct image_view *v)
{
	const double a = v->roll * M_PI / 180, b = v->yaw * M_PI / 180,
		     g = v->pitch * M_PI / 180;
	const double ca = cos(a), sa = sin(a), cb = cos(b), sb = sin(b), cg = cos(g),
		     sg = sin(g);

	return (struct plane){
		.r = { { ca * cb, ca * sb * sg - sa * cg }, { sa * cb, sa * sb * sg + ca * cg },
		    { -sb, cb * sg } },
		.near = 1 / v->scale,
		.focus = 1.2 * (i->width > i->height ? i->width : i->height),
		.x = i->width / 2.0,
		.y = i->height / 2.0,
	};
}

/* Which place of the picture is seen in the middle of pixel (x, y). */
static void
plane_seen(const struct plane *p, int x, int y, double *ret_x, double *ret_y)
{
	const double u = (x + .5 - p->x) / p->focus, v = (y + .5 - p->y) / p->focus;
	const double xx = p->r[0][0] - u * p->r[2][0], xy = p->r[0][1] - u * p->r[2][1];
	const double yx = p->r[1][0] - v * p->r[2][0], yy = p->r[1][1] - v * p->r[2][1];
	const double f = p->near * p->focus / (xx * yy - xy * yx);

	*ret_x = (u * yy - v * xy) * f + p->x - .5;
	*ret_y = (v * xx - u * yx) * f + p->y - .5;
}

/* Within 0 to most, whatever it was. */
static double
held(double v, int most)
{
	return v > 0 ? v < most ? v : most : 0;
}

static void
turn(const struct image *from, const struct image_view *v, const struct image *to)
{
	const struct plane p = plane_of(from, v);
	const size_t step = (size_t)from->channels, row = step * (size_t)from->width;
	uint8_t *out = to->v;

	for (int y = 0; y < to->height; y++)
		for (int x = 0; x < to->width; x++, out += step) {
			double fx, fy;
			const uint8_t *at;
			size_t right, down;

			plane_seen(&p, x, y, &fx, &fy);
			fx = held(fx, from->width - 1);
			fy = held(fy, from->height - 1);
			at = from->v + (size_t)fy * row + (size_t)fx * step;
			right = (int)fx < from->width - 1 ? step : 0;
			down = (int)fy < from->height - 1 ? row : 0;
			fx -= (int)fx;
			fy -= (int)fy;
			for (size_t k = 0; k < step; k++) {
				double above = at[k] + (at[k + right] - at[k]) * fx;
				double below = at[k + down] +
				    (at[k + down + right] - at[k + down]) * fx;

				out[k] = sample_of(above + (below - above) * fy);
			}
		}
}

/* ---- Out of focus ------------------------------------------------------------------------ */

enum { BLUR_MAX = 30 }; /* pixels to each side */

/* One line of samples, `step` apart, its ends repeated. */
static void
blur_line(uint8_t *v, int n, size_t step, const double *weight, int reach)
{
	uint8_t line[IMAGE_SIDE_MAX + 2 * BLUR_MAX];

	memset(line, v[0], (size_t)reach);
	for (int i = 0; i < n; i++)
		line[reach + i] = v[(size_t)i * step];
	memset(line + reach + n, line[reach + n - 1], (size_t)reach);
	for (int i = 0; i < n; i++) {
		double sum = 0;

		for (int k = 0; k <= 2 * reach; k++)
			sum += weight[k] * line[i + k];
		v[(size_t)i * step] = sample_of(sum);
	}
}

static void
blur(const struct image *i, double deviation)
{
	const size_t step = (size_t)i->channels, row = step * (size_t)i->width;
	const int reach = deviation < BLUR_MAX / 3 ? (int)ceil(3 * deviation) : BLUR_MAX;
	double weight[2 * BLUR_MAX + 1], sum = 0;

	for (int k = 0; k <= 2 * reach; k++) {
		double d = (k - reach) / deviation;

		sum += weight[k] = exp(-d * d / 2);
	}
	for (int k = 0; k <= 2 * reach; k++)
		weight[k] /= sum;
	for (size_t k = 0; k < step; k++) {
		for (size_t y = 0; y < (size_t)i->height; y++)
			blur_line(i->v + y * row + k, i->width, step, weight, reach);
		for (size_t x = 0; x < (size_t)i->width; x++)
			blur_line(i->v + x * step + k, i->height, row, weight, reach);
	}
}

/* ---- Light and noise --------------------------------------------------------------------- */

static void
expose(const struct image *i, const struct image_view *v, uint64_t seed)
{
	const size_t n = image_bytes(i);
	double level[256];
	uint8_t plain[256];

	for (int k = 0; k < 256; k++) {
		double lit = v->gamma > 0 && v->gamma != 1 ? pow(k / 255.0, v->gamma) * 255 : k;

		level[k] = held(v->gain * lit + v->offset * 255, 255);
		plain[k] = sample_of(level[k]);
	}
	for (size_t k = 0; k < n; k++)
		i->v[k] = v->noise > 0
		    ? sample_of(level[i->v[k]] + v->noise * 255 * normal(&seed))
		    : plain[i->v[k]];
}

void
image_warp(
    const struct image *from, const struct image_view *v, uint64_t seed, const struct image *to)
{
	if (v->roll != 0 || v->yaw != 0 || v->pitch != 0 || v->scale != 1)
		turn(from, v, to);
	else
		memcpy(to->v, from->v, image_bytes(from));
	if (v->blur > 0)
		blur(to, v->blur);
	if (v->gain != 1 || v->offset != 0 || (v->gamma > 0 && v->gamma != 1) || v->noise > 0)
		expose(to, v, seed);
}

struct image_view
image_view_random(uint64_t seed)
{
	struct image_view v = { .scale = 1, .gain = 1 };
	const uint64_t coins = bits(&seed);

	if (coins & 1)
		v.scale = between(&seed, .5, 1.2);
	if (coins & 2)
		v.roll = between(&seed, -15, 15);
	if (coins & 4) {
		v.yaw = between(&seed, -30, 30);
		v.pitch = between(&seed, -30, 30);
	}
	if (coins & 8) {
		v.gain = between(&seed, .6, 1.4);
		v.offset = between(&seed, -.05, .05);
	}
	if (coins & 16)
		v.noise = between(&seed, 0, .05);
	return v;
}
