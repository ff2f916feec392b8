/*
 * What writer and readers of sealed files share: the header, the file's own key, one chunk.
 *
 *   header  "hallmark" | version | log2 of the chunk size | 6 zero bytes | salt of 16 bytes |
 *           check of 32 bytes
 *   chunks  ciphertext | tag of 16 bytes; all but the last hold exactly the chunk size
 *
 * HKDF of the data key, with the salt, the first half of the header and the caller's aad, gives
 * the file's key and the check, which tells a wrong key at once and commits the file to its key.
 * The key serves one file only, so nonces may be counted: chunk position (8 bytes), zeros (3),
 * last-chunk flag (1). This is the STREAM construction of Hoang, Reyhanitabar, Rogaway and Vizár
 * (CRYPTO 2015).
 */
#include "parts.h"

#include <openssl/crypto.h>

#define MAGIC "hallmark"
#define FORMAT_VERSION 1
#define SALT_AT 16
#define DOMAIN "hallmark sealed file"

_Static_assert(SALT_AT + 16 == SEALED_HEAD, "the salt ends the first half of the header");
_Static_assert(SEALED_CHUNK <= 1 << SEALED_LOG_MAX, "readers accept what writers write");

uint64_t
sealed_size(uint64_t plain)
{
	uint64_t chunks = plain == 0 ? 1 : (plain - 1) / SEALED_CHUNK + 1;

	return SEALED_HEADER + plain + chunks * GCM_TAG;
}

/* Derives the file's key into s->gcm and computes the check of `head`. */
static bool
derive(struct ctx *c, struct sealed *s, const struct key256 *key, struct str aad,
    const uint8_t *head, uint8_t ret_check[32])
{
	struct str info[] = { STR(DOMAIN), { (const char *)head, SEALED_HEAD }, aad };
	uint8_t both[64];
	struct key256 own;
	bool ok;

	ok = hkdf_bytes(c, (struct str){ (const char *)key->b, sizeof key->b },
	    (struct str){ (const char *)head + SALT_AT, SEALED_HEAD - SALT_AT }, info,
	    COUNT(info), both, sizeof both);
	memcpy(own.b, both, sizeof own.b);
	memcpy(ret_check, both + sizeof own.b, 32);
	ok = ok && gcm_new(c, &own, &s->gcm);
	explicit_bzero(both, sizeof both);
	key256_done(&own);
	return ok;
}

bool
sealed_begin(struct ctx *c, struct sealed *s, const struct key256 *key, struct str aad,
    unsigned chunk_log, uint8_t ret_header[SEALED_HEADER])
{
	uint8_t head[SEALED_HEADER] = MAGIC;

	if (chunk_log < SEALED_LOG_MIN || chunk_log > SEALED_LOG_MAX)
		return fail(c, E_INTERNAL, "chunk size 2^%u", chunk_log);
	head[8] = FORMAT_VERSION;
	head[9] = (uint8_t)chunk_log;
	c->random(head + SALT_AT, SEALED_HEAD - SALT_AT);
	if (!derive(c, s, key, aad, head, head + SEALED_HEAD))
		return false;
	s->chunk = (size_t)1 << chunk_log;
	memcpy(ret_header, head, sizeof head);
	return true;
}

bool
sealed_check(struct ctx *c, struct sealed *s, const struct key256 *key, struct str aad,
    const uint8_t header[SEALED_HEADER])
{
	uint8_t check[32];

	if (!secret_same(STR(MAGIC), (struct str){ (const char *)header, 8 }) ||
	    header[8] != FORMAT_VERSION || header[9] < SEALED_LOG_MIN ||
	    header[9] > SEALED_LOG_MAX)
		return fail(c, E_INTEGRITY, "not a sealed file");
	if (!derive(c, s, key, aad, header, check))
		return false;
	if (CRYPTO_memcmp(check, header + SEALED_HEAD, sizeof check) != 0)
		return fail(c, E_INTEGRITY, "the sealed file does not open");
	s->chunk = (size_t)1 << header[9];
	return true;
}

void
sealed_done(struct sealed *s)
{
	cipher_free(&s->gcm);
}

static void
chunk_nonce(uint64_t position, bool last, uint8_t ret[GCM_NONCE])
{
	for (int i = 0; i < 8; i++)
		ret[i] = (uint8_t)(position >> (56 - 8 * i));
	memset(ret + 8, 0, 3);
	ret[11] = last;
}

bool
chunk_seal(struct ctx *c, struct sealed *s, uint64_t position, bool last, struct str plain,
    uint8_t *to)
{
	uint8_t nonce[GCM_NONCE];

	chunk_nonce(position, last, nonce);
	return gcm_seal_with(c, s->gcm, NULL, nonce, STR(""), plain, to);
}

bool
chunk_open(struct ctx *c, struct sealed *s, uint64_t position, bool last, struct str sealed,
    uint8_t *to)
{
	uint8_t nonce[GCM_NONCE];

	chunk_nonce(position, last, nonce);
	if (!gcm_open_with(c, s->gcm, NULL, nonce, STR(""), sealed, to))
		return c->err.code != E_INTEGRITY
		    ? false
		    : fail(c, E_INTEGRITY, "the sealed file does not open");
	return true;
}
