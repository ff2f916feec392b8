/* The check function of each kind that has one; see struct job_kind. */
#ifndef CHECKS_H
#define CHECKS_H

#include "job.h"

/* Of the table of marks, as mark.h has them, which is not known here. */
enum { LOG_L_MIN = 14, LOG_L_MAX = 22 };

typedef bool job_check(struct ctx *, const void *params);

job_check selftest_check, evaluate_check, train_check, describe_check, protect_check,
    watermark_check, verify_check, slots_check, personalise_check, redteam_check;

#endif
