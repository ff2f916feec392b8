/*
 * uploading: what the routes share that bring bytes. One request's part of an upload: what its head
 * announces, and what is there once its body has come.
 */
#ifndef UPLOADING_H
#define UPLOADING_H

#include "request.h"
#include "uploads.h"

struct uploading {
	struct upload_wanted wanted; /* its vendor, owner, part and `there` are the route's */
	struct upload_now now;
};
/*
 * Reads from the head which bytes come, of how many, with which digest in all, and takes a place
 * for them.
 */
MUST bool uploading_begin(struct ctx *, struct request *, struct uploading *);
/* The body has come: fills `now`, and the audit's detail. */
MUST bool uploading_came(struct ctx *, struct request *, struct uploading *);
/* The answer while there is more to come. */
MUST bool uploading_more(struct ctx *, struct request *, const struct uploading *);
/* What came, for the audit; with the job that is due (NULL: none). */
MUST bool uploading_account(
    struct ctx *, const struct uploading *, const struct id *job, struct str *ret);

#endif
