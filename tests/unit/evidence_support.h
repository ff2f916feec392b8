/*
 * Reports to test with: a plausible one, and one that is as large as any.
 */
#ifndef EVIDENCE_SUPPORT_H
#define EVIDENCE_SUPPORT_H

#include "evidence.h"

/* A model whose watermark, marks and maps all say the same; customer 12 is accused. */
void evidence_plausible(struct evidence *ret);
/* Every list full, every text as long as it may be and of the characters that cost most. */
void evidence_extreme(struct evidence *ret);
/* The report's bytes. */
struct str evidence_bytes(struct ctx *, const struct evidence *);

#endif
