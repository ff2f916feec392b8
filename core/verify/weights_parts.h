/*
 * What the files of the tracing in weights share. Not for other modules.
 */
#ifndef VERIFY_WEIGHTS_PARTS_H
#define VERIFY_WEIGHTS_PARTS_H

#include "verify.h"

/*
 * Scores every customer against the sums (2^log_l of them) and fills the test, the trace and the
 * control. `watch` may be NULL.
 */
MUST bool weights_score(struct ctx *, const struct verify_release *, const double sums[],
    int threads, const struct verify_watch *, struct evidence *);
/* Names the channel and plans the test; false, with the reason, if nobody is to be found. */
bool weights_asked(const struct verify_release *, const char *channel, struct evidence *);
/* Nothing can be said: c's error says why. For errors that are not the suspect's, false. */
MUST bool weights_not(struct ctx *, struct evidence *);

#endif
