/* The run function of each kind, one file each. */
#ifndef KINDS_H
#define KINDS_H

#include "run.h"

typedef bool job_function(struct ctx *, const struct job_run *, struct str *ret_json);

job_function selftest_run, evaluate_run, train_run, describe_run, protect_run, view_run,
    watermark_run, challenge_run, verify_run, slots_run, personalise_run, redteam_run;

#endif
