/*
 * chance: numbers by chance that are a pure function of a seed and of what they are for. Nothing
 * has to be saved to take something up again: the order of an epoch, or the change of a sample in
 * it, can be had at any time. Not for secrets.
 */
#ifndef CHANCE_H
#define CHANCE_H

#include <stdint.h>

/* A generator; as plain as a number, and copied like one. */
struct chance {
	uint64_t state;
};
/* Begins from the seed and from what it is for, e.g. a use, an epoch and a sample. */
struct chance chance_of(uint64_t seed, int use, uint64_t a, uint64_t b);
uint64_t chance_bits(struct chance *);
/* Evenly 0 … n - 1, for n below 2^32. */
int64_t chance_below(struct chance *, int64_t n);
/* Evenly in [0, 1). */
double chance_unit(struct chance *);
/* Evenly from low to high. */
double chance_between(struct chance *, double low, double high);
/* Of mean 0 and variance 1. */
double chance_normal(struct chance *);
/* 0 … n - 1 in any order. */
void chance_order(struct chance *, int64_t *ret, int64_t n);

#endif
