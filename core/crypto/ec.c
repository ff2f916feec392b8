/*
 * Keys on P-256: made from ctx.random or read from a scalar or a point, and the two things that
 * are done with them, ECDH and ECDSA. A key computes its coordinates and its thumbprint when it is
 * made and is never changed afterwards, so that threads may share it.
 */
#include "parts.h"

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ecdsa.h>
#include <openssl/err.h>
#include <openssl/param_build.h>

static void
pkey_context_free(EVP_PKEY_CTX **p)
{
	EVP_PKEY_CTX_free(*p);
}

static void
bn_free(BIGNUM **n)
{
	BN_clear_free(*n);
}

static void
point_free(EC_POINT **p)
{
	EC_POINT_free(*p);
}

void
ec_key_free(struct ec_key **k)
{
	if (*k == NULL)
		return;
	EVP_PKEY_free((*k)->pkey);
	free(*k);
	*k = NULL;
}

bool
ec_key_is_private(const struct ec_key *k)
{
	return k->private;
}

struct digest256
ec_key_thumbprint(const struct ec_key *k)
{
	return k->thumbprint;
}

/* RFC 7638: the digest of the canonical public JWK. */
MUST static bool
thumbprint(struct ctx *c, struct ec_key *k)
{
	char json[JWK_MAX];
	struct buf b = BUF(json);

	ec_key_to_jwk(&b, k);
	return sha256(c, buf_str(&b), &k->thumbprint);
}

/* Hands point and scalar (or NULL) to the library, which checks that the point is on the curve. */
static EVP_PKEY *
import(const uint8_t point[65], const BIGNUM *secret)
{
	EVP_PKEY_CTX *p = EVP_PKEY_CTX_new_from_name(NULL, "EC", NULL);
	OSSL_PARAM_BLD *build = OSSL_PARAM_BLD_new();
	OSSL_PARAM *with = NULL;
	EVP_PKEY *pkey = NULL;

	if (p != NULL && build != NULL &&
	    OSSL_PARAM_BLD_push_utf8_string(build, OSSL_PKEY_PARAM_GROUP_NAME, "P-256", 0) &&
	    OSSL_PARAM_BLD_push_octet_string(build, OSSL_PKEY_PARAM_PUB_KEY, point, 65) &&
	    (secret == NULL ||
		OSSL_PARAM_BLD_push_BN_pad(build, OSSL_PKEY_PARAM_PRIV_KEY, secret, 32)))
		with = OSSL_PARAM_BLD_to_param(build);
	if (with == NULL || EVP_PKEY_fromdata_init(p) != 1 ||
	    EVP_PKEY_fromdata(
		p, &pkey, secret == NULL ? EVP_PKEY_PUBLIC_KEY : EVP_PKEY_KEYPAIR, with) != 1)
		pkey = NULL;
	OSSL_PARAM_free(with);
	OSSL_PARAM_BLD_free(build);
	EVP_PKEY_CTX_free(p);
	return pkey;
}

/* A key of an uncompressed point and, if there is one, its scalar. */
MUST static bool
make(struct ctx *c, const uint8_t point[65], const BIGNUM *secret, struct ec_key **ret)
{
	owned(ec_key_free) struct ec_key *k = calloc(1, sizeof *k);

	if (k == NULL)
		return fail(c, E_MEMORY, "no memory");
	k->private = secret != NULL;
	memcpy(k->x, point + 1, sizeof k->x);
	memcpy(k->y, point + 33, sizeof k->y);
	k->pkey = import(point, secret);
	if (k->pkey == NULL)
		return fail_crypto(c, "EC key");
	if (!thumbprint(c, k))
		return false;
	*ret = steal(k);
	return true;
}

/* A point was refused: because of what it is, or for want of memory, the first reason tells. */
MUST static bool
fail_point(struct ctx *c)
{
	int reason = ERR_GET_REASON(ERR_peek_error());

	if (reason != EC_R_POINT_IS_NOT_ON_CURVE && reason != EC_R_INVALID_ENCODING)
		return fail_crypto(c, "EC point");
	ERR_clear_error();
	return fail(c, E_INPUT, "the point is not on P-256");
}

bool
ec_key_from_point(struct ctx *c, const uint8_t x[32], const uint8_t y[32], struct ec_key **ret)
{
	owned(point_free) EC_POINT *p = NULL;
	const struct algorithms *a;
	uint8_t point[65] = { POINT_CONVERSION_UNCOMPRESSED };

	if (!algorithms_get(c, &a))
		return false;
	memcpy(point + 1, x, 32);
	memcpy(point + 33, y, 32);
	p = EC_POINT_new(a->p256);
	if (p == NULL)
		return fail_crypto(c, "EC point");
	ERR_clear_error();
	if (EC_POINT_oct2point(a->p256, p, point, sizeof point, NULL) != 1)
		return fail_point(c);
	return make(c, point, NULL, ret);
}

bool
ec_key_from_secret(struct ctx *c, const struct key256 *secret, struct ec_key **ret)
{
	owned(bn_free) BIGNUM *d = BN_secure_new();
	owned(point_free) EC_POINT *p = NULL;
	const struct algorithms *a;
	uint8_t point[65];

	if (!algorithms_get(c, &a))
		return false;
	p = EC_POINT_new(a->p256);
	if (p == NULL || d == NULL || BN_bin2bn(secret->b, sizeof secret->b, d) == NULL)
		return fail_crypto(c, "EC key");
	BN_set_flags(d, BN_FLG_CONSTTIME);
	if (BN_is_zero(d) || BN_cmp(d, EC_GROUP_get0_order(a->p256)) >= 0)
		return fail(c, E_INPUT, "not a private scalar of P-256");
	if (EC_POINT_mul(a->p256, p, d, NULL, NULL, NULL) != 1 ||
	    EC_POINT_point2oct(a->p256, p, POINT_CONVERSION_UNCOMPRESSED, point, sizeof point,
		NULL) != sizeof point)
		return fail_crypto(c, "EC key");
	return make(c, point, d, ret);
}

bool
ec_key_generate(struct ctx *c, struct ec_key **ret)
{
	owned(key256_done) struct key256 secret = { 0 };

	/* One in 2^32 random strings is not a scalar; three in a row are broken randomness. */
	for (int i = 0; i < 3; i++) {
		key256_random(c, &secret);
		if (ec_key_from_secret(c, &secret, ret))
			return true;
		if (c->err.code != E_INPUT)
			return false;
	}
	return fail(c, E_CRYPTO, "the source of randomness is broken");
}

bool
ec_key_to_secret(struct ctx *c, const struct ec_key *k, struct key256 *ret)
{
	owned(bn_free) BIGNUM *d = NULL;

	if (!k->private)
		return fail(c, E_INTERNAL, "the key has no private half");
	if (EVP_PKEY_get_bn_param(k->pkey, OSSL_PKEY_PARAM_PRIV_KEY, &d) != 1 ||
	    BN_bn2binpad(d, ret->b, sizeof ret->b) != sizeof ret->b)
		return fail_crypto(c, "EC key");
	return true;
}

bool
ec_key_public(struct ctx *c, const struct ec_key *k, struct ec_key **ret)
{
	return ec_key_from_point(c, k->x, k->y, ret);
}

bool
ec_agree(
    struct ctx *c, const struct ec_key *mine, const struct ec_key *theirs, struct key256 *ret)
{
	owned(pkey_context_free)
	    EVP_PKEY_CTX *p = EVP_PKEY_CTX_new_from_pkey(NULL, mine->pkey, NULL);
	owned(key256_done) struct key256 z = { 0 };
	size_t n = sizeof z.b;

	if (!mine->private)
		return fail(c, E_INTERNAL, "the key has no private half");
	/* The peer's point was checked when its key was made. */
	if (p == NULL || EVP_PKEY_derive_init(p) != 1 ||
	    EVP_PKEY_derive_set_peer_ex(p, theirs->pkey, 0) != 1 ||
	    EVP_PKEY_derive(p, z.b, &n) != 1 || n != sizeof z.b)
		return fail_crypto(c, "ECDH");
	*ret = z;
	return true;
}

static void
signature_free(ECDSA_SIG **s)
{
	ECDSA_SIG_free(*s);
}

bool
es256_sign(struct ctx *c, const struct ec_key *k, const struct digest256 *d, uint8_t ret[64])
{
	owned(pkey_context_free)
	    EVP_PKEY_CTX *p = EVP_PKEY_CTX_new_from_pkey(NULL, k->pkey, NULL);
	owned(signature_free) ECDSA_SIG *sig = NULL;
	uint8_t der[80];
	const uint8_t *at = der;
	size_t n = sizeof der;

	if (!k->private)
		return fail(c, E_INTERNAL, "the key has no private half");
	if (p == NULL || EVP_PKEY_sign_init(p) != 1 ||
	    EVP_PKEY_sign(p, der, &n, d->b, sizeof d->b) != 1)
		return fail_crypto(c, "ECDSA");
	sig = d2i_ECDSA_SIG(NULL, &at, (long)n);
	if (sig == NULL || BN_bn2binpad(ECDSA_SIG_get0_r(sig), ret, 32) != 32 ||
	    BN_bn2binpad(ECDSA_SIG_get0_s(sig), ret + 32, 32) != 32)
		return fail_crypto(c, "ECDSA");
	return true;
}

/* r and s as the library wants them. */
size_t
es256_der(const uint8_t raw[64], uint8_t der[80])
{
	owned(signature_free) ECDSA_SIG *sig = ECDSA_SIG_new();
	owned(bn_free) BIGNUM *r = BN_bin2bn(raw, 32, NULL);
	owned(bn_free) BIGNUM *s = BN_bin2bn(raw + 32, 32, NULL);
	uint8_t *at = der;
	int n;

	if (sig == NULL || r == NULL || s == NULL || ECDSA_SIG_set0(sig, r, s) != 1)
		return 0;
	(void)steal(r);
	(void)steal(s);
	n = i2d_ECDSA_SIG(sig, NULL);
	return n > 0 && n <= 80 && i2d_ECDSA_SIG(sig, &at) == n ? (size_t)n : 0;
}

bool
es256_verify(
    struct ctx *c, const struct ec_key *k, const struct digest256 *d, const uint8_t raw[64])
{
	owned(pkey_context_free)
	    EVP_PKEY_CTX *p = EVP_PKEY_CTX_new_from_pkey(NULL, k->pkey, NULL);
	uint8_t der[80];
	size_t n = es256_der(raw, der);

	if (n == 0 || p == NULL || EVP_PKEY_verify_init(p) != 1)
		return fail_crypto(c, "ECDSA");
	/* 0 is a verdict, a negative number a failure: no memory must not read as a forgery. */
	switch (EVP_PKEY_verify(p, der, n, d->b, sizeof d->b)) {
	case 1:
		return true;
	case 0:
		ERR_clear_error();
		return fail(c, E_INTEGRITY, "the signature does not match");
	default:
		return fail_crypto(c, "ECDSA");
	}
}
