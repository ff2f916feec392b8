/*
 * Models on their way through the sealed lock, for its tests.
 */
#ifndef SEALED_SUPPORT_H
#define SEALED_SUPPORT_H

#include "onnx_support.h"
#include "sealed.h"

/* A model under work: its file, its graph, its artifact. */
struct house {
	struct onnx_model model;
	struct nn_graph *graph;
	int plain, artifact;
	struct key256 release;
	struct id id;
	unsigned locks;
	struct sealed_result made;
};
extern const struct sealed_options sealed_exact, sealed_marked;

void house_open(struct ctx *, struct str bytes, struct house *ret);
void house_done(struct house *);
/* Makes the artifact, with two metadata of ours. */
bool seal_with(struct ctx *, struct house *, const struct sealed_options *,
    const struct unlock_entry locked[], uint32_t n);
/* The artifact opened with a customer's key. */
int open_with(struct ctx *, struct house *, uint32_t customer,
    const struct unlock_entry locked[], uint32_t n);
struct digest256 weights_digest(struct ctx *, int fd);

/* All values of a tensor, in the arena. */
float *numbers(struct ctx *, const struct onnx_tensor *);
double correlation(const float *, const float *, int64_t n);
double deviation(const float *, int64_t n);

#endif
