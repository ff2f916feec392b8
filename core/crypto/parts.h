/*
 * What the files of this module share, and what its own unit tests reach for to check published
 * vectors. Not for other modules.
 */
#ifndef CRYPTO_PARTS_H
#define CRYPTO_PARTS_H

#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/kdf.h>

#include "crypto.h"

#define GCM_NONCE 12
#define GCM_TAG 16
#define WRAPPED_KEY 40 /* RFC 3394: a key256 under another */

/* ---- evp.c ------------------------------------------------------------------------------- */

/* The algorithms, fetched once in the life of the process: a fetch costs more than a digest. */
struct algorithms {
	EVP_MD *sha256;
	EVP_CIPHER *gcm, *ctr, *wrap;
	EVP_MAC *hmac;
	EVP_KDF *scrypt;
	EC_GROUP *p256;
};
MUST bool algorithms_get(struct ctx *, const struct algorithms **ret);

/* The calling thread's own contexts. No key stays in them after a call of this module. */
struct tools {
	EVP_MD_CTX *md;
	EVP_MAC_CTX *mac;
	EVP_CIPHER_CTX *gcm;
};
MUST bool tools_get(struct ctx *, struct tools **ret);

/* E_CRYPTO with OpenSSL's last reason as detail; empties its queue. */
MUST bool fail_crypto(struct ctx *, const char *what);

void cipher_free(EVP_CIPHER_CTX **); /* for owned() */
/* n bytes more in the buffer, to be written by the caller; NULL, and the buffer full, if not. */
uint8_t *buf_room(struct buf *, size_t n);

/* ---- digest.c ---------------------------------------------------------------------------- */

MUST bool hmac_parts(
    struct ctx *, struct str key, const struct str part[], size_t n, struct digest256 *ret);
/* HKDF of any output length up to 255 * 32; `info` is the concatenation of its parts. */
MUST bool hkdf_bytes(struct ctx *, struct str key, struct str salt, const struct str info[],
    size_t infos, uint8_t *ret, size_t n);

/* ---- gcm.c ------------------------------------------------------------------------------- */

/*
 * AES-256-GCM of one message. `key` may be NULL where the context already has it. Sealing writes
 * plain.n + GCM_TAG bytes; opening writes sealed.n - GCM_TAG, and nothing readable if it fails.
 */
MUST bool gcm_seal_with(struct ctx *, EVP_CIPHER_CTX *, const struct key256 *key,
    const uint8_t nonce[GCM_NONCE], struct str aad, struct str plain, uint8_t *to);
MUST bool gcm_open_with(struct ctx *, EVP_CIPHER_CTX *, const struct key256 *key,
    const uint8_t nonce[GCM_NONCE], struct str aad, struct str sealed, uint8_t *to);
/* The same in the thread's own context. */
MUST bool gcm_seal(struct ctx *, const struct key256 *, const uint8_t nonce[GCM_NONCE],
    struct str aad, struct str plain, uint8_t *to);
MUST bool gcm_open(struct ctx *, const struct key256 *, const uint8_t nonce[GCM_NONCE],
    struct str aad, struct str sealed, uint8_t *to);
/* A context for one key over many messages. */
MUST bool gcm_new(struct ctx *, const struct key256 *, EVP_CIPHER_CTX **ret);
/* One message by and by, with the key that the context has: sealing begins, goes on, ends. */
MUST bool gcm_begin(
    struct ctx *, EVP_CIPHER_CTX *, const uint8_t nonce[GCM_NONCE], struct str aad);
MUST bool gcm_more(struct ctx *, EVP_CIPHER_CTX *, struct str plain, uint8_t *to);
MUST bool gcm_end(struct ctx *, EVP_CIPHER_CTX *, uint8_t ret_tag[GCM_TAG]);

/* ---- wrap.c ------------------------------------------------------------------------------ */

/* AES-256 key wrap (RFC 3394) of a key256. */
MUST bool key_wrap(
    struct ctx *, const struct key256 *kek, const struct key256 *, uint8_t ret[WRAPPED_KEY]);
MUST bool key_unwrap(
    struct ctx *, const struct key256 *kek, struct str wrapped, struct key256 *ret);
/*
 * The concatenation KDF of ECDH-ES (RFC 7518, 4.6.2) for `bits` <= 256: the key is the leftmost
 * bits of the result.
 */
MUST bool concat_kdf(struct ctx *, const struct key256 *z, struct str alg, struct str apu,
    struct str apv, unsigned bits, struct key256 *ret);

/* ---- sealed.c ---------------------------------------------------------------------------- */

/* The first half of a sealed file's header; the other half is a check of key, header and aad. */
#define SEALED_HEAD 32
#define SEALED_LOG_MIN 6
#define SEALED_LOG_MAX 20
struct sealed {
	int fd;
	EVP_CIPHER_CTX *gcm; /* has the file's own key */
	size_t chunk;        /* plain bytes of every chunk but the last */
};
/* A new header in `ret_header`, or the check of one that was read. */
MUST bool sealed_begin(struct ctx *, struct sealed *, const struct key256 *, struct str aad,
    unsigned chunk_log, uint8_t ret_header[SEALED_HEADER]);
MUST bool sealed_check(struct ctx *, struct sealed *, const struct key256 *, struct str aad,
    const uint8_t header[SEALED_HEADER]);
void sealed_done(struct sealed *);
/* One chunk at its position; `to` as in gcm_seal_with. */
MUST bool chunk_seal(
    struct ctx *, struct sealed *, uint64_t position, bool last, struct str plain, uint8_t *to);
MUST bool chunk_open(struct ctx *, struct sealed *, uint64_t position, bool last,
    struct str sealed, uint8_t *to);
/* As sealed_writer_new, with chunks of 1 << chunk_log bytes. */
MUST bool sealed_writer_sized(struct ctx *, int fd, const struct key256 *, struct str aad,
    unsigned chunk_log, struct sealed_writer **ret);

/* ---- ec.c -------------------------------------------------------------------------------- */

struct ec_key {
	EC_POINT *point;
	_Atomic(EVP_PKEY *) pkey; /* NULL until it is needed */
	bool private;
	struct key256 secret; /* zero in a public key */
	uint8_t x[32], y[32];
	struct digest256 thumbprint;
};
/* E_INPUT unless (x, y) is on the curve. */
MUST bool ec_key_from_point(
    struct ctx *, const uint8_t x[32], const uint8_t y[32], struct ec_key **ret);
/* The shared x coordinate. */
MUST bool ec_agree(
    struct ctx *, const struct ec_key *mine, const struct ec_key *theirs, struct key256 *ret);
/* ES256 over the digest of a message: r and s, 32 bytes each. */
MUST bool es256_sign(
    struct ctx *, const struct ec_key *, const struct digest256 *, uint8_t ret[64]);
MUST bool es256_verify(
    struct ctx *, const struct ec_key *, const struct digest256 *, const uint8_t sig[64]);
/* The same signature as DER; how many bytes, 0 if there is no memory. */
size_t es256_der(const uint8_t raw[64], uint8_t der[80]);

/* ---- jose.c ------------------------------------------------------------------------------ */

/* A token cut at its dots, and its header checked. */
struct jose {
	struct str part[5]; /* base64url */
	size_t parts;
	struct jose_header header;
	struct str epk; /* JSON, for JWE */
};
MUST bool jose_open(struct ctx *, struct str token, struct str alg, struct jose *ret);
/* E_INPUT unless the header's typ is the wanted one. */
MUST bool jose_want(struct ctx *, const struct jose *, struct str typ);
/* Whether a header with such a member is refused. */
bool jose_name_refused(const char *name);
/* Appends a header in base64url. */
MUST bool jose_header_write(struct ctx *, struct buf *json, struct buf *out);

#endif
