/*
 * tally: how often something was seen, for as many things as a file has lines, in a file without a
 * name beside it: no memory grows.
 */
#ifndef TALLY_H
#define TALLY_H

#include "base.h"
#include "crypto.h"

struct tally;

/* For at most `things` different ones; the nameless file lies in the folder. */
MUST bool tally_new(struct ctx *, const char *folder, int64_t things, struct tally **ret);
void tally_free(struct tally **);
/* How often it was there before; `add` counts it once more. */
MUST bool tally_count(
    struct ctx *, struct tally *, const struct digest256 *, bool add, int64_t *ret);

#endif
