/*
 * Suspects: a customer's copy, taken apart into a graph whose weights an attack may change, or
 * replaced by another file; and a network that is asked through whatever its thief has put before
 * and behind it.
 */
#include <unistd.h>

#include "parts.h"

#define SUSPECT_MEMORY ((size_t)4 << 30)
enum { BATCH = 64 };

/* ---- The model --------------------------------------------------------------------------- */

void
redteam_suspect_done(struct redteam_suspect *s)
{
	if (s->filter.done != NULL)
		s->filter.done(s->filter.arg);
	nn_graph_free(&s->graph);
	arena_free(&s->mem);
	*s = (struct redteam_suspect){ 0 };
}

/* The model in bytes that live long enough. */
MUST static bool
model_open(struct ctx *c, struct str bytes, struct redteam_suspect *s)
{
	owned(nn_graph_free) struct nn_graph *graph = NULL;
	struct onnx_model model;

	if (!onnx_read(c, bytes, &model) || !nn_import(c, &model, &graph) ||
	    !nn_graph_load(c, graph, SUSPECT_MEMORY))
		return false;
	nn_graph_free(&s->graph);
	s->model = model;
	s->graph = steal(graph);
	return true;
}

MUST static bool
copy_read(struct ctx *c, int fd, struct str *ret)
{
	off_t size = lseek(fd, 0, SEEK_END);
	char *bytes;

	if (size < 0)
		return fail_errno(c, "read", "a customer's copy");
	bytes = take(c, (size_t)size + 1);
	if (bytes == NULL)
		return false;
	if (pread(fd, bytes, (size_t)size, 0) != size)
		return fail(c, E_FILE, "a customer's copy is shorter than it was");
	*ret = (struct str){ bytes, (size_t)size };
	return true;
}

bool
redteam_suspect_new(struct ctx *c, struct redteam *r, int customer, struct redteam_suspect *ret)
{
	owned(redteam_suspect_done) struct redteam_suspect s = { .colluders = 1 };
	struct ctx own = *c;
	struct str bytes;
	int fd;

	if (!redteam_copy(c, r, customer, &fd))
		return false;
	s.mem = arena_new(SUSPECT_MEMORY);
	if (s.mem == NULL)
		return fail(c, E_MEMORY, "no memory for a suspect");
	own.mem = s.mem;
	own.err = (struct err){ 0 };
	if (!copy_read(&own, fd, &bytes) || !model_open(&own, bytes, &s)) {
		c->err = own.err;
		return false;
	}
	*ret = s;
	s = (struct redteam_suspect){ 0 };
	return true;
}

bool
redteam_suspect_replace(struct ctx *c, struct redteam_suspect *s, struct str file)
{
	struct ctx own = *c;
	struct str bytes;

	own.mem = s->mem;
	own.err = (struct err){ 0 };
	if (take_copy(&own, file, &bytes) && model_open(&own, bytes, s))
		return true;
	c->err = own.err;
	return false;
}

bool
redteam_suspect_file(struct ctx *c, const struct redteam_suspect *s, struct str *ret)
{
	size_t n, most = s->model.bytes.n + (1 << 16);
	const struct nn_weight *w = nn_weights(s->graph, &n);
	struct buf b;

	for (size_t i = 0; i < n; i++)
		most += (size_t)w[i].count * sizeof(float) + 256;
	if (!take_buf(c, most, &b) || !train_write(c, &s->model, s->graph, buf_sink, &b) ||
	    !buf_ok(c, &b))
		return false;
	*ret = buf_str(&b);
	return true;
}

/* ---- Asking ------------------------------------------------------------------------------ */

struct redteam_asker {
	struct nn_plan *plan;
	const struct redteam_filter *filter;
	int64_t batch, outputs, count; /* count: numbers in a row of the input */
	float *input;
};

void
redteam_asker_free(struct redteam_asker **a)
{
	if (*a == NULL)
		return;
	nn_plan_free(&(*a)->plan);
	free((*a)->input);
	free(*a);
	*a = NULL;
}

bool
redteam_asker_new(
    struct ctx *c, struct redteam *r, struct redteam_suspect *s, struct redteam_asker **ret)
{
	owned(redteam_asker_free) struct redteam_asker *a = calloc(1, sizeof *a);
	const struct nn_options plan = {
		.mode = NN_INFER, .batch = BATCH, .threads = r->the.threads
	};

	if (a == NULL)
		return fail(c, E_MEMORY, "no memory to ask a suspect");
	a->filter = &s->filter;
	a->count = r->form.count;
	nn_graph_changed(s->graph);
	if (!train_plan(c, s->graph, &r->form, plan, &a->plan, &a->batch, &a->outputs))
		return false;
	a->input = calloc((size_t)(a->batch * a->count), sizeof *a->input);
	if (a->input == NULL)
		return fail(c, E_MEMORY, "no memory to ask a suspect");
	*ret = steal(a);
	return true;
}

int64_t
redteam_asker_classes(const struct redteam_asker *a)
{
	return a->outputs;
}

/* At most one batch. */
MUST static bool
ask_batch(struct ctx *c, struct redteam_asker *a, float *x, int64_t n, float *ret)
{
	const struct redteam_filter *f = a->filter;
	const void *input[] = { a->input };

	if (f->before != NULL && !f->before(c, f->arg, x, n))
		return false;
	memcpy(a->input, x, (size_t)(n * a->count) * sizeof *x);
	if (!nn_forward(c, a->plan, input))
		return false;
	memcpy(ret, nn_plan_output(a->plan, 0)->data, (size_t)(n * a->outputs) * sizeof *ret);
	return f->behind == NULL || f->behind(c, f->arg, x, ret, n, a->outputs);
}

bool
redteam_asker_ask(struct ctx *c, struct redteam_asker *a, float *x, int64_t n, float *ret)
{
	for (int64_t at = 0, some; at < n; at += some) {
		some = n - at < a->batch ? n - at : a->batch;
		if (!ask_batch(c, a, x + at * a->count, some, ret + at * a->outputs))
			return false;
	}
	return true;
}
