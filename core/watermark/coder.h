/*
 * Autoencoders of our own, as a stranger may put one in front of the network.
 */
#ifndef WATERMARK_CODER_H
#define WATERMARK_CODER_H

#include "parts.h"

/* An autoencoder for rows of n numbers, as ONNX, all weights zero. */
MUST bool coder_model(struct ctx *, int64_t n, int64_t wide, int64_t narrow, struct str *ret);

/* What one is trained on, and how. */
struct coder_plan {
	const struct train_data *data;
	int64_t wide, narrow;
	int64_t batch, steps;
	int threads;
	uint64_t seed;
};
struct coder;
MUST bool coder_new(struct ctx *, const struct coder_plan *, struct coder **ret);
void coder_free(struct coder **);
/* So many steps more; the error of the last in *ret. */
MUST bool coder_train(struct ctx *, struct coder *, int64_t steps, double *ret);
/* n rows as they come out of it. */
MUST bool coder_pass(struct ctx *, struct coder *, const float *rows, int64_t n, float *to);

#endif
