/*
 * run: what a worker does with a job, by kind. The functions here know neither process nor socket:
 * they get open descriptors, report progress through a function, and return a JSON object.
 */
#ifndef RUN_H
#define RUN_H

#include "base.h"
#include "crypto.h"
#include "job.h"

/* A job with everything that it may touch. */
struct job_run {
	const struct job_message *message;
	const void *params; /* the kind's struct */
	int blob_fd[JOB_INPUTS_MAX], out_fd[JOB_OUTPUTS_MAX];
	bool plain;            /* outputs are plain files, not sealed ones: --local */
	struct job_made *made; /* job_run's own */
	/* Tells how far it is; total 0: unknown. The caller ends a run by ending the process. */
	void (*progress)(void *arg, int64_t done, int64_t total, struct str note);
	/*
	 * Of a kind that stays: the next message that it is asked, E_SLOW if none has come by the
	 * deadline (clock_monotonic), empty when there will be none; and what it says. Of a kind
	 * that asks: the next answer, and what it asks. NULL where there is nobody: --local.
	 */
	bool (*hear)(struct ctx *, void *arg, int64_t deadline, struct buf *message);
	bool (*say)(struct ctx *, void *arg, struct str message);
	void *arg;
	/* Milliseconds that one test of a suspect may take; 0: as long as is usual. */
	int64_t patience;
	/* Ends the process with this status; only a drill asks for it. */
	void (*leave)(int status);
};

/*
 * Runs the job to its end. *ret_json is one JSON object of at most JOB_RESULT_MAX bytes in the
 * arena. A drill of selftest may not return.
 */
MUST bool job_run(struct ctx *, const struct job_run *, struct str *ret_json,
    struct job_made ret_made[JOB_OUTPUTS_MAX]);

/*
 * The output i. It is written from its beginning to its end, once; what is not written at all is
 * empty. The server keeps outputs of a job that succeeds, and no others.
 */
struct job_sink;
MUST bool job_output_open(
    struct ctx *, const struct job_run *, size_t i, struct job_sink **ret);
/* An onnx_sink, too. */
MUST bool job_output_write(struct ctx *, void *sink, struct str bytes);
/* Ends it; what it is goes into the result's `made`. */
MUST bool job_output_end(struct ctx *, struct job_sink *);
void job_output_free(struct job_sink **);

/* The input i, from its beginning. */
MUST bool job_input_open(
    struct ctx *, const struct job_run *, size_t i, struct sealed_reader **ret);

#endif
