/*
 * release_told: what is known of how a release was made: the parameters that its job was told, and
 * the facts that it has told. Whoever looks into the release later reads samples as it did.
 */
#ifndef RELEASE_TOLD_H
#define RELEASE_TOLD_H

#include "job_body.h"
#include "server.h"

struct release_told {
	struct job_body told; /* empty: its job ended long ago, and is forgotten */
	struct job_body fact; /* as long as the release is */
};
MUST bool release_told_read(struct ctx *, struct server *, struct db *,
    const struct release_row *, struct release_told *ret);
/*
 * How samples get into the network, members of a job's parameters: as the body of a request says
 * it, and what that leaves out as the release was made; and its layers.
 */
void release_told_put(struct js *, const struct release_told *, const struct job_body *);

#endif
