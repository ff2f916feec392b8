/*
 * proofs: customers, who show with each request that they hold their key (license.h, Proofs).
 */
#ifndef PROOFS_H
#define PROOFS_H

#include "license.h"
#include "nonces.h"
#include "request.h"

MUST bool proofs_start(struct ctx *, struct server *, struct proofs **ret);
void proofs_stop(struct proofs **);
/* After the commit of any change to a customer's key, before its answer. */
void proofs_forget(struct proofs *);

/* The answer brings a fresh nonce. */
MUST bool proof_fresh(struct ctx *, struct request *);
/* The JWS of an Authorization header of our scheme; false if it is of another, or there is none. */
bool proof_header(struct request *, struct str *ret);

/* What a proof shows; that its nonce is unused and its body the one that comes, is still open. */
struct proven {
	struct nonce nonce;
	struct str nonce_text;
	struct digest256 body, key; /* key: its thumbprint */
};
/*
 * Of a customer: who he is goes into rq->who, his key's thumbprint into rq->secret. E_AUTH, with a
 * name if it is the nonce's fault; and unless it is, nothing tells a customer from nobody, neither
 * the answer nor how long it took.
 */
MUST bool proof_check(
    struct ctx *, struct request *, struct db *, struct str jws, struct proven *ret);
/* Of whoever holds this key. */
MUST bool proof_by(
    struct ctx *, struct request *, const struct ec_key *, struct str jws, struct proven *ret);
/* Once: its nonce is used by this. */
MUST bool proof_use(struct ctx *, struct request *, const struct proven *);
/* E_AUTH unless the body is the one that was signed. */
MUST bool proof_body(struct ctx *, const struct request *, const struct proven *);

#endif
