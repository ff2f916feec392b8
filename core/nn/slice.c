/*
 * Slice: for some axes a start, an end and a step, each counted from the end if negative; and
 * Trilu, which keeps the upper or lower triangle of matrices.
 */
#include "attrs.h"
#include "families.h"

static int64_t
clamp(int64_t x, int64_t low, int64_t high)
{
	return x < low ? low : x > high ? high : x;
}

struct cut {
	int axis;
	int64_t start, step, count;
};

static struct cut
resolve(int axis, int64_t dim, int64_t start, int64_t end, int64_t step)
{
	struct cut cut = { axis, 0, step, 0 };
	int64_t low = step > 0 ? 0 : -1, high = step > 0 ? dim : dim - 1, room;

	start = clamp(start < 0 ? start + dim : start, 0, high);
	end = clamp(end < 0 && end >= -dim ? end + dim : end, low, step > 0 ? dim : high);
	cut.start = start;
	room = step > 0 ? end - start : start - end;
	if (dim > 0 && room > 0)
		cut.count = (room - 1) / (step > 0 ? step : -step) + 1;
	return cut;
}

static bool
optional_ints(struct ctx *c, const struct nn_call *k, int input, int64_t to[], size_t *n)
{
	*n = 0;
	return input >= k->ins || k->in[input] == NULL ||
	    shape_ints(c, k, input, NN_RANK_MAX, to, n);
}

static bool
cuts_of(struct ctx *c, const struct nn_call *k, struct cut cut[NN_RANK_MAX], size_t *ret_n)
{
	int64_t start[NN_RANK_MAX], end[NN_RANK_MAX], axes[NN_RANK_MAX], step[NN_RANK_MAX];
	size_t n, ends, named, steps;
	uint32_t seen = 0;
	int axis;

	if (!shape_ints(c, k, 1, NN_RANK_MAX, start, &n) ||
	    !shape_ints(c, k, 2, NN_RANK_MAX, end, &ends) ||
	    !optional_ints(c, k, 3, axes, &named) || !optional_ints(c, k, 4, step, &steps))
		return false;
	if (ends != n || (named != 0 && named != n) || (steps != 0 && steps != n))
		return fail(c, E_INPUT, "starts, ends, axes and steps differ in number");
	for (size_t i = 0; i < n; i++) {
		int64_t by = steps != 0 ? step[i] : 1;

		if (!shape_axis(c, named != 0 ? axes[i] : (int64_t)i, k->in[0]->rank, &axis))
			return false;
		if (by == 0 || by < -COUNT_MAX || (seen >> axis & 1) != 0)
			return fail(
			    c, E_INPUT, "a step of %lld at axis %d", (long long)by, axis);
		by = by > COUNT_MAX ? COUNT_MAX : by;
		seen |= 1u << axis;
		cut[i] = resolve(axis, k->in[0]->dim[axis], start[i], end[i], by);
	}
	*ret_n = n;
	return true;
}

bool
slice_shape(struct ctx *c, struct nn_call *k)
{
	struct cut cut[NN_RANK_MAX];
	size_t n;

	if (!cuts_of(c, k, cut, &n))
		return false;
	shape_like(k->out[0], k->in[0]);
	for (size_t i = 0; i < n; i++)
		k->out[0]->dim[cut[i].axis] = cut[i].count;
	return true;
}

static struct nn_tensor
sliced(const struct nn_call *k, const struct nn_tensor *t)
{
	struct nn_tensor view = *t;
	struct cut cut[NN_RANK_MAX];
	struct ctx c = { 0 };
	size_t n = 0;

	if (!cuts_of(&c, k, cut, &n))
		return view;
	for (size_t i = 0; i < n; i++)
		view = tensor_cut(&view, cut[i].axis, cut[i].start, cut[i].step, cut[i].count);
	return view;
}

void
slice_forward(struct nn_call *k)
{
	const struct nn_tensor view = sliced(k, k->in[0]);

	tensor_copy(k->out[0], &view);
}

void
slice_backward(struct nn_call *k)
{
	if (k->din[0] != NULL) {
		const struct nn_tensor view = sliced(k, k->din[0]);

		tensor_add(&view, k->dout[0]);
	}
}

/* ---- Trilu ------------------------------------------------------------------------------- */

bool
trilu_shape(struct ctx *c, struct nn_call *k)
{
	int64_t diagonal[1];
	size_t n = 0;

	if (k->in[0]->rank < 2)
		return fail(c, E_INPUT, "an input of rank %d", k->in[0]->rank);
	if (!optional_ints(c, k, 1, diagonal, &n))
		return false;
	return shape_same(c, k);
}

static void
triangle(
    const struct nn_call *k, const struct nn_tensor *to, const struct nn_tensor *from, bool add)
{
	const struct axis_attr *attr = k->attr; /* axis 1: upper */
	int64_t diagonal = k->ins > 1 && k->in[1] != NULL ? wholes(k->in[1])[0] : 0;
	int64_t rows = to->dim[to->rank - 2], cols = to->dim[to->rank - 1];

	diagonal = clamp(diagonal, -rows, cols);
	for (int64_t i = 0; i < nn_count(to); i++) {
		int64_t row = i / cols % rows, col = i % cols;
		int64_t a = tensor_nth(to, i), b = tensor_nth(from, i);
		bool in = attr->axis != 0 ? col >= row + diagonal : col <= row + diagonal;

		tensor_write(
		    to, a, (in ? tensor_read(from, b) : 0) + (add ? tensor_read(to, a) : 0));
	}
}

void
trilu_forward(struct nn_call *k)
{
	triangle(k, k->out[0], k->in[0], false);
}

void
trilu_backward(struct nn_call *k)
{
	if (k->din[0] != NULL)
		triangle(k, k->din[0], k->dout[0], true);
}
