/*
 * What is asked of the custodian. The store has a struct for each kind of sealed key, the custodian
 * one for all of them: the first part turns one into the other, then each request is its fields,
 * the exchange, its results. Results are copied into the caller's arena before the answer is wiped.
 */
#include "custody_call.h"

/* ---- Rows of the store and of the wire --------------------------------------------------- */

static struct sealed_row
keyring_row(const struct keyring_row *r)
{
	return (struct sealed_row){
		.kind = SEALED_KEYRING, .version = r->version, .sealed = r->sealed
	};
}

static struct sealed_row
signing_row(const struct signing_row *r)
{
	return (struct sealed_row){ .kind = SEALED_SIGNING,
		.id = r->kid,
		.version = r->created,
		.under = r->keyring,
		.sealed = r->sealed };
}

static struct sealed_row
vendor_row(const struct vendor_key_row *r)
{
	return (struct sealed_row){ .kind = SEALED_VENDOR,
		.vendor = str_of(r->vendor.s),
		.version = r->version,
		.under = r->keyring,
		.sealed = r->sealed };
}

static struct sealed_row
data_row(const struct data_key_row *r)
{
	return (struct sealed_row){ .kind = SEALED_DATA,
		.id = str_of(r->id.s),
		.vendor = str_of(r->vendor.s),
		.under = r->version,
		.sealed = r->sealed };
}

static void
row_put(struct buf *b, struct sealed_row row)
{
	sealed_row_put(b, &row);
}

void
key_rows_put(struct buf *b, const struct vendor_key_row *v, const struct data_key_row *d)
{
	row_put(b, vendor_row(v));
	row_put(b, data_row(d));
}

MUST static bool
keyring_take(struct ctx *c, struct wire *in, struct keyring_row *ret)
{
	struct sealed_row row = sealed_row_take(in, SEALED_KEYRING);

	*ret = (struct keyring_row){ .version = row.version, .created = c->now() };
	return take_copy(c, row.sealed, &ret->sealed);
}

MUST static bool
signing_take(struct ctx *c, struct wire *in, struct signing_row *ret)
{
	struct sealed_row row = sealed_row_take(in, SEALED_SIGNING);

	*ret = (struct signing_row){ .keyring = row.under, .created = row.version };
	return take_copy(c, row.id, &ret->kid) && take_copy(c, row.sealed, &ret->sealed) &&
	    take_copy(c, row.jwk, &ret->jwk);
}

static struct id
id_take(struct str s)
{
	struct id id = { 0 };

	memcpy(id.s, s.p, s.n < sizeof id.s ? s.n : sizeof id.s - 1);
	return id;
}

MUST static bool
data_take(struct ctx *c, struct wire *in, struct data_key_row *ret)
{
	struct sealed_row row = sealed_row_take(in, SEALED_DATA);

	*ret = (struct data_key_row){
		.id = id_take(row.id), .vendor = id_take(row.vendor), .version = row.under
	};
	return take_copy(c, row.sealed, &ret->sealed);
}

static struct key256
key_take(struct wire *in)
{
	struct key256 key = { 0 };
	struct str bytes = wire_str(in, sizeof key.b);

	if (bytes.n != sizeof key.b)
		in->bad = true;
	else
		memcpy(key.b, bytes.p, bytes.n);
	return key;
}

/* ---- State ------------------------------------------------------------------------------- */

MUST static bool
status_take(struct ctx *c, struct wire *in, struct custody_status *ret)
{
	struct custody_status s = { 0 };
	uint8_t state = wire_u8(in);

	s.shares = wire_u8(in) != 0;
	s.have = wire_u8(in);
	s.need = wire_u8(in);
	s.locked = wire_u8(in) != 0;
	s.keyring = (int64_t)wire_u64(in);
	if (state > CUSTODY_UNSEALED)
		in->bad = true;
	if (!wire_end(c, in))
		return false;
	s.state = (enum custody_state)state;
	*ret = s;
	return true;
}

bool
custody_status(struct ctx *c, struct custody *cu, struct custody_status *ret)
{
	owned(exchange_end) struct call call = exchange_begin(cu, OP_STATUS);

	return exchange_do(c, &call) && status_take(c, &call.in, ret);
}

bool
custody_init(
    struct ctx *c, struct custody *cu, unsigned k, unsigned n, struct custody_birth *ret)
{
	owned(exchange_end) struct call call = exchange_begin(cu, OP_INIT);
	owned(custody_birth_done) struct custody_birth b = { 0 };
	size_t shares;

	if (k > SHARES_MAX || n > SHARES_MAX)
		return fail(c, E_INPUT, "at most %u shares", SHARES_MAX);
	wire_put_u8(&call.out, (uint8_t)k);
	wire_put_u8(&call.out, (uint8_t)n);
	if (!exchange_do(c, &call) || !keyring_take(c, &call.in, &b.keyring) ||
	    !signing_take(c, &call.in, &b.signing))
		return false;
	shares = wire_u8(&call.in);
	if (shares > SHARES_MAX)
		call.in.bad = true;
	for (; !call.in.bad && b.shares < shares; b.shares++)
		if (!take_copy(c, wire_str(&call.in, CUSTODY_SHARE_MAX), &b.share[b.shares]))
			return false;
	if (!wire_end(c, &call.in))
		return false;
	*ret = b;
	b.shares = 0;
	return true;
}

void
custody_birth_done(struct custody_birth *b)
{
	/* The texts are in the caller's arena, writable, though views never say so. */
	for (size_t i = 0; i < b->shares; i++)
		explicit_bzero((void *)(uintptr_t)b->share[i].p, b->share[i].n);
	b->shares = 0;
}

bool
custody_unseal_share(
    struct ctx *c, struct custody *cu, struct str share, struct custody_status *ret)
{
	owned(exchange_end) struct call call = exchange_begin(cu, OP_SHARE);

	if (share.n > CUSTODY_SHARE_MAX)
		return fail(c, E_INPUT, "this is not a share");
	wire_put_str(&call.out, share);
	return exchange_do(c, &call) && status_take(c, &call.in, ret);
}

bool
custody_load(struct ctx *c, struct custody *cu, const struct keyring_row ring[], size_t rings,
    const struct signing_row signing[], size_t signings)
{
	owned(exchange_end) struct call call = exchange_begin(cu, OP_LOAD);

	wire_put_u32(&call.out, (uint32_t)rings);
	for (size_t i = 0; i < rings; i++)
		row_put(&call.out, keyring_row(&ring[i]));
	wire_put_u32(&call.out, (uint32_t)signings);
	for (size_t i = 0; i < signings; i++)
		row_put(&call.out, signing_row(&signing[i]));
	return exchange_do(c, &call) && wire_end(c, &call.in);
}

bool
custody_seal(struct ctx *c, struct custody *cu)
{
	owned(exchange_end) struct call call = exchange_begin(cu, OP_SEAL);

	return exchange_do(c, &call) && wire_end(c, &call.in);
}

/* ---- Keys -------------------------------------------------------------------------------- */

bool
custody_rotate_begin(struct ctx *c, struct custody *cu, struct keyring_row *ret)
{
	owned(exchange_end) struct call call = exchange_begin(cu, OP_ROTATE);
	struct keyring_row row;

	if (!exchange_do(c, &call) || !keyring_take(c, &call.in, &row) ||
	    !wire_end(c, &call.in))
		return false;
	*ret = row;
	return true;
}

bool
custody_signing_reseal(
    struct ctx *c, struct custody *cu, const struct signing_row *row, struct signing_row *ret)
{
	owned(exchange_end) struct call call = exchange_begin(cu, OP_RESEAL);
	struct signing_row fresh;

	row_put(&call.out, signing_row(row));
	if (!exchange_do(c, &call) || !signing_take(c, &call.in, &fresh) ||
	    !wire_end(c, &call.in))
		return false;
	fresh.jwk = row->jwk;
	*ret = fresh;
	return true;
}

bool
custody_vendor_key_new(struct ctx *c, struct custody *cu, struct id vendor, int64_t version,
    struct vendor_key_row *ret)
{
	owned(exchange_end) struct call call = exchange_begin(cu, OP_VENDOR_NEW);
	struct vendor_key_row fresh = { .vendor = vendor, .version = version };
	struct sealed_row row;

	wire_put_str(&call.out, str_of(vendor.s));
	wire_put_u64(&call.out, (uint64_t)version);
	if (!exchange_do(c, &call))
		return false;
	row = sealed_row_take(&call.in, SEALED_VENDOR);
	fresh.keyring = row.under;
	if (!take_copy(c, row.sealed, &fresh.sealed) || !wire_end(c, &call.in))
		return false;
	*ret = fresh;
	return true;
}

bool
custody_data_key_new(struct ctx *c, struct custody *cu, const struct vendor_key_row *vendor,
    struct id id, struct key256 *ret_key, struct data_key_row *ret)
{
	owned(exchange_end) struct call call = exchange_begin(cu, OP_DATA_NEW);
	owned(key256_done) struct key256 key = { 0 };
	struct data_key_row row;

	row_put(&call.out, vendor_row(vendor));
	wire_put_str(&call.out, str_of(id.s));
	if (!exchange_do(c, &call))
		return false;
	key = key_take(&call.in);
	if (!data_take(c, &call.in, &row) || !wire_end(c, &call.in))
		return false;
	*ret_key = key;
	*ret = row;
	return true;
}

bool
custody_data_key_open(struct ctx *c, struct custody *cu, const struct vendor_key_row *vendor,
    const struct data_key_row *row, struct key256 *ret_key)
{
	owned(exchange_end) struct call call = exchange_begin(cu, OP_DATA_OPEN);
	owned(key256_done) struct key256 key = { 0 };

	key_rows_put(&call.out, vendor, row);
	if (!exchange_do(c, &call))
		return false;
	key = key_take(&call.in);
	if (!wire_end(c, &call.in))
		return false;
	*ret_key = key;
	return true;
}

bool
custody_data_key_rewrap(struct ctx *c, struct custody *cu, const struct vendor_key_row *from,
    const struct vendor_key_row *to, const struct data_key_row row[], size_t n,
    struct data_key_row **ret)
{
	owned(exchange_end) struct call call = exchange_begin(cu, OP_DATA_REWRAP);
	struct data_key_row *fresh = take(c, (n > 0 ? n : 1) * sizeof *fresh);

	if (fresh == NULL)
		return false;
	row_put(&call.out, vendor_row(from));
	row_put(&call.out, vendor_row(to));
	wire_put_u32(&call.out, (uint32_t)n);
	for (size_t i = 0; i < n; i++)
		row_put(&call.out, data_row(&row[i]));
	if (!exchange_do(c, &call))
		return false;
	if (wire_u32(&call.in) != n)
		call.in.bad = true;
	for (size_t i = 0; i < n; i++)
		if (!data_take(c, &call.in, &fresh[i]))
			return false;
	if (!wire_end(c, &call.in))
		return false;
	*ret = fresh;
	return true;
}

/* ---- Signatures -------------------------------------------------------------------------- */

MUST static bool
text_take(struct ctx *c, struct call *call, struct str *ret)
{
	struct str text = wire_str(&call->in, CUSTODY_MESSAGE_MAX);

	return wire_end(c, &call->in) && take_copy(c, text, ret);
}

static void
digest_put(struct buf *b, const struct digest256 *d)
{
	wire_put_str(b, (struct str){ (const char *)d->b, sizeof d->b });
}

bool
custody_sign_checkpoint(struct ctx *c, struct custody *cu, int64_t seq,
    const struct digest256 *hash, int64_t at, struct str *ret_jws)
{
	owned(exchange_end) struct call call = exchange_begin(cu, OP_CHECKPOINT);

	wire_put_u64(&call.out, (uint64_t)seq);
	digest_put(&call.out, hash);
	wire_put_u64(&call.out, (uint64_t)at);
	return exchange_do(c, &call) && text_take(c, &call, ret_jws);
}

bool
custody_sign_release(struct ctx *c, struct custody *cu, const struct custody_release *r,
    struct str *ret_manifest, struct str *ret_bundle)
{
	owned(exchange_end) struct call call = exchange_begin(cu, OP_SIGN_RELEASE);
	struct str manifest, bundle;

	wire_put_str(&call.out, r->release);
	wire_put_str(&call.out, r->model);
	wire_put_str(&call.out, r->name);
	digest_put(&call.out, &r->artifact);
	wire_put_u64(&call.out, (uint64_t)r->bytes);
	wire_put_u64(&call.out, (uint64_t)r->at);
	if (!exchange_do(c, &call))
		return false;
	manifest = wire_str(&call.in, CUSTODY_MESSAGE_MAX);
	bundle = wire_str(&call.in, CUSTODY_MESSAGE_MAX);
	return wire_end(c, &call.in) && take_copy(c, manifest, ret_manifest) &&
	    take_copy(c, bundle, ret_bundle);
}

bool
custody_sign_evidence(
    struct ctx *c, struct custody *cu, const struct custody_evidence *e, struct str *ret_jws)
{
	owned(exchange_end) struct call call = exchange_begin(cu, OP_SIGN_EVIDENCE);

	if (e->n > CUSTODY_ACCUSED_MAX)
		return fail(
		    c, E_INPUT, "at most %d customers are accused", CUSTODY_ACCUSED_MAX);
	wire_put_str(&call.out, e->verification);
	wire_put_str(&call.out, e->release);
	wire_put_str(&call.out, e->vendor);
	digest_put(&call.out, &e->report);
	digest_put(&call.out, &e->suspect);
	wire_put_u8(&call.out, (uint8_t)e->verdict);
	wire_put_u64(&call.out, (uint64_t)e->at);
	wire_put_u32(&call.out, (uint32_t)e->n);
	for (size_t i = 0; i < e->n; i++)
		wire_put_u32(&call.out, e->accused[i]);
	return exchange_do(c, &call) && text_take(c, &call, ret_jws);
}

bool
custody_jwks(struct ctx *c, struct custody *cu, struct str *ret_json)
{
	owned(exchange_end) struct call call = exchange_begin(cu, OP_JWKS);

	return exchange_do(c, &call) && text_take(c, &call, ret_json);
}
