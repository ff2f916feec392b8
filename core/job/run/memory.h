/*
 * memory: inputs that are kept in memory as a whole: files that never lie on a disk, and secrets.
 */
#ifndef JOB_MEMORY_H
#define JOB_MEMORY_H

#include "run.h"

/* An empty file in memory; the caller closes it. */
MUST bool memory_file(struct ctx *, const char *name, int *ret);
/* Input i, decrypted into such a file. */
MUST bool memory_input(struct ctx *, const struct job_run *, size_t i, int to);
/* Input i, which is a secret; E_INTEGRITY if it has not the length of one. */
MUST bool memory_secret(struct ctx *, const struct job_run *, size_t i, struct key256 *ret);

#endif
