/*
 * The generator of sferics. Lightning sends a pulse: a short oscillation, and a slow tail behind
 * it. Its magnetic field comes from some direction; its electric field follows from the ground's
 * impedance, frequency by frequency. Everything about a window follows from its seed and number.
 */
#include <math.h>

#include "parts.h"

enum {
	BEFORE = (RECORD - SFERIC_POINTS) / 2, /* of the window in its record */
	AROUND = 5,                            /* the envelope's running maximum */
	SHORTEST = 8,                          /* run of marked points */
};

double complex
sferic_impedance(double hertz, double ohm_metres)
{
	const double mu0 = 4e-7 * M_PI;

	/* The square root of i times that. */
	return sqrt(M_PI * hertz * mu0 * ohm_metres) * (1 + I);
}

/* ---- Clean ------------------------------------------------------------------------------- */

/* A record's components, two by two: Hx + i Hy, and Ex + i Ey. */
struct record {
	double complex h[RECORD], e[RECORD];
};

/* Evenly in the logarithm. */
static double
between_logs(struct chance *r, double low, double high)
{
	return low * exp(chance_unit(r) * log(high / low));
}

/* One sferic that begins at `onset`, in points of the record. */
static void
add_sferic(struct chance *r, double onset, struct record *to)
{
	double fv = chance_between(r, 4e3, 9e3), tv = chance_between(r, .2e-3, 1e-3);
	double td = chance_between(r, .5e-3, 2e-3), ts = chance_between(r, .3e-3, 2e-3);
	double eta = chance_between(r, -.5, .5), phase = chance_between(r, 0, 2 * M_PI);
	double size = between_logs(r, 1, 10), azimuth = chance_between(r, 0, 2 * M_PI);
	double complex field = size * cexp(I * azimuth);

	for (int i = (int)ceil(onset); i < RECORD; i++) {
		double t = (i - onset) / SFERIC_RATE, u = t > td ? (t - td) / ts : 0;
		double s = exp(-t / tv) * sin(2 * M_PI * fv * t + phase) + eta * u * exp(1 - u);

		to->h[i] += s * field;
	}
}

/* Poisson, by Knuth. */
static int
how_many(struct chance *r, double mean)
{
	double left = exp(-mean), product = chance_unit(r);
	int n = 0;

	for (; product > left; n++)
		product *= chance_unit(r);
	return n;
}

/*
 * Ex = Z Hy, Ey = -Z Hx. The impedance of negative frequencies is the conjugate one, so that both
 * components go through it at once and stay apart.
 */
static void
electric(double ohm_metres, struct record *to)
{
	memcpy(to->e, to->h, sizeof to->e);
	sferic_fourier(to->e, false);
	for (int i = 0; i < RECORD; i++) {
		double f = sferic_hertz(i);
		double complex z = sferic_impedance(fabs(f), ohm_metres);

		to->e[i] *= -I * (f < 0 ? conj(z) : z);
	}
	sferic_fourier(to->e, true);
}

static int
make_record(uint64_t seed, uint64_t number, double offset, struct record *to)
{
	const double first = -24, places = SFERIC_POINTS - 24;
	struct chance r = chance_of(seed, SFERIC_USE_WINDOW, number, 0);
	double ohm_metres = between_logs(&r, 10, 1e4);
	int n = chance_unit(&r) < .25 ? 0 : how_many(&r, 1.5);

	memset(to, 0, sizeof *to);
	for (int i = 0; i < n; i++) {
		double at = fmod(chance_between(&r, 0, places) + offset, places);

		add_sferic(&r, BEFORE + first + at, to);
	}
	electric(ohm_metres, to);
	return n;
}

/* ---- Marks ------------------------------------------------------------------------------- */

/* Runs that are too short are none. */
static void
drop_short(uint8_t y[SFERIC_POINTS])
{
	for (int i = 0, n; i < SFERIC_POINTS; i += n + 1) {
		for (n = 0; i + n < SFERIC_POINTS && y[i + n] == 1; n++)
			;
		if (n < SHORTEST)
			memset(y + i, 0, (size_t)n);
	}
}

/* Where the magnetic field's envelope is above a tenth of its peak. */
static void
mark(const struct record *from, uint8_t y[SFERIC_POINTS])
{
	double size[SFERIC_POINTS], peak = 0;

	for (int i = 0; i < SFERIC_POINTS; i++) {
		size[i] = cabs(from->h[BEFORE + i]);
		peak = size[i] > peak ? size[i] : peak;
	}
	for (int i = 0; i < SFERIC_POINTS; i++) {
		y[i] = 0;
		for (int k = i - AROUND / 2; k <= i + AROUND / 2; k++)
			if (k >= 0 && k < SFERIC_POINTS && size[k] > .1 * peak)
				y[i] = 1;
	}
	drop_short(y);
}

/* ---- A window ---------------------------------------------------------------------------- */

/* By what a pair of components is multiplied to stand so far above noise of variance 1. */
static double
scale_to(double snr, const double complex pair[RECORD], const uint8_t y[SFERIC_POINTS])
{
	double sum = 0;
	int n = 0;

	for (int i = 0; i < SFERIC_POINTS; i++) {
		double size = cabs(pair[BEFORE + i]);

		sum += y[i] * size * size / 2;
		n += y[i];
	}
	return sum > 0 ? pow(10, snr / 20) / sqrt(sum / n) : 0;
}

/* Signal and noise; the two components of a pair keep their proportion. */
static void
mix(const struct record *from, double gain, struct sferic_window *w,
    double noise[SFERIC_CHANNELS][SFERIC_POINTS])
{
	double e = scale_to(w->snr, from->e, w->y), h = scale_to(w->snr, from->h, w->y);

	for (int i = 0; i < SFERIC_POINTS; i++) {
		double complex electric = e * from->e[BEFORE + i];
		double complex magnetic = h * from->h[BEFORE + i];
		double clean[SFERIC_CHANNELS] = { creal(electric), cimag(electric),
			creal(magnetic), cimag(magnetic) };

		for (int ch = 0; ch < SFERIC_CHANNELS; ch++)
			w->x[ch][i] = (float)(gain * (clean[ch] + noise[ch][i]));
	}
}

void
sferic_window(uint64_t seed, uint64_t number, uint64_t turn, struct sferic_window *ret)
{
	struct chance change = chance_of(seed, SFERIC_USE_AUGMENT, number, turn);
	struct chance loud = chance_of(seed, SFERIC_USE_NOISE, number, turn);
	double noise[SFERIC_CHANNELS][SFERIC_POINTS];
	double offset = chance_between(&change, 0, SFERIC_POINTS);
	double gain = between_logs(&change, .5, 2) * (chance_below(&change, 2) == 1 ? 1 : -1);
	double snr = chance_between(&change, SFERIC_LOWEST, SFERIC_HIGHEST);
	struct record record;

	ret->snr = turn == 0 ? (SFERIC_LOWEST + SFERIC_HIGHEST) / 2 : snr;
	ret->sferics = make_record(seed, number, turn == 0 ? 0 : offset, &record);
	sferic_noise(&loud, noise);
	sferic_distract(&loud, noise);
	mark(&record, ret->y);
	mix(&record, turn == 0 ? 1 : gain, ret, noise);
}

/* ---- As 16 bits -------------------------------------------------------------------------- */

void
sferic_quantise(const float *x, int16_t *to)
{
	for (int i = 0; i < SFERIC_ROW; i++) {
		float v = roundf(x[i] * SFERIC_STEPS);

		to[i] = (int16_t)(v > INT16_MAX ? INT16_MAX : v < INT16_MIN ? INT16_MIN : v);
	}
}

void
sferic_restore(const int16_t *v, float *to)
{
	for (int i = 0; i < SFERIC_ROW; i++)
		to[i] = (float)v[i] / SFERIC_STEPS;
}
