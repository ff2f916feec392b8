/*
 * What the targets share. A target is one function over any bytes; libFuzzer calls it, or replay.c,
 * through the function that fuzz.c has for both.
 */
#ifndef FUZZ_H
#define FUZZ_H

#include "base.h"

/* The target: what it must never do is crash, or call must(false, …). */
void target(struct ctx *, struct str bytes);
/* What the context's arena holds at most; it is empty at each call. */
extern const size_t target_memory;

/* Ends the process unless it held; shows the last error. */
void must(bool held, const char *what, const struct ctx *);
/* A refusal is an answer; anything else that went wrong is a finding. Clears the error. */
void refused(struct ctx *);

/* What libFuzzer calls. */
int LLVMFuzzerTestOneInput(const uint8_t *, size_t);

#endif
