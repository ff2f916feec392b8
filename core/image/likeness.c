/*
 * How like two pictures are: signal to noise, and structural similarity (Wang, Bovik, Sheikh,
 * Simoncelli, IEEE Transactions on Image Processing 13(4), 2004, equation 13).
 */
#include <math.h>

#include "parts.h"

double
image_psnr(const struct image *a, const struct image *b)
{
	const size_t n = image_bytes(a);
	uint64_t sum = 0;

	for (size_t i = 0; i < n; i++) {
		int d = a->v[i] - b->v[i];

		sum += (uint64_t)(d * d);
	}
	return sum == 0 ? (double)INFINITY
			: 10 * log10(255.0 * 255.0 * (double)n / (double)sum);
}

enum { WINDOW = 11, WINDOW_SMALL = 7, SMALL = 64 };

/* The window: odd, never larger than the picture; its weights in one direction add up to 1. */
static int
window_of(const struct image *i, double ret[WINDOW])
{
	const int side = i->width < i->height ? i->width : i->height;
	int n = side < SMALL ? WINDOW_SMALL : WINDOW;
	double sum = 0;

	if (n > side)
		n = side - (side + 1) % 2;
	for (int k = 0; k < n; k++) {
		double d = (k - n / 2) / 1.5;

		sum += ret[k] = exp(-d * d / 2);
	}
	for (int k = 0; k < n; k++)
		ret[k] /= sum;
	return n;
}

/* Under the window whose first samples a and b are. */
static double
similar(const uint8_t *a, const uint8_t *b, const struct image *i, const double *w, int n)
{
	static const double c1 = .01 * 255 * .01 * 255, c2 = .03 * 255 * .03 * 255;
	double ma = 0, mb = 0, aa = 0, bb = 0, ab = 0;

	for (int y = 0; y < n; y++)
		for (int x = 0; x < n; x++) {
			size_t at = ((size_t)y * (size_t)i->width + (size_t)x) *
			    (size_t)i->channels;
			double weight = w[y] * w[x], va = a[at], vb = b[at];

			ma += weight * va;
			mb += weight * vb;
			aa += weight * va * va;
			bb += weight * vb * vb;
			ab += weight * va * vb;
		}
	return (2 * ma * mb + c1) * (2 * (ab - ma * mb) + c2) /
	    ((ma * ma + mb * mb + c1) * (aa - ma * ma + bb - mb * mb + c2));
}

double
image_ssim(const struct image *a, const struct image *b)
{
	double w[WINDOW], sum = 0;
	const int n = window_of(a, w);

	for (int y = 0; y + n <= a->height; y++)
		for (int x = 0; x + n <= a->width; x++)
			for (int k = 0; k < a->channels; k++) {
				size_t at = ((size_t)y * (size_t)a->width + (size_t)x) *
					(size_t)a->channels +
				    (size_t)k;

				sum += similar(a->v + at, b->v + at, a, w, n);
			}
	return sum / ((a->height - n + 1.0) * (a->width - n + 1.0) * a->channels);
}
