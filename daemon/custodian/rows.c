/*
 * Sealed rows. A key is sealed with AES-256-GCM; what kind of key it is, whose, which version and
 * under which version of the key above it are the associated data. A row that was moved, swapped
 * or relabelled therefore does not open: the custodian need not know what the database says.
 */
#include "custodian.h"

#define AAD_MAX 256

static const char *const kind_names[] = {
	[SEALED_KEYRING] = "keyring key",
	[SEALED_SIGNING] = "signing key",
	[SEALED_VENDOR] = "vendor key",
	[SEALED_DATA] = "data key",
};

static struct str
row_aad(const struct sealed_row *r, struct buf *b)
{
	wire_put_str(b, STR("hallmark sealed row 1"));
	wire_put_u8(b, (uint8_t)r->kind);
	wire_put_str(b, r->id);
	wire_put_str(b, r->vendor);
	wire_put_u64(b, (uint64_t)r->version);
	wire_put_u64(b, (uint64_t)r->under);
	return buf_str(b);
}

bool
row_seal(
    struct ctx *c, const struct key256 *over, const struct key256 *key, struct sealed_row *row)
{
	char aad[AAD_MAX];
	struct buf b = BUF(aad), out;
	struct str bound = row_aad(row, &b);

	if (!buf_ok(c, &b) || !take_buf(c, sizeof key->b + SEAL_OVERHEAD, &out) ||
	    !key256_seal(c, over, bound, key, &out) || !buf_ok(c, &out))
		return false;
	row->sealed = buf_str(&out);
	return true;
}

bool
row_open(
    struct ctx *c, const struct key256 *over, const struct sealed_row *r, struct key256 *ret)
{
	char aad[AAD_MAX];
	struct buf b = BUF(aad);
	struct str bound = row_aad(r, &b);

	if (!buf_ok(c, &b))
		return false;
	if (key256_unseal(c, over, bound, r->sealed, ret))
		return true;
	if (c->err.code != E_INTEGRITY && c->err.code != E_INPUT)
		return false;
	return fail(c, E_INTEGRITY, "a %s does not open: %.*s%.*s version %lld",
	    kind_names[r->kind], STRF(r->id), STRF(r->vendor), (long long)r->version);
}

bool
keyring_find(
    struct ctx *c, const struct custodian *k, int64_t version, const struct keyring **ret)
{
	for (size_t i = 0; i < k->loaded.keyrings; i++) {
		if (k->loaded.keyring[i].version == version) {
			*ret = &k->loaded.keyring[i];
			return true;
		}
	}
	return fail(c, E_INTEGRITY, "keyring version %lld is not loaded", (long long)version);
}

const struct keyring *
keyring_current(const struct custodian *k)
{
	const struct keyring *newest = &k->loaded.keyring[0];

	for (size_t i = 1; i < k->loaded.keyrings; i++)
		if (k->loaded.keyring[i].version > newest->version)
			newest = &k->loaded.keyring[i];
	return newest;
}

bool
signer_public(struct ctx *c, const struct ec_key *key, char ret_kid[static CUSTODY_KID_MAX],
    struct str *ret_jwk)
{
	struct digest256 thumb = ec_key_thumbprint(key);
	char kid[CUSTODY_KID_MAX] = { 0 };
	struct buf b = { kid, 0, sizeof kid - 1, false }, jwk;

	if (!take_buf(c, JWK_MAX, &jwk))
		return false;
	base64url_put(&b, thumb.b, sizeof thumb.b);
	ec_key_to_jwk(&jwk, key);
	if (!buf_ok(c, &b) || !buf_ok(c, &jwk))
		return false;
	memcpy(ret_kid, kid, sizeof kid);
	*ret_jwk = buf_str(&jwk);
	return true;
}
