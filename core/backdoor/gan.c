/*
 * Generators against discriminators (Wang, Xue et al. 2021, arXiv 2106.08104). For each class one
 * generator learns changes of pictures that lead the network to it: they ought to succeed, to stay
 * small, and to pass for real before a discriminator that learns beside it. Where a backdoor leads,
 * a far smaller change is enough, and the generator finds the trigger.
 */
#include <math.h>

#include "gan_parts.h"

enum { SAMPLES = 500, BATCH = 32, EPOCHS = 50 };
#define RATE 1e-3
#define HIDING 1
#define LIMIT .02
#define BEYOND 10 /* what a mean change beyond the limit costs */

struct hunt {
	const struct backdoor_case *the;
	struct gan_options o;
	struct backdoor_shape shape;
	struct backdoor_probe probe;
	struct gan_net generator, discriminator;
	struct backdoor_draw draw; /* numbers from 0 to 1 */
	float low, scale;
	int64_t batch, count;
	int64_t *order;
	int32_t *label;        /* of a batch, all the class */
	float *real, *changed; /* a batch, from 0 to 1 */
	float *slope;          /* of changes */
	float *judged;         /* slopes of the discriminator's logits */
};

static void
hunt_done(struct hunt *h)
{
	backdoor_probe_done(&h->probe);
	gan_net_done(&h->generator);
	gan_net_done(&h->discriminator);
	backdoor_draw_done(&h->draw);
	free(h->order);
	free(h->label);
	free(h->real);
	free(h->changed);
	free(h->slope);
	free(h->judged);
}

static struct gan_options
filled(const struct gan_options *o)
{
	struct gan_options all = *o;

	all.samples = o->samples > 0 ? o->samples : SAMPLES;
	all.batch = o->batch > 0 ? o->batch : BATCH;
	all.epochs = o->epochs > 0 ? o->epochs : EPOCHS;
	all.hiding = o->hiding < 0 ? 0 : o->hiding > 0 ? o->hiding : HIDING;
	all.limit = o->limit > 0 ? o->limit : LIMIT;
	return all;
}

MUST static bool
hunt_room(struct ctx *c, struct hunt *h)
{
	int64_t n = h->batch * h->count;

	h->order = calloc((size_t)h->draw.n, sizeof *h->order);
	h->label = calloc((size_t)h->batch, sizeof *h->label);
	if (h->order == NULL || h->label == NULL)
		return fail(c, E_MEMORY, "no memory for a batch");
	return backdoor_floats(c, n, &h->real) && backdoor_floats(c, n, &h->changed) &&
	    backdoor_floats(c, n, &h->slope) && backdoor_floats(c, h->batch, &h->judged);
}

MUST static bool
hunt_new(
    struct ctx *c, const struct backdoor_case *k, const struct gan_options *o, struct hunt *h)
{
	float high;

	h->the = k;
	h->o = filled(o);
	h->shape = backdoor_shape_of(&k->data->form);
	h->count = k->data->form.count;
	if (!backdoor_range(c, k->data, &h->low, &high) ||
	    !backdoor_probe_new(c, k, NN_DIFFERENTIATE, h->o.batch, &h->probe) ||
	    !backdoor_draw_new(c, k, h->o.samples, &h->draw))
		return false;
	h->scale = high - h->low;
	h->batch = h->probe.batch;
	for (int64_t i = 0; i < h->draw.n * h->count; i++)
		h->draw.x[i] = (h->draw.x[i] - h->low) / h->scale;
	return gan_net_new(c, gan_generator, &h->shape, h->batch, k->threads, &h->generator) &&
	    gan_net_new(
		c, gan_discriminator, &h->shape, h->batch, k->threads, &h->discriminator) &&
	    hunt_room(c, h);
}

/* ---- One step ---------------------------------------------------------------------------- */

/* Samples from `first` of the order on, around its end, and what the generator makes of them. */
MUST static bool
change_batch(struct ctx *c, struct hunt *h, int64_t first, const float **ret)
{
	for (int64_t i = 0; i < h->batch; i++)
		memcpy(h->real + i * h->count,
		    h->draw.x + h->order[(first + i) % h->draw.n] * h->count,
		    (size_t)h->count * sizeof *h->real);
	if (!gan_net_run(c, &h->generator, h->real, ret))
		return false;
	for (int64_t i = 0; i < h->batch * h->count; i++) {
		float y = h->real[i] + (*ret)[i];

		h->changed[i] = y < 0 ? 0 : y > 1 ? 1 : y;
		h->probe.in[i] = h->low + h->scale * h->changed[i];
	}
	return true;
}

/* Shows a batch to the discriminator, which ought to say `real` of it; slopes of what it saw. */
MUST static bool
judge(struct ctx *c, struct hunt *h, const float *x, bool real, const float **ret)
{
	static const struct loss binary = { TRAIN_BINARY, TRAIN_LOGITS, 0 };
	const float *out = NULL;

	if (!gan_net_run(c, &h->discriminator, x, &out))
		return false;
	for (int64_t i = 0; i < h->batch; i++)
		h->label[i] = real;
	loss_labels(&binary, out, h->label, h->batch, 1, h->judged);
	return gan_net_back(c, &h->discriminator, h->judged, ret);
}

/* Adds what a change beyond the limit costs. */
static void
cost_of_size(const struct hunt *h, const float *change)
{
	int64_t n = h->batch * h->count;
	double sum = 0;
	float each = (float)(BEYOND / (double)n);

	for (int64_t i = 0; i < n; i++)
		sum += fabs((double)change[i]);
	if (sum <= h->o.limit * (double)n)
		return;
	for (int64_t i = 0; i < n; i++)
		h->slope[i] += change[i] > 0 ? each : change[i] < 0 ? -each : 0;
}

/*
 * The slope of what the generator ought to lessen, at its changes: log(1 - D) among it, which is
 * what the discriminator's own loss is, turned round.
 */
MUST static bool
aim(struct ctx *c, struct hunt *h, int32_t class, const float *change)
{
	const struct loss l = { TRAIN_CROSS_ENTROPY, h->probe.output, 0 };
	int64_t n = h->batch * h->count;
	const float *out = NULL, *back = NULL, *judged = NULL;

	if (h->o.hiding > 0 && !judge(c, h, h->changed, false, &judged))
		return false;
	for (int64_t i = 0; i < n; i++)
		h->slope[i] = judged != NULL ? -(float)h->o.hiding * judged[i] : 0;
	for (int64_t i = 0; i < h->batch; i++)
		h->label[i] = class;
	if (!backdoor_run(c, &h->probe, &out))
		return false;
	loss_labels(&l, out, h->label, h->batch, h->probe.outputs, h->probe.slope);
	if (!backdoor_back(c, &h->probe, &back))
		return false;
	for (int64_t i = 0; i < n; i++) {
		float to = h->real[i] + change[i];

		h->slope[i] += h->scale * back[i];
		/* What is cut off at an edge would be cut off still. */
		if ((to < 0 && h->slope[i] > 0) || (to > 1 && h->slope[i] < 0))
			h->slope[i] = 0;
	}
	cost_of_size(h, change);
	return true;
}

MUST static bool
hunt_step(struct ctx *c, struct hunt *h, int32_t class, int64_t first, double rate)
{
	const float *change = NULL, *unused = NULL;

	if (!change_batch(c, h, first, &change))
		return false;
	if (h->o.hiding > 0) {
		if (!judge(c, h, h->real, true, &unused) ||
		    !judge(c, h, h->changed, false, &unused))
			return false;
		gan_net_step(&h->discriminator, rate);
	}
	if (!aim(c, h, class, change))
		return false;
	nn_gradients_clear(h->discriminator.plan);
	if (!gan_net_back(c, &h->generator, h->slope, &unused))
		return false;
	gan_net_step(&h->generator, rate);
	return true;
}

/* ---- One class --------------------------------------------------------------------------- */

/* How large the changes are, and how many lead to the class. */
MUST static bool
look(struct ctx *c, struct hunt *h, int32_t class, struct gan_found *ret)
{
	const float *change = NULL, *out = NULL;
	int64_t others = 0, led = 0;
	double sum = 0;

	for (int64_t i = 0; i < h->draw.n; i++)
		h->order[i] = i;
	for (int64_t at = 0; at < h->draw.n; at += h->batch) {
		if (!change_batch(c, h, at, &change) || !backdoor_run(c, &h->probe, &out))
			return false;
		for (int64_t i = 0; i < h->batch && at + i < h->draw.n; i++) {
			for (int64_t k = i * h->count; k < (i + 1) * h->count; k++)
				sum += fabs((double)h->changed[k] - (double)h->real[k]);
			if (h->draw.label[at + i] == class)
				continue;
			others++;
			led += backdoor_highest(out + i * h->probe.outputs, h->probe.outputs) ==
			    class;
		}
	}
	ret->change = sum / (double)(h->draw.n * h->count);
	ret->success = others > 0 ? (double)led / (double)others : 0;
	return true;
}

MUST static bool
hunt_class(struct ctx *c, struct hunt *h, int32_t class, struct gan_found *ret)
{
	uint64_t seed = h->the->seed;
	double rate = RATE;

	if (!gan_net_begin(
		c, &h->generator, chance_of(seed, CHANCE_GAN, (uint64_t) class, 0).state) ||
	    !gan_net_begin(
		c, &h->discriminator, chance_of(seed, CHANCE_GAN, (uint64_t) class, 1).state))
		return false;
	for (int e = 0; e < h->o.epochs; e++) {
		struct chance r = chance_of(
		    seed, CHANCE_GAN, (uint64_t) class, 2 + (uint64_t)e);

		chance_order(&r, h->order, h->draw.n);
		for (int64_t at = 0; at < h->draw.n; at += h->batch)
			if (!hunt_step(c, h, class, at, rate))
				return false;
	}
	return look(c, h, class, ret);
}

/* ---- All classes ------------------------------------------------------------------------- */

void
gan_free(struct gan **g)
{
	if (*g == NULL)
		return;
	free((*g)->found);
	free((*g)->weights);
	free(*g);
	*g = NULL;
}

int32_t
gan_classes(const struct gan *g)
{
	return g->classes;
}

const struct gan_found *
gan_found(const struct gan *g, int32_t class)
{
	return &g->found[class];
}

int32_t
gan_least(const struct gan *g, bool *ret_suspect)
{
	int32_t least = g->first;

	for (int32_t t = g->first; t < g->last; t++)
		if (g->found[t].anomaly < g->found[least].anomaly)
			least = t;
	*ret_suspect = g->found[least].anomaly < -2;
	return least;
}

MUST static bool
anomalies(struct ctx *c, struct gan *g)
{
	int64_t n = g->last - g->first;
	double *v = take(c, (size_t)(2 * n) * sizeof *v);

	if (v == NULL)
		return false;
	for (int64_t i = 0; i < n; i++)
		v[i] = g->found[g->first + i].change;
	if (!backdoor_anomaly(c, v, n, v + n))
		return false;
	for (int64_t i = 0; i < n; i++)
		g->found[g->first + i].anomaly = v[n + i];
	return true;
}

bool
gan_reverse(
    struct ctx *c, const struct backdoor_case *k, const struct gan_options *o, struct gan **ret)
{
	owned(hunt_done) struct hunt h = { 0 };
	owned(gan_free) struct gan *g = calloc(1, sizeof *g);

	if (g == NULL)
		return fail(c, E_MEMORY, "no memory");
	if (!hunt_new(c, k, o, &h))
		return false;
	g->classes = (int32_t)h.probe.outputs;
	g->first = o->first;
	g->last = o->last > 0 ? o->last : g->classes;
	g->shape = h.shape;
	g->numbers = gan_net_numbers(&h.generator);
	if (g->first < 0 || g->first >= g->last || g->last > g->classes)
		return fail(c, E_INPUT, "the model's classes are 0 to %d", g->classes - 1);
	g->found = calloc((size_t)g->classes, sizeof *g->found);
	if (g->found == NULL)
		return fail(c, E_MEMORY, "no memory for %d classes", g->classes);
	if (!backdoor_floats(c, g->classes * g->numbers, &g->weights))
		return false;
	for (int32_t t = g->first; t < g->last; t++) {
		if (!hunt_class(c, &h, t, &g->found[t]))
			return false;
		gan_net_save(&h.generator, g->weights + t * g->numbers);
	}
	if (!anomalies(c, g))
		return false;
	*ret = steal(g);
	return true;
}
