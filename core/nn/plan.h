/*
 * The plan inside. It is made in steps: shapes (and everything constant is computed), layout,
 * lifetimes, memory, binding; run.c executes it. From the shapes on the fast executor (fast.h) does
 * all of this in its own way, unless the plain kernels were asked for.
 */
#ifndef NN_PLAN_H
#define NN_PLAN_H

#include "graph.h"

/* A node of the plan that runs; those whose result is constant have none. */
struct nn_step {
	const struct nn_node *node;
	const struct nn_row *row;
	struct nn_call call;
	bool backward; /* some gradient comes, and some is wanted */
	bool once;     /* depends on weights alone: computed, and again when they changed */
	bool first;    /* has weights and sees the input itself: for relevance */
	struct nn_tensor box[2];     /* what it sees at the ends of the inputs' box */
	struct relevance_conv *conv; /* of plans that explain: runs it; NULL: plainly */
	const struct nn_step *norm;  /* has weights, and this alone reads its result */
	const struct nn_step *into;  /* the norm's side of the same */
};

/* Where the convolutions of a plan that explains work, one after the other. Sizes are floats. */
struct relevance_desk {
	size_t image_size, map_size, weights_size, scratch_size; /* the last: bytes */
	float *image, *map, *weights;
	void *scratch;
};

enum { NO_VALUE = -1 };

/* What a value is in this plan. */
struct plan_value {
	struct nn_tensor t;    /* data: bound, or NULL before */
	struct nn_tensor grad; /* same dimensions */
	bool needed;           /* for some output */
	bool known;            /* constant or computed from weights, and t.data holds it */
	bool once;             /* computed from weights alone */
	bool varies;           /* depends on a weight or input whose gradient is wanted */
	bool has_grad;         /* varies, and some gradient comes to it */
	bool is_output;
	int32_t same;      /* the value in whose memory this one lies: itself, or another */
	int32_t grad_same; /* likewise for the gradient */
};

struct fast;

struct nn_plan {
	struct nn_graph *graph;
	struct nn_options options;
	struct arena *mem; /* of the plan's structures and of constants */
	bool full;         /* there was no more of it */
	struct plan_value *value;
	struct nn_step *step; /* forward order */
	size_t steps;
	struct fast *fast; /* runs it; NULL: the steps' plain kernels do */
	char *memory;      /* activations, gradients, saved state, scratch; aligned to 64 */
	size_t memory_size;
	char *weight_grads; /* one block for all */
	size_t weight_grads_size;
	float **weight_grad; /* by weight; NULL where none is wanted */
	uint64_t version;    /* of the graph's weights that this plan has prepared */
	uint64_t runs;       /* forward runs, for the seeds */
	bool backward_due;
	bool boxed; /* the steps' boxes are there */
	struct relevance_desk desk;
};

/* Zeroed memory that lives as long as the plan; NULL with c->err set. */
void *plan_take(struct ctx *, struct nn_plan *, size_t);
/* Shapes, folded constants, steps and who needs a gradient. */
MUST bool plan_shape(struct ctx *, struct nn_plan *);
/* Shapes of the inputs, with batch and symbols put in. */
MUST bool plan_inputs(struct ctx *, struct nn_plan *);
/* Who needs which gradient, and each step's gradient tensors. */
MUST bool plan_gradients(struct ctx *, struct nn_plan *);
/* Marks first layers; for plans that explain. */
MUST bool plan_first_layers(struct ctx *, struct nn_plan *);
/* Finds the norms that are folded; for plans that explain. */
MUST bool plan_folds(struct ctx *, struct nn_plan *);
/* Has the library run what it can; for plans that explain. */
MUST bool plan_convolutions(struct ctx *, struct nn_plan *);
/* The gradients of the outputs, from outside. */
void plan_start_gradients(struct nn_plan *, const float *const given[]);
/* Strides of every value and gradient. */
MUST bool plan_layout(struct ctx *, struct nn_plan *);
/* Memory of the weights' gradients. */
MUST bool plan_weight_gradients(struct ctx *, struct nn_plan *);
/* Lifetimes and offsets; allocates and binds. */
MUST bool plan_memory(struct ctx *, struct nn_plan *);
/* As a check of the graph: everything but memory, for a batch of one. */
MUST bool plan_trial(struct ctx *, struct nn_graph *);

/* True if weights have gradients. */
bool plan_trains(const struct nn_plan *);
/* True if the step's output is its input under another shape, and may be the same memory. */
bool step_is_view(const struct nn_plan *, const struct nn_step *);
/* Runs the step's plain kernel; the narrow whole numbers wrap. E_INPUT if the values do not fit. */
MUST bool step_forward(struct ctx *, struct nn_step *);

#endif
