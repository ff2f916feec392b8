/*
 * custodian: the process's own parts. Everything secret lies in struct custodian (and in the
 * signing keys that it points to) and is wiped by the functions here.
 */
#ifndef CUSTODIAN_H
#define CUSTODIAN_H

#include "base.h"
#include "crypto.h"
#include "custody_wire.h"
#include "license.h"

#define KEYRINGS_MAX 8
#define SIGNERS_MAX 16
#define SHARES_LIFE_MS (10 * 60 * 1000)

/* One keyring key, by version. */
struct keyring {
	int64_t version;
	struct key256 key;
};
/* One signing key. kid is its RFC 7638 thumbprint in base64url. */
struct signer {
	char kid[CUSTODY_KID_MAX];
	int64_t made;
	struct ec_key *key;
};
/* What `load` opens: replaced as a whole or not at all. */
struct loaded {
	struct keyring keyring[KEYRINGS_MAX];
	size_t keyrings;
	struct signer signer[SIGNERS_MAX];
	size_t signers;
};

enum state { STATE_SEALED, STATE_ROOT, STATE_UNSEALED }; /* as enum custody_state */

struct custodian {
	bool by_shares; /* where the root key comes from */
	bool locked;    /* memory cannot be swapped out */
	bool has_root;
	struct key256 root;
	struct loaded loaded; /* empty unless unsealed */
	struct share share[SHARES_MAX];
	size_t shares;
	int64_t shares_until; /* monotonic: when those given are dropped */
	const int *given;     /* descriptors that came with the request */
	size_t givens;
	int64_t signed_seq;           /* last checkpoint signed in this life */
	struct digest256 signed_hash; /* and what it said */
};

enum state custodian_state(const struct custodian *);
/* Wipes every secret: root, loaded keys, shares. */
void custodian_wipe(struct custodian *);
void loaded_done(struct loaded *);

/* ---- root.c ------------------------------------------------------------------------------ */

/* Takes the root key from "shares", "file:PATH" or "credential:NAME". */
MUST bool root_take(struct ctx *, struct custodian *, const char *spec, bool create);

/* ---- memory.c ---------------------------------------------------------------------------- */

/*
 * Locks all writable memory, present and future; if the limit forbids that, at least the n bytes of
 * `secrets`, and returns false.
 */
bool memory_lock(void *secrets, size_t n);

/* ---- rows.c: sealed rows ----------------------------------------------------------------- */

/* Fills in row->sealed (in the arena): `key` sealed under `over`, bound to the rest of the row. */
MUST bool row_seal(
    struct ctx *, const struct key256 *over, const struct key256 *key, struct sealed_row *row);
/* E_INTEGRITY, naming the row, if it does not open. */
MUST bool row_open(
    struct ctx *, const struct key256 *over, const struct sealed_row *, struct key256 *ret);
/* The loaded keyring key of this version, or E_INTEGRITY. */
MUST bool keyring_find(
    struct ctx *, const struct custodian *, int64_t version, const struct keyring **ret);
/* The one that seals: the highest version. */
const struct keyring *keyring_current(const struct custodian *);
/* The public form of a signing key: its kid, and its canonical JWK in the arena. */
MUST bool signer_public(struct ctx *, const struct ec_key *,
    char ret_kid[static CUSTODY_KID_MAX], struct str *ret_jwk);

/* ---- keys.c ------------------------------------------------------------------------------ */

/* The key of this data row, under the vendor key of that row; both of the same vendor. */
MUST bool data_key_take(struct ctx *, const struct custodian *, const struct sealed_row *vendor,
    const struct sealed_row *row, struct key256 *ret);

/* ---- licensing.c ------------------------------------------------------------------------- */

/* What the keys of one license follow from: its release's secret, its id, its holder's key. */
struct license_keys {
	struct key256 content; /* of all its unlock keys */
	struct key256 nonces;  /* from which each of them has its nonce */
};
MUST bool license_keys_make(struct ctx *, const struct key256 *secret, struct str license,
    struct str kid, struct license_keys *ret);
void license_keys_done(struct license_keys *);

/* What the header of every unlock key names. */
struct names {
	char hex[2 * sizeof(struct digest256)];
	struct jose_member member[3];
	size_t n;
};
/* Without a license there are two. The strings stay the caller's. */
void names_fill(
    struct names *, struct str release, const struct digest256 *artifact, struct str license);

/* A sink into a file that came with the request. */
struct leaving {
	int fd;
	uint64_t bytes;
};
byte_sink leave;

/* ---- requests.c -------------------------------------------------------------------------- */

/*
 * Answers one request: whatever the bytes are, `out` holds exactly one answer afterwards. The
 * caller wipes both buffers.
 */
void request_answer(struct ctx *, struct custodian *, struct str request, struct buf *out);
/* Writes the failure in c->err as the answer to request `id`. */
void answer_failure(const struct ctx *, uint64_t id, struct buf *out);
/* E_USAGE unless the request was read to its end and nothing was missing. */
MUST bool request_end(struct ctx *, const struct wire *);

/* One op: reads its fields from the request, writes its results. */
typedef bool handler(struct ctx *, struct custodian *, struct wire *, struct buf *);
/* births.c: what brings keys into the process and out of it. */
handler status_get, init_do, share_take, load_do, seal_do;
/* keys.c: what is done with them. */
handler rotate_begin, signing_reseal, vendor_new, data_new, data_open, data_rewrap;
/* unlocking.c */
handler unlock_key_make;
/* licensing.c */
handler license_make, revocations_sign;
/* signing.c */
handler checkpoint_sign, jwks_get;
/* The signing key that was made last. */
MUST bool signer_current(struct ctx *, const struct custodian *, const struct signer **ret);
/* vouching.c */
handler release_sign;
/* testifying.c */
handler evidence_sign;

#endif
