/*
 * The gradients of values while the way back is made.
 */
#ifndef NN_FAST_BACKWARD_H
#define NN_FAST_BACKWARD_H

#include "fast_parts.h"

bool grad_come(struct fast *, int32_t value); /* something was given to it */
int grad_phase(struct fast *, int32_t value); /* from which on it can be read */
bool grad_own(struct fast *, int32_t value);  /* it may be written over */
struct place grad_read(struct fast *, int32_t value, int phase, bool last);
/* The gradient of the node's result where the result is inside of the node's range. */
struct place grad_masked(struct fast *, const struct fast_node *, int phase, bool last);

/* Where a kernel that can add may put a part of the gradient: there (`adds`), or to be given. */
struct grad_target {
	struct place at;
	int phase;
	bool adds;
};
struct grad_target grad_target(struct fast *, int32_t value, int phase);

void fast_conv_back(struct fast *, struct fast_node *);
void fast_gemm_back(struct fast *, struct fast_node *);
void fast_affine_back(struct fast *, struct fast_node *);
void fast_norm_back(struct fast *, struct fast_node *);

#endif
