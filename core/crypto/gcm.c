/*
 * AES-256-GCM: the plain operation, and sealed values made of it. A sealed value says nothing of
 * why it did not open, as the difference would help only somebody who is trying.
 */
#include "parts.h"

#include <openssl/err.h>

#define SEAL_VERSION 1

_Static_assert(SEAL_OVERHEAD == 1 + GCM_NONCE + GCM_TAG, "the format that crypto.h promises");

static const struct key256 no_key;

static bool
gcm_start(EVP_CIPHER_CTX *e, int sealing, const struct key256 *key, const uint8_t *nonce,
    struct str aad)
{
	int n;

	return EVP_CipherInit_ex2(e, NULL, key == NULL ? NULL : key->b, nonce, sealing, NULL) ==
	    1 &&
	    (aad.n == 0 ||
		EVP_CipherUpdate(e, NULL, &n, (const uint8_t *)aad.p, (int)aad.n) == 1);
}

static bool
gcm_body(EVP_CIPHER_CTX *e, struct str in, uint8_t *to)
{
	int n = 0;

	return in.n == 0 ||
	    (EVP_CipherUpdate(e, to, &n, (const uint8_t *)in.p, (int)in.n) == 1 &&
		(size_t)n == in.n);
}

bool
gcm_seal_with(struct ctx *c, EVP_CIPHER_CTX *e, const struct key256 *key,
    const uint8_t nonce[GCM_NONCE], struct str aad, struct str plain, uint8_t *to)
{
	uint8_t end[GCM_TAG];
	int n;

	if (plain.n > SEAL_MAX || aad.n > SEAL_MAX)
		return fail(c, E_LIMIT, "more than %d bytes to seal", SEAL_MAX);
	if (!gcm_start(e, 1, key, nonce, aad) || !gcm_body(e, plain, to) ||
	    EVP_CipherFinal_ex(e, end, &n) != 1 ||
	    EVP_CIPHER_CTX_ctrl(e, EVP_CTRL_AEAD_GET_TAG, GCM_TAG, to + plain.n) != 1)
		return fail_crypto(c, "AES-GCM");
	return true;
}

bool
gcm_open_with(struct ctx *c, EVP_CIPHER_CTX *e, const struct key256 *key,
    const uint8_t nonce[GCM_NONCE], struct str aad, struct str sealed, uint8_t *to)
{
	struct str body = { sealed.p, sealed.n - GCM_TAG };
	uint8_t end[GCM_TAG], tag[GCM_TAG];
	int n;

	if (sealed.n < GCM_TAG || body.n > SEAL_MAX || aad.n > SEAL_MAX)
		return fail(c, E_INTEGRITY, "does not open");
	memcpy(tag, sealed.p + body.n, GCM_TAG);
	if (!gcm_start(e, 0, key, nonce, aad) || !gcm_body(e, body, to) ||
	    EVP_CIPHER_CTX_ctrl(e, EVP_CTRL_AEAD_SET_TAG, GCM_TAG, tag) != 1) {
		explicit_bzero(to, body.n);
		return fail_crypto(c, "AES-GCM");
	}
	if (EVP_CipherFinal_ex(e, end, &n) != 1) {
		explicit_bzero(to, body.n);
		ERR_clear_error();
		return fail(c, E_INTEGRITY, "does not open");
	}
	return true;
}

/* Puts another key in the place of the last one. */
static bool
gcm_forget(struct ctx *c, EVP_CIPHER_CTX *e)
{
	if (EVP_CipherInit_ex2(e, NULL, no_key.b, NULL, 1, NULL) != 1)
		return fail_crypto(c, "AES-GCM");
	return true;
}

bool
gcm_seal(struct ctx *c, const struct key256 *key, const uint8_t nonce[GCM_NONCE],
    struct str aad, struct str plain, uint8_t *to)
{
	struct tools *t;
	bool ok;

	if (!tools_get(c, &t))
		return false;
	ok = gcm_seal_with(c, t->gcm, key, nonce, aad, plain, to);
	return gcm_forget(c, t->gcm) && ok;
}

bool
gcm_open(struct ctx *c, const struct key256 *key, const uint8_t nonce[GCM_NONCE],
    struct str aad, struct str sealed, uint8_t *to)
{
	struct tools *t;
	bool ok;

	if (!tools_get(c, &t))
		return false;
	ok = gcm_open_with(c, t->gcm, key, nonce, aad, sealed, to);
	return gcm_forget(c, t->gcm) && ok;
}

bool
gcm_new(struct ctx *c, const struct key256 *key, EVP_CIPHER_CTX **ret)
{
	owned(cipher_free) EVP_CIPHER_CTX *e = EVP_CIPHER_CTX_new();
	const struct algorithms *a;

	if (!algorithms_get(c, &a))
		return false;
	if (e == NULL || EVP_CipherInit_ex2(e, a->gcm, key->b, NULL, 1, NULL) != 1)
		return fail_crypto(c, "AES-GCM");
	*ret = steal(e);
	return true;
}

bool
gcm_begin(struct ctx *c, EVP_CIPHER_CTX *e, const uint8_t nonce[GCM_NONCE], struct str aad)
{
	return gcm_start(e, 1, NULL, nonce, aad) ? true : fail_crypto(c, "AES-GCM");
}

bool
gcm_more(struct ctx *c, EVP_CIPHER_CTX *e, struct str plain, uint8_t *to)
{
	return gcm_body(e, plain, to) ? true : fail_crypto(c, "AES-GCM");
}

bool
gcm_end(struct ctx *c, EVP_CIPHER_CTX *e, uint8_t ret_tag[GCM_TAG])
{
	uint8_t end[GCM_TAG];
	int n;

	if (EVP_CipherFinal_ex(e, end, &n) != 1 ||
	    EVP_CIPHER_CTX_ctrl(e, EVP_CTRL_AEAD_GET_TAG, GCM_TAG, ret_tag) != 1)
		return fail_crypto(c, "AES-GCM");
	return true;
}

bool
seal(struct ctx *c, const struct key256 *key, struct str aad, struct str plain, struct buf *out)
{
	uint8_t *to;

	if (plain.n > SEAL_MAX)
		return fail(c, E_LIMIT, "more than %d bytes to seal", SEAL_MAX);
	to = buf_room(out, SEAL_OVERHEAD + plain.n);
	if (to == NULL)
		return buf_ok(c, out);
	to[0] = SEAL_VERSION;
	c->random(to + 1, GCM_NONCE);
	return gcm_seal(c, key, to + 1, aad, plain, to + 1 + GCM_NONCE);
}

/* Opens into `to`, which has room for sealed.n - SEAL_OVERHEAD bytes. */
static bool
unseal_into(
    struct ctx *c, const struct key256 *key, struct str aad, struct str sealed, uint8_t *to)
{
	const uint8_t *nonce = (const uint8_t *)sealed.p + 1;
	struct str body = { sealed.p + 1 + GCM_NONCE, sealed.n - 1 - GCM_NONCE };

	if (sealed.p[0] != SEAL_VERSION)
		return fail(c, E_INTEGRITY, "does not open");
	return gcm_open(c, key, nonce, aad, body, to);
}

bool
unseal(
    struct ctx *c, const struct key256 *key, struct str aad, struct str sealed, struct str *ret)
{
	uint8_t *to;

	if (sealed.n < SEAL_OVERHEAD || sealed.n - SEAL_OVERHEAD > SEAL_MAX)
		return fail(c, E_INTEGRITY, "does not open");
	to = take(c, sealed.n - SEAL_OVERHEAD);
	if (to == NULL || !unseal_into(c, key, aad, sealed, to))
		return false;
	*ret = (struct str){ (char *)to, sealed.n - SEAL_OVERHEAD };
	return true;
}

bool
key256_seal(struct ctx *c, const struct key256 *key, struct str aad,
    const struct key256 *secret, struct buf *out)
{
	return seal(
	    c, key, aad, (struct str){ (const char *)secret->b, sizeof secret->b }, out);
}

bool
key256_unseal(struct ctx *c, const struct key256 *key, struct str aad, struct str sealed,
    struct key256 *ret)
{
	owned(key256_done) struct key256 k = { 0 };

	if (sealed.n != SEAL_OVERHEAD + sizeof k.b)
		return fail(c, E_INTEGRITY, "does not open");
	if (!unseal_into(c, key, aad, sealed, k.b))
		return false;
	*ret = k;
	return true;
}
