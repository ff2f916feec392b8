/*
 * Operators that keep the elements in their order and change the shape (Reshape, Flatten, Squeeze,
 * Unsqueeze, Identity), or the type (Cast), or drop some of them in training (Dropout).
 */
#include "attrs.h"
#include "families.h"

/* ---- Shapes ------------------------------------------------------------------------------ */

bool
reshape_shape(struct ctx *c, struct nn_call *k)
{
	const struct ints_attr *attr = k->attr; /* given: zeros mean zero */
	int64_t dim[NN_RANK_MAX], known = 1, count = nn_count(k->in[0]);
	int open = -1;
	size_t n;

	if (!shape_ints(c, k, 1, NN_RANK_MAX, dim, &n))
		return false;
	k->out[0]->type = k->in[0]->type;
	k->out[0]->rank = (int)n;
	for (int d = 0; d < (int)n; d++) {
		if (dim[d] == 0 && !attr->given && d < k->in[0]->rank)
			dim[d] = k->in[0]->dim[d];
		if (dim[d] < -1 || dim[d] > COUNT_MAX || (dim[d] == -1 && open >= 0))
			return fail(c, E_INPUT, "a shape with %lld", (long long)dim[d]);
		if (dim[d] == -1)
			open = d;
		else if (__builtin_mul_overflow(known, dim[d], &known) || known > COUNT_MAX)
			return fail(c, E_INPUT, "the shape does not fit %lld elements",
			    (long long)count);
		k->out[0]->dim[d] = dim[d];
	}
	if (open >= 0)
		k->out[0]->dim[open] = known > 0 ? count / known : 0;
	if (nn_count(k->out[0]) != count)
		return fail(
		    c, E_INPUT, "the shape does not fit %lld elements", (long long)count);
	return true;
}

bool
flatten_shape(struct ctx *c, struct nn_call *k)
{
	const struct axis_attr *attr = k->attr;
	int rank = k->in[0]->rank;
	int64_t axis = attr->axis < 0 ? attr->axis + rank : attr->axis, rows = 1;

	if (axis < 0 || axis > rank)
		return fail(c, E_INPUT, "axis %lld of a tensor of rank %d",
		    (long long)attr->axis, rank);
	*k->out[0] = (struct nn_tensor){ .type = k->in[0]->type };
	for (int d = 0; d < axis; d++)
		rows *= k->in[0]->dim[d];
	shape_push(k->out[0], rows);
	rows = 1;
	for (int d = (int)axis; d < rank; d++)
		rows *= k->in[0]->dim[d];
	shape_push(k->out[0], rows);
	return true;
}

static bool
axes_mask(struct ctx *c, const struct nn_call *k, int rank, uint32_t *ret)
{
	int64_t axes[NN_RANK_MAX];
	uint32_t mask = 0;
	size_t n;
	int axis;

	if (!shape_ints(c, k, 1, NN_RANK_MAX, axes, &n))
		return false;
	for (size_t i = 0; i < n; i++) {
		if (!shape_axis(c, axes[i], rank, &axis))
			return false;
		if ((mask >> axis & 1) != 0)
			return fail(c, E_INPUT, "axis %d twice", axis);
		mask |= 1u << axis;
	}
	*ret = mask;
	return true;
}

bool
squeeze_shape(struct ctx *c, struct nn_call *k)
{
	const struct nn_tensor *in = k->in[0];
	bool named = k->ins > 1 && k->in[1] != NULL;
	uint32_t mask = 0;

	if (named && !axes_mask(c, k, in->rank, &mask))
		return false;
	k->out[0]->type = in->type;
	k->out[0]->rank = 0;
	for (int d = 0; d < in->rank; d++) {
		bool gone = named ? (mask >> d & 1) != 0 : in->dim[d] == 1;

		if (gone && in->dim[d] != 1)
			return fail(c, E_INPUT, "dimension %d is %lld, not 1", d,
			    (long long)in->dim[d]);
		if (!gone)
			shape_push(k->out[0], in->dim[d]);
	}
	return true;
}

bool
unsqueeze_shape(struct ctx *c, struct nn_call *k)
{
	int64_t axes = k->ins > 1 && k->in[1] != NULL ? nn_count(k->in[1]) : 0;
	int rank, from = 0;
	uint32_t mask;

	if (axes > NN_RANK_MAX - k->in[0]->rank)
		return fail(c, E_INPUT, "more than %d dimensions", NN_RANK_MAX);
	rank = k->in[0]->rank + (int)axes;
	if (!axes_mask(c, k, rank, &mask))
		return false;
	k->out[0]->type = k->in[0]->type;
	k->out[0]->rank = 0;
	for (int d = 0; d < rank; d++)
		shape_push(k->out[0], (mask >> d & 1) != 0 ? 1 : k->in[0]->dim[from++]);
	return true;
}

/* ---- Moving the elements ----------------------------------------------------------------- */

/* True if the one is the other with dimensions of 1 put in or taken out, so that strides do. */
static bool
respaced(const struct nn_tensor *t, const struct nn_tensor *as, struct nn_tensor *ret)
{
	int from = 0;

	*ret = *t;
	ret->rank = 0;
	for (int d = 0; d < as->rank; d++) {
		while (from < t->rank && t->dim[from] == 1 && as->dim[d] != 1)
			from++;
		if (as->dim[d] == 1 && (from == t->rank || t->dim[from] != 1)) {
			ret->stride[ret->rank] = 0;
			shape_push(ret, 1);
			continue;
		}
		if (from == t->rank || t->dim[from] != as->dim[d])
			return false;
		ret->stride[ret->rank] = t->stride[from];
		shape_push(ret, t->dim[from++]);
	}
	while (from < t->rank && t->dim[from] == 1)
		from++;
	return from == t->rank;
}

/* Element by element in ONNX's order; either side may lie anyhow. */
static void
in_order(const struct nn_tensor *to, const struct nn_tensor *from, bool add)
{
	int64_t n = nn_count(to);

	for (int64_t i = 0; i < n; i++) {
		int64_t a = tensor_nth(to, i), b = tensor_nth(from, i);

		if (!is_real(to))
			wholes(to)[a] = wholes(from)[b];
		else
			reals(to)[a] = reals(from)[b] + (add ? reals(to)[a] : 0);
	}
}

static void
carry(const struct nn_tensor *to, const struct nn_tensor *from, bool add)
{
	struct nn_tensor view;

	if (to->data == from->data && !add)
		return;
	if (tensor_is_dense(to) && tensor_is_dense(from)) {
		view = *from;
		view.rank = to->rank;
		memcpy(view.dim, to->dim, sizeof view.dim);
		tensor_dense(&view);
	} else if (!respaced(from, to, &view)) {
		in_order(to, from, add);
		return;
	}
	if (add)
		tensor_add(to, &view);
	else
		tensor_copy(to, &view);
}

void
view_forward(struct nn_call *k)
{
	carry(k->out[0], k->in[0], false);
}

void
view_backward(struct nn_call *k)
{
	if (k->din[0] != NULL)
		carry(k->din[0], k->dout[0], true);
}

/* ---- Cast -------------------------------------------------------------------------------- */

bool
cast_shape(struct ctx *c, struct nn_call *k)
{
	const struct type_attr *attr = k->attr;

	(void)c;
	shape_like(k->out[0], k->in[0]);
	k->out[0]->type = attr->type;
	return true;
}

bool
cast_like_shape(struct ctx *c, struct nn_call *k)
{
	(void)c;
	shape_like(k->out[0], k->in[0]);
	k->out[0]->type = k->in[1]->type;
	return true;
}

/* Towards zero; what does not fit becomes the smallest number, as the processors do. */
static int64_t
to_whole(float x)
{
	return x >= -0x1p63f && x < 0x1p63f ? (int64_t)x : INT64_MIN;
}

void
cast_forward(struct nn_call *k)
{
	const struct nn_tensor *const t[] = { k->out[0], k->in[0] };
	bool from_real = is_real(t[1]), to_real = is_real(t[0]);
	bool question = t[0]->type == NN_BOOL;

	for (struct walk w = walk_over(t[0], 2, t); w.n > 0; walk_next(&w))
		for (int64_t i = 0; i < w.n; i++) {
			int64_t to = w.at[0] + i * w.by[0], from = w.at[1] + i * w.by[1];

			if (to_real)
				reals(t[0])[to] = from_real ? reals(t[1])[from]
							    : (float)wholes(t[1])[from];
			else if (question)
				wholes(t[0])[to] = from_real ? reals(t[1])[from] != 0
							     : wholes(t[1])[from] != 0;
			else
				wholes(t[0])[to] = from_real ? to_whole(reals(t[1])[from])
							     : wholes(t[1])[from];
		}
}

/* Between reals it is nothing; whole numbers have no gradient. */
void
cast_backward(struct nn_call *k)
{
	if (k->din[0] != NULL && k->dout[0] != NULL)
		tensor_add(k->din[0], k->dout[0]);
}
