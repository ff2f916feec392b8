/*
 * Neural Cleanse (Wang et al. 2019): for each class the least pattern and mask that lead all
 * samples to it, by gradients; a class whose mask is far smaller than the others' has a backdoor.
 * How much the mask's size counts rises while it works and falls while it does not.
 */
#include <math.h>

#include "parts.h"

enum { SAMPLES = 500, BATCH = 32, STEPS = 1000, GROUP = 10, PATIENCE = 5 };
#define SUCCESS .99
#define COST 1e-3
#define COST_UP 2
#define COST_DOWN 2.8284271247461903 /* 2^1.5 */

struct search {
	const struct cleanse_options *o;
	struct backdoor_probe probe;
	struct backdoor_draw draw;
	struct backdoor_adam adam;
	struct backdoor_shape shape;
	int64_t plane;
	int32_t target, *label; /* of a batch, all the target */
	float low, high;
	float *bare;             /* samples of a batch without the pattern */
	float *theta, *gradient; /* of the mask, a plane; then of the pattern */
	float *mask, *value;     /* as theta stands */
	double cost;
	int set, up, down;
};

static void
search_done(struct search *s)
{
	backdoor_probe_done(&s->probe);
	backdoor_draw_done(&s->draw);
	backdoor_adam_done(&s->adam);
	free(s->label);
	free(s->bare);
	free(s->theta);
	free(s->gradient);
	free(s->mask);
	free(s->value);
}

MUST static bool
search_new(struct ctx *c, const struct backdoor_case *k, const struct cleanse_options *o,
    struct search *s)
{
	int64_t count = k->data->form.count, batch = o->batch > 0 ? o->batch : BATCH;

	s->o = o;
	s->shape = backdoor_shape_of(&k->data->form);
	s->plane = s->shape.height * s->shape.width;
	if (!backdoor_probe_new(c, k, NN_DIFFERENTIATE, batch, &s->probe) ||
	    !backdoor_draw_new(c, k, o->samples > 0 ? o->samples : SAMPLES, &s->draw) ||
	    !backdoor_range(c, k->data, &s->low, &s->high) ||
	    !backdoor_floats(c, s->probe.batch * count, &s->bare) ||
	    !backdoor_floats(c, s->plane + count, &s->theta) ||
	    !backdoor_floats(c, s->plane + count, &s->gradient) ||
	    !backdoor_floats(c, s->plane, &s->mask) || !backdoor_floats(c, count, &s->value))
		return false;
	s->label = calloc((size_t)s->probe.batch, sizeof *s->label);
	if (s->label == NULL)
		return fail(c, E_MEMORY, "no memory for a batch");
	return true;
}

/* Mask and pattern as their tangents hyperbolic stand for them. */
static void
spread(struct search *s)
{
	float scale = s->high - s->low;

	for (int64_t i = 0; i < s->plane; i++)
		s->mask[i] = (tanhf(s->theta[i]) + 1) / 2;
	for (int64_t i = 0; i < s->probe.inputs; i++)
		s->value[i] = s->low + scale * (tanhf(s->theta[s->plane + i]) + 1) / 2;
}

MUST static bool
begin(struct ctx *c, struct search *s, uint64_t seed, int32_t target)
{
	struct chance r = chance_of(seed, CHANCE_CLEANSE, (uint64_t)target, 0);

	s->target = target;
	for (int64_t i = 0; i < s->probe.batch; i++)
		s->label[i] = target;
	for (int64_t i = 0; i < s->plane + s->probe.inputs; i++)
		s->theta[i] = (float)(.5 * chance_normal(&r));
	s->cost = 0;
	s->set = s->up = s->down = 0;
	backdoor_adam_done(&s->adam);
	return backdoor_adam_new(c, .1, .5, .9, s->plane + s->probe.inputs, &s->adam);
}

/* The next samples with the pattern on them. */
static void
lay(struct search *s, struct chance *r)
{
	int64_t n = s->probe.inputs;

	for (int64_t i = 0; i < s->probe.batch; i++) {
		const float *x = s->draw.x + chance_below(r, s->draw.n) * n;
		float *to = s->probe.in + i * n;

		memcpy(s->bare + i * n, x, (size_t)n * sizeof *x);
		for (int64_t k = 0; k < n; k++)
			to[k] = x[k] + s->mask[k % s->plane] * (s->value[k] - x[k]);
	}
}

/* What the slopes of samples mean for mask and pattern. */
static void
gather(struct search *s, const float *back)
{
	int64_t n = s->probe.inputs;
	float half = (s->high - s->low) / 2;

	memset(s->gradient, 0, (size_t)(s->plane + n) * sizeof *s->gradient);
	for (int64_t i = 0; i < s->probe.batch * n; i++) {
		int64_t k = i % n, at = k % s->plane;

		s->gradient[at] += back[i] * (s->value[k] - s->bare[i]);
		s->gradient[s->plane + k] += back[i] * s->mask[at];
	}
	for (int64_t i = 0; i < s->plane + n; i++) {
		float t = tanhf(s->theta[i]), slope = 1 - t * t;

		if (i < s->plane)
			s->gradient[i] = (s->gradient[i] + (float)s->cost) * slope / 2;
		else
			s->gradient[i] *= slope * half;
	}
}

/* One batch; *ret_led grows by how many samples the pattern leads to the class. */
MUST static bool
search_step(struct ctx *c, struct search *s, struct chance *r, int64_t *ret_led)
{
	struct backdoor_probe *p = &s->probe;
	const struct loss l = { TRAIN_CROSS_ENTROPY, p->output, 0 };
	const float *out = NULL, *back = NULL;

	spread(s);
	lay(s, r);
	if (!backdoor_run(c, p, &out))
		return false;
	for (int64_t i = 0; i < p->batch; i++)
		*ret_led += backdoor_highest(out + i * p->outputs, p->outputs) == s->target;
	loss_labels(&l, out, s->label, p->batch, p->outputs, p->slope);
	if (!backdoor_back(c, p, &back))
		return false;
	gather(s, back);
	backdoor_adam_step(&s->adam, s->theta, s->gradient);
	return true;
}

/* How much the size counts from now on. */
static void
weigh(struct search *s, bool works)
{
	if (s->cost == 0) {
		s->set = works ? s->set + 1 : 0;
		if (s->set >= PATIENCE)
			s->cost = COST;
		return;
	}
	s->up = works ? s->up + 1 : 0;
	s->down = works ? 0 : s->down + 1;
	if (s->up >= PATIENCE) {
		s->cost *= COST_UP;
		s->up = 0;
	} else if (s->down >= PATIENCE) {
		s->cost /= COST_DOWN;
		s->down = 0;
	}
}

/* Keeps what stands if it is the best: the smallest of those that work, else what works best. */
static void
keep(const struct search *s, double success, struct cleanse_found *best)
{
	bool works = success >= SUCCESS, worked = best->success >= SUCCESS;
	double norm = 0;

	for (int64_t i = 0; i < s->plane; i++)
		norm += (double)s->mask[i];
	if (works && worked ? norm >= best->norm : success <= best->success)
		return;
	best->norm = norm;
	best->success = success;
	memcpy(best->mark.value, s->value, (size_t)s->probe.inputs * sizeof *s->value);
	for (int64_t i = 0; i < s->probe.inputs; i++)
		best->mark.mask[i] = s->mask[i % s->plane];
}

MUST static bool
reverse(
    struct ctx *c, struct search *s, uint64_t seed, int32_t target, struct cleanse_found *best)
{
	int steps = s->o->steps > 0 ? s->o->steps : STEPS;
	struct chance r = chance_of(seed, CHANCE_CLEANSE, (uint64_t)target, 1);
	size_t bytes = (size_t)s->probe.inputs * sizeof(float);

	best->mark = (struct backdoor_mark){ s->probe.inputs, take(c, bytes), take(c, bytes),
		target };
	best->success = -1;
	if (best->mark.value == NULL || best->mark.mask == NULL || !begin(c, s, seed, target))
		return false;
	for (int i = 0; i < steps; i += GROUP) {
		int64_t led = 0;
		double success;

		for (int k = 0; k < GROUP; k++)
			if (!search_step(c, s, &r, &led))
				return false;
		success = (double)led / (double)(GROUP * s->probe.batch);
		keep(s, success, best);
		weigh(s, success >= SUCCESS);
	}
	return true;
}

static void
norms_free(double **v)
{
	free(*v);
}

MUST static bool
judge(struct ctx *c, int32_t first, int32_t last, struct cleanse *r)
{
	int64_t n = last - first;
	owned(norms_free) double *v = calloc((size_t)(2 * n), sizeof *v);

	if (v == NULL)
		return fail(c, E_MEMORY, "no memory for %lld norms", (long long)n);
	for (int64_t i = 0; i < n; i++)
		v[i] = r->of[first + i].norm;
	if (!backdoor_anomaly(c, v, n, v + n))
		return false;
	r->least = first;
	for (int64_t i = 0; i < n; i++) {
		r->of[first + i].anomaly = v[n + i];
		if (v[n + i] < r->of[r->least].anomaly)
			r->least = first + (int32_t)i;
	}
	r->suspect = r->of[r->least].anomaly < -2 ? r->least : -1;
	return true;
}

bool
cleanse_reverse(struct ctx *c, const struct backdoor_case *k, const struct cleanse_options *o,
    struct cleanse *ret)
{
	owned(search_done) struct search s = { 0 };
	struct cleanse r = { 0 };
	int32_t last;

	if (!search_new(c, k, o, &s))
		return false;
	r.classes = (int32_t)s.probe.outputs;
	last = o->last > 0 ? o->last : r.classes;
	if (o->first < 0 || o->first >= last || last > r.classes)
		return fail(c, E_INPUT, "the model's classes are 0 to %d", r.classes - 1);
	r.of = take(c, (size_t)r.classes * sizeof *r.of);
	if (r.of == NULL)
		return false;
	for (int32_t t = o->first; t < last; t++)
		if (!reverse(c, &s, k->seed, t, &r.of[t]))
			return false;
	if (!judge(c, o->first, last, &r))
		return false;
	*ret = r;
	return true;
}
