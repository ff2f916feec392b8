/*
 * The functions that the rows of the op table name, by the file that has them.
 */
#ifndef NN_FAMILIES_H
#define NN_FAMILIES_H

#include "kernel.h"

/* unary.c */
nn_shape_fn question_shape, not_shape;
nn_run_fn abs_forward, acos_forward, acosh_forward, asin_forward, asinh_forward, atan_forward,
    atanh_forward, ceil_forward, celu_forward, cos_forward, cosh_forward, elu_forward,
    erf_forward, exp_forward, floor_forward, gelu_forward, hard_sigmoid_forward,
    hard_swish_forward, isinf_forward, isnan_forward, leaky_relu_forward, log_forward,
    neg_forward, not_forward, reciprocal_forward, relu_forward, round_forward, selu_forward,
    shrink_forward, sigmoid_forward, sign_forward, sin_forward, sinh_forward, softplus_forward,
    softsign_forward, sqrt_forward, tan_forward, tanh_forward, thresholded_relu_forward;
nn_run_fn abs_backward, acos_backward, acosh_backward, asin_backward, asinh_backward,
    atan_backward, atanh_backward, celu_backward, cos_backward, cosh_backward, elu_backward,
    erf_backward, exp_backward, gelu_backward, hard_sigmoid_backward, hard_swish_backward,
    leaky_relu_backward, log_backward, neg_backward, reciprocal_backward, relu_backward,
    selu_backward, shrink_backward, sigmoid_backward, sin_backward, sinh_backward,
    softplus_backward, softsign_backward, sqrt_backward, tan_backward, tanh_backward,
    thresholded_relu_backward;

/* binary.c */
/* The second input as the first sees it: before opset 7 it could be aligned at an axis. */
struct nn_tensor binary_second(const struct nn_call *, const struct nn_tensor *second);
nn_shape_fn arithmetic_shape, compare_shape, logic_shape, mod_shape, pow_shape, prelu_shape;
nn_run_fn add_forward, and_forward, div_forward, equal_forward, greater_forward,
    greater_or_equal_forward, less_forward, less_or_equal_forward, mod_forward, mul_forward,
    or_forward, pow_forward, prelu_forward, sub_forward, xor_forward;
nn_run_fn add_backward, div_backward, mod_backward, mul_backward, pow_backward, prelu_backward,
    sub_backward;

/* several.c */
nn_shape_fn several_shape, several_real_shape, extreme_shape, where_shape, clip_shape;
nn_run_fn sum_forward, mean_forward, max_forward, min_forward, where_forward, clip_forward;
nn_run_fn sum_backward, mean_backward, extreme_backward, where_backward, clip_backward;

/* conv.c, conv_transpose.c, pool.c */
nn_shape_fn conv_shape, conv_transpose_shape, max_pool_shape, average_pool_shape,
    global_pool_shape;
nn_run_fn conv_forward, conv_transpose_forward, max_pool_forward, average_pool_forward,
    global_average_forward, global_max_forward;
nn_run_fn conv_backward, conv_transpose_backward, max_pool_backward, average_pool_backward,
    global_average_backward, global_max_backward;

/* linear.c */
nn_shape_fn gemm_shape, matmul_shape;
nn_run_fn gemm_forward, matmul_forward, gemm_backward, matmul_backward;

/* norm.c, lrn.c */
nn_shape_fn batch_norm_shape, instance_norm_shape, layer_norm_shape, lrn_shape;
nn_run_fn batch_norm_forward, instance_norm_forward, layer_norm_forward, lrn_forward;
nn_run_fn batch_norm_backward, instance_norm_backward, layer_norm_backward, lrn_backward;

/* softmax.c */
nn_shape_fn softmax_shape;
nn_run_fn softmax_forward, log_softmax_forward, hardmax_forward, softmax_backward,
    log_softmax_backward;

/* reduce.c, arg.c */
nn_shape_fn reduce_shape, arg_shape, cumsum_shape;
nn_run_fn reduce_l1_forward, reduce_l2_forward, reduce_log_sum_forward,
    reduce_log_sum_exp_forward, reduce_max_forward, reduce_mean_forward, reduce_min_forward,
    reduce_prod_forward, reduce_sum_forward, reduce_sum_square_forward, arg_max_forward,
    arg_min_forward, cumsum_forward;
nn_run_fn reduce_l1_backward, reduce_l2_backward, reduce_log_sum_backward,
    reduce_log_sum_exp_backward, reduce_extreme_backward, reduce_mean_backward,
    reduce_prod_backward, reduce_sum_backward, reduce_sum_square_backward, cumsum_backward;

/* reshape.c */
nn_shape_fn reshape_shape, flatten_shape, squeeze_shape, unsqueeze_shape, cast_shape,
    cast_like_shape, dropout_shape;
nn_run_fn view_forward, cast_forward, dropout_forward;
nn_run_fn view_backward, cast_backward, dropout_backward;

/* move.c, gather.c */
nn_shape_fn transpose_shape, expand_shape, tile_shape, slice_shape, concat_shape, split_shape,
    gather_shape, gather_elements_shape, depth_to_space_shape, space_to_depth_shape,
    trilu_shape;
nn_run_fn transpose_forward, expand_forward, tile_forward, slice_forward, concat_forward,
    split_forward, gather_forward, gather_elements_forward, depth_to_space_forward,
    space_to_depth_forward, trilu_forward;
nn_run_fn transpose_backward, expand_backward, tile_backward, slice_backward, concat_backward,
    split_backward, gather_backward, gather_elements_backward, depth_to_space_backward,
    space_to_depth_backward, trilu_backward;

/* pad.c, resize.c */
nn_shape_fn pad_shape, resize_shape;
nn_run_fn pad_forward, resize_forward, pad_backward, resize_backward;

/* known.c */
nn_shape_fn constant_of_shape_shape, shape_shape, size_shape, range_shape;
nn_run_fn constant_of_shape_forward, shape_forward, size_forward, range_forward;

/* recurrent.c */
nn_shape_fn lstm_shape, gru_shape;
nn_run_fn lstm_forward, gru_forward, lstm_backward, gru_backward;

/* fast_linear.c */
extern const struct nn_fast fast_gemm, fast_matmul;

#endif
