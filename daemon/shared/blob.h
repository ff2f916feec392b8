/*
 * blob: bytes as a sealed file that no folder knows, for a worker to read.
 */
#ifndef BLOB_H
#define BLOB_H

#include "base.h"
#include "crypto.h"

/* A sealed file in memory, positioned at its start, close-on-exec. The caller closes it. */
MUST bool blob_new(
    struct ctx *, const struct key256 *, struct str aad, struct str plain, int *ret_fd);

#endif
