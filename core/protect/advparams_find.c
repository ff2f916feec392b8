/*
 * What a parameter lock may touch: what the engine trains (weights and biases of convolutions and
 * dense layers, scale and shift of norms; no running statistics), if it lies in the file as raw
 * float32, so that an entry's bits are the file's bits and the patch can flip them. Tensors whose
 * values are all alike have no range to move in.
 */
#include <math.h>

#include "advparams.h"

/* The initializer that a weight comes from, if the file's patch can change it. */
static const struct onnx_tensor *
patchable(const struct onnx_model *m, const struct nn_weight *w)
{
	const struct onnx_tensor *t = w->constant ? NULL : onnx_tensor_by_name(m, w->name);

	if (t == NULL || t->type != ONNX_FLOAT || t->raw.n == 0 || t->external)
		return NULL;
	return t->count == w->count && t->count <= UINT32_MAX ? t : NULL;
}

MUST static bool
describe(struct ctx *c, const struct advparams_options *o, struct lockable *t)
{
	double low = INFINITY, high = -INFINITY, sum = 0, squares = 0, range;

	for (int64_t i = 0; i < t->count; i++) {
		double v = (double)t->v[i];

		if (!isfinite(v))
			return fail(c, E_INPUT,
			    "'%.*s' holds a value that is no finite number: a model that works "
			    "has none, repair it first",
			    (int)(t->name.n > 60 ? 60 : t->name.n), t->name.p);
		low = v < low ? v : low;
		high = v > high ? v : high;
		sum += v;
		squares += v * v;
	}
	range = high - low;
	sum /= (double)t->count;
	t->deviation = sqrt(fmax(squares / (double)t->count - sum * sum, 0));
	t->step = (float)(o->alpha * range);
	t->low = (float)(low + o->beta * range);
	t->high = (float)(high - o->beta * range);
	t->floor = o->extremes ? -INFINITY : (float)(low + o->beta * range);
	t->top = o->extremes ? INFINITY : (float)(high - o->beta * range);
	return true;
}

bool
lock_find(struct ctx *c, struct lock *l)
{
	const struct onnx_model *m = l->model->model;
	size_t n;
	struct nn_weight *w = nn_weights(l->model->graph, &n);

	l->tensor = take(c, (n + 1) * sizeof *l->tensor);
	if (l->tensor == NULL)
		return false;
	for (size_t i = 0; i < n; i++) {
		const struct onnx_tensor *from = patchable(m, &w[i]);
		struct lockable *t = &l->tensor[l->tensors];

		if (from == NULL || !w[i].trainable || w[i].count < 2 ||
		    (l->options.matrices && w[i].rank < 2))
			continue;
		*t = (struct lockable){ .weight = i,
			.tensor = (uint32_t)(from - m->tensor),
			.name = w[i].name,
			.v = w[i].data,
			.plain = protect_kept(l->plain, i),
			.count = w[i].count };
		if (!describe(c, &l->options, t))
			return false;
		if (!(t->step > 0))
			continue;
		l->weights += t->count;
		l->tensors++;
	}
	if (l->tensors == 0)
		return fail(c, E_INPUT,
		    "the model has nothing to lock: no convolution, dense layer or norm whose "
		    "weights lie in the file as float32 raw data and differ from each other");
	return true;
}

float
lock_move(const struct lockable *t, float from, float gradient)
{
	float to;

	if (gradient > 0 && from < t->high) {
		to = from + t->step;
		return to < t->high ? to : t->high;
	}
	if (gradient < 0 && from > t->low) {
		to = from - t->step;
		return to > t->low ? to : t->low;
	}
	return from;
}
