/*
 * When values and gradients are needed, and which of them can share memory: a reshaped value is its
 * input, an elementwise operator may overwrite an input that nobody needs any more, and the
 * gradient of a reshaped value is that of its result.
 */
#include "kernel.h"
#include "lifetime.h"
#include "relevance.h"

int32_t
same_root(const struct nn_plan *p, int32_t value)
{
	while (p->value[value].same != value)
		value = p->value[value].same;
	return value;
}

int32_t
grad_root(const struct nn_plan *p, int32_t value)
{
	while (p->value[value].grad_same != value)
		value = p->value[value].grad_same;
	return value;
}

bool
step_is_view(const struct nn_plan *p, const struct nn_step *s)
{
	bool random = (s->row->flags & NN_RANDOM) != 0 && s->call.training;

	(void)p;
	return (s->row->flags & NN_VIEW) != 0 && !random && tensor_is_dense(s->call.in[0]) &&
	    tensor_is_dense(s->call.out[0]);
}

/* Bytes from the first to the last element. */
static size_t
extent(const struct nn_tensor *t)
{
	int64_t last = 0;

	for (int d = 0; d < t->rank; d++) {
		if (t->dim[d] == 0)
			return 1;
		last += (t->dim[d] - 1) * t->stride[d];
	}
	return (size_t)(last + 1) * nn_type_size(t->type);
}

static bool
own_memory(const struct nn_plan *p, int32_t value)
{
	return p->graph->value[value].source == NN_FROM_NODE && !p->value[value].known;
}

static void
until(struct life *l, int64_t time)
{
	if (l->end < time)
		l->end = time;
}

/* ---- Values ------------------------------------------------------------------------------ */

static void
value_uses(const struct nn_plan *p, size_t step, struct life *life)
{
	const struct nn_step *s = &p->step[step];
	int64_t now = (int64_t)step, back = 2 * (int64_t)p->steps - 1 - now;
	bool all = p->options.mode == NN_EXPLAIN; /* relevance may read everything */

	for (int i = 0; i < s->node->ins; i++)
		if (s->node->in[i] >= 0) {
			until(&life[s->node->in[i]], now);
			if (s->backward && (all || nn_mask(s->row->keep, i)))
				until(&life[s->node->in[i]], back);
		}
	for (int i = 0; i < s->node->outs; i++)
		if (s->node->out[i] >= 0) {
			life[s->node->out[i]].start = now;
			until(&life[s->node->out[i]], now);
			if (s->backward && (all || (s->row->flags & NN_KEEP_OUT) != 0))
				until(&life[s->node->out[i]], back);
		}
}

/* The value lies in the memory of an earlier one, which then lives as long. */
static void
share(struct nn_plan *p, struct life *life, int32_t value, int32_t with)
{
	int32_t root = same_root(p, with);

	p->value[value].same = root;
	until(&life[root], life[value].end);
}

static void
share_views(struct nn_plan *p, struct life *life)
{
	for (size_t n = 0; n < p->steps; n++) {
		const struct nn_step *s = &p->step[n];
		int32_t in, out;

		if (s->once || !step_is_view(p, s))
			continue;
		in = s->node->in[0];
		out = s->node->out[0];
		if (own_memory(p, same_root(p, in)) ||
		    (p->graph->value[same_root(p, in)].source == NN_FROM_INPUT &&
			!p->value[out].is_output))
			share(p, life, out, in);
	}
}

static bool
alike(const struct nn_tensor *a, const struct nn_tensor *b)
{
	bool ok = shape_equal(a, b) && nn_type_size(a->type) == nn_type_size(b->type);

	for (int d = 0; ok && d < a->rank; d++)
		ok = a->stride[d] == b->stride[d];
	return ok;
}

static void
share_in_place(struct nn_plan *p, struct life *life)
{
	for (size_t n = 0; n < p->steps; n++) {
		const struct nn_step *s = &p->step[n];
		int32_t out = s->node->out[0];

		if (s->once || (s->row->flags & NN_IN_PLACE) == 0 || !own_memory(p, out))
			continue;
		for (int i = 0; i < s->node->ins; i++) {
			int32_t in = s->node->in[i] < 0 ? out : same_root(p, s->node->in[i]);

			if (in == out || !own_memory(p, in) || life[in].end != (int64_t)n ||
			    !alike(s->call.in[i], s->call.out[0]))
				continue;
			share(p, life, out, in);
			break;
		}
	}
}

static void
value_lives(struct nn_plan *p, struct life *life)
{
	for (size_t i = 0; i < p->graph->values; i++)
		life[i].end = -1;
	for (size_t n = 0; n < p->steps; n++)
		if (!p->step[n].once)
			value_uses(p, n, life);
	for (size_t i = 0; i < p->graph->outputs; i++)
		until(&life[p->graph->output_value[i]], 2 * (int64_t)p->steps);
	share_views(p, life);
	share_in_place(p, life);
	for (size_t i = 0; i < p->graph->values; i++) {
		int32_t value = (int32_t)i;

		if (own_memory(p, value) && life[i].end >= 0 && p->value[i].same == value)
			life[i].size = extent(&p->value[i].t);
	}
}

/* ---- Gradients --------------------------------------------------------------------------- */

static bool
own_gradient(const struct nn_plan *p, int32_t value)
{
	return p->value[value].has_grad && p->graph->value[value].source != NN_FROM_WEIGHT;
}

/* From the first step that adds to it, backward, to the one that made the value. */
static void
gradient_uses(const struct nn_plan *p, size_t step, struct life *life, int32_t *users)
{
	const struct nn_step *s = &p->step[step];
	int64_t back = 2 * (int64_t)p->steps - 1 - (int64_t)step;

	for (int i = 0; s->backward && i < s->node->ins; i++)
		if (s->call.din[i] != NULL) {
			struct life *l = &life[s->node->in[i]];

			users[s->node->in[i]]++;
			if (l->start > back)
				l->start = back;
			until(l, back);
		}
	for (int i = 0; i < s->node->outs; i++)
		if (s->node->out[i] >= 0)
			until(&life[s->node->out[i]], back);
}

/* The only gradient that comes to a reshaped value is that of its result: they are one. */
static void
share_gradients(struct nn_plan *p, struct life *life, const int32_t *users)
{
	for (size_t n = p->steps; n-- > 0;) {
		struct nn_step *s = &p->step[n];
		int32_t in = s->node->in == NULL ? -1 : s->node->in[0], root;

		if (!s->backward || !step_is_view(p, s) || in < 0 || !own_gradient(p, in) ||
		    users[in] != 1 || p->value[in].is_output ||
		    !tensor_is_dense(&p->value[in].grad) ||
		    !tensor_is_dense(&p->value[s->node->out[0]].grad))
			continue;
		root = grad_root(p, s->node->out[0]);
		p->value[in].grad_same = root;
		until(&life[root], life[in].end);
		s->backward = false;
	}
}

static bool
gradient_lives(struct ctx *c, struct nn_plan *p, struct life *life)
{
	const struct nn_graph *g = p->graph;
	int64_t last = 2 * (int64_t)p->steps;
	int32_t *users = plan_take(c, p, g->values * sizeof *users + 1);

	if (users == NULL)
		return false;
	for (size_t i = 0; i < g->values; i++)
		life[i].start = last;
	for (size_t n = 0; n < p->steps; n++)
		gradient_uses(p, n, life, users);
	for (size_t i = 0; i < g->values; i++) {
		if (p->value[i].is_output)
			life[i].start = (int64_t)p->steps;
		if (g->value[i].source == NN_FROM_INPUT || p->value[i].is_output)
			until(&life[i], last);
	}
	share_gradients(p, life, users);
	for (size_t i = 0; i < g->values; i++)
		if (own_gradient(p, (int32_t)i) && p->value[i].grad_same == (int32_t)i)
			life[i].size = extent(&p->value[i].grad);
	return true;
}

size_t
scratch_aligned(const struct nn_call *k)
{
	return (k->scratch_bytes + 63) & ~(size_t)63;
}

static size_t
step_scratch(const struct nn_plan *p, const struct nn_step *s)
{
	if (p->options.mode != NN_EXPLAIN || !s->backward)
		return s->call.scratch_bytes;
	return scratch_aligned(&s->call) + relevance_room(&s->call);
}

/* ---- All --------------------------------------------------------------------------------- */

bool
lives_of(struct ctx *c, struct nn_plan *p, struct lives *ret)
{
	struct lives l = { 0 };
	int64_t last = 2 * (int64_t)p->steps;

	l.value = plan_take(c, p, p->graph->values * sizeof *l.value + 1);
	l.grad = plan_take(c, p, p->graph->values * sizeof *l.grad + 1);
	l.saved = plan_take(c, p, p->steps * sizeof *l.saved + 1);
	if (l.value == NULL || l.grad == NULL || l.saved == NULL ||
	    !gradient_lives(c, p, l.grad))
		return false;
	value_lives(p, l.value);
	l.scratch.end = last;
	for (size_t n = 0; n < p->steps; n++) {
		const struct nn_step *s = &p->step[n];
		int64_t now = (int64_t)n;

		if (s->once)
			continue;
		l.saved[n] = (struct life){ now, s->backward ? last - 1 - now : now,
			s->call.saved_bytes, 0 };
		if (l.scratch.size < step_scratch(p, s))
			l.scratch.size = step_scratch(p, s);
	}
	*ret = l;
	return true;
}
