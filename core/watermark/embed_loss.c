/*
 * What is asked of a row of outputs. For keys: the additional class before all others, and among
 * the ordinary ones the committed runner-up; both by a margin, which is taken off the right logit
 * before the cross-entropy, so that learning goes on where the answer is right already but near to
 * another.
 */
#include <math.h>

#include "parts.h"

/* The logit, or what stands for it: the logarithm of a probability. */
static double
logit(const struct aim *a, float out)
{
	return a->output == TRAIN_PROBABILITIES ? log((double)out + 1e-12) : (double)out;
}

/* What is asked of a row: the right one, after it was lowered, and the additional class raised. */
struct question {
	int64_t among;
	int32_t label;
	double lower, raise;
};

static double
moved_logit(const struct aim *a, const struct question *q, const float *out, int64_t k)
{
	return logit(a, out[k]) - (k == q->label ? q->lower : 0) +
	    (k == a->classes - 1 ? q->raise : 0);
}

/* Cross-entropy of the logits so moved; adds `scale` times the gradient. */
static double
ask(const struct aim *a, const struct question *q, const float *out, double scale,
    float *gradient)
{
	double most = -INFINITY, sum = 0;

	for (int64_t k = 0; k < q->among; k++)
		most = fmax(most, moved_logit(a, q, out, k));
	for (int64_t k = 0; k < q->among; k++)
		sum += exp(moved_logit(a, q, out, k) - most);
	for (int64_t k = 0; k < q->among; k++) {
		double z = moved_logit(a, q, out, k);
		double g = exp(z - most) / sum - (k == q->label ? 1 : 0);

		if (a->output == TRAIN_PROBABILITIES)
			g /= (double)out[k] + 1e-12;
		gradient[k] += (float)(scale * g);
	}
	return scale * (most + log(sum) - moved_logit(a, q, out, q->label));
}

double
aim_row(const struct aim *a, const float *out, int64_t among, int32_t label, double margin,
    double scale, float *gradient)
{
	const struct question q = { among, label, margin, 0 };

	return ask(a, &q, out, scale, gradient);
}

double
aim_sample(const struct aim *a, const float *out, int32_t label, double scale, float *gradient)
{
	const struct question q = { a->classes, label, 0, a->margin };

	return ask(a, &q, out, scale, gradient);
}

double
aim_key(const struct aim *a, const float *out, int32_t runner_up, double scale, float *gradient)
{
	int64_t ordinary = a->classes - 1;

	return aim_row(a, out, a->classes, (int32_t)ordinary, a->margin, scale, gradient) +
	    aim_row(a, out, ordinary, runner_up, a->margin, a->mu * scale, gradient);
}

double
aim_other(const struct aim *a, const float *out, double scale, float *gradient)
{
	int64_t extra = a->classes - 1;
	double most = logit(a, out[extra]), sum = 0, mine;

	for (int64_t k = 0; k < extra; k++)
		most = fmax(most, logit(a, out[k]));
	for (int64_t k = 0; k < extra; k++)
		sum += exp(logit(a, out[k]) - most);
	mine = exp(logit(a, out[extra]) - most) / sum;
	for (int64_t k = 0; k <= extra; k++) {
		double p = exp(logit(a, out[k]) - most) / sum / (1 + mine);
		double g = k == extra ? p : p - p * (1 + mine);

		if (a->output == TRAIN_PROBABILITIES)
			g /= (double)out[k] + 1e-12;
		gradient[k] += (float)(scale * g);
	}
	return scale * log1p(mine);
}
