/*
 * Optimisers, each as its paper and PyTorch have it, over one array of weights.
 */
#include <math.h>

#include "train.h"

int
optimiser_state(const struct optimiser *o)
{
	if (o->kind == TRAIN_SGD)
		return o->momentum != 0 ? 1 : 0;
	return 2;
}

static void
sgd(const struct optimiser *o, double rate, float decay, float *w, const float *gradient,
    float *state, int64_t n)
{
	float momentum = (float)o->momentum, step = (float)rate;

	for (int64_t i = 0; i < n; i++) {
		float g = gradient[i] + decay * w[i];

		if (state != NULL) {
			state[i] = momentum * state[i] + g;
			g = o->nesterov ? g + momentum * state[i] : state[i];
		}
		w[i] -= step * g;
	}
}

static void
adam(const struct optimiser *o, double rate, int64_t step, float decay, float *w,
    const float *gradient, float *state, int64_t n)
{
	float *first = state, *second = state + n;
	float beta1 = (float)o->momentum, beta2 = (float)o->beta2;
	float gone1 = (float)(1 - o->momentum), gone2 = (float)(1 - o->beta2);
	double bias1 = 1 - pow(o->momentum, (double)step),
	       bias2 = 1 - pow(o->beta2, (double)step);
	float size = (float)(rate / bias1), root = (float)(1 / sqrt(bias2));
	float epsilon = (float)o->epsilon;
	float kept = o->kind == TRAIN_ADAMW ? 1 - (float)(rate * decay) : 1;
	float added = o->kind == TRAIN_ADAM ? decay : 0;

	for (int64_t i = 0; i < n; i++) {
		float g = gradient[i] + added * w[i];

		first[i] = beta1 * first[i] + gone1 * g;
		second[i] = beta2 * second[i] + gone2 * g * g;
		w[i] = kept * w[i] - size * first[i] / (sqrtf(second[i]) * root + epsilon);
	}
}

void
optimiser_step(const struct optimiser *o, double rate, int64_t step, bool decay, float *w,
    const float *gradient, float *state, int64_t n)
{
	float shrink = decay ? (float)o->decay : 0;

	if (o->kind == TRAIN_SGD)
		sgd(o, rate, shrink, w, gradient, o->momentum != 0 ? state : NULL, n);
	else
		adam(o, rate, step, shrink, w, gradient, state, n);
}
