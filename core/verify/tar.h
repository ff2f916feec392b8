/*
 * A tar file (POSIX.1-1988, ustar) that says nothing but names and bytes: no time, no owner, one
 * mode for all.
 */
#ifndef VERIFY_TAR_H
#define VERIFY_TAR_H

#include "base.h"

/* A file more; its name has at most 100 bytes. */
MUST bool tar_file(struct ctx *, const char *name, struct str bytes, byte_sink *, void *arg);
/* What every tar ends with. */
MUST bool tar_end(struct ctx *, byte_sink *, void *arg);
/*
 * The next file of a tar that tar_file has made, cut off the front of `*rest`; *ret_end after the
 * last. Views. E_INTEGRITY for what is no such tar.
 */
MUST bool tar_next(
    struct ctx *, struct str *rest, bool *ret_end, struct str *ret_name, struct str *ret_bytes);

#endif
