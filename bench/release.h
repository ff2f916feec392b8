/*
 * release: what programs share that make releases and keys without a server.
 */
#ifndef RELEASE_H
#define RELEASE_H

#include "bench.h"
#include "protect.h"

struct plain {
	int fd;
	struct onnx_file *file;
	struct onnx_model model;
	struct nn_graph *graph;
};
void plain_open(const char *path, struct plain *ret);
void plain_done(struct plain *);

/* The unlock key of a customer, as a file that the customer's programs take. */
void key_put(const char *path, const struct key256 *release, struct id, uint32_t customer,
    const struct sealed_result *made, int artifact);

#endif
