/*
 * Relevance of what has weights: convolutions and matrix products. Biases take no part in it, so
 * nothing of what comes is left in them.
 */
#include "families.h"
#include "relevance.h"

/* An operator as a linear function of its first input, and which input is the weights. */
struct linear {
	nn_run_fn *forward, *backward;
	int data, weights;
};

/* out = the operator on `a` with these weights, without bias. */
static void
run_forward(const struct nn_call *k, const struct linear *l, const struct nn_tensor *a,
    const struct nn_tensor *w, const struct nn_tensor *out)
{
	struct nn_tensor from = *a, with = *w, to = *out, *in[3] = { NULL }, *outs[1] = { &to };
	struct nn_call call = *k;

	if (k->rule->conv != NULL && tensor_is_dense(a) && tensor_is_dense(w)) {
		relevance_conv_forward(k->rule->conv, reals(a), reals(w), reals(out));
		return;
	}
	in[l->data] = &from;
	in[l->weights] = &with;
	call.in = in;
	call.ins = 3;
	call.out = outs;
	call.outs = 1;
	l->forward(&call);
}

/* din = the transposed operator on `s`. */
static void
run_backward(const struct nn_call *k, const struct linear *l, const struct nn_tensor *s,
    const struct nn_tensor *w, const struct nn_tensor *din)
{
	struct nn_tensor from = *s, with = *w, to = *din, data = *k->in[l->data];
	struct nn_tensor *in[3] = { NULL }, *douts[1] = { &from }, *dins[3] = { NULL };
	bool fresh[3] = { false };
	struct nn_call call = *k;

	if (k->rule->conv != NULL && tensor_is_dense(s) && tensor_is_dense(w)) {
		relevance_conv_back(k->rule->conv, reals(s), reals(w), reals(din));
		return;
	}
	in[l->data] = &data;
	in[l->weights] = &with;
	dins[l->data] = &to;
	call.in = in;
	call.ins = 3;
	call.din = dins;
	call.dout = douts;
	call.fresh = fresh;
	tensor_fill(din, 0);
	l->backward(&call);
}

static void
multiply_relevance(const struct nn_tensor *t, float by)
{
	for (struct walk v = walk_over(t, 1, &t); v.n > 0; walk_next(&v))
		for (int64_t i = 0; i < v.n; i++)
			reals(t)[v.at[0] + i * v.by[0]] *= by;
}

/* What a rule works with. */
struct bench {
	const struct nn_call *k;
	const struct linear *l;
	const struct nn_tensor *a, *w, *r; /* data, weights, relevance that comes */
	struct nn_tensor part, weights, z, sum, back, turned;
};

/* Rows of weights whose factor is negative change their sign, and those of none are gone. */
static void
turn_rows(const struct nn_tensor *to, const struct nn_tensor *w, const struct nn_tensor *factor)
{
	tensor_copy(to, w);
	for (int64_t m = 0; m < w->dim[0]; m++) {
		const struct nn_tensor row = tensor_at(to, 0, m);
		float f = reals(factor)[m * factor->stride[0]];

		multiply_relevance(&row, f < 0 ? -1 : f > 0 ? 1 : 0);
	}
}

static void
bench_set(struct bench *b, struct room *room, const struct nn_call *k, const struct linear *l)
{
	b->k = k;
	b->l = l;
	b->a = k->in[l->data];
	b->w = k->in[l->weights];
	b->r = k->dout[0];
	b->part = room_like(room, b->a);
	b->back = room_like(room, b->a);
	b->weights = room_like(room, b->w);
	b->z = room_like(room, b->r);
	b->sum = room_like(room, b->r);
	if (k->rule->factor == NULL)
		return;
	b->turned = room_like(room, b->w);
	turn_rows(&b->turned, b->w, k->rule->factor);
	b->w = &b->turned;
}

/* sum += by * the operator on `a` with weights w. */
static void
sum_forward_of(struct bench *b, const struct nn_tensor *a, const struct nn_tensor *w, float by)
{
	const struct nn_tensor *const t[] = { &b->sum, &b->z };

	run_forward(b->k, b->l, a, w, &b->z);
	for (struct walk v = walk_over(t[0], 2, t); v.n > 0; walk_next(&v))
		for (int64_t i = 0; i < v.n; i++)
			reals(t[0])[v.at[0] + i * v.by[0]] += by *
			    reals(t[1])[v.at[1] + i * v.by[1]];
}

/* din += a * the transposed operator on sum; a is b->part or another. */
static void
give(struct bench *b, const struct nn_tensor *a, const struct nn_tensor *w)
{
	run_backward(b->k, b->l, &b->sum, w, &b->back);
	relevance_add_product(b->k->din[b->l->data], a, &b->back);
}

static void
by_contribution(struct bench *b, const struct nn_tensor *w)
{
	if (b->k->rule->biased)
		tensor_copy(&b->sum, b->k->out[0]);
	else
		run_forward(b->k, b->l, b->a, w, &b->sum);
	relevance_divide(b->k, b->r, &b->sum, &b->sum);
	give(b, b->a, w);
}

static void
by_positive(struct bench *b)
{
	tensor_fill(&b->sum, 0);
	for (int sign = 0; sign < 2; sign++) {
		relevance_part(&b->part, b->a, sign == 0);
		relevance_part(&b->weights, b->w, sign == 0);
		sum_forward_of(b, &b->part, &b->weights, 1);
	}
	relevance_divide(b->k, b->r, &b->sum, &b->sum);
	for (int sign = 0; sign < 2; sign++) {
		relevance_part(&b->part, b->a, sign == 0);
		relevance_part(&b->weights, b->w, sign == 0);
		give(b, &b->part, &b->weights);
	}
}

static void
negate(const struct nn_tensor *t)
{
	for (struct walk v = walk_over(t, 1, &t); v.n > 0; walk_next(&v))
		for (int64_t i = 0; i < v.n; i++)
			reals(t)[v.at[0] + i * v.by[0]] *= -1;
}

static void
by_box(struct bench *b, const struct nn_rule *rule)
{
	const struct nn_tensor *const end[] = { rule->low, rule->high };

	tensor_fill(&b->sum, 0);
	sum_forward_of(b, b->a, b->w, 1);
	for (int i = 0; i < 2; i++) {
		relevance_part(&b->weights, b->w, i == 0);
		sum_forward_of(b, end[i], &b->weights, -1);
	}
	relevance_divide(b->k, b->r, &b->sum, &b->sum);
	give(b, b->a, b->w);
	for (int i = 0; i < 2; i++) {
		relevance_part(&b->weights, b->w, i == 0);
		tensor_copy(&b->part, end[i]);
		negate(&b->part);
		give(b, &b->part, &b->weights);
	}
}

/* weights = w * w, or w and a quarter of its positive part. */
static void
weights_for(struct bench *b, bool squares)
{
	const struct nn_tensor *const t[] = { &b->weights, b->w };

	for (struct walk v = walk_over(t[0], 2, t); v.n > 0; walk_next(&v))
		for (int64_t i = 0; i < v.n; i++) {
			float w = reals(t[1])[v.at[1] + i * v.by[1]];

			reals(t[0])[v.at[0] + i * v.by[0]] = squares ? w * w
								     : w + (w > 0 ? w / 4 : 0);
		}
}

static void
by_squares(struct bench *b)
{
	weights_for(b, true);
	tensor_fill(&b->part, 1);
	run_forward(b->k, b->l, &b->part, &b->weights, &b->sum);
	relevance_divide(b->k, b->r, &b->sum, &b->sum);
	give(b, &b->part, &b->weights);
}

static void
linear_relevance(const struct nn_call *k, const struct linear *l)
{
	struct room room = { k->room };
	struct bench b;

	bench_set(&b, &room, k, l);
	switch (k->rule->kind) {
	case RULE_EPSILON:
		by_contribution(&b, b.w);
		break;
	case RULE_POSITIVE:
		by_positive(&b);
		break;
	case RULE_BOX:
		by_box(&b, k->rule);
		break;
	case RULE_SQUARES:
		by_squares(&b);
		break;
	case RULE_GAMMA:
		weights_for(&b, false);
		by_contribution(&b, &b.weights);
		break;
	}
}

/* ---- The operators ----------------------------------------------------------------------- */

void
conv_relevance(struct nn_call *k)
{
	static const struct linear l = { conv_forward, conv_backward, 0, 1 };

	linear_relevance(k, &l);
}

void
conv_transpose_relevance(struct nn_call *k)
{
	static const struct linear l = { conv_transpose_forward, conv_transpose_backward, 0,
		1 };

	linear_relevance(k, &l);
}

/* Where both factors come from the input, as in attention, each stands for half of what comes. */
static void
either_relevance(struct nn_call *k, nn_run_fn *forward, nn_run_fn *backward)
{
	bool both = k->din[0] != NULL && k->din[1] != NULL;

	if (both)
		multiply_relevance(k->dout[0], .5F);
	for (int i = 0; i < 2; i++) {
		const struct linear l = { forward, backward, i, 1 - i };

		if (k->din[i] != NULL)
			linear_relevance(k, &l);
	}
	if (both)
		multiply_relevance(k->dout[0], 2);
}

void
gemm_relevance(struct nn_call *k)
{
	either_relevance(k, gemm_forward, gemm_backward);
}

void
matmul_relevance(struct nn_call *k)
{
	either_relevance(k, matmul_forward, matmul_backward);
}
