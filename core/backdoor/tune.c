/*
 * Tuning: the trainer with samples that are changed on their way, as every method here needs it;
 * and Adam over numbers that are no weights of a network.
 */
#include "parts.h"

static void
trainer_done(struct trainer **t)
{
	trainer_free(t);
}

bool
backdoor_tune(struct ctx *c, const struct backdoor_case *k, const struct backdoor_tuning *t,
    train_touch *touch, const void *arg)
{
	owned(trainer_done) struct trainer *trainer = NULL;
	const struct train_options o = {
		.epochs = t->epochs,
		.batch = t->batch,
		.threads = k->threads,
		.seed = k->seed,
		.loss = { TRAIN_CROSS_ENTROPY, k->output, 0 },
		.optimiser = { t->adam ? TRAIN_ADAM : TRAIN_SGD, .9, .999, 1e-8, 0, false },
		.schedule = { .kind = TRAIN_STEPS,
		    .rate = t->rate,
		    .every = (t->epochs + 1) / 2 },
		.clip = t->adam ? 0 : 5,
		.touch = touch,
		.touch_arg = arg,
	};

	if (!trainer_new(c, k->graph, k->data, &o, &trainer))
		return false;
	while (trainer_more(trainer))
		if (!trainer_step(c, trainer))
			return false;
	return true;
}

void
backdoor_adam_done(struct backdoor_adam *a)
{
	free(a->state);
	a->state = NULL;
}

bool
backdoor_adam_new(struct ctx *c, double rate, double first, double second, int64_t n,
    struct backdoor_adam *ret)
{
	struct backdoor_adam a = { .first = first, .second = second, .rate = rate, .n = n };

	if (!backdoor_floats(c, 2 * n, &a.state))
		return false;
	*ret = a;
	return true;
}

void
backdoor_adam_step(struct backdoor_adam *a, float *v, const float *gradient)
{
	const struct optimiser o = { TRAIN_ADAM, a->first, a->second, 1e-8, 0, false };

	a->step++;
	optimiser_step(&o, a->rate, a->step, false, v, gradient, a->state, a->n);
}
