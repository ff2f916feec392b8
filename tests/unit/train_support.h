/*
 * A small network and a small data set for the tests of training.
 */
#ifndef TRAIN_SUPPORT_H
#define TRAIN_SUPPORT_H

#include "onnx_support.h"
#include "train.h"

/* A model as a graph. The bytes and the model live until the test ends. */
struct net {
	struct onnx_model model;
	struct nn_graph *graph;
};
/*
 * x [N,2,6,6] -> less its mean -> Conv 3x3 to 4 channels -> BatchNormalization -> Relu -> Flatten
 * -> Dropout 0.25 -> Gemm -> y [N,outputs]; all weights zero.
 */
struct str net_bytes(struct ctx *, int64_t outputs);
struct net net_open(struct ctx *, struct str bytes);
/* The same with first weights of this seed. */
struct net net_fresh(struct ctx *, int64_t outputs, uint64_t seed);
void net_done(struct net *);
/* All weights one after the other, in the arena. */
struct str net_weights(struct ctx *, struct net *);

/* Noisy images 2 x 6 x 6 of `classes` kinds, each with its own bright corner; always the same. */
struct toys {
	struct data_samples samples;
	struct data_labels labels;
};
struct toys toys_new(int64_t n, int64_t classes);
void toys_done(struct toys *);
struct train_data toys_for(struct ctx *, const struct net *, const struct toys *);

/* SGD with everything on that can be. */
struct train_options options_full(void);
/* A trainer over the toys; must succeed. */
struct trainer *trainer_ok(
    struct ctx *, struct net *, const struct toys *, const struct train_options *);
/* Steps until `step`; each must succeed. */
void train_until(struct ctx *, struct trainer *, int64_t step);
/* Right answers among the toys. */
int64_t right_answers(struct ctx *, struct net *, const struct toys *, const struct loss *);

#endif
