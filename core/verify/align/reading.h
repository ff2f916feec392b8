/*
 * reading: a model on its way to layers: its values by name, what is constant among them, and the
 * order in which its nodes are gone through.
 */
#ifndef ALIGN_READING_H
#define ALIGN_READING_H

#include "layers.h"

struct value {
	struct str name;
	struct chord chord;
	const struct onnx_tensor *tensor; /* what it is, if it is constant; NULL: it is not */
	const struct onnx_node *maker;    /* NULL: none */
	int layer;                        /* that made it, and nothing else since; -1 */
	int uses;
};

struct reading {
	struct layers l;
	struct value *value;
	size_t slots;  /* a power of two */
	uint64_t salt; /* where a name goes is nobody's choice */
	const struct onnx_node **order;
	size_t nodes;
};

/* ---- values.c ------------------------------------------------------------------------------ */

/* Room for all names of a model, its initializers and makers among them. */
MUST bool values_begin(struct ctx *, const struct onnx_model *, struct reading *);
struct value *value_named(struct reading *, struct str name);
/* The constant that is a node's input i; NULL: it is none. */
const struct onnx_tensor *tensor_in(struct reading *, const struct onnx_node *, size_t i);
/*
 * Tells what a node makes of constants alone: weights that are turned, quantised, of another type,
 * or stand among the nodes. What is not known stays no constant.
 */
MUST bool constant_make(struct ctx *, struct reading *, const struct onnx_node *);

/* ---- order.c ------------------------------------------------------------------------------- */

/*
 * Decides an order that follows from how the nodes hang together, not from the file: from the
 * answers back, and where two branches meet, by what is in them. What leads to no answer is left
 * out.
 */
MUST bool order_nodes(struct ctx *, struct reading *);

#endif
