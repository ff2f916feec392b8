/*
 * Opening what a job on a network gets: the model as a graph, data sets as readers over sealed
 * files.
 */
#include <sched.h>

#include "network.h"

enum { MODEL = 0 };

/* ---- The model --------------------------------------------------------------------------- */

static void
file_done(struct sealed_file **f)
{
	sealed_file_free(f);
}

void
network_done(struct network *n)
{
	nn_graph_free(&n->graph);
	free(n->bytes);
	n->bytes = NULL;
}

bool
job_file_open(struct ctx *c, const struct job_run *r, size_t i, struct sealed_file **ret)
{
	const struct job_blob *b = &r->message->blob[i];
	owned(file_done) struct sealed_file *f = NULL;
	struct key256 key;
	bool ok;

	memcpy(key.b, b->key, sizeof key.b);
	ok = sealed_file_open(c, r->blob_fd[i], &key, b->aad, &f);
	key256_done(&key);
	if (!ok)
		return false;
	if (sealed_file_size(f) != (uint64_t)b->size)
		return fail(c, E_INTEGRITY, "the input has another size than was said");
	*ret = steal(f);
	return true;
}

bool
network_open(struct ctx *c, const struct job_run *r, size_t i, struct network *ret)
{
	owned(network_done) struct network n = { 0 };
	owned(file_done) struct sealed_file *f = NULL;
	size_t size, limit = (size_t)r->message->limits.memory / 2;

	if (!job_file_open(c, r, i, &f))
		return false;
	size = (size_t)sealed_file_size(f);
	n.bytes = malloc(size + 1);
	if (n.bytes == NULL)
		return fail(c, E_MEMORY, "no memory for a model of %zu bytes", size);
	if (!sealed_file_read(c, f, 0, n.bytes, size) ||
	    !onnx_read_any(c, (struct str){ n.bytes, size }, &n.model) ||
	    !nn_import(c, &n.model, &n.graph) || !nn_graph_load(c, n.graph, limit))
		return false;
	*ret = n;
	n = (struct network){ 0 };
	return true;
}

/* The operator that gives the model's first output. */
static struct str
last_operator(const struct onnx_model *m)
{
	for (size_t i = 0; m->outputs > 0 && i < m->nodes; i++)
		for (size_t k = 0; k < m->node[i].outputs; k++)
			if (str_same(m->node[i].output[k], m->output[0].name))
				return m->node[i].op;
	return STR("");
}

static enum train_output
output_meant(const struct onnx_model *m, enum job_answer said)
{
	struct str op = last_operator(m);

	switch (said) {
	case JOB_OUTPUT_LOGITS:
		return TRAIN_LOGITS;
	case JOB_OUTPUT_PROBABILITIES:
		return TRAIN_PROBABILITIES;
	case JOB_OUTPUT_LOGS:
		return TRAIN_LOG_PROBABILITIES;
	case JOB_OUTPUT_AUTO:
		if (str_same(op, STR("Softmax")) || str_same(op, STR("Sigmoid")))
			return TRAIN_PROBABILITIES;
		return str_same(op, STR("LogSoftmax")) ? TRAIN_LOG_PROBABILITIES : TRAIN_LOGITS;
	}
	abort();
}

/* Its answers are no classes but many yes or no. */
static bool
marks_places(const struct network *n)
{
	size_t outputs;
	const struct nn_port *out = nn_outputs(n->graph, &outputs);
	int64_t places = 1;

	for (int i = 1; outputs > 0 && i < out->rank; i++)
		places += out->dim[i] != 1;
	return places > 1 && str_same(last_operator(&n->model), STR("Sigmoid"));
}

bool
network_loss(
    struct ctx *c, const struct network *n, const struct job_network *p, struct loss *ret)
{
	static const enum train_loss kinds[] = {
		[JOB_LOSS_ENTROPY] = TRAIN_CROSS_ENTROPY,
		[JOB_LOSS_BINARY] = TRAIN_BINARY,
		[JOB_LOSS_SQUARES] = TRAIN_SQUARES,
		[JOB_LOSS_MASK] = TRAIN_MASK,
	};
	struct loss l = { .kind = kinds[p->loss] };

	l.output = output_meant(&n->model, (enum job_answer)p->output);
	if (l.kind == TRAIN_CROSS_ENTROPY && marks_places(n))
		l.kind = TRAIN_MASK;
	/* Of masks, what is marked weighs by how rare it is. */
	if (l.kind != TRAIN_MASK)
		l.positive = p->positive_weight;
	if (l.kind == TRAIN_CROSS_ENTROPY && str_same(last_operator(&n->model), STR("Sigmoid")))
		return fail_at(c, E_INPUT, "/loss",
		    "the model ends in Sigmoid: its loss is binary-cross-entropy");
	*ret = l;
	return true;
}

bool
network_loss_of_classes(
    struct ctx *c, const struct network *n, const struct job_network *p, struct loss *ret)
{
	struct loss l;

	if (!network_loss(c, n, p, &l))
		return false;
	if (l.kind == TRAIN_MASK)
		return fail_at(c, E_INPUT, "/loss",
		    "the model marks places, and this needs one that tells classes apart: if "
		    "it does, its loss is binary-cross-entropy");
	*ret = l;
	return true;
}

int
network_threads(const struct job_network *p)
{
	cpu_set_t set;

	if (p->threads > 0)
		return (int)p->threads;
	return sched_getaffinity(0, sizeof set, &set) == 0 ? CPU_COUNT(&set) : 1;
}

int64_t
network_batch(const struct network *n, const struct job_network *p)
{
	const struct nn_port *in;
	size_t inputs;

	in = nn_inputs(n->graph, &inputs);
	if (inputs == 0 || nn_batch_free(n->graph) || in->rank == 0 || in->dim[0] < 1)
		return p->batch;
	return in->dim[0];
}

/* ---- Data -------------------------------------------------------------------------------- */

static bool
sealed_source_read(struct ctx *c, void *arg, uint64_t at, void *to, size_t n)
{
	return sealed_file_read(c, arg, at, to, n);
}

void
job_data_done(struct job_data *d)
{
	data_close(&d->reader);
	sealed_file_free(&d->file);
}

bool
job_data_open(struct ctx *c, const struct job_run *r, size_t i, enum data_role role,
    struct str entry, struct job_data *ret)
{
	struct job_data d = { 0 };

	if (!job_file_open(c, r, i, &d.file))
		return false;
	d.source = (struct data_source){ sealed_file_size(d.file), sealed_source_read, d.file };
	if (!data_open(c, &d.source, role, entry, &d.reader)) {
		job_data_done(&d);
		return false;
	}
	*ret = d;
	return true;
}

bool
job_has_input(const struct job_run *r, size_t i)
{
	return i < r->message->blobs && r->message->blob[i].size > 0;
}

/* Why the samples' own file has none either is said behind it. */
MUST static bool
unlabelled(struct ctx *c)
{
	struct err why = c->err;

	if (why.code != E_INPUT)
		return false;
	return fail(c, E_INPUT, "the data set has no labels, which are needed: %s", why.text);
}

bool
job_labels(struct ctx *c, const struct job_run *r, size_t i, const struct job_network *p,
    int64_t n, const struct evaluator *e, struct data_labels *ret)
{
	owned(job_data_done) struct job_data d = { 0 };
	size_t from = job_has_input(r, i + 1) ? i + 1 : i;
	int64_t have;

	if (!job_data_open(c, r, from, DATA_LABELS, p->labels_entry, &d))
		return from == i ? unlabelled(c) : false;
	have = data_shape(d.reader)->dim[0];
	if (have != n)
		return fail(
		    c, E_INPUT, "%lld samples, but %lld labels", (long long)n, (long long)have);
	if (data_shape(d.reader)->row != evaluator_places(e))
		return fail(c, E_INPUT,
		    "%lld labels a sample, but the loss takes %lld: a label for each output is "
		    "a mask, one label goes with binary-cross-entropy or cross-entropy",
		    (long long)data_shape(d.reader)->row, (long long)evaluator_places(e));
	return data_labels_load(c, d.reader, evaluator_classes(e), ret);
}

/* ---- Results ----------------------------------------------------------------------------- */

enum { CLASSES_SHOWN = 256, CONFUSION_SHOWN = 48 };

static double
share(int64_t part, int64_t of)
{
	return of > 0 ? (double)part / (double)of : 0;
}

static void
classes_put(struct js *j, const struct train_score *s)
{
	js_open(j, "classes", '[');
	for (int64_t k = 0; k < s->classes; k++) {
		js_open(j, NULL, '{');
		js_number(j, "samples", s->truth[k]);
		js_number(j, "correct", s->right[k]);
		js_real(j, "precision", share(s->right[k], s->answer[k]));
		js_real(j, "recall", share(s->right[k], s->truth[k]));
		js_close(j, '}');
	}
	js_close(j, ']');
}

static void
confusion_put(struct js *j, const struct train_score *s)
{
	js_open(j, "confusion", '[');
	for (int64_t i = 0; i < s->classes; i++) {
		js_open(j, NULL, '[');
		for (int64_t k = 0; k < s->classes; k++)
			js_number(j, NULL, s->confusion[i * s->classes + k]);
		js_close(j, ']');
	}
	js_close(j, ']');
}

void
score_put(struct js *j, const struct train_score *s)
{
	js_number(j, "samples", s->samples);
	js_number(j, "correct", s->correct);
	js_real(j, "accuracy", s->accuracy);
	js_real(j, "loss", s->loss);
	if (s->classes <= CLASSES_SHOWN)
		classes_put(j, s);
	if (s->classes <= CONFUSION_SHOWN && s->confusion != NULL)
		confusion_put(j, s);
}
