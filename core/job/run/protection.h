/*
 * protection: a release in the making, for the steps of the job that makes it.
 *
 *	protect_open.c    the vendor's model, data and secret
 *	protect.c         which lock, the lock, its artifact, what it is worth
 *	protect_print.c   what it will be known by without any mark
 *	protect_result.c  what leaves the worker: outputs, report, result
 */
#ifndef PROTECTION_H
#define PROTECTION_H

#include "network.h"
#include "protect.h"
#include "set.h"

enum { IN_MODEL, IN_SAMPLES, IN_LABELS, IN_TEST_SAMPLES, IN_TEST_LABELS, IN_SECRET };
enum { OUT_ARTIFACT, OUT_ENTRIES, OUT_REPORT, OUT_PAGE, OUT_FINGERPRINT };
enum { METADATA_MAX = 5, LAYERS_MAX = 6, BASELINES_MAX = 4, CUSTOMERS = 8, INNOCENTS = 200 };

struct protection {
	const struct job_run *run;
	const struct protect *params;
	int64_t began;

	/* protect_open.c */
	struct key256 secret;
	struct id release;
	int plain; /* the model, whole, in a memory file */
	struct onnx_file *file;
	struct network network;
	struct loss loss;
	bool has_data;
	struct job_set set, test;
	struct protect_split split;
	struct protect_model work;
	struct digest256 model, weights; /* of the file; of the weights in it */
	struct str metadata[METADATA_MAX][2];
	size_t metadatas;

	/* protect.c */
	unsigned locks; /* of mark.h */
	struct protect_weights *open, *locked;
	struct advparams_options options;
	struct advparams_result advparams;
	struct sealed_case on;
	struct sealed_result sealed;
	struct sealed_checked checked;
	struct protect_baseline baseline[BASELINES_MAX];
	int artifact; /* a memory file */
	struct protect_report report;
	struct protect_watch watch;

	/* protect_print.c */
	struct {
		struct arena *mem;
		struct str bytes; /* empty: there is none */
		int64_t probes, questions;
		double seconds;
		char why[200]; /* fewer than usual, or none: a sentence */
	} print;
};

MUST bool protection_open(struct ctx *, struct protection *);
void protection_done(struct protection *);
/* What the model will be known by, while its weights are plain. No failure is the job's. */
void protection_print(struct ctx *, struct protection *);
/* Writes the outputs; *ret_json is the job's result. */
MUST bool protection_result(struct ctx *, struct protection *, struct str *ret_json);

#endif
