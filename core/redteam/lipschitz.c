/*
 * Channels that react too strongly: Zheng et al. 2022, "Data-free Backdoor Removal based on Channel
 * Lipschitzness" (ECCV). How much a channel of a convolution can change at most, with its norm, for
 * a change of what it sees, is bounded by the largest singular value of its kernel; channels whose
 * bound stands out among those of their layer are taken out, without any data.
 */
#include <math.h>

#include "structure.h"

enum { ROUNDS = 20 }; /* of power iteration */

/* The largest singular value of `rows` rows of numbers. */
static double
largest(const float *v, int64_t rows, int64_t row, double *side, double *other)
{
	double norm = 0;

	for (int64_t k = 0; k < row; k++)
		side[k] = 1 / sqrt((double)row);
	for (int round = 0; round < ROUNDS; round++) {
		memset(other, 0, (size_t)row * sizeof *other);
		for (int64_t i = 0; i < rows; i++) {
			double dot = 0;

			for (int64_t k = 0; k < row; k++)
				dot += v[i * row + k] * side[k];
			for (int64_t k = 0; k < row; k++)
				other[k] += dot * v[i * row + k];
		}
		norm = 0;
		for (int64_t k = 0; k < row; k++)
			norm += other[k] * other[k];
		norm = sqrt(norm);
		for (int64_t k = 0; norm > 0 && k < row; k++)
			side[k] = other[k] / norm;
	}
	return sqrt(norm);
}

/* What a norm multiplies a channel by. */
static double
norm_factor(const struct redteam_suspect *s, const struct onnx_node *norm, int64_t channel)
{
	const struct nn_weight *scale, *variance;

	if (norm == NULL)
		return 1;
	scale = nn_weight_by_name(s->graph, norm->input[1]);
	variance = nn_weight_by_name(s->graph, norm->input[4]);
	return fabs((double)scale->data[channel]) /
	    sqrt((double)variance->data[channel] + 1e-5);
}

/* Nothing is left of this channel. */
static void
take_out(const struct redteam_suspect *s, const struct onnx_node *maker,
    const struct onnx_node *norm, int64_t channel)
{
	const struct onnx_node *n = norm != NULL ? norm : maker;

	for (size_t i = 1; i < n->inputs && i <= 2; i++) {
		struct nn_weight *w = nn_weight_by_name(s->graph, n->input[i]);
		int64_t row = w != NULL ? w->count / w->dim[0] : 0;

		for (int64_t k = 0; k < row; k++)
			w->data[channel * row + k] = 0;
	}
}

/* The norm that follows at once, of arrays of its own. */
static const struct onnx_node *
norm_of(const struct redteam_suspect *s, const struct onnx_node *conv)
{
	const struct onnx_node *n = redteam_only_reader(&s->model, conv->output[0]);

	if (n == NULL || !str_same(n->op, STR("BatchNormalization")))
		return NULL;
	for (size_t i = 1; i < n->inputs; i++)
		if (redteam_own_array(s, n->input[i]) == NULL)
			return NULL;
	return n;
}

MUST static bool
layer_prune(struct ctx *c, const struct redteam_suspect *s, const struct onnx_node *conv,
    double deviations, int64_t *gone)
{
	const struct nn_weight *w = redteam_own_array(s, conv->input[1]);
	const struct onnx_node *norm = norm_of(s, conv);
	int64_t n = w != NULL ? w->dim[0] : 0, kernel;
	double *bound, *room, mean = 0, squares = 0;

	if (n < 2 || w->rank < 3)
		return true;
	kernel = w->count / (n * w->dim[1]);
	bound = take(c, (size_t)n * sizeof *bound);
	room = take(c, 2 * (size_t)kernel * sizeof *room);
	if (bound == NULL || room == NULL)
		return false;
	for (int64_t i = 0; i < n; i++) {
		bound[i] = norm_factor(s, norm, i) *
		    largest(
			w->data + i * (w->count / n), w->dim[1], kernel, room, room + kernel);
		mean += bound[i] / (double)n;
		squares += bound[i] * bound[i] / (double)n;
	}
	for (int64_t i = 0; i < n; i++)
		if (bound[i] > mean + deviations * sqrt(fmax(squares - mean * mean, 0))) {
			take_out(s, conv, norm, i);
			++*gone;
		}
	return true;
}

bool
redteam_try_lipschitz(struct ctx *c, struct redteam *r, double x, struct redteam_suspect *s)
{
	int64_t gone = 0;

	(void)r;
	for (size_t i = 0; i < s->model.nodes; i++)
		if (str_same(s->model.node[i].op, STR("Conv")) &&
		    !layer_prune(c, s, &s->model.node[i], x, &gone))
			return false;
	redteam_say(s, "beyond %g deviations: %lld channels", x, (long long)gone);
	return true;
}
