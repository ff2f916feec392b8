/*
 * Matrix products with the product itself left open: the plain loops, or something faster.
 */
#ifndef NN_LINEAR_H
#define NN_LINEAR_H

#include "ops.h"

/* A matrix: element (i, j) at p[i * row + j * col]. */
struct matrix {
	float *p;
	int64_t rows, cols, row, col;
};

/* to += alpha * a * b */
typedef void product_fn(struct matrix to, struct matrix a, struct matrix b, float alpha);
product_fn plain_product;

void gemm_forward_by(struct nn_call *, product_fn *);
void gemm_backward_by(struct nn_call *, product_fn *);
void matmul_forward_by(struct nn_call *, product_fn *);
void matmul_backward_by(struct nn_call *, product_fn *);

#endif
