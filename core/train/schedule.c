/*
 * Schedules: the learning rate as a function of where training is.
 */
#include <math.h>

#include "train.h"

static double
or_else(double value, double otherwise)
{
	return value > 0 ? value : otherwise;
}

/* From one value to another along half a cosine. */
static double
glide(double from, double to, double share)
{
	return to + (from - to) / 2 * (1 + cos(M_PI * share));
}

/* One-cycle: where in its rise (first value) or fall (second) a step is; PyTorch's count. */
static double
cycle(
    const struct schedule *s, int64_t step, int64_t steps, double low, double high, double last)
{
	double top = or_else(s->warmup, 0.3) * (double)steps - 1, end = (double)steps - 1;
	double at = (double)step;

	if (at <= top && top > 0)
		return glide(low, high, at / top);
	if (end <= top)
		return high;
	return glide(high, last, (at - top) / (end - top));
}

static double
one_cycle(const struct schedule *s, int64_t step, int64_t steps)
{
	double low = s->rate / or_else(s->start, 25);

	return cycle(s, step, steps, low, s->rate, low / or_else(s->end, 1e4));
}

/* The rise of all but one-cycle, which has its own. */
static double
rise(const struct schedule *s, int64_t step, int64_t steps)
{
	double length = s->warmup * (double)steps, at = (double)step + 1;

	return at < length ? at / length : 1;
}

double
schedule_rate(const struct schedule *s, int64_t step, int64_t steps, int64_t epoch)
{
	int64_t epochs = steps / epoch;
	int64_t every = s->every > 0 ? s->every : (epochs + 2) / 3;
	double from = s->warmup * (double)steps;

	switch (s->kind) {
	case TRAIN_CONSTANT:
		return s->rate * rise(s, step, steps);
	case TRAIN_COSINE:
		if ((double)step < from)
			return s->rate * rise(s, step, steps);
		return glide(s->rate, 0, ((double)step - from) / ((double)steps - from));
	case TRAIN_STEPS:
		return s->rate * rise(s, step, steps) *
		    pow(or_else(s->factor, 0.1), (double)(step / epoch / every));
	case TRAIN_ONE_CYCLE:
		return one_cycle(s, step, steps);
	}
	abort();
}

double
schedule_momentum(const struct schedule *s, double momentum, int64_t step, int64_t steps)
{
	if (s->kind != TRAIN_ONE_CYCLE || s->momentum_low <= 0)
		return momentum;
	return cycle(s, step, steps, momentum, s->momentum_low, momentum);
}
