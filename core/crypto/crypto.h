/*
 * crypto: digests and derived keys, sealed values and sealed files, passphrases, Shamir shares,
 * P-256 keys, JOSE with a fixed list of algorithms, and the hash chain of the audit. Everything
 * stands on OpenSSL's EVP; nonces, salts and keys come from ctx.random.
 *
 * Failures mean: E_INPUT, a value that is not of the form described here; E_LIMIT, larger than the
 * stated bound; E_INTEGRITY, a tag, signature or checksum that does not match, without saying
 * why; E_CRYPTO, the library itself failed (as good as always: no memory).
 */
#ifndef CRYPTO_H
#define CRYPTO_H

#include "base.h"

/*
 * Readies the library, trying each kind of operation once. Every process calls it before it gives
 * up opening files (OpenSSL reads its configuration on first use) and before it serves anybody.
 */
MUST bool crypto_start(struct ctx *);

/* ---- Digests and derived keys ------------------------------------------------------------ */

/* A secret of 256 bits. Whoever holds one ends it with key256_done. */
struct key256 {
	uint8_t b[32];
};

/* A SHA-256 value. */
struct digest256 {
	uint8_t b[32];
};

/* A fresh key from ctx.random. */
void key256_random(struct ctx *, struct key256 *ret);
void key256_done(struct key256 *);

/* Comparisons whose time does not depend on the content (the length is not secret). */
bool key256_same(const struct key256 *, const struct key256 *);
bool digest256_same(const struct digest256 *, const struct digest256 *);
bool secret_same(struct str, struct str);

/* The digest of one string, and of several one after the other (their borders do not count). */
MUST bool sha256(struct ctx *, struct str, struct digest256 *ret);
MUST bool sha256_parts(struct ctx *, const struct str part[], size_t n, struct digest256 *ret);

/*
 * The digest of bytes that come by and by: init, add as often as wanted, end, and init again. A
 * failure in add is remembered and reported by end. `done` frees it, at any point.
 */
struct sha256 {
	struct evp_md_ctx_st *md;
	bool bad;
};
MUST bool sha256_init(struct ctx *, struct sha256 *);
void sha256_add(struct sha256 *, struct str);
MUST bool sha256_end(struct ctx *, struct sha256 *, struct digest256 *ret);
void sha256_done(struct sha256 *);
/* The digest of a whole file, from its beginning, wherever it stands; and how long it is. */
MUST bool sha256_file(struct ctx *, int fd, int64_t *ret_size, struct digest256 *ret);

/* HMAC-SHA-256 (RFC 2104). */
MUST bool hmac_sha256(struct ctx *, struct str key, struct str message, struct digest256 *ret);
/* HKDF (RFC 5869), 32 bytes. `info` names the purpose: one purpose, one info. */
MUST bool hkdf_sha256(
    struct ctx *, struct str key, struct str salt, struct str info, struct key256 *ret);

/*
 * One link of the audit's hash chain: a digest of the previous link and of n fields, each with its
 * length, so that no two different lists give the same bytes. The first link follows the all-zero
 * digest.
 */
MUST bool chain_next(struct ctx *, const struct digest256 *prev, const struct str field[],
    size_t n, struct digest256 *ret);

/* ---- Pseudo-random streams --------------------------------------------------------------- */

/*
 * Everything that Hallmark draws under a key, so that it can be drawn again: by a key and a tag,
 * HMAC-SHA-256 in counter mode. One purpose, one subkey.
 */
MUST bool prf_subkey(
    struct ctx *, const struct key256 *root, const char *name, struct key256 *ret);
MUST bool prf_block(struct ctx *, const struct key256 *, const char *tag, uint32_t a,
    uint32_t b, uint32_t i, struct digest256 *ret);

/* Numbers one after the other. A failure of the library is remembered: prf_end reports it. */
struct prf {
	struct key256 key;
	const char *tag;
	uint32_t a, b, block;
	size_t used; /* bytes of `now` */
	struct digest256 now;
	bool bad;
};
struct prf prf_stream(const struct key256 *, const char *tag, uint32_t a, uint32_t b);
uint64_t prf_next(struct prf *);
uint64_t prf_uniform(struct prf *, uint64_t q); /* in [0, q), without bias; q > 0 */
double prf_real(struct prf *);                  /* in [0, 1) */
/* A permutation of 0 … n - 1. */
void prf_perm(struct prf *, uint32_t n, uint32_t ret[]);
/* Wipes it. */
MUST bool prf_end(struct ctx *, struct prf *);

/* Bulk: the keystream of AES-256-CTR under a block of the key. */
struct bulk;
MUST bool bulk_new(struct ctx *, const struct key256 *, const char *tag, uint32_t a, uint32_t b,
    struct bulk **ret);
/* The next n bytes. */
MUST bool bulk_read(struct ctx *, struct bulk *, void *to, size_t n);
void bulk_free(struct bulk **);

/* ---- Commitments ------------------------------------------------------------------------- */

/* The root of the Merkle tree over n leaves, 1 or more (RFC 6962, 2.1), which it overwrites. */
MUST bool commit_root(struct ctx *, struct digest256 leaf[], size_t n, struct digest256 *ret);
/* Over items, by their root, and the subkeys that may be shown one day; no public beacon. */
MUST bool commit_items(struct ctx *, const struct key256 *secret, const struct digest256 *root,
    struct digest256 *ret);
/* The key that all labels follow from, once the commitment is known. */
MUST bool commit_label_key(struct ctx *, const struct key256 *secret,
    const struct digest256 *commitment, struct key256 *ret);

/* ---- Sealed values ----------------------------------------------------------------------- */

/*
 * A sealed value is a version byte, a nonce of 96 bits, the ciphertext of AES-256-GCM and a tag.
 * The nonce is random: one key seals at most 2^32 values (NIST SP 800-38D, 8.3), after which the
 * chance that two nonces met passes 2^-32 and the key must be rotated.
 */
#define SEAL_OVERHEAD 29
#define SEAL_MAX (64 << 20) /* bytes of one value; larger things are sealed files */

/* Appends the sealed value. `aad` says where it belongs (row id and column, key version). */
MUST bool seal(
    struct ctx *, const struct key256 *, struct str aad, struct str plain, struct buf *out);
/* The plain value, in the arena. E_INTEGRITY for any other key, aad or byte. */
MUST bool unseal(
    struct ctx *, const struct key256 *, struct str aad, struct str sealed, struct str *ret);

/* The same for a key; its plain bytes never lie in the arena. */
MUST bool key256_seal(struct ctx *, const struct key256 *, struct str aad,
    const struct key256 *, struct buf *out);
MUST bool key256_unseal(
    struct ctx *, const struct key256 *, struct str aad, struct str sealed, struct key256 *ret);

/* ---- Sealed files ------------------------------------------------------------------------ */

/*
 * A stream in chunks, each under AES-256-GCM with a key of this file alone (HKDF of the data key
 * with the file's salt, header and `aad`), the nonce being the chunk's position and a last-chunk
 * flag. Truncation, extension, reordering, duplication, exchange between files and any flipped bit
 * are E_INTEGRITY. Plain bytes of a chunk are given out only after its tag was verified. Memory:
 * two chunks; from 128 KiB on, larger chunks are not faster.
 */
#define SEALED_HEADER 64
#define SEALED_CHUNK (128 << 10)
#define SEALED_PLAIN_MAX (INT64_C(1) << 46)

/* The size of the sealed file that holds `plain` bytes. */
uint64_t sealed_size(uint64_t plain);

struct sealed_writer;
/* Begins a sealed file at the descriptor's position; the descriptor stays the caller's. */
MUST bool sealed_writer_new(
    struct ctx *, int fd, const struct key256 *, struct str aad, struct sealed_writer **ret);
/* After a failure the writer is of no more use than to be freed. */
MUST bool sealed_write(struct ctx *, struct sealed_writer *, struct str plain);
/* Writes the last chunk; without it the file does not open. Does not sync. */
MUST bool sealed_finish(struct ctx *, struct sealed_writer *, uint64_t *ret_plain_size);
void sealed_writer_free(struct sealed_writer **);

struct sealed_reader;
/* Reads in order, from a file or a pipe; checks the header. */
MUST bool sealed_reader_new(
    struct ctx *, int fd, const struct key256 *, struct str aad, struct sealed_reader **ret);
/*
 * Up to n plain bytes; 0 only at the verified end of the file. The whole is authentic only once
 * that 0 was seen: what acts on a prefix must be able to take it back.
 */
MUST bool sealed_read(struct ctx *, struct sealed_reader *, void *to, size_t n, size_t *ret_n);
/*
 * The same for a file whose end may be missing, as a broken writing leaves it: reading ends, with
 * 0, behind the last whole chunk from the beginning whose tag is right. What is read is authentic;
 * that it is all there was is not said. Seal it anew into another file to go on.
 */
MUST bool sealed_salvage_new(
    struct ctx *, int fd, const struct key256 *, struct str aad, struct sealed_reader **ret);
void sealed_reader_free(struct sealed_reader **);

struct sealed_file;
/*
 * Random access with pread. Opening verifies header and last chunk, hence the size. One thread at
 * a time per handle; the descriptor stays the caller's.
 */
MUST bool sealed_file_open(
    struct ctx *, int fd, const struct key256 *, struct str aad, struct sealed_file **ret);
/* The same for a sealed file that is a part of a larger one: `n` bytes from `at`. */
MUST bool sealed_file_open_part(struct ctx *, int fd, uint64_t at, uint64_t n,
    const struct key256 *, struct str aad, struct sealed_file **ret);
uint64_t sealed_file_size(const struct sealed_file *); /* plain bytes */
/* Exactly n bytes from `at`; E_LIMIT if the file has fewer. */
MUST bool sealed_file_read(struct ctx *, struct sealed_file *, uint64_t at, void *to, size_t n);
void sealed_file_free(struct sealed_file **);

/* ---- Passphrases ------------------------------------------------------------------------- */

/* What scrypt (RFC 7914) needs beside the passphrase; N is 1 << log_n. Stored as text. */
struct scrypt {
	unsigned log_n, r, p;
	size_t salt_n;
	uint8_t salt[32];
};
/* N = 2^17, r = 8, p = 1 (128 MiB, about a third of a second) and a fresh salt. */
struct scrypt scrypt_new(struct ctx *);
/* As text, "scrypt-17-8-1-<salt>", and back; weaker or costlier parameters are refused. */
void scrypt_put(struct buf *, const struct scrypt *);
MUST bool scrypt_parse(struct ctx *, struct str, struct scrypt *ret);
MUST bool scrypt_key(
    struct ctx *, const struct scrypt *, struct str passphrase, struct key256 *ret);

/* ---- Shares ------------------------------------------------------------------------------ */

/*
 * Shamir's k-of-n over GF(2^8). A share names its set, how many are needed and its index; all
 * shares of a set carry a commitment to the key, so a wrong share never gives a wrong key. The key
 * must be random (the commitment is a digest of it).
 */
#define SHARES_MAX 16
#define SHARE_TEXT_MAX 96
struct share {
	uint8_t group[5];
	uint8_t k, index;
	uint8_t y[32];
	uint8_t commit[8];
};
/* n shares, any k of which give the key; 1 <= k <= n <= SHARES_MAX, k = 1 with n = 1 only. */
MUST bool shares_split(
    struct ctx *, const struct key256 *, unsigned k, unsigned n, struct share ret[]);
/*
 * The key. E_INPUT for fewer than k shares, one given twice, or one of another set; E_INTEGRITY if
 * they do not meet the commitment. More than k shares must all agree.
 */
MUST bool shares_join(struct ctx *, const struct share[], size_t n, struct key256 *ret);
void share_done(struct share *);

/*
 * The form for people: hms1-<group>-<k>-<index>-<share>-<checksum>, lower-case base32, at most
 * SHARE_TEXT_MAX bytes. Reading accepts capitals too; a typing error is E_INPUT.
 */
void share_put(struct buf *, const struct share *);
MUST bool share_parse(struct ctx *, struct str, struct share *ret);

/* ---- P-256 keys -------------------------------------------------------------------------- */

/* A point on P-256, with or without its private scalar. Not changed once made: threads share it. */
struct ec_key;
MUST bool ec_key_generate(struct ctx *, struct ec_key **ret);
/* From and to the private scalar, big-endian, for sealing. E_INPUT outside [1, order). */
MUST bool ec_key_from_secret(struct ctx *, const struct key256 *, struct ec_key **ret);
MUST bool ec_key_to_secret(struct ctx *, const struct ec_key *, struct key256 *ret);
/* A key of its own without the private half. */
MUST bool ec_key_public(struct ctx *, const struct ec_key *, struct ec_key **ret);
bool ec_key_is_private(const struct ec_key *);
void ec_key_free(struct ec_key **);

/*
 * Public JWK (RFC 7517): exactly kty, crv, x, y are used; kid, use, alg, key_ops and ext may be
 * there and are ignored; anything else is refused, a private member above all. Writing gives the
 * canonical form of RFC 7638, at most JWK_MAX bytes.
 */
#define JWK_MAX 128
MUST bool ec_key_from_jwk(struct ctx *, struct str json, struct ec_key **ret);
void ec_key_to_jwk(struct buf *, const struct ec_key *);
/* RFC 7638 thumbprint; base64url of it is the kid of our signatures. */
struct digest256 ec_key_thumbprint(const struct ec_key *);

/* ---- JOSE -------------------------------------------------------------------------------- */

/*
 * Compact JWS with ES256 and compact JWE with ECDH-ES+A256KW and A256GCM (RFC 7515, 7516, 7518):
 * nothing else is spoken. Refused before anything else is looked at: other algorithms, headers
 * over 4 kB, tokens over JOSE_MAX, duplicate or nested-too-deep members, base64url that is not
 * canonical, crit, zip, b64, and every member that brings or names a key of the sender's choice
 * (jwk, jku, x5u, x5c, x5t, x5t#S256).
 */
#define JOSE_HEADER_MAX 4096
#define JOSE_MAX (24 << 20)
#define JOSE_MEMBERS_MAX 32

struct jose_member {
	const char *name;
	struct str value;
};

/* A checked protected header. `member` holds its text members, typ and kid included. */
struct jose_header {
	struct str typ, kid; /* empty if absent */
	struct str json;     /* as signed */
	const struct jose_member *member;
	size_t members;
};
/* The text member of that name, false if there is none. */
bool jose_header_text(const struct jose_header *, const char *name, struct str *ret);

/*
 * What a token says of itself before it was verified, e.g. to choose the key by kid. `alg` is
 * "ES256" or "ECDH-ES+A256KW": the other kind of token is refused.
 */
MUST bool jose_peek(struct ctx *, struct str token, struct str alg, struct jose_header *ret);

/* Upper bounds of what sign and encrypt append; `extra` counts the bytes of names and values. */
size_t jws_size(size_t payload);
size_t jwe_size(size_t payload, size_t extra);

/* Appends header.payload.signature. typ and kid are written as given, text_valid. */
MUST bool jws_sign(struct ctx *, const struct ec_key *, struct str typ, struct str kid,
    struct str payload, struct buf *out);
/*
 * The same for a payload that comes by and by and is never whole in memory; the token goes to the
 * sink as it grows, and is one only after jws_finish. The key stays the caller's until then.
 */
struct jws_writer;
MUST bool jws_writer_new(struct ctx *, const struct ec_key *, struct str typ, struct str kid,
    byte_sink *, void *arg, struct jws_writer **ret);
MUST bool jws_write(struct ctx *, struct jws_writer *, struct str payload);
MUST bool jws_finish(struct ctx *, struct jws_writer *);
void jws_writer_free(struct jws_writer **);
/* The payload, in the arena; E_INTEGRITY if the signature is not the key's, E_INPUT before. */
MUST bool jws_verify(struct ctx *, const struct ec_key *, struct str typ, struct str token,
    struct jose_header *ret_header, struct str *ret_payload);

/* Appends the encryption to a public key, with `extra` members in the protected header. */
MUST bool jwe_encrypt(struct ctx *, const struct ec_key *to, struct str typ,
    const struct jose_member extra[], size_t n, struct str payload, struct buf *out);
/*
 * The same for a payload that comes by and by and is never whole in memory; the token goes to the
 * sink as it grows, and is one only after jwe_finish.
 */
struct jwe_writer;
MUST bool jwe_writer_new(struct ctx *, const struct ec_key *to, struct str typ,
    const struct jose_member extra[], size_t n, byte_sink *, void *arg,
    struct jwe_writer **ret);
MUST bool jwe_write(struct ctx *, struct jwe_writer *, struct str payload);
MUST bool jwe_finish(struct ctx *, struct jwe_writer *);
void jwe_writer_free(struct jwe_writer **);
/*
 * In two steps, for many tokens to one recipient under one content key: the head ("protected
 * header.encrypted key", at most JWE_HEAD_MAX bytes) once; then any number of tokens behind it,
 * each with a nonce of its own. Two payloads under one head with one nonce give both away: the
 * nonce must follow from the head and from everything that the payload follows from.
 */
#define JWE_HEAD_MAX 4096
MUST bool jwe_wrap(struct ctx *, const struct ec_key *to, struct str typ,
    const struct jose_member extra[], size_t n, const struct key256 *content, struct buf *out);
/* A head that was checked as far as it can be without its recipient's key. */
struct jwe_head {
	struct str text;
	struct jose_header says;
};
MUST bool jwe_head_read(struct ctx *, struct str text, struct jwe_head *ret);
MUST bool jwe_writer_behind(struct ctx *, const struct jwe_head *, const struct key256 *content,
    const uint8_t nonce[12], byte_sink *, void *arg, struct jwe_writer **ret);
/* E_INTEGRITY if it does not open with this key. */
MUST bool jwe_decrypt(struct ctx *, const struct ec_key *, struct str typ, struct str token,
    struct jose_header *ret_header, struct str *ret_payload);

/* ---- DSSE -------------------------------------------------------------------------------- */

/*
 * Appends a Sigstore bundle (v0.3, JSON): a DSSE envelope with the payload, signed with ES256. The
 * key is named by the SHA-256, in hex, of its PEM form (SubjectPublicKeyInfo, ended by a newline).
 */
#define DSSE_MAX (1 << 20)
size_t dsse_size(size_t type, size_t payload); /* what it appends at most */
MUST bool dsse_bundle(struct ctx *, const struct ec_key *, struct str payload_type,
    struct str payload, struct buf *out);

#endif
