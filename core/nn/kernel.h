/*
 * What the plain kernels share: a walk over tensors of any strides, copies between views, and the
 * small questions that every shape function asks.
 */
#ifndef NN_KERNEL_H
#define NN_KERNEL_H

#include "ops.h"

/* ---- Walking ----------------------------------------------------------------------------- */

enum { WALK_MAX = 5 };

/*
 * Visits every place of a shape once, in runs: n places from element at[k] of operand k on, by[k]
 * elements apart. An operand may be broadcast to the shape. Dimensions that are contiguous in all
 * operands are one run, so that dense tensors of the same layout are a single one.
 *
 *	for (struct walk w = walk_over(out, 2, (const struct nn_tensor *[]){ out, in }); w.n > 0;
 *	    walk_next(&w))
 */
struct walk {
	int64_t n;
	int64_t at[WALK_MAX], by[WALK_MAX];
	int rank, operands;
	int64_t dim[NN_RANK_MAX], index[NN_RANK_MAX];
	int64_t step[WALK_MAX][NN_RANK_MAX];
};
struct walk walk_over(
    const struct nn_tensor *shape, int operands, const struct nn_tensor *const t[]);
void walk_next(struct walk *);

/* ---- Views and copies -------------------------------------------------------------------- */

/*
 * True if no dimension is negative and those that are not 0 have a product of at most COUNT_MAX:
 * then strides stay within int64_t as well.
 */
bool tensor_bounded(const struct nn_tensor *);
/* Strides of ONNX's own order. */
void tensor_dense(struct nn_tensor *);
bool tensor_is_dense(const struct nn_tensor *);
/* The same elements with dimension `d` of the result being dimension perm[d] of `t`. */
struct nn_tensor tensor_permuted(const struct nn_tensor *, const int64_t perm[]);
/* Elements start, start + step, … (count of them) of one dimension. */
struct nn_tensor tensor_cut(
    const struct nn_tensor *, int axis, int64_t start, int64_t step, int64_t count);
/* The place `index` of one dimension, which is gone. */
struct nn_tensor tensor_at(const struct nn_tensor *, int axis, int64_t index);

/* The dimensions in `mask` (inner) and the others (outer): each place of outer has one inner. */
void tensor_split(const struct nn_tensor *, uint32_t mask, struct nn_tensor *ret_outer,
    struct nn_tensor *ret_inner);
/* Where the nth element in ONNX's order is. */
int64_t tensor_nth(const struct nn_tensor *, int64_t nth);
/* The same view, `elements` further on. */
struct nn_tensor tensor_moved(const struct nn_tensor *, int64_t elements);

/* to = from, which is broadcast; types are alike. */
void tensor_copy(const struct nn_tensor *to, const struct nn_tensor *from);
/* to += from, summed where `to` has one place for many. Both real. */
void tensor_add(const struct nn_tensor *to, const struct nn_tensor *from);
void tensor_fill(const struct nn_tensor *, double);
/* A real or whole number by its place in elements. */
double tensor_read(const struct nn_tensor *, int64_t at);
void tensor_write(const struct nn_tensor *, int64_t at, double);

static inline float *
reals(const struct nn_tensor *t)
{
	return t->data;
}

static inline int64_t *
wholes(const struct nn_tensor *t)
{
	return t->data;
}

static inline bool
is_real(const struct nn_tensor *t)
{
	return t->type == NN_FLOAT;
}

/* ---- For shape functions ----------------------------------------------------------------- */

/* Most elements of one tensor; products of two such numbers stay within int64_t. */
#define COUNT_MAX (INT64_C(1) << 31)

void shape_like(struct nn_tensor *to, const struct nn_tensor *from); /* type and dimensions */
void shape_push(struct nn_tensor *to, int64_t dim);                  /* one more dimension */
/* A negative axis counts from the end; E_INPUT beyond the rank. */
MUST bool shape_axis(struct ctx *, int64_t axis, int rank, int *ret);
/* The common shape of two that broadcast. */
MUST bool shape_broadcast(
    struct ctx *, const struct nn_tensor *a, const struct nn_tensor *b, struct nn_tensor *ret);
/* True if `t` can be broadcast to exactly the shape of `to`. */
bool shape_fits(const struct nn_tensor *t, const struct nn_tensor *to);
bool shape_equal(const struct nn_tensor *, const struct nn_tensor *);
/* A shape that depends on values which are not constant; a trial plan lets it pass. */
MUST bool fail_unknown(struct ctx *, int input);
/* The values of a constant whole input with one dimension; E_INPUT if they are not known. */
MUST bool shape_ints(
    struct ctx *, const struct nn_call *, int input, size_t max, int64_t ret[], size_t *ret_n);
/* out[0] is like in[0]: the shape function of most operators of one input. */
nn_shape_fn shape_same;

/* Relevance of operators that let it through. */
nn_run_fn relevance_pass;

#endif
