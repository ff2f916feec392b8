/*
 * Asking the custodian for one customer's unlock key: the facts go as fields, the sealed entries
 * and the place for the result as descriptors, because both may be larger than a message.
 */
#include "custody_call.h"

static struct str
digest_view(const struct digest256 *d)
{
	return (struct str){ (const char *)d->b, sizeof d->b };
}

static void
facts_put(struct buf *b, const struct custody_unlock *u)
{
	uint64_t kappa;

	memcpy(&kappa, &u->kappa, sizeof kappa);
	wire_put_str(b, u->release);
	wire_put_str(b, u->license);
	wire_put_u32(b, u->customer);
	wire_put_u32(b, u->locks);
	wire_put_u32(b, u->log_l);
	wire_put_u64(b, kappa);
	wire_put_u64(b, (uint64_t)u->issued);
	wire_put_u64(b, (uint64_t)u->expires);
	wire_put_str(b, digest_view(&u->artifact));
	wire_put_str(b, digest_view(&u->plain));
	wire_put_str(b, u->jwk);
	wire_put_str(b, u->wrap);
}

bool
custody_unlock_key(struct ctx *c, struct custody *cu, const struct custody_unlock *u, int out,
    uint64_t *ret_bytes)
{
	owned(exchange_end) struct call call = exchange_begin(cu, OP_UNLOCK_KEY);
	uint64_t bytes;

	key_rows_put(&call.out, u->vendor, u->secret);
	facts_put(&call.out, u);
	call.fd[call.fds++] = out;
	if (u->entries >= 0) {
		key_rows_put(&call.out, u->entries_vendor, u->entries_key);
		wire_put_str(&call.out, u->entries_aad);
		call.fd[call.fds++] = u->entries;
	}
	if (!exchange_do(c, &call))
		return false;
	bytes = wire_u64(&call.in);
	if (!wire_end(c, &call.in))
		return false;
	*ret_bytes = bytes;
	return true;
}
