/*
 * What the lock is held against: positions drawn from all weights, and the weights of the largest
 * absolute value, with the same moves. The number of them is given, or found by doubling.
 */
#include <math.h>

#include "advparams.h"

enum { FIRST = 8 };

static void
list_done(struct candidate **list)
{
	free(*list);
}

/* The weight of that number, counted through all tensors. */
static struct candidate
nth(const struct lock *l, uint64_t n)
{
	uint32_t tensor = 0;

	while (n >= (uint64_t)l->tensor[tensor].count)
		n -= (uint64_t)l->tensor[tensor++].count;
	return (struct candidate){ 0, tensor, (uint32_t)n };
}

MUST static bool
choose_random(struct ctx *c, struct lock *l, struct candidate to[], int64_t count)
{
	struct key256 key;
	struct prf s;

	if (!prf_subkey(c, l->release, "pool", &key))
		return false;
	s = prf_stream(&key, "random", 0, 0);
	key256_done(&key);
	for (int64_t i = 0; i < count; i++)
		to[i] = nth(l, prf_uniform(&s, (uint64_t)l->weights));
	return prf_end(c, &s);
}

/* The gradient's place is taken by the value: then the score of a weight is its size. */
static int
by_size(const void *a, const void *b)
{
	const struct candidate *x = a, *y = b;

	if (x->score != y->score)
		return x->score < y->score ? 1 : -1;
	if (x->tensor != y->tensor)
		return x->tensor < y->tensor ? -1 : 1;
	return x->index < y->index ? -1 : x->index > y->index;
}

MUST static bool
choose_largest(struct ctx *c, struct lock *l, struct candidate to[], int64_t count)
{
	owned(list_done) struct candidate *all = malloc((size_t)l->weights * sizeof *all);
	int64_t n = 0;

	if (all == NULL)
		return fail(c, E_MEMORY, "no memory for %lld weights", (long long)l->weights);
	for (size_t i = 0; i < l->tensors; i++)
		for (int64_t k = 0; k < l->tensor[i].count; k++)
			all[n++] = (struct candidate){ fabs((double)l->tensor[i].plain[k]),
				(uint32_t)i, (uint32_t)k };
	qsort(all, (size_t)n, sizeof *all, by_size);
	memcpy(to, all, (size_t)count * sizeof *to);
	return true;
}

typedef bool choose_way(struct ctx *, struct lock *, struct candidate to[], int64_t count);

MUST static bool
climb(struct ctx *c, struct lock *l, choose_way *choose, int64_t count, bool *ret)
{
	owned(list_done) struct candidate *chosen = malloc((size_t)count * sizeof *chosen);

	if (chosen == NULL)
		return fail(c, E_MEMORY, "no memory for %lld positions", (long long)count);
	lock_reset(l);
	return choose(c, l, chosen, count) && lock_climb(c, l, chosen, count, ret) &&
	    (*ret || lock_measure(c, l, ret));
}

MUST static bool
baseline(struct ctx *c, struct lock *l, choose_way *choose, bool *ret)
{
	int64_t most = l->weights < UNLOCK_ENTRIES_MAX ? l->weights : UNLOCK_ENTRIES_MAX;
	int64_t count = l->options.count > 0 ? l->options.count : FIRST;

	*ret = false;
	for (;; count *= 2) {
		count = count < most ? count : most;
		if (!climb(c, l, choose, count, ret))
			return false;
		if (*ret || l->options.count > 0 || count == most)
			return true;
	}
}

bool
lock_random(struct ctx *c, struct lock *l, bool *ret_reached)
{
	lock_say(l, "positions at random");
	return baseline(c, l, choose_random, ret_reached);
}

bool
lock_largest(struct ctx *c, struct lock *l, bool *ret_reached)
{
	lock_say(l, "the largest weights");
	return baseline(c, l, choose_largest, ret_reached);
}
