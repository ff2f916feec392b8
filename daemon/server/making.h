/*
 * making: what a job makes is there from its beginning, and becomes ready, or not, with its end. A
 * training makes a model; a watermarking makes a model and its watermark, with a new secret.
 */
#ifndef MAKING_H
#define MAKING_H

#include "job.h"
#include "server.h"

struct making {
	struct asset_row model;         /* without an id: nothing is made */
	struct watermark_row watermark; /* the same */
	struct data_key_row secret;     /* of the watermark */
};
/* What a new job of that kind makes; the job then works for it. Nothing for most kinds. */
MUST bool making_new(struct ctx *, struct server *, struct db *, enum job_type,
    struct str params, struct job_row *, struct making *ret);
/* A customer's copy, for which the job then works. */
MUST bool making_copy(struct ctx *, struct str name, const struct slot_set_row *,
    const struct id *customer, struct job_row *, struct making *ret);
/* In the act that inserts the job. */
MUST bool making_insert(struct ctx *, struct db *, const struct job_row *, struct making *);

#endif
