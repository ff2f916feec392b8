/*
 * The contract between the plan and the operators: what one execution of a node sees (nn_call), and
 * the row that says everything about an operator (nn_row). A new operator is one row in
 * op_table.c and the functions it names.
 *
 * Plain kernels are right for any strides. They never fail for lack of memory: what they need
 * beside inputs and outputs they ask for in `shape`.
 */
#ifndef NN_OPS_H
#define NN_OPS_H

#include "nn.h"

struct onnx_node;
struct nn_node;
struct nn_rule;
struct nn_graph;

/* One execution of one node; absent optional inputs and outputs are NULL. */
struct nn_call {
	const void *attr; /* what the row's decode made */
	int ins, outs;
	struct nn_tensor **in, **out;
	/* Backward: dout[i] is NULL if no gradient comes, din[i] if none is wanted. */
	struct nn_tensor **din, **dout;
	/* din[i] holds nothing yet and is to be written, not added to. Rows with NN_FRESH only; for
	 * all others the plan has cleared it. */
	bool *fresh;
	bool training;                     /* batch statistics, dropout */
	uint64_t seed;                     /* another one each time the node runs forward */
	size_t saved_bytes, scratch_bytes; /* asked for by shape */
	void *saved;                       /* from forward to backward, aligned to 64 */
	void *scratch;                     /* during one execution, aligned to 64 */
	const char *bad;                   /* set by a kernel whose input's values do not fit */
	const struct nn_rule *rule;        /* of relevance, and a place for what it needs */
	void *room;
};

/* Reads attributes into node->attr and brings older opsets into the newest form of inputs. */
typedef bool nn_decode_fn(
    struct ctx *, struct nn_graph *, struct nn_node *, const struct onnx_node *);
/*
 * Checks the inputs and sets type, rank and dimensions of each output, saved_bytes and
 * scratch_bytes. The `data` of an input is NULL unless its values are constant.
 */
typedef bool nn_shape_fn(struct ctx *, struct nn_call *);
/*
 * Forward writes each out[i]; backward adds to each din[i]; relevance is shaped like backward and
 * always adds.
 */
typedef void nn_run_fn(struct nn_call *);

enum {
	/* Layout: what the executor may do with the strides of activations. */
	NN_SAME =
	    1 << 0, /* right and fast whenever all inputs and outputs are laid out alike */
	NN_NHWC = 1 << 1,  /* prefers channels last inside */
	NN_PLAIN = 1 << 2, /* inputs and outputs in ONNX's own order */
	/* Memory. */
	NN_VIEW =
	    1 << 3, /* out[0] holds in[0]'s elements in their order: may be the same memory */
	NN_IN_PLACE = 1 << 4, /* out[0] may overwrite an input of the same shape and strides */
	NN_KEEP_OUT = 1 << 5, /* backward reads the outputs */
	NN_FRESH = 1 << 6,    /* backward obeys call.fresh */
	/* Meaning. */
	NN_REAL = 1 << 7,     /* in[0] has to be real */
	NN_RANDOM = 1 << 8,   /* in training, another result each time */
	NN_OF_SHAPE = 1 << 9, /* needs the shapes of its inputs alone */
	NN_ALL_OUT = 1 << 10, /* gradients come through every output, not the first one alone */
};
#define NN_ALL (1u << 31) /* in the input masks below: every input from the last named one on */
#define NN_MANY INT32_MAX

/* Kernels that do the same in less time; plans use them unless plain ones were asked for. */
struct nn_fast {
	nn_run_fn *forward, *backward;
};

struct nn_row {
	const char *onnx;
	int in_min, in_max; /* NN_MANY: as many as there are */
	int out_max;
	unsigned flags;
	uint32_t diff;        /* inputs that have a gradient */
	uint32_t keep;        /* inputs whose values backward reads */
	uint32_t param;       /* inputs that are trained if they are weights */
	nn_decode_fn *decode; /* NULL: no attributes */
	nn_shape_fn *shape;
	nn_run_fn *forward;
	nn_run_fn *backward;        /* NULL: no input has a gradient */
	nn_run_fn *relevance;       /* NULL: none; plans that explain refuse the model */
	const struct nn_fast *fast; /* NULL: none */
};

/* clang-format off */
enum nn_op {
	OP_ABS, OP_ACOS, OP_ACOSH, OP_ADD, OP_AND, OP_ARG_MAX, OP_ARG_MIN, OP_ASIN, OP_ASINH,
	OP_ATAN, OP_ATANH, OP_AVERAGE_POOL, OP_BATCH_NORMALIZATION, OP_CAST, OP_CAST_LIKE,
	OP_CEIL, OP_CELU, OP_CLIP, OP_CONCAT, OP_CONSTANT, OP_CONSTANT_OF_SHAPE, OP_CONV,
	OP_CONV_TRANSPOSE, OP_COS, OP_COSH, OP_CUM_SUM, OP_DEPTH_TO_SPACE, OP_DIV, OP_DROPOUT,
	OP_ELU, OP_EQUAL, OP_ERF, OP_EXP, OP_EXPAND, OP_FLATTEN, OP_FLOOR, OP_GATHER,
	OP_GATHER_ELEMENTS, OP_GELU, OP_GEMM, OP_GLOBAL_AVERAGE_POOL, OP_GLOBAL_MAX_POOL,
	OP_GREATER, OP_GREATER_OR_EQUAL, OP_GRU, OP_HARDMAX, OP_HARD_SIGMOID, OP_HARD_SWISH,
	OP_IDENTITY, OP_INSTANCE_NORMALIZATION, OP_ISINF, OP_ISNAN, OP_LAYER_NORMALIZATION,
	OP_LEAKY_RELU, OP_LESS, OP_LESS_OR_EQUAL, OP_LOG, OP_LOG_SOFTMAX, OP_LRN, OP_LSTM, OP_MAT_MUL,
	OP_MAX, OP_MAX_POOL, OP_MEAN, OP_MIN, OP_MOD, OP_MUL, OP_NEG, OP_NOT, OP_OR, OP_PAD,
	OP_POW, OP_PRELU, OP_RANGE, OP_RECIPROCAL, OP_REDUCE_L1, OP_REDUCE_L2,
	OP_REDUCE_LOG_SUM, OP_REDUCE_LOG_SUM_EXP, OP_REDUCE_MAX, OP_REDUCE_MEAN,
	OP_REDUCE_MIN, OP_REDUCE_PROD, OP_REDUCE_SUM, OP_REDUCE_SUM_SQUARE, OP_RELU,
	OP_RESHAPE, OP_RESIZE, OP_ROUND, OP_SELU, OP_SHAPE, OP_SHRINK, OP_SIGMOID, OP_SIGN,
	OP_SIN, OP_SINH, OP_SIZE, OP_SLICE, OP_SOFTMAX, OP_SOFTPLUS, OP_SOFTSIGN,
	OP_SPACE_TO_DEPTH, OP_SPLIT, OP_SQRT, OP_SQUEEZE, OP_SUB, OP_SUM, OP_TAN, OP_TANH,
	OP_THRESHOLDED_RELU, OP_TILE, OP_TRANSPOSE, OP_TRILU, OP_UNSQUEEZE, OP_UPSAMPLE,
	OP_WHERE, OP_XOR,
	OP_COUNT
};
/* clang-format on */
extern const struct nn_row nn_ops[OP_COUNT];

/* True if input `i` is in the mask. */
bool nn_mask(uint32_t mask, int i);

#endif
