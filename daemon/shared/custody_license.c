/*
 * Asking the custodian for what licenses need: claims signed, the head of a license's unlock keys,
 * a list of revocations signed. The list may be larger than a message: its entries go as bytes in
 * one memory file, the token comes in another.
 */
#include <sys/mman.h>
#include <unistd.h>

#include "custody_call.h"
#include "license.h"

bool
custody_license(struct ctx *c, struct custody *cu, const struct custody_license *l,
    struct str *ret_token, struct str *ret_wrap)
{
	owned(exchange_end) struct call call = exchange_begin(cu, OP_LICENSE);
	struct str token, wrap;

	key_rows_put(&call.out, l->vendor, l->secret);
	wire_put_str(&call.out, l->release);
	wire_put_str(&call.out, l->license);
	wire_put_str(
	    &call.out, (struct str){ (const char *)l->artifact.b, sizeof l->artifact.b });
	wire_put_str(&call.out, l->claims);
	wire_put_str(&call.out, l->jwk);
	if (!exchange_do(c, &call))
		return false;
	token = wire_str(&call.in, CUSTODY_MESSAGE_MAX);
	wrap = wire_str(&call.in, JWE_HEAD_MAX);
	return wire_end(c, &call.in) && take_copy(c, token, ret_token) &&
	    take_copy(c, wrap, ret_wrap);
}

/* ---- Lists of revocations ------------------------------------------------------------------ */

MUST static bool
entries_file(struct ctx *c, const struct revocations *r, int *ret)
{
	owned(fd_done) int fd = memfd_create("revocations", MFD_CLOEXEC);

	if (fd < 0)
		return fail_errno(c, "create", "a file in memory");
	if (!fd_write_all(c, fd, r->revoked, r->revoked_n * sizeof r->revoked[0]) ||
	    !fd_write_all(c, fd, r->suspended, r->suspended_n * sizeof r->suspended[0]))
		return false;
	if (lseek(fd, 0, SEEK_SET) != 0)
		return fail_errno(c, "rewind", "the list's entries");
	*ret = fd;
	fd = -1;
	return true;
}

MUST static bool
list_sign(struct ctx *c, struct custody *cu, const struct revocations *r, int entries, int out,
    uint64_t *ret_bytes)
{
	owned(exchange_end) struct call call = exchange_begin(cu, OP_SIGN_REVOCATIONS);
	uint64_t bytes;

	wire_put_str(&call.out, str_of(r->vendor.s));
	wire_put_u64(&call.out, (uint64_t)r->number);
	wire_put_u64(&call.out, (uint64_t)r->this_update);
	wire_put_u64(&call.out, (uint64_t)r->next_update);
	wire_put_u32(&call.out, (uint32_t)r->revoked_n);
	wire_put_u32(&call.out, (uint32_t)r->suspended_n);
	call.fd[call.fds++] = entries;
	call.fd[call.fds++] = out;
	if (!exchange_do(c, &call))
		return false;
	bytes = wire_u64(&call.in);
	if (bytes > JOSE_MAX)
		call.in.bad = true;
	if (!wire_end(c, &call.in))
		return false;
	*ret_bytes = bytes;
	return true;
}

bool
custody_sign_revocations(
    struct ctx *c, struct custody *cu, struct str payload, struct str *ret_token)
{
	owned(fd_done) int entries = -1, out = memfd_create("revocations", MFD_CLOEXEC);
	struct revocations r;
	uint64_t bytes;
	char *token;

	if (out < 0)
		return fail_errno(c, "create", "a file in memory");
	if (!revocations_read(c, payload, &r) || !entries_file(c, &r, &entries) ||
	    !list_sign(c, cu, &r, entries, out, &bytes))
		return false;
	if (lseek(out, 0, SEEK_SET) != 0)
		return fail_errno(c, "rewind", "the signed list");
	token = take(c, bytes);
	if (token == NULL || !fd_read_all(c, out, token, bytes))
		return false;
	*ret_token = (struct str){ token, bytes };
	return true;
}
