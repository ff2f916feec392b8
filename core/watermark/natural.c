/*
 * Natural-looking pictures out of a seed: a small world with ground, sky and sun, a few bodies with
 * texture standing in it, and a camera that looks at one of them. Each pixel follows rays through
 * its area to what they meet first, and from there to the sun. What the seed decides: everything.
 */
#include <math.h>

#include "natural.h"

enum { RAYS = 3 };                     /* a pixel's side is cut into so many */
enum { CONTRAST = 30, LOOKS_MAX = 8 }; /* least deviation of samples; tries */
#define FAR 1e9
#define NEAR 1e-4

/* ---- Texture ----------------------------------------------------------------------------- */

/* A number in [0, 1) for a point of the lattice. */
static double
lattice(uint64_t seed, int64_t x, int64_t y, int64_t z)
{
	struct chance r = chance_of(seed, CHANCE_PICTURE, (uint64_t)x * 73856093 + (uint64_t)y,
	    (uint64_t)z * 19349663 + 1);

	return chance_unit(&r);
}

static double
smooth(double t)
{
	return t * t * (3 - 2 * t);
}

static double
mix(double a, double b, double t)
{
	return a + (b - a) * t;
}

/* Between the eight corners around the point. */
static double
noise(uint64_t seed, struct vec p)
{
	double fx = floor(p.x), fy = floor(p.y), fz = floor(p.z);
	int64_t x = (int64_t)fx, y = (int64_t)fy, z = (int64_t)fz;
	double tx = smooth(p.x - fx), ty = smooth(p.y - fy), side[2];

	for (int64_t k = 0; k < 2; k++)
		side[k] = mix(
		    mix(lattice(seed, x, y, z + k), lattice(seed, x + 1, y, z + k), tx),
		    mix(lattice(seed, x, y + 1, z + k), lattice(seed, x + 1, y + 1, z + k), tx),
		    ty);
	return mix(side[0], side[1], smooth(p.z - fz));
}

/* Coarse and fine noise, the fine weaker: 0 to 1. */
static double
grain(uint64_t seed, struct vec p)
{
	double sum = 0, weight = .5;

	for (uint64_t octave = 0; octave < 4; octave++, weight /= 2) {
		sum += weight * noise(seed + octave, p);
		p = vec_scaled(p, 2.03);
	}
	return sum / (1 - 2 * weight);
}

static struct vec
coloured(const struct skin *s, struct vec p)
{
	double t = grain(s->seed, vec_scaled(p, s->fine));

	if (s->stripes > 0)
		t = .5 + .5 * sin(s->stripes * p.x + 6 * t);
	return vec_mix(s->a, s->b, smooth(fmin(fmax(1.8 * t - .4, 0), 1)));
}

/* ---- Bodies ------------------------------------------------------------------------------ */

/* Into a body's own frame, in which it is a unit sphere or a unit cube. */
static struct vec
into(const struct body *b, struct vec v, bool is_point)
{
	double c = cos(b->yaw), s = sin(b->yaw);

	if (is_point)
		v = vec_minus(v, b->at);
	return (struct vec){ (c * v.x + s * v.z) / b->size.x, v.y / b->size.y,
		(c * v.z - s * v.x) / b->size.z };
}

/* A normal of the frame as one of the world. */
static struct vec
out_of(const struct body *b, struct vec n)
{
	double c = cos(b->yaw), s = sin(b->yaw);

	n = (struct vec){ n.x / b->size.x, n.y / b->size.y, n.z / b->size.z };
	return vec_unit((struct vec){ c * n.x - s * n.z, n.y, s * n.x + c * n.z });
}

/* Where the ray enters the sphere; FAR if it misses. */
static double
meet_sphere(struct vec o, struct vec d, struct vec *normal)
{
	double a = vec_dot(d, d), b = vec_dot(o, d), root = b * b - a * (vec_dot(o, o) - 1), t;

	if (root < 0)
		return FAR;
	t = (-b - sqrt(root)) / a;
	*normal = vec_plus(o, vec_scaled(d, t));
	return t;
}

static double
meet_cube(struct vec o, struct vec d, struct vec *normal)
{
	const double from[3] = { o.x, o.y, o.z }, way[3] = { d.x, d.y, d.z };
	double in = -FAR, out = FAR, n[3] = { 0 };
	int side = 0;

	for (int i = 0; i < 3; i++) {
		double step = fabs(way[i]) < 1e-12 ? 1e-12 : way[i];
		double near = (-copysign(1, step) - from[i]) / step;
		double far = (copysign(1, step) - from[i]) / step;

		side = near > in ? i : side;
		in = fmax(in, near);
		out = fmin(out, far);
	}
	n[side] = -copysign(1, way[side]);
	*normal = (struct vec){ n[0], n[1], n[2] };
	return in < out ? in : FAR;
}

/* The first body on the ray, -1 for none. */
static int
meet(const struct scene *s, struct vec o, struct vec d, double *ret_t, struct vec *ret_normal)
{
	int found = -1;

	*ret_t = FAR;
	for (int i = 0; i < s->bodies; i++) {
		const struct body *b = &s->body[i];
		struct vec n = { 0 }, from = into(b, o, true), way = into(b, d, false);
		double t = b->is_cube ? meet_cube(from, way, &n) : meet_sphere(from, way, &n);

		if (t < NEAR || t >= *ret_t)
			continue;
		found = i;
		*ret_t = t;
		*ret_normal = out_of(b, n);
	}
	return found;
}

/* ---- Light ------------------------------------------------------------------------------- */

static struct vec
sky(const struct scene *s, struct vec d)
{
	double up = fmin(fmax(d.y * 2, 0), 1);
	struct vec at = { d.x / (d.y + .3), 0, d.z / (d.y + .3) };
	double cloud = smooth(
	    fmin(fmax(2.5 * grain(s->seed, vec_scaled(at, 2)) - s->clear, 0), 1));

	return vec_mix(vec_mix(s->haze, s->zenith, up), (struct vec){ .95, .95, .95 }, cloud);
}

static struct vec
lit(const struct scene *s, struct vec p, struct vec normal, struct vec colour)
{
	double t, sun = fmax(vec_dot(normal, s->sun), 0);
	struct vec n, from = vec_plus(p, vec_scaled(normal, 1e-3));

	if (sun > 0 && meet(s, from, s->sun, &t, &n) >= 0)
		sun = 0;
	return vec_scaled(colour, s->shade * (.7 + .3 * normal.y) + (1 - s->shade) * sun * 1.3);
}

static struct vec
seen(const struct scene *s, struct vec d)
{
	double t, ground = d.y < -1e-6 ? -s->eye.y / d.y : FAR;
	struct vec normal = { 0, 1, 0 }, n = { 0 }, p;
	int i = meet(s, s->eye, d, &t, &n);

	if (i >= 0 && t < ground) {
		p = vec_plus(s->eye, vec_scaled(d, t));
		return lit(s, p, n, coloured(&s->body[i].skin, p));
	}
	if (ground >= FAR)
		return sky(s, d);
	p = vec_plus(s->eye, vec_scaled(d, ground));
	return vec_mix(
	    lit(s, p, normal, coloured(&s->ground, p)), s->haze, 1 - exp(-ground / 40));
}

/* ---- The picture ------------------------------------------------------------------------- */

/* The mean over the rays through one pixel. */
static struct vec
pixel(const struct scene *s, int x, int y, int width, int height)
{
	double side = width < height ? width : height;
	struct vec sum = { 0 };

	for (int i = 0; i < RAYS * RAYS; i++) {
		double u = (x + (i % RAYS + .5) / RAYS - width / 2.0) / side;
		double v = (height / 2.0 - y - (i / RAYS + .5) / RAYS) / side;
		struct vec d = vec_plus(s->ahead,
		    vec_plus(
			vec_scaled(s->right, u * s->wide), vec_scaled(s->up, v * s->wide)));

		sum = vec_plus(sum, seen(s, vec_unit(d)));
	}
	return vec_scaled(sum, 1.0 / (RAYS * RAYS));
}

static uint8_t
sample(double light, double grey)
{
	double v = 255 * pow(fmin(fmax(light, 0), 1), 1 / 1.6) + grey;

	return (uint8_t)(v < 0 ? 0 : v > 255 ? 255 : v + .5);
}

static void
take_picture(uint64_t seed, const struct scene *s, const struct image *to)
{
	struct chance r = chance_of(seed, CHANCE_PICTURE, 1, 0);

	for (int at = 0; at < to->width * to->height; at++) {
		struct vec p = pixel(s, at % to->width, at / to->width, to->width, to->height);
		double light[3] = { p.x, p.y, p.z };

		if (to->channels == 1)
			light[0] = .299 * p.x + .587 * p.y + .114 * p.z;
		for (int k = 0; k < to->channels; k++)
			to->v[at * to->channels + k] = sample(
			    s->gain * light[k], 1.5 * chance_normal(&r));
	}
}

static double
contrast(const struct image *i)
{
	double sum = 0, squares = 0, n = (double)image_bytes(i);

	for (size_t k = 0; k < image_bytes(i); k++) {
		sum += i->v[k];
		squares += i->v[k] * i->v[k];
	}
	return sqrt(fmax(squares / n - sum / n * (sum / n), 0));
}

/* A camera that stands before a wall is moved. */
bool
natural_picture(
    struct ctx *c, uint64_t seed, int width, int height, int channels, struct image *ret)
{
	struct image i;
	int look = 0;

	if (!image_new(c, width, height, channels, &i))
		return false;
	do {
		struct scene s;

		scene_of(seed, look, &s);
		take_picture(seed, &s, &i);
	} while (contrast(&i) < CONTRAST && look++ < LOOKS_MAX);
	*ret = i;
	return true;
}
