/*
 * An embedding before its first step: plans, weights kept aside, room for batches.
 */
#include "parts.h"

/* What others do: no schedule, no margin, no copies but other lowest bits. */
static void
make_plain(struct watermark_options *o)
{
	o->compression = o->physical = false;
	o->margin = 0;
}

#define WEIGHTS_BYTES ((size_t)4 << 30)
#define SCRATCH_BYTES ((size_t)256 << 20)
enum { KEYS_PART = 4 }; /* of a fixed batch */

/* ---- Birth and death --------------------------------------------------------------------- */

void
embedding_free(struct embedding **e)
{
	struct embedding *own = *e;

	if (own == NULL)
		return;
	for (size_t i = 0; own->trainee != NULL && i < own->trainees; i++) {
		free(own->trainee[i].velocity);
		free(own->trainee[i].thief);
		free(own->trainee[i].others);
	}
	free(own->trainee);
	kept_done(&own->own);
	kept_done(&own->thief);
	kept_done(&own->unmarked);
	copies_done(&own->copies);
	nn_plan_free(&own->mixed);
	nn_plan_free(&own->served);
	nn_plan_free(&own->telling);
	nn_graph_free(&own->own_graph);
	free(own->in);
	free(own->alone);
	free(own->told);
	free(own->gradient);
	free(own->feature_gradient);
	free(own->label);
	free(own->room);
	free(own->order);
	free(own->pair_order);
	arena_free(&own->scratch);
	arena_free(&own->mem);
	free(own);
	*e = NULL;
}

MUST static bool
case_check(struct ctx *c, const struct watermark_case *k, const struct watermark_options *o)
{
	if (k->data->labels->n != k->data->samples->shape.dim[0])
		return fail(c, E_INPUT, "%lld samples, but %lld labels",
		    (long long)k->data->samples->shape.dim[0], (long long)k->data->labels->n);
	if (k->data->labels->classes > k->keys->classes)
		return fail(c, E_INPUT, "labels of %lld classes, but the network had %d",
		    (long long)k->data->labels->classes, k->keys->classes);
	if (o->epochs < 1 || o->epochs > WATERMARK_EPOCHS_MAX || o->batch < 1 || o->boost < 1 ||
	    o->samples < 0 || o->coders < 0 || o->coders > EMBED_CODERS_MAX || !(o->rate > 0) ||
	    o->mu < 0 || o->weight < 0)
		return fail(c, E_INPUT, "epochs, batch, boost and rate have to be positive");
	if (o->crop < 0 ||
	    (o->crop > 0 &&
		(k->data->form.rank != 3 || o->crop >= k->data->form.dim[1] ||
		    o->crop >= k->data->form.dim[2])))
		return fail(
		    c, E_INPUT, "images cannot be moved by %lld pixels", (long long)o->crop);
	return true;
}

MUST static bool
floats(struct ctx *c, int64_t n, float **ret)
{
	*ret = calloc((size_t)n + 1, sizeof **ret);
	if (*ret == NULL)
		return fail(c, E_MEMORY, "no memory for %lld numbers", (long long)n);
	return true;
}

MUST static bool
find_trainees(struct ctx *c, struct embedding *e)
{
	size_t n;
	struct nn_weight *w = nn_weights(e->graph, &n);

	e->trainee = calloc(n + 1, sizeof *e->trainee);
	if (e->trainee == NULL)
		return fail(c, E_MEMORY, "no memory for %zu weights", n);
	for (size_t i = 0; i < n; i++) {
		struct trainee *t = &e->trainee[e->trainees];

		if (nn_weight_gradient(e->mixed, i) == NULL)
			continue;
		if (nn_weight_gradient(e->served, i) == NULL)
			return fail(c, E_INTERNAL, "the two plans train different weights");
		*t = (struct trainee){ .weight = &w[i], .index = i };
		e->trainees++;
		if (!floats(c, w[i].count, &t->velocity) || !floats(c, w[i].count, &t->thief) ||
		    !floats(c, w[i].count, &t->others))
			return false;
	}
	return kept_new(c, e->graph, &e->own) && kept_new(c, e->graph, &e->thief);
}

/* Steps of an epoch, and how many pairs each of them takes. */
static void
count_steps(struct embedding *e)
{
	const struct watermark_options *o = &e->options;
	int64_t samples = e->the->data->samples->shape.dim[0], pairs = e->the->keys->pairs;

	if (o->samples > 0 && o->samples < samples)
		samples = o->samples;
	e->per_epoch = samples / e->batch > 0 ? samples / e->batch : 1;
	e->steps = e->per_epoch * o->epochs;
	e->pairs = (pairs * o->boost + e->per_epoch * e->copied - 1) /
	    (e->per_epoch * e->copied);
	if (e->pairs > EMBED_PAIRS_MAX)
		e->pairs = EMBED_PAIRS_MAX;
}

/* Keys come to the batch that is wanted; of a batch that is the model's own they get a part. */
MUST static bool
share_rows(struct ctx *c, struct embedding *e)
{
	size_t n;
	int64_t own = nn_batch_free(e->graph) ? 0 : nn_inputs(e->graph, &n)[0].dim[0];
	int64_t samples = e->the->data->samples->shape.dim[0];

	e->batch = own > 0 ? own - own / KEYS_PART : e->options.batch;
	if (e->batch > samples && own == 0)
		e->batch = samples;
	count_steps(e);
	if (own > 0) {
		int64_t most = own / KEYS_PART / (2 * e->copied);

		e->pairs = most < 1 ? 1 : most < e->pairs ? most : e->pairs;
		e->batch = own - embed_key_rows(e);
	}
	if (e->batch < 1 || e->batch > samples)
		return fail(c, E_INPUT,
		    "keys and %lld samples do not fill the model's batch of %lld",
		    (long long)samples, (long long)own);
	e->rows = embed_key_rows(e) + e->batch;
	return true;
}

MUST static bool
make_plans(struct ctx *c, struct embedding *e)
{
	const struct watermark_options *o = &e->options;
	int64_t rows, outputs = 0;
	struct nn_options plan = { .mode = NN_TRAIN,
		.batch = e->rows,
		.threads = o->threads,
		.seed = o->seed,
		.memory_max = o->memory_max };

	if (!train_plan(c, e->graph, &e->the->data->form, plan, &e->mixed, &rows, &outputs))
		return false;
	e->aim.classes = outputs;
	if (outputs != e->the->keys->classes + 1)
		return fail(c, E_INPUT, "the network knows %lld classes, the key set %d",
		    (long long)outputs, e->the->keys->classes);
	if (e->own_graph != NULL)
		e->features = nn_count(nn_plan_output(e->mixed, e->features_at)) / rows;
	plan.mode = NN_DIFFERENTIATE;
	plan.batch = embed_key_rows(e);
	return train_plan(c, e->graph, &e->copies.form, plan, &e->served, &rows, &outputs);
}

/*
 * The unmarked network is the one that is there before the first step. It knows nothing of samples
 * that somebody touches to give them other labels.
 */
MUST static bool
take_unmarked(struct ctx *c, struct embedding *e)
{
	const struct watermark_options *o = &e->options;
	int64_t rows, outputs;
	struct nn_options plan = { .mode = NN_INFER,
		.batch = e->rows,
		.threads = o->threads,
		.memory_max = o->memory_max };

	if (o->plain || e->the->touch != NULL)
		return true;
	if (!kept_new(c, e->graph, &e->unmarked))
		return false;
	kept_take(&e->unmarked);
	return floats(c, e->rows * e->aim.classes, &e->told) &&
	    train_plan(c, e->graph, &e->the->data->form, plan, &e->telling, &rows, &outputs);
}

MUST static bool
take_room(struct ctx *c, struct embedding *e)
{
	int64_t samples = e->the->data->samples->shape.dim[0], row = e->the->data->form.count;

	e->label = calloc((size_t)e->rows, sizeof *e->label);
	e->order = calloc((size_t)samples, sizeof *e->order);
	e->pair_order = calloc((size_t)e->the->keys->pairs, sizeof *e->pair_order);
	if (e->label == NULL || e->order == NULL || e->pair_order == NULL)
		return fail(
		    c, E_MEMORY, "no memory for the order of %lld samples", (long long)samples);
	return floats(c, e->rows * row, &e->in) && floats(c, e->rows * row, &e->alone) &&
	    floats(c, row, &e->room) && floats(c, e->rows * e->aim.classes, &e->gradient) &&
	    floats(c, e->rows * e->features, &e->feature_gradient);
}

/* The case's network as a graph of its own that also gives features. */
MUST static bool
with_features(struct ctx *c, struct embedding *e)
{
	struct buf b;
	bool found = false;

	if (!take_buf(c, e->the->model->bytes.n + 4096, &b) ||
	    !features_write(c, e->the->model, buf_sink, &b, &found))
		return false;
	if (!found)
		return true;
	if (!onnx_read(c, buf_str(&b), &e->own_model) ||
	    !nn_import(c, &e->own_model, &e->own_graph) ||
	    !nn_graph_load(c, e->own_graph, WEIGHTS_BYTES) ||
	    !nn_graph_load(c, e->the->graph, WEIGHTS_BYTES))
		return false;
	weights_copy(e->the->graph, e->own_graph);
	e->graph = e->own_graph;
	return true;
}

static bool
has_norms(const struct onnx_model *m)
{
	for (size_t i = 0; i < m->nodes; i++)
		if (str_same(m->node[i].op, STR("BatchNormalization")))
			return true;
	return false;
}

MUST static bool
take_graph(struct ctx *c, struct embedding *e)
{
	struct ctx aside = *c;
	bool ok;

	e->graph = e->the->graph;
	e->norms = has_norms(e->the->model);
	e->mem = arena_new(WEIGHTS_BYTES);
	e->scratch = arena_new(SCRATCH_BYTES);
	if (e->mem == NULL || e->scratch == NULL)
		return fail(c, E_MEMORY, "no memory");
	if (!e->options.compression)
		return true;
	aside.mem = e->mem;
	ok = with_features(&aside, e);
	c->err = aside.err;
	return ok;
}

MUST static bool
outputs_check(struct ctx *c, struct embedding *e)
{
	size_t n;

	(void)nn_outputs(e->graph, &n);
	if (n > EMBED_OUTPUTS_MAX)
		return fail(c, E_INPUT, "a model of %zu outputs cannot be marked", n);
	e->features_at = n - 1;
	return true;
}

bool
embedding_new(struct ctx *c, const struct watermark_case *k, const struct watermark_options *o,
    struct embedding **ret)
{
	owned(embedding_free) struct embedding *e = calloc(1, sizeof *e);

	if (e == NULL)
		return fail(c, E_MEMORY, "no memory");
	e->the = k;
	e->options = *o;
	if (o->plain)
		make_plain(&e->options);
	e->optimiser = (struct optimiser){
		.kind = TRAIN_SGD, .momentum = .9, .decay = 5e-4, .nesterov = true
	};
	e->schedule = (struct schedule){
		.kind = o->plain ? TRAIN_CONSTANT : TRAIN_COSINE, .rate = o->rate, .warmup = .02
	};
	e->aim = (struct aim){ .output = k->output, .mu = o->mu, .margin = e->options.margin };
	e->copies = (struct copies){ .keys = k->keys,
		.compression = e->options.compression,
		.physical = e->options.physical };
	e->copied = o->plain ? 1 : 2;
	if (!case_check(c, k, o) || !take_graph(c, e) || !outputs_check(c, e) ||
	    !asker_form(
		c, k->graph, keyset_first(k->keys), is_raw(&k->data->form), &e->copies.form) ||
	    !share_rows(c, e) || !make_plans(c, e) || !take_room(c, e) ||
	    !find_trainees(c, e) || !take_unmarked(c, e))
		return false;
	*ret = steal(e);
	return true;
}
