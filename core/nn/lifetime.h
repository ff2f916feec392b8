/*
 * From lifetimes to offsets: what lives at the same time lies apart.
 */
#ifndef NN_LIFETIME_H
#define NN_LIFETIME_H

#include "plan.h"

/* Something that needs memory from `start` to `end`, both included. */
struct life {
	int64_t start, end;
	size_t size; /* bytes; rounded up to 64 */
	size_t at;   /* the answer */
};

/* Gives every life its place; *ret_size is what all need together. */
MUST bool lives_place(struct ctx *, struct life *, size_t n, int64_t end, size_t *ret_size);

/*
 * When each value and each gradient is needed. Step i of n runs forward at time i and backward at
 * 2n - 1 - i; what is asked for afterwards lives until 2n. Values that lie in another one's memory
 * (plan_value.same) have no life of their own: size 0.
 */
struct lives {
	struct life *value, *grad, *saved; /* by value, by value, by step */
	struct life scratch;
};
MUST bool lives_of(struct ctx *, struct nn_plan *, struct lives *ret);

/* Bytes of a call's own scratch, before its room for relevance. */
size_t scratch_aligned(const struct nn_call *);

int32_t same_root(const struct nn_plan *, int32_t value);
int32_t grad_root(const struct nn_plan *, int32_t value);

#endif
