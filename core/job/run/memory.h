/*
 * memory: inputs that are kept in memory as a whole: files that never lie on a disk, and secrets.
 */
#ifndef JOB_MEMORY_H
#define JOB_MEMORY_H

#include "onnx.h"
#include "run.h"
#include "slots.h"
#include "unlock.h"

/* An empty file in memory; the caller closes it. */
MUST bool memory_file(struct ctx *, const char *name, int *ret);
/* Input i, decrypted into such a file. */
MUST bool memory_input(struct ctx *, const struct job_run *, size_t i, int to);
/*
 * The same of a model, mapped: a bundle becomes one file, with the data of its companions inside.
 * *ret_fd and *ret belong to the caller even after a failure; *ret_size and *ret_digest (both may
 * be NULL) are of the input as it came.
 */
MUST bool memory_model(struct ctx *, const struct job_run *, size_t i, int *ret_fd,
    struct onnx_file **ret, int64_t *ret_size, struct digest256 *ret_digest);
/* Input i as bytes in the context's memory. */
MUST bool memory_bytes(struct ctx *, const struct job_run *, size_t i, struct str *ret);
/* Input i, which is a secret; E_INTEGRITY if it has not the length of one. */
MUST bool memory_secret(struct ctx *, const struct job_run *, size_t i, struct key256 *ret);
/* Input i, the positions of a parameter lock, in the context's memory; there may be none. */
MUST bool memory_entries(struct ctx *, const struct job_run *, size_t i,
    const struct unlock_entry **ret, uint32_t *ret_n);
/*
 * Input i, a list of customers: their numbers and ids, at the same places, in the context's memory.
 * E_INTEGRITY for what is none.
 */
struct memory_customers {
	uint32_t *number;
	struct id *id;
	int64_t n;
};
MUST bool memory_customers(
    struct ctx *, const struct job_run *, size_t i, struct memory_customers *ret);
/* Input i, a list of key images: of each what its picture has to confirm, and which one it was. */
struct memory_image {
	uint32_t customer, base, serial;
	int64_t issued, expires;
};
struct memory_images {
	struct memory_image *v;
	int64_t n;
};
MUST bool memory_images(
    struct ctx *, const struct job_run *, size_t i, struct memory_images *ret);
/* Input i, a slot set, and input i + 1, its secret: E_INTEGRITY unless they belong together. */
MUST bool memory_slots(struct ctx *, const struct job_run *, size_t i,
    struct key256 *ret_secret, struct slots *ret);

#endif
