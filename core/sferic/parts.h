/*
 * What the generator is made of.
 */
#ifndef SIGNAL_PARTS_H
#define SIGNAL_PARTS_H

#include "chance.h"
#include "sferic.h"

/* ---- Chance ------------------------------------------------------------------------------ */

enum sferic_use { SFERIC_USE_WINDOW, SFERIC_USE_AUGMENT, SFERIC_USE_NOISE };

/* ---- Fourier ----------------------------------------------------------------------------- */

enum { RECORD_LOG = 11, RECORD = 1 << RECORD_LOG };
/* The transform of a record in place; back, divided by its length. */
void sferic_fourier(double complex v[RECORD], bool back);
/* The frequency of place k, in Hz; negative in the upper half. */
double sferic_hertz(int k);

/* ---- Noise ------------------------------------------------------------------------------- */

/* All channels' noise, each of mean 0 and variance 1. */
void sferic_noise(struct chance *, double to[SFERIC_CHANNELS][SFERIC_POINTS]);
/* What is no sferic but looks like something, added. */
void sferic_distract(struct chance *, double to[SFERIC_CHANNELS][SFERIC_POINTS]);

#endif
