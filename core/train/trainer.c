/*
 * The trainer: one step is a batch forward, its loss, backward, and new weights. All that it
 * needs is allocated at the beginning; a step allocates nothing.
 */
#include <math.h>

#include "trainer.h"

/* ---- Birth and death --------------------------------------------------------------------- */

void
trainer_free(struct trainer **t)
{
	struct trainer *own = *t;

	if (own == NULL)
		return;
	for (size_t i = 0; own->trained != NULL && i < own->trainees; i++)
		free(own->trained[i].state);
	free(own->trained);
	free(own->input);
	free(own->room);
	free(own->gradient);
	free(own->label);
	free(own->order);
	nn_plan_free(&own->plan);
	free(own);
	*t = NULL;
}

MUST static bool
options_check(struct ctx *c, const struct train_data *d, const struct train_options *o)
{
	bool image = d->form.rank == 3;

	if (d->labels->n != d->samples->shape.dim[0])
		return fail(c, E_INPUT, "%lld samples, but %lld labels",
		    (long long)d->samples->shape.dim[0], (long long)d->labels->n);
	if (!image && (o->crop != 0 || o->flip))
		return fail(c, E_INPUT, "only images can be cropped and flipped");
	if (o->crop < 0 || (image && (o->crop >= d->form.dim[1] || o->crop >= d->form.dim[2])))
		return fail(
		    c, E_INPUT, "images cannot be moved by %lld pixels", (long long)o->crop);
	if (o->epochs < 1 || o->batch < 1 || !(o->schedule.rate > 0))
		return fail(c, E_INPUT, "epochs, batch and rate have to be positive");
	return true;
}

MUST static bool
labels_check(
    struct ctx *c, const struct data_labels *l, const struct loss *loss, int64_t outputs)
{
	if (l->classes > loss_classes(loss, outputs))
		return fail(c, E_INPUT, "labels of %lld classes, but the model knows %lld",
		    (long long)l->classes, (long long)loss_classes(loss, outputs));
	if (data_places(l) != loss_places(loss, outputs))
		return fail(c, E_INPUT, "%lld labels a sample, but its loss takes %lld",
		    (long long)data_places(l), (long long)loss_places(loss, outputs));
	return true;
}

/* An array of n, all zero. */
MUST static bool
floats(struct ctx *c, int64_t n, float **ret)
{
	*ret = calloc((size_t)n + 1, sizeof **ret);
	if (*ret == NULL)
		return fail(c, E_MEMORY, "no memory for %lld numbers", (long long)n);
	return true;
}

MUST static bool
find_trained(struct ctx *c, struct trainer *t)
{
	struct nn_weight *w;
	size_t n;

	w = nn_weights(t->graph, &n);
	t->trained = calloc(n + 1, sizeof *t->trained);
	if (t->trained == NULL)
		return fail(c, E_MEMORY, "no memory for %zu weights", n);
	for (size_t i = 0; i < n; i++) {
		struct trained *own = &t->trained[t->trainees];

		if (nn_weight_gradient(t->plan, i) == NULL)
			continue;
		*own = (struct trained){ &w[i], i, NULL };
		t->trainees++;
		if (!floats(
			c, optimiser_state(&t->options.optimiser) * w[i].count, &own->state))
			return false;
	}
	if (t->trainees == 0)
		return fail(c, E_INPUT, "the model has nothing that can be trained");
	return true;
}

MUST static bool
take_room(struct ctx *c, struct trainer *t)
{
	int64_t samples = t->data.samples->shape.dim[0], row = t->data.form.count;

	t->label = calloc((size_t)(t->batch * t->places), sizeof *t->label);
	t->order = calloc((size_t)samples, sizeof *t->order);
	if (t->label == NULL || t->order == NULL)
		return fail(
		    c, E_MEMORY, "no memory for the order of %lld samples", (long long)samples);
	return floats(c, t->batch * row, &t->input) && floats(c, row, &t->room) &&
	    floats(c, t->batch * t->outputs, &t->gradient);
}

MUST static bool
count_steps(struct ctx *c, struct trainer *t)
{
	int64_t samples = t->data.samples->shape.dim[0];

	t->per_epoch = samples / t->batch;
	if (t->per_epoch == 0)
		return fail(c, E_INPUT, "%lld samples do not fill a batch of %lld",
		    (long long)samples, (long long)t->batch);
	if (__builtin_mul_overflow(t->per_epoch, t->options.epochs, &t->steps))
		return fail(c, E_INPUT, "too many steps");
	return true;
}

bool
trainer_new(struct ctx *c, struct nn_graph *g, const struct train_data *d,
    const struct train_options *o, struct trainer **ret)
{
	owned(trainer_free) struct trainer *t = calloc(1, sizeof *t);
	int64_t samples = d->samples->shape.dim[0];
	struct nn_options plan = {
		.mode = NN_TRAIN,
		.batch = o->batch < samples ? o->batch : samples,
		.threads = o->threads,
		.seed = o->seed,
		.memory_max = o->memory_max,
	};

	if (t == NULL)
		return fail(c, E_MEMORY, "no memory");
	t->graph = g;
	t->data = *d;
	t->options = *o;
	t->ordered = -1;
	if (!options_check(c, d, o) ||
	    !train_plan(c, g, &d->form, plan, &t->plan, &t->batch, &t->outputs) ||
	    !batch_loss(c, &o->loss, t->outputs))
		return false;
	if (!labels_check(c, d->labels, &o->loss, t->outputs))
		return false;
	t->places = loss_places(&o->loss, t->outputs);
	if (!count_steps(c, t) || !find_trained(c, t) || !take_room(c, t))
		return false;
	*ret = steal(t);
	return true;
}

/* ---- A step ------------------------------------------------------------------------------ */

bool
trainer_more(const struct trainer *t)
{
	return t->step < t->steps;
}

static void
next_batch(struct trainer *t)
{
	int64_t epoch = t->step / t->per_epoch, first = t->step % t->per_epoch * t->batch;
	const struct change change = { t->options.seed, t->options.crop, t->options.flip };

	if (t->ordered != epoch) {
		struct chance r = chance_of(t->options.seed, RANDOM_ORDER, (uint64_t)epoch, 0);

		chance_order(&r, t->order, t->data.samples->shape.dim[0]);
	}
	t->ordered = epoch;
	for (int64_t i = 0; i < t->batch; i++) {
		int64_t sample = t->order[first + i];
		int32_t *label = t->label + i * t->places;
		float *x = t->input + i * t->data.form.count;

		batch_sample(&t->data, &change, epoch, sample, t->room, x);
		memcpy(label, t->data.labels->v + sample * t->places,
		    (size_t)t->places * sizeof *label);
		if (t->options.touch != NULL)
			t->options.touch(t->options.touch_arg, epoch, sample, x, label);
	}
}

/* Scales all gradients down together if their norm is larger. */
static void
clip(struct trainer *t, double largest)
{
	double sum = 0, norm;

	for (size_t i = 0; i < t->trainees; i++) {
		const float *g = nn_weight_gradient(t->plan, t->trained[i].index);

		for (int64_t k = 0; k < t->trained[i].weight->count; k++)
			sum += (double)g[k] * g[k];
	}
	norm = sqrt(sum);
	if (norm <= largest)
		return;
	for (size_t i = 0; i < t->trainees; i++) {
		float *g = nn_weight_gradient(t->plan, t->trained[i].index);

		for (int64_t k = 0; k < t->trained[i].weight->count; k++)
			g[k] *= (float)(largest / norm);
	}
}

static void
new_weights(struct trainer *t)
{
	struct optimiser o = t->options.optimiser;
	double rate = schedule_rate(&t->options.schedule, t->step, t->steps, t->per_epoch);

	o.momentum = schedule_momentum(&t->options.schedule, o.momentum, t->step, t->steps);
	if (t->options.clip > 0)
		clip(t, t->options.clip);
	for (size_t i = 0; i < t->trainees; i++) {
		struct nn_weight *w = t->trained[i].weight;

		optimiser_step(&o, rate, t->step + 1, w->rank > 1, w->data,
		    nn_weight_gradient(t->plan, t->trained[i].index), t->trained[i].state,
		    w->count);
	}
	nn_graph_changed(t->graph);
}

/* Outputs are dense, and float by the check at birth. */
static const float *
outputs(const struct trainer *t)
{
	return nn_plan_output(t->plan, 0)->data;
}

bool
trainer_step(struct ctx *c, struct trainer *t)
{
	const void *input[] = { t->input };
	const float *gradient[] = { t->gradient };

	if (!trainer_more(t))
		return fail(c, E_INTERNAL, "the training is over");
	if (t->since == 0) {
		t->since = clock_monotonic();
		t->from = t->step;
	}
	next_batch(t);
	nn_plan_seed(
	    t->plan, chance_of(t->options.seed, RANDOM_DROPOUT, (uint64_t)t->step, 0).state);
	nn_gradients_clear(t->plan);
	if (!nn_forward(c, t->plan, input))
		return false;
	t->loss = loss_labels(
	    &t->options.loss, outputs(t), t->label, t->batch, t->outputs, t->gradient);
	if (!isfinite(t->loss))
		return fail(c, E_INPUT,
		    "the training went astray in step %lld: a lower rate may help",
		    (long long)t->step + 1);
	if (!nn_backward(c, t->plan, gradient))
		return false;
	new_weights(t);
	t->epoch_loss = t->step % t->per_epoch == 0 ? t->loss : t->epoch_loss + t->loss;
	t->step++;
	return true;
}

/* ---- What it says of itself -------------------------------------------------------------- */

struct train_progress
trainer_progress(const struct trainer *t)
{
	int64_t done = t->step - t->from, last = t->step > 0 ? t->step - 1 : 0;
	double seconds = (double)(clock_monotonic() - t->since) / 1000;
	struct train_progress p = {
		.step = t->step,
		.steps = t->steps,
		.epoch = t->step / t->per_epoch,
		.epochs = t->options.epochs,
		.loss = t->loss,
		.rate = schedule_rate(&t->options.schedule, last, t->steps, t->per_epoch),
		.left = -1,
	};

	if (t->step > 0)
		p.epoch_loss = t->epoch_loss / (double)(last % t->per_epoch + 1);
	if (t->since != 0 && done > 0 && seconds > 0) {
		p.speed = (double)(done * t->batch) / seconds;
		p.left = seconds / (double)done * (double)(t->steps - t->step);
	}
	return p;
}

size_t
trainer_memory(const struct trainer *t)
{
	size_t floats = (size_t)(t->batch * (t->data.form.count + t->outputs));

	for (size_t i = 0; i < t->trainees; i++)
		floats += (size_t)(optimiser_state(&t->options.optimiser) *
		    t->trained[i].weight->count);
	return nn_plan_memory(t->plan) + floats * sizeof(float) +
	    (size_t)t->data.samples->shape.dim[0] * sizeof *t->order;
}
