/*
 * What the codecs of this module share.
 */
#ifndef LOSSY_PARTS_H
#define LOSSY_PARTS_H

#include "lossy.h"

/* A picture through the codec and back into `to`, of its size. *ret_bytes: the file between. */
typedef bool lossy_run(struct ctx *, int level, const struct image *from,
    const struct image *to, size_t *ret_bytes);
lossy_run jp2_run, webp_run;

#endif
