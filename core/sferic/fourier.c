/*
 * The fast Fourier transform of one record, by Cooley and Tukey, in place: enough for a generator.
 */
#include <math.h>

#include "parts.h"

/* Places whose bits are each other's reverse change places. */
static void
reverse(double complex v[RECORD])
{
	for (int i = 1, j = 0; i < RECORD; i++) {
		int bit = RECORD >> 1;

		for (; (j & bit) != 0; bit >>= 1)
			j ^= bit;
		j ^= bit;
		if (i < j) {
			double complex was = v[i];

			v[i] = v[j];
			v[j] = was;
		}
	}
}

void
sferic_fourier(double complex v[RECORD], bool back)
{
	double complex turn[RECORD / 2];

	for (int k = 0; k < RECORD / 2; k++)
		turn[k] = cexp((back ? 2 : -2) * M_PI * I * k / RECORD);
	reverse(v);
	for (int half = 1; half < RECORD; half *= 2)
		for (int from = 0; from < RECORD; from += 2 * half)
			for (int k = 0; k < half; k++) {
				double complex *a = &v[from + k], *b = a + half;
				double complex turned = turn[k * (RECORD / 2 / half)] * *b;

				*b = *a - turned;
				*a += turned;
			}
	for (int k = 0; back && k < RECORD; k++)
		v[k] /= RECORD;
}

double
sferic_hertz(int k)
{
	return (double)(k < RECORD / 2 ? k : k - RECORD) * SFERIC_RATE / RECORD;
}
