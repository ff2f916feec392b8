/*
 * lists: the newest lists of revocations as memory files, so that whoever asks for one costs no
 * reading of megabytes.
 */
#ifndef LISTS_H
#define LISTS_H

#include "server.h"

/* A memory file of these bytes. */
MUST bool list_file(struct ctx *, struct str bytes, int *ret);
/*
 * The file of a vendor's list of this number, from what was kept or from the store; E_BUSY if there
 * is a newer one by now. The caller closes it.
 */
MUST bool list_open(
    struct ctx *, struct db *, const struct id *vendor, int64_t number, int *ret);

#endif
