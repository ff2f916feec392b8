/*
 * Detectors of payloads in lowest bits, and what they are worth: see keyimages_stealth.h.
 */
#include <math.h>
#include <stdlib.h>

#include "keyimages_stealth.h"

enum { GROUP = 4 };

/* ---- Regular and singular groups --------------------------------------------------------- */

/* 2k and 2k + 1 change places, or, the other way, 2k and 2k - 1. */
static int
flip(int v, int way)
{
	return way == 0 ? v : way > 0 ? v ^ 1 : ((v + 1) ^ 1) - 1;
}

static int
roughness(const int v[GROUP])
{
	return abs(v[1] - v[0]) + abs(v[2] - v[1]) + abs(v[3] - v[2]);
}

/* Regular less singular groups, as a share, under the mask 0 1 1 0 of one way or the other. */
static double
regular(const struct image *i, int way, int flipped)
{
	static const int mask[GROUP] = { 0, 1, 1, 0 };
	int64_t sum = 0, all = 0;

	for (int down = 0; down < 2; down++) {
		int step = down ? i->width * i->channels : i->channels;
		int wide = down ? i->width : i->width - GROUP + 1;
		int high = down ? i->height - GROUP + 1 : i->height;

		for (int y = 0; y < high; y++)
			for (int x = 0; x < wide * i->channels; x++) {
				const uint8_t *from = i->v +
				    (size_t)y * i->width * i->channels + x;
				int v[GROUP], w[GROUP], change;

				for (int k = 0; k < GROUP; k++) {
					v[k] = flip(from[k * step], flipped);
					w[k] = flip(v[k], mask[k] * way);
				}
				change = roughness(w) - roughness(v);
				sum += (change > 0) - (change < 0);
				all++;
			}
	}
	return (double)sum / (double)all;
}

double
rs_gap(const struct image *i)
{
	return regular(i, -1, 0) - regular(i, 1, 0);
}

/* Equations 2 and 3 of the paper: z solves a quadratic equation, the share is z / (z - 1/2). */
double
rs_estimate(const struct image *i)
{
	double d0 = regular(i, 1, 0), d1 = regular(i, 1, 1);
	double m0 = regular(i, -1, 0), m1 = regular(i, -1, 1);
	double a = 2 * (d1 + d0), b = m0 - m1 - d1 - 3 * d0, c = d0 - m0;
	double root = b * b - 4 * a * c, x, y, z;

	if (fabs(a) < 1e-12)
		return 1;
	root = root > 0 ? sqrt(root) : 0;
	x = (-b + root) / (2 * a);
	y = (-b - root) / (2 * a);
	z = fabs(x) < fabs(y) ? x : y;
	return z / (z - .5);
}

/* ---- Pairs of values --------------------------------------------------------------------- */

double
pairs_equal(const struct image *i)
{
	size_t count[256] = { 0 },
	       n = (size_t)i->width * (size_t)i->height * (size_t)i->channels;
	double chi = 0, degrees = -1, mean;

	for (size_t k = 0; k < n; k++)
		count[i->v[k]]++;
	for (int k = 0; k < 128; k++) {
		double half = (double)(count[2 * k] + count[2 * k + 1]) / 2;

		if (half < 2.5)
			continue;
		chi += pow((double)count[2 * k] - half, 2) / half;
		degrees++;
	}
	if (degrees < 1)
		return 0;
	mean = 1 - 2 / (9 * degrees);
	return (mean - cbrt(chi / degrees)) / sqrt(2 / (9 * degrees));
}

/* ---- What a detector is worth ------------------------------------------------------------ */

double
auc(const double no[], const double yes[], size_t n)
{
	double sum = 0;

	for (size_t i = 0; i < n; i++)
		for (size_t k = 0; k < n; k++)
			sum += yes[i] > no[k] ? 1 : yes[i] == no[k] ? .5 : 0;
	return sum / (double)n / (double)n;
}

static int
downwards(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x < y) - (x > y);
}

double
found_at(double alarm, const double no[], const double yes[], size_t n)
{
	double *sorted = calloc(n, sizeof *sorted), bar, sum = 0;

	if (sorted == NULL)
		abort();
	for (size_t i = 0; i < n; i++)
		sorted[i] = no[i];
	qsort(sorted, n, sizeof *sorted, downwards);
	bar = sorted[(size_t)(alarm * (double)n)];
	free(sorted);
	for (size_t i = 0; i < n; i++)
		sum += yes[i] > bar;
	return sum / (double)n;
}
