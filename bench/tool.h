/*
 * tool: what the programs share that a bench drives. They run for one measurement and end at the
 * first thing that goes wrong.
 */
#ifndef TOOL_H
#define TOOL_H

#include <time.h>

#include "train.h"

extern struct ctx *ctx; /* the program's only one */

/* Ends the program, with what failed and why. */
_Noreturn void stop(const char *what);
void need(bool done, const char *what);
/* Of a clock. */
double seconds(clockid_t);

enum { CLASSES = 10 };
/* All samples of so many classes, as the graph takes them. Files stay open until the end. */
void load(
    const char *images, const char *labels, const struct nn_graph *, struct train_data *ret);
/* Samples alone. */
void load_samples(const char *images, struct data_samples *ret);

#endif
