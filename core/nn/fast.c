/*
 * The fast executor from outside: made once for a plan, then run forward and backward. All threads
 * walk through the phases with the chunks that are theirs; the same thread always takes the same
 * images where sums are made, so that the same input gives the same bits.
 */
#include <stdatomic.h>

#include "fast_weights.h"

/* The machine's best set of inner loops. */
const struct kernels *
kernels_here(void)
{
	if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
	    __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl"))
		return &kernels_avx512;
	if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"))
		return &kernels_avx2;
	return &kernels_any;
}

/* ---- Making ------------------------------------------------------------------------------ */

void
fast_free(struct fast **f)
{
	if (*f == NULL)
		return;
	threads_free(&(*f)->pool);
	for (size_t i = 0; i < (*f)->nodes; i++)
		fast_weights_free(&(*f)->node[i]);
	free((*f)->memory);
	free(*f);
	*f = NULL;
}

/* Where the plan's tensors of outputs point to. */
static void
bind(struct fast *f)
{
	const struct nn_graph *g = f->plan->graph;

	for (size_t i = 0; i < g->outputs; i++) {
		const struct block *b = &f->block[f->output[i].block];

		f->plan->value[g->output_value[i]].t.data = b->given != NULL
		    ? *b->given
		    : f->memory + b->at;
	}
}

bool
fast_fits(const struct nn_plan *p)
{
	for (size_t i = 0; i < p->steps; i++) {
		const struct nn_call *call = &p->step[i].call;

		if (p->step[i].node->out[0] < 0)
			return false;
		for (int k = 0; k < call->ins; k++)
			if (call->in[k] != NULL && nn_count(call->in[k]) == 0)
				return false;
		for (int k = 0; k < call->outs; k++)
			if (call->out[k] != NULL && nn_count(call->out[k]) == 0)
				return false;
	}
	return true;
}

bool
fast_new(struct ctx *c, struct nn_plan *p, struct fast **ret)
{
	owned(fast_free) struct fast *f = calloc(1, sizeof *f);
	struct ctx own = *c;

	if (f == NULL)
		return fail(c, E_MEMORY, "no memory for a plan");
	f->plan = p;
	f->mem = own.mem = p->mem;
	f->kernels = kernels_here();
	f->threads = p->options.threads;
	f->backward = p->options.mode != NN_INFER;
	if (!fast_nodes(&own, f)) {
		c->err = own.err;
		return false;
	}
	fast_fuse(f);
	fast_emit_forward(f);
	if (f->backward)
		fast_emit_backward(f);
	if (f->failed)
		return fail(c, E_MEMORY, "no memory for a plan");
	if (!fast_memory(c, f))
		return false;
	if (f->threads > 1 && (f->batch > 1 || f->split) &&
	    !threads_new(c, f->threads, &f->pool))
		return false;
	bind(f);
	*ret = steal(f);
	return true;
}

/* ---- Running ----------------------------------------------------------------------------- */

/* What the threads share: a phase, or one task of it on one image. */
struct share {
	struct fast *f;
	const struct phase *phase;
	const struct task *task;
	atomic_long next; /* chunk, where it does not matter who takes it */
};

/* A worker has its own memory and sums; which thread it is does not matter. */
static struct worker
worker_of(struct fast *f, int number)
{
	char *local = f->memory + f->local_at +
	    (size_t)number * (f->local_size + f->scratch_size);

	return (struct worker){ .fast = f,
		.number = number,
		.parts = 1,
		.local = local,
		.scratch = local + f->local_size };
}

static void
run_list(const struct worker *w, const struct task *t, size_t n)
{
	for (size_t i = 0; i < n; i++)
		t[i].run(w, &t[i]);
}

static void
run_chunk(struct worker *w, const struct phase *p, int64_t chunk)
{
	w->first = chunk * p->chunk;
	w->count = w->fast->batch - w->first;
	if (w->count > p->chunk)
		w->count = p->chunk;
	run_list(w, p->task, p->tasks);
}

/*
 * Where sums are made each worker has its fixed share of the chunks. Every other phase begins with
 * the last chunk, which the one before has left in the cache.
 */
static void
run_share(void *arg, int number)
{
	struct share *s = arg;
	struct worker w = worker_of(s->f, number);
	const struct phase *p = s->phase;
	int64_t chunks = (s->f->batch + p->chunk - 1) / p->chunk, all = s->f->threads;
	int64_t from = chunks * number / all, to = chunks * (number + 1) / all;
	bool turned = (p - s->f->phase) % 2 != 0;

	if (p->fixed)
		for (int64_t i = from; i < to; i++)
			run_chunk(&w, p, turned ? from + to - 1 - i : i);
	else
		for (int64_t i; (i = atomic_fetch_add(&s->next, 1)) < chunks;)
			run_chunk(&w, p, turned ? chunks - 1 - i : i);
}

static void
run_part(void *arg, int part)
{
	const struct share *s = arg;
	struct worker w = worker_of(s->f, part);

	w.local = worker_of(s->f, 0).local;
	w.count = 1;
	w.part = part;
	w.parts = s->f->threads;
	s->task->run(&w, s->task);
}

/* One image: what is worth it is done together, the rest by the caller. */
static void
run_together(struct fast *f, const struct phase *p)
{
	struct worker w = worker_of(f, 0);
	struct share s = { .f = f };

	w.count = 1;
	for (size_t i = 0; i < p->tasks; i++) {
		s.task = &p->task[i];
		if (s.task->split)
			threads_share(f->pool, f->threads, run_part, &s);
		else
			s.task->run(&w, s.task);
	}
}

static void
run_phases(struct fast *f, int from, int to)
{
	struct worker w = worker_of(f, 0);

	w.count = f->batch;
	for (int i = from; i < to; i++) {
		const struct phase *p = &f->phase[i];
		struct share s = { .f = f, .phase = p };

		if (f->split)
			run_together(f, p);
		else if (p->tasks > 0)
			threads_share(f->pool, f->threads, run_share, &s);
		run_list(&w, p->end, p->ends);
	}
}

static void
prepare(struct fast *f)
{
	if (f->prepared && f->version == f->plan->graph->version)
		return;
	for (size_t i = 0; i < f->nodes; i++)
		fast_weights_prepare(f, &f->node[i]);
	f->prepared = true;
	f->version = f->plan->graph->version;
}

bool
fast_forward(struct ctx *c, struct fast *f)
{
	struct worker w = worker_of(f, 0);

	f->bad = NULL;
	w.count = f->batch;
	run_list(&w, f->early, f->earlies);
	edge_enter();
	prepare(f);
	run_phases(f, 0, f->forward_phases);
	if (f->bad != NULL) {
		if (!fail(c, E_INPUT, "%s", f->bad_why))
			return node_fail(c, f->bad->step->node);
	}
	return true;
}

/* Zeros in place of a gradient that is not given. */
static void
take_gradients(struct fast *f, const float *const given[])
{
	const struct nn_graph *g = f->plan->graph;

	for (size_t i = 0; i < f->values; i++)
		if (f->value[i].total_grad != NULL)
			memset(f->value[i].total_grad, 0,
			    (size_t)nn_count(f->value[i].t) * sizeof(float));
	for (size_t i = 0; i < g->outputs; i++) {
		const struct fast_value *v = value_of(f, g->output_value[i]);
		const void *from = given[i] != NULL ? given[i] : f->zeros;

		memcpy(&f->given[i], &from, sizeof from);
		for (int64_t e = 0; v->total_grad != NULL && e < nn_count(v->t); e++)
			v->total_grad[e] += given[i] == NULL ? 0 : given[i][e];
	}
}

void
fast_backward(struct fast *f, const float *const output_gradient[])
{
	edge_enter();
	take_gradients(f, output_gradient);
	run_phases(f, f->forward_phases, f->phases);
}

const float *
fast_input_gradient(const struct fast *f, size_t input)
{
	struct place at = f->input_grad[input];
	const struct fast_value *v = &f->value[f->plan->graph->input_value[input]];

	if (at.block < 0)
		return v->total_grad != NULL ? v->total_grad : f->zeros;
	if (f->block[at.block].given != NULL)
		return *f->block[at.block].given;
	return (const float *)(const void *)(f->memory + f->block[at.block].at);
}
