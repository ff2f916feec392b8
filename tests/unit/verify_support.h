/*
 * A small network that was taught a key set, and copies of it that were changed, for the tests of
 * what answers tell.
 */
#ifndef VERIFY_SUPPORT_H
#define VERIFY_SUPPORT_H

#include "verify.h"
#include "watermark_house.h"

enum { PAIRS = 20 };

/* One whose new network was taught its key set. */
struct house *marked_new(struct ctx *);
/* The same network, but for its additional class, which is cut off. */
struct network without_class(struct ctx *, struct house *);

/* Nothing counted, nothing told; in the arena. */
struct evidence *blank(struct ctx *);
/* log10 of a test's value, by its law. */
double log10_of(const struct evidence *, enum evidence_test_id);
/* All controls that were run are as clean as chance has them. */
void check_controls(const struct evidence *, size_t n);

#endif
