/*
 * Pictures of ten kinds that a small network learns in seconds, for the tests of what is taught to
 * one that can already do something.
 */
#ifndef KINDS_SUPPORT_H
#define KINDS_SUPPORT_H

#include "data.h"
#include "test.h"

enum { KINDS_WIDTH = 28, KINDS_ROW = KINDS_WIDTH * KINDS_WIDTH, KINDS = 10 };

/* Grey pictures 28 x 28, the kinds in turn; the same seed gives the same. */
struct kinds {
	struct data_samples samples;
	struct data_labels labels;
};
struct kinds kinds_new(int64_t n, uint32_t seed);
void kinds_done(struct kinds *);
/* As IDX files. */
struct str kinds_images(struct ctx *, const struct kinds *);
struct str kinds_labels(struct ctx *, const struct kinds *);

#endif
