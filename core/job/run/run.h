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
	int blob_fd[JOB_INPUTS_MAX];
	int out; /* where outputs are written; -1 if there are none */
	/* Tells how far it is; total 0: unknown. The caller ends a run by ending the process. */
	void (*progress)(void *arg, int64_t done, int64_t total, struct str note);
	void *arg;
	/* Ends the process with this status; only a drill asks for it. */
	void (*leave)(int status);
};

/*
 * Runs the job to its end. *ret_json is one JSON object of at most JOB_RESULT_MAX bytes in the
 * arena. A drill of selftest may not return.
 */
MUST bool job_run(struct ctx *, const struct job_run *, struct str *ret_json);

/* The input i, from its beginning. */
MUST bool job_input_open(
    struct ctx *, const struct job_run *, size_t i, struct sealed_reader **ret);

#endif
