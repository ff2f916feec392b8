/*
 * ranges: the headers of HTTP that speak of parts of a file and of its digest. Pure functions of
 * text that anybody may have written.
 */
#ifndef RANGES_H
#define RANGES_H

#include "base.h"
#include "crypto.h"

/*
 * Content-Range of a request (RFC 9110 section 14.4): "bytes 0-99/200" gives 0, 100 and 200;
 * "bytes * /200" (without the blank) gives from -1, n 0. E_USAGE for anything else.
 */
struct content_range {
	int64_t from, n, size;
};
MUST bool content_range_parse(struct ctx *, struct str, struct content_range *ret);

/* The SHA-256 of a Repr-Digest (RFC 9530), "sha-256=:…:", among others maybe. E_USAGE without. */
MUST bool repr_digest_parse(struct ctx *, struct str, struct digest256 *ret);
/* And back, as a header's value. */
void repr_digest_put(struct buf *, const struct digest256 *);

/*
 * Range of a request (RFC 9110 section 14.2) to a file of `size` bytes. What is not one range of
 * bytes is ignored, as the standard allows: all of the file.
 */
enum range_kind { RANGE_ALL, RANGE_PART, RANGE_NONE /* there is nothing there */ };
enum range_kind range_parse(struct str, int64_t size, int64_t *ret_from, int64_t *ret_n);

/* If-None-Match, or If-Range: the tag is in the list, or the list is "*". */
bool etag_listed(struct str list, struct str etag);

#endif
