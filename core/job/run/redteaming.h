/*
 * redteaming: a red team at work, for the steps of its job.
 *
 *	redteam_open.c    what the vendor has: model, secret, key set, artifact, data
 *	redteam.c         which attacks, one after the other, and what was done before a kill
 *	redteam_result.c  what leaves the worker: outputs, result
 */
#ifndef REDTEAMING_H
#define REDTEAMING_H

#include "memory.h"
#include "network.h"
#include "redteam.h"
#include "saves.h"
#include "set.h"

enum {
	IN_MODEL,
	IN_KEYS,
	IN_SAMPLES,
	IN_LABELS,
	IN_TEST_SAMPLES,
	IN_TEST_LABELS,
	IN_ARTIFACT,
	IN_SECRET,
	IN_ENTRIES
};
enum { OUT_REPORT, OUT_PAGE, OUT_SAVES };

/* Does not move once it is open. */
struct redteaming {
	const struct job_run *run;
	const struct redteam_params *params;
	struct arena *mem; /* of all of it */
	int64_t began;

	/* redteam_open.c */
	int plain, artifact; /* memory files: the model, whole; what customers get */
	struct onnx_file *file;
	struct network network;
	struct loss loss;
	struct keyset keys;
	bool has_keys, has_test; /* inputs that may be empty */
	struct job_set set, test;
	struct redteam_case on;

	/* redteam.c */
	struct redteam *team;
	struct redteam_report report;
	size_t points,
	    done;         /* of all attacks; of them, with what an earlier attempt has done */
	const char *note; /* the attack at work */
	struct saves saves;
	struct str
	    found;      /* records of an earlier attempt that are still to come; empty: none */
	int64_t before; /* milliseconds that earlier attempts have taken */
};

/* ---- redteam_open.c ---------------------------------------------------------------------- */

MUST bool redteaming_open(struct ctx *, struct redteaming *);
void redteaming_done(struct redteaming *);

/* ---- redteam_result.c -------------------------------------------------------------------- */

/* Writes the outputs; *ret_json is the job's result. */
MUST bool redteaming_result(struct ctx *, struct redteaming *, struct str *ret_json);

#endif
