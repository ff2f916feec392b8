/*
 * Outliers by their distance from the median, in median distances, which a few outliers do not move
 * (Wang et al. 2019, section IV).
 */
#include <math.h>

#include "parts.h"

/* What makes the median distance of a normal distribution its deviation. */
#define NORMAL 1.4826

static int
by_size(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static double
median(double *v, int64_t n)
{
	qsort(v, (size_t)n, sizeof *v, by_size);
	return n % 2 == 1 ? v[n / 2] : (v[n / 2 - 1] + v[n / 2]) / 2;
}

static void
room_free(double **room)
{
	free(*room);
}

bool
backdoor_anomaly(struct ctx *c, const double v[], int64_t n, double ret[])
{
	owned(room_free) double *room = malloc((size_t)(n + 1) * sizeof *room);
	double middle, deviation;

	if (room == NULL)
		return fail(c, E_MEMORY, "no memory for %lld numbers", (long long)n);
	if (n < 1)
		return fail(c, E_INPUT, "nothing lies far from nothing");
	memcpy(room, v, (size_t)n * sizeof *room);
	middle = median(room, n);
	for (int64_t i = 0; i < n; i++)
		room[i] = fabs(v[i] - middle);
	deviation = NORMAL * median(room, n);
	for (int64_t i = 0; i < n; i++)
		ret[i] = deviation > 0 ? (v[i] - middle) / deviation : 0;
	return true;
}
