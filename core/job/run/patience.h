/*
 * patience: work on bytes that somebody hostile may have made, with a deadline. A network can be
 * built so that one answer takes a day; nothing in a process can stop a computation from outside,
 * so what takes too long is given up: it goes on in its thread until the process ends.
 */
#ifndef PATIENCE_H
#define PATIENCE_H

#include "base.h"

typedef bool patience_work(struct ctx *, void *arg);
/*
 * Runs the work in a thread, with a context of its own on `mem`. After the deadline: E_SLOW, with
 * *ret_abandoned; from then on, whatever the work may touch must not be freed or changed.
 */
MUST bool patience_run(struct ctx *, struct arena *mem, int64_t ms, patience_work *, void *arg,
    bool *ret_abandoned);

#endif
