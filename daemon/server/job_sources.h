/*
 * job_sources: where the inputs of jobs come from. What they are part of, in which state that must
 * be, whose secret a job gets, and who is told to it by name.
 */
#ifndef JOB_SOURCES_H
#define JOB_SOURCES_H

#include "job.h"
#include "server.h"

/* Fails: an input of this source has to be named. */
MUST bool source_wanted(struct ctx *, enum job_source);
/*
 * The vendor's thing of this id, of which an input is part, is there and in the state that jobs of
 * this kind need: E_ABSENT, E_CONFLICT. Its id once more, if it is wanted.
 */
MUST bool source_ready(struct ctx *, struct db *, struct str vendor, enum job_type,
    enum job_source, struct str id, struct id *ret);
/* The data key that is the secret which the input is; empty if the input is no secret. */
MUST bool source_secret(struct ctx *, struct db *, enum job_type, const struct job_row *,
    const struct job_input *, struct str id, struct id *ret);
/* Is it a list of records? */
bool source_is_list(enum job_source);
/*
 * Everybody with a license to the release, or with a copy made with the slot set,
 * JOB_CUSTOMER_BYTES each; or the release's key images, JOB_IMAGE_BYTES each: as a sealed file in
 * memory at its beginning, and how large it is.
 */
MUST bool source_list(struct ctx *, struct db *, enum job_source, struct str id,
    const struct key256 *, struct str aad, int64_t *ret_size, int *ret);

#endif
