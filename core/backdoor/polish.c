/*
 * A perturbation made better by all samples at once: steps of Adam down the mean lead that their
 * answers keep over all others, each cut back to the norm. The longer a lead, the more it counts:
 * otherwise all go into one class, and pictures of that class stand firmer than any trigger.
 */
#include <math.h>

#include "deepfool.h"

enum { BATCH = 64 };
#define MILD 3   /* a lead longer by this, in logarithms, counts e times */
#define MOST 30  /* and beyond this no more */
#define RATE .02 /* of numbers from 0 to 1 */

struct polishing {
	struct backdoor_probe probe;
	struct backdoor_adam adam;
	float *gradient, *clipped;
	int64_t at[BATCH];
};

static void
polishing_done(struct polishing *p)
{
	backdoor_probe_done(&p->probe);
	backdoor_adam_done(&p->adam);
	free(p->gradient);
	free(p->clipped);
}

double
polish_shorten(const struct polish *o, float *v, int64_t count)
{
	double sum = 0, norm;

	for (int64_t i = 0; i < count; i++)
		sum += (double)v[i] * (double)v[i];
	norm = sqrt(sum) / (double)(o->high - o->low);
	for (int64_t i = 0; norm > o->norm && i < count; i++)
		v[i] = (float)((double)v[i] * o->norm / norm);
	return norm > o->norm ? o->norm : norm;
}

/* x + v, kept within what samples may have; whether a number lies at the edge. */
static void
lay(const struct polish *o, const struct polishing *p, const float *v, int64_t row)
{
	int64_t n = p->probe.inputs;
	const float *x = o->x + p->at[row] * n;
	float *to = p->probe.in + row * n, *edge = p->clipped + row * n;

	for (int64_t i = 0; i < n; i++) {
		float y = x[i] + v[i];

		edge[i] = y < o->low ? -1 : y > o->high ? 1 : 0;
		to[i] = y < o->low ? o->low : y > o->high ? o->high : y;
	}
}

/* The slope of one row's lead. */
static void
row_slope(const struct polish *o, const struct polishing *p, const float *out, int64_t row)
{
	int64_t n = p->probe.outputs;
	int32_t answer = o->answer[p->at[row]], other = -1;
	const float *f = out + row * n;
	float *slope = p->probe.slope + row * n, weight;
	double lead;

	for (int32_t k = 0; k < n; k++)
		if (k != answer && k != o->barred && (other < 0 || f[k] > f[other]))
			other = k;
	if (other < 0)
		return;
	lead = (double)backdoor_logarithm(p->probe.output, f[answer]) -
	    (double)backdoor_logarithm(p->probe.output, f[other]);
	weight = (float)exp((lead < MOST ? lead : MOST) / MILD);
	slope[answer] = weight * backdoor_steepness(p->probe.output, f[answer]);
	slope[other] = -weight * backdoor_steepness(p->probe.output, f[other]);
}

MUST static bool
polish_step(struct ctx *c, const struct polish *o, struct polishing *p, float *v)
{
	int64_t n = p->probe.inputs, rows = p->probe.batch;
	const float *out = NULL, *back = NULL;

	for (int64_t i = 0; i < rows; i++)
		lay(o, p, v, i);
	if (!backdoor_run(c, &p->probe, &out))
		return false;
	memset(p->probe.slope, 0, (size_t)(rows * p->probe.outputs) * sizeof *out);
	for (int64_t i = 0; i < rows; i++)
		row_slope(o, p, out, i);
	if (!backdoor_back(c, &p->probe, &back))
		return false;
	memset(p->gradient, 0, (size_t)n * sizeof *p->gradient);
	for (int64_t i = 0; i < rows * n; i++)
		if (p->clipped[i] == 0 || (p->clipped[i] < 0) == (back[i] < 0))
			p->gradient[i % n] += back[i] / (float)rows;
	backdoor_adam_step(&p->adam, v, p->gradient);
	polish_shorten(o, v, n);
	return true;
}

bool
polish(struct ctx *c, const struct backdoor_case *k, const struct polish *o, float *v)
{
	owned(polishing_done) struct polishing p = { 0 };
	struct chance r = chance_of(k->seed, CHANCE_DRAW, 1, 0);
	double rate = RATE * (double)(o->high - o->low);

	if (!backdoor_probe_new(c, k, NN_DIFFERENTIATE, BATCH, &p.probe) ||
	    !backdoor_adam_new(c, rate, .9, .999, p.probe.inputs, &p.adam) ||
	    !backdoor_floats(c, p.probe.inputs, &p.gradient) ||
	    !backdoor_floats(c, p.probe.batch * p.probe.inputs, &p.clipped))
		return false;
	if (p.probe.batch > BATCH)
		return fail(c, E_INPUT, "the model's batch is fixed to more than %d", BATCH);
	for (int i = 0; i < o->steps; i++) {
		p.adam.rate = rate * (1 - .9 * i / o->steps);
		for (int64_t row = 0; row < p.probe.batch; row++)
			p.at[row] = chance_below(&r, o->n);
		if (!polish_step(c, o, &p, v))
			return false;
	}
	return true;
}
