/*
 * Nodes with weights: their primitives, and the weights as those want them.
 */
#ifndef NN_FAST_WEIGHTS_H
#define NN_FAST_WEIGHTS_H

#include "fast_parts.h"

struct fast_conv {
	struct conv *run[3];  /* by pass; NULL: not needed */
	int64_t chunk[3];     /* images of part 0; part 1 is what is left of the batch */
	float *packed[2];     /* weights for forward, and towards the image */
	float *folded, *bias; /* with what was fused; NULL: as they are */
	float *unpacked;      /* their gradient */
	float **sums;         /* by thread: gradients of weights, packed, and bias */
	size_t sums_packed, sums_count;
	bool *begun;    /* by thread: the sums hold something */
	size_t scratch; /* of the library; ours begins behind it */
	struct conv_shape shape;
};

/* The pass of the library that makes the node's result. */
static inline enum conv_pass
fast_conv_forward(const struct fast_node *n)
{
	return n->transposed ? CONV_TO_IMAGE : CONV_FORWARD;
}

/* Makes what the node runs with; *ret_slow if the library has only a slow way. */
MUST bool fast_weights_new(struct ctx *, struct fast *, struct fast_node *);
void fast_weights_free(struct fast_node *);
/* The weights have changed. */
void fast_weights_prepare(struct fast *, struct fast_node *);

#endif
