/*
 * target: the URL that a webhook's messages go to, taken apart strictly, so that nobody reads it in
 * another way than we do.
 */
#ifndef TARGET_H
#define TARGET_H

#include "address.h"

#define TARGET_MAX 1024

struct target {
	bool plain;      /* http, not https */
	struct str host; /* without brackets */
	bool literal;    /* the host is an address */
	struct address address;
	int64_t port;
	struct str path; /* with its query; at least "/" or empty */
};
/*
 * https://HOST[:PORT][/PATH][?QUERY], http where `plain` is allowed: visible ASCII, no user, no
 * fragment; the host a name, or an address in its one usual spelling. E_INPUT at "/url".
 */
MUST bool target_parse(struct ctx *, struct str url, bool plain, struct target *ret);
/* The same, and if its host is an address, it is one that may be spoken to. */
MUST bool target_check(
    struct ctx *, struct str url, bool plain, const struct networks *allowed);

#endif
