/*
 * The library does much on first use: it reads its configuration file, sets up its providers and
 * looks for algorithms, and it does not survive a lack of memory while it does so. All of that is
 * got over with at the start of a process, while files may still be opened and nobody is served.
 */
#include "parts.h"

/*
 * Signs and agrees once with a key of no importance, and reads its public half back: the JSON
 * library seeds its tables from a file at its first object.
 */
MUST static bool
try_keys(struct ctx *c)
{
	owned(ec_key_free) struct ec_key *k = NULL;
	owned(ec_key_free) struct ec_key *public = NULL;
	struct key256 z;
	struct digest256 d;
	uint8_t sig[64];
	char text[JWK_MAX];
	struct buf jwk = BUF(text);

	if (!ec_key_generate(c, &k))
		return false;
	ec_key_to_jwk(&jwk, k);
	return ec_key_from_jwk(c, buf_str(&jwk), &public) && sha256(c, STR("start"), &d) &&
	    es256_sign(c, k, &d, sig) && es256_verify(c, k, &d, sig) && ec_agree(c, k, k, &z);
}

/* Seals, wraps and derives once, and sees that it opens. */
MUST static bool
try_sealing(struct ctx *c)
{
	struct scrypt cheap = { .log_n = 1, .r = 1, .p = 1 };
	struct key256 k, opened;
	uint8_t wrapped[WRAPPED_KEY];
	owned(bulk_free) struct bulk *stream = NULL;
	char room[SEAL_OVERHEAD + sizeof k.b];
	struct buf b = BUF(room);

	if (!scrypt_key(c, &cheap, STR("start"), &k) || !key_wrap(c, &k, &k, wrapped) ||
	    !bulk_new(c, &k, "start", 0, 0, &stream) ||
	    !key256_seal(c, &k, STR("start"), &k, &b) ||
	    !key256_unseal(c, &k, STR("start"), buf_str(&b), &opened))
		return false;
	if (!key256_same(&k, &opened))
		return fail(c, E_CRYPTO, "what was sealed does not open");
	return true;
}

bool
crypto_start(struct ctx *c)
{
	return try_keys(c) && try_sealing(c);
}
