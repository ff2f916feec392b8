/*
 * head: what a request's head says of itself, and what the HTTP library would let pass in it.
 */
#ifndef HEAD_H
#define HEAD_H

#include <microhttpd.h>

#include "peers.h"

/*
 * The library's callback for an address as it came: notes where it ends, for head_plain, and its
 * query, for proofs.
 */
void *head_address(void *, const char *uri, struct MHD_Connection *);
/*
 * E_USAGE for an address with a NUL in it, for a header that is not plain text, is there twice
 * where it may be there once, or is missing, and for a body whose end two headers tell differently:
 * what another program before us would read otherwise.
 * `version` is the library's, from the same buffer as the address.
 */
MUST bool head_plain(
    struct ctx *, struct MHD_Connection *, const struct peer *, const char *version);
/* The client's own request id if it is a decent one, else a new one. */
void head_request_id(struct request *);
/* The network peer, numeric; empty if it is none. */
void head_peer_address(struct MHD_Connection *, char *to, size_t n);

#endif
