/*
 * The training that a thief does: as the vendor's own, but towards any targets: labels, labels in
 * doubt, what another network says, or what must not be said any more. Samples come in an order by
 * chance; whatever else happens to a batch is the hook's.
 */
#include <math.h>

#include "learn.h"

enum { BATCH = 64, TELL = 32 };
#define CLIP 5.0

enum { USE_ORDER = 100 };

/* ---- How much is granted ----------------------------------------------------------------- */

struct redteam_effort
redteam_effort(const struct redteam *r, int64_t epochs, double price)
{
	static const double granted[REDTEAM_PROFILES] = { 24e3, 120e3, INFINITY };
	struct redteam_effort e = { epochs, r->thief.samples.shape.dim[0] };
	double seen = granted[r->the.profile] / price;
	int64_t least = epochs / 6 > 3 ? epochs / 6 : 3;

	if ((double)(e.epochs * e.samples) > seen)
		e.epochs = (int64_t)(seen / (double)e.samples);
	e.epochs = e.epochs < least ? least : e.epochs;
	e.epochs = e.epochs > epochs ? epochs : e.epochs;
	if ((double)(e.epochs * e.samples) > seen)
		e.samples = (int64_t)(seen / (double)e.epochs);
	return e;
}

void
redteam_part(const struct train_data *d, int64_t first, int64_t n, struct redteam_part *ret)
{
	size_t row = (size_t)d->samples->shape.row * data_type_size(d->samples->shape.type);

	ret->samples = *d->samples;
	ret->samples.shape.dim[0] = n;
	ret->samples.v = (char *)d->samples->v + (size_t)first * row;
	ret->labels = *d->labels;
	ret->labels.n = n;
	ret->labels.v = d->labels->v + first * data_places(d->labels);
	ret->data = (struct train_data){ &ret->samples, &ret->labels, d->form };
}

/* ---- A training -------------------------------------------------------------------------- */

/* One array that is trained. */
struct learnt {
	struct nn_weight *weight;
	size_t index;
	float *state;
};

struct learning {
	struct redteam *run;
	struct redteam_suspect *suspect;
	const struct redteam_lesson *lesson;
	const struct train_data *data;
	const struct loss *loss;
	struct nn_plan *plan;
	struct learnt *learnt;
	size_t learnts;
	int64_t batch, outputs, places, per_epoch, step, steps;
	float *x, *target, *gradient;
	float *cool; /* answers, tempered */
	int32_t *label;
	int64_t *order;
	struct optimiser optimiser;
	struct schedule schedule;
	uint64_t seed;
};

static void
learning_done(struct learning *l)
{
	for (size_t i = 0; i < l->learnts; i++)
		free(l->learnt[i].state);
	free(l->learnt);
	free(l->x);
	free(l->target);
	free(l->gradient);
	free(l->cool);
	free(l->label);
	free(l->order);
	nn_plan_free(&l->plan);
}

/* Plans with those arrays alone that are to learn; what may be trained is as before afterwards. */
MUST static bool
plan_lesson(struct ctx *c, struct learning *l)
{
	struct nn_graph *g = l->suspect->graph;
	const struct nn_options o = {
		.mode = NN_TRAIN,
		.batch = BATCH < l->lesson->effort.samples ? BATCH : l->lesson->effort.samples,
		.threads = l->run->the.threads,
		.seed = l->seed,
	};
	size_t n;
	struct nn_weight *w = nn_weights(g, &n);
	bool *head, *before = take(c, n + 1), ok;

	if (before == NULL || !redteam_head(c, l->suspect, &head))
		return false;
	for (size_t i = 0; i < n; i++) {
		before[i] = w[i].trainable;
		w[i].trainable = w[i].trainable && (head[i] || !l->lesson->head_only);
	}
	ok = train_plan(c, g, &l->data->form, o, &l->plan, &l->batch, &l->outputs);
	for (size_t i = 0; i < n; i++)
		w[i].trainable = before[i];
	return ok;
}

MUST static bool
find_learnt(struct ctx *c, struct learning *l)
{
	size_t n;
	struct nn_weight *w = nn_weights(l->suspect->graph, &n);

	l->learnt = calloc(n + 1, sizeof *l->learnt);
	if (l->learnt == NULL)
		return fail(c, E_MEMORY, "no memory for %zu weights", n);
	for (size_t i = 0; i < n; i++) {
		struct learnt *own = &l->learnt[l->learnts];

		if (nn_weight_gradient(l->plan, i) == NULL)
			continue;
		*own = (struct learnt){ &w[i], i, NULL };
		l->learnts++;
		if (!redteam_floats(
			c, optimiser_state(&l->optimiser) * w[i].count, &own->state))
			return false;
	}
	if (l->learnts == 0)
		return fail(c, E_INPUT, "the suspect has nothing that can be trained");
	return true;
}

MUST static bool
take_room(struct ctx *c, struct learning *l)
{
	const struct redteam_lesson *o = l->lesson;
	int64_t wanted = o->itself ? l->data->form.count : l->outputs;

	l->places = data_places(l->data->labels);
	if (l->outputs != wanted || (!o->itself && l->places != loss_places(l->loss, wanted)))
		return fail(c, E_INPUT,
		    "the suspect's %lld answers are not those that the thief's "
		    "samples teach",
		    (long long)l->outputs);
	l->per_epoch = o->effort.samples / l->batch;
	l->steps = l->per_epoch * o->effort.epochs;
	if (l->per_epoch < 1)
		return fail(c, E_INPUT,
		    "the thief's %lld samples do not fill a batch of %lld: give more data",
		    (long long)o->effort.samples, (long long)l->batch);
	l->order = calloc((size_t)o->effort.samples, sizeof *l->order);
	l->label = calloc((size_t)(l->batch * l->places), sizeof *l->label);
	if (l->order == NULL || l->label == NULL)
		return fail(c, E_MEMORY, "no memory for a training");
	return redteam_floats(c, l->batch * l->data->form.count, &l->x) &&
	    redteam_floats(c, l->batch * l->outputs, &l->target) &&
	    redteam_floats(c, l->batch * l->outputs, &l->cool) &&
	    redteam_floats(c, l->batch * l->outputs, &l->gradient);
}

MUST static bool
learning_new(struct ctx *c, struct redteam *r, struct redteam_suspect *s,
    const struct redteam_lesson *o, struct learning *l)
{
	struct chance chance = redteam_chance(r, USE_ORDER);

	*l = (struct learning){
		.run = r,
		.suspect = s,
		.lesson = o,
		.data = o->data != NULL ? o->data : &r->thief.data,
		.loss = o->loss != NULL ? o->loss : &r->the.work.loss,
		.optimiser = { o->adam ? TRAIN_ADAM : TRAIN_SGD, .9, .999, 1e-8, o->decay,
		    o->scratch && !o->adam },
		.schedule = { .kind = o->scratch ? TRAIN_ONE_CYCLE : TRAIN_CONSTANT,
		    .rate = o->rate },
		.seed = chance_bits(&chance),
	};
	return nn_graph_load(c, s->graph, SIZE_MAX) && plan_lesson(c, l) && find_learnt(c, l) &&
	    take_room(c, l);
}

/* ---- A step ------------------------------------------------------------------------------ */

/* What the sample at this place of the batch is to be answered. */
static void
one_target(struct learning *l, int64_t place, int64_t sample)
{
	const struct redteam_lesson *o = l->lesson;
	const struct loss *loss = l->loss;
	float *t = l->target + place * l->outputs, even;

	if (o->itself)
		return;
	if (o->target != NULL)
		memcpy(t, o->target + sample * l->outputs, (size_t)l->outputs * sizeof *t);
	else
		redteam_target(loss, l->label + place * l->places, l->outputs, t);
	even = loss->kind == TRAIN_CROSS_ENTROPY ? 1 / (float)l->outputs : .5F;
	for (int64_t k = 0; o->smoothing > 0 && k < l->outputs; k++)
		t[k] += (float)o->smoothing * (even - t[k]);
}

MUST static bool
next_batch(struct ctx *c, struct learning *l)
{
	const struct redteam_lesson *o = l->lesson;
	int64_t epoch = l->step / l->per_epoch, first = l->step % l->per_epoch * l->batch;
	int64_t row = l->data->form.count;

	if (first == 0) {
		struct chance chance = chance_of(l->seed, USE_ORDER, (uint64_t)epoch, 0);

		chance_order(&chance, l->order, o->effort.samples);
	}
	for (int64_t i = 0; i < l->batch; i++) {
		int64_t sample = l->order[first + i];
		int32_t *label = l->label + i * l->places;

		data_floats(
		    &l->data->form, data_sample(l->data->samples, sample), 1, l->x + i * row);
		memcpy(label, l->data->labels->v + sample * l->places,
		    (size_t)l->places * sizeof *label);
		if (o->touch != NULL)
			o->touch(o->touch_arg, epoch, sample, l->x + i * row, label);
		one_target(l, i, sample);
	}
	if (o->hook != NULL && !o->hook(c, o->arg, l->x, l->target, l->batch))
		return false;
	if (o->itself)
		memcpy(l->target, l->x, (size_t)(l->batch * row) * sizeof *l->x);
	return true;
}

/* The loss of the answers, tempered if targets are, and its gradient. */
static double
lesson_loss(struct learning *l)
{
	const struct loss *loss = l->loss;
	const float *out = nn_plan_output(l->plan, 0)->data;
	int64_t n = l->batch * l->outputs;
	float heat = l->lesson->temperature > 0 ? (float)l->lesson->temperature : 1;
	double v;

	if (loss->output != TRAIN_LOGITS)
		heat = 1;
	for (int64_t i = 0; i < n; i++)
		l->cool[i] = out[i] / heat;
	v = loss_targets(loss, l->cool, l->target, l->batch, l->outputs, l->gradient);
	/* By its square, as usual: the targets' own softness takes one factor away. */
	for (int64_t i = 0; i < n; i++)
		l->gradient[i] *= heat;
	return v;
}

/* All gradients scaled down together if they are too large. */
static void
clip(struct learning *l)
{
	double sum = 0, norm;

	for (size_t i = 0; i < l->learnts; i++) {
		const float *g = nn_weight_gradient(l->plan, l->learnt[i].index);

		for (int64_t k = 0; k < l->learnt[i].weight->count; k++)
			sum += (double)g[k] * (double)g[k];
	}
	norm = sqrt(sum);
	for (size_t i = 0; norm > CLIP && i < l->learnts; i++) {
		float *g = nn_weight_gradient(l->plan, l->learnt[i].index);

		for (int64_t k = 0; k < l->learnt[i].weight->count; k++)
			g[k] *= (float)(CLIP / norm);
	}
}

static void
new_weights(struct learning *l)
{
	double rate = schedule_rate(&l->schedule, l->step, l->steps, l->per_epoch);

	clip(l);
	for (size_t i = 0; i < l->learnts; i++) {
		struct nn_weight *w = l->learnt[i].weight;

		optimiser_step(&l->optimiser, rate, l->step + 1, w->rank > 1, w->data,
		    nn_weight_gradient(l->plan, l->learnt[i].index), l->learnt[i].state,
		    w->count);
	}
	nn_graph_changed(l->suspect->graph);
}

MUST static bool
learn_step(struct ctx *c, struct learning *l)
{
	const void *input[] = { l->x };
	const float *gradient[] = { l->gradient };

	if (!next_batch(c, l))
		return false;
	nn_plan_seed(l->plan, l->seed + (uint64_t)l->step);
	nn_gradients_clear(l->plan);
	if (!nn_forward(c, l->plan, input))
		return false;
	if (!isfinite(lesson_loss(l)))
		return fail(c, E_INPUT, "the thief's training went astray in step %lld",
		    (long long)l->step + 1);
	if (!nn_backward(c, l->plan, gradient))
		return false;
	new_weights(l);
	l->step++;
	return true;
}

bool
redteam_learn(
    struct ctx *c, struct redteam *r, struct redteam_suspect *s, const struct redteam_lesson *o)
{
	owned(learning_done) struct learning l;
	double to = o->to > 0 ? o->to : 1;

	if (!learning_new(c, r, s, o, &l))
		return false;
	while (l.step < l.steps) {
		if (l.step % TELL == 0)
			redteam_tell(r,
			    o->from + (to - o->from) * (double)l.step / (double)l.steps,
			    "training");
		if (!learn_step(c, &l))
			return false;
	}
	return true;
}
