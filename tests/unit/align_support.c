/*
 * A network in disguise: its channels in another order, scaled, split, or joined by others that do
 * nothing, such that it answers as before.
 */
#include <math.h>

#include "align_support.h"

/* LeNet: convolutions to 6 and 16 channels, dense layers to 120, 84 and 10. */
static const int64_t outs[LAYERS] = { 6, 16, 120, 84, 10 };
static const int64_t ins[LAYERS] = { 1, 6, 16, 120, 84 }; /* channels */
static const int64_t each[LAYERS] = { 25, 25, 25, 1, 1 }; /* weights of a pair of them */

void
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

struct onnx_model
written(struct ctx *c, const struct onnx_model *m, const struct part part[LAYERS])
{
	struct onnx_new_tensor t[2 * LAYERS];
	struct onnx_value answers = m->output[0];
	const struct onnx_edit e = { .tensor = t,
		.tensors = 2 * LAYERS,
		.output = &answers,
		.outputs = part[LAYERS - 1].out != outs[LAYERS - 1] };

	answers.dim[1] = part[LAYERS - 1].out;
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

uint32_t
chance(uint32_t *state)
{
	*state = *state * 1664525 + 1013904223;
	return *state >> 8;
}

void
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
