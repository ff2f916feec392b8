/*
 * Matrix products: Gemm (two matrices, a bias that is broadcast) and MatMul (stacks of matrices
 * that are broadcast). Transposing is a matter of strides, so one product serves both and their
 * gradients.
 */
#include "attrs.h"
#include "families.h"
#include "linear.h"

static struct matrix
matrix_of(const struct nn_tensor *t)
{
	int d = t->rank - 2;

	return (
	    struct matrix){ t->data, t->dim[d], t->dim[d + 1], t->stride[d], t->stride[d + 1] };
}

static struct matrix
turned(struct matrix m)
{
	return (struct matrix){ m.p, m.cols, m.rows, m.col, m.row };
}

void
plain_product(struct matrix to, struct matrix a, struct matrix b, float alpha)
{
	for (int64_t i = 0; i < to.rows; i++)
		for (int64_t j = 0; j < a.cols; j++) {
			float x = alpha * a.p[i * a.row + j * a.col];
			const float *from = b.p + j * b.row;
			float *line = to.p + i * to.row;

			if (to.col == 1 && b.col == 1)
				for (int64_t n = 0; n < to.cols; n++)
					line[n] += x * from[n];
			else
				for (int64_t n = 0; n < to.cols; n++)
					line[n * to.col] += x * from[n * b.col];
		}
}

/* ---- Gemm -------------------------------------------------------------------------------- */

static struct matrix
gemm_side(const struct nn_tensor *t, bool trans)
{
	return trans ? turned(matrix_of(t)) : matrix_of(t);
}

bool
gemm_shape(struct ctx *c, struct nn_call *k)
{
	const struct gemm_attr *attr = k->attr;
	struct nn_tensor *out = k->out[0];
	struct matrix a, b;

	if (!is_real(k->in[0]) || !is_real(k->in[1]) || k->in[0]->rank != 2 ||
	    k->in[1]->rank != 2)
		return fail(c, E_INPUT, "both inputs have to be real matrices");
	a = gemm_side(k->in[0], attr->trans_a);
	b = gemm_side(k->in[1], attr->trans_b);
	if (a.cols != b.rows)
		return fail(c, E_INPUT, "%lld columns do not fit %lld rows", (long long)a.cols,
		    (long long)b.rows);
	*out = (struct nn_tensor){ .type = NN_FLOAT };
	shape_push(out, a.rows);
	shape_push(out, b.cols);
	if (k->ins > 2 && k->in[2] != NULL &&
	    (!is_real(k->in[2]) || !shape_fits(k->in[2], out)))
		return fail(c, E_INPUT, "the bias does not fit");
	return true;
}

static void
multiply_all(const struct nn_tensor *t, float by)
{
	for (struct walk w = walk_over(t, 1, &t); by != 1 && w.n > 0; walk_next(&w))
		for (int64_t i = 0; i < w.n; i++)
			reals(t)[w.at[0] + i * w.by[0]] *= by;
}

void
gemm_forward_by(struct nn_call *k, product_fn *product)
{
	const struct gemm_attr *attr = k->attr;

	if (k->ins > 2 && k->in[2] != NULL && attr->beta != 0) {
		tensor_copy(k->out[0], k->in[2]);
		multiply_all(k->out[0], attr->beta);
	} else {
		tensor_fill(k->out[0], 0);
	}
	product(matrix_of(k->out[0]), gemm_side(k->in[0], attr->trans_a),
	    gemm_side(k->in[1], attr->trans_b), attr->alpha);
}

static void
bias_backward(struct nn_call *k, float beta)
{
	const struct nn_tensor *const t[] = { k->dout[0], k->din[2] };

	for (struct walk w = walk_over(t[0], 2, t); w.n > 0; walk_next(&w))
		for (int64_t i = 0; i < w.n; i++)
			reals(t[1])[w.at[1] + i * w.by[1]] += beta *
			    reals(t[0])[w.at[0] + i * w.by[0]];
}

void
gemm_forward(struct nn_call *k)
{
	gemm_forward_by(k, plain_product);
}

void
gemm_backward_by(struct nn_call *k, product_fn *product)
{
	const struct gemm_attr *attr = k->attr;
	struct matrix g = matrix_of(k->dout[0]);

	if (k->din[0] != NULL)
		product(gemm_side(k->din[0], attr->trans_a), g,
		    turned(gemm_side(k->in[1], attr->trans_b)), attr->alpha);
	if (k->din[1] != NULL)
		product(gemm_side(k->din[1], attr->trans_b),
		    turned(gemm_side(k->in[0], attr->trans_a)), g, attr->alpha);
	if (k->ins > 2 && k->din[2] != NULL)
		bias_backward(k, attr->beta);
}

void
gemm_backward(struct nn_call *k)
{
	gemm_backward_by(k, plain_product);
}

/* ---- MatMul ------------------------------------------------------------------------------ */

/* A vector is a row on the left and a column on the right. */
static struct nn_tensor
as_left(const struct nn_tensor *t)
{
	struct nn_tensor m = *t;

	if (t->rank == 1) {
		m.rank = 2;
		m.dim[1] = t->dim[0];
		m.stride[1] = t->stride[0];
		m.dim[0] = 1;
		m.stride[0] = 0;
	}
	return m;
}

static struct nn_tensor
as_right(const struct nn_tensor *t)
{
	struct nn_tensor m = *t;

	if (t->rank == 1) {
		m.rank = 2;
		m.dim[1] = 1;
		m.stride[1] = 0;
	}
	return m;
}

/* The result with the dimension that a vector took away. */
static struct nn_tensor
as_result(const struct nn_tensor *t, const struct nn_call *k)
{
	struct nn_tensor m = *t;

	if (k->in[1]->rank == 1) {
		m.stride[m.rank] = 0;
		shape_push(&m, 1);
	}
	if (k->in[0]->rank == 1) {
		for (int d = m.rank; d > 0 && d > m.rank - 1; d--) {
			m.dim[d] = m.dim[d - 1];
			m.stride[d] = m.stride[d - 1];
		}
		m.dim[m.rank - 1] = 1;
		m.stride[m.rank - 1] = 0;
		m.rank++;
	}
	return m;
}

static struct nn_tensor
stack_of(const struct nn_tensor *t)
{
	struct nn_tensor s = *t;

	s.rank -= 2;
	return s;
}

bool
matmul_shape(struct ctx *c, struct nn_call *k)
{
	struct nn_tensor a, b, stack_a, stack_b, *out = k->out[0];

	if (!is_real(k->in[0]) || !is_real(k->in[1]) || k->in[0]->rank < 1 ||
	    k->in[1]->rank < 1)
		return fail(c, E_INPUT, "both inputs have to be real, vectors or matrices");
	a = as_left(k->in[0]);
	b = as_right(k->in[1]);
	if (a.dim[a.rank - 1] != b.dim[b.rank - 2])
		return fail(c, E_INPUT, "%lld columns do not fit %lld rows",
		    (long long)a.dim[a.rank - 1], (long long)b.dim[b.rank - 2]);
	stack_a = stack_of(&a);
	stack_b = stack_of(&b);
	out->type = NN_FLOAT;
	if (!shape_broadcast(c, &stack_a, &stack_b, out))
		return false;
	if (k->in[0]->rank > 1)
		shape_push(out, a.dim[a.rank - 2]);
	if (k->in[1]->rank > 1)
		shape_push(out, b.dim[b.rank - 1]);
	return true;
}

enum side { TO_RESULT, TO_LEFT, TO_RIGHT };

/* One product of each pair of matrices in the stacks, into one of the three. */
static void
matmul_run(const struct nn_tensor *result, const struct nn_tensor *left,
    const struct nn_tensor *right, enum side side, product_fn *product)
{
	const struct nn_tensor stack[] = { stack_of(result), stack_of(left), stack_of(right) };
	const struct nn_tensor *const t[] = { &stack[0], &stack[1], &stack[2] };
	struct matrix r = matrix_of(result), a = matrix_of(left), b = matrix_of(right);

	for (struct walk w = walk_over(t[0], 3, t); w.n > 0; walk_next(&w))
		for (int64_t i = 0; i < w.n; i++) {
			r.p = reals(result) + w.at[0] + i * w.by[0];
			a.p = reals(left) + w.at[1] + i * w.by[1];
			b.p = reals(right) + w.at[2] + i * w.by[2];
			switch (side) {
			case TO_RESULT:
				product(r, a, b, 1);
				break;
			case TO_LEFT:
				product(a, r, turned(b), 1);
				break;
			case TO_RIGHT:
				product(b, turned(a), r, 1);
				break;
			}
		}
}

void
matmul_forward_by(struct nn_call *k, product_fn *product)
{
	const struct nn_tensor left = as_left(k->in[0]), right = as_right(k->in[1]);
	const struct nn_tensor result = as_result(k->out[0], k);

	tensor_fill(k->out[0], 0);
	matmul_run(&result, &left, &right, TO_RESULT, product);
}

void
matmul_forward(struct nn_call *k)
{
	matmul_forward_by(k, plain_product);
}

void
matmul_backward_by(struct nn_call *k, product_fn *product)
{
	const struct nn_tensor left = as_left(k->in[0]), right = as_right(k->in[1]);
	const struct nn_tensor result = as_result(k->dout[0], k);

	if (k->din[0] != NULL) {
		const struct nn_tensor to = as_left(k->din[0]);

		matmul_run(&result, &to, &right, TO_LEFT, product);
	}
	if (k->din[1] != NULL) {
		const struct nn_tensor to = as_right(k->din[1]);

		matmul_run(&result, &left, &to, TO_RIGHT, product);
	}
}

void
matmul_backward(struct nn_call *k)
{
	matmul_backward_by(k, plain_product);
}
