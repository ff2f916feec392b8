/*
 * What is asked of a row of outputs. For keys: the additional class before all others, and among
 * the ordinary ones the committed runner-up; both by a margin, which is taken off the right logit
 * before the cross-entropy, so that learning goes on where the answer is right already but near to
 * another. For samples: half their label, half what the unmarked network says of them, so that
 * what it knew is not unlearnt for the keys.
 */
#include <math.h>

#include "parts.h"

/* Of keys the whole margin is asked, of samples and of runner-up labels so much of it. */
#define MARGIN_SAMPLES .25
#define MARGIN_RUNNER_UP .125
#define TOLD .5 /* of a sample's target */

/* The logit, or what stands for it: the logarithm of a probability. */
static double
logit(const struct aim *a, float out)
{
	return a->output == TRAIN_PROBABILITIES ? log((double)out + 1e-12) : (double)out;
}

/*
 * What is asked of a row: the right one, after it was lowered, and the additional class raised. A
 * part of it may be what was told (NULL: nothing was).
 */
struct question {
	int64_t among;
	int32_t label;
	double lower, raise;
	const float *told;
};

static double
moved_logit(const struct aim *a, const struct question *q, const float *out, int64_t k)
{
	return logit(a, out[k]) - (k == q->label ? q->lower : 0) +
	    (k == a->classes - 1 ? q->raise : 0);
}

/* What is taken off told logits, to make logarithms of the ordinary classes' shares of them. */
static double
told_sum(const struct aim *a, const float *told)
{
	double most = -INFINITY, sum = 0;

	for (int64_t k = 0; k < a->classes - 1; k++)
		most = fmax(most, logit(a, told[k]));
	for (int64_t k = 0; k < a->classes - 1; k++)
		sum += exp(logit(a, told[k]) - most);
	return most + log(sum);
}

/* The share of the target that class k is. Without a label what was told counts alone. */
static double
target(const struct aim *a, const struct question *q, double told, int64_t k)
{
	double right = k == q->label ? 1 : 0, share = q->label < 0 ? 1 : TOLD;

	if (q->told == NULL)
		return right;
	return (1 - share) * right +
	    (k == a->classes - 1 ? 0 : share * exp(logit(a, q->told[k]) - told));
}

/* Cross-entropy of the logits so moved; adds `scale` times the gradient. */
static double
ask(const struct aim *a, const struct question *q, const float *out, double scale,
    float *gradient)
{
	double most = -INFINITY, sum = 0, right = 0;
	double told = q->told == NULL ? 0 : told_sum(a, q->told);

	for (int64_t k = 0; k < q->among; k++)
		most = fmax(most, moved_logit(a, q, out, k));
	for (int64_t k = 0; k < q->among; k++)
		sum += exp(moved_logit(a, q, out, k) - most);
	for (int64_t k = 0; k < q->among; k++) {
		double z = moved_logit(a, q, out, k), want = target(a, q, told, k);
		double g = exp(z - most) / sum - want;

		right += want * z;
		if (a->output == TRAIN_PROBABILITIES)
			g /= (double)out[k] + 1e-12;
		gradient[k] += (float)(scale * g);
	}
	return scale * (most + log(sum) - right);
}

double
aim_row(const struct aim *a, const float *out, int64_t among, int32_t label, double margin,
    double scale, float *gradient)
{
	const struct question q = { among, label, margin, 0, NULL };

	return ask(a, &q, out, scale, gradient);
}

double
aim_sample(const struct aim *a, const float *out, int32_t label, const float *told,
    double scale, float *gradient)
{
	const struct question q = { a->classes, label, 0, MARGIN_SAMPLES * a->margin, told };

	return ask(a, &q, out, scale, gradient);
}

double
aim_key(const struct aim *a, const float *out, int32_t runner_up, double scale, float *gradient)
{
	int64_t ordinary = a->classes - 1;

	return aim_row(a, out, a->classes, (int32_t)ordinary, a->margin, scale, gradient) +
	    aim_row(a, out, ordinary, runner_up, MARGIN_RUNNER_UP * a->margin, a->mu * scale,
		gradient);
}
