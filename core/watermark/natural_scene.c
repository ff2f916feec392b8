/*
 * What stands in the small world, and from where it is seen.
 */
#include "natural.h"

/* Mostly near to grey, as most things are. */
static struct vec
any_colour(struct chance *r, double low, double high)
{
	double x = chance_between(r, low, high), y = chance_between(r, low, high);
	double z = chance_between(r, low, high), grey = (x + y + z) / 3;

	return vec_mix((struct vec){ grey, grey, grey }, (struct vec){ x, y, z },
	    chance_between(r, .1, 1) * chance_between(r, .2, 1));
}

static struct skin
any_skin(struct chance *r)
{
	struct skin s = { .a = any_colour(r, .05, .9) };

	s.b = vec_mix(s.a, any_colour(r, .02, 1), chance_between(r, .3, 1));
	s.fine = exp(chance_between(r, 0, 2.2));
	s.stripes = chance_below(r, 4) == 0 ? chance_between(r, 3, 14) : 0;
	s.seed = chance_bits(r);
	return s;
}

/* Most stand on the ground, some on each other or in the air. */
static struct body
any_body(struct chance *r)
{
	struct body b = { .is_cube = chance_below(r, 5) < 2 };
	double size = exp(chance_between(r, -1.4, .5));

	b.size = (struct vec){ size * chance_between(r, .5, 1.5),
		size * chance_between(r, .4, 2), size * chance_between(r, .5, 1.5) };
	b.at = (struct vec){ chance_between(r, -2.2, 2.2), b.size.y * chance_between(r, .7, 1),
		chance_between(r, -2, 2.5) };
	if (chance_below(r, 5) == 0)
		b.at.y += chance_between(r, .3, 1.5);
	b.yaw = chance_between(r, 0, M_PI);
	b.skin = any_skin(r);
	return b;
}

static void
aim_camera(struct chance *r, struct scene *s)
{
	double turn = chance_between(r, 0, 2 * M_PI), away = chance_between(r, 2.5, 6);
	struct vec at = s->body[0].at;
	struct vec level = { 0, 1, 0 };

	s->eye = (struct vec){ at.x + away * sin(turn), chance_between(r, .4, 3.5),
		at.z - away * cos(turn) };
	at.x += chance_between(r, -.5, .5);
	at.y += chance_between(r, -.2, .5);
	s->ahead = vec_unit(vec_minus(at, s->eye));
	level.x = chance_between(r, -.15, .15);
	s->right = vec_unit((struct vec){ level.y * s->ahead.z - level.z * s->ahead.y,
	    level.z * s->ahead.x - level.x * s->ahead.z,
	    level.x * s->ahead.y - level.y * s->ahead.x });
	s->up = (struct vec){ s->ahead.y * s->right.z - s->ahead.z * s->right.y,
		s->ahead.z * s->right.x - s->ahead.x * s->right.z,
		s->ahead.x * s->right.y - s->ahead.y * s->right.x };
	s->wide = chance_between(r, .35, 1.1);
}

void
scene_of(uint64_t seed, int look, struct scene *ret)
{
	struct chance r = chance_of(seed, CHANCE_PICTURE, 0, 0);
	struct scene s = { .seed = chance_bits(&r) };

	s.bodies = 2 + (int)chance_below(&r, BODIES_MAX - 1);
	for (int i = 0; i < s.bodies; i++)
		s.body[i] = any_body(&r);
	s.ground = any_skin(&r);
	s.sun = vec_unit((struct vec){ chance_between(&r, -1, 1), chance_between(&r, .3, 1.2),
	    chance_between(&r, -1, 1) });
	s.zenith = (struct vec){ chance_between(&r, .1, .5), chance_between(&r, .3, .6),
		chance_between(&r, .5, .95) };
	s.haze = vec_mix(s.zenith, (struct vec){ .9, .88, .85 }, chance_between(&r, .4, .9));
	s.shade = chance_between(&r, .2, .55);
	s.clear = chance_between(&r, .6, 1.6);
	s.gain = chance_between(&r, .8, 1.15);
	r = chance_of(seed, CHANCE_PICTURE, 2, (uint64_t)look);
	aim_camera(&r, &s);
	*ret = s;
}
