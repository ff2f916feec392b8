/*
 * Networks of one node for the tests of the engine, written as short texts.
 *
 *	{ "Conv", 13, "2x4x7x6 6x2x3x3 6", "group=2 strides=2,1 pads=1,0,2,1" }
 *
 * Inputs, apart by blanks: a shape (s: a scalar) is real; before it may stand p (positive), u
 * (within -0.9 and 0.9), g (greater than 1) or b (boolean). `i:1,2` is a constant list of whole
 * numbers, `n:2` a single one, `k:0.5` a real constant, `l:1,2` a list of such, `j2x2:0,1,2,3`
 * whole numbers given when it runs, `-` an input that is not there. Attributes: whole numbers or a
 * list of them, a real number if there is a point, else a word.
 */
#ifndef NN_SUPPORT_H
#define NN_SUPPORT_H

#include "nn.h"
#include "onnx.h"

struct nn_case {
	const char *op;
	int opset;
	const char *inputs, *attrs;
	int outputs;       /* 0 means one */
	enum nn_mode mode; /* NN_INFER means NN_DIFFERENTIATE */
};

enum { CASE_INPUTS = 8, CASE_OUTPUTS = 4 };

struct case_input {
	enum nn_type type;
	int rank;
	int64_t dim[NN_RANK_MAX], count;
	bool absent, constant;
	float *f;
	int64_t *i;
};

struct case_net {
	struct onnx_model m;
	struct nn_graph *g;
	struct case_input in[CASE_INPUTS];
	int ins;
	const void *given[CASE_INPUTS]; /* what nn_forward gets, by graph input */
	int place[CASE_INPUTS]; /* of in[i]: graph input, or weight if it is one; -1: neither */
	bool weight[CASE_INPUTS];
};

/* Ends the test if the case cannot be read. Values are distinct and no kink is near any of them. */
void case_read(struct ctx *, const struct nn_case *, struct case_net *ret);
/* The graph; with `weights`, all real inputs but the first are trainable weights. */
MUST bool case_import(struct ctx *, const struct nn_case *, bool weights, struct case_net *);

/* ---- Networks of several nodes ----------------------------------------------------------- */

/*
 * Words apart by blanks. Inputs and weights are NAME:SHAPE, a letter in a shape being a free
 * dimension of that name, a `j` before it making whole numbers of it; nodes are apart by ';', each
 * OUTPUT OPERATOR INPUT… ATTRIBUTE=VALUE…, and several outputs are apart by ','.
 *
 *	{ 13, "x:Nx4", "w:3x4 b:3", "h Gemm x w b transB=1; y Relu h", "y" }
 */
struct net_text {
	int opset;
	const char *inputs, *weights, *nodes, *outputs;
};
struct net {
	struct onnx_model m;
	struct nn_graph *g;
};
/* Weights hold random numbers in (-1, 1). Ends the test if the text cannot be read. */
MUST bool net_import(struct ctx *, const struct net_text *, struct net *ret);
/* `n` random numbers in (-1, 1). */
float *net_numbers(struct ctx *, int64_t n);

#endif
