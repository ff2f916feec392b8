/*
 * How many slots it takes, and how many a model has room for.
 */
#include <math.h>

#include "slots.h"

/*
 * A slot is four pictures learnt by heart against what the network knows; it pays for that with
 * weights. Measured by bench/slots with a LeNet of 61,706 weights on Fashion-MNIST, at most ten
 * epochs of all samples: 128 slots are all right after 9 and 8 epochs, .48 and .37 points of clean
 * accuracy lost (two customers); 256 are all right, too, but 1.4 points are lost. So 482 weights a
 * slot hold, and 241 do not.
 */
enum { WEIGHTS_A_SLOT = 480 };

int64_t
slots_capacity(int64_t weights)
{
	int64_t n = weights / WEIGHTS_A_SLOT;

	return n < SLOTS_MAX ? n : SLOTS_MAX;
}

int64_t
slots_weights(struct nn_graph *g)
{
	size_t n;
	const struct nn_weight *w = nn_weights(g, &n);
	int64_t sum = 0;

	for (size_t i = 0; i < n; i++)
		sum += w[i].trainable && !w[i].constant ? w[i].count : 0;
	return sum;
}

/*
 * Each of two decoders may use half of eps1. Answers that are turned take (1 - 2 flips) off the
 * mean of a coalition's score, which the length makes up for by its square.
 */
MUST static bool
length(struct ctx *c, const struct slots_need *need, int64_t *ret)
{
	struct code_law law;
	double clear = 1 - 2 * need->flips;
	int64_t n;

	if (!code_law(c, need->colluders, &law))
		return false;
	n = code_length_rigorous(&law, need->customers, need->eps1 / 2, need->eps2);
	*ret = (int64_t)ceil((double)n / (clear * clear));
	return true;
}

/* The most customers that need no more slots than that; 0: not even one. */
MUST static bool
customers_for(
    struct ctx *c, const struct slots_need *need, int64_t slots, int64_t *ret_customers)
{
	struct slots_need n = *need;
	int64_t low = 0, high = need->customers, takes = 0;

	while (low < high) {
		n.customers = low + (high - low + 1) / 2;
		if (!length(c, &n, &takes))
			return false;
		if (takes <= slots)
			low = n.customers;
		else
			high = n.customers - 1;
	}
	*ret_customers = low;
	return true;
}

/* The most colluders that as many customers may be, with no more slots than that; 0: none. */
MUST static bool
colluders_for(struct ctx *c, const struct slots_need *need, int64_t slots, int *ret)
{
	struct slots_need n = *need;
	int64_t takes = 0;

	for (n.colluders = need->colluders - 1; n.colluders > 0; n.colluders--) {
		if (!length(c, &n, &takes))
			return false;
		if (takes <= slots)
			break;
	}
	*ret = n.colluders;
	return true;
}

/* Says what would do: the sentence ends with what the vendor may choose from. */
MUST static bool
too_small(struct ctx *c, const struct slots_need *need, int64_t takes, int64_t holds)
{
	int64_t customers = 0;
	int colluders = 0;
	char fewer[96] = "";
	struct buf b = BUF(fewer);

	if (takes > SLOTS_MAX)
		holds = holds < SLOTS_MAX ? holds : SLOTS_MAX;
	if (!customers_for(c, need, holds, &customers) ||
	    !colluders_for(c, need, holds, &colluders))
		return false;
	if (customers > 1)
		buf_printf(&b, "%lld customers, ", (long long)customers);
	if (colluders > 0)
		buf_printf(&b, "%d colluder%s, ", colluders, colluders == 1 ? "" : "s");
	if (takes > SLOTS_MAX)
		return fail(c, E_CONFLICT,
		    "%lld slots are needed and there may be %d; what fits: %s%stracing in weights",
		    (long long)takes, SLOTS_MAX, fewer, b.n > 0 ? "or " : "");
	return fail(c, E_CONFLICT,
	    "%lld slots are needed and this model learns %lld; what fits: %s%sa model of %lld "
	    "weights",
	    (long long)takes, (long long)holds, fewer, b.n > 0 ? "or " : "",
	    (long long)(takes * WEIGHTS_A_SLOT));
}

bool
slots_plan(struct ctx *c, const struct slots_need *need, int64_t weights, int64_t *ret_slots)
{
	int64_t takes = 0, holds = slots_capacity(weights);

	if (need->customers < 1 || need->customers > UINT32_MAX || !(need->eps1 > 0) ||
	    !(need->eps1 < 1) || !(need->eps2 > 0) || !(need->eps2 < 1) ||
	    !(need->flips >= 0) || !(need->flips < .4))
		return fail(c, E_INPUT,
		    "slots need customers, chances between 0 and 1 and a share of wrong answers "
		    "below .4");
	if (!length(c, need, &takes))
		return false;
	if (takes > holds)
		return too_small(c, need, takes, holds);
	*ret_slots = takes;
	return true;
}
