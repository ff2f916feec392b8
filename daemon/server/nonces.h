/*
 * nonces: numbers that are good for one request each. Whoever wants one gets one, and nothing is
 * kept for it: it says itself until when it is good, under a key that this process has drawn. What
 * is kept, in a table of fixed size, is which of them were used.
 */
#ifndef NONCES_H
#define NONCES_H

#include "base.h"

struct nonces;

enum { NONCE_LIFE_MS = 5 * 60 * 1000, NONCE_TEXT = 56 };

/* How many may be used within each NONCE_LIFE_MS: a power of two. */
MUST bool nonces_start(struct ctx *, size_t most, struct nonces **ret);
void nonces_stop(struct nonces **);

/* `now`, here and below: of the clock that never steps. The text is terminated. */
MUST bool nonce_new(struct ctx *, struct nonces *, int64_t now, char ret[NONCE_TEXT]);

/* One of ours that may still be used, as far as it says itself. */
struct nonce {
	uint64_t number; /* random; never 0 */
	int64_t until;
};
/* E_AUTH, NONCE_WANTED: another process's, not one at all, or too old. */
MUST bool nonce_read(
    struct ctx *, const struct nonces *, int64_t now, struct str text, struct nonce *ret);
/* Uses it. E_AUTH, NONCE_REUSED, if it was used before; E_BUSY when too many were. */
MUST bool nonce_use(struct ctx *, struct nonces *, const struct nonce *);

#endif
