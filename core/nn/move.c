/*
 * Operators that move elements: Transpose, Expand, Tile, Slice, Concat, Split, DepthToSpace,
 * SpaceToDepth. Each is a copy between two views; its gradient is the sum the other way.
 */
#include "attrs.h"
#include "families.h"

/* ---- Transpose --------------------------------------------------------------------------- */

static void
permutation(const struct nn_call *k, int64_t perm[NN_RANK_MAX])
{
	const struct ints_attr *attr = k->attr;
	int rank = k->in[0]->rank;

	for (int d = 0; d < rank; d++)
		perm[d] = attr->given ? attr->v[d] : rank - 1 - d;
}

bool
transpose_shape(struct ctx *c, struct nn_call *k)
{
	const struct ints_attr *attr = k->attr;
	int64_t perm[NN_RANK_MAX];
	uint32_t seen = 0;

	if (attr->given && attr->n != (size_t)k->in[0]->rank)
		return fail(c, E_INPUT, "perm has %zu numbers", attr->n);
	permutation(k, perm);
	shape_like(k->out[0], k->in[0]);
	for (int d = 0; d < k->in[0]->rank; d++) {
		if (perm[d] < 0 || perm[d] >= k->in[0]->rank || (seen >> perm[d] & 1) != 0)
			return fail(c, E_INPUT, "perm is no permutation");
		seen |= 1u << perm[d];
		k->out[0]->dim[d] = k->in[0]->dim[perm[d]];
	}
	return true;
}

void
transpose_forward(struct nn_call *k)
{
	int64_t perm[NN_RANK_MAX];
	struct nn_tensor view;

	permutation(k, perm);
	view = tensor_permuted(k->in[0], perm);
	tensor_copy(k->out[0], &view);
}

void
transpose_backward(struct nn_call *k)
{
	int64_t perm[NN_RANK_MAX];
	struct nn_tensor view;

	permutation(k, perm);
	view = tensor_permuted(k->din[0], perm);
	tensor_add(&view, k->dout[0]);
}

/* ---- Expand ------------------------------------------------------------------------------ */

bool
expand_shape(struct ctx *c, struct nn_call *k)
{
	struct nn_tensor wanted = { 0 };
	int64_t dim[NN_RANK_MAX];
	size_t n;

	if (!shape_ints(c, k, 1, NN_RANK_MAX, dim, &n))
		return false;
	for (size_t i = 0; i < n; i++) {
		if (dim[i] < 0)
			return fail(c, E_INPUT, "a shape with %lld", (long long)dim[i]);
		shape_push(&wanted, dim[i]);
	}
	k->out[0]->type = k->in[0]->type;
	return shape_broadcast(c, k->in[0], &wanted, k->out[0]);
}

void
expand_forward(struct nn_call *k)
{
	tensor_copy(k->out[0], k->in[0]);
}

void
expand_backward(struct nn_call *k)
{
	if (k->din[0] != NULL)
		tensor_add(k->din[0], k->dout[0]);
}

/* ---- Tile -------------------------------------------------------------------------------- */

bool
tile_shape(struct ctx *c, struct nn_call *k)
{
	int64_t times[NN_RANK_MAX];
	size_t n;

	if (!shape_ints(c, k, 1, NN_RANK_MAX, times, &n))
		return false;
	if (n != (size_t)k->in[0]->rank)
		return fail(
		    c, E_INPUT, "%zu repeats for a tensor of rank %d", n, k->in[0]->rank);
	shape_like(k->out[0], k->in[0]);
	for (size_t d = 0; d < n; d++) {
		if (times[d] < 0 ||
		    __builtin_mul_overflow(k->out[0]->dim[d], times[d], &k->out[0]->dim[d]))
			return fail(c, E_INPUT, "%lld repeats", (long long)times[d]);
	}
	return true;
}

/* Calls copy or add for each tile of `large`. */
static void
tiles(const struct nn_tensor *large, const struct nn_tensor *small, bool add)
{
	int64_t index[NN_RANK_MAX] = { 0 }, n = nn_count(small);
	int64_t count = n > 0 ? nn_count(large) / n : 0;

	for (int64_t i = 0; i < count; i++) {
		struct nn_tensor tile = *large;

		for (int d = 0; d < large->rank; d++)
			tile = tensor_cut(&tile, d, index[d] * small->dim[d], 1, small->dim[d]);
		if (add)
			tensor_add(small, &tile);
		else
			tensor_copy(&tile, small);
		for (int d = large->rank - 1; d >= 0; d--) {
			if (++index[d] < large->dim[d] / small->dim[d])
				break;
			index[d] = 0;
		}
	}
}

void
tile_forward(struct nn_call *k)
{
	tiles(k->out[0], k->in[0], false);
}

void
tile_backward(struct nn_call *k)
{
	if (k->din[0] != NULL)
		tiles(k->dout[0], k->din[0], true);
}

/* ---- Concat ------------------------------------------------------------------------------ */

static int
axis_attr_of(const struct nn_call *k)
{
	const struct axis_attr *attr = k->attr;

	return (int)(attr->axis < 0 ? attr->axis + k->in[0]->rank : attr->axis);
}

bool
concat_shape(struct ctx *c, struct nn_call *k)
{
	const struct axis_attr *attr = k->attr;
	int axis;

	if (!shape_axis(c, attr->axis, k->in[0]->rank, &axis))
		return false;
	shape_like(k->out[0], k->in[0]);
	for (int i = 1; i < k->ins; i++) {
		struct nn_tensor same = *k->in[i];

		if (same.rank == k->in[0]->rank)
			same.dim[axis] = k->in[0]->dim[axis];
		if (same.type != k->in[0]->type || !shape_equal(&same, k->in[0]))
			return fail(c, E_INPUT, "input %d does not fit the first one", i);
		k->out[0]->dim[axis] += k->in[i]->dim[axis];
		if (k->out[0]->dim[axis] > COUNT_MAX)
			return fail(c, E_LIMIT, "the result is too large");
	}
	return true;
}

void
concat_forward(struct nn_call *k)
{
	int axis = axis_attr_of(k);
	int64_t at = 0;

	for (int i = 0; i < k->ins; i++) {
		int64_t n = k->in[i]->dim[axis];
		const struct nn_tensor part = tensor_cut(k->out[0], axis, at, 1, n);

		tensor_copy(&part, k->in[i]);
		at += n;
	}
}

void
concat_backward(struct nn_call *k)
{
	int axis = axis_attr_of(k);
	int64_t at = 0;

	for (int i = 0; i < k->ins; i++) {
		int64_t n = k->in[i]->dim[axis];
		const struct nn_tensor part = tensor_cut(k->dout[0], axis, at, 1, n);

		if (k->din[i] != NULL)
			tensor_add(k->din[i], &part);
		at += n;
	}
}

/* ---- Split ------------------------------------------------------------------------------- */

/* Sizes come from the second input, or the axis is cut into equal parts, the last one smaller. */
static bool
part_size(struct ctx *c, const struct nn_call *k, int axis, int part, int64_t *ret)
{
	int64_t whole = k->in[0]->dim[axis], each = (whole + k->outs - 1) / k->outs;

	if (k->ins < 2 || k->in[1] == NULL) {
		int64_t left = whole - each * part;

		*ret = left < 0 ? 0 : left < each ? left : each;
		return true;
	}
	if (is_real(k->in[1]) || k->in[1]->rank != 1 || k->in[1]->dim[0] != k->outs)
		return fail(c, E_INPUT, "the sizes do not fit %d outputs", k->outs);
	if (k->in[1]->data == NULL)
		return fail_unknown(c, 1);
	*ret = wholes(k->in[1])[part * k->in[1]->stride[0]];
	return true;
}

bool
split_shape(struct ctx *c, struct nn_call *k)
{
	const struct axis_attr *attr = k->attr;
	int64_t size, sum = 0;
	int axis;

	if (!shape_axis(c, attr->axis, k->in[0]->rank, &axis))
		return false;
	for (int i = 0; i < k->outs; i++) {
		if (!part_size(c, k, axis, i, &size))
			return false;
		if (size < 0 || size > COUNT_MAX)
			return fail(c, E_INPUT, "a part of %lld", (long long)size);
		sum += size;
		if (k->out[i] == NULL)
			continue;
		shape_like(k->out[i], k->in[0]);
		k->out[i]->dim[axis] = size;
	}
	if (sum != k->in[0]->dim[axis])
		return fail(c, E_INPUT, "the parts are %lld of %lld", (long long)sum,
		    (long long)k->in[0]->dim[axis]);
	return true;
}

static void
split(struct nn_call *k, bool back)
{
	int axis = axis_attr_of(k);
	struct ctx c = { 0 };
	int64_t at = 0, n = 0;

	for (int i = 0; i < k->outs; i++, at += n) {
		const struct nn_tensor *one = back ? k->dout[i] : k->out[i];
		struct nn_tensor part;

		if (!part_size(&c, k, axis, i, &n) || one == NULL)
			continue;
		part = tensor_cut(back ? k->din[0] : k->in[0], axis, at, 1, n);
		if (back)
			tensor_add(&part, one);
		else
			tensor_copy(one, &part);
	}
}

void
split_forward(struct nn_call *k)
{
	split(k, false);
}

void
split_backward(struct nn_call *k)
{
	split(k, true);
}
