/*
 * The small world that natural-looking pictures are taken of: x to the right, y up, z ahead.
 */
#ifndef WATERMARK_NATURAL_H
#define WATERMARK_NATURAL_H

#include <math.h>

#include "parts.h"

struct vec {
	double x, y, z;
};

static inline struct vec
vec_plus(struct vec a, struct vec b)
{
	return (struct vec){ a.x + b.x, a.y + b.y, a.z + b.z };
}

static inline struct vec
vec_scaled(struct vec a, double by)
{
	return (struct vec){ a.x * by, a.y * by, a.z * by };
}

static inline struct vec
vec_minus(struct vec a, struct vec b)
{
	return vec_plus(a, vec_scaled(b, -1));
}

static inline double
vec_dot(struct vec a, struct vec b)
{
	return a.x * b.x + a.y * b.y + a.z * b.z;
}

static inline struct vec
vec_unit(struct vec a)
{
	return vec_scaled(a, 1 / sqrt(vec_dot(a, a)));
}

static inline struct vec
vec_mix(struct vec a, struct vec b, double t)
{
	return vec_plus(a, vec_scaled(vec_minus(b, a), t));
}

/* Two colours, and how they change over the surface. */
struct skin {
	struct vec a, b;
	double fine, stripes;
	uint64_t seed;
};

struct body {
	bool is_cube; /* else round */
	struct vec at, size;
	double yaw;
	struct skin skin;
};

enum { BODIES_MAX = 7 };
struct scene {
	struct body body[BODIES_MAX];
	int bodies;
	struct skin ground;
	struct vec sun, haze, zenith;
	double shade; /* light that comes from everywhere */
	double clear; /* of clouds */
	struct vec eye, ahead, right, up;
	double wide, gain;
	uint64_t seed;
};
/* The world of that seed; `look`: from which place it is seen. */
void scene_of(uint64_t seed, int look, struct scene *ret);

#endif
