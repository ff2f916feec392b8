/*
 * job_body: a request whose body is mostly the parameters of the job that it leads to. What is the
 * request's own is taken out of it, what only the server may say is refused, the rest is handed on
 * as it came; the job's own table checks it.
 */
#ifndef JOB_BODY_H
#define JOB_BODY_H

#include "base.h"

struct job_body {
	struct json_part *part;
	size_t n;
};
MUST bool job_body_read(struct ctx *, struct str body, struct job_body *ret);
bool job_body_has(const struct job_body *, const char *name);
/* Keeps *ret if it is absent; E_INPUT unless it is a text of 1 to `max` bytes. */
MUST bool job_body_text(
    struct ctx *, const struct job_body *, const char *name, size_t max, struct str *ret);
/*
 * Its members, but for those that are `taken` out. E_FIELD for one that the server says; NULL ends
 * both lists.
 */
MUST bool job_body_copy(struct ctx *, const struct job_body *, const char *const server[],
    const char *const taken[], struct js *);
/* A member as it came, under a name. */
void js_member(struct js *, const char *key, const struct json_part *);

#endif
