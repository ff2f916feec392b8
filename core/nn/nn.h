/*
 * nn: networks that run, differentiate and train. A graph is a model with its weights as plain
 * arrays; a plan is that graph bound to one batch size, one mode and its memory. Everything about
 * an operator stands in one row of the op table (ops.h). No file, socket or process is known here.
 *
 * Real numbers are float32 throughout (float16, bfloat16 and double of a model are computed so),
 * whole numbers and booleans are held as int64. The same input, seed and number of threads give
 * the same bits.
 */
#ifndef NN_H
#define NN_H

#include "base.h"

struct onnx_model;

/* ---- Tensors ----------------------------------------------------------------------------- */

enum { NN_RANK_MAX = 8 };

/* NN_FLOAT is stored as float, all others as int64_t; the narrow ones wrap as they would. */
enum nn_type { NN_FLOAT, NN_INT64, NN_INT32, NN_INT8, NN_UINT8, NN_BOOL };

/* Dimensions are ONNX's, in its order; strides count elements and may say any layout. */
struct nn_tensor {
	enum nn_type type;
	int rank;
	int64_t dim[NN_RANK_MAX];
	int64_t stride[NN_RANK_MAX];
	void *data;
};

size_t nn_type_size(enum nn_type); /* of a stored element */
/* Elements; 1 for a scalar. Every shape that a plan made is known not to overflow. */
int64_t nn_count(const struct nn_tensor *);

/* ---- The graph --------------------------------------------------------------------------- */

/* Real initializers and constants, in the order of the model; `data` in ONNX's layout. */
struct nn_weight {
	struct str name;
	int rank;
	int64_t dim[NN_RANK_MAX];
	int64_t count;
	float *data;    /* may be NULL before nn_graph_load; after writing: nn_graph_changed */
	bool trainable; /* plans made from now on have its gradient; set by what reads it */
	bool constant;  /* of a Constant node, not an initializer: never trainable by itself */
};

struct nn_graph;

/*
 * The graph of a model, every operator decoded and checked with a trial plan. E_INPUT names the
 * node that is unknown, malformed or does not fit. The model and its bytes must outlive the graph;
 * large weights are not read yet.
 */
MUST bool nn_import(struct ctx *, const struct onnx_model *, struct nn_graph **ret);
void nn_graph_free(struct nn_graph **);
/* Reads the weights, once; a plan does it by itself. E_LIMIT beyond `max` bytes. */
MUST bool nn_graph_load(struct ctx *, struct nn_graph *, size_t max);
/* All weights, for reading and writing. */
struct nn_weight *nn_weights(struct nn_graph *, size_t *ret_n);
struct nn_weight *nn_weight_by_name(struct nn_graph *, struct str name); /* NULL: none */
/* To be called after weights were written: plans prepare them again before they next run. */
void nn_graph_changed(struct nn_graph *);

/* One input or output as the model declares it; a dimension of -1 is free, with its name. */
struct nn_port {
	struct str name;
	enum nn_type type;
	int rank;
	int64_t dim[NN_RANK_MAX];
	struct str symbol[NN_RANK_MAX];
};
const struct nn_port *nn_inputs(const struct nn_graph *, size_t *ret_n);
const struct nn_port *nn_outputs(const struct nn_graph *, size_t *ret_n);
/* True if some input's first dimension is free, so that any batch size can be planned. */
bool nn_batch_free(const struct nn_graph *);

/* ---- The plan ---------------------------------------------------------------------------- */

enum nn_mode {
	NN_INFER,         /* forward only: memory is shared by all that do not live together */
	NN_DIFFERENTIATE, /* forward as for inference, and backward */
	NN_TRAIN,         /* batch statistics, dropout, running means updated; and backward */
	NN_EXPLAIN,       /* forward as for inference, and relevance back to the inputs */
};

/* A free dimension that is not the batch, by its name in the model. */
struct nn_symbol {
	struct str name;
	int64_t value;
};

struct nn_options {
	enum nn_mode mode;
	int64_t batch;        /* for the free first dimension of the inputs; 0 means 1 */
	int threads;          /* 0 means 1 */
	uint64_t seed;        /* of dropout */
	size_t memory_max;    /* E_LIMIT beyond; 0 means 4 GiB */
	bool input_gradients; /* nn_backward also gives those of the inputs */
	bool plain; /* the plain kernels only: the reference that the fast ones must meet */
	const struct nn_symbol *symbol;
	size_t symbols;
	/* One array an input, or NULL; NULL for none at all. Values that are the same in every run,
	 * for models in which a shape depends on them. What nn_forward gets for them is ignored. */
	const void *const *known;
};

struct nn_plan;

/* The graph must outlive the plan; several plans may share one graph. */
MUST bool nn_plan_new(
    struct ctx *, struct nn_graph *, const struct nn_options *, struct nn_plan **ret);
void nn_plan_free(struct nn_plan **);
size_t nn_plan_memory(const struct nn_plan *); /* bytes of activations, gradients, scratch */
/* Dropout goes on as in a new plan with this seed: what follows does not depend on earlier runs. */
void nn_plan_seed(struct nn_plan *, uint64_t seed);

/* Shapes of its inputs and outputs, dense; the data of an output is that of the last run. */
const struct nn_tensor *nn_plan_input(const struct nn_plan *, size_t);
const struct nn_tensor *nn_plan_output(const struct nn_plan *, size_t);

/*
 * Runs the graph. One dense array an input, float or int64_t by its type, read until the next run
 * or backward has ended. E_INPUT if the values do not fit an operator (an index out of range).
 */
MUST bool nn_forward(struct ctx *, struct nn_plan *, const void *const input[]);
/*
 * After nn_forward, at most once: takes the gradient of each output (dense; NULL for none) and
 * adds to the gradients of the trainable weights. Those of the inputs are written anew.
 */
MUST bool nn_backward(struct ctx *, struct nn_plan *, const float *const output_gradient[]);
/* The gradient of a weight in its layout; NULL if the plan has none. It may be written. */
float *nn_weight_gradient(struct nn_plan *, size_t weight);
const float *nn_input_gradient(const struct nn_plan *, size_t input);
/*
 * Relevance, in a plan made with NN_EXPLAIN: how much of an answer each number of the input stands
 * for. Epsilon: by contribution, with sign. Taylor: by positive contribution, and by the box of the
 * input in first layers (or by squared weights, if no box was given): deep Taylor decomposition.
 * Gamma: epsilon in dense layers, positive weights favoured in the others. Biases take no part; in
 * the last they do, and keep what they brought: where a network is linear by pieces that map is its
 * gradient times its input, which small changes of weights change little.
 */
enum nn_map { NN_MAP_EPSILON, NN_MAP_TAYLOR, NN_MAP_GAMMA, NN_MAP_BIASED };
/* Every number of the inputs lies between these; undoes the last nn_forward. */
MUST bool nn_relevance_box(struct ctx *, struct nn_plan *, float low, float high);
/*
 * After nn_forward, at most once: takes the relevance of each output as nn_backward does the
 * gradient, and leaves that of the inputs in nn_input_gradient. What denominators of nothing were
 * to have divided is lost.
 */
MUST bool nn_relevance(
    struct ctx *, struct nn_plan *, enum nn_map, const float *const output[]);
/* Weight gradients become zero, as they are in a new plan. */
void nn_gradients_clear(struct nn_plan *);

#endif
