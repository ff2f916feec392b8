/*
 * tool: data sets, for the programs that train, lock and mark networks.
 */
#ifndef TOOL_H
#define TOOL_H

#include "bench.h"
#include "train.h"

enum { CLASSES = 10 };
/* All samples of so many classes, as the graph takes them. Files stay open until the end. */
void load(
    const char *images, const char *labels, const struct nn_graph *, struct train_data *ret);
/* Samples alone. */
void load_samples(const char *images, struct data_samples *ret);

#endif
