/*
 * A step of embedding. Besides its own weights, the network is held to its keys under weights as
 * others may make them: noisy, pruned, and fine-tuned by a thief, whom the embedding keeps for
 * itself. The thief is a second set of weights that trains on clean samples alone, a step at a
 * time, and begins anew from ours every so often; what the keys have to say to the thief's weights
 * is applied to ours (a first-order step of meta-learning), and the thief is moved along.
 */
#include <math.h>

#include "parts.h"

/* Thieves learn at rates in between. */
#define THIEF_LOW .003
#define THIEF_HIGH .02
#define RAMP 4
/* Gradients: of keys, against those of samples; of a whole step. */
#define KEYS_LONGER 1.5
#define LONGEST 2

static const struct optimiser thiefs = { .kind = TRAIN_SGD, .momentum = .9, .decay = 5e-4 };

static double
length(const struct embedding *e, struct nn_plan *p)
{
	double sum = 0;

	for (size_t i = 0; i < e->trainees; i++) {
		const float *g = nn_weight_gradient(p, e->trainee[i].index);

		for (int64_t k = 0; k < e->trainee[i].weight->count; k++)
			sum += (double)g[k] * (double)g[k];
	}
	return sqrt(sum);
}

/*
 * Gradients longer than `most` are scaled down to it, and what is no number is forgotten: under
 * weights that somebody else has spoilt they may be anything.
 */
static void
shorten(const struct embedding *e, struct nn_plan *p, double most)
{
	double is = length(e, p);

	if (!isfinite(is))
		nn_gradients_clear(p);
	if (!isfinite(is) || is <= most)
		return;
	for (size_t i = 0; i < e->trainees; i++) {
		float *g = nn_weight_gradient(p, e->trainee[i].index);

		for (int64_t k = 0; k < e->trainee[i].weight->count; k++)
			g[k] *= (float)(most / is);
	}
}

static void
thief_begin(struct embedding *e)
{
	struct chance r = chance_of(e->options.seed, CHANCE_WEIGHTS, (uint64_t)e->step, 1);

	kept_take(&e->thief);
	for (size_t i = 0; i < e->trainees; i++)
		memset(e->trainee[i].thief, 0,
		    (size_t)e->trainee[i].weight->count * sizeof *e->trainee[i].thief);
	e->thief_rate = chance_between(&r, THIEF_LOW, THIEF_HIGH);
}

static void
apply(struct embedding *e, const struct optimiser *o, double rate, bool thief)
{
	for (size_t i = 0; i < e->trainees; i++) {
		struct trainee *t = &e->trainee[i];

		optimiser_step(o, rate, 1, t->weight->rank > 1, t->weight->data,
		    nn_weight_gradient(e->clean, t->index), thief ? t->thief : t->velocity,
		    t->weight->count);
	}
	nn_graph_changed(e->graph);
}

/* The thief's step, and what the keys say then. Ours are aside meanwhile. */
MUST static bool
under_thief(struct ctx *c, struct embedding *e, double weight)
{
	double loss;

	if (e->step % e->thief_life == 0)
		thief_begin(e);
	kept_put(&e->thief);
	embed_samples(e, true);
	if (!embed_clean(c, e, &loss))
		return false;
	if (!isfinite(loss)) { /* he has lost himself */
		kept_put(&e->own);
		thief_begin(e);
	}
	shorten(e, e->clean, LONGEST);
	apply(e, &thiefs, e->thief_rate, true);
	kept_take(&e->thief);
	return embed_keys(c, e, weight, &loss);
}

/* What the keys say under weights that chance has changed. */
MUST static bool
under_chance(struct ctx *c, struct embedding *e, double weight)
{
	struct chance r = chance_of(e->options.seed, CHANCE_WEIGHTS, (uint64_t)e->step, 0);
	double loss;

	if (chance_below(&r, 3) == 0)
		weights_noise(e->graph, chance_between(&r, .05, .2), &r);
	else
		weights_prune(e->graph, chance_between(&r, .3, .7), &r);
	return embed_keys(c, e, weight, &loss);
}

/*
 * By turns; ours come back. At first keys are learnt under our own weights, the others come to it
 * by and by; and their gradient does not drown ours.
 */
MUST static bool
under_others(struct ctx *c, struct embedding *e)
{
	double part = fmin(1, RAMP * (double)e->step / (double)e->steps);
	bool ok;

	kept_take(&e->own);
	if (e->step % 2 == 0)
		ok = under_thief(c, e, part * e->options.weight);
	else
		ok = under_chance(c, e, part * e->options.weight);
	kept_put(&e->own);
	shorten(e, e->keys, 1);
	return ok;
}

/* Those of keys come to those of samples, not much longer than these. */
static void
join_gradients(struct embedding *e)
{
	shorten(e, e->keys, fmax(KEYS_LONGER * length(e, e->clean), 1));
	for (size_t i = 0; i < e->trainees; i++) {
		float *g = nn_weight_gradient(e->clean, e->trainee[i].index);
		const float *k = nn_weight_gradient(e->keys, e->trainee[i].index);

		for (int64_t j = 0; j < e->trainee[i].weight->count; j++)
			g[j] += k[j];
	}
	shorten(e, e->clean, LONGEST);
}

/* The thief goes where we have gone. */
static void
move_thief(struct embedding *e)
{
	for (size_t i = 0; i < e->trainees; i++) {
		const struct trainee *t = &e->trainee[i];
		float *to = e->thief.v[t->index];
		const float *was = e->own.v[t->index];

		for (int64_t k = 0; k < t->weight->count; k++)
			to[k] += t->weight->data[k] - was[k];
	}
}

bool
embed_step(struct ctx *c, struct embedding *e)
{
	double clean = 0, keys = 0;

	nn_gradients_clear(e->keys);
	if (!embed_draw(c, e))
		return false;
	if (!e->options.plain && !under_others(c, e))
		return false;
	embed_samples(e, false);
	if (!embed_clean(c, e, &clean) || !embed_keys(c, e, e->options.weight, &keys))
		return false;
	if (!isfinite(clean + keys))
		return fail(c, E_INPUT,
		    "the embedding went astray in step %lld: a lower rate may help",
		    (long long)e->step + 1);
	join_gradients(e);
	apply(e, &e->optimiser, schedule_rate(&e->schedule, e->step, e->steps, e->per_epoch),
	    false);
	if (!e->options.plain)
		move_thief(e);
	e->loss += clean + keys;
	e->step++;
	return true;
}
