/*
 * What is done with loaded keys: vendor keys are made under the current keyring key, data keys
 * under a vendor key. Neither is kept: each request brings the rows it needs, they are opened,
 * used and wiped.
 */
#include "custodian.h"

#define REWRAP_MAX 512

bool
rotate_begin(struct ctx *c, struct custodian *k, struct wire *in, struct buf *out)
{
	struct sealed_row row = { .kind = SEALED_KEYRING,
		.version = keyring_current(k)->version + 1 };
	owned(key256_done) struct key256 key;

	key256_random(c, &key);
	if (!request_end(c, in) || !row_seal(c, &k->root, &key, &row))
		return false;
	sealed_row_put(out, &row);
	return true;
}

bool
signing_reseal(struct ctx *c, struct custodian *k, struct wire *in, struct buf *out)
{
	struct sealed_row row = sealed_row_take(in, SEALED_SIGNING);
	owned(key256_done) struct key256 secret = { 0 };
	const struct keyring *ring;

	if (!request_end(c, in) || !keyring_find(c, k, row.under, &ring) ||
	    !row_open(c, &ring->key, &row, &secret))
		return false;
	ring = keyring_current(k);
	row.under = ring->version;
	if (!row_seal(c, &ring->key, &secret, &row))
		return false;
	sealed_row_put(out, &row);
	return true;
}

MUST static bool
name_ok(struct ctx *c, struct str name, const char *what)
{
	bool ok = name.n > 0;

	for (size_t i = 0; i < name.n; i++)
		ok = ok && name.p[i] > ' ' && name.p[i] < 127;
	if (!ok)
		return fail(c, E_INPUT, "the %s's id is not one", what);
	return true;
}

bool
vendor_new(struct ctx *c, struct custodian *k, struct wire *in, struct buf *out)
{
	const struct keyring *ring = keyring_current(k);
	struct sealed_row row = { .kind = SEALED_VENDOR,
		.vendor = wire_str(in, ID_MAX - 1),
		.version = (int64_t)wire_u64(in),
		.under = ring->version };
	owned(key256_done) struct key256 key;

	key256_random(c, &key);
	if (!request_end(c, in) || !name_ok(c, row.vendor, "vendor"))
		return false;
	if (row.version < 1)
		return fail(c, E_INPUT, "a vendor key's version is 1 or more");
	if (!row_seal(c, &ring->key, &key, &row))
		return false;
	sealed_row_put(out, &row);
	return true;
}

MUST static bool
vendor_open(
    struct ctx *c, const struct custodian *k, const struct sealed_row *r, struct key256 *ret)
{
	const struct keyring *ring;

	return keyring_find(c, k, r->under, &ring) && row_open(c, &ring->key, r, ret);
}

bool
data_new(struct ctx *c, struct custodian *k, struct wire *in, struct buf *out)
{
	struct sealed_row vendor = sealed_row_take(in, SEALED_VENDOR);
	struct sealed_row row = { .kind = SEALED_DATA,
		.id = wire_str(in, ID_MAX - 1),
		.vendor = vendor.vendor,
		.under = vendor.version };
	owned(key256_done) struct key256 over = { 0 }, key;

	key256_random(c, &key);
	if (!request_end(c, in) || !name_ok(c, row.id, "data key") ||
	    !vendor_open(c, k, &vendor, &over) || !row_seal(c, &over, &key, &row))
		return false;
	wire_put_str(out, (struct str){ (const char *)key.b, sizeof key.b });
	sealed_row_put(out, &row);
	return true;
}

/* Under the vendor key whose row is `vendor` and whose plain key is `over`. */
MUST static bool
data_row_open(struct ctx *c, const struct sealed_row *vendor, const struct key256 *over,
    const struct sealed_row *row, struct key256 *ret)
{
	if (!str_same(row->vendor, vendor->vendor) || row->under != vendor->version)
		return fail(c, E_INTEGRITY, "data key %.*s is not under this vendor key",
		    STRF(row->id));
	return row_open(c, over, row, ret);
}

bool
data_key_take(struct ctx *c, const struct custodian *k, const struct sealed_row *vendor,
    const struct sealed_row *row, struct key256 *ret)
{
	owned(key256_done) struct key256 over = { 0 };

	return vendor_open(c, k, vendor, &over) && data_row_open(c, vendor, &over, row, ret);
}

bool
data_open(struct ctx *c, struct custodian *k, struct wire *in, struct buf *out)
{
	struct sealed_row vendor = sealed_row_take(in, SEALED_VENDOR);
	struct sealed_row row = sealed_row_take(in, SEALED_DATA);
	owned(key256_done) struct key256 key = { 0 };

	if (!request_end(c, in) || !data_key_take(c, k, &vendor, &row, &key))
		return false;
	wire_put_str(out, (struct str){ (const char *)key.b, sizeof key.b });
	return true;
}

bool
data_rewrap(struct ctx *c, struct custodian *k, struct wire *in, struct buf *out)
{
	struct sealed_row from = sealed_row_take(in, SEALED_VENDOR);
	struct sealed_row to = sealed_row_take(in, SEALED_VENDOR);
	uint32_t n = wire_u32(in);
	owned(key256_done) struct key256 old = { 0 }, new = { 0 };

	if (in->bad || n > REWRAP_MAX)
		return fail(c, E_USAGE, "%u data keys: %u at most", n, REWRAP_MAX);
	if (!str_same(from.vendor, to.vendor))
		return fail(c, E_INTEGRITY, "data keys do not move between vendors");
	if (!vendor_open(c, k, &from, &old) || !vendor_open(c, k, &to, &new))
		return false;
	wire_put_u32(out, n);
	for (uint32_t i = 0; i < n; i++) {
		struct sealed_row row = sealed_row_take(in, SEALED_DATA);
		owned(key256_done) struct key256 key = { 0 };

		if (in->bad)
			return fail(c, E_USAGE, "a data key's row is malformed");
		if (!data_row_open(c, &from, &old, &row, &key))
			return false;
		row.under = to.version;
		if (!row_seal(c, &new, &key, &row))
			return false;
		sealed_row_put(out, &row);
	}
	return request_end(c, in);
}
