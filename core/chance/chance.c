/*
 * Chance that follows from a seed: splitmix64 (Steele, Lea, Flood 2014), begun from the mixed
 * numbers of what it is for.
 */
#include <math.h>

#include "chance.h"

static uint64_t
mix(uint64_t z)
{
	z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
	return z ^ (z >> 31);
}

#define GOLDEN UINT64_C(0x9e3779b97f4a7c15)

struct chance
chance_of(uint64_t seed, int use, uint64_t a, uint64_t b)
{
	uint64_t s = mix(seed + GOLDEN);

	s = mix(s + GOLDEN * (1 + (uint64_t)use));
	s = mix(s + GOLDEN * (1 + a));
	return (struct chance){ mix(s + GOLDEN * (1 + b)) };
}

uint64_t
chance_bits(struct chance *r)
{
	return mix(r->state += GOLDEN);
}

int64_t
chance_below(struct chance *r, int64_t n)
{
	/* n is below 2^32: uneven by less than n / 2^32. */
	return (int64_t)((chance_bits(r) >> 32) * (uint64_t)n >> 32);
}

double
chance_unit(struct chance *r)
{
	return (double)(chance_bits(r) >> 11) * 0x1p-53;
}

double
chance_between(struct chance *r, double low, double high)
{
	return low + (high - low) * chance_unit(r);
}

/* Box and Muller; the second number of the pair is not kept. */
double
chance_normal(struct chance *r)
{
	double u = 1 - chance_unit(r), v = chance_unit(r);

	return sqrt(-2 * log(u)) * cos(2 * M_PI * v);
}

void
chance_order(struct chance *r, int64_t *ret, int64_t n)
{
	for (int64_t i = 0; i < n; i++)
		ret[i] = i;
	for (int64_t i = n - 1; i > 0; i--) {
		int64_t j = chance_below(r, i + 1), was = ret[i];

		ret[i] = ret[j];
		ret[j] = was;
	}
}
