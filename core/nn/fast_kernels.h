/*
 * The inner loops of the fast executor, in one table per instruction set. All work on floats in
 * rows: `cols` neighbours, then a step to the next row. Channels are last, so that a row is a place
 * of an image and a column a channel; dense data may be cut into longer rows (see rows_of).
 */
#ifndef NN_FAST_KERNELS_H
#define NN_FAST_KERNELS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { ROWS_MAX = 3 };

/* Steps are those of the tensors, in the order of the arguments. */
struct rows {
	int64_t rows, cols;
	int64_t step[ROWS_MAX];
};

/* An activation: values are brought into the range, gradients pass strictly inside of it. */
struct range {
	float low, high;
};

/* A pool's window over one image, channels last and dense. Everything twice: down and across. */
struct pool_shape {
	int64_t channels;
	int64_t in[2], out[2], kernel[2], stride[2], pad[2];
	int64_t from, to;      /* rows of the result */
	int64_t counted[2][2]; /* places that the mean counts: from, to */
};

struct kernels {
	/* y = x * a + b, by column; brought into the range */
	void (*affine)(const struct rows *, float *y, const float *x, const float *a,
	    const float *b, struct range);
	/* y = x * a + b + u */
	void (*affine_add)(const struct rows *, float *y, const float *x, const float *u,
	    const float *a, const float *b, struct range);
	/* y = x + u */
	void (*add)(
	    const struct rows *, float *y, const float *x, const float *u, struct range);
	void (*act)(const struct rows *, float *y, const float *x, struct range);
	/* dx = dy where y is inside */
	void (*mask)(
	    const struct rows *, float *dx, const float *dy, const float *y, struct range);
	void (*copy)(const struct rows *, float *y, const float *x);
	void (*clear)(const struct rows *, float *y);
	/* y[j][i] = x[i][j]; both steps are to the next row of each */
	void (*turn)(const struct rows *, float *y, const float *x);
	/* sum += x - shift, square += (x - shift)^2, by column */
	void (*moments)(
	    const struct rows *, const float *x, const float *shift, float *sum, float *square);
	/* sum += x, by column */
	void (*sums)(const struct rows *, const float *x, float *sum);
	/* With g = dy where x * a + b is inside: sum += g, along += g * (x - mean), by column. */
	void (*norm_sums)(const struct rows *, const float *dy, const float *x, const float *a,
	    const float *b, const float *mean, struct range, float *sum, float *along);
	/* dx = g * p + x * q + s with the same g; with `adds` this is added to dx. */
	void (*norm_back)(const struct rows *, float *dx, const float *dy, const float *x,
	    const float *const coefficients[5], struct range, bool adds); /* a b p q s */
	/* One image. `which` gets the number of the place in the window that won; may be NULL. */
	void (*max_pool)(const struct pool_shape *, float *y, const float *x, uint8_t *which);
	/* Adds to dx. */
	void (*max_pool_back)(
	    const struct pool_shape *, float *dx, const float *dy, const uint8_t *which);
	void (*mean_pool)(const struct pool_shape *, float *y, const float *x);
	void (*mean_pool_back)(const struct pool_shape *, float *dx, const float *dy);
};

/* Those for this machine; always the same ones. */
const struct kernels *kernels_here(void);

extern const struct kernels kernels_avx512, kernels_avx2, kernels_any;

#endif
