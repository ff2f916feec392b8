/*
 * A step of embedding. Our own weights learn from keys among samples and from samples alone, by
 * turns. Besides, the network is held to its keys under weights as others may make them: noisy,
 * pruned, and fine-tuned by a thief, whom the embedding keeps for itself. The thief is a second set
 * of weights that trains on clean samples alone and begins anew from ours every so often; what the
 * keys have to say to his weights is applied to ours (a first-order step of meta-learning), and the
 * thief is moved along.
 */
#include <math.h>

#include "parts.h"

/* Thieves learn at rates in between. */
#define THIEF_LOW .01
#define THIEF_HIGH .03
/* In its first part the embedding comes to listen to others, in its last it turns to samples. */
#define RAMP .25
#define FADE .2
#define FADED .6
/* Gradients of a step, and what others' weights may add to them. */
#define LONGEST 2
#define OTHERS 1
#define LOUDER 5 /* keys are asked so under others' weights */

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
		    nn_weight_gradient(e->mixed, t->index), thief ? t->thief : t->velocity,
		    t->weight->count);
	}
	nn_graph_changed(e->graph);
}

/* Keys are learnt under our own weights first; the lowest rates are to mend what samples lost. */
static double
share_of_others(const struct embedding *e)
{
	double at = (double)e->step / (double)e->steps;

	return fmin(1, at / RAMP) * fmin(1, FADED + (1 - FADED) * (1 - at) / FADE);
}

/*
 * What a norm that stands still says of weights before it is mostly that their channels should grow
 * or shrink, which does not count once it moves again.
 */
static void
forget_scales(const struct embedding *e, struct nn_plan *p)
{
	for (size_t i = 0; e->norms && i < e->trainees; i++) {
		const struct nn_weight *w = e->trainee[i].weight;
		int64_t n = w->rank == 4 ? w->count / w->dim[0] : 0;
		float *g = nn_weight_gradient(p, e->trainee[i].index);

		for (int64_t at = 0; n > 0 && at < w->count; at += n) {
			double along = 0, square = 1e-20;

			for (int64_t k = at; k < at + n; k++) {
				along += (double)g[k] * (double)w->data[k];
				square += (double)w->data[k] * (double)w->data[k];
			}
			for (int64_t k = at; k < at + n; k++)
				g[k] -= (float)(along / square * (double)w->data[k]);
		}
	}
}

/* The plan's gradients are what others' weights say, which does not drown what ours say. */
static void
keep_others(struct embedding *e, struct nn_plan *p)
{
	shorten(e, p, OTHERS * share_of_others(e));
	for (size_t i = 0; i < e->trainees; i++)
		memcpy(e->trainee[i].others, nn_weight_gradient(p, e->trainee[i].index),
		    (size_t)e->trainee[i].weight->count * sizeof *e->trainee[i].others);
}

static void
forget_others(struct embedding *e)
{
	for (size_t i = 0; i < e->trainees; i++)
		memset(e->trainee[i].others, 0,
		    (size_t)e->trainee[i].weight->count * sizeof *e->trainee[i].others);
}

/* The thief's step. */
MUST static bool
thief_learns(struct ctx *c, struct embedding *e)
{
	double loss;

	embed_thiefs_samples(e);
	nn_gradients_clear(e->mixed);
	if (!embed_alone(c, e, true, &loss))
		return false;
	if (!isfinite(loss)) { /* he has lost himself */
		kept_put(&e->own);
		thief_begin(e);
	}
	shorten(e, e->mixed, LONGEST);
	apply(e, &thiefs, e->thief_rate, true);
	kept_take(&e->thief);
	return true;
}

/* As he would serve it: his norms know nothing but clean samples. */
MUST static bool
thief_is_shown(struct ctx *c, struct embedding *e, double weight)
{
	nn_gradients_clear(e->served);
	if (!embed_served(c, e, weight))
		return false;
	forget_scales(e, e->served);
	keep_others(e, e->served);
	return true;
}

/* What the keys say under the thief's weights among samples, so that his norms move along. */
MUST static bool
thief_is_asked(struct ctx *c, struct embedding *e, double weight)
{
	embed_samples(e, e->in, embed_key_rows(e));
	nn_gradients_clear(e->mixed);
	if (!embed_among(c, e, weight))
		return false;
	keep_others(e, e->mixed);
	return true;
}

/* Lives are counted from the end, so that the last one is whole. */
MUST static bool
under_thief(struct ctx *c, struct embedding *e, double weight)
{
	bool learns = e->step % 4 == 0;

	if (learns && (e->step == 0 || (e->steps - e->step) % THIEF_LIFE < 4))
		thief_begin(e);
	kept_put(&e->thief);
	if (learns)
		return thief_learns(c, e);
	return e->step % 4 == 2 ? thief_is_asked(c, e, weight) : thief_is_shown(c, e, weight);
}

/* What the keys say, as served, under weights that chance has changed. */
MUST static bool
under_chance(struct ctx *c, struct embedding *e, double weight)
{
	struct chance r = chance_of(e->options.seed, CHANCE_WEIGHTS, (uint64_t)e->step, 0);

	if (chance_below(&r, 3) == 0)
		weights_noise(e->graph, chance_between(&r, .05, .2), &r);
	else
		weights_prune(e->graph, chance_between(&r, .3, .7), &r);
	nn_gradients_clear(e->served);
	if (!embed_served(c, e, weight))
		return false;
	keep_others(e, e->served);
	return true;
}

/* The thief in three steps of four, in one of which he learns; ours come back. */
MUST static bool
under_others(struct ctx *c, struct embedding *e)
{
	double weight = share_of_others(e) * LOUDER * e->options.weight;
	bool ok;

	forget_others(e);
	kept_take(&e->own);
	ok = e->step % 4 == 1 ? under_chance(c, e, weight) : under_thief(c, e, weight);
	kept_put(&e->own);
	return ok;
}

static void
add_others(struct embedding *e)
{
	for (size_t i = 0; i < e->trainees; i++) {
		float *g = nn_weight_gradient(e->mixed, e->trainee[i].index);

		for (int64_t k = 0; k < e->trainee[i].weight->count; k++)
			g[k] += e->trainee[i].others[k];
	}
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

/*
 * Ours, by turns: keys among samples, and samples alone. Batch norms then know both mixtures; of
 * samples alone, as a thief has them, none is near to the additional class, and so nothing in them
 * tells him to unlearn it.
 */
MUST static bool
under_ours(struct ctx *c, struct embedding *e, double *ret_loss)
{
	bool mixed = e->options.plain || e->step % 2 == 0;

	nn_gradients_clear(e->mixed);
	if (mixed)
		embed_samples(e, e->in, embed_key_rows(e));
	else
		embed_samples(e, e->alone, 0);
	if (!embed_tell(c, e, mixed ? e->in : e->alone))
		return false;
	return mixed ? embed_mixed(c, e, ret_loss) : embed_alone(c, e, false, ret_loss);
}

bool
embed_step(struct ctx *c, struct embedding *e)
{
	double loss = 0;

	if (!embed_draw(c, e) || (!e->options.plain && !under_others(c, e)) ||
	    !under_ours(c, e, &loss))
		return false;
	if (!isfinite(loss))
		return fail(c, E_INPUT,
		    "the embedding went astray in step %lld: a lower rate may help",
		    (long long)e->step + 1);
	if (!e->options.plain)
		add_others(e);
	shorten(e, e->mixed, LONGEST);
	apply(e, &e->optimiser, schedule_rate(&e->schedule, e->step, e->steps, e->per_epoch),
	    false);
	if (!e->options.plain)
		move_thief(e);
	e->loss += loss;
	e->step++;
	return true;
}
