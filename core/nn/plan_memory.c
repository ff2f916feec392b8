/*
 * The memory of a plan: one block for activations, gradients, saved state and scratch, and one for
 * the gradients of the weights. Then every tensor is bound to its place.
 */
#include "kernel.h"
#include "lifetime.h"

/* All lives in one list, with scratch at its end. */
static bool
place_all(struct ctx *c, struct nn_plan *p, struct lives *l)
{
	size_t values = p->graph->values, n = 2 * values + p->steps + 1;
	struct life *all = plan_take(c, p, n * sizeof *all);
	struct ctx own = *c;
	bool done;

	if (all == NULL)
		return false;
	memcpy(all, l->value, values * sizeof *all);
	memcpy(all + values, l->grad, values * sizeof *all);
	memcpy(all + 2 * values, l->saved, p->steps * sizeof *all);
	all[n - 1] = l->scratch;
	own.mem = p->mem;
	done = lives_place(&own, all, n, 2 * (int64_t)p->steps, &p->memory_size);
	if (!done) {
		c->err = own.err;
		return false;
	}
	l->value = all;
	l->grad = all + values;
	l->saved = all + 2 * values;
	l->scratch = all[n - 1];
	return true;
}

static size_t
weight_gradient_size(const struct nn_plan *p, size_t i)
{
	return ((size_t)p->graph->weight[i].count * sizeof(float) + 63) & ~(size_t)63;
}

static bool
wants_gradient(const struct nn_plan *p, size_t weight)
{
	return plan_trains(p) && p->graph->weight[weight].trainable;
}

bool
plan_weight_gradients(struct ctx *c, struct nn_plan *p)
{
	size_t sum = 0;

	for (size_t i = 0; i < p->graph->weights; i++)
		if (wants_gradient(p, i))
			sum += weight_gradient_size(p, i);
	if (sum > p->options.memory_max)
		return fail(c, E_LIMIT, "the model needs %zu bytes of memory", sum);
	p->weight_grads = aligned_alloc(64, sum + 64);
	p->weight_grads_size = sum;
	if (p->weight_grads == NULL)
		return fail(c, E_MEMORY, "no memory for %zu bytes", sum);
	sum = 0;
	for (size_t i = 0; i < p->graph->weights; i++)
		if (wants_gradient(p, i)) {
			p->weight_grad[i] = (float *)(void *)(p->weight_grads + sum);
			sum += weight_gradient_size(p, i);
		}
	nn_gradients_clear(p);
	return true;
}

static bool
allocate(struct ctx *c, struct nn_plan *p)
{
	if (p->memory_size > p->options.memory_max - p->weight_grads_size)
		return fail(c, E_LIMIT, "the model needs %zu bytes of memory",
		    p->memory_size + p->weight_grads_size);
	p->memory = aligned_alloc(64, p->memory_size + 64);
	if (p->memory == NULL)
		return fail(c, E_MEMORY, "no memory for %zu bytes", p->memory_size);
	return true;
}

static void
bind_value(struct nn_plan *p, const struct lives *l, int32_t value)
{
	const struct nn_value *from = &p->graph->value[value];
	struct plan_value *v = &p->value[value];
	int32_t root = same_root(p, value), grad = grad_root(p, value);

	if (!v->known && p->graph->value[root].source == NN_FROM_NODE)
		v->t.data = p->memory + l->value[root].at;
	if (from->source == NN_FROM_WEIGHT)
		v->grad.data = p->weight_grad[from->index];
	else if (v->has_grad)
		v->grad.data = p->memory + l->grad[grad].at;
}

bool
plan_memory(struct ctx *c, struct nn_plan *p)
{
	struct lives l;

	if (!lives_of(c, p, &l) || !place_all(c, p, &l) || !allocate(c, p))
		return false;
	for (size_t i = 0; i < p->graph->values; i++)
		bind_value(p, &l, (int32_t)i);
	for (size_t n = 0; n < p->steps; n++) {
		struct nn_call *k = &p->step[n].call;

		if (p->step[n].once)
			continue;
		k->saved = p->memory + l.saved[n].at;
		k->scratch = p->memory + l.scratch.at;
		if (p->options.mode == NN_EXPLAIN)
			k->room = (char *)k->scratch + scratch_aligned(k);
	}
	return true;
}
