/*
 * claims: what a license file says.
 */
#ifndef CLAIMS_H
#define CLAIMS_H

#include "standing.h"

/*
 * The claims to sign, of a license that stands so: its row (but the token), license.entitlements,
 * terms and release are looked at. `issued` in seconds; `bound`: the machine it is for, or NULL.
 * Names the key that signs now and the newest list of revocations.
 */
MUST bool claims_of(struct ctx *, struct server *, struct db *, const struct standing *,
    int64_t issued, const struct fingerprint *bound, struct str *ret);

#endif
