/*
 * Relevance through a plan: which rule each step follows, the box that inputs lie in, and the way
 * back from an answer to the input.
 */
#include <float.h>
#include <math.h>

#include "plan.h"
#include "relevance.h"

/* ---- Room -------------------------------------------------------------------------------- */

enum { ROOM_ALIGN = 64 };

static size_t
room_size(const struct nn_tensor *t)
{
	size_t bytes = (size_t)nn_count(t) * sizeof(float);

	return (bytes + ROOM_ALIGN - 1) / ROOM_ALIGN * ROOM_ALIGN;
}

/* Two or three like each of the data, the result and the weights: more than any rule takes. */
size_t
relevance_room(const struct nn_call *k)
{
	size_t most = 0;

	for (int i = 0; i < k->ins && i < 2; i++)
		if (k->in[i] != NULL)
			most += 3 * room_size(k->in[i]);
	return most + (k->out[0] == NULL ? 0 : 3 * room_size(k->out[0])) + ROOM_ALIGN;
}

struct nn_tensor
room_like(struct room *room, const struct nn_tensor *like)
{
	struct nn_tensor t = *like;

	t.type = NN_FLOAT;
	tensor_dense(&t);
	t.data = room->p;
	room->p += room_size(&t);
	return t;
}

/* ---- What the rules share ---------------------------------------------------------------- */

void
relevance_part(const struct nn_tensor *to, const struct nn_tensor *from, bool positive)
{
	const struct nn_tensor *const t[] = { to, from };

	for (struct walk w = walk_over(to, 2, t); w.n > 0; walk_next(&w))
		for (int64_t i = 0; i < w.n; i++) {
			float x = reals(from)[w.at[1] + i * w.by[1]];

			reals(to)[w.at[0] + i * w.by[0]] = positive ? fmaxf(x, 0) : fminf(x, 0);
		}
}

void
relevance_add_product(
    const struct nn_tensor *to, const struct nn_tensor *a, const struct nn_tensor *b)
{
	const struct nn_tensor *const t[] = { to, a, b };

	for (struct walk w = walk_over(to, 3, t); w.n > 0; walk_next(&w))
		for (int64_t i = 0; i < w.n; i++)
			reals(to)[w.at[0] + i * w.by[0]] += reals(a)[w.at[1] + i * w.by[1]] *
			    reals(b)[w.at[2] + i * w.by[2]];
}

/* What keeps a denominator from being nothing: small beside the others of its channel. */
static float
stabiliser(const struct nn_tensor *z)
{
	const double share = 1e-6;
	double sum = 0;

	for (struct walk w = walk_over(z, 1, &z); w.n > 0; walk_next(&w))
		for (int64_t i = 0; i < w.n; i++)
			sum += fabs((double)reals(z)[w.at[0] + i * w.by[0]]);
	return (float)(share * fmax(sum / fmax(1, (double)nn_count(z)), (double)FLT_MIN));
}

/* What is nearer to 0 has nothing to share out: a quotient by it would be beyond any number. */
#define LEAST_SHARED 1e-30f

static void
divide(const struct nn_tensor *const t[], float eps)
{
	for (struct walk w = walk_over(t[0], 3, t); w.n > 0; walk_next(&w))
		for (int64_t i = 0; i < w.n; i++) {
			float r = reals(t[1])[w.at[1] + i * w.by[1]];
			float z = reals(t[2])[w.at[2] + i * w.by[2]];
			float d = z + (z < 0 ? -eps : eps);

			reals(t[0])[w.at[0] + i * w.by[0]] = z == 0 || fabsf(d) < LEAST_SHARED
			    ? 0
			    : r / d;
		}
}

/* Channel by channel, so that scaling one, and what reads it back, changes nothing. */
static void
divide_sample(const struct nn_tensor *s, const struct nn_tensor *r, const struct nn_tensor *z)
{
	for (int64_t m = 0; z->rank > 0 && m < z->dim[0]; m++) {
		const struct nn_tensor st = tensor_at(s, 0, m), rt = tensor_at(r, 0, m),
				       zt = tensor_at(z, 0, m);

		divide((const struct nn_tensor *[]){ &st, &rt, &zt }, stabiliser(&zt));
	}
	if (z->rank == 0)
		divide((const struct nn_tensor *[]){ s, r, z }, stabiliser(z));
}

void
relevance_divide(const struct nn_call *k, const struct nn_tensor *r, const struct nn_tensor *z,
    const struct nn_tensor *s)
{
	const struct nn_tensor *const whole[] = { s, r, z };

	if (k->rule->kind != RULE_EPSILON || z->rank == 0) {
		divide(whole, 0);
		return;
	}
	for (int64_t n = 0; n < z->dim[0]; n++) {
		const struct nn_tensor st = tensor_at(s, 0, n), rt = tensor_at(r, 0, n),
				       zt = tensor_at(z, 0, n);

		divide_sample(&st, &rt, &zt);
	}
}

/* ---- First layers ------------------------------------------------------------------------ */

static bool
has_weights(const struct nn_step *s)
{
	nn_run_fn *f = s->row->relevance;

	return f == conv_relevance || f == conv_transpose_relevance || f == gemm_relevance ||
	    f == matmul_relevance;
}

/* Marks the steps with weights that see the input itself, shifted or scaled at most. */
bool
plan_first_layers(struct ctx *c, struct nn_plan *p)
{
	const struct nn_graph *g = p->graph;
	bool *raw = plan_take(c, p, g->values + 1);

	if (raw == NULL)
		return false;
	for (size_t i = 0; i < g->inputs; i++)
		raw[g->input_value[i]] = true;
	for (size_t n = 0; n < p->steps; n++) {
		struct nn_step *s = &p->step[n];
		bool sees = s->node->ins > 0 && s->node->in[0] >= 0 && raw[s->node->in[0]];

		if (!s->backward)
			continue;
		s->first = sees && has_weights(s);
		for (int i = 0; i < s->node->ins; i++)
			sees = sees || (s->node->in[i] >= 0 && raw[s->node->in[i]]);
		for (int i = 0; sees && !has_weights(s) && i < s->node->outs; i++)
			if (s->node->out[i] >= 0)
				raw[s->node->out[i]] = true;
	}
	return true;
}

/* A norm that alone reads what weights made is folded into them: it only scales their rows. */
bool
plan_folds(struct ctx *c, struct nn_plan *p)
{
	const struct nn_graph *g = p->graph;
	struct nn_step **maker = plan_take(c, p, g->values * sizeof *maker + 1);
	int *uses = plan_take(c, p, g->values * sizeof *uses + 1);

	if (maker == NULL || uses == NULL)
		return false;
	for (size_t i = 0; i < g->outputs; i++)
		uses[g->output_value[i]]++;
	for (size_t n = 0; n < p->steps; n++) {
		const struct nn_node *node = p->step[n].node;

		for (int i = 0; i < node->ins; i++)
			if (node->in[i] >= 0)
				uses[node->in[i]]++;
		if (has_weights(&p->step[n]))
			maker[node->out[0]] = &p->step[n];
	}
	for (size_t n = 0; n < p->steps; n++) {
		struct nn_step *s = &p->step[n];
		struct nn_step *from = maker[s->node->in[0] < 0 ? 0 : s->node->in[0]];

		if (s->row->relevance != batch_norm_relevance || s->node->in[0] < 0 ||
		    from == NULL || uses[s->node->in[0]] != 1)
			continue;
		from->norm = s;
		s->into = from;
	}
	return true;
}

/* What first layers see when every input is this number, kept in *at. */
static bool
box_end(struct ctx *c, struct nn_plan *p, const void *const input[], int end)
{
	if (!nn_forward(c, p, input))
		return false;
	for (size_t n = 0; n < p->steps; n++) {
		struct nn_step *s = &p->step[n];
		struct nn_tensor *t = &s->box[end];

		if (!s->first)
			continue;
		if (t->data == NULL) {
			*t = *s->call.in[0];
			tensor_dense(t);
			t->data = plan_take(c, p, (size_t)nn_count(t) * sizeof(float) + 1);
			if (t->data == NULL)
				return false;
		}
		tensor_copy(t, s->call.in[0]);
	}
	p->boxed = end == 1;
	return true;
}

/* A scale below zero turns the ends round. */
static void
box_sort(struct nn_plan *p)
{
	for (size_t n = 0; n < p->steps; n++) {
		float *low = p->step[n].box[0].data, *high = p->step[n].box[1].data;

		if (!p->step[n].first)
			continue;
		for (int64_t i = 0; i < nn_count(&p->step[n].box[0]); i++) {
			float a = low[i], b = high[i];

			low[i] = fminf(a, b);
			high[i] = fmaxf(a, b);
		}
	}
}

bool
nn_relevance_box(struct ctx *c, struct nn_plan *p, float low, float high)
{
	const struct nn_graph *g = p->graph;
	const void **input = plan_take(c, p, g->inputs * sizeof *input + 1);
	const float ends[2] = { low, high };

	if (p->options.mode != NN_EXPLAIN)
		return fail(c, E_INTERNAL, "relevance in a plan that was not made for it");
	if (input == NULL)
		return false;
	for (int end = 0; end < 2; end++) {
		for (size_t i = 0; i < g->inputs; i++) {
			struct nn_tensor t = p->value[g->input_value[i]].t;
			size_t size = nn_type_size(t.type);

			t.data = plan_take(c, p, (size_t)nn_count(&t) * size + 1);
			if (t.data == NULL)
				return false;
			tensor_dense(&t);
			if (is_real(&t))
				tensor_fill(&t, (double)ends[end]);
			input[i] = t.data;
		}
		if (!box_end(c, p, input, end))
			return false;
	}
	box_sort(p);
	return true;
}

/* ---- The way back ------------------------------------------------------------------------ */

static bool
all_positive(const struct nn_tensor *t)
{
	for (struct walk w = walk_over(t, 1, &t); w.n > 0; walk_next(&w))
		for (int64_t i = 0; i < w.n; i++)
			if (!(reals(t)[w.at[0] + i * w.by[0]] > 0))
				return false;
	return true;
}

/* By what is positive a row's shares do not change. By other factors: of convolutions alone. */
static void
rule_fold(const struct nn_step *s, struct nn_rule *rule)
{
	const struct nn_step *norm = s->into != NULL ? s : s->norm;
	const struct nn_step *from = s->into != NULL ? s->into : s;
	const struct nn_tensor *factor;

	if (norm == NULL)
		return;
	factor = norm->call.in[1];
	if (all_positive(factor))
		rule->folded = s->into != NULL;
	else if (from->node->op == OP_CONV && s->into != NULL)
		rule->folded = true;
	else if (from->node->op == OP_CONV)
		rule->factor = factor;
}

static struct nn_rule
rule_of(const struct nn_plan *p, const struct nn_step *s, enum nn_map map)
{
	struct nn_rule rule = { .kind = RULE_POSITIVE };

	if (map == NN_MAP_EPSILON || map == NN_MAP_BIASED)
		rule.kind = RULE_EPSILON;
	else if (s->first && p->boxed)
		rule =
		    (struct nn_rule){ .kind = RULE_BOX, .low = &s->box[0], .high = &s->box[1] };
	else if (s->first)
		rule.kind = RULE_SQUARES;
	else if (map == NN_MAP_GAMMA && s->node->op != OP_GEMM && has_weights(s))
		rule.kind = RULE_GAMMA;
	else if (map == NN_MAP_GAMMA)
		rule.kind = RULE_EPSILON;
	rule.conv = s->conv;
	rule.biased = map == NN_MAP_BIASED;
	if (!rule.biased)
		rule_fold(s, &rule);
	return rule;
}

static bool
step_relevance(struct ctx *c, struct nn_plan *p, struct nn_step *s, enum nn_map map)
{
	struct nn_rule rule = rule_of(p, s, map);
	struct nn_call *k = &s->call;

	for (int i = 0; i < k->ins; i++)
		if (k->fresh[i])
			tensor_fill(k->din[i], 0);
	k->rule = &rule;
	k->bad = NULL;
	s->row->relevance(k);
	k->rule = NULL;
	if (k->bad != NULL)
		return fail(c, E_INPUT, "%s", k->bad) || node_fail(c, s->node);
	return true;
}

bool
nn_relevance(struct ctx *c, struct nn_plan *p, enum nn_map map, const float *const output[])
{
	if (p->options.mode != NN_EXPLAIN || !p->backward_due)
		return fail(c, E_INTERNAL, "relevance without a forward run made for it");
	p->backward_due = false;
	plan_start_gradients(p, output);
	for (size_t n = p->steps; n-- > 0;)
		if (p->step[n].backward && !step_relevance(c, p, &p->step[n], map))
			return false;
	return true;
}
