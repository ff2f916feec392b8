/*
 * lossy: our own pictures through the lossy codecs that the world sends pictures through, and
 * back. Never given a file from outside.
 */
#ifndef LOSSY_H
#define LOSSY_H

#include "image.h"

enum lossy_codec { LOSSY_JPEG, LOSSY_JPEG2000, LOSSY_WEBP, LOSSY_COUNT };
const char *lossy_name(enum lossy_codec); /* "JPEG", "JPEG 2000", "WebP" */

/*
 * Level: the quality of JPEG and WebP, 1 to 100; the compression ratio of JPEG 2000, 2 to 100,
 * of the samples without the file's head (they get 30 bytes at least). *ret_bytes (may be NULL) is
 * the size of the whole file between. E_INPUT for another level.
 */
MUST bool lossy_pass(struct ctx *, enum lossy_codec, int level, const struct image *,
    struct image *ret, size_t *ret_bytes);
/* The levels that trainings and tables go through, from mild to harsh. */
const int *lossy_levels(enum lossy_codec, size_t *ret_n);

#endif
