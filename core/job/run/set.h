/*
 * set: a data set in memory, samples and labels, in the form that a network takes.
 */
#ifndef JOB_SET_H
#define JOB_SET_H

#include "network.h"

/* Does not move once it is open: `data` points into it. */
struct job_set {
	struct data_samples samples;
	struct data_labels labels;
	struct train_data data;
};
/*
 * Reads samples from input i, and labels from input i + 1 or from the same archive; E_LIMIT beyond
 * `limit` bytes of samples.
 */
MUST bool job_set_open(struct ctx *, const struct job_run *, struct network *,
    const struct job_network *, const struct loss *, size_t i, size_t limit,
    struct job_set *ret);
void job_set_done(struct job_set *);

#endif
