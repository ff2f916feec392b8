/*
 * layers: a network as the list of its layers with weights, in one form whatever the file's, and
 * the spaces of channels between them.
 */
#ifndef ALIGN_LAYERS_H
#define ALIGN_LAYERS_H

#include "onnx.h"

/*
 * One run of channels. Those of one `order` are in the same order, those of one `scale` are scaled
 * alike. Fixed: both are as they are, as in images and answers; unscaled: what follows would notice
 * a scale.
 */
struct space {
	int64_t size;
	int order, scale; /* another space with the same, or itself */
	bool fixed, unscaled;
};

enum { CHORD_MAX = 64 };
/* The channels of a value: one space behind the other. n 0: unknown. */
struct chord {
	int n, space[CHORD_MAX];
};

enum layer_kind {
	LAYER_DENSE, /* each output channel sees each input channel */
	LAYER_OWN,   /* each sees its own: depthwise convolutions, norms */
};
struct layer {
	enum layer_kind kind;
	struct str node;    /* the name of its output, for messages */
	int64_t out, in, k; /* weights of one pair of channels; in: 1 for LAYER_OWN */
	float *w, *b;       /* [out][in][k], and [out]; a norm behind it is in them */
	struct chord from, to;
	int64_t spread; /* dense layers behind a flattening: inputs of each channel */
	/* How the file has it. */
	const struct onnx_tensor *weights, *bias; /* NULL: it has none */
	bool inputs_first;                        /* [in][out] in the file */
	bool norm;                                /* the weights are a norm's scale alone */
	const struct onnx_tensor *gamma, *beta;   /* of the norm behind it; NULL: none */
	float *factor, *mean; /* what that norm multiplies by and subtracts; NULL: none */
};

struct layers {
	const struct onnx_model *model;
	struct layer *layer;
	size_t n;
	struct space *space;
	size_t spaces;
};
/* In the arena. E_CONFLICT for models without layers, or whose tensors are too many. */
MUST bool layers_read(struct ctx *, const struct onnx_model *, struct layers *ret);

/* A layer's weights from the order of a file that has inputs first, or back into it. */
void layer_turn(const struct layer *, const float *from, float *to, bool back);
/* ---- spaces.c ------------------------------------------------------------------------------ */

enum { SPACES_MAX = 1 << 16 };

/* A chord of one new space. Where there is no more room, its channels are unknown. */
struct chord space_new(struct layers *, int64_t size, bool fixed);
/* Both as they are; nothing may be scaled. */
void chord_fix(struct layers *, const struct chord *);
void chord_unscale(struct layers *, const struct chord *);
/*
 * Two values that are added have the same channels, and with `scale` the same scales; where that
 * cannot be, both stay as they are.
 */
void chord_join(struct layers *, const struct chord *, const struct chord *, bool scale);
/* The same channels, free to have another scale. */
struct chord chord_rescaled(struct layers *, const struct chord *);
/* The space that stands for all of the same order, or scale. */
int space_order(const struct layers *, int space);
int space_scale(const struct layers *, int space);
/* Channels of all its spaces together. */
int64_t chord_size(const struct layers *, const struct chord *);

#endif
