/*
 * Relevance: how much of an answer each part of the input stands for. It flows back through the
 * graph as gradients do, in the same tensors, but is divided among an operator's inputs by what
 * they contributed. Each rule is forward and backward runs of the operator itself with changed
 * inputs or weights, so it is right wherever those are.
 */
#ifndef NN_RELEVANCE_H
#define NN_RELEVANCE_H

#include "kernel.h"

enum rule_kind {
	RULE_EPSILON,  /* by contribution, with sign */
	RULE_POSITIVE, /* by positive contribution alone: z+ */
	RULE_BOX,      /* the first layer, of inputs between low and high: zB */
	RULE_SQUARES,  /* the first layer, of inputs without bounds: w2 */
	RULE_GAMMA, /* positive weights count a quarter more; of inputs that are not negative */
};
struct nn_rule {
	enum rule_kind kind;
	const struct nn_tensor *low, *high; /* RULE_BOX: in[0] at the ends of the box */
	const struct relevance_conv *conv;  /* runs the operator; NULL: plainly */
	const struct nn_tensor *factor;     /* of the norm that is folded into it, by channel */
	bool biased; /* RULE_EPSILON: biases count in what is divided by */
	bool folded; /* this norm is folded into what comes before it */
};

/* Bytes of call.room that the relevance of this call may use. */
size_t relevance_room(const struct nn_call *);
/* A dense tensor of the same shape in the room, which begins empty with each call of relevance. */
struct room {
	char *p;
};
struct nn_tensor room_like(struct room *, const struct nn_tensor *);

/* s = r / z, stabilised channel by channel for RULE_EPSILON; 0/0 is 0. May be in place of z. */
void relevance_divide(const struct nn_call *, const struct nn_tensor *r,
    const struct nn_tensor *z, const struct nn_tensor *s);
/* to += a * b, elementwise. */
void relevance_add_product(
    const struct nn_tensor *to, const struct nn_tensor *a, const struct nn_tensor *b);
/* to = the positive (or negative) part of from. */
void relevance_part(const struct nn_tensor *to, const struct nn_tensor *from, bool positive);

/* relevance_conv.c: a convolution with any weights, by the library. All arrays are dense. */
struct relevance_conv;
struct relevance_desk;
/* *ret stays NULL if the library has only a slow way. The desk grows as it has to. */
MUST bool relevance_conv_new(
    struct ctx *, const struct nn_call *, struct relevance_desk *, struct relevance_conv **ret);
void relevance_conv_free(struct relevance_conv **);
/* The map of `a`, without bias; and the image that a map goes back to. */
void relevance_conv_forward(
    const struct relevance_conv *, const float *a, const float *w, float *out);
void relevance_conv_back(
    const struct relevance_conv *, const float *s, const float *w, float *din);
/* The step itself, with its bias. */
void relevance_conv_step(const struct relevance_conv *, const struct nn_call *);

/* relevance_linear.c */
nn_run_fn conv_relevance, conv_transpose_relevance, gemm_relevance, matmul_relevance;
/* recurrent.c */
nn_run_fn lstm_relevance, gru_relevance;
/* relevance_shares.c */
nn_run_fn add_relevance, sub_relevance, sum_relevance, product_relevance, first_relevance,
    average_pool_relevance, global_average_relevance, reduce_sum_relevance,
    reduce_mean_relevance, reduce_l1_relevance, reduce_l2_relevance,
    reduce_sum_square_relevance, reduce_log_sum_relevance, reduce_log_sum_exp_relevance,
    reduce_prod_relevance, cumsum_relevance, resize_relevance, batch_norm_relevance;

#endif
