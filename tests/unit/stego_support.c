/*
 * Pictures, keys and payloads for the tests of the carriers; see stego_support.h.
 */
#include <math.h>

#include "test.h"

#include "stego_support.h"

uint32_t
some(struct ctx *c, uint32_t q)
{
	uint32_t v;

	c->random(&v, sizeof v);
	return v % q;
}

/* About normal, of deviation 1: four bytes. */
static double
normal(struct ctx *c)
{
	uint8_t b[4];

	c->random(b, sizeof b);
	return (b[0] + b[1] + b[2] + b[3] - 510) / 147.8;
}

enum { WAVES = 60 };

static void
channel(struct ctx *c, const struct image *i, int k, const double shade[])
{
	for (int p = 0; p < i->width * i->height; p++) {
		double v = 128 + shade[p] + 1.5 * normal(c);

		i->v[p * i->channels + k] = (uint8_t)lrint(fmin(fmax(v, 0), 255));
	}
}

/* One wave over all of it, from left to right by turning (re, im) a little at each pixel. */
static void
wave(struct ctx *c, int width, int height, double *shade)
{
	double f = pow(width / 2.5, some(c, 1000) * 1e-3), way = some(c, 3142) * 1e-3;
	double fx = f * cos(way), fy = f * sin(way) * height / width;
	double power = 16 / sqrt(f), phase = some(c, 6283) * 1e-3;
	double turn = 2 * M_PI * fx / width, cs = cos(turn), sn = sin(turn);

	for (int y = 0; y < height; y++) {
		double at = phase + 2 * M_PI * fy * y / height;
		double re = power * cos(at), im = power * sin(at);

		for (int x = 0; x < width; x++) {
			double was = re;

			*shade++ += re;
			re = re * cs - im * sn;
			im = was * sn + im * cs;
		}
	}
}

struct image
picture(struct ctx *c, int width, int height, int channels)
{
	double *shade = take(c, (size_t)width * (size_t)height * sizeof *shade);
	struct image i;

	ck_assert_ptr_nonnull(shade);
	ck_ok(c, image_new(c, width, height, channels, &i));
	for (int w = 0; w < WAVES; w++)
		wave(c, width, height, shade);
	for (int k = 0; k < channels; k++)
		channel(c, &i, k, shade);
	return i;
}

struct stego_keys
keys_of(struct ctx *c, uint8_t which)
{
	struct key256 secret = { { which } };
	struct stego_keys k;

	ck_ok(c, stego_keys_of(c, &secret, &k));
	return k;
}

struct stego_payload
payload(struct ctx *c)
{
	struct stego_payload p = { some(c, UINT32_MAX), some(c, 1000), some(c, 100000),
		1700000000 + some(c, 1 << 20), 0 };

	if (some(c, 2) == 1)
		p.expires = p.issued + some(c, 1 << 25);
	return p;
}

bool
payload_same(const struct stego_payload *a, const struct stego_payload *b)
{
	return a->release == b->release && a->customer == b->customer &&
	    a->serial == b->serial && a->issued == b->issued && a->expires == b->expires;
}

enum stego_found
found_in(struct ctx *c, enum stego_carrier carrier, const struct stego_keys *keys,
    const struct image *i, const struct image *base, const struct stego_payload *claim,
    struct stego_payload *ret, int *ret_repaired)
{
	enum stego_found found;
	struct stego_payload p;
	int repaired;

	ck_ok(c, stego_extract(c, carrier, keys, i, base, claim, &found, &p, &repaired));
	if (ret != NULL)
		*ret = p;
	if (ret_repaired != NULL)
		*ret_repaired = repaired;
	return found;
}
