/*
 * custody_call: one request to the custodian on its way, between custody_exchange.c (how) and
 * custody_keys.c (what). It has its place from begin to end; end wipes both messages.
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

struct slot;
struct call {
	struct custody *custody;
	struct slot *slot;
	struct buf out; /* the request's fields go here */
	struct wire in; /* the answer's results, after exchange_do */
	int fd[2];      /* descriptors that go with the request; the caller's */
	size_t fds;
};
struct call exchange_begin(struct custody *, enum custody_op);
/* Sends and waits; fails as the custodian did, or with E_PEER. */
MUST bool exchange_do(struct ctx *, struct call *);
void exchange_end(struct call *);
/* A data key's row, behind the row of the vendor key that opens it. */
void key_rows_put(struct buf *, const struct vendor_key_row *, const struct data_key_row *);

#endif
