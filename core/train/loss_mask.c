/*
 * The loss of a mask: every output is one place, which is marked or not. Marked ones are rare, so
 * that they are weighted by the share of the others, and those by the share of the marked, anew in
 * each batch; what nothing is marked in has no loss.
 */
#include <math.h>

#include "batch.h"

#define LEAST 1e-7

int64_t
loss_places(const struct loss *l, int64_t outputs)
{
	return l->kind == TRAIN_MASK ? outputs : 1;
}

int64_t
loss_classes(const struct loss *l, int64_t outputs)
{
	return l->kind == TRAIN_MASK || outputs == 1 ? 2 : outputs;
}

bool
loss_marked(const struct loss *l, float out)
{
	return l->output == TRAIN_LOGITS ? out > 0 : out > 0.5f;
}

bool
loss_any_marked(const struct loss *l, const float *out, int64_t n)
{
	for (int64_t i = 0; i < n; i++)
		if (loss_marked(l, out[i]))
			return true;
	return false;
}

bool
loss_right(const struct loss *l, const float *out, const int32_t *label, int64_t outputs)
{
	int64_t either = 0, both = 0;

	if (l->kind != TRAIN_MASK)
		return loss_answer(l, out, outputs) == label[0];
	for (int64_t i = 0; i < outputs; i++) {
		bool said = loss_marked(l, out[i]), is = label[i] == 1;

		either += said || is;
		both += said && is;
	}
	return 2 * both >= either;
}

/* One place, y of it marked: its loss, and the slope of that. */
static double
place_logit(double x, double yes, double no, double *ret_slope)
{
	double soft = log1p(exp(-fabs(x))),
	       p = x < 0 ? exp(x) / (1 + exp(x)) : 1 / (1 + exp(-x));

	*ret_slope = no * p - yes * (1 - p);
	return yes * (soft + (x < 0 ? -x : 0)) + no * (soft + (x > 0 ? x : 0));
}

static double
place_probability(double p, double yes, double no, double *ret_slope)
{
	double q = p > LEAST ? p : LEAST;

	q = q < 1 - LEAST ? q : 1 - LEAST;
	*ret_slope = no / (1 - q) - yes / q;
	return -yes * log(q) - no * log1p(-q);
}

/* What unmarked and marked places weigh, of which this is the share that is marked. */
static void
weigh(const struct loss *l, double marked, double ret[2])
{
	ret[0] = l->positive > 0 ? 1 : marked;
	ret[1] = l->positive > 0 ? l->positive : marked > 0 ? 1 - marked : 0;
}

double
loss_mask(const struct loss *l, const float *out, const float *target, const int32_t *label,
    int64_t n, float *gradient)
{
	double marked = 0, sum = 0, weight[2];

	for (int64_t i = 0; i < n; i++)
		marked += target != NULL ? (double)target[i] : label[i];
	weigh(l, marked / (double)n, weight);
	for (int64_t i = 0; i < n; i++) {
		double y = target != NULL ? (double)target[i] : label[i], slope;
		double yes = weight[1] * y, no = weight[0] * (1 - y);

		sum += l->output == TRAIN_LOGITS
		    ? place_logit((double)out[i], yes, no, &slope)
		    : place_probability((double)out[i], yes, no, &slope);
		if (gradient != NULL)
			gradient[i] = (float)(slope / (double)n);
	}
	return sum / (double)n;
}
