/*
 * Licenses: claims signed, and the head of a license's unlock keys. As with unlock keys, the
 * release's secret goes to the custodian as it lies in the store, sealed.
 */
#include "keys.h"
#include "license.h"

enum { TRIES = 3 };

MUST static bool
make(struct ctx *c, struct keys *k, struct db *db, const struct keys_license *wanted,
    struct str *ret_token, struct str *ret_wrap)
{
	const struct release_row *r = wanted->release;
	struct vendor_key_row vendor;
	struct data_key_row secret;
	const struct custody_license l = {
		.vendor = &vendor,
		.secret = &secret,
		.release = str_of(r->id.s),
		.license = wanted->license,
		.artifact = r->artifact,
		.claims = wanted->claims,
		.jwk = wanted->jwk,
	};

	return keys_rows(c, db, str_of(r->key.s), &secret, &vendor) &&
	    custody_license(c, k->custody, &l, ret_token, ret_wrap);
}

/* Another key signs since the claims were made: the same claims, naming that one. */
MUST static bool
rename_key(struct ctx *c, struct keys *k, struct db *db, struct str claims, struct str *ret)
{
	struct license_claims l;
	struct digest256 present;
	struct buf b;

	if (!license_claims_read(c, claims, &l) || !keys_signer(c, k, db, &present) ||
	    !take_buf(c, LICENSE_MAX, &b))
		return false;
	if (digest256_same(&l.next, &present))
		l.next = (struct digest256){ 0 };
	l.key = present;
	if (!license_claims_put(c, &l, &b))
		return false;
	*ret = buf_str(&b);
	return true;
}

bool
keys_license(struct ctx *c, struct keys *k, struct db *db, const struct keys_license *wanted,
    struct str *ret_token, struct str *ret_wrap)
{
	struct keys_license l = *wanted;
	unsigned life = k->life;

	if (!keys_open(c, k))
		return false;
	if (wanted->release->state != RELEASE_READY)
		return fail(c, E_CONFLICT, "release %s is not ready", wanted->release->id.s);
	/* A rotation may replace what was read before it is used: then the newer is used. */
	for (unsigned i = 0; i < TRIES; i++) {
		if (make(c, k, db, &l, ret_token, ret_wrap))
			return true;
		if (c->err.code == E_PEER)
			keys_doubt(k, life);
		if (c->err.code == E_CONFLICT ? !rename_key(c, k, db, wanted->claims, &l.claims)
					      : c->err.code != E_INTEGRITY)
			return false;
	}
	return false;
}

bool
keys_signer(struct ctx *c, struct keys *k, struct db *db, struct digest256 *ret)
{
	const struct signing_row *newest = NULL;
	struct signing_row *row;
	struct str thumbprint;
	size_t n;

	if (!keys_open(c, k) || !signing_list(c, db, &row, &n))
		return false;
	for (size_t i = 0; i < n; i++)
		if (newest == NULL || row[i].created > newest->created)
			newest = &row[i];
	if (newest == NULL)
		return fail(c, E_CONFLICT, "there is no signing key");
	if (!base64url_decode(c, newest->kid, &thumbprint))
		return false;
	if (thumbprint.n != sizeof ret->b)
		return fail(c, E_INTEGRITY, "a signing key's id is no thumbprint");
	memcpy(ret->b, thumbprint.p, sizeof ret->b);
	return true;
}

bool
keys_sign_revocations(struct ctx *c, struct keys *k, struct str payload, struct str *ret_token)
{
	unsigned life = k->life;

	if (!keys_open(c, k))
		return false;
	if (custody_sign_revocations(c, k->custody, payload, ret_token))
		return true;
	if (c->err.code == E_PEER)
		keys_doubt(k, life);
	return false;
}
