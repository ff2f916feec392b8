/*
 * L1: what further training gives back. The thief fine-tunes the locked weights with a share of the
 * data; beside that stands what he had reached without the file, by training the same network from
 * scratch on the same samples for as long. Both try the same optimisers and rates, and the best is
 * taken each time, for the thief's benefit. The gap is what the lock fails to deny.
 */
#include <stdio.h>

#include "attack.h"

/* clang-format off */
static const struct {
	enum train_optimiser kind;
	double rate;
} tries[] = {
	{ TRAIN_SGD,  0.01 },
	{ TRAIN_SGD,  0.05 },
	{ TRAIN_ADAM, 0.002 },
};
static const struct {
	double share;
	enum protect_effort effort;
} shares[] = {
	{ 0.01, EFFORT_QUICK },
	{ 0.05, EFFORT_QUICK },
	{ 0.10, EFFORT_QUICK },
	{ 0.20, EFFORT_FULL },
	{ 0.30, EFFORT_FULL },
	{ 0.50, EFFORT_FULL },
};
/* clang-format on */

enum {
	BATCH = 32,
	REPEATS = 3,
	REPEAT_SEEN = 36000, /* samples of all repeats together, unless one sees more */
	SEEN_MAX = 4000000,  /* samples that a training sees at most, whatever its epochs */
};

/* Up to this share all ways are tried; beyond it, the one that was the best before. */
#define ALL_WAYS 0.1

struct tuning {
	const struct attack *a;
	double done, all; /* of the whole attack's work */
	size_t best[2];   /* ways: from the file, from scratch */
	struct loot loot; /* of the present share, and so are the next */
	double share;
	int64_t epochs;
	int repeats;
};

static void
tuning_done(struct tuning *t)
{
	loot_done(&t->loot);
}

static int64_t
epochs_of(const struct attack *a, int64_t samples)
{
	int64_t epochs = a->on->effort == EFFORT_FULL ? 20 : 10;

	if (epochs * samples > SEEN_MAX)
		epochs = SEEN_MAX / samples;
	return epochs < 1 ? 1 : epochs;
}

static struct train_options
options_of(const struct tuning *t, size_t nth, int repeat)
{
	bool adam = tries[nth].kind == TRAIN_ADAM;

	return (struct train_options){
		.epochs = t->epochs,
		.batch = loot_batch(t->a, BATCH),
		.threads = t->a->on->model.threads,
		.seed = t->a->on->seed + (uint64_t)repeat,
		.loss = t->a->on->model.loss,
		.optimiser = { tries[nth].kind, 0.9, 0.999, 1e-8, adam ? 0 : 5e-4, !adam },
		.schedule = { .kind = TRAIN_ONE_CYCLE, .rate = tries[nth].rate },
		.clip = 5,
	};
}

/* Where the training begins: the file that was stolen, or nothing. */
MUST static bool
begin(struct ctx *c, const struct tuning *t, bool scratch, int repeat)
{
	const struct protect_model *m = &t->a->on->model;

	protect_restore(m->graph, t->a->on->locked);
	if (!scratch)
		return true;
	return train_initialise(
	    c, m->model, m->graph, TRAIN_HE, t->a->on->seed + (uint64_t)repeat);
}

/* The work of one way on one share, in the same units as any other. */
static double
work_of(double share, bool all_ways)
{
	return share * 2 * (all_ways ? COUNT(tries) : 1);
}

/* The mean of one way over the repeats. */
MUST static bool
try_way(struct ctx *c, struct tuning *t, bool scratch, size_t nth, double *ret)
{
	double sum = 0, one = 0, step = t->share / t->repeats;
	char note[64];

	(void)snprintf(note, sizeof note, "%g %% of the data, %s", t->share * 100,
	    scratch ? "from scratch" : "fine-tuning");
	for (int r = 0; r < t->repeats; r++) {
		struct train_options o = options_of(t, nth, r);
		const struct attack_training how = { &t->loot, &o, t->done / t->all,
			(t->done + step) / t->all, note };

		if (!begin(c, t, scratch, r) || !attack_train(c, t->a, &how, &one))
			return false;
		sum += one;
		t->done += step;
	}
	*ret = sum / t->repeats;
	return true;
}

/* What the best of the ways gives. */
MUST static bool
best_of(struct ctx *c, struct tuning *t, bool scratch, double *ret)
{
	double best = -1, one = 0;
	size_t before = t->best[scratch];

	for (size_t nth = 0; nth < COUNT(tries); nth++) {
		if (t->share > ALL_WAYS && nth != before)
			continue;
		if (!try_way(c, t, scratch, nth, &one))
			return false;
		if (one <= best)
			continue;
		best = one;
		t->best[scratch] = nth;
	}
	*ret = best;
	return true;
}

MUST static bool
tune_share(struct ctx *c, struct attack *a, struct tuning *t, double share)
{
	struct attack_point p;
	int64_t n;

	loot_done(&t->loot);
	if (!loot_take(c, a, share, &t->loot))
		return false;
	n = t->loot.labels.n;
	t->share = share;
	t->epochs = epochs_of(a, n);
	t->repeats = (int)(REPEAT_SEEN / (n * t->epochs));
	t->repeats = t->repeats < 1 ? 1 : t->repeats > REPEATS ? REPEATS : t->repeats;
	p = attack_point((double)n / (double)a->on->split->thief.n,
	    "%g %% of the data, %lld samples, %lld epochs", share * 100, (long long)n,
	    (long long)t->epochs);
	return best_of(c, t, false, &p.accuracy) && best_of(c, t, true, &p.against) &&
	    attack_add(c, a, &p);
}

/* What the curve says, in a sentence. */
static void
say(struct attack_result *r)
{
	const struct attack_point *worst = NULL;
	double gap = -1;

	for (size_t i = 0; i < r->points; i++)
		if (r->point[i].accuracy - r->point[i].against > gap) {
			gap = r->point[i].accuracy - r->point[i].against;
			worst = &r->point[i];
		}
	if (worst == NULL)
		return;
	if (gap <= 0.02)
		(void)snprintf(r->note, sizeof r->note,
		    "The file is no help: with no share of the data is it more than %.1f points "
		    "better to begin from it than from nothing.",
		    gap > 0 ? ceil(gap * 1000) / 10 : 0);
	else
		(void)snprintf(r->note, sizeof r->note,
		    "The file still helps: beginning from it is up to %.1f points better than "
		    "beginning from nothing (with %g %% of the data).",
		    gap * 100, round(worst->x * 1000) / 10);
}

bool
attack_tune(struct ctx *c, struct attack *a)
{
	owned(tuning_done) struct tuning t = { .a = a };

	for (size_t i = 0; i < COUNT(shares); i++)
		if (shares[i].effort <= a->on->effort)
			t.all += work_of(shares[i].share, shares[i].share <= ALL_WAYS);
	for (size_t i = 0; i < COUNT(shares); i++)
		if (shares[i].effort <= a->on->effort && !tune_share(c, a, &t, shares[i].share))
			return false;
	say(a->result);
	return true;
}
