/*
 * saves: where a long job is, written now and then into two files in turns, so that one of them is
 * whole whenever the worker is killed. A later attempt goes on from the newer one.
 */
#ifndef SAVES_H
#define SAVES_H

#include "run.h"
#include "train.h"

enum { SAVES = 2, SAVES_CURVE = 7 << 10 };
struct saves {
	const struct job_run *run;
	size_t first;       /* of the two among the job's outputs */
	int64_t every, due; /* milliseconds; monotonic */
	uint64_t number;    /* of the newest; each is written to the file of its parity */
	char *bytes;        /* of the one to go on from; NULL: none */
	size_t n;
};
/* Looks for what an earlier attempt left. A run of plain files begins anew each time. */
MUST bool saves_open(struct ctx *, const struct job_run *, size_t first, int64_t seconds,
    struct saves *ret, bool *ret_found);
void saves_done(struct saves *);
/* What was found: the text that was saved with it, and the state. */
void saves_last(const struct saves *, struct str *ret_text, struct str *ret_state);
bool saves_due(const struct saves *);
/* The text has at most SAVES_CURVE bytes. */
MUST bool saves_put(struct ctx *, struct saves *, struct str text, const struct trainer *);
/* A state of other bytes, without a text. */
MUST bool saves_put_bytes(struct ctx *, struct saves *, struct str state);

#endif
