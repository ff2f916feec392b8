/*
 * Gather (slices of the input by their number), GatherElements (single elements), DepthToSpace and
 * SpaceToDepth.
 */
#include "attrs.h"
#include "families.h"

static int
axis_of(const struct nn_call *k)
{
	const struct axis_attr *attr = k->attr;

	return (int)(attr->axis < 0 ? attr->axis + k->in[0]->rank : attr->axis);
}

/* An index counted from the end if negative; false and k->bad beyond the axis. */
static bool
place_of(struct nn_call *k, int64_t index, int64_t dim, int64_t *ret)
{
	if (index < -dim || index >= dim) {
		k->bad = "an index is out of range";
		return false;
	}
	*ret = index < 0 ? index + dim : index;
	return true;
}

/* ---- Gather ------------------------------------------------------------------------------ */

bool
gather_shape(struct ctx *c, struct nn_call *k)
{
	const struct axis_attr *attr = k->attr;
	const struct nn_tensor *in = k->in[0], *index = k->in[1];
	int axis;

	if (!shape_axis(c, attr->axis, in->rank, &axis))
		return false;
	if (is_real(index))
		return fail(c, E_INPUT, "the indices have to be whole numbers");
	if (in->rank - 1 + index->rank > NN_RANK_MAX)
		return fail(c, E_INPUT, "more than %d dimensions", NN_RANK_MAX);
	k->out[0]->type = in->type;
	k->out[0]->rank = 0;
	for (int d = 0; d < axis; d++)
		shape_push(k->out[0], in->dim[d]);
	for (int d = 0; d < index->rank; d++)
		shape_push(k->out[0], index->dim[d]);
	for (int d = axis + 1; d < in->rank; d++)
		shape_push(k->out[0], in->dim[d]);
	return true;
}

/* The part of `out` that the nth index fills. */
static struct nn_tensor
gathered(const struct nn_call *k, const struct nn_tensor *out, int axis, int64_t nth)
{
	const struct nn_tensor *index = k->in[1];
	struct nn_tensor view = *out;

	for (int d = index->rank - 1; d >= 0; d--) {
		view = tensor_at(&view, axis + d, nth % index->dim[d]);
		nth /= index->dim[d];
	}
	return view;
}

static void
gather(struct nn_call *k, const struct nn_tensor *in, const struct nn_tensor *out, bool back)
{
	int64_t n = nn_count(out) > 0 ? nn_count(k->in[1]) : 0, place;
	int axis = axis_of(k);

	for (int64_t i = 0; i < n; i++) {
		int64_t index = wholes(k->in[1])[tensor_nth(k->in[1], i)];
		struct nn_tensor part, from;

		if (!place_of(k, index, in->dim[axis], &place))
			return;
		part = gathered(k, out, axis, i);
		from = tensor_at(in, axis, place);
		if (back)
			tensor_add(&from, &part);
		else
			tensor_copy(&part, &from);
	}
}

void
gather_forward(struct nn_call *k)
{
	gather(k, k->in[0], k->out[0], false);
}

void
gather_backward(struct nn_call *k)
{
	if (k->din[0] != NULL)
		gather(k, k->din[0], k->dout[0], true);
}

/* ---- GatherElements ---------------------------------------------------------------------- */

bool
gather_elements_shape(struct ctx *c, struct nn_call *k)
{
	const struct axis_attr *attr = k->attr;
	const struct nn_tensor *in = k->in[0], *index = k->in[1];
	int axis;

	if (!shape_axis(c, attr->axis, in->rank, &axis))
		return false;
	if (is_real(index) || index->rank != in->rank)
		return fail(c, E_INPUT, "the indices do not fit");
	for (int d = 0; d < in->rank; d++)
		if (d != axis && index->dim[d] > in->dim[d])
			return fail(c, E_INPUT, "the indices do not fit");
	shape_like(k->out[0], index);
	k->out[0]->type = in->type;
	return true;
}

/* Where in `in` the nth element of the output comes from. */
static bool
element_of(struct nn_call *k, const struct nn_tensor *in, int axis, int64_t nth, int64_t *ret)
{
	const struct nn_tensor *index = k->in[1];
	int64_t at = 0, left = nth, place;

	if (!place_of(k, wholes(index)[tensor_nth(index, nth)], in->dim[axis], &place))
		return false;
	for (int d = index->rank - 1; d >= 0; d--) {
		at += (d == axis ? place : left % index->dim[d]) * in->stride[d];
		left /= index->dim[d];
	}
	*ret = at;
	return true;
}

static void
elements(struct nn_call *k, const struct nn_tensor *in, const struct nn_tensor *out, bool back)
{
	int64_t n = nn_count(out), from;
	int axis = axis_of(k);

	for (int64_t i = 0; i < n; i++) {
		int64_t to = tensor_nth(out, i);

		if (!element_of(k, in, axis, i, &from))
			return;
		if (back)
			reals(in)[from] += reals(out)[to];
		else if (is_real(in))
			reals(out)[to] = reals(in)[from];
		else
			wholes(out)[to] = wholes(in)[from];
	}
}

void
gather_elements_forward(struct nn_call *k)
{
	elements(k, k->in[0], k->out[0], false);
}

void
gather_elements_backward(struct nn_call *k)
{
	if (k->din[0] != NULL)
		elements(k, k->din[0], k->dout[0], true);
}

/* ---- DepthToSpace, SpaceToDepth ---------------------------------------------------------- */

/* Six dimensions: batch, then block rows, block columns, channels, rows, columns in that order. */
static struct nn_tensor
deep_view(const struct nn_tensor *t, int64_t b, bool crd)
{
	int64_t channels = t->dim[1] / (b * b), by = t->stride[1];
	struct nn_tensor v = { .type = t->type, .rank = 6, .data = t->data };
	const int64_t dim[] = { t->dim[0], b, b, channels, t->dim[2], t->dim[3] };
	const int64_t dcr_stride[] = { t->stride[0], b * channels * by, channels * by, by,
		t->stride[2], t->stride[3] };
	const int64_t crd_stride[] = { t->stride[0], b * by, by, b * b * by, t->stride[2],
		t->stride[3] };

	memcpy(v.dim, dim, sizeof dim);
	memcpy(v.stride, crd ? crd_stride : dcr_stride, sizeof dcr_stride);
	return v;
}

static struct nn_tensor
wide_view(const struct nn_tensor *t, int64_t b)
{
	struct nn_tensor v = { .type = t->type, .rank = 6, .data = t->data };
	const int64_t dim[] = { t->dim[0], b, b, t->dim[1], t->dim[2] / b, t->dim[3] / b };
	const int64_t stride[] = { t->stride[0], t->stride[2], t->stride[3], t->stride[1],
		b * t->stride[2], b * t->stride[3] };

	memcpy(v.dim, dim, sizeof dim);
	memcpy(v.stride, stride, sizeof stride);
	return v;
}

bool
depth_to_space_shape(struct ctx *c, struct nn_call *k)
{
	const struct blocks_attr *attr = k->attr;
	int64_t b = attr->size;

	if (k->in[0]->rank != 4 || k->in[0]->dim[1] % (b * b) != 0)
		return fail(c, E_INPUT, "the input does not fit blocks of %lld", (long long)b);
	shape_like(k->out[0], k->in[0]);
	k->out[0]->dim[1] /= b * b;
	k->out[0]->dim[2] *= b;
	k->out[0]->dim[3] *= b;
	return true;
}

bool
space_to_depth_shape(struct ctx *c, struct nn_call *k)
{
	const struct blocks_attr *attr = k->attr;
	int64_t b = attr->size;

	if (k->in[0]->rank != 4 || k->in[0]->dim[2] % b != 0 || k->in[0]->dim[3] % b != 0)
		return fail(c, E_INPUT, "the input does not fit blocks of %lld", (long long)b);
	shape_like(k->out[0], k->in[0]);
	k->out[0]->dim[1] *= b * b;
	k->out[0]->dim[2] /= b;
	k->out[0]->dim[3] /= b;
	return true;
}

void
depth_to_space_forward(struct nn_call *k)
{
	const struct blocks_attr *attr = k->attr;
	const struct nn_tensor deep = deep_view(k->in[0], attr->size, attr->crd);
	const struct nn_tensor wide = wide_view(k->out[0], attr->size);

	tensor_copy(&wide, &deep);
}

void
depth_to_space_backward(struct nn_call *k)
{
	const struct blocks_attr *attr = k->attr;
	const struct nn_tensor deep = deep_view(k->din[0], attr->size, attr->crd);
	const struct nn_tensor wide = wide_view(k->dout[0], attr->size);

	tensor_add(&deep, &wide);
}

void
space_to_depth_forward(struct nn_call *k)
{
	const struct blocks_attr *attr = k->attr;
	const struct nn_tensor deep = deep_view(k->out[0], attr->size, false);
	const struct nn_tensor wide = wide_view(k->in[0], attr->size);

	tensor_copy(&deep, &wide);
}

void
space_to_depth_backward(struct nn_call *k)
{
	const struct blocks_attr *attr = k->attr;
	const struct nn_tensor deep = deep_view(k->dout[0], attr->size, false);
	const struct nn_tensor wide = wide_view(k->din[0], attr->size);

	tensor_add(&wide, &deep);
}
