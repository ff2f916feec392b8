/*
 * Losses and their gradients. Sums are taken in double and in order, so that they do not depend
 * on threads; nothing overflows, however large a logit is.
 */
#include <math.h>

#include "batch.h"

/* Below this a probability counts as this: its logarithm and quotient stay finite. */
#define LEAST 1e-7

/* ---- Cross-entropy ----------------------------------------------------------------------- */

/* The logarithm of the sum of exponents of a row. */
static double
log_sum_exp(const float *x, int64_t n)
{
	double most = x[0], sum = 0;

	for (int64_t k = 1; k < n; k++)
		most = x[k] > most ? x[k] : most;
	for (int64_t k = 0; k < n; k++)
		sum += exp(x[k] - most);
	return most + log(sum);
}

static double
entropy_logits(const float *x, const float *t, int64_t n, double share, float *g)
{
	double all = log_sum_exp(x, n), loss = 0, weight = 0;

	for (int64_t k = 0; k < n; k++) {
		weight += t[k];
		loss += t[k] * (all - x[k]);
	}
	for (int64_t k = 0; g != NULL && k < n; k++)
		g[k] = (float)(share * (weight * exp(x[k] - all) - t[k]));
	return loss;
}

static double
entropy_probabilities(const float *p, const float *t, int64_t n, double share, float *g)
{
	double loss = 0;

	for (int64_t k = 0; k < n; k++) {
		double q = p[k] > LEAST ? p[k] : LEAST;

		loss -= t[k] * log(q);
		if (g != NULL)
			g[k] = (float)(share * -t[k] / q);
	}
	return loss;
}

static double
entropy_logarithms(const float *l, const float *t, int64_t n, double share, float *g)
{
	double loss = 0;

	for (int64_t k = 0; k < n; k++) {
		loss -= t[k] * l[k];
		if (g != NULL)
			g[k] = (float)(share * -t[k]);
	}
	return loss;
}

/* ---- Binary cross-entropy and squares ---------------------------------------------------- */

static double
binary_logits(
    const float *x, const float *t, int64_t n, double positive, double share, float *g)
{
	double loss = 0;

	for (int64_t k = 0; k < n; k++) {
		double weight = 1 + (positive - 1) * t[k];
		double soft = log1p(exp(-fabs(x[k]))) + (x[k] < 0 ? -x[k] : 0);
		double minus = x[k] < 0 ? 1 / (1 + exp(x[k])) : exp(-x[k]) / (1 + exp(-x[k]));

		/* soft is -log(sigmoid(x)), minus is 1 - sigmoid(x). */
		loss += (1 - t[k]) * x[k] + weight * soft;
		if (g != NULL)
			g[k] = (float)(share * ((1 - t[k]) - weight * minus));
	}
	return loss;
}

static double
binary_probabilities(
    const float *p, const float *t, int64_t n, double positive, double share, float *g)
{
	double loss = 0;

	for (int64_t k = 0; k < n; k++) {
		double q = p[k] > LEAST ? p[k] : LEAST;

		q = q < 1 - LEAST ? q : 1 - LEAST;
		loss -= positive * t[k] * log(q) + (1 - t[k]) * log1p(-q);
		if (g != NULL)
			g[k] = (float)(share * ((1 - t[k]) / (1 - q) - positive * t[k] / q));
	}
	return loss;
}

static double
squares(const float *x, const float *t, int64_t n, double share, float *g)
{
	double loss = 0;

	for (int64_t k = 0; k < n; k++) {
		double d = (double)x[k] - t[k];

		loss += d * d;
		if (g != NULL)
			g[k] = (float)(share * 2 * d);
	}
	return loss;
}

/* ---- Rows -------------------------------------------------------------------------------- */

static double
row_entropy(enum train_output output, const float *out, const float *t, int64_t n, double share,
    float *g)
{
	switch (output) {
	case TRAIN_LOGITS:
		return entropy_logits(out, t, n, share, g);
	case TRAIN_PROBABILITIES:
		return entropy_probabilities(out, t, n, share, g);
	case TRAIN_LOG_PROBABILITIES:
		return entropy_logarithms(out, t, n, share, g);
	}
	abort();
}

/* The sum over one row; `share` is what one number of it contributes to the mean. */
static double
row_loss(
    const struct loss *l, const float *out, const float *t, int64_t n, double share, float *g)
{
	double positive = l->positive > 0 ? l->positive : 1;

	switch (l->kind) {
	case TRAIN_CROSS_ENTROPY:
		return row_entropy(l->output, out, t, n, share, g);
	case TRAIN_BINARY:
		return l->output == TRAIN_LOGITS
		    ? binary_logits(out, t, n, positive, share, g)
		    : binary_probabilities(out, t, n, positive, share, g);
	case TRAIN_SQUARES:
		return squares(out, t, n, share, g);
	case TRAIN_MASK:
		break; /* never a row alone */
	}
	abort();
}

static double
one_share(const struct loss *l, int64_t rows, int64_t classes)
{
	return 1.0 / (double)(l->kind == TRAIN_CROSS_ENTROPY ? rows : rows * classes);
}

double
loss_targets(const struct loss *l, const float *out, const float *target, int64_t rows,
    int64_t classes, float *gradient)
{
	double share = one_share(l, rows, classes), sum = 0;

	if (l->kind == TRAIN_MASK)
		return loss_mask(l, out, target, NULL, rows * classes, gradient);
	for (int64_t i = 0; i < rows; i++, out += classes, target += classes) {
		sum += row_loss(l, out, target, classes, share, gradient);
		gradient = gradient != NULL ? gradient + classes : NULL;
	}
	return sum * share;
}

/* A row of zeros with one 1, in pieces: classes may be many. */
enum { ONE_HOT = 1024 };

static double
label_entropy(
    const struct loss *l, const float *out, int32_t label, int64_t n, double share, float *g)
{
	double all;

	if (l->output != TRAIN_LOGITS) {
		const float one = 1;

		if (g != NULL)
			memset(g, 0, (size_t)n * sizeof *g);
		return row_entropy(
		    l->output, out + label, &one, 1, share, g != NULL ? g + label : NULL);
	}
	all = log_sum_exp(out, n);
	for (int64_t k = 0; g != NULL && k < n; k++)
		g[k] = (float)(share * (exp(out[k] - all) - (k == label)));
	return all - out[label];
}

/* Every number for itself: the row can be cut. */
static double
label_each(
    const struct loss *l, const float *out, int32_t label, int64_t n, double share, float *g)
{
	float t[ONE_HOT];
	double sum = 0;

	for (int64_t at = 0, some; at < n; at += some) {
		some = n - at < ONE_HOT ? n - at : ONE_HOT;
		for (int64_t k = 0; k < some; k++)
			t[k] = n == 1 ? (float)label : (float)(at + k == label);
		sum += row_loss(l, out + at, t, some, share, g != NULL ? g + at : NULL);
	}
	return sum;
}

double
loss_labels(const struct loss *l, const float *out, const int32_t *label, int64_t rows,
    int64_t classes, float *gradient)
{
	double share = one_share(l, rows, classes), sum = 0;

	if (l->kind == TRAIN_MASK)
		return loss_mask(l, out, NULL, label, rows * classes, gradient);
	for (int64_t i = 0; i < rows; i++, out += classes) {
		sum += l->kind == TRAIN_CROSS_ENTROPY
		    ? label_entropy(l, out, label[i], classes, share, gradient)
		    : label_each(l, out, label[i], classes, share, gradient);
		gradient = gradient != NULL ? gradient + classes : NULL;
	}
	return sum * share;
}

int64_t
loss_answer(const struct loss *l, const float *out, int64_t classes)
{
	int64_t best = 0;

	if (l->kind == TRAIN_MASK)
		return loss_any_marked(l, out, classes);
	if (classes == 1 && l->kind == TRAIN_BINARY && l->output == TRAIN_LOGITS)
		return out[0] > 0;
	if (classes == 1)
		return out[0] > 0.5f;
	for (int64_t k = 1; k < classes; k++)
		if (out[k] > out[best])
			best = k;
	return best;
}
