/*
 * The two small primitives between an ECDH agreement and a content key: the concatenation KDF
 * and AES key wrap.
 */
#include "parts.h"

#include <openssl/err.h>

static void
put_u32(uint8_t to[4], size_t n)
{
	for (int i = 0; i < 4; i++)
		to[i] = (uint8_t)(n >> (24 - 8 * i));
}

bool
concat_kdf(struct ctx *c, const struct key256 *z, struct str alg, struct str apu,
    struct str apv, unsigned bits, struct key256 *ret)
{
	uint8_t round[4], alg_n[4], apu_n[4], apv_n[4], key_bits[4];
	struct str part[] = {
		{ (char *)round, 4 },
		{ (const char *)z->b, sizeof z->b },
		{ (char *)alg_n, 4 },
		alg,
		{ (char *)apu_n, 4 },
		apu,
		{ (char *)apv_n, 4 },
		apv,
		{ (char *)key_bits, 4 },
	};
	struct digest256 d;
	bool ok;

	put_u32(round, 1);
	put_u32(alg_n, alg.n);
	put_u32(apu_n, apu.n);
	put_u32(apv_n, apv.n);
	put_u32(key_bits, bits);
	ok = sha256_parts(c, part, COUNT(part), &d);
	if (ok)
		memcpy(ret->b, d.b, sizeof ret->b);
	explicit_bzero(&d, sizeof d);
	return ok;
}

MUST static bool
wrap_context(struct ctx *c, const struct key256 *kek, int wrapping, EVP_CIPHER_CTX **ret)
{
	owned(cipher_free) EVP_CIPHER_CTX *e = EVP_CIPHER_CTX_new();
	const struct algorithms *a;

	if (!algorithms_get(c, &a))
		return false;
	if (e == NULL)
		return fail_crypto(c, "key wrap");
	EVP_CIPHER_CTX_set_flags(e, EVP_CIPHER_CTX_FLAG_WRAP_ALLOW);
	if (EVP_CipherInit_ex2(e, a->wrap, kek->b, NULL, wrapping, NULL) != 1)
		return fail_crypto(c, "key wrap");
	*ret = steal(e);
	return true;
}

bool
key_wrap(
    struct ctx *c, const struct key256 *kek, const struct key256 *key, uint8_t ret[WRAPPED_KEY])
{
	owned(cipher_free) EVP_CIPHER_CTX *e = NULL;
	uint8_t out[WRAPPED_KEY + 8];
	int n = 0;

	if (!wrap_context(c, kek, 1, &e))
		return false;
	if (EVP_CipherUpdate(e, out, &n, key->b, sizeof key->b) != 1 || n != WRAPPED_KEY)
		return fail_crypto(c, "key wrap");
	memcpy(ret, out, WRAPPED_KEY);
	return true;
}

bool
key_unwrap(struct ctx *c, const struct key256 *kek, struct str wrapped, struct key256 *ret)
{
	owned(cipher_free) EVP_CIPHER_CTX *e = NULL;
	uint8_t out[WRAPPED_KEY + 8];
	int n = 0;
	bool ok;

	if (wrapped.n != WRAPPED_KEY)
		return fail(c, E_INTEGRITY, "does not open");
	if (!wrap_context(c, kek, 0, &e))
		return false;
	ok = EVP_CipherUpdate(e, out, &n, (const uint8_t *)wrapped.p, WRAPPED_KEY) == 1 &&
	    n == sizeof ret->b;
	if (ok)
		memcpy(ret->b, out, sizeof ret->b);
	explicit_bzero(out, sizeof out);
	ERR_clear_error();
	return ok || fail(c, E_INTEGRITY, "does not open");
}
