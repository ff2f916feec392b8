/*
 * Randomness that is a pure function of the seed and of what it is for. Nothing has to be saved
 * to take a training up again: the order of an epoch and the change of a sample in it can be
 * had at any time.
 */
#include <math.h>

#include "batch.h"

/* splitmix64 (Steele, Lea, Flood 2014). */
static uint64_t
mix(uint64_t z)
{
	z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
	return z ^ (z >> 31);
}

#define GOLDEN UINT64_C(0x9e3779b97f4a7c15)

struct random
random_of(uint64_t seed, enum random_use use, uint64_t a, uint64_t b)
{
	uint64_t s = mix(seed + GOLDEN);

	s = mix(s + GOLDEN * (1 + (uint64_t)use));
	s = mix(s + GOLDEN * (1 + a));
	return (struct random){ mix(s + GOLDEN * (1 + b)) };
}

uint64_t
random_bits(struct random *r)
{
	return mix(r->state += GOLDEN);
}

int64_t
random_below(struct random *r, int64_t n)
{
	/* n is below 2^32: uneven by less than n / 2^32. */
	return (int64_t)((random_bits(r) >> 32) * (uint64_t)n >> 32);
}

double
random_unit(struct random *r)
{
	return (double)(random_bits(r) >> 11) * 0x1p-53;
}

/* Box and Muller; the second number of the pair is not kept. */
double
random_normal(struct random *r)
{
	double u = 1 - random_unit(r), v = random_unit(r);

	return sqrt(-2 * log(u)) * cos(2 * M_PI * v);
}

void
random_order(uint64_t seed, int64_t epoch, int64_t *ret, int64_t n)
{
	struct random r = random_of(seed, RANDOM_ORDER, (uint64_t)epoch, 0);

	for (int64_t i = 0; i < n; i++)
		ret[i] = i;
	for (int64_t i = n - 1; i > 0; i--) {
		int64_t j = random_below(&r, i + 1), other = ret[j];

		ret[j] = ret[i];
		ret[i] = other;
	}
}
