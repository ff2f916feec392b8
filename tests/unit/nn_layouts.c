/*
 * The plain kernels on tensors that lie anyhow: every case of nn_cases.h runs forward and backward
 * on dense tensors and on scattered ones, with equal results; nothing between and around the
 * elements of a result is touched.
 */
#include <math.h>
#include <stdio.h>

#include "nn_cases.h"
#include "plan.h"
#include "kernel.h"
#include "test.h"

enum { GUARD = 8, TENSORS = CASE_INPUTS + CASE_OUTPUTS };
static const unsigned char sentinel = 0xa5;

/* A tensor with gaps, its dimensions in a random order in memory. */
struct scattered {
	struct nn_tensor t;
	unsigned char *memory;
	size_t size;
};

static uint32_t
pick(struct ctx *c, uint32_t below)
{
	uint32_t r;

	c->random(&r, sizeof r);
	return r % below;
}

static void
scatter(struct ctx *c, const struct nn_tensor *like, struct scattered *ret)
{
	int order[NN_RANK_MAX];
	int64_t step = 1 + pick(c, 2);

	*ret = (struct scattered){ .t = *like };
	for (int d = 0; d < like->rank; d++)
		order[d] = d;
	for (int d = like->rank - 1; d > 0; d--) {
		int other = (int)pick(c, (uint32_t)d + 1), kept = order[d];

		order[d] = order[other];
		order[other] = kept;
	}
	for (int d = 0; d < like->rank; d++) {
		ret->t.stride[order[d]] = step;
		step = step * like->dim[order[d]] + pick(c, 3);
	}
	ret->size = (size_t)(step + 2 * GUARD) * nn_type_size(like->type);
	ret->memory = take(c, ret->size);
	memset(ret->memory, sentinel, ret->size);
	ret->t.data = ret->memory + GUARD * nn_type_size(like->type);
}

/* Every byte that belongs to no element is as it was. */
static void
check_gaps(struct ctx *c, const struct scattered *s, const char *what)
{
	size_t width = nn_type_size(s->t.type);
	unsigned char *used = take(c, s->size + 1);

	for (int64_t i = 0; i < nn_count(&s->t); i++)
		memset(used + (size_t)(GUARD + tensor_nth(&s->t, i)) * width, 1, width);
	for (size_t i = 0; i < s->size; i++)
		ck_assert_msg(used[i] != 0 || s->memory[i] == sentinel,
		    "%s: wrote beside its result", what);
}

static void
check_equal(const struct nn_tensor *got, const struct nn_tensor *want, const char *what)
{
	double largest = 1;

	for (int64_t i = 0; i < nn_count(want); i++)
		largest = fmax(largest, fabs(tensor_read(want, tensor_nth(want, i))));
	for (int64_t i = 0; i < nn_count(want); i++) {
		double a = tensor_read(got, tensor_nth(got, i));
		double b = tensor_read(want, tensor_nth(want, i));

		ck_assert_msg(fabs(a - b) <= 1e-5 * largest, "%s [%lld]: %g, not %g", what,
		    (long long)i, a, b);
	}
}

/* ---- One node ---------------------------------------------------------------------------- */

struct twin {
	struct nn_call call;
	struct nn_tensor *list[4 * TENSORS];
	struct scattered in[CASE_INPUTS], out[CASE_OUTPUTS], din[CASE_INPUTS],
	    dout[CASE_OUTPUTS];
};

static void
twin_of(struct ctx *c, const struct nn_call *k, struct twin *w)
{
	w->call = *k;
	w->call.in = w->list;
	w->call.out = w->list + TENSORS;
	w->call.din = w->list + 2 * TENSORS;
	w->call.dout = w->list + 3 * TENSORS;
	w->call.saved = take(c, k->saved_bytes + 1);
	w->call.scratch = take(c, k->scratch_bytes + 1);
	for (int i = 0; i < k->ins; i++) {
		if (k->in[i] == NULL)
			continue;
		scatter(c, k->in[i], &w->in[i]);
		tensor_copy(&w->in[i].t, k->in[i]);
		w->call.in[i] = &w->in[i].t;
		if (k->din[i] == NULL)
			continue;
		scatter(c, k->din[i], &w->din[i]);
		tensor_fill(&w->din[i].t, 0);
		w->call.din[i] = &w->din[i].t;
	}
	for (int i = 0; i < k->outs; i++) {
		if (k->out[i] == NULL)
			continue;
		scatter(c, k->out[i], &w->out[i]);
		w->call.out[i] = &w->out[i].t;
		if (k->dout[i] == NULL)
			continue;
		scatter(c, k->dout[i], &w->dout[i]);
		tensor_copy(&w->dout[i].t, k->dout[i]);
		w->call.dout[i] = &w->dout[i].t;
	}
}

/* Gradients of their own, where the plan would let two share one. */
static void
fill_gradients(struct ctx *c, const struct nn_call *k)
{
	for (int i = 0; i < k->outs; i++)
		if (k->dout[i] != NULL)
			k->dout[i]->data = take(
			    c, (size_t)nn_count(k->dout[i]) * sizeof(float) + 1);
	for (int i = 0; i < k->ins; i++)
		if (k->din[i] != NULL)
			k->din[i]->data = take(
			    c, (size_t)nn_count(k->din[i]) * sizeof(float) + 1);
	for (int i = 0; i < k->outs; i++)
		for (int64_t n = 0; k->dout[i] != NULL && n < nn_count(k->dout[i]); n++)
			reals(k->dout[i])[n] = ((float)pick(c, 256) - 127.5f) / 128;
	for (int i = 0; i < k->ins; i++)
		if (k->din[i] != NULL)
			tensor_fill(k->din[i], 0);
}

START_TEST(layouts_make_no_difference)
{
	const struct nn_case *of = &nn_cases[_i];
	struct nn_options o = { .mode = of->mode == NN_INFER ? NN_DIFFERENTIATE : of->mode,
		.input_gradients = true,
		.plain = true };
	struct ctx *c = test_ctx();
	struct case_net net;
	struct nn_plan *p = NULL;
	struct nn_step *s;
	struct twin w = { 0 };
	float *zero[CASE_OUTPUTS] = { NULL };

	case_read(c, of, &net);
	ck_ok(c, case_import(c, of, true, &net));
	ck_ok(c, nn_plan_new(c, net.g, &o, &p));
	ck_ok(c, nn_forward(c, p, net.given));
	ck_assert_uint_eq(p->steps, 1);
	s = &p->step[0];
	twin_of(c, &s->call, &w);
	s->row->forward(&w.call);
	for (int i = 0; i < s->call.outs; i++) {
		check_equal(&w.out[i].t, s->call.out[i], of->op);
		check_gaps(c, &w.out[i], of->op);
	}
	ck_ok(c, nn_backward(c, p, (const float *const *)zero));
	fill_gradients(c, &s->call);
	for (int i = 0; i < s->call.outs; i++)
		tensor_copy(&w.dout[i].t, s->call.dout[i]);
	s->row->backward(&s->call);
	s->row->backward(&w.call);
	for (int i = 0; i < s->call.ins; i++) {
		if (s->call.din[i] == NULL)
			continue;
		check_equal(&w.din[i].t, s->call.din[i], of->op);
		check_gaps(c, &w.din[i], of->op);
	}
	nn_plan_free(&p);
	nn_graph_free(&net.g);
}
END_TEST

MAIN("nn_layouts", EACH(layouts_make_no_difference, nn_cases))
