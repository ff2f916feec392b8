/*
 * Fine-pruning (Liu et al. 2018): channels of the last convolution that sleep while clean samples
 * pass may be those that wake for a trigger. They go, the most asleep first, as long as clean
 * accuracy allows; tuning with clean samples then mends the rest.
 */
#include "parts.h"

enum { ASKED = 32 };
#define STEP .01 /* of the channels at once */
#define FALL .1
#define MODEL_ROOM ((size_t)1 << 20) /* beyond the model's own bytes */

/* The last convolution, and the norm behind it if there is one. */
struct layer {
	struct nn_weight *weight, *bias, *scale, *shift;
	struct str out; /* its activations, behind norm and Relu */
	int64_t channels;
};

struct pruning {
	const struct onnx_model *model;
	const struct backdoor_case *the;
	struct layer layer;
	struct evaluator *evaluator;
	double *asleep; /* mean activation of each channel */
	int64_t *order;
	float *kept; /* the layer's weights before the last step */
};

static void
pruning_done(struct pruning *p)
{
	evaluator_free(&p->evaluator);
	free(p->asleep);
	free(p->order);
	free(p->kept);
}

/* ---- The layer --------------------------------------------------------------------------- */

/* The only node that reads this; NULL if there are none or several. */
static const struct onnx_node *
reader(const struct onnx_model *m, struct str name)
{
	const struct onnx_node *found = NULL;

	for (size_t i = 0; i < m->nodes; i++)
		for (size_t k = 0; k < m->node[i].inputs; k++)
			if (str_same(m->node[i].input[k], name)) {
				if (found != NULL)
					return NULL;
				found = &m->node[i];
			}
	return found;
}

static bool
is_op(const struct onnx_node *n, const char *op)
{
	return n != NULL && str_same(n->op, str_of(op));
}

MUST static bool
find_layer(struct ctx *c, const struct onnx_model *m, struct nn_graph *g, struct layer *ret)
{
	const struct onnx_node *conv = NULL, *next;
	struct layer l = { 0 };

	for (size_t i = m->nodes; i-- > 0 && conv == NULL;)
		if (is_op(&m->node[i], "Conv"))
			conv = &m->node[i];
	if (conv != NULL)
		l.weight = nn_weight_by_name(g, conv->input[1]);
	if (l.weight == NULL)
		return fail(c, E_INPUT,
		    "fine-pruning needs a convolution whose weights stand in the model");
	l.channels = l.weight->dim[0];
	l.bias = conv->inputs > 2 ? nn_weight_by_name(g, conv->input[2]) : NULL;
	l.out = conv->output[0];
	next = reader(m, l.out);
	if (is_op(next, "BatchNormalization")) {
		l.scale = nn_weight_by_name(g, next->input[1]);
		l.shift = nn_weight_by_name(g, next->input[2]);
		l.out = next->output[0];
		next = reader(m, l.out);
	}
	if (is_op(next, "Relu"))
		l.out = next->output[0];
	*ret = l;
	return true;
}

static int64_t
layer_numbers(const struct layer *l)
{
	return l->weight->count + 3 * l->channels;
}

/* The layer's arrays one after the other, kept aside or put back. */
static void
layer_copy(const struct layer *l, float *kept, bool back)
{
	struct nn_weight *const w[] = { l->weight, l->bias, l->scale, l->shift };

	for (size_t i = 0; i < COUNT(w); i++) {
		size_t n = w[i] != NULL ? (size_t)w[i]->count * sizeof(float) : 0;

		if (n > 0)
			memcpy(back ? w[i]->data : kept, back ? kept : w[i]->data, n);
		kept += n / sizeof(float);
	}
}

static void
silence(const struct layer *l, int64_t channel)
{
	struct nn_weight *const per_channel[] = { l->bias, l->scale, l->shift };
	int64_t row = l->weight->count / l->channels;

	memset(l->weight->data + channel * row, 0, (size_t)row * sizeof(float));
	for (size_t i = 0; i < COUNT(per_channel); i++)
		if (per_channel[i] != NULL)
			per_channel[i]->data[channel] = 0;
}

/* ---- Who sleeps -------------------------------------------------------------------------- */

/* The model with the layer's activations as an output; which one. */
MUST static bool
opened_model(struct ctx *c, const struct pruning *p, struct onnx_model *ret, size_t *ret_at)
{
	const struct onnx_model *m = p->model;
	struct onnx_value output = { .name = p->layer.out, .type = ONNX_FLOAT, .rank = -1 };
	struct onnx_edit edit = { .output = &output, .outputs = 1 };
	struct buf b;

	for (size_t i = 0; i < m->outputs; i++)
		if (str_same(m->output[i].name, p->layer.out))
			return fail(c, E_INPUT, "the last convolution is the model's output");
	*ret_at = m->outputs;
	return take_buf(c, m->bytes.n + MODEL_ROOM, &b) &&
	    onnx_write(c, m, &edit, buf_sink, &b) && onnx_read(c, buf_str(&b), ret);
}

struct watching {
	struct arena *mem;
	struct onnx_model model;
	struct nn_graph *graph;
	struct nn_plan *plan;
	struct backdoor_draw draw;
	float *in;
	int64_t batch;
	size_t output;
};

static void
watching_done(struct watching *w)
{
	nn_plan_free(&w->plan);
	nn_graph_free(&w->graph);
	arena_free(&w->mem);
	backdoor_draw_done(&w->draw);
	free(w->in);
}

/* A second network with the same weights. */
MUST static bool
watching_graph(struct ctx *c, const struct pruning *p, struct watching *w)
{
	const struct nn_options o = {
		.mode = NN_INFER, .batch = ASKED, .threads = p->the->threads
	};
	int64_t outputs;
	size_t n;
	struct nn_weight *all = nn_weights(p->the->graph, &n);

	if (!opened_model(c, p, &w->model, &w->output) || !nn_import(c, &w->model, &w->graph) ||
	    !nn_graph_load(c, w->graph, SIZE_MAX))
		return false;
	for (size_t i = 0; i < n; i++) {
		struct nn_weight *to = nn_weight_by_name(w->graph, all[i].name);

		if (to != NULL && to->count == all[i].count)
			memcpy(to->data, all[i].data, (size_t)to->count * sizeof *to->data);
	}
	nn_graph_changed(w->graph);
	return train_plan(c, w->graph, &p->the->data->form, o, &w->plan, &w->batch, &outputs);
}

MUST static bool
watching_new(struct ctx *c, const struct pruning *p, struct watching *w)
{
	struct ctx aside = *c;
	bool ok;

	w->mem = arena_new(2 * p->model->bytes.n + 32 * MODEL_ROOM);
	if (w->mem == NULL)
		return fail(c, E_MEMORY, "no memory for another copy of the model");
	aside.mem = w->mem;
	ok = watching_graph(&aside, p, w);
	c->err = aside.err;
	return ok && backdoor_draw_new(c, p->the, INT64_MAX, &w->draw) &&
	    backdoor_floats(c, w->batch * w->draw.count, &w->in);
}

/* Adds what each channel says to some samples. */
static void
watch(const struct watching *w, int64_t rows, int64_t channels, double *ret)
{
	const struct nn_tensor *t = nn_plan_output(w->plan, w->output);
	int64_t points = nn_count(t) / (w->batch * channels);
	const float *v = t->data;

	for (int64_t i = 0; i < rows * channels * points; i++)
		ret[i / points % channels] += v[i] < 0 ? -(double)v[i] : (double)v[i];
}

MUST static bool
find_sleepers(struct ctx *c, struct pruning *p)
{
	owned(watching_done) struct watching w = { 0 };
	const void *input[1];

	if (!watching_new(c, p, &w))
		return false;
	input[0] = w.in;
	for (int64_t at = 0, rows; at < w.draw.n; at += rows) {
		rows = w.draw.n - at < w.batch ? w.draw.n - at : w.batch;
		memcpy(w.in, w.draw.x + at * w.draw.count,
		    (size_t)(rows * w.draw.count) * sizeof *w.in);
		if (!nn_forward(c, w.plan, input))
			return false;
		watch(&w, rows, p->layer.channels, p->asleep);
	}
	for (int64_t i = 0; i < p->layer.channels; i++) {
		int64_t at = i;

		for (; at > 0 && p->asleep[i] < p->asleep[p->order[at - 1]]; at--)
			p->order[at] = p->order[at - 1];
		p->order[at] = i;
	}
	return true;
}

/* ---- Pruning ----------------------------------------------------------------------------- */

MUST static bool
accuracy(struct ctx *c, struct pruning *p, double *ret)
{
	const struct train_data *d = p->the->data;
	const struct train_score *s;

	evaluator_clear(p->evaluator);
	if (!evaluator_add(c, p->evaluator, d->samples->v, d->labels->v, d->labels->n))
		return false;
	s = evaluator_score(p->evaluator);
	*ret = s->samples > 0 ? (double)s->correct / (double)s->samples : 0;
	return true;
}

/* Until the next channels would cost too much. */
MUST static bool
prune(struct ctx *c, struct pruning *p, double fall, struct fineprune *r)
{
	int64_t n = p->layer.channels, some = (int64_t)(STEP * (double)n);
	double now;

	some = some < 1 ? 1 : some;
	while (r->pruned < n) {
		int64_t next = n - r->pruned < some ? n : r->pruned + some;

		layer_copy(&p->layer, p->kept, false);
		for (int64_t i = r->pruned; i < next; i++)
			silence(&p->layer, p->order[i]);
		nn_graph_changed(p->the->graph);
		if (!accuracy(c, p, &now))
			return false;
		if (now < r->before - fall) {
			layer_copy(&p->layer, p->kept, true);
			nn_graph_changed(p->the->graph);
			break;
		}
		r->pruned = next;
		r->bare = now;
	}
	return true;
}

MUST static bool
pruning_new(
    struct ctx *c, const struct onnx_model *m, const struct backdoor_case *k, struct pruning *p)
{
	const struct loss l = { TRAIN_CROSS_ENTROPY, k->output, 0 };

	p->model = m;
	p->the = k;
	if (!nn_graph_load(c, k->graph, SIZE_MAX) || !find_layer(c, m, k->graph, &p->layer))
		return false;
	p->asleep = calloc((size_t)p->layer.channels, sizeof *p->asleep);
	p->order = calloc((size_t)p->layer.channels, sizeof *p->order);
	if (p->asleep == NULL || p->order == NULL)
		return fail(
		    c, E_MEMORY, "no memory for %lld channels", (long long)p->layer.channels);
	return backdoor_floats(c, layer_numbers(&p->layer), &p->kept) &&
	    evaluator_new(c, k->graph, &k->data->form, &l, ASKED, k->threads, &p->evaluator);
}

struct fineprune_options
fineprune_standard(void)
{
	return (struct fineprune_options){
		.fall = FALL,
		.tuning = { .epochs = 5, .batch = 32, .rate = .01 },
	};
}

bool
fineprune(struct ctx *c, const struct onnx_model *m, const struct backdoor_case *k,
    const struct fineprune_options *o, struct fineprune *ret)
{
	owned(pruning_done) struct pruning p = { 0 };
	struct fineprune r = { 0 };

	if (!pruning_new(c, m, k, &p) || !accuracy(c, &p, &r.before) || !find_sleepers(c, &p))
		return false;
	r.channels = p.layer.channels;
	r.bare = r.before;
	if (!prune(c, &p, o->fall > 0 ? o->fall : FALL, &r) ||
	    !backdoor_tune(c, k, &o->tuning, NULL, NULL))
		return false;
	for (int64_t i = 0; i < r.pruned; i++)
		silence(&p.layer, p.order[i]);
	nn_graph_changed(k->graph);
	if (!accuracy(c, &p, &r.after))
		return false;
	*ret = r;
	return true;
}
