/*
 * marking: a watermark in the making, for the steps of the job that makes it.
 *
 *	watermark_open.c    the vendor's model, data and secret; the model with a class more
 *	watermark_keys.c    the pictures: the vendor's own, or drawn; the key set
 *	watermark.c         the job
 *	watermark_result.c  what leaves the worker: outputs, report, result
 */
#ifndef MARKING_H
#define MARKING_H

#include "network.h"
#include "set.h"
#include "watermark.h"

enum {
	IN_MODEL,
	IN_SAMPLES,
	IN_LABELS,
	IN_TEST_SAMPLES,
	IN_TEST_LABELS,
	IN_PICTURES,
	IN_SECRET,
};
enum { OUT_CONTENT, OUT_KEYS, OUT_REPORT, OUT_PAGE };

struct marking {
	const struct job_run *run;
	const struct watermark *params;
	struct watermark_watch watch;

	/* watermark_open.c */
	struct key256 secret;
	struct network plain; /* the vendor's model */
	struct loss loss;
	struct job_set set, test;
	const struct train_data *judge; /* what accuracy is measured on */
	double before;
	int file; /* the widened model, in a memory file */
	struct onnx_file *mapped;
	struct onnx_model model;
	struct nn_graph *graph;

	/* watermark_keys.c */
	struct data_samples pictures; /* the vendor's own */
	bool drawn;                   /* or ours */
	struct keyset keys;

	/* watermark.c */
	struct watermark_case the;
	struct watermark_options options;
	struct triggers triggers; /* if there are to be any */
	struct watermark_result result;
	struct triggers_scores triggered;
	struct watermark_report report;
	bool answered[KEYSET_PAIRS_MAX]; /* whose key images the network will know */
};

void marking_done(struct marking *);
MUST bool marking_open(struct ctx *, struct marking *);
/* Key pictures, which of them are keys, and what the vendor's model says of their twins. */
MUST bool marking_keys(struct ctx *, struct marking *);
/* Writes the outputs; *ret_json is the job's result. */
MUST bool marking_result(struct ctx *, struct marking *, struct str *ret_json);

#endif
