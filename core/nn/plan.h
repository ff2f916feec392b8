/*
 * The plan inside. It is made in steps: shapes (and everything constant is computed), layout,
 * memory, binding; run.c executes it. The executor takes part in layout and execution.
 */
#ifndef NN_PLAN_H
#define NN_PLAN_H

#include "graph.h"

/* A node of the plan that runs; those whose result is constant have none. */
struct nn_step {
	const struct nn_node *node;
	const struct nn_row *row;
	struct nn_call call;
	size_t saved_at, scratch_at; /* offsets in the memory */
	bool backward;               /* some input's gradient is wanted */
	bool once;  /* depends on weights alone: runs again when they changed */
	void *fast; /* the executor's own */
};

/* What a value is in this plan. */
struct plan_value {
	struct nn_tensor t;    /* data: bound, or NULL before */
	struct nn_tensor grad; /* same dimensions; data NULL if no gradient is wanted */
	bool known;            /* constant, and t.data holds it */
	bool varies;   /* depends on a weight whose gradient is wanted, or on an input's */
	bool once;     /* depends on weights alone */
	int32_t alias; /* the value whose memory it shares, or -1 */
	int32_t grad_alias;
	size_t at, grad_at; /* offsets in the memory */
};

struct nn_plan {
	struct nn_graph *graph;
	struct nn_options options;
	struct arena *mem; /* of the plan's structures and folded constants */
	struct plan_value *value;
	struct nn_step *step; /* forward order */
	size_t steps;
	char *memory; /* activations, gradients, saved state, scratch */
	size_t memory_size;
	float **weight_grad; /* by weight; NULL where none is wanted */
	float **input_grad;
	uint64_t version; /* of the graph's weights that this plan has prepared */
	uint64_t runs;    /* forward runs, for the seeds */
	bool backward_due;
};

/* Everything but memory: shapes, folded constants, steps. Used alone as the trial at import. */
MUST bool plan_shape(struct ctx *, struct nn_plan *);
/* Strides of every value; dense unless the executor wants otherwise. */
MUST bool plan_layout(struct ctx *, struct nn_plan *);
/* Lifetimes and offsets; allocates and binds. */
MUST bool plan_memory(struct ctx *, struct nn_plan *);

#endif
