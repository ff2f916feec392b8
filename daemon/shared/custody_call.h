/*
 * custody_call: one request to the custodian on its way, between custody.c (how) and
 * custody_keys.c (what). The lock is held from begin to end; end wipes both messages.
 *
 *	owned(exchange_end) struct call call = exchange_begin(cu, OP_…);
 *	wire_put_…(&call.out, …);
 *	if (!exchange_do(c, &call))
 *		return false;
 *	… wire_…(&call.in) …
 *	return wire_end(c, &call.in);
 */
#ifndef CUSTODY_CALL_H
#define CUSTODY_CALL_H

#include "custody.h"
#include "custody_wire.h"

struct call {
	struct custody *custody;
	struct buf out;  /* the request's fields go here */
	struct wire in;  /* the answer's results, after exchange_do */
	size_t answer_n; /* bytes to wipe */
	int fd[2];       /* descriptors that go with the request; the caller's */
	size_t fds;
};
struct call exchange_begin(struct custody *, enum custody_op);
/* Sends and waits; fails as the custodian did, or with E_PEER. */
MUST bool exchange_do(struct ctx *, struct call *);
void exchange_end(struct call *);

#endif
