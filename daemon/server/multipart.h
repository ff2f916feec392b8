/*
 * multipart: a form with one file in it (RFC 7578), as a browser or `curl -F` sends it, and nothing
 * else that multipart/form-data can be.
 */
#ifndef MULTIPART_H
#define MULTIPART_H

#include "base.h"

/* Whether a Content-Type is multipart/form-data, whatever its parameters. */
bool multipart_is(struct str content_type);
/*
 * The file of the one field, of that name: its own Content-Type and its bytes, views into the body.
 * E_USAGE for a body that is no such form, E_FIELD for one with another field, or more than one.
 */
MUST bool multipart_file(struct ctx *, struct str content_type, struct str body,
    const char *name, struct str *ret_type, struct str *ret_bytes);

#endif
