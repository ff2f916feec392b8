/*
 * Opening what a watermark is made of. The model is widened before any data is read, so that one
 * whose head is of another kind is refused at once; the vendor's own model stays beside it, to say
 * what pictures are without a watermark.
 */
#include "marking.h"
#include "memory.h"

void
marking_done(struct marking *m)
{
	nn_graph_free(&m->graph);
	onnx_file_close(&m->mapped);
	fd_done(&m->file);
	job_set_done(&m->set);
	job_set_done(&m->test);
	data_samples_done(&m->pictures);
	network_done(&m->plain);
	key256_done(&m->secret);
}

static void
tell(const struct marking *m, struct str note)
{
	m->run->progress(m->run->arg, 0, 0, note);
}

/* ---- The model --------------------------------------------------------------------------- */

MUST static bool
plain_open(struct ctx *c, struct marking *m)
{
	tell(m, STR("reading the model"));
	if (!network_open(c, m->run, IN_MODEL, &m->plain) ||
	    !network_loss_of_classes(c, &m->plain, &m->params->network, &m->loss))
		return false;
	if (m->loss.kind != TRAIN_CROSS_ENTROPY)
		return fail_at(c, E_INPUT, "/loss",
		    "a watermark is a class more: it needs a model that tells classes apart, "
		    "whose loss is cross-entropy");
	return true;
}

/* The model with a class more, as a graph of its own. */
MUST static bool
model_widen(struct ctx *c, struct marking *m)
{
	size_t limit = (size_t)m->run->message->limits.memory / 4;

	return memory_file(c, "widened", &m->file) &&
	    head_widen(c, &m->plain.model, (uint64_t)m->params->seed, onnx_sink_fd, &m->file) &&
	    onnx_file_open(c, m->file, &m->mapped) &&
	    onnx_read(c, onnx_file_bytes(m->mapped), &m->model) &&
	    nn_import(c, &m->model, &m->graph) && nn_graph_load(c, m->graph, limit);
}

/* ---- The data ---------------------------------------------------------------------------- */

MUST static bool
sets_open(struct ctx *c, struct marking *m)
{
	const struct job_network *n = &m->params->network;
	size_t limit = (size_t)m->run->message->limits.memory / 4;

	tell(m, STR("reading the data"));
	if (!job_set_open(c, m->run, &m->plain, n, &m->loss, IN_SAMPLES, limit, &m->set))
		return false;
	if (m->set.labels.classes < 2)
		return fail(c, E_INPUT,
		    "the model tells %lld classes apart: a watermark needs two or more",
		    (long long)m->set.labels.classes);
	m->judge = &m->set.data;
	if (!job_has_input(m->run, IN_TEST_SAMPLES))
		return true;
	m->judge = &m->test.data;
	return job_set_open(
	    c, m->run, &m->plain, n, &m->loss, IN_TEST_SAMPLES, limit, &m->test);
}

MUST static bool
accuracy_before(struct ctx *c, struct marking *m)
{
	const struct job_network *n = &m->params->network;
	owned(evaluator_free) struct evaluator *e = NULL;
	const struct train_score *s;

	if (!evaluator_new(c, m->plain.graph, &m->judge->form, &m->loss,
		network_batch(&m->plain, n), network_threads(n), &e) ||
	    !evaluator_add(
		c, e, m->judge->samples->v, m->judge->labels->v, m->judge->labels->n))
		return false;
	s = evaluator_score(e);
	m->before = s->samples > 0 ? (double)s->correct / (double)s->samples : 0;
	return true;
}

bool
marking_open(struct ctx *c, struct marking *m)
{
	return memory_secret(c, m->run, IN_SECRET, &m->secret) && plain_open(c, m) &&
	    model_widen(c, m) && sets_open(c, m) && accuracy_before(c, m);
}
