/*
 * Between the files that write the page: each part of it, and numbers as the page has them.
 */
#ifndef PAGES_H
#define PAGES_H

#include "parts.h"
#include "report.h"

/* A probability by its logarithm, rounded up: "4.8 × 10⁻¹³". */
void put_power(struct buf *, double log10);
/* A paragraph of the page's own words. */
PRINTF(2, 3) void put_note(struct buf *, const char *fmt, ...);

void page_tests(struct buf *, const struct evidence *);
void page_trace(struct buf *, const struct evidence *);
MUST bool page_maps(struct ctx *, struct buf *, const struct evidence *);
void page_compare(struct buf *, const struct evidence *);

#endif
