/*
 * L2: magnitude pruning. In every layer the smallest weights become zero, by share; a lock that
 * hung on small weights would go with them.
 */
#include "attack.h"

bool
protect_prune(struct ctx *c, const struct nn_weight *w, double share)
{
	owned(floats_done) float *size = NULL;
	int64_t k = (int64_t)(share * (double)w->count);
	float least;

	if (w->rank < 2 || k < 1 || !attack_worth(w))
		return true;
	if (!attack_floats(c, w->count, &size))
		return false;
	for (int64_t i = 0; i < w->count; i++)
		size[i] = fabsf(w->data[i]);
	least = spread_nth(size, w->count, k - 1);
	for (int64_t i = 0; i < w->count; i++)
		if (fabsf(w->data[i]) <= least)
			w->data[i] = 0;
	return true;
}

bool
attack_prune(struct ctx *c, struct attack *a)
{
	int step = a->on->effort == EFFORT_FULL ? 1 : 2;

	for (int tenths = 1; tenths <= 9; tenths += step) {
		struct attack_point p = attack_point(tenths / 10., "%d %% pruned", tenths * 10);
		size_t n;
		struct nn_weight *w = attack_weights(a, &n);

		attack_tell(a, (tenths - 1) / 9., "%d %%", tenths * 10);
		for (size_t i = 0; i < n; i++)
			if (!protect_prune(c, &w[i], tenths / 10.))
				return false;
		if (!attack_measure(c, a, &p))
			return false;
	}
	return true;
}
