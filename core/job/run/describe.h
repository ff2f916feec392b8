/* The two things that can be described; see struct describe. Each writes members of the result. */
#ifndef DESCRIBE_H
#define DESCRIBE_H

#include "network.h"

enum { DESCRIBE_MODEL, DESCRIBE_SAMPLES, DESCRIBE_LABELS };

MUST bool describe_model(struct ctx *, const struct job_run *, struct js *);
MUST bool describe_data(struct ctx *, const struct job_run *, struct js *);

#endif
