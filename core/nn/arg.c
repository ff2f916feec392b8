/*
 * Along one axis: where the largest or smallest element is (ArgMax, ArgMin), and running sums.
 */
#include "attrs.h"
#include "families.h"

bool
arg_shape(struct ctx *c, struct nn_call *k)
{
	const struct reduce_attr *attr = k->attr;
	int axis;

	if (!shape_axis(c, attr->axis, k->in[0]->rank, &axis))
		return false;
	if (k->in[0]->dim[axis] < 1)
		return fail(c, E_INPUT, "the axis is empty");
	k->out[0]->type = NN_INT64;
	k->out[0]->rank = 0;
	for (int d = 0; d < k->in[0]->rank; d++)
		if (d != axis || attr->keep)
			shape_push(k->out[0], d == axis ? 1 : k->in[0]->dim[d]);
	return true;
}

static int
axis_of(int64_t axis, const struct nn_tensor *t)
{
	return (int)(axis < 0 ? axis + t->rank : axis);
}

static int64_t
best_of(const struct nn_tensor *in, int64_t at, int axis, double sign, bool last)
{
	int64_t best = 0;
	double top = sign * tensor_read(in, at);

	for (int64_t i = 1; i < in->dim[axis]; i++) {
		double x = sign * tensor_read(in, at + i * in->stride[axis]);

		if (x > top || (last && x == top)) {
			top = x;
			best = i;
		}
	}
	return best;
}

static void
arg(struct nn_call *k, double sign)
{
	const struct reduce_attr *attr = k->attr;
	int axis = axis_of(attr->axis, k->in[0]);
	struct nn_tensor outer, line, out = *k->out[0];

	tensor_split(k->in[0], 1u << axis, &outer, &line);
	if (attr->keep)
		out = tensor_at(&out, axis, 0);
	for (struct walk w = walk_over(&out, 2, (const struct nn_tensor *[]){ &out, &outer });
	     w.n > 0; walk_next(&w))
		for (int64_t i = 0; i < w.n; i++)
			wholes(&out)[w.at[0] + i * w.by[0]] = best_of(
			    k->in[0], w.at[1] + i * w.by[1], axis, sign, attr->last);
}

void
arg_max_forward(struct nn_call *k)
{
	arg(k, 1);
}

void
arg_min_forward(struct nn_call *k)
{
	arg(k, -1);
}

/* ---- CumSum ------------------------------------------------------------------------------ */

bool
cumsum_shape(struct ctx *c, struct nn_call *k)
{
	int64_t axis[1];
	size_t n;
	int at;

	if (!shape_ints(c, k, 1, 1, axis, &n))
		return false;
	if (n != 1 || k->in[0]->type == NN_BOOL)
		return fail(c, E_INPUT, "the inputs do not fit");
	return shape_axis(c, axis[0], k->in[0]->rank, &at) && shape_same(c, k);
}

/* to += (add) or = running sums of `from` along the axis, from the end if `reverse`. */
static void
running(const struct nn_call *k, const struct nn_tensor *to, const struct nn_tensor *from,
    bool reverse, bool add)
{
	const struct reduce_attr *attr = k->attr;
	int axis = axis_of(wholes(k->in[1])[0], from);
	int64_t n = from->dim[axis];
	struct nn_tensor a, b, line;
	const struct nn_tensor *const t[] = { &a, &b };

	tensor_split(to, 1u << axis, &a, &line);
	tensor_split(from, 1u << axis, &b, &line);
	for (struct walk w = walk_over(&a, 2, t); w.n > 0; walk_next(&w))
		for (int64_t i = 0; i < w.n; i++) {
			double sum = 0;

			for (int64_t j = 0; j < n; j++) {
				int64_t place = reverse ? n - 1 - j : j;
				int64_t at = w.at[0] + i * w.by[0] + place * to->stride[axis];
				double x = tensor_read(
				    from, w.at[1] + i * w.by[1] + place * from->stride[axis]);
				double seen = attr->exclusive ? sum : sum + x;

				tensor_write(to, at, add ? tensor_read(to, at) + seen : seen);
				sum += x;
			}
		}
}

void
cumsum_forward(struct nn_call *k)
{
	const struct reduce_attr *attr = k->attr;

	running(k, k->out[0], k->in[0], attr->reverse, false);
}

void
cumsum_backward(struct nn_call *k)
{
	const struct reduce_attr *attr = k->attr;

	if (k->din[0] != NULL)
		running(k, k->din[0], k->dout[0], !attr->reverse, true);
}
