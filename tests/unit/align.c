/*
 * Alignment: whatever is done to a network that leaves its answers alone is undone, and what is
 * left between the two files is what was done to the weights.
 */
#include <math.h>

#include "align.h"
#include "align_support.h"

static float
apart(struct ctx *c, const struct onnx_model *a, const struct onnx_model *b)
{
	float most = 0;

	ck_assert_uint_eq(a->tensors, b->tensors);
	for (size_t i = 0; i < a->tensors; i++) {
		const struct onnx_tensor *s = &a->tensor[i], *t = &b->tensor[i];
		float *x = take(c, (size_t)s->count * sizeof *x + 1);
		float *y = take(c, (size_t)s->count * sizeof *y + 1);

		ck_assert_int_eq(s->count, t->count);
		if (s->type != ONNX_FLOAT)
			continue;
		ck_ok(c, onnx_tensor_floats(c, s, x));
		ck_ok(c, onnx_tensor_floats(c, t, y));
		for (int64_t k = 0; k < s->count; k++)
			most = fmaxf(most, fabsf(x[k] - y[k]));
	}
	return most;
}

static struct onnx_model
aligned(struct ctx *c, const struct onnx_model *m, const struct onnx_model *suspect,
    struct align_report *ret)
{
	struct buf out;

	ck_assert(take_buf(c, 8 << 20, &out));
	ck_ok(c, align_write(c, m, suspect, gather, &out, ret));
	return read_ok(c, buf_str(&out));
}

/* ---- What is undone ------------------------------------------------------------------------ */

static const enum disguise disguises[] = { NOTHING, ORDER, SCALE, BOTH, DEAD, CLIQUE, SPLIT,
	ALL };

START_TEST(disguises_are_undone)
{
	struct ctx *c = test_ctx();
	struct onnx_model m = read_ok(c, model_file(c, "fashion-lenet.onnx")), suspect, back;
	struct part part[LAYERS] = { 0 };
	enum disguise how = disguises[_i];
	struct align_report report;

	lenet(c, &m, part);
	for (int l = 0; l < LAYERS - 1 && how != NOTHING; l++)
		disguise(c, part, l, how, (uint32_t)l + 5);
	suspect = written(c, &m, part);
	back = aligned(c, &m, &suspect, &report);
	ck_assert_float_le(apart(c, &m, &back), 2e-5F);
	ck_assert_int_eq(report.layers, LAYERS);
	ck_assert_int_eq(report.channels, 6 + 16 + 120 + 84 + 10);
	ck_assert_double_ge(report.likeness, .999);
	if (how == NOTHING)
		ck_assert(report.moved == 0 && report.rescaled == 0 && report.merged == 0 &&
		    report.dropped == 0);
	if (how == ORDER || how == BOTH)
		ck_assert_int_ge(report.moved, 200);
	if (how == SCALE || how == BOTH)
		ck_assert_int_ge(report.rescaled, 200);
	if (how == SPLIT)
		ck_assert_int_eq(report.merged, 8);
}
END_TEST

/* A copy whose weights were changed: exactly that is left. */
START_TEST(what_was_done_to_weights_stays)
{
	struct ctx *c = test_ctx();
	struct onnx_model m = read_ok(c, model_file(c, "fashion-lenet.onnx")), plain, suspect,
			  one, two;
	struct part part[LAYERS] = { 0 };
	struct align_report report;
	uint32_t seed = 1;

	lenet(c, &m, part);
	for (int l = 0; l < LAYERS; l++)
		for (int64_t i = 0; i < part[l].w->count; i++)
			part[l].weights[i] *= 1 +
			    ((float)(chance(&seed) % 1000) / 1000 - .5F) / 5;
	plain = written(c, &m, part);
	for (int l = 0; l < LAYERS - 1; l++)
		disguise(c, part, l, BOTH, (uint32_t)l + 9);
	suspect = written(c, &m, part);
	one = aligned(c, &m, &plain, &report);
	ck_assert_int_eq(report.moved + report.rescaled, 0);
	ck_assert_float_le(apart(c, &plain, &one), 1e-6F);
	two = aligned(c, &m, &suspect, &report);
	/* A scale cannot be told apart from what was done to all of a row: most of it is. */
	ck_assert_float_le(apart(c, &plain, &two), .06F);
	ck_assert_int_ge(report.moved, 200);
}
END_TEST

START_TEST(zeroed_weights_are_no_scale)
{
	struct ctx *c = test_ctx();
	struct onnx_model m = read_ok(c, model_file(c, "fashion-lenet.onnx")), suspect, back;
	struct part part[LAYERS] = { 0 };
	struct align_report report;

	lenet(c, &m, part);
	for (int l = 0; l < LAYERS; l++)
		for (int64_t i = 0; i < part[l].w->count; i++)
			if (fabsf(part[l].weights[i]) < .05F)
				part[l].weights[i] = 0;
	suspect = written(c, &m, part);
	back = aligned(c, &m, &suspect, &report);
	ck_assert_float_eq(apart(c, &suspect, &back), 0);
	ck_assert_int_eq(report.rescaled, 0);
}
END_TEST

/* ---- Norms and bypasses -------------------------------------------------------------------- */

START_TEST(nets_with_norms_and_joined_channels)
{
	struct ctx *c = test_ctx();
	struct onnx_model m = read_ok(c, model_file(c, "fashion-densenet.onnx")), back;
	struct align_report report;

	back = aligned(c, &m, &m, &report);
	ck_assert_float_le(apart(c, &m, &back), 1e-5F);
	ck_assert_int_eq(report.moved + report.rescaled + report.merged + report.dropped, 0);
	ck_assert_double_ge(report.likeness, .999999);
}
END_TEST

START_TEST(other_networks_are_refused)
{
	struct ctx *c = test_ctx();
	struct onnx_model a = read_ok(c, model_file(c, "fashion-lenet.onnx"));
	struct onnx_model b = read_ok(c, model_file(c, "fashion-densenet.onnx"));
	struct align_report report;
	struct buf out;

	ck_assert(take_buf(c, 8 << 20, &out));
	ck_fails(c, E_CONFLICT, align_write(c, &a, &b, gather, &out, &report));
	ck_fails(c, E_CONFLICT, align_write(c, &b, &a, gather, &out, &report));
	ck_assert_uint_eq(out.n, 0);
}
END_TEST

MAIN("align", EACH(disguises_are_undone, disguises), ONE(what_was_done_to_weights_stays),
    ONE(zeroed_weights_are_no_scale), ONE(nets_with_norms_and_joined_channels),
    ONE(other_networks_are_refused))
