/*
 * The walk over strided tensors, views of tensors and copies between them. Dimensions of one place
 * are dropped, the others are ordered by the first operand's strides and merged where possible, so
 * that the inner loop of every kernel is as long as the layouts allow.
 */
#include "kernel.h"

size_t
nn_type_size(enum nn_type type)
{
	return type == NN_FLOAT ? sizeof(float) : sizeof(int64_t);
}

int64_t
nn_count(const struct nn_tensor *t)
{
	int64_t n = 1;

	for (int d = 0; d < t->rank; d++)
		n *= t->dim[d];
	return n;
}

/* ---- Walking ----------------------------------------------------------------------------- */

static void
walk_swap(struct walk *w, int a, int b)
{
	int64_t dim = w->dim[a];

	w->dim[a] = w->dim[b];
	w->dim[b] = dim;
	for (int k = 0; k < w->operands; k++) {
		int64_t step = w->step[k][a];

		w->step[k][a] = w->step[k][b];
		w->step[k][b] = step;
	}
}

static int64_t
size_of_step(int64_t step)
{
	return step < 0 ? -step : step;
}

/* The first operand's smallest step goes innermost; equal ones keep their order. */
static void
walk_order(struct walk *w)
{
	for (int d = 1; d < w->rank; d++)
		for (int e = d;
		     e > 0 && size_of_step(w->step[0][e - 1]) < size_of_step(w->step[0][e]);
		     e--)
			walk_swap(w, e - 1, e);
}

static bool
mergeable(const struct walk *w, int outer)
{
	for (int k = 0; k < w->operands; k++)
		if (w->step[k][outer] != w->step[k][outer + 1] * w->dim[outer + 1])
			return false;
	return true;
}

static void
walk_merge(struct walk *w)
{
	for (int d = w->rank - 2; d >= 0; d--) {
		if (!mergeable(w, d))
			continue;
		w->dim[d] *= w->dim[d + 1];
		for (int k = 0; k < w->operands; k++)
			w->step[k][d] = w->step[k][d + 1];
		for (int e = d + 1; e < w->rank - 1; e++) {
			w->dim[e] = w->dim[e + 1];
			for (int k = 0; k < w->operands; k++)
				w->step[k][e] = w->step[k][e + 1];
		}
		w->rank--;
	}
}

static int64_t
step_of(const struct nn_tensor *t, const struct nn_tensor *shape, int d)
{
	int own = d - (shape->rank - t->rank);

	return own < 0 || t->dim[own] == 1 ? 0 : t->stride[own];
}

struct walk
walk_over(const struct nn_tensor *shape, int operands, const struct nn_tensor *const t[])
{
	struct walk w = { .n = 1, .operands = operands };

	for (int d = 0; d < shape->rank; d++) {
		if (shape->dim[d] == 0)
			return (struct walk){ 0 };
		if (shape->dim[d] == 1)
			continue;
		w.dim[w.rank] = shape->dim[d];
		for (int k = 0; k < operands; k++)
			w.step[k][w.rank] = step_of(t[k], shape, d);
		w.rank++;
	}
	walk_order(&w);
	walk_merge(&w);
	if (w.rank > 0) {
		w.rank--;
		w.n = w.dim[w.rank];
		for (int k = 0; k < operands; k++)
			w.by[k] = w.step[k][w.rank];
	}
	return w;
}

void
walk_next(struct walk *w)
{
	for (int d = w->rank - 1; d >= 0; d--) {
		w->index[d]++;
		for (int k = 0; k < w->operands; k++)
			w->at[k] += w->step[k][d];
		if (w->index[d] < w->dim[d])
			return;
		for (int k = 0; k < w->operands; k++)
			w->at[k] -= w->step[k][d] * w->dim[d];
		w->index[d] = 0;
	}
	w->n = 0;
}

/* ---- Views ------------------------------------------------------------------------------- */

bool
tensor_bounded(const struct nn_tensor *t)
{
	int64_t most = 1;

	for (int d = 0; d < t->rank; d++) {
		if (t->dim[d] < 0 || t->dim[d] > COUNT_MAX)
			return false;
		most *= t->dim[d] > 0 ? t->dim[d] : 1; /* within 2^62 */
		if (most > COUNT_MAX)
			return false;
	}
	return true;
}

void
tensor_dense(struct nn_tensor *t)
{
	int64_t step = 1;

	for (int d = t->rank - 1; d >= 0; d--) {
		t->stride[d] = step;
		step *= t->dim[d];
	}
}

bool
tensor_is_dense(const struct nn_tensor *t)
{
	int64_t step = 1;

	for (int d = t->rank - 1; d >= 0; d--) {
		if (t->dim[d] != 1 && t->stride[d] != step)
			return false;
		step *= t->dim[d];
	}
	return true;
}

struct nn_tensor
tensor_permuted(const struct nn_tensor *t, const int64_t perm[])
{
	struct nn_tensor view = *t;

	for (int d = 0; d < t->rank; d++) {
		view.dim[d] = t->dim[perm[d]];
		view.stride[d] = t->stride[perm[d]];
	}
	return view;
}

static void *
element(const struct nn_tensor *t, int64_t at)
{
	return (char *)t->data + at * (int64_t)nn_type_size(t->type);
}

struct nn_tensor
tensor_cut(const struct nn_tensor *t, int axis, int64_t start, int64_t step, int64_t count)
{
	struct nn_tensor view = *t;

	if (count > 0)
		view.data = element(t, start * t->stride[axis]);
	view.dim[axis] = count;
	view.stride[axis] = t->stride[axis] * step;
	return view;
}

struct nn_tensor
tensor_at(const struct nn_tensor *t, int axis, int64_t index)
{
	struct nn_tensor view = *t;

	view.data = element(t, index * t->stride[axis]);
	view.rank--;
	for (int d = axis; d < view.rank; d++) {
		view.dim[d] = t->dim[d + 1];
		view.stride[d] = t->stride[d + 1];
	}
	return view;
}

int64_t
tensor_nth(const struct nn_tensor *t, int64_t nth)
{
	int64_t at = 0;

	for (int d = t->rank - 1; d >= 0; d--) {
		at += nth % t->dim[d] * t->stride[d];
		nth /= t->dim[d];
	}
	return at;
}

struct nn_tensor
tensor_moved(const struct nn_tensor *t, int64_t elements)
{
	struct nn_tensor view = *t;

	view.data = element(t, elements);
	return view;
}

void
tensor_split(const struct nn_tensor *t, uint32_t mask, struct nn_tensor *ret_outer,
    struct nn_tensor *ret_inner)
{
	*ret_outer = *t;
	*ret_inner = *t;
	ret_outer->rank = ret_inner->rank = 0;
	for (int d = 0; d < t->rank; d++) {
		struct nn_tensor *to = (mask >> d & 1) != 0 ? ret_inner : ret_outer;

		to->stride[to->rank] = t->stride[d];
		to->dim[to->rank++] = t->dim[d];
	}
}

/* ---- Copies ------------------------------------------------------------------------------ */

static void
copy_reals(const struct walk *w, float *restrict to, const float *restrict from)
{
	if (w->by[0] == 1 && w->by[1] == 1)
		memcpy(to, from, (size_t)w->n * sizeof *to);
	else
		for (int64_t i = 0; i < w->n; i++)
			to[i * w->by[0]] = from[i * w->by[1]];
}

void
tensor_copy(const struct nn_tensor *to, const struct nn_tensor *from)
{
	const struct nn_tensor *const t[] = { to, from };

	for (struct walk w = walk_over(to, 2, t); w.n > 0; walk_next(&w)) {
		if (is_real(to)) {
			copy_reals(&w, reals(to) + w.at[0], reals(from) + w.at[1]);
			continue;
		}
		for (int64_t i = 0; i < w.n; i++)
			wholes(to)[w.at[0] + i * w.by[0]] = wholes(from)[w.at[1] + i * w.by[1]];
	}
}

void
tensor_add(const struct nn_tensor *to, const struct nn_tensor *from)
{
	const struct nn_tensor *const t[] = { from, to };

	for (struct walk w = walk_over(from, 2, t); w.n > 0; walk_next(&w)) {
		const float *f = reals(from) + w.at[0];
		float *g = reals(to) + w.at[1];
		double sum = 0;

		if (w.by[1] != 0) {
			for (int64_t i = 0; i < w.n; i++)
				g[i * w.by[1]] += f[i * w.by[0]];
			continue;
		}
		for (int64_t i = 0; i < w.n; i++)
			sum += f[i * w.by[0]];
		*g += (float)sum;
	}
}

double
tensor_read(const struct nn_tensor *t, int64_t at)
{
	return is_real(t) ? (double)reals(t)[at] : (double)wholes(t)[at];
}

void
tensor_write(const struct nn_tensor *t, int64_t at, double value)
{
	if (is_real(t))
		reals(t)[at] = (float)value;
	else
		wholes(t)[at] = (int64_t)value;
}

void
tensor_fill(const struct nn_tensor *t, double value)
{
	for (struct walk w = walk_over(t, 1, &t); w.n > 0; walk_next(&w))
		for (int64_t i = 0; i < w.n; i++)
			tensor_write(t, w.at[0] + i * w.by[0], value);
}
