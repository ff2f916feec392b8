/*
 * Decoded attributes, by family of operators. The newest opset's form; what was an attribute once
 * and is an input now is an input here (see decode in the rows).
 */
#ifndef NN_ATTRS_H
#define NN_ATTRS_H

#include "graph.h"

enum { SPATIAL_MAX = 3 };

enum auto_pad { PAD_GIVEN, PAD_SAME_UPPER, PAD_SAME_LOWER, PAD_VALID };

/* Convolutions and pools: what slides over the spatial dimensions. */
struct window_attr {
	int spatial;                 /* dimensions; 0 if nothing says it */
	int64_t kernel[SPATIAL_MAX]; /* 0: that of the weights */
	int64_t stride[SPATIAL_MAX], dilation[SPATIAL_MAX];
	int64_t pad_begin[SPATIAL_MAX], pad_end[SPATIAL_MAX];
	enum auto_pad auto_pad;
	int64_t group;
	bool ceil_mode, count_include_pad, storage_order;
	int64_t output_pad[SPATIAL_MAX], output_shape[SPATIAL_MAX]; /* ConvTranspose */
	bool has_output_shape;
};

/* Resolved against one input: three spatial dimensions always, the missing ones in front are 1. */
struct window {
	int64_t batch, channels;
	int64_t in[SPATIAL_MAX], out[SPATIAL_MAX];
	int64_t kernel[SPATIAL_MAX], stride[SPATIAL_MAX], dilation[SPATIAL_MAX];
	int64_t pad[SPATIAL_MAX]; /* in front */
	int64_t pad_end[SPATIAL_MAX];
};

struct reals_attr {
	float a, b;
};

struct ints_attr {
	int64_t v[NN_RANK_MAX];
	size_t n;
	bool given;
};

struct axis_attr {
	int64_t axis;
	bool flatten; /* softmax before opset 13: all from the axis on are one */
};

/* Two inputs, broadcast. Before opset 7 the second was aligned at an axis if so asked. */
struct binary_attr {
	bool aligned;
	int64_t axis;
	bool fmod;
};

struct gemm_attr {
	float alpha, beta;
	bool trans_a, trans_b;
};

struct norm_attr {
	float epsilon, momentum;
	bool training;  /* batch statistics even outside of training */
	int64_t axis;   /* LayerNormalization */
	int64_t groups; /* reserved for group normalisation; 0 */
};

struct lrn_attr {
	float alpha, beta, bias;
	int64_t size;
};

struct reduce_attr {
	bool keep, none_if_empty, last; /* last: ArgMax takes the last of equals */
	int64_t axis;                   /* ArgMax */
	bool exclusive, reverse;        /* CumSum */
};

enum pad_mode { PAD_CONSTANT, PAD_REFLECT, PAD_EDGE, PAD_WRAP };

enum resize_mode { RESIZE_NEAREST, RESIZE_LINEAR, RESIZE_CUBIC };
enum resize_place {
	PLACE_HALF_PIXEL,
	PLACE_PYTORCH_HALF_PIXEL,
	PLACE_ASYMMETRIC,
	PLACE_ALIGN_CORNERS,
	PLACE_TF_HALF_PIXEL,
	PLACE_CROP,
};
enum resize_round { ROUND_PREFER_FLOOR, ROUND_PREFER_CEIL, ROUND_FLOOR, ROUND_CEIL };
struct resize_attr {
	enum resize_mode mode;
	enum resize_place place;
	enum resize_round round;
	float cubic_a, outside;
	bool exclude_outside;
};

struct type_attr {
	enum nn_type type;
};

struct blocks_attr {
	int64_t size;
	bool crd;
};

/* LSTM, GRU. */
struct recurrent_attr {
	int64_t hidden;
	int directions;
	bool reverse; /* the first direction goes backwards */
	bool batch_first;
	bool linear_before_reset;
};

/* ---- Reading them ------------------------------------------------------------------------ */

MUST bool attr_word(struct ctx *, const struct onnx_node *, const char *name,
    const char *const words[], size_t count, int *ret);
/* A list of at most `max` numbers; *ret_n is 0 when it is absent. */
MUST bool attr_ints(struct ctx *, const struct onnx_node *, const char *name, size_t max,
    int64_t ret[], size_t *ret_n);
MUST bool attr_bool(
    struct ctx *, const struct onnx_node *, const char *name, bool otherwise, bool *ret);
/* Our type for ONNX's; E_INPUT for those that we do not compute with. */
MUST bool type_of(struct ctx *, int64_t onnx, enum nn_type *ret);

/* The window of a call whose in[0] is the image; for pools kernel comes from the attributes. */
MUST bool window_of_conv(struct ctx *, const struct nn_call *, struct window *ret);
MUST bool window_of_conv_transpose(struct ctx *, const struct nn_call *, struct window *ret);
MUST bool window_of_pool(struct ctx *, const struct nn_call *, struct window *ret);

#endif
