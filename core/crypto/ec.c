/*
 * Keys on P-256: made from ctx.random or read from a scalar or a point, and the two things that
 * are done with them, ECDH and ECDSA. A key computes its coordinates and its thumbprint when it is
 * made and is not changed afterwards, so that threads may share it; only the library's own form of
 * it, which costs more than an agreement saves and which signatures alone need, is made at their
 * first.
 */
#include "parts.h"

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ecdsa.h>
#include <openssl/err.h>
#include <openssl/param_build.h>
#include <stdatomic.h>

enum { POINT = 65 }; /* bytes of an uncompressed point */

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
	EC_POINT_clear_free(*p);
	*p = NULL;
}

void
ec_key_free(struct ec_key **k)
{
	if (*k == NULL)
		return;
	EVP_PKEY_free((*k)->pkey);
	point_free(&(*k)->point);
	explicit_bzero(*k, sizeof **k);
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

/* A scalar as the library takes it, treated as a secret. */
MUST static bool
scalar(struct ctx *c, const struct key256 *secret, BIGNUM **ret)
{
	owned(bn_free) BIGNUM *d = BN_secure_new();

	if (d == NULL || BN_bin2bn(secret->b, sizeof secret->b, d) == NULL)
		return fail_crypto(c, "EC key");
	BN_set_flags(d, BN_FLG_CONSTTIME);
	*ret = steal(d);
	return true;
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

/* Hands point and scalar (or NULL) to the library. */
static EVP_PKEY *
import(const uint8_t point[POINT], const BIGNUM *secret)
{
	EVP_PKEY_CTX *p = EVP_PKEY_CTX_new_from_name(NULL, "EC", NULL);
	OSSL_PARAM_BLD *build = OSSL_PARAM_BLD_new();
	OSSL_PARAM *with = NULL;
	EVP_PKEY *pkey = NULL;

	if (p != NULL && build != NULL &&
	    OSSL_PARAM_BLD_push_utf8_string(build, OSSL_PKEY_PARAM_GROUP_NAME, "P-256", 0) &&
	    OSSL_PARAM_BLD_push_octet_string(build, OSSL_PKEY_PARAM_PUB_KEY, point, POINT) &&
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

/* The library's form of a key. Of two threads that make it at once, one keeps its own. */
MUST static bool
pkey_of(struct ctx *c, const struct ec_key *key, EVP_PKEY **ret)
{
	struct ec_key *k = (struct ec_key *)(uintptr_t)key;
	owned(bn_free) BIGNUM *secret = NULL;
	uint8_t point[POINT] = { POINT_CONVERSION_UNCOMPRESSED };
	EVP_PKEY *none = NULL, *made = atomic_load(&k->pkey);

	if (made == NULL) {
		memcpy(point + 1, k->x, sizeof k->x);
		memcpy(point + 33, k->y, sizeof k->y);
		if (k->private && !scalar(c, &k->secret, &secret))
			return false;
		made = import(point, secret);
		if (made == NULL)
			return fail_crypto(c, "EC key");
		if (!atomic_compare_exchange_strong(&k->pkey, &none, made)) {
			EVP_PKEY_free(made);
			made = none;
		}
	}
	*ret = made;
	return true;
}

/* A key of a point, which it takes over, and, if there is one, its scalar. */
MUST static bool
make(struct ctx *c, EC_POINT **point, const uint8_t bytes[POINT], const struct key256 *secret,
    struct ec_key **ret)
{
	owned(ec_key_free) struct ec_key *k = calloc(1, sizeof *k);

	if (k == NULL)
		return fail(c, E_MEMORY, "no memory");
	k->point = steal(*point);
	memcpy(k->x, bytes + 1, sizeof k->x);
	memcpy(k->y, bytes + 33, sizeof k->y);
	k->private = secret != NULL;
	if (k->private)
		k->secret = *secret;
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
	uint8_t bytes[POINT] = { POINT_CONVERSION_UNCOMPRESSED };

	if (!algorithms_get(c, &a))
		return false;
	memcpy(bytes + 1, x, 32);
	memcpy(bytes + 33, y, 32);
	p = EC_POINT_new(a->p256);
	if (p == NULL)
		return fail_crypto(c, "EC point");
	ERR_clear_error();
	if (EC_POINT_oct2point(a->p256, p, bytes, sizeof bytes, NULL) != 1)
		return fail_point(c);
	return make(c, &p, bytes, NULL, ret);
}

bool
ec_key_from_secret(struct ctx *c, const struct key256 *secret, struct ec_key **ret)
{
	owned(bn_free) BIGNUM *d = NULL;
	owned(point_free) EC_POINT *p = NULL;
	const struct algorithms *a;
	uint8_t bytes[POINT];

	if (!algorithms_get(c, &a) || !scalar(c, secret, &d))
		return false;
	if (BN_is_zero(d) || BN_cmp(d, EC_GROUP_get0_order(a->p256)) >= 0)
		return fail(c, E_INPUT, "not a private scalar of P-256");
	p = EC_POINT_new(a->p256);
	if (p == NULL || EC_POINT_mul(a->p256, p, d, NULL, NULL, NULL) != 1 ||
	    EC_POINT_point2oct(a->p256, p, POINT_CONVERSION_UNCOMPRESSED, bytes, sizeof bytes,
		NULL) != sizeof bytes)
		return fail_crypto(c, "EC key");
	return make(c, &p, bytes, secret, ret);
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
	if (!k->private)
		return fail(c, E_INTERNAL, "the key has no private half");
	*ret = k->secret;
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
	owned(bn_free) BIGNUM *d = NULL;
	owned(point_free) EC_POINT *shared = NULL;
	const struct algorithms *a;
	uint8_t bytes[POINT];
	bool ok;

	if (!mine->private)
		return fail(c, E_INTERNAL, "the key has no private half");
	if (!algorithms_get(c, &a) || !scalar(c, &mine->secret, &d))
		return false;
	/* Both are on the curve, whose order is prime: the product is no point at infinity. */
	shared = EC_POINT_new(a->p256);
	ok = shared != NULL &&
	    EC_POINT_mul(a->p256, shared, NULL, theirs->point, d, NULL) == 1 &&
	    EC_POINT_point2oct(a->p256, shared, POINT_CONVERSION_UNCOMPRESSED, bytes,
		sizeof bytes, NULL) == sizeof bytes;
	if (ok)
		memcpy(ret->b, bytes + 1, sizeof ret->b);
	explicit_bzero(bytes, sizeof bytes);
	return ok || fail_crypto(c, "ECDH");
}

static void
signature_free(ECDSA_SIG **s)
{
	ECDSA_SIG_free(*s);
}

bool
es256_sign(struct ctx *c, const struct ec_key *k, const struct digest256 *d, uint8_t ret[64])
{
	owned(pkey_context_free) EVP_PKEY_CTX *p = NULL;
	owned(signature_free) ECDSA_SIG *sig = NULL;
	EVP_PKEY *pkey;
	uint8_t der[80];
	const uint8_t *at = der;
	size_t n = sizeof der;

	if (!k->private)
		return fail(c, E_INTERNAL, "the key has no private half");
	if (!pkey_of(c, k, &pkey))
		return false;
	p = EVP_PKEY_CTX_new_from_pkey(NULL, pkey, NULL);
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
	owned(pkey_context_free) EVP_PKEY_CTX *p = NULL;
	EVP_PKEY *pkey;
	uint8_t der[80];
	size_t n = es256_der(raw, der);

	if (!pkey_of(c, k, &pkey))
		return false;
	p = EVP_PKEY_CTX_new_from_pkey(NULL, pkey, NULL);
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
