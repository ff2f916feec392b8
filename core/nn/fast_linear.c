/*
 * The rows' own matrix products with the library's in place of the plain loops, for those that are
 * no node of their own: stacks of matrices on both sides, factors, turned inputs.
 */
#include "dnnl_edge.h"
#include "families.h"
#include "linear.h"

enum {
	WORTH = 4096
}; /* multiplications; below, the loops are done before the library begins */

/* A matrix whose rows or columns are without gaps, as the library takes it. */
static bool
stepped(struct matrix m, bool *ret_turned, int64_t *ret_step)
{
	if (m.col == 1 && m.row >= m.cols) {
		*ret_turned = false;
		*ret_step = m.row;
		return true;
	}
	*ret_turned = true;
	*ret_step = m.col;
	return m.row == 1 && m.col >= m.rows;
}

static void
fast_product(struct matrix to, struct matrix a, struct matrix b, float alpha)
{
	struct product p = { .m = to.rows, .n = to.cols, .k = a.cols, .adds = true };
	bool turned;

	if (alpha != 1 || to.rows * to.cols * a.cols < WORTH ||
	    !stepped(a, &p.a_turned, &p.a_step) || !stepped(b, &p.b_turned, &p.b_step) ||
	    !stepped(to, &turned, &p.to_step) || turned)
		plain_product(to, a, b, alpha);
	else
		product_run(&p, a.p, b.p, to.p);
}

static void
fast_gemm_forward(struct nn_call *k)
{
	gemm_forward_by(k, fast_product);
}

static void
fast_gemm_backward(struct nn_call *k)
{
	gemm_backward_by(k, fast_product);
}

static void
fast_matmul_forward(struct nn_call *k)
{
	matmul_forward_by(k, fast_product);
}

static void
fast_matmul_backward(struct nn_call *k)
{
	matmul_backward_by(k, fast_product);
}

const struct nn_fast fast_gemm = { fast_gemm_forward, fast_gemm_backward };
const struct nn_fast fast_matmul = { fast_matmul_forward, fast_matmul_backward };
