/*
 * A network whose weights are taken out, changed and disguised, and put into a file again.
 */
#ifndef ALIGN_SUPPORT_H
#define ALIGN_SUPPORT_H

#include "onnx_support.h"

/* LeNet: convolutions to 6 and 16 channels, dense layers to 120, 84 and 10. */
enum { LAYERS = 5 };
struct part {
	const struct onnx_tensor *w, *b;
	float *weights, *bias;
	int64_t out, in;
};

/* The layers by their shapes; test data, so no more is asked. */
void lenet(struct ctx *, const struct onnx_model *, struct part[LAYERS]);
/* The model with these layers; there may be fewer classes. */
struct onnx_model written(struct ctx *, const struct onnx_model *, const struct part[LAYERS]);

/* Random bits, 24 of them. */
uint32_t chance(uint32_t *state);

enum disguise { NOTHING, ORDER, SCALE, BOTH, DEAD, CLIQUE, SPLIT, ALL };
/* The channels between layer l and the next in disguise. */
void disguise(struct ctx *, struct part[LAYERS], int l, enum disguise, uint32_t seed);

#endif
