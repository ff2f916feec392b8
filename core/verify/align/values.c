/*
 * Values of a model by their names, and those among them that are constant: exporters keep weights
 * as initializers, as nodes that hold them, turned, in fewer bits or quantised with their scales.
 */
#include "reading.h"

struct value *
value_named(struct reading *r, struct str name)
{
	uint64_t h = r->salt;

	for (size_t i = 0; i < name.n; i++) {
		h = (h ^ (uint8_t)name.p[i]) * UINT64_C(0x9e3779b97f4a7c15);
		h ^= h >> 32;
	}
	for (size_t at = h & (r->slots - 1);; at = (at + 1) & (r->slots - 1)) {
		struct value *v = &r->value[at];

		if (v->name.p == NULL) {
			*v = (struct value){ .name = name, .layer = -1 };
			return v;
		}
		if (str_same(v->name, name))
			return v;
	}
}

const struct onnx_tensor *
tensor_in(struct reading *r, const struct onnx_node *n, size_t i)
{
	return i < n->inputs && n->input[i].n > 0 ? value_named(r, n->input[i])->tensor : NULL;
}

bool
values_begin(struct ctx *c, const struct onnx_model *m, struct reading *r)
{
	size_t values = m->tensors + m->inputs + m->outputs + 16;

	for (size_t i = 0; i < m->nodes; i++)
		values += m->node[i].inputs + m->node[i].outputs;
	*r = (struct reading){ .l.model = m, .slots = 64 };
	while (r->slots < 2 * values)
		r->slots *= 2;
	c->random(&r->salt, sizeof r->salt);
	r->value = take(c, r->slots * sizeof *r->value);
	if (r->value == NULL)
		return false;
	for (size_t i = 0; i < m->tensors; i++)
		value_named(r, m->tensor[i].name)->tensor = &m->tensor[i];
	for (size_t i = 0; i < m->nodes; i++)
		for (size_t k = 0; k < m->node[i].outputs; k++)
			value_named(r, m->node[i].output[k])->maker = &m->node[i];
	return true;
}

/* ---- Constants that follow from others --------------------------------------------------- */

/* A constant of the shape of another; its numbers are to be filled in. */
MUST static bool
tensor_new(
    struct ctx *c, const struct onnx_tensor *like, struct onnx_tensor **ret, float **ret_f)
{
	struct onnx_tensor *t = take(c, sizeof *t);
	float *f = take(c, (size_t)like->count * sizeof *f + 1);

	if (t == NULL || f == NULL)
		return false;
	*t = (struct onnx_tensor){
		.name = like->name, .type = ONNX_FLOAT, .rank = like->rank, .count = like->count
	};
	memcpy(t->dim, like->dim, sizeof t->dim);
	t->raw = (struct str){ (const char *)f, (size_t)like->count * sizeof *f };
	*ret = t;
	*ret_f = f;
	return true;
}

/* The dimensions in another order, the last ones first if none is given. */
MUST static bool
turned(struct ctx *c, const struct onnx_node *n, const struct onnx_tensor *t,
    const struct onnx_tensor **ret)
{
	int64_t step[ONNX_RANK_MAX], at[ONNX_RANK_MAX] = { 0 }, from = 0;
	const int64_t *perm;
	struct onnx_tensor *to;
	float *f, *was = take(c, (size_t)t->count * sizeof *was + 1);
	size_t given;

	if (was == NULL || !onnx_attr_ints(c, n, "perm", &perm, &given) ||
	    !onnx_tensor_floats(c, t, was) || !tensor_new(c, t, &to, &f))
		return false;
	if (given != 0 && given != (size_t)t->rank)
		return true;
	for (int i = 0; i < t->rank; i++) {
		int64_t k = given != 0 ? perm[i] : t->rank - 1 - i;

		if (k < 0 || k >= t->rank)
			return true;
		to->dim[i] = t->dim[k];
		step[i] = 1;
		for (int64_t j = k + 1; j < t->rank; j++)
			step[i] *= t->dim[j];
	}
	for (int64_t i = 0; i < t->count; i++) {
		f[i] = from < t->count ? was[from] : 0;
		for (int d = t->rank - 1; d >= 0; d--) {
			from += step[d];
			if (++at[d] < to->dim[d])
				break;
			from -= step[d] * to->dim[d];
			at[d] = 0;
		}
	}
	*ret = to;
	return true;
}

/* One number, or one for each along an axis. */
MUST static bool
spread_of(struct ctx *c, const struct onnx_tensor *t, int64_t n, float otherwise, float **ret)
{
	float *v = take(c, (size_t)n * sizeof *v + 1);

	if (v == NULL)
		return false;
	for (int64_t i = 0; i < n; i++)
		v[i] = otherwise;
	*ret = v;
	if (t == NULL || (t->count != 1 && t->count != n))
		return true;
	if (!onnx_tensor_floats(c, t, v))
		return false;
	for (int64_t i = 1; i < n && t->count == 1; i++)
		v[i] = v[0];
	return true;
}

/* Quantised numbers as what they stand for. */
MUST static bool
dequantised(struct ctx *c, struct reading *r, const struct onnx_node *n,
    const struct onnx_tensor *t, const struct onnx_tensor **ret)
{
	int64_t axis, along = 1, inner = 1;
	struct onnx_tensor *to;
	float *f, *scale, *zero;

	if (!onnx_attr_int(c, n, "axis", 1, &axis))
		return false;
	axis += axis < 0 ? t->rank : 0;
	for (int i = 0; i < t->rank; i++) {
		along = i == axis ? t->dim[i] : along;
		inner *= i > axis ? t->dim[i] : 1;
	}
	if (tensor_in(r, n, 1) == NULL || axis < 0)
		return true;
	if (!tensor_new(c, t, &to, &f) || !onnx_tensor_floats(c, t, f) ||
	    !spread_of(c, tensor_in(r, n, 1), along, 1, &scale) ||
	    !spread_of(c, tensor_in(r, n, 2), along, 0, &zero))
		return false;
	for (int64_t i = 0; i < t->count; i++)
		f[i] = (f[i] - zero[i / inner % along]) * scale[i / inner % along];
	*ret = to;
	return true;
}

/* The same numbers under other dimensions. */
MUST static bool
reshaped(struct ctx *c, const struct onnx_tensor *t, const struct onnx_tensor *shape,
    const struct onnx_tensor **ret)
{
	struct onnx_tensor *to = take(c, sizeof *to);
	int64_t dim[ONNX_RANK_MAX], product = 1;
	int open = -1;

	if (shape == NULL || shape->count > ONNX_RANK_MAX || shape->type != ONNX_INT64)
		return true;
	if (to == NULL || !onnx_tensor_ints(c, shape, dim))
		return false;
	*to = *t;
	to->rank = (int)shape->count;
	for (int i = 0; i < to->rank; i++) {
		to->dim[i] = i < t->rank && dim[i] == 0 ? t->dim[i] : dim[i];
		if (dim[i] == -1)
			open = i;
		else if (to->dim[i] < 1 || to->dim[i] > t->count)
			return true;
		else if (product <= t->count)
			product *= to->dim[i];
	}
	if (open >= 0 && product <= t->count) {
		to->dim[open] = t->count / product;
		product *= to->dim[open];
	}
	if (product == t->count)
		*ret = to;
	return true;
}

bool
constant_make(struct ctx *c, struct reading *r, const struct onnx_node *n)
{
	const struct onnx_tensor *t = tensor_in(r, n, 0), *made = NULL;
	const struct onnx_attr *a = onnx_attr_by_name(n, "value");
	bool ok = true;

	if (n->outputs == 0)
		return true;
	if (str_same(n->op, STR("Constant")))
		made = a != NULL && a->tensor != NULL ? a->tensor : NULL;
	else if (t == NULL || t->count == 0)
		return true;
	else if (str_same(n->op, STR("Identity")) || str_same(n->op, STR("Cast")))
		made = t;
	else if (str_same(n->op, STR("Transpose")))
		ok = turned(c, n, t, &made);
	else if (str_same(n->op, STR("Reshape")))
		ok = reshaped(c, t, tensor_in(r, n, 1), &made);
	else if (str_same(n->op, STR("DequantizeLinear")))
		ok = dequantised(c, r, n, t, &made);
	if (ok && made != NULL)
		value_named(r, n->output[0])->tensor = made;
	return ok;
}
