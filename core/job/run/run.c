/*
 * From a job's kind to the function that does it, and what all of them read from and write to. A
 * kind without a function does not compile.
 */
#include <unistd.h>

#include "kinds.h"

static job_function *const functions[] = {
	[JOB_SELFTEST] = selftest_run,
	[JOB_EVALUATE] = evaluate_run,
	[JOB_TRAIN] = train_run,
	[JOB_DESCRIBE] = describe_run,
	[JOB_PROTECT] = protect_run,
	[JOB_WATERMARK] = watermark_run,
	[JOB_VIEW] = view_run,
	[JOB_CHALLENGE] = challenge_run,
	[JOB_VERIFY] = verify_run,
	[JOB_SLOTS] = slots_run,
	[JOB_PERSONALISE] = personalise_run,
	[JOB_REDTEAM] = redteam_run,
};
_Static_assert(COUNT(functions) == JOB_COUNT, "one function per kind");
_Static_assert(sizeof(struct key256) == JOB_KEY_BYTES &&
	sizeof(struct digest256) == sizeof((struct job_made *)NULL)->sha256,
    "messages carry whole keys and digests");

bool
job_run(struct ctx *c, const struct job_run *r, struct str *ret_json,
    struct job_made ret_made[JOB_OUTPUTS_MAX])
{
	struct job_made made[JOB_OUTPUTS_MAX] = { 0 };
	struct job_run mine = *r;

	mine.made = made;
	if (!functions[r->message->kind](c, &mine, ret_json))
		return false;
	memcpy(ret_made, made, sizeof made);
	return true;
}

static struct key256
key_of(const struct job_blob *b)
{
	struct key256 key;

	memcpy(key.b, b->key, sizeof key.b);
	return key;
}

bool
job_input_open(struct ctx *c, const struct job_run *r, size_t i, struct sealed_reader **ret)
{
	const struct job_blob *b = &r->message->blob[i];
	owned(key256_done) struct key256 key = key_of(b);

	if (lseek(r->blob_fd[i], 0, SEEK_SET) < 0)
		return fail_errno(c, "rewind", "an input");
	return sealed_reader_new(c, r->blob_fd[i], &key, b->aad, ret);
}

/* ---- Outputs ----------------------------------------------------------------------------- */

struct job_sink {
	struct sealed_writer *writer; /* NULL: a plain file */
	int fd;
	const char *name;
	struct sha256 hash;
	int64_t size, max;
	struct job_made *made;
};

void
job_output_free(struct job_sink **s)
{
	if (*s == NULL)
		return;
	sealed_writer_free(&(*s)->writer);
	sha256_done(&(*s)->hash);
	free(*s);
	*s = NULL;
}

bool
job_output_open(struct ctx *c, const struct job_run *r, size_t i, struct job_sink **ret)
{
	const struct job_blob *b = &r->message->out[i];
	owned(key256_done) struct key256 key = key_of(b);
	owned(job_output_free) struct job_sink *s = calloc(1, sizeof *s);

	if (s == NULL)
		return fail(c, E_MEMORY, "no memory for an output");
	s->fd = r->out_fd[i];
	s->name = job_kinds[r->message->kind].output[i].name;
	s->max = b->size;
	s->made = &r->made[i];
	if (!sha256_init(c, &s->hash) ||
	    (!r->plain && !sealed_writer_new(c, s->fd, &key, b->aad, &s->writer)))
		return false;
	*ret = steal(s);
	return true;
}

bool
job_output_write(struct ctx *c, void *sink, struct str bytes)
{
	struct job_sink *s = sink;

	if (bytes.n > (uint64_t)(s->max - s->size))
		return fail(c, E_LIMIT, "the output %s is larger than %lld bytes", s->name,
		    (long long)s->max);
	s->size += (int64_t)bytes.n;
	sha256_add(&s->hash, bytes);
	return s->writer != NULL ? sealed_write(c, s->writer, bytes)
				 : fd_write_all(c, s->fd, bytes.p, bytes.n);
}

bool
job_output_end(struct ctx *c, struct job_sink *s)
{
	struct digest256 digest;
	uint64_t size;

	if (!sha256_end(c, &s->hash, &digest) ||
	    (s->writer != NULL && !sealed_finish(c, s->writer, &size)))
		return false;
	/* Here it costs this job its time alone; whoever waits for it finds it done. */
	if (s->writer != NULL && fsync(s->fd) != 0)
		return fail_errno(c, "sync", s->name);
	s->made->size = s->size;
	memcpy(s->made->sha256, digest.b, sizeof digest.b);
	return true;
}
