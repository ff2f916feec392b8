/*
 * A report that has everything, for the tests of what is made of it.
 */
#ifndef REPORT_SUPPORT_H
#define REPORT_SUPPORT_H

#include "report_parts.h"
#include "test.h"

/* Everything that a report may have, with numbers of its own in each place. */
struct given {
	struct attack_point tuned[3], pruned[2], merged[2];
	struct attack_result attack[4];
	struct protect_layer layer[2];
	struct protect_customer customer[2];
	struct protect_baseline baseline[2];
	struct advparams_result advparams;
	struct sealed_result sealed;
	struct protect_report report;
};
void give(struct given *);

typedef bool writer(struct ctx *, const struct protect_report *, struct buf *);
/* What the writer makes of it, terminated; it must succeed. */
const char *written(struct ctx *, writer *, const struct protect_report *);

#endif
