/*
 * The graph inside: values (edges) and nodes by index, in an order in which each node stands after
 * what it needs. Nothing has a batch size here.
 */
#ifndef NN_GRAPH_H
#define NN_GRAPH_H

#include "ops.h"
#include "onnx.h"

enum nn_source {
	NN_FROM_INPUT,    /* of the graph; `index` among its inputs */
	NN_FROM_WEIGHT,   /* `index` among the weights */
	NN_FROM_CONSTANT, /* known at import, never trained; `constant` */
	NN_FROM_NODE,     /* `index` of the node */
};

struct nn_value {
	struct str name;
	enum nn_source source;
	size_t index;
	const struct nn_tensor *constant; /* dense; for NN_FROM_CONSTANT only */
};

struct nn_node {
	struct str name; /* of the model, or its first output's */
	enum nn_op op;
	const void *attr;
	int ins, outs;
	int32_t *in, *out; /* values; -1 for an optional one that is not given */
};

struct nn_graph {
	struct arena *mem; /* of everything but the weights' data */
	const struct onnx_model *model;
	int64_t opset;
	struct nn_value *value;
	size_t values, values_max;
	struct nn_node *node;
	size_t nodes;
	struct nn_weight *weight;
	const struct onnx_tensor **weight_from; /* where each weight's numbers stand */
	size_t weights;
	struct nn_port *input, *output;
	int32_t *input_value, *output_value;
	size_t inputs, outputs;
	bool loaded;      /* all weights are */
	uint64_t version; /* of the weights' numbers; counted up by nn_graph_changed */
};

MUST bool graph_add_value(struct ctx *, struct nn_graph *, struct nn_value, int32_t *ret);
/* Reads the weights of at most so many numbers. */
MUST bool graph_load_small(struct ctx *, struct nn_graph *, int64_t max);
/* Puts the node's name before the error's text, and returns false. */
MUST bool node_fail(struct ctx *, const struct nn_node *);

/* ---- For the rows' decode ---------------------------------------------------------------- */

/* Zeroed memory that lives as long as the graph; NULL with c->err set. */
void *graph_take(struct ctx *, struct nn_graph *, size_t);
/* Gives the node constant input `at` (the inputs grow as needed), as newer opsets have it. */
MUST bool node_add_ints(struct ctx *, struct nn_graph *, struct nn_node *, int at,
    const int64_t *, size_t n, int rank);
MUST bool node_add_floats(struct ctx *, struct nn_graph *, struct nn_node *, int at,
    const float *, size_t n, int rank);
bool node_has_input(const struct nn_node *, int at);

#endif
