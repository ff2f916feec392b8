/*
 * The rows' decoders, by the file that has them.
 */
#ifndef NN_DECODE_H
#define NN_DECODE_H

#include "attrs.h"

/* attrs.c */
nn_decode_fn decode_reals, decode_gelu, decode_isinf, decode_axis_0, decode_axis_1,
    decode_softmax, decode_split, decode_trilu, decode_axes, decode_binary, decode_prelu,
    decode_gemm, decode_clip, decode_pad, decode_slice, decode_dropout, decode_transpose,
    decode_reshape, decode_shape, decode_cast, decode_blocks;

/* attrs_more.c */
nn_decode_fn decode_batch_norm, decode_instance_norm, decode_layer_norm, decode_lrn,
    decode_reduce, decode_arg, decode_cumsum, decode_resize, decode_constant_of_shape,
    decode_recurrent;

/* window.c */
nn_decode_fn decode_pool, decode_conv, decode_conv_transpose;

#endif
