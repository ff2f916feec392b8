/*
 * A small network with a head of any kind, small pictures and a data set, for the tests of
 * watermarks.
 */
#ifndef WATERMARK_SUPPORT_H
#define WATERMARK_SUPPORT_H

#include "onnx_support.h"
#include "watermark.h"

enum { SIDE = 8, CLASSES = 3 };

/*
 * x [N,1,8,8] -> Conv 3x3 to 4 channels -> Relu -> MaxPool 2 -> a head for 3 classes -> y [N,3].
 * The head: Flatten -> Gemm 64 to 24 -> Relu -> one of these, or a 1x1 Conv and a pooling.
 */
enum head {
	HEAD_GEMM,        /* weights [24,3] */
	HEAD_GEMM_TURNED, /* weights [3,24] */
	HEAD_MATMUL,      /* and Add */
	HEAD_MATMUL_BARE,
	HEAD_CONV,
	HEAD_SOFTMAX, /* behind a Gemm */
	HEAD_BROAD,   /* Gemm with one bias for all */
	HEAD_TANH,    /* cannot be widened */
	HEAD_SHARED,  /* the Gemm's weights are used twice: cannot be widened */
	HEADS
};
struct str network_bytes(struct ctx *, enum head);
/* A model as a graph; both live until the test ends. */
struct network {
	struct onnx_model model;
	struct nn_graph *graph;
};
struct network network_open(struct ctx *, struct str bytes);
void network_done(struct network *);
/* The widened model's bytes; must succeed. */
struct str widened(struct ctx *, const struct onnx_model *);

/* A picture 8 x 8, grey: a blob of light on noise, by its number. */
struct image picture(struct ctx *, uint64_t number);
struct image *pictures(struct ctx *, int64_t n);

/* Samples of 3 classes: bars across, bars down, a frame. */
struct world {
	struct data_samples samples;
	struct data_labels labels;
};
struct world world_new(int64_t n, uint64_t seed);
void world_done(struct world *);
struct train_data world_for(struct ctx *, const struct nn_graph *, const struct world *);

struct key256 any_secret(uint8_t first);
/* Drawn from pictures 0 … and committed to. */
struct keyset any_keyset(struct ctx *, int pairs, int spares);

#endif
