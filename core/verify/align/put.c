/*
 * The suspect's numbers into the original's file, in the form that its layers have there.
 */
#include "aligning.h"

struct edit {
	const struct onnx_model *model;
	struct onnx_new_tensor *tensor;
	size_t n;
};

/*
 * Exporters keep equal lists once, for several layers: the first of them is heard. What is no
 * initializer but follows from one cannot be put anywhere.
 */
static void
edit_put(struct edit *e, const struct onnx_tensor *t, const float *v)
{
	struct onnx_new_tensor *to = &e->tensor[e->n];

	if (onnx_tensor_by_name(e->model, t->name) != t)
		return;
	for (size_t i = 0; i < e->n; i++)
		if (str_same(e->tensor[i].name, t->name))
			return;
	e->n++;
	*to = (struct onnx_new_tensor){ .name = t->name, .rank = t->rank, .f = v };
	memcpy(to->dim, t->dim, sizeof to->dim);
}

/* The norm behind a layer keeps its scale and mean: the rest goes into weights and shift. */
MUST static bool
unfold(struct ctx *c, const struct layer *l, float *w, float *b, struct edit *e)
{
	int64_t width = l->in * l->k;
	float *own;

	if (l->norm) {
		for (int64_t o = 0; o < l->out; o++) {
			float by = l->factor[o] != 0 ? w[o] / l->factor[o] : 1;

			b[o] += l->mean[o] * w[o];
			w[o] = by;
		}
	} else if (l->factor != NULL) {
		own = take(c, (size_t)l->out * sizeof *own);
		if (own == NULL || (l->bias != NULL && !onnx_tensor_floats(c, l->bias, own)))
			return false;
		for (int64_t o = 0; o < l->out; o++) {
			for (int64_t i = 0; l->factor[o] != 0 && i < width; i++)
				w[o * width + i] /= l->factor[o];
			b[o] -= (own[o] - l->mean[o]) * l->factor[o];
		}
	}
	if (l->norm) {
		float *gamma = take(c, (size_t)l->out * sizeof *gamma);

		if (gamma == NULL || !onnx_tensor_floats(c, l->gamma, gamma))
			return false;
		for (int64_t o = 0; o < l->out; o++)
			w[o] *= gamma[o];
		edit_put(e, l->gamma, w);
	}
	if (l->beta != NULL)
		edit_put(e, l->beta, b);
	else if (l->bias != NULL)
		edit_put(e, l->bias, b);
	return true;
}

MUST static bool
layer_put(struct ctx *c, struct aligning *a, size_t layer, struct edit *e)
{
	const struct layer *l = &a->of.layer[layer];
	float *turned = NULL;

	if (!unfold(c, l, a->w[layer], a->b[layer], e))
		return false;
	if (l->weights == NULL)
		return true;
	if (l->inputs_first) {
		turned = take(c, (size_t)l->weights->count * sizeof *turned);
		if (turned == NULL)
			return false;
		layer_turn(l, a->w[layer], turned, true);
	}
	edit_put(e, l->weights, turned != NULL ? turned : a->w[layer]);
	return true;
}

bool
numbers_put(struct ctx *c, struct aligning *a, onnx_sink *sink, void *arg)
{
	struct edit e = { a->of.model, take(c, 3 * a->of.n * sizeof *e.tensor), 0 };
	struct onnx_edit all = { 0 };

	if (e.tensor == NULL)
		return false;
	for (size_t i = 0; i < a->of.n; i++)
		if (!layer_put(c, a, i, &e))
			return false;
	all.tensor = e.tensor;
	all.tensors = e.n;
	return onnx_write(c, a->of.model, &all, sink, arg);
}
