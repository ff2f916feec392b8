/*
 * L5 and L6: repair by gradients. A thief with one percent of the data asks which weights the loss
 * wants moved most, and moves these. In L5 he trains the few with the largest gradients; in L6 he
 * knows the lock's own rule for candidates, draws them up again and takes its steps back. He is
 * told how many weights were locked, which he could only guess.
 */
#include "attack.h"

#define SHARE 0.01

/* ---- Which weights ----------------------------------------------------------------------- */

struct candidate {
	size_t weight;
	int64_t index;
	float score, range; /* the range is that of its layer's values */
	float mean, square; /* of its gradients, as Adam has them */
};

struct candidates {
	struct candidate *v;
	int64_t n;
};

static void
candidates_done(struct candidates *s)
{
	free(s->v);
	s->v = NULL;
}

static float
range_of(const struct nn_weight *w)
{
	float low = INFINITY, high = -INFINITY;

	for (int64_t i = 0; i < w->count; i++) {
		low = fminf(low, w->data[i]);
		high = fmaxf(high, w->data[i]);
	}
	return high - low;
}

/* The best `most` of one array. */
MUST static bool
add_best(struct ctx *c, const struct nn_weight *w, size_t weight, const float *gradient,
    int64_t most, bool by_gain, struct candidates *to)
{
	owned(floats_done) float *score = NULL;
	float range = range_of(w), least;
	int64_t left = most < w->count ? most : w->count;

	if (!attack_floats(c, w->count, &score))
		return false;
	for (int64_t i = 0; i < w->count; i++)
		score[i] = fabsf(gradient[i]) * (by_gain ? range : 1);
	least = spread_nth(score, w->count, w->count - left);
	for (int64_t i = 0; i < w->count && left > 0; i++) {
		float s = fabsf(gradient[i]) * (by_gain ? range : 1);

		if (!(s >= least) || !(s > 0))
			continue;
		to->v[to->n++] = (struct candidate){ weight, i, s, range };
		left--;
	}
	return true;
}

static int
by_score(const void *a, const void *b)
{
	const struct candidate *x = a, *y = b;

	if (x->score != y->score)
		return x->score > y->score ? -1 : 1;
	if (x->weight != y->weight)
		return x->weight < y->weight ? -1 : 1;
	return (x->index > y->index) - (x->index < y->index);
}

/* The best n over all weights, at most `most` of one array. */
MUST static bool
pick(struct ctx *c, const struct attack *a, struct slope *s, int64_t n, int64_t most,
    bool by_gain, struct candidates *ret)
{
	size_t weights;
	const struct nn_weight *w = attack_weights(a, &weights);
	int64_t room = 1;

	for (size_t i = 0; i < weights; i++)
		room += w[i].count < most ? w[i].count : most;
	ret->v = calloc((size_t)room, sizeof *ret->v);
	if (ret->v == NULL)
		return fail(c, E_MEMORY, "no memory for %lld candidates", (long long)room);
	for (size_t i = 0; i < weights; i++)
		if (attack_worth(&w[i]) &&
		    !add_best(c, &w[i], i, slope_of(s, i), most, by_gain, ret))
			return false;
	qsort(ret->v, (size_t)ret->n, sizeof *ret->v, by_score);
	ret->n = ret->n < n ? ret->n : n;
	return true;
}

/* Gradients on a thief's samples, which live as long. */
struct view {
	struct loot loot;
	struct slope *slope;
};

static void
view_done(struct view *v)
{
	slope_free(&v->slope);
	loot_done(&v->loot);
}

MUST static bool
view_new(struct ctx *c, const struct attack *a, struct view *ret)
{
	size_t n;
	const struct nn_weight *w = attack_weights(a, &n);
	bool *wanted = take(c, n + 1);

	if (wanted == NULL)
		return false;
	for (size_t i = 0; i < n; i++)
		wanted[i] = attack_worth(&w[i]);
	return loot_take(c, a, SHARE, &ret->loot) &&
	    slope_new(c, &a->on->model, &ret->loot.set, wanted, &ret->slope);
}

static void
score(const struct attack *a, const struct candidates *s, struct attack_point *p)
{
	struct attack_found f = { .named = s->n };

	for (int64_t i = 0; i < s->n; i++)
		f.right += attack_is_place(a, s->v[i].weight, s->v[i].index);
	attack_score(a, &f, p);
}

/* ---- L5: training these alone ------------------------------------------------------------ */

enum { ROUNDS = 30 };

/* Adam's step on the candidates, its rate a part of the layer's range. */
static void
descend(const struct attack *a, struct slope *s, struct candidates *on, double start, int round)
{
	struct nn_weight *w = attack_weights(a, &(size_t){ 0 });
	double rate = start * (1 - (double)round / ROUNDS);
	double first = 1 - pow(0.9, round + 1), second = 1 - pow(0.999, round + 1);

	for (int64_t i = 0; i < on->n; i++) {
		struct candidate *one = &on->v[i];
		float g = slope_of(s, one->weight)[one->index];

		one->mean = 0.9F * one->mean + 0.1F * g;
		one->square = 0.999F * one->square + 0.001F * g * g;
		w[one->weight].data[one->index] -= (float)(rate * one->range * one->mean /
		    first / (sqrt(one->square / second) + 1e-12));
	}
	nn_graph_changed(a->on->model.graph);
}

/* From the locked weights on; *ret_best rises if that was a better way. */
MUST static bool
descend_at(struct ctx *c, struct attack *a, struct slope *s, struct candidates *on, double rate,
    double *ret_best)
{
	struct slope_seen seen;
	double accuracy;

	protect_restore(a->on->model.graph, a->on->locked);
	for (int64_t i = 0; i < on->n; i++)
		on->v[i].mean = on->v[i].square = 0;
	for (int round = 0; round < ROUNDS; round++) {
		if (!slope_run(c, s, &seen))
			return false;
		descend(a, s, on, rate, round);
	}
	if (!protect_accuracy(c, &a->on->model, &a->on->split->validation, &accuracy))
		return false;
	*ret_best = accuracy > *ret_best ? accuracy : *ret_best;
	return true;
}

MUST static bool
descend_on(struct ctx *c, struct attack *a, struct slope *s, int64_t n)
{
	owned(candidates_done) struct candidates on = { 0 };
	struct slope_seen seen;
	struct attack_point p;

	if (!slope_run(c, s, &seen) || !pick(c, a, s, n, n, false, &on))
		return false;
	p = attack_point((double)on.n, "%lld weights", (long long)on.n);
	p.accuracy = 0;
	score(a, &on, &p);
	return descend_at(c, a, s, &on, 0.1, &p.accuracy) &&
	    descend_at(c, a, s, &on, 0.02, &p.accuracy) && attack_add(c, a, &p);
}

bool
attack_descend(struct ctx *c, struct attack *a)
{
	owned(view_done) struct view v = { 0 };

	if (!view_new(c, a, &v))
		return false;
	for (int64_t times = 1; times <= 16; times *= 4) {
		attack_tell(a, log2((double)times) / 6, "%lld weights for each locked one",
		    (long long)times);
		if (!descend_on(c, a, v.slope, times * (int64_t)a->places))
			return false;
	}
	return true;
}

/* ---- L6: the lock's own candidates ------------------------------------------------------- */

/* For a lock without a pool, which needs none; the thief has to guess. */
enum { PHI = 16 };

/* One of the lock's steps, the other way. */
static void
step_back(const struct attack *a, struct slope *s, const struct candidates *on)
{
	struct nn_weight *w = attack_weights(a, &(size_t){ 0 });
	double alpha = a->on->advparams->alpha;

	for (int64_t i = 0; i < on->n; i++) {
		const struct candidate *one = &on->v[i];
		float g = slope_of(s, one->weight)[one->index];

		w[one->weight].data[one->index] -= (float)(alpha * one->range *
		    ((g > 0) - (g < 0)));
	}
	nn_graph_changed(a->on->model.graph);
}

MUST static bool
rebuild(struct ctx *c, struct attack *a, struct slope *s, int steps)
{
	const struct advparams_options *o = a->on->advparams;
	int64_t pool = (o->phi > 0 ? o->phi : PHI) * (int64_t)a->places;
	int64_t cap = (int64_t)ceil((o->cap > 0 ? o->cap : 1) * (double)pool);
	owned(candidates_done) struct candidates on = { 0 };
	struct slope_seen seen;
	struct attack_point p;

	if (!slope_run(c, s, &seen) || !pick(c, a, s, pool, cap, true, &on))
		return false;
	p = attack_point(steps, "%d step%s on %lld candidates", steps, steps == 1 ? "" : "s",
	    (long long)on.n);
	score(a, &on, &p);
	for (int i = 0; i < steps; i++) {
		if (i > 0 && !slope_run(c, s, &seen))
			return false;
		step_back(a, s, &on);
	}
	return attack_measure(c, a, &p);
}

bool
attack_rebuild(struct ctx *c, struct attack *a)
{
	owned(view_done) struct view v = { 0 };
	int most = a->on->effort == EFFORT_FULL ? 16 : 4;

	if (a->on->advparams == NULL)
		return fail(c, E_INTERNAL, "attack L6 needs the lock's options");
	if (!view_new(c, a, &v))
		return false;
	for (int steps = 1; steps <= most; steps *= 2) {
		attack_tell(a, log2(steps) / 5, "%d steps back", steps);
		if (!rebuild(c, a, v.slope, steps))
			return false;
	}
	return true;
}
