/*
 * probes_parts: what the file of a release's probes is made of. What reads fails with E_INPUT for
 * what is cut, beyond a bound, or not finite, before memory is taken for it.
 */
#ifndef VERIFY_PROBES_PARTS_H
#define VERIFY_PROBES_PARTS_H

#include "likeness_parts.h"

/* The failure of all of them. */
MUST bool probes_spoilt(struct ctx *);
uint32_t probes_bits(float);
MUST bool probes_floats_read(struct ctx *, struct wire *, float[], size_t n);
/* Many of them, in whichever way is shorter. */
void probes_numbers_put(struct buf *, const float[], size_t n);
MUST bool probes_numbers_read(struct ctx *, struct wire *, size_t n, float **ret);
/* Classes from `least` to below `classes`. */
void probes_answers_put(struct buf *, const int32_t[], int64_t n);
MUST bool probes_answers_read(
    struct ctx *, struct wire *, int64_t n, int32_t least, int64_t classes, int32_t **ret);
/* Whether there is something; if not, why. */
void probes_sentence_put(struct buf *, bool there, const char *why);
MUST bool probes_sentence_read(
    struct ctx *, struct wire *, bool *ret_there, char why[static 200]);

#endif
