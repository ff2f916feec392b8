/*
 * Generators and discriminators as networks of our own. Not for other modules.
 */
#ifndef BACKDOOR_GAN_PARTS_H
#define BACKDOOR_GAN_PARTS_H

#include "parts.h"

/*
 * Models of pictures x [N,C,H,W] of numbers from 0 to 1, all weights zero. The generator gives y of
 * the same shape, from -1 to 1; the discriminator one logit.
 */
MUST bool gan_generator(struct ctx *, const struct backdoor_shape *, struct str *ret);
MUST bool gan_discriminator(struct ctx *, const struct backdoor_shape *, struct str *ret);

/* One of them, with what it takes to train it. */
struct gan_net {
	struct arena *mem; /* the model's */
	struct onnx_model *model;
	struct nn_graph *graph;
	struct nn_plan *plan;
	float **state;
	size_t states;
	int64_t step;
};
typedef bool gan_model(struct ctx *, const struct backdoor_shape *, struct str *ret);
MUST bool gan_net_new(struct ctx *, gan_model *, const struct backdoor_shape *, int64_t batch,
    int threads, struct gan_net *ret);
void gan_net_done(struct gan_net *);
/* First weights by chance, training from its beginning. */
MUST bool gan_net_begin(struct ctx *, struct gan_net *, uint64_t seed);
/* A batch to outputs, which live until the next run; and slopes of outputs to those of inputs. */
MUST bool gan_net_run(struct ctx *, struct gan_net *, const float *in, const float **ret);
MUST bool gan_net_back(
    struct ctx *, struct gan_net *, const float *slope, const float **ret_input);
/* New weights by the gradients since the last ones, which are forgotten. */
void gan_net_step(struct gan_net *, double rate);
/* All weights one after the other. */
int64_t gan_net_numbers(const struct gan_net *);
void gan_net_save(const struct gan_net *, float *to);
void gan_net_load(struct gan_net *, const float *from);

/* What was found: facts, and each class's generator by its weights. */
struct gan {
	int32_t classes, first, last;
	struct backdoor_shape shape;
	int64_t numbers; /* of a generator */
	struct gan_found *found;
	float *weights; /* classes of them */
};

#endif
