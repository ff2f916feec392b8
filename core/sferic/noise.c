/*
 * What a receiver hears besides sferics: coloured and white noise, the harmonics of the power
 * grid; and what must not be taken for a sferic: clicks of a single point, and discharges of the
 * electric lines, which have no magnetic field.
 */
#include <math.h>

#include "parts.h"

/* Two channels of noise whose power falls as 1 / f^g, as real and imaginary part. */
static void
coloured(struct chance *r, double g, double complex v[RECORD])
{
	v[0] = 0;
	for (int k = 1; k <= RECORD / 2; k++) {
		double size = pow(k, -g / 2);

		v[k] = size * cexp(I * chance_between(r, 0, 2 * M_PI));
		v[RECORD - k] = size * cexp(I * chance_between(r, 0, 2 * M_PI));
	}
	sferic_fourier(v, true);
}

/* Of mean 0 and variance 1. */
static void
normalise(double v[SFERIC_POINTS])
{
	double mean = 0, square = 0;

	for (int i = 0; i < SFERIC_POINTS; i++)
		mean += v[i] / SFERIC_POINTS;
	for (int i = 0; i < SFERIC_POINTS; i++)
		square += (v[i] - mean) * (v[i] - mean) / SFERIC_POINTS;
	for (int i = 0; i < SFERIC_POINTS; i++)
		v[i] = (v[i] - mean) / sqrt(square);
}

static void
grid(struct chance *r, double v[SFERIC_POINTS])
{
	double size = chance_between(r, 0, 2);

	for (int k = 1; k <= 20; k++) {
		double complex at = size / k * cexp(I * chance_between(r, 0, 2 * M_PI));
		double complex turn = cexp(2 * M_PI * I * 50 * k / SFERIC_RATE);

		for (int i = 0; i < SFERIC_POINTS; i++, at *= turn)
			v[i] += creal(at);
	}
}

void
sferic_noise(struct chance *r, double to[SFERIC_CHANNELS][SFERIC_POINTS])
{
	for (int ch = 0; ch < SFERIC_CHANNELS; ch += 2) {
		double complex v[RECORD];

		coloured(r, chance_between(r, .5, 1.5), v);
		for (int i = 0; i < SFERIC_POINTS; i++) {
			to[ch][i] = creal(v[i]);
			to[ch + 1][i] = cimag(v[i]);
		}
	}
	for (int ch = 0; ch < SFERIC_CHANNELS; ch++) {
		normalise(to[ch]);
		for (int i = 0; i < SFERIC_POINTS; i++)
			to[ch][i] += chance_normal(r);
		grid(r, to[ch]);
		normalise(to[ch]);
	}
}

void
sferic_distract(struct chance *r, double to[SFERIC_CHANNELS][SFERIC_POINTS])
{
	int64_t clicks = chance_below(r, 4), discharges = chance_below(r, 3);

	for (int64_t n = 0; n < clicks; n++) {
		double size = chance_between(r, 3, 12) * (chance_below(r, 2) == 1 ? 1 : -1);

		to[chance_below(r, SFERIC_CHANNELS)][chance_below(r, SFERIC_POINTS)] += size;
	}
	for (int64_t n = 0; n < discharges; n++) {
		int64_t ch = SFERIC_EX + chance_below(r, 2),
			at = chance_below(r, SFERIC_POINTS);
		double size = chance_between(r, 2, 8) * (chance_below(r, 2) == 1 ? 1 : -1);
		double last = chance_between(r, .2e-3, 2e-3) * SFERIC_RATE;

		for (int64_t i = at; i < SFERIC_POINTS; i++)
			to[ch][i] += size * exp(-(double)(i - at) / last);
	}
}
