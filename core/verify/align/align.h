/*
 * align: a suspect's weights put where the original has its own. Channels may be in another order,
 * scaled where the next layer undoes it, split, or joined by others that do nothing; norms may be
 * folded into their convolutions; the file may be another exporter's. Nothing of this changes what
 * a network answers, and all of it hides what its weights say.
 *
 * What is matched is chosen by the weights of the two alone.
 */
#ifndef ALIGN_H
#define ALIGN_H

#include "onnx.h"

struct align_report {
	int64_t layers, channels; /* of the original */
	int64_t moved, rescaled;  /* channels that were elsewhere; that had another scale */
	int64_t dropped, merged;  /* the suspect's, that do nothing; that were parts of one */
	double likeness;          /* median cosine of matched channels */
};

/*
 * Writes the original's file with the suspect's weights in it. E_CONFLICT, with a sentence, where
 * the suspect is not made of the same layers: then nothing can be said about its weights.
 */
MUST bool align_write(struct ctx *, const struct onnx_model *original,
    const struct onnx_model *suspect, onnx_sink *, void *arg, struct align_report *ret);

#endif
