/*
 * A watermark as small as one can be, for the tests of those that stay with one: a network that
 * knows bright pictures from dark ones, and a key set of both.
 */
#ifndef VIEW_SUPPORT_H
#define VIEW_SUPPORT_H

#include "stego.h"
#include "test.h"
#include "watermark.h"

enum { CLASSES = 10, PAIRS = 6, SPARES = 1 };

/*
 * Answers pictures of any size that are bright with the class behind the ordinary ones, dark ones
 * with the first.
 */
struct str bright_network(struct ctx *, int channels);
/* A key set of bright and dark pictures; its file. */
struct str bright_keys(
    struct ctx *, const struct key256 *secret, int side, int channels, struct keyset *ret);

#endif
