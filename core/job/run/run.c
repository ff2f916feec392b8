/*
 * From a job's kind to the function that does it. A kind without one does not compile.
 */
#include <unistd.h>

#include "kinds.h"

static job_function *const functions[] = {
	[JOB_SELFTEST] = selftest_run,
	[JOB_EVALUATE] = evaluate_run,
	[JOB_TRAIN] = train_run,
};
_Static_assert(COUNT(functions) == JOB_COUNT, "one function per kind");

bool
job_run(struct ctx *c, const struct job_run *r, struct str *ret_json)
{
	return functions[r->message->kind](c, r, ret_json);
}

bool
job_input_open(struct ctx *c, const struct job_run *r, size_t i, struct sealed_reader **ret)
{
	const struct job_blob *b = &r->message->blob[i];
	struct key256 key;
	bool ok;

	_Static_assert(sizeof key.b == JOB_KEY_BYTES, "a message carries whole keys");
	if (lseek(r->blob_fd[i], 0, SEEK_SET) < 0)
		return fail_errno(c, "rewind", "an input");
	memcpy(key.b, b->key, sizeof key.b);
	ok = sealed_reader_new(c, r->blob_fd[i], &key, b->aad, ret);
	key256_done(&key);
	return ok;
}
