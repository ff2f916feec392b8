/*
 * The edge to oneDNN: convolutions and matrix products, the only two things that are asked of it.
 * Images lie channels last. The library runs on the calling thread alone; whoever wants two threads
 * has two of them call.
 */
#ifndef NN_DNNL_EDGE_H
#define NN_DNNL_EDGE_H

#include "fast_kernels.h"
#include "nn.h"

enum { CONV_SPACE = 3, CONV_VARIANTS = 16 };

struct conv_shape {
	int64_t channels, maps, group;
	int space; /* dimensions, 2 or 3 */
	int64_t in[CONV_SPACE], out[CONV_SPACE], kernel[CONV_SPACE], stride[CONV_SPACE],
	    dilation[CONV_SPACE], pad[CONV_SPACE], pad_end[CONV_SPACE];
};

enum conv_pass { CONV_FORWARD, CONV_TO_IMAGE, CONV_TO_WEIGHTS };

/* What becomes of the result of a forward pass. */
struct conv_after {
	bool bias;
	bool adds; /* to what is there */
	struct range range;
};

/* How much of a convolution one call does: so many images, and of them rows of the result. */
struct conv_part {
	int64_t images;
	int64_t from, to; /* rows; only with one image and two dimensions are they not all */
};

/* One pass of one convolution, for some such parts. */
struct conv;

/* *ret is NULL if the library has only a slow way. */
MUST bool conv_new(struct ctx *, const struct conv_shape *, enum conv_pass,
    const struct conv_after *, const struct conv_part[], int parts, int threads,
    struct conv **ret);
void conv_free(struct conv **);
size_t conv_packed(const struct conv *);  /* floats of the weights as this pass wants them */
size_t conv_scratch(const struct conv *); /* bytes, a thread */

/* Weights from ONNX's layout to that of the pass, and back. */
void conv_pack(const struct conv *, const float *plain, float *packed);
void conv_unpack(const struct conv *, const float *packed, float *plain);

/*
 * Runs part `which` of the parts that it was made for; pointers are to all of the image and the
 * result. CONV_TO_IMAGE writes `image`; CONV_TO_WEIGHTS writes
 * `weights` and, if after.bias, `bias`.
 */
void conv_run(const struct conv *, int which, int thread, float *image, float *weights,
    float *bias, float *map, void *scratch);

/* to[m][n] = a[m][k] * b[k][n] (+ to); a or b is read turned if so asked. Steps are of rows. */
struct product {
	int64_t m, n, k;
	int64_t a_step, b_step, to_step;
	bool a_turned, b_turned, adds;
};
void product_run(const struct product *, const float *a, const float *b, float *to);

/* Each thread that runs the above calls this first. */
void edge_enter(void);

#endif
