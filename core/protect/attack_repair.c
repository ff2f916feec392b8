/*
 * L3 and L4: repair by the look of the values. What lies far from its layer's other values is put
 * back to the median, or cut to a plausible range: that of the layer's own bulk, or that of the
 * same layer in a network that the thief trains himself.
 */
#include "attack.h"

/* ---- L3: outliers ------------------------------------------------------------------------ */

MUST static bool
repair(struct ctx *c, const struct attack *a, size_t weight, int mads, struct attack_found *f)
{
	struct nn_weight *w = &attack_weights(a, &(size_t){ 0 })[weight];
	owned(floats_done) float *copy = NULL;
	struct spread s;

	if (!attack_worth(w))
		return true;
	if (!attack_floats(c, w->count, &copy))
		return false;
	memcpy(copy, w->data, (size_t)w->count * sizeof *copy);
	s = spread_of(copy, w->count);
	for (int64_t i = 0; i < w->count; i++) {
		if (fabs(w->data[i] - s.median) <= mads * s.mad)
			continue;
		w->data[i] = (float)s.median;
		f->named++;
		f->right += attack_is_place(a, weight, i);
	}
	return true;
}

bool
attack_repair(struct ctx *c, struct attack *a)
{
	size_t n;

	(void)attack_weights(a, &n);
	for (int mads = 4; mads <= 8; mads += 2) {
		struct attack_found f = { 0 };
		struct attack_point p;

		for (size_t i = 0; i < n; i++)
			if (!repair(c, a, i, mads, &f))
				return false;
		p = attack_point(mads, "beyond %d MAD: %lld values", mads, (long long)f.named);
		attack_score(a, &f, &p);
		if (!attack_measure(c, a, &p))
			return false;
	}
	return true;
}

/* ---- L4: ranges -------------------------------------------------------------------------- */

struct range {
	float low, high;
};

/* Cuts one array; what was cut counts as found. */
static void
clip(const struct attack *a, size_t weight, struct range to, struct attack_found *f)
{
	struct nn_weight *w = &attack_weights(a, &(size_t){ 0 })[weight];

	for (int64_t i = 0; i < w->count; i++) {
		float was = w->data[i];

		w->data[i] = was < to.low ? to.low : was > to.high ? to.high : was;
		if (w->data[i] == was)
			continue;
		f->named++;
		f->right += attack_is_place(a, weight, i);
	}
}

/* The range that leaves out as much at either end. */
MUST static bool
bulk_range(struct ctx *c, const struct nn_weight *w, double kept, struct range *ret)
{
	owned(floats_done) float *copy = NULL;
	int64_t out = (int64_t)((1 - kept) / 2 * (double)w->count);

	if (!attack_floats(c, w->count, &copy))
		return false;
	memcpy(copy, w->data, (size_t)w->count * sizeof *copy);
	ret->low = spread_nth(copy, w->count, out);
	ret->high = spread_nth(copy, w->count, w->count - 1 - out);
	return true;
}

MUST static bool
clip_bulk(struct ctx *c, struct attack *a, double kept)
{
	struct attack_point p = attack_point(kept, "%g %% of each layer kept", kept * 100);
	struct attack_found f = { 0 };
	size_t n;
	const struct nn_weight *w = attack_weights(a, &n);

	for (size_t i = 0; i < n; i++) {
		struct range r;

		if (!attack_worth(&w[i]))
			continue;
		if (!bulk_range(c, &w[i], kept, &r))
			return false;
		clip(a, i, r, &f);
	}
	attack_score(a, &f, &p);
	return attack_measure(c, a, &p);
}

/* The ranges of a network of the same architecture that the thief trains on what he has. */
MUST static bool
own_ranges(struct ctx *c, const struct attack *a, struct range r[])
{
	const struct protect_model *m = &a->on->model;
	owned(loot_done) struct loot l = { 0 };
	const struct train_options o = {
		.epochs = 10,
		.batch = loot_batch(a, 32),
		.threads = m->threads,
		.seed = a->on->seed,
		.loss = m->loss,
		.optimiser = { TRAIN_ADAM, 0.9, 0.999, 1e-8, 0, false },
		.schedule = { .kind = TRAIN_ONE_CYCLE, .rate = 0.002 },
		.clip = 5,
	};
	const struct attack_training how = { &l, &o, 0.8, 1, "ranges of another network" };
	size_t n;
	const struct nn_weight *w = attack_weights(a, &n);
	double accuracy;

	if (!loot_take(c, a, 0.05, &l) ||
	    !train_initialise(c, m->model, m->graph, TRAIN_HE, a->on->seed) ||
	    !attack_train(c, a, &how, &accuracy))
		return false;
	for (size_t i = 0; i < n; i++) {
		r[i] = (struct range){ INFINITY, -INFINITY };
		for (int64_t k = 0; k < w[i].count; k++) {
			r[i].low = fminf(r[i].low, w[i].data[k]);
			r[i].high = fmaxf(r[i].high, w[i].data[k]);
		}
	}
	return true;
}

MUST static bool
clip_own(struct ctx *c, struct attack *a)
{
	struct attack_point p = attack_point(NAN, "ranges of a network trained on 5 %%");
	struct attack_found f = { 0 };
	size_t n;
	const struct nn_weight *w = attack_weights(a, &n);
	struct range *r = take(c, (n + 1) * sizeof *r);

	if (r == NULL || !own_ranges(c, a, r))
		return false;
	protect_restore(a->on->model.graph, a->on->locked);
	for (size_t i = 0; i < n; i++)
		if (attack_worth(&w[i]))
			clip(a, i, r[i], &f);
	attack_score(a, &f, &p);
	return attack_measure(c, a, &p);
}

bool
attack_clip(struct ctx *c, struct attack *a)
{
	static const double kept[] = { 0.999, 0.99, 0.95, 0.9 };

	for (size_t i = 0; i < COUNT(kept); i++) {
		attack_tell(a, (double)i / 5, "%g %% kept", kept[i] * 100);
		if (!clip_bulk(c, a, kept[i]))
			return false;
	}
	return clip_own(c, a);
}
