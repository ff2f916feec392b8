/*
 * What the tests of the carriers share: numbers by chance, pictures that look natural enough, and
 * one watermark's keys with a payload to hide.
 */
#ifndef STEGO_SUPPORT_H
#define STEGO_SUPPORT_H

#include "parts.h"

enum { ROUNDS = 1000 }; /* of each way to cheat */

/* Below q, from the context's randomness. */
uint32_t some(struct ctx *, uint32_t q);

/*
 * Light and shade of all sizes, the power falling with the frequency as in nature, and a little
 * noise of a camera.
 */
struct image picture(struct ctx *, int width, int height, int channels);

/* Keys that follow from one byte. */
struct stego_keys keys_of(struct ctx *, uint8_t);
/* Any payload. */
struct stego_payload payload(struct ctx *);
bool payload_same(const struct stego_payload *, const struct stego_payload *);

/* What a reader finds; payload and mended bytes may be NULL. */
enum stego_found found_in(struct ctx *, enum stego_carrier, const struct stego_keys *,
    const struct image *, const struct image *base, const struct stego_payload *claim,
    struct stego_payload *, int *repaired);

#endif
