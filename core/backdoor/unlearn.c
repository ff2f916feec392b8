/*
 * Unlearning: samples that wear a trigger, with the labels that they have without it.
 */
#include "parts.h"

struct unlearning {
	const struct backdoor_mark *mark;
	uint64_t seed;
	double share;
};

static void
unlearn_touch(const void *arg, int64_t epoch, int64_t sample, float *x, int32_t *label)
{
	const struct unlearning *u = arg;
	struct chance r = chance_of(u->seed, CHANCE_STAMP, (uint64_t)epoch, (uint64_t)sample);

	(void)label;
	if (chance_unit(&r) < u->share)
		backdoor_stamp(u->mark, x);
}

struct backdoor_tuning
cleanse_unlearning(void)
{
	return (struct backdoor_tuning){ .epochs = 4, .batch = 32, .rate = .01, .share = .2 };
}

bool
cleanse_unlearn(struct ctx *c, const struct backdoor_case *k, const struct backdoor_mark *m,
    const struct backdoor_tuning *t)
{
	const struct unlearning u = { m, k->seed, t->share };

	return backdoor_tune(c, k, t, unlearn_touch, &u);
}
