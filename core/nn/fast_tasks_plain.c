/*
 * Tasks that call a row's plain kernels: the tensors of the call are made for the images at hand,
 * with the strides that their places have.
 */
#include "fast_parts.h"
#include "kernel.h"

struct made_call {
	struct nn_step step;
	struct nn_row row;        /* with the faster kernels, if there are any */
	struct nn_tensor *tensor; /* next free one */
	char *rest;               /* scratch memory behind them */
};

static struct nn_tensor
tensor_of(const struct worker *w, int32_t value, struct place at, bool dense)
{
	const struct fast_value *v = &w->fast->value[w->fast->value[value].same];
	struct nn_tensor t = *w->fast->value[value].t;
	int64_t step = at.step;

	t.data = fast_at(w, at);
	if (!v->batched)
		return t;
	t.dim[0] = w->count;
	tensor_dense(&t);
	if (fast_has_order(v->t) ? dense || !v->last : step == fast_channels(&t))
		return t;
	if (t.rank > 1)
		t.stride[1] = 1;
	for (int d = t.rank - 1; d > 1; d--) {
		t.stride[d] = step;
		step *= t.dim[d];
	}
	t.stride[0] = step;
	return t;
}

/* A value that backward has no use for: a zero wherever it looks. */
static struct nn_tensor
unread(const struct worker *w, int32_t value)
{
	static int64_t zero;
	struct nn_tensor t = *w->fast->value[value].t;

	if (fast_batched(w->fast, value))
		t.dim[0] = w->count;
	memset(t.stride, 0, sizeof t.stride);
	t.data = &zero;
	return t;
}

static struct nn_tensor **
list_of(const struct worker *w, struct made_call *m, const int32_t *value, int count,
    const struct place *at, bool dense)
{
	struct nn_tensor **list = (struct nn_tensor **)(void *)m->rest;

	m->rest += (size_t)count * sizeof(struct nn_tensor *);
	for (int i = 0; i < count; i++) {
		list[i] = NULL;
		if (value[i] < 0)
			continue;
		*m->tensor = at[i].block >= 0 ? tensor_of(w, value[i], at[i], dense)
					      : unread(w, value[i]);
		list[i] = m->tensor++;
	}
	return list;
}

/* Gradients that are not there are NULL and take no room. */
static struct nn_tensor **
gradients_of(const struct worker *w, struct made_call *m, const int32_t *value, int count,
    const struct place *at, bool dense)
{
	struct nn_tensor **list = (struct nn_tensor **)(void *)m->rest;

	m->rest += (size_t)count * sizeof(struct nn_tensor *);
	for (int i = 0; i < count; i++) {
		list[i] = NULL;
		if (at[i].block < 0)
			continue;
		*m->tensor = tensor_of(w, value[i], at[i], dense);
		list[i] = m->tensor++;
	}
	return list;
}

size_t
fast_call_size(const struct fast_node *n)
{
	size_t count = 2 * (size_t)(n->step->node->ins + n->step->node->outs);

	return count * (sizeof(struct nn_tensor) + sizeof(struct nn_tensor *)) +
	    (size_t)n->step->node->ins * sizeof(bool) + 64;
}

static struct made_call
call_of(const struct worker *w, const struct task *t, bool back)
{
	const struct fast_node *n = t->node;
	const struct nn_node *node = n->step->node;
	const struct fast_calls *c = t->arg;
	bool dense = n->kind == FAST_WHOLE || (n->step->row->flags & NN_PLAIN) != 0;
	struct made_call m = { .step = *n->step,
		.tensor = (struct nn_tensor *)(void *)w->scratch };
	struct nn_call *k = &m.step.call;

	m.row = *n->step->row;
	if (m.row.fast != NULL) {
		m.row.forward = m.row.fast->forward;
		m.row.backward = m.row.fast->backward;
	}
	m.rest = w->scratch + 2 * (size_t)(node->ins + node->outs) * sizeof(struct nn_tensor);
	k->in = list_of(w, &m, node->in, node->ins, c->in, dense);
	k->out = list_of(w, &m, node->out, node->outs, c->out, dense);
	k->saved = n->saved.block >= 0 ? fast_at(w, n->saved) : NULL;
	if (back) {
		k->din = gradients_of(w, &m, node->in, node->ins, c->din, dense);
		k->dout = gradients_of(w, &m, node->out, node->outs, c->dout, dense);
		k->fresh = (bool *)m.rest;
		m.rest += node->ins;
		memset(k->fresh, 0, (size_t)node->ins * sizeof *k->fresh);
	}
	k->scratch = w->scratch + ((size_t)(m.rest - w->scratch) + 63) / 64 * 64;
	/* Elements count through the whole batch: see dropout.c. */
	k->seed += (uint64_t)(w->first * (nn_count(n->step->call.out[0]) / w->fast->batch)) *
	    UINT64_C(0x9e3779b97f4a7c15);
	return m;
}

static void
forward(const struct worker *w, const struct task *t)
{
	struct made_call m = call_of(w, t, false);
	struct ctx c = { 0 };

	m.step.row = &m.row;
	if (step_forward(&c, &m.step))
		return;
	__atomic_store_n(&w->fast->bad_why, m.step.call.bad, __ATOMIC_RELAXED);
	__atomic_store_n(&w->fast->bad, t->node, __ATOMIC_RELAXED);
}

void
task_plain(const struct worker *w, const struct task *t)
{
	forward(w, t);
}

void
task_whole(const struct worker *w, const struct task *t)
{
	forward(w, t);
}

void
task_plain_back(const struct worker *w, const struct task *t)
{
	const struct nn_node *node = t->node->step->node;
	const struct fast_calls *c = t->arg;
	struct made_call m = call_of(w, t, true);

	for (int i = 0; i < node->ins; i++)
		if (c->sums[i] != NULL) {
			*m.tensor = *w->fast->value[node->in[i]].t;
			tensor_dense(m.tensor);
			m.tensor->data = c->sums[i][w->number];
			m.step.call.din[i] = m.tensor++;
		}
	m.row.backward(&m.step.call);
}

/* The threads' sums go to the values' own gradients, in the order of the threads. */
void
task_plain_end(const struct worker *w, const struct task *t)
{
	const struct nn_node *node = t->node->step->node;
	const struct fast_calls *c = t->arg;

	for (int i = 0; i < node->ins; i++) {
		int64_t count = c->sums[i] == NULL ? 0
						   : nn_count(w->fast->value[node->in[i]].t);

		for (int j = 0; count > 0 && j < w->fast->threads; j++) {
			float *to = fast_total(w->fast, node->in[i]), *from = c->sums[i][j];

			for (int64_t e = 0; e < count; e++) {
				to[e] += from[e];
				from[e] = 0;
			}
		}
	}
}

void
task_whole_back(const struct worker *w, const struct task *t)
{
	const struct nn_node *node = t->node->step->node;
	const struct fast_calls *c = t->arg;
	struct made_call m = call_of(w, t, true);
	struct nn_call *k = &m.step.call;

	for (int i = 0; i < node->ins; i++) {
		if (c->din[i].block >= 0)
			tensor_fill(k->din[i], 0);
		if (c->sums[i] == NULL)
			continue;
		*m.tensor = *w->fast->value[node->in[i]].t;
		tensor_dense(m.tensor);
		m.tensor->data = c->sums[i][0];
		k->din[i] = m.tensor++;
	}
	for (int i = 0; i < node->outs; i++) {
		float *total = node->out[i] < 0 ? NULL : fast_total(w->fast, node->out[i]);

		if (total == NULL)
			continue;
		*m.tensor = *w->fast->value[node->out[i]].t;
		tensor_dense(m.tensor);
		m.tensor->data = total;
		k->dout[i] = m.tensor++;
	}
	m.row.backward(k);
}
