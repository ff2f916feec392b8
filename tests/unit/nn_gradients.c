/*
 * Every row of the op table that has a gradient, against central differences, with the plain
 * kernels: with respect to its inputs, and again with all inputs but the first as weights. A row
 * without a case is a failure.
 */
#include <math.h>
#include <stdio.h>

#include "nn_cases.h"
#include "ops.h"
#include "test.h"

#define STEP (1.0 / 256)

/* ---- One evaluation ---------------------------------------------------------------------- */

struct bench {
	struct ctx *c;
	const struct nn_case *of;
	struct case_net net;
	float *factor[CASE_OUTPUTS]; /* the loss is the sum of outputs times factors */
};

static struct nn_plan *
plan_of(struct bench *b)
{
	struct nn_options o = { .mode = b->of->mode == NN_INFER ? NN_DIFFERENTIATE
								: b->of->mode,
		.input_gradients = true,
		.plain = true };
	struct nn_plan *p = NULL;

	o.seed = 5;
	ck_ok(b->c, nn_plan_new(b->c, b->net.g, &o, &p));
	return p;
}

static double
loss(struct bench *b)
{
	struct nn_plan *p = plan_of(b);
	double sum = 0;

	ck_ok(b->c, nn_forward(b->c, p, b->net.given));
	for (size_t i = 0; i < b->net.m.outputs; i++) {
		const struct nn_tensor *y = nn_plan_output(p, i);

		for (int64_t n = 0; n < nn_count(y); n++)
			sum += (double)((const float *)y->data)[n] * (double)b->factor[i][n];
	}
	nn_plan_free(&p);
	return sum;
}

static void
choose_factors(struct bench *b, const struct nn_plan *p)
{
	for (size_t i = 0; i < b->net.m.outputs; i++) {
		int64_t n = nn_count(nn_plan_output(p, i));

		b->factor[i] = take(b->c, (size_t)n * sizeof(float) + 1);
		for (int64_t j = 0; j < n; j++) {
			uint8_t r;

			b->c->random(&r, 1);
			b->factor[i][j] = ((float)r - 127.5f) / 128;
		}
	}
}

/* ---- The check --------------------------------------------------------------------------- */

/* Where the numbers of input i are that the engine reads. */
static float *
numbers(struct bench *b, int i)
{
	size_t n;

	return b->net.weight[i] ? nn_weights(b->net.g, &n)[b->net.place[i]].data
				: b->net.in[i].f;
}

static double
difference(struct bench *b, float *x)
{
	float old = *x;
	double up, down;

	*x = old + (float)STEP;
	up = loss(b);
	*x = old - (float)STEP;
	down = loss(b);
	*x = old;
	return (up - down) / (2 * STEP);
}

static void
check_input(struct bench *b, struct nn_plan *p, int i)
{
	const float *got = b->net.weight[i] ? nn_weight_gradient(p, (size_t)b->net.place[i])
					    : nn_input_gradient(p, (size_t)b->net.place[i]);
	int64_t n = b->net.in[i].count;
	double largest = 0.05;

	ck_assert_msg(
	    got != NULL, "%s (%s): no gradient of input %d", b->of->op, b->of->inputs, i);
	for (int64_t j = 0; j < n; j++)
		largest = fmax(largest, fabs((double)got[j]));
	for (int64_t j = 0; j < n; j++) {
		double want = difference(b, &numbers(b, i)[j]);

		ck_assert_msg(fabs((double)got[j] - want) <= 0.01 * largest,
		    "%s (%s; %s) input %d [%lld]: gradient %g, but %g by differences",
		    b->of->op, b->of->inputs, b->of->attrs, i, (long long)j, (double)got[j],
		    want);
	}
}

static void
check_case(const struct nn_case *of, bool weights)
{
	struct bench b = { .c = test_ctx(), .of = of };
	const struct nn_row *row = NULL;
	struct nn_plan *p;

	for (int op = 0; op < OP_COUNT; op++)
		if (strcmp(nn_ops[op].onnx, of->op) == 0)
			row = &nn_ops[op];
	ck_assert_ptr_nonnull(row);
	case_read(b.c, of, &b.net);
	ck_ok(b.c, case_import(b.c, of, weights, &b.net));
	p = plan_of(&b);
	choose_factors(&b, p);
	ck_ok(b.c, nn_forward(b.c, p, b.net.given));
	ck_ok(b.c, nn_backward(b.c, p, (const float *const *)b.factor));
	for (int i = 0; i < b.net.ins; i++)
		if (b.net.in[i].type == NN_FLOAT && !b.net.in[i].constant &&
		    !b.net.in[i].absent && nn_mask(row->diff, i))
			check_input(&b, p, i);
	nn_plan_free(&p);
	nn_graph_free(&b.net.g);
}

START_TEST(inputs_have_their_gradient)
{
	check_case(&nn_cases[_i], false);
}
END_TEST

START_TEST(weights_have_their_gradient)
{
	check_case(&nn_cases[_i], true);
}
END_TEST

START_TEST(every_row_is_here)
{
	for (int op = 0; op < OP_COUNT; op++) {
		bool found = nn_ops[op].backward == NULL;

		for (size_t i = 0; i < COUNT(nn_cases); i++)
			found = found || strcmp(nn_cases[i].op, nn_ops[op].onnx) == 0;
		ck_assert_msg(found, "%s has a gradient and no case", nn_ops[op].onnx);
		ck_assert_msg((nn_ops[op].backward == NULL) == (nn_ops[op].diff == 0),
		    "%s has inputs with a gradient and no backward, or the other way round",
		    nn_ops[op].onnx);
	}
}
END_TEST

MAIN("nn_gradients", ONE(every_row_is_here), EACH(inputs_have_their_gradient, nn_cases),
    EACH(weights_have_their_gradient, nn_cases))
