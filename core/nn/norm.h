/*
 * What the normalisations share: one set of numbers, brought to mean 0 and variance 1.
 */
#ifndef NN_NORM_H
#define NN_NORM_H

#include "attrs.h"
#include "families.h"

/* One set: views of it in every tensor; scale and shift are broadcast to it. Absent: data NULL. */
struct set {
	struct nn_tensor x, y, scale, shift;     /* forward */
	struct nn_tensor dx, dy, dscale, dshift; /* backward */
	double mean, inverse;                    /* 1 / sqrt(variance + epsilon) */
};

void norm_statistics(const struct nn_tensor *x, double *ret_mean, double *ret_variance);
void norm_set_forward(const struct set *);
/* With `fixed`, mean and variance do not depend on the input. */
void norm_set_backward(const struct set *, bool fixed);

/* Tensor i of a list of `count`, or one without data. */
const struct nn_tensor *norm_given(struct nn_tensor *const t[], int count, int i);
/* One place of a dimension; a tensor without data stays so. */
struct nn_tensor norm_channel(const struct nn_tensor *, int axis, int64_t channel);

#endif
