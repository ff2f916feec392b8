/*
 * Operators whose result is known once shapes are: Shape, Size, ConstantOfShape, Range. They are
 * computed while a plan is made.
 */
#include <math.h>

#include "attrs.h"
#include "families.h"

static int64_t
clamp(int64_t x, int64_t rank)
{
	x = x < 0 ? x + rank : x;
	return x < 0 ? 0 : x > rank ? rank : x;
}

/* The attribute holds start and end. */
bool
shape_shape(struct ctx *c, struct nn_call *k)
{
	const struct ints_attr *attr = k->attr;
	int64_t rank = k->in[0]->rank, from = clamp(attr->v[0], rank);
	int64_t to = clamp(attr->v[1], rank);

	(void)c;
	*k->out[0] = (struct nn_tensor){ .type = NN_INT64 };
	shape_push(k->out[0], to > from ? to - from : 0);
	return true;
}

void
shape_forward(struct nn_call *k)
{
	const struct ints_attr *attr = k->attr;
	int64_t from = clamp(attr->v[0], k->in[0]->rank);

	for (int64_t i = 0; i < k->out[0]->dim[0]; i++)
		wholes(k->out[0])[i * k->out[0]->stride[0]] = k->in[0]->dim[from + i];
}

bool
size_shape(struct ctx *c, struct nn_call *k)
{
	(void)c;
	*k->out[0] = (struct nn_tensor){ .type = NN_INT64 };
	return true;
}

void
size_forward(struct nn_call *k)
{
	wholes(k->out[0])[0] = nn_count(k->in[0]);
}

/* The attribute is a tensor of one element. */
bool
constant_of_shape_shape(struct ctx *c, struct nn_call *k)
{
	const struct nn_tensor *value = k->attr;
	int64_t dim[NN_RANK_MAX];
	size_t n;

	if (!shape_ints(c, k, 0, NN_RANK_MAX, dim, &n))
		return false;
	*k->out[0] = (struct nn_tensor){ .type = value->type };
	for (size_t i = 0; i < n; i++) {
		if (dim[i] < 0)
			return fail(c, E_INPUT, "a shape with %lld", (long long)dim[i]);
		shape_push(k->out[0], dim[i]);
	}
	return true;
}

void
constant_of_shape_forward(struct nn_call *k)
{
	tensor_copy(k->out[0], k->attr);
}

bool
range_shape(struct ctx *c, struct nn_call *k)
{
	double v[3], n;

	for (int i = 0; i < 3; i++) {
		if (k->in[i]->type != k->in[0]->type || nn_count(k->in[i]) != 1)
			return fail(c, E_INPUT, "three single numbers of one type are needed");
		if (k->in[i]->data == NULL)
			return fail_unknown(c, i);
		v[i] = tensor_read(k->in[i], 0);
	}
	n = ceil((v[1] - v[0]) / v[2]);
	if (v[2] == 0 || n != n || n > (double)COUNT_MAX)
		return fail(c, E_INPUT, "a range from %g to %g by %g", v[0], v[1], v[2]);
	*k->out[0] = (struct nn_tensor){ .type = k->in[0]->type };
	shape_push(k->out[0], n > 0 ? (int64_t)n : 0);
	return true;
}

void
range_forward(struct nn_call *k)
{
	double from = tensor_read(k->in[0], 0), by = tensor_read(k->in[2], 0);

	for (int64_t i = 0; i < k->out[0]->dim[0]; i++)
		tensor_write(k->out[0], i * k->out[0]->stride[0], from + (double)i * by);
}
