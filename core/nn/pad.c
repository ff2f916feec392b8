/*
 * Pad: the input within a frame of a constant, of its mirror image, its border, or itself again;
 * a negative pad cuts away.
 */
#include "attrs.h"
#include "families.h"

static bool
frame_of(struct ctx *c, const struct nn_call *k, int64_t begin[], int64_t end[])
{
	int64_t pads[2 * NN_RANK_MAX], axes[NN_RANK_MAX];
	size_t n, named = 0;
	int rank = k->in[0]->rank, axis;

	if (!shape_ints(c, k, 1, COUNT(pads), pads, &n))
		return false;
	if (k->ins > 3 && k->in[3] != NULL && !shape_ints(c, k, 3, NN_RANK_MAX, axes, &named))
		return false;
	if (named == 0)
		for (named = 0; named < (size_t)rank; named++)
			axes[named] = (int64_t)named;
	if (n != 2 * named)
		return fail(c, E_INPUT, "%zu pads for a tensor of rank %d", n, rank);
	memset(begin, 0, sizeof *begin * NN_RANK_MAX);
	memset(end, 0, sizeof *end * NN_RANK_MAX);
	for (size_t i = 0; i < named; i++) {
		if (!shape_axis(c, axes[i], rank, &axis))
			return false;
		if (pads[i] < -COUNT_MAX || pads[i] > COUNT_MAX ||
		    pads[i + named] < -COUNT_MAX || pads[i + named] > COUNT_MAX)
			return fail(c, E_INPUT, "a pad is too large");
		begin[axis] = pads[i];
		end[axis] = pads[i + named];
	}
	return true;
}

bool
pad_shape(struct ctx *c, struct nn_call *k)
{
	const struct axis_attr *attr = k->attr; /* axis: the mode */
	int64_t begin[NN_RANK_MAX], end[NN_RANK_MAX];

	if (!frame_of(c, k, begin, end))
		return false;
	if (k->ins > 2 && k->in[2] != NULL &&
	    (nn_count(k->in[2]) != 1 || k->in[2]->type != k->in[0]->type))
		return fail(c, E_INPUT, "the constant does not fit the input");
	shape_like(k->out[0], k->in[0]);
	for (int d = 0; d < k->in[0]->rank; d++) {
		int64_t dim = k->in[0]->dim[d], sum = dim + begin[d] + end[d];
		bool empty = sum < 0 || (dim == 0 && attr->axis != PAD_CONSTANT && sum > 0);
		bool far = attr->axis == PAD_REFLECT && (begin[d] >= dim || end[d] >= dim) &&
		    (begin[d] > 0 || end[d] > 0);

		if (empty || far)
			return fail(c, E_INPUT, "pads of %lld and %lld to a dimension of %lld",
			    (long long)begin[d], (long long)end[d], (long long)dim);
		k->out[0]->dim[d] = sum;
	}
	return true;
}

/* Where place i of a padded dimension comes from; -1: from nowhere. */
static int64_t
source(enum pad_mode mode, int64_t i, int64_t dim)
{
	if (i >= 0 && i < dim)
		return i;
	switch (mode) {
	case PAD_CONSTANT:
		return -1;
	case PAD_EDGE:
		return i < 0 ? 0 : dim - 1;
	case PAD_REFLECT:
		return i < 0 ? -i : 2 * (dim - 1) - i;
	case PAD_WRAP:
		return (i % dim + dim) % dim;
	}
	abort();
}

/* Where the nth element of the padded tensor comes from, by the strides of `in`; -1: nowhere. */
static int64_t
source_of(const struct nn_call *k, const struct nn_tensor *in, const struct nn_tensor *out,
    const int64_t begin[], int64_t nth)
{
	const struct axis_attr *attr = k->attr;
	int64_t at = 0;

	for (int d = out->rank - 1; d >= 0; d--) {
		int64_t i = nth % out->dim[d] - begin[d];

		i = source((enum pad_mode)attr->axis, i, in->dim[d]);
		if (i < 0)
			return -1;
		at += i * in->stride[d];
		nth /= out->dim[d];
	}
	return at;
}

static bool
framed(const struct nn_call *k, int64_t begin[])
{
	int64_t end[NN_RANK_MAX];
	struct ctx c = { 0 };

	return frame_of(&c, k, begin, end);
}

void
pad_forward(struct nn_call *k)
{
	double constant = k->ins > 2 && k->in[2] != NULL ? tensor_read(k->in[2], 0) : 0;
	int64_t begin[NN_RANK_MAX], n = nn_count(k->out[0]);

	if (!framed(k, begin))
		return;
	for (int64_t i = 0; i < n; i++) {
		int64_t to = tensor_nth(k->out[0], i);
		int64_t from = source_of(k, k->in[0], k->out[0], begin, i);

		if (from < 0)
			tensor_write(k->out[0], to, constant);
		else if (is_real(k->in[0]))
			reals(k->out[0])[to] = reals(k->in[0])[from];
		else
			wholes(k->out[0])[to] = wholes(k->in[0])[from];
	}
}

void
pad_backward(struct nn_call *k)
{
	int64_t begin[NN_RANK_MAX], n = nn_count(k->dout[0]);

	if (k->din[0] == NULL || !framed(k, begin))
		return;
	for (int64_t i = 0; i < n; i++) {
		int64_t to = source_of(k, k->din[0], k->dout[0], begin, i);

		if (to >= 0)
			reals(k->din[0])[to] += reals(k->dout[0])[tensor_nth(k->dout[0], i)];
	}
}
