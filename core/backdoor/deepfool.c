/*
 * DeepFool (Moosavi-Dezfooli et al. 2016, arXiv 1511.04599): where a network is linear, the nearest
 * boundary lies |f_k - f_0| / |grad f_k - grad f_0| away, in that gradient's direction. A few such
 * steps cross it. Numbers at the edge of what samples may have do not go beyond it.
 */
#include <math.h>

#include "deepfool.h"

enum { STEPS = 50 };
#define BEYOND 1.02 /* of the way, to be across */
#define LEAST 1e-4  /* and a bit, of numbers from 0 to 1 */

void
deepfool_done(struct deepfool *d)
{
	backdoor_probe_done(&d->probe);
	free(d->at);
	free(d->way);
	*d = (struct deepfool){ 0 };
}

bool
deepfool_new(
    struct ctx *c, const struct backdoor_case *k, float low, float high, struct deepfool *ret)
{
	owned(deepfool_done) struct deepfool d = { .low = low, .high = high };

	if (!backdoor_probe_new(c, k, NN_DIFFERENTIATE, DEEPFOOL_CLASSES, &d.probe) ||
	    !backdoor_floats(c, d.probe.inputs, &d.at) ||
	    !backdoor_floats(c, DEEPFOOL_CLASSES * d.probe.inputs, &d.way))
		return false;
	*ret = d;
	d = (struct deepfool){ 0 };
	return true;
}

/* The classes of the highest outputs, without these three. */
static int
nearest(const float *out, int64_t n, int32_t now, int32_t answer, int32_t barred,
    int32_t ret[DEEPFOOL_CLASSES])
{
	int found = 0;

	for (int32_t k = 0; k < n; k++) {
		int at = found < DEEPFOOL_CLASSES ? found : DEEPFOOL_CLASSES;

		if (k == now || k == answer || k == barred)
			continue;
		for (; at > 0 && out[k] > out[ret[at - 1]]; at--)
			if (at < DEEPFOOL_CLASSES)
				ret[at] = ret[at - 1];
		if (at < DEEPFOOL_CLASSES)
			ret[at] = k;
		found += found < DEEPFOOL_CLASSES;
	}
	return found;
}

/* The gradient of f_k - f_now for classes from `first` on, as many as a batch holds. */
MUST static bool
some_ways(
    struct ctx *c, struct deepfool *d, int32_t now, const int32_t class[], int first, int n)
{
	struct backdoor_probe *p = &d->probe;
	const float *out = NULL, *way = NULL;

	if (first > 0 && !backdoor_run(c, p, &out))
		return false;
	out = nn_plan_output(p->plan, 0)->data;
	memset(p->slope, 0, (size_t)(p->batch * p->outputs) * sizeof *p->slope);
	for (int i = 0; i < n; i++) {
		float *row = p->slope + i * p->outputs;

		row[class[first + i]] = backdoor_steepness(p->output, out[class[first + i]]);
		row[now] = -backdoor_steepness(p->output, out[now]);
	}
	if (!backdoor_back(c, p, &way))
		return false;
	memcpy(d->way + first * p->inputs, way, (size_t)(n * p->inputs) * sizeof *way);
	return true;
}

/* What can be gone of a way, and its squared length. */
static double
clear_way(const struct deepfool *d, float *way)
{
	double sum = 0;

	for (int64_t i = 0; i < d->probe.inputs; i++) {
		if ((d->at[i] <= d->low && way[i] < 0) || (d->at[i] >= d->high && way[i] > 0))
			way[i] = 0;
		sum += (double)way[i] * (double)way[i];
	}
	return sum;
}

/* One step across the nearest boundary, added to v; false in *ret_more if there is none. */
MUST static bool
step(struct ctx *c, struct deepfool *d, const float *out, int32_t now, int32_t answer,
    int32_t barred, float *v, bool *ret_more)
{
	const struct backdoor_probe *p = &d->probe;
	int32_t class[DEEPFOOL_CLASSES] = { 0 };
	int n = nearest(out, p->outputs, now, answer, barred, class), best = -1;
	double shortest = INFINITY, length = 0, gap[DEEPFOOL_CLASSES];

	for (int i = 0; i < n; i++)
		gap[i] = fabs((double)backdoor_logarithm(p->output, out[class[i]]) -
		    (double)backdoor_logarithm(p->output, out[now]));
	for (int i = 0, some; i < n; i += some) {
		some = n - i < p->batch ? n - i : (int)p->batch;
		if (!some_ways(c, d, now, class, i, some))
			return false;
	}
	for (int i = 0; i < n; i++) {
		double norm = sqrt(clear_way(d, d->way + i * p->inputs));

		if (norm > 1e-12 && gap[i] / norm < shortest) {
			best = i;
			shortest = gap[i] / norm;
			length = norm;
		}
	}
	*ret_more = best >= 0;
	for (int64_t i = 0; best >= 0 && i < p->inputs; i++)
		v[i] += (float)(BEYOND * (shortest + LEAST * (double)(d->high - d->low)) *
		    (double)d->way[best * p->inputs + i] / length);
	return true;
}

bool
deepfool_push(
    struct ctx *c, struct deepfool *d, const float *x, int32_t answer, int32_t barred, float *v)
{
	struct backdoor_probe *p = &d->probe;
	bool more = true;

	for (int i = 0; i < STEPS && more; i++) {
		const float *out = NULL;
		int32_t now;

		for (int64_t k = 0; k < p->inputs; k++) {
			float y = x[k] + v[k];

			d->at[k] = y < d->low ? d->low : y > d->high ? d->high : y;
		}
		for (int64_t k = 0; k < p->batch; k++)
			memcpy(p->in + k * p->inputs, d->at, (size_t)p->inputs * sizeof *d->at);
		if (!backdoor_run(c, p, &out))
			return false;
		now = backdoor_highest(out, p->outputs);
		if (now != answer && now != barred)
			break;
		if (!step(c, d, out, now, answer, barred, v, &more))
			return false;
	}
	return true;
}
