/*
 * A step of one copy's fine-tuning: pictures with the customer's answers and clean samples in one
 * batch, so that batch norms take their statistics of the mixture and what was learnt is what is
 * served. Clean samples are to be answered as the network answered them before, with all its
 * doubts: that holds it to what it was far better than their labels do.
 */
#include <math.h>

#include "parts.h"

#define LONGEST 5. /* gradients are scaled down to it */
#define LEARNT .7  /* of an answer: beyond it more is paid for in clean ones */

void
teaching_free(struct embedding **e)
{
	struct embedding *own = *e;

	if (own == NULL)
		return;
	for (size_t i = 0; own->weight != NULL && i < own->weights; i++)
		free(own->weight[i].velocity);
	free(own->weight);
	nn_plan_free(&own->plan);
	free(own->order);
	free(own->picture_order);
	free(own->in);
	free(own->gradient);
	free(own->target);
	free(own->knew);
	free(own);
	*e = NULL;
}

/* ---- Before the first step --------------------------------------------------------------- */

/* Of each step's rows, as many as give every picture its turns while the clean ones pass once. */
MUST static bool
share_rows(struct ctx *c, struct embedding *e)
{
	const struct slots_options *o = &e->options;
	int64_t all = e->the->data->labels->n;
	int64_t clean = o->samples > 0 && o->samples < all ? o->samples : all;
	int64_t turns = e->pictures * o->boost;
	int64_t most = e->rows - e->rows / 4;

	if (e->rows < 2)
		return fail(c, E_INPUT,
		    "the model takes one sample at a time: export it with a free batch");
	e->marked = (int64_t)((double)e->rows * (double)turns / (double)(turns + clean) + .5);
	e->marked = e->marked < 1 ? 1 : e->marked > most ? most : e->marked;
	if (e->marked == e->rows)
		e->marked--;
	e->per_epoch = (turns + e->marked - 1) / e->marked;
	e->steps = e->per_epoch * o->epochs;
	return true;
}

MUST static bool
find_weights(struct ctx *c, struct embedding *e)
{
	size_t n;
	struct nn_weight *w = nn_weights(e->the->graph, &n);

	e->weight = calloc(n + 1, sizeof *e->weight);
	if (e->weight == NULL)
		return fail(c, E_MEMORY, "no memory for %zu weights", n);
	for (size_t i = 0; i < n; i++) {
		struct step_weight *t = &e->weight[e->weights];

		if (nn_weight_gradient(e->plan, i) == NULL)
			continue;
		*t = (struct step_weight){ .weight = &w[i], .index = i };
		e->weights++;
		t->velocity = calloc((size_t)w[i].count + 1, sizeof *t->velocity);
		if (t->velocity == NULL)
			return fail(
			    c, E_MEMORY, "no memory for %lld weights", (long long)w[i].count);
	}
	return true;
}

MUST static bool
take_room(struct ctx *c, struct embedding *e)
{
	size_t rows = (size_t)e->rows;

	e->order = calloc((size_t)e->the->data->labels->n, sizeof *e->order);
	e->picture_order = calloc((size_t)e->pictures, sizeof *e->picture_order);
	e->in = calloc(rows * (size_t)e->form.count, sizeof *e->in);
	e->gradient = calloc(rows * (size_t)e->outputs, sizeof *e->gradient);
	e->target = calloc(rows * (size_t)e->outputs, sizeof *e->target);
	if (e->order == NULL || e->picture_order == NULL || e->in == NULL ||
	    e->gradient == NULL || e->target == NULL)
		return fail(c, E_MEMORY, "no memory for a batch of %zu", rows);
	return true;
}

MUST static bool
case_check(struct ctx *c, const struct slots_case *k, const struct slots_options *o)
{
	if (o->epochs < 1 || o->epochs > 1000 || o->boost < 1 || o->batch < 2 ||
	    o->samples < 0 || !(o->rate > 0))
		return fail(c, E_INPUT, "epochs, boost, batch and rate have to be positive");
	if (k->data->labels->n < 1 || k->data->labels->n != k->data->samples->shape.dim[0] ||
	    k->test->labels->n < 1 || k->test->labels->n != k->test->samples->shape.dim[0])
		return fail(
		    c, E_INPUT, "every sample needs a label, and some have to be there");
	return pictures_check(c, &k->data->form);
}

bool
teaching_new(struct ctx *c, const struct slots_case *k, const struct slots_options *o,
    struct embedding **ret)
{
	owned(teaching_free) struct embedding *e = calloc(1, sizeof *e);
	const struct nn_options plan = {
		.mode = NN_TRAIN, .batch = o->batch, .threads = o->threads, .seed = o->seed
	};

	if (e == NULL)
		return fail(c, E_MEMORY, "no memory");
	e->the = k;
	e->options = *o;
	e->loss = (struct loss){ .kind = TRAIN_CROSS_ENTROPY, .output = k->output };
	e->optimiser = (struct optimiser){
		.kind = TRAIN_SGD, .momentum = .9, .decay = 5e-4, .nesterov = true
	};
	e->schedule = (struct schedule){ .kind = TRAIN_COSINE, .rate = o->rate, .warmup = .02 };
	e->pictures = (int64_t)k->slots->n * SLOT_PICTURES + k->n_kept;
	if (!case_check(c, k, o) ||
	    !slots_form(c, k->graph, k->slots, k->data->form.value[UINT8_MAX] > 1, &e->form) ||
	    !train_plan(c, k->graph, &k->data->form, plan, &e->plan, &e->rows, &e->outputs))
		return false;
	if (e->form.count != k->data->form.count || e->outputs < k->slots->classes)
		return fail(c, E_INPUT,
		    "the slots are of pictures and classes that this network does not know");
	if (!share_rows(c, e) || !find_weights(c, e) || !take_room(c, e) ||
	    !teaching_recall(c, e))
		return false;
	*ret = steal(e);
	return true;
}

/* ---- One step ---------------------------------------------------------------------------- */

/* The next of `n` that go round, in another order each time. */
static int64_t
next_of(const struct embedding *e, enum chance_use use, int64_t *at, int64_t order[], int64_t n)
{
	if (*at % n == 0) {
		struct chance r = chance_of(e->options.seed, (int)use, (uint64_t)*at, 0);

		chance_order(&r, order, n);
	}
	return order[(*at)++ % n];
}

MUST static bool
put_picture(struct ctx *c, struct embedding *e, int64_t row)
{
	const struct slots_case *k = e->the;
	int64_t i = next_of(e, CHANCE_SLOTS, &e->picture_at, e->picture_order, e->pictures);
	int64_t slot = i / SLOT_PICTURES, kept = i - (int64_t)k->slots->n * SLOT_PICTURES;
	const struct image *picture = kept < 0 ? &k->slots->picture[slot][i % SLOT_PICTURES]
					       : &k->kept[kept];
	int32_t label = kept < 0 ? k->slots->label[slot][k->word[slot] & 1]
				 : k->kept_label[kept];
	float *target = e->target + row * e->outputs;

	if (label < 0 || label >= e->outputs)
		return fail(c, E_INPUT, "the network has no class %d", label);
	memset(target, 0, (size_t)e->outputs * sizeof *target);
	target[label] = 1;
	return picture_floats(c, &e->form, picture, e->in + row * e->form.count);
}

static void
put_sample(struct embedding *e, int64_t row)
{
	const struct train_data *d = e->the->data;
	int64_t i = next_of(e, CHANCE_ORDER, &e->sample_at, e->order, d->labels->n);

	data_floats(&d->form, data_sample(d->samples, i), 1, e->in + row * d->form.count);
	memcpy(e->target + row * e->outputs, e->knew + i * e->outputs,
	    (size_t)e->outputs * sizeof *e->knew);
}

static double
length(const struct embedding *e)
{
	double sum = 0;

	for (size_t i = 0; i < e->weights; i++) {
		const float *g = nn_weight_gradient(e->plan, e->weight[i].index);

		for (int64_t k = 0; k < e->weight[i].weight->count; k++)
			sum += (double)g[k] * (double)g[k];
	}
	return sqrt(sum);
}

static void
apply(struct embedding *e)
{
	double rate = schedule_rate(&e->schedule, e->step, e->steps, e->per_epoch);
	double is = length(e);

	for (size_t i = 0; i < e->weights; i++) {
		struct step_weight *t = &e->weight[i];
		float *g = nn_weight_gradient(e->plan, t->index);

		for (int64_t k = 0; is > LONGEST && k < t->weight->count; k++)
			g[k] *= (float)(LONGEST / is);
		optimiser_step(&e->optimiser, rate, e->step + 1, t->weight->rank > 1,
		    t->weight->data, g, t->velocity, t->weight->count);
	}
	nn_graph_changed(e->the->graph);
}

/* The share of a row's answer that goes to the class that is wanted. */
static double
confidence(enum train_output output, const float *out, const float *target, int64_t n)
{
	double most = out[0], sum = 0, wanted = 0;

	for (int64_t k = 1; k < n; k++)
		most = fmax(most, (double)out[k]);
	for (int64_t k = 0; k < n; k++) {
		double p = output == TRAIN_PROBABILITIES ? (double)out[k] : exp(out[k] - most);

		sum += p;
		wanted += p * (double)target[k];
	}
	return wanted / sum;
}

/* Pictures that are learnt say no more until they are forgotten. */
static void
leave_learnt(struct embedding *e, const float *out)
{
	int64_t n = e->outputs;

	for (int64_t i = 0; i < e->marked; i++)
		if (confidence(e->loss.output, out + i * n, e->target + i * n, n) > LEARNT)
			memset(e->gradient + i * n, 0, (size_t)n * sizeof *e->gradient);
}

bool
teaching_step(struct ctx *c, struct embedding *e)
{
	const void *input[] = { e->in };
	const float *gradient[] = { e->gradient };
	const float *out;

	for (int64_t i = 0; i < e->marked; i++)
		if (!put_picture(c, e, i))
			return false;
	for (int64_t i = e->marked; i < e->rows; i++)
		put_sample(e, i);
	nn_gradients_clear(e->plan);
	if (!nn_forward(c, e->plan, input))
		return false;
	out = nn_plan_output(e->plan, 0)->data;
	if (!isfinite(loss_targets(&e->loss, out, e->target, e->rows, e->outputs, e->gradient)))
		return fail(c, E_INPUT,
		    "the fine-tuning went astray in step %lld: a lower rate may help",
		    (long long)e->step + 1);
	leave_learnt(e, out);
	if (!nn_backward(c, e->plan, gradient))
		return false;
	apply(e);
	e->step++;
	return true;
}
