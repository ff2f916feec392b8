/*
 * Alignment: whatever is done to a network that leaves its answers alone is undone, and what is
 * left between the two files is what was done to the weights.
 */
#include <math.h>

#include "align.h"
#include "onnx_support.h"
#include "test.h"

/* ---- A network, disguised ------------------------------------------------------------------ */

/* LeNet: convolutions to 6 and 16 channels, dense layers to 120, 84 and 10. */
enum { LAYERS = 5 };
static const int64_t outs[LAYERS] = { 6, 16, 120, 84, 10 };
static const int64_t ins[LAYERS] = { 1, 6, 16, 120, 84 }; /* channels */
static const int64_t each[LAYERS] = { 25, 25, 25, 1, 1 }; /* weights of a pair of them */

struct part {
	const struct onnx_tensor *w, *b;
	float *weights, *bias;
	int64_t out, in;
};

/* The layers by their shapes; test data, so no more is asked. */
static void
lenet(struct ctx *c, const struct onnx_model *m, struct part part[LAYERS])
{
	for (int l = 0; l < LAYERS; l++) {
		for (size_t i = 0; i < m->tensors; i++) {
			const struct onnx_tensor *t = &m->tensor[i];

			if (t->rank >= 2 && t->count == outs[l] * ins[l] * each[l])
				part[l].w = t;
			else if (t->rank == 1 && t->count == outs[l])
				part[l].b = t;
		}
		part[l].out = outs[l];
		part[l].in = ins[l];
		part[l].weights = take(c, (size_t)part[l].w->count * sizeof(float));
		part[l].bias = take(c, (size_t)outs[l] * sizeof(float));
		ck_ok(c, onnx_tensor_floats(c, part[l].w, part[l].weights));
		ck_ok(c, onnx_tensor_floats(c, part[l].b, part[l].bias));
	}
}

/*
 * The channels between layer l and the next become n, channel i being `from[i]` scaled by `by[i]`
 * on the way in; the next layer undoes it, and takes of each only `share[i]`.
 */
static void
replace(struct ctx *c, struct part part[LAYERS], int l, int64_t n, const int64_t from[],
    const float by[], const float share[])
{
	struct part *a = &part[l], *b = &part[l + 1];
	int64_t width = a->in * each[l], k = each[l + 1];
	float *w = take(c, (size_t)(n * width) * sizeof *w);
	float *bias = take(c, (size_t)n * sizeof *bias);
	float *next = take(c, (size_t)(b->out * n * k) * sizeof *next);

	for (int64_t i = 0; i < n; i++) {
		for (int64_t j = 0; j < width; j++)
			w[i * width + j] = by[i] * a->weights[from[i] * width + j];
		bias[i] = by[i] * a->bias[from[i]];
		for (int64_t o = 0; o < b->out; o++)
			for (int64_t j = 0; j < k; j++)
				next[(o * n + i) * k + j] = share[i] / by[i] *
				    b->weights[(o * b->in + from[i]) * k + j];
	}
	a->weights = w;
	a->bias = bias;
	a->out = n;
	b->weights = next;
	b->in = n;
}

static struct onnx_model
written(struct ctx *c, const struct onnx_model *m, const struct part part[LAYERS])
{
	struct onnx_new_tensor t[2 * LAYERS];
	const struct onnx_edit e = { .tensor = t, .tensors = 2 * LAYERS };

	for (int l = 0; l < LAYERS; l++) {
		const struct part *p = &part[l];

		t[2 * l] = (struct onnx_new_tensor){
			.name = p->w->name, .rank = p->w->rank, .f = p->weights
		};
		memcpy(t[2 * l].dim, p->w->dim, sizeof t[0].dim);
		t[2 * l].dim[0] = p->out;
		t[2 * l].dim[1] = p->w->rank == 2 ? p->in * each[l] : p->in;
		t[2 * l + 1] = (struct onnx_new_tensor){
			.name = p->b->name, .rank = 1, .dim = { p->out }, .f = p->bias
		};
	}
	return read_ok(c, write_ok(c, m, &e));
}

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

enum disguise { NOTHING, ORDER, SCALE, BOTH, DEAD, CLIQUE, SPLIT, ALL };

static uint32_t
chance(uint32_t *state)
{
	*state = *state * 1664525 + 1013904223;
	return *state >> 8;
}

/* One layer's channels in disguise. */
static void
disguise(struct ctx *c, struct part part[LAYERS], int l, enum disguise how, uint32_t seed)
{
	int64_t n = part[l].out, from[160], extra = n;
	float by[160], share[160];

	for (int64_t i = 0; i < n; i++) {
		from[i] = i;
		by[i] = how == SCALE || how == BOTH || how == ALL
		    ? powf(10, (float)(chance(&seed) % 600) / 100 - 3)
		    : 1;
		share[i] = 1;
	}
	for (int64_t i = n - 1; (how == ORDER || how == BOTH || how == ALL) && i > 0; i--) {
		int64_t j = chance(&seed) % (i + 1), t = from[i];

		from[i] = from[j];
		from[j] = t;
	}
	for (int64_t i = 0; i < 2 && how >= DEAD; i++) {
		int64_t at = extra++;

		from[at] = from[i];
		by[at] = how == SPLIT ? 2 * by[i] : .5F;
		share[at] = how == SPLIT ? .25F : 0;
		share[i] = how == SPLIT ? .75F : 1;
		if (how != CLIQUE && how != ALL)
			continue;
		share[at] = 3;
		from[extra] = from[i];
		by[extra] = .5F;
		share[extra++] = -3;
	}
	replace(c, part, l, extra, from, by, share);
}

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
