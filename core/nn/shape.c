/*
 * The small questions of the shape functions: axes, broadcasting, constants that say shapes.
 */
#include "kernel.h"

void
shape_like(struct nn_tensor *to, const struct nn_tensor *from)
{
	to->type = from->type;
	to->rank = from->rank;
	memcpy(to->dim, from->dim, sizeof to->dim);
}

void
shape_push(struct nn_tensor *to, int64_t dim)
{
	to->dim[to->rank++] = dim;
}

bool
shape_axis(struct ctx *c, int64_t axis, int rank, int *ret)
{
	if (axis < -rank || axis >= rank)
		return fail(
		    c, E_INPUT, "axis %lld of a tensor of rank %d", (long long)axis, rank);
	*ret = (int)(axis < 0 ? axis + rank : axis);
	return true;
}

static int64_t
dim_from_right(const struct nn_tensor *t, int rank, int d)
{
	int own = d - (rank - t->rank);

	return own < 0 ? 1 : t->dim[own];
}

bool
shape_broadcast(
    struct ctx *c, const struct nn_tensor *a, const struct nn_tensor *b, struct nn_tensor *ret)
{
	struct nn_tensor both = { .rank = a->rank > b->rank ? a->rank : b->rank };

	for (int d = 0; d < both.rank; d++) {
		int64_t m = dim_from_right(a, both.rank, d);
		int64_t n = dim_from_right(b, both.rank, d);

		if (m != n && m != 1 && n != 1)
			return fail(c, E_INPUT, "dimensions of %lld and %lld do not broadcast",
			    (long long)m, (long long)n);
		both.dim[d] = m == 1 ? n : m;
	}
	ret->rank = both.rank;
	memcpy(ret->dim, both.dim, sizeof ret->dim);
	return true;
}

bool
shape_fits(const struct nn_tensor *t, const struct nn_tensor *to)
{
	if (t->rank > to->rank)
		return false;
	for (int d = 0; d < to->rank; d++) {
		int64_t own = dim_from_right(t, to->rank, d);

		if (own != 1 && own != to->dim[d])
			return false;
	}
	return true;
}

bool
shape_equal(const struct nn_tensor *a, const struct nn_tensor *b)
{
	bool ok = a->rank == b->rank;

	for (int d = 0; ok && d < a->rank; d++)
		ok = a->dim[d] == b->dim[d];
	return ok;
}

bool
fail_unknown(struct ctx *c, int input)
{
	return fail(c, E_ABSENT, "input %d is not known before the model runs", input);
}

bool
shape_ints(
    struct ctx *c, const struct nn_call *k, int input, size_t max, int64_t ret[], size_t *ret_n)
{
	const struct nn_tensor *t = input < k->ins ? k->in[input] : NULL;

	if (t == NULL)
		return fail(c, E_INPUT, "input %d is missing", input);
	if (is_real(t) || t->rank > 1)
		return fail(c, E_INPUT, "input %d has to be a list of whole numbers", input);
	if (t->data == NULL)
		return fail_unknown(c, input);
	if ((uint64_t)nn_count(t) > max)
		return fail(c, E_INPUT, "input %d has more than %zu numbers", input, max);
	*ret_n = (size_t)nn_count(t);
	for (size_t i = 0; i < *ret_n; i++)
		ret[i] = wholes(t)[t->rank == 0 ? 0 : (int64_t)i * t->stride[0]];
	return true;
}

bool
shape_same(struct ctx *c, struct nn_call *k)
{
	(void)c;
	shape_like(k->out[0], k->in[0]);
	return true;
}

bool
nn_mask(uint32_t mask, int i)
{
	int last;

	if (mask == 0)
		return false;
	if (i < 31 && (mask >> i & 1) != 0)
		return true;
	if ((mask & NN_ALL) == 0)
		return false;
	last = (mask & ~NN_ALL) == 0 ? -1 : 31 - __builtin_clz(mask & ~NN_ALL);
	return i > last;
}

void
relevance_pass(struct nn_call *k)
{
	if (k->dout[0] != NULL && k->din[0] != NULL)
		tensor_add(k->din[0], k->dout[0]);
}
