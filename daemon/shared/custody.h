/*
 * custody: the server's side of the custodian, the one process that holds keys. Each function here
 * is one typed request; sealed rows travel with it, because the custodian has neither files nor
 * database. The keys: root seals keyring keys, the newest keyring key seals signing keys and vendor
 * keys, a vendor key seals data keys. Every sealed value is bound to what it is (kind, id, vendor,
 * version, version of the key above it), so a row that was moved or relabelled is E_INTEGRITY.
 *
 * All functions may be called from several threads, several at once. Any of them can
 * fail with E_PEER: the custodian is gone or did not answer in time. Then custody_restart. Those
 * that need keys fail with E_SEALED while they are not there.
 */
#ifndef CUSTODY_H
#define CUSTODY_H

#include "base.h"
#include "crypto.h"
#include "store.h"

#include <sys/types.h>

/* ---- The process ------------------------------------------------------------------------- */

struct custody;

struct custody_conf {
	const char *programs; /* the folder of hallmark-custodian */
	/*
	 * Where the root key comes from: "shares", "file:PATH" (0600, ours, 64 hex digits and a
	 * newline) or "credential:NAME" (in $CREDENTIALS_DIRECTORY, the same content).
	 */
	const char *root;
	int timeout_ms; /* for one answer; 0: 5000 */
};

/*
 * Starts the process and waits until its walls stand. `create` lets it make the root key file if
 * there is none: only while the store has no keyring. It ends with the thread that called this
 * (PR_SET_PDEATHSIG), so call it from one that lives as long as the server. SIGCHLD must not be
 * ignored. Fails with E_FILE or E_INPUT, and the custodian's own sentence, when the root key cannot
 * be had.
 */
MUST bool custody_start(
    struct ctx *, const struct custody_conf *, bool create, struct custody **ret);
/*
 * Ends what is left of the old process and starts a new one. What was loaded is gone: load again.
 * This is also how a sealed custodian whose root is a file or credential is unsealed: it cannot
 * read files once it runs. Requests of other threads fail with E_PEER meanwhile.
 */
MUST bool custody_restart(struct ctx *, struct custody *, bool create);
/* Closes the socket; the custodian wipes its memory and ends. Killed after a second. */
void custody_stop(struct custody **);
/* Readable (poll) once the process has ended; until the next restart. -1 if none could start. */
int custody_pidfd(const struct custody *);
pid_t custody_pid(const struct custody *);

/* ---- State ------------------------------------------------------------------------------- */

/*
 * The custodian does not know whether `init` was ever done; the server does, by its keyring rows:
 * none means uninitialised.
 */
enum custody_state {
	CUSTODY_SEALED,   /* no root key: shares must come, or a restart (file, credential) */
	CUSTODY_ROOT,     /* the root key is here, nothing is loaded: init or load comes next */
	CUSTODY_UNSEALED, /* keys are loaded */
};
struct custody_status {
	enum custody_state state;
	bool shares;         /* the root key comes from shares */
	unsigned have, need; /* shares given so far, and needed; need 0 before the first */
	int64_t keyring;     /* current version; 0 unless unsealed */
	bool locked;         /* its memory cannot be swapped out */
};
MUST bool custody_status(struct ctx *, struct custody *, struct custody_status *ret);

/*
 * New root (shares: n of them, any k suffice; otherwise n = k = 0 and the root is the one it
 * started with), first keyring key, first signing key. Nothing is loaded by this. With shares the
 * new root is forgotten at once: only the shares bring it back, which proves that they were kept.
 * May be repeated until the first load; E_CONFLICT when keys are loaded or an unseal is complete.
 * The share texts are secrets: show them once, then custody_birth_done.
 */
struct custody_birth {
	struct keyring_row keyring;
	struct signing_row signing;
	struct str share[SHARES_MAX];
	size_t shares;
};
MUST bool custody_init(
    struct ctx *, struct custody *, unsigned k, unsigned n, struct custody_birth *ret);
void custody_birth_done(struct custody_birth *);

/*
 * One share. Mistyped, given twice or of another set than those before it: refused alone, E_INPUT.
 * When k are there the root is joined and checked: E_INTEGRITY drops all that were given. What was
 * given is dropped after ten minutes too, and by custody_seal. After ret->state is CUSTODY_ROOT,
 * load; if the load fails, the root is dropped and sharing starts over.
 */
MUST bool custody_unseal_share(
    struct ctx *, struct custody *, struct str share, struct custody_status *ret);

/*
 * Opens these rows and, only if all open, uses them in the place of what was loaded before. The
 * highest keyring version becomes the one that seals; the signing key created last signs. After
 * start, after unsealing, and within a rotation. E_INTEGRITY names the row that does not open.
 */
#define CUSTODY_KEYRINGS_MAX 8
#define CUSTODY_SIGNING_MAX 16
MUST bool custody_load(struct ctx *, struct custody *, const struct keyring_row[],
    size_t keyrings, const struct signing_row[], size_t signings);

/*
 * Wipes everything, the root included. Shares bring it back; a root of a file or credential comes
 * back only by custody_restart.
 */
MUST bool custody_seal(struct ctx *, struct custody *);

/* ---- Keys -------------------------------------------------------------------------------- */

/*
 * Rotation, in steps that can each be repeated: a new keyring row (version + 1, not in use until
 * loaded); load all keyring rows; reseal each signing row; a new vendor key for each vendor; rewrap
 * its data keys; then the old rows can go, and a load without them.
 */
MUST bool custody_rotate_begin(struct ctx *, struct custody *, struct keyring_row *ret);
MUST bool custody_signing_reseal(
    struct ctx *, struct custody *, const struct signing_row *, struct signing_row *ret);

/* A fresh vendor key under the current keyring. Nothing of it is kept but the row. */
MUST bool custody_vendor_key_new(struct ctx *, struct custody *, struct id vendor,
    int64_t version, struct vendor_key_row *ret);

/* A fresh data key with this id, of the vendor whose key seals it. The caller wipes ret_key. */
MUST bool custody_data_key_new(struct ctx *, struct custody *, const struct vendor_key_row *,
    struct id id, struct key256 *ret_key, struct data_key_row *ret);
MUST bool custody_data_key_open(struct ctx *, struct custody *, const struct vendor_key_row *,
    const struct data_key_row *, struct key256 *ret_key);
/* From one vendor key to another of the same vendor, at most CUSTODY_REWRAP_MAX rows at once. */
#define CUSTODY_REWRAP_MAX 512
MUST bool custody_data_key_rewrap(struct ctx *, struct custody *,
    const struct vendor_key_row *from, const struct vendor_key_row *to,
    const struct data_key_row[], size_t n, struct data_key_row **ret);

/* ---- Licenses ---------------------------------------------------------------------------- */

/* As keys_license of the server; the release's secret is what the content key follows from. */
struct custody_license {
	const struct vendor_key_row *vendor; /* of the release's secret */
	const struct data_key_row *secret;
	struct str release, license;
	struct digest256 artifact;
	struct str claims; /* empty: nothing to sign */
	struct str jwk;    /* empty: nothing to wrap */
};
/*
 * The claims are read again by the custodian, strictly, must name this release, license and
 * artifact and the key that signs (E_CONFLICT if that is another by now), and are signed with
 * LICENSE_TYP. The wrap is the head of a JWE of UNLOCK_TYP (see jwe_wrap) whose content key
 * follows from the release's secret, the license and the thumbprint of jwk; its header names
 * release, artifact and license.
 */
MUST bool custody_license(struct ctx *, struct custody *, const struct custody_license *,
    struct str *ret_token, struct str *ret_wrap);
/* Reads the list again, strictly, and signs it with REVOCATIONS_TYP. */
MUST bool custody_sign_revocations(
    struct ctx *, struct custody *, struct str payload, struct str *ret_token);

/* ---- Unlock keys ------------------------------------------------------------------------- */

/* What an unlock key is made of, beside the release's secret. */
struct custody_unlock {
	const struct vendor_key_row *vendor; /* of the release's secret */
	const struct data_key_row *secret;
	struct str release, license; /* ids; license may be empty */
	uint32_t customer;           /* the number that the mark spells */
	unsigned locks, log_l;       /* of mark.h */
	double kappa;
	int64_t issued, expires;
	struct digest256 artifact, plain;
	struct str jwk;  /* the customer's public key */
	struct str wrap; /* of custody_license, for that key; empty: a key of its own */
	/* The locked parameters: a sealed file and what opens it; entries -1: there are none. */
	int entries;
	struct str entries_aad;
	const struct vendor_key_row *entries_vendor;
	const struct data_key_row *entries_key;
};
/*
 * Writes the unlock key, encrypted to the customer's key, to the file `out`: a compact JWE of typ
 * hallmark-unlock+jwt, whose protected header names release, artifact (hex digest) and license.
 * The plain key leaves the custodian in no other form.
 */
MUST bool custody_unlock_key(struct ctx *, struct custody *, const struct custody_unlock *,
    int out, uint64_t *ret_bytes);

/* ---- Signatures -------------------------------------------------------------------------- */

#define CHECKPOINT_TYP "hallmark-checkpoint+jwt"
/*
 * A JWS over {"seq", "hash" (base64url), "at" (RFC 3339)}, which the custodian writes itself.
 * E_CONFLICT for a seq lower than one it signed in this life: the audit only grows.
 */
MUST bool custody_sign_checkpoint(struct ctx *, struct custody *, int64_t seq,
    const struct digest256 *hash, int64_t at, struct str *ret_jws);

#define MANIFEST_TYP "hallmark-manifest+jwt"
/* A release's artifact, as the custodian vouches for it. */
struct custody_release {
	struct str release, model, name; /* ids; the model's name */
	struct digest256 artifact;
	int64_t bytes, at; /* of the artifact; milliseconds */
};
/*
 * A JWS over {"release", "model", "name", "artifact": {"sha256" (hex), "bytes"}, "iat"}; and the
 * same artifact, as the file RELEASE.onnx, in a bundle of the OpenSSF model signing format, v1.0.
 */
MUST bool custody_sign_release(struct ctx *, struct custody *, const struct custody_release *,
    struct str *ret_manifest, struct str *ret_bundle);
#define EVIDENCE_TYP "hallmark-evidence+jwt"
#define CUSTODY_ACCUSED_MAX 64
/* What was found about a suspect, as the custodian vouches for it. */
struct custody_evidence {
	struct str verification, release, vendor; /* ids */
	struct digest256 report, suspect;
	int verdict;             /* 0 no evidence, 1 indicative, 2 proven, 3 cannot decide */
	const uint32_t *accused; /* numbers of customers, as the report has them */
	size_t n;                /* at most CUSTODY_ACCUSED_MAX */
	int64_t at;              /* seconds */
};
/*
 * A JWS over {"accused": [number…], "iat", "iss" (vendor), "jti" (verification), "report" (hex),
 * "sub" (release), "suspect" (hex), "verdict"}, which the custodian writes itself. E_INPUT for what
 * makes no sense: nobody is accused where nothing was found or could be decided.
 */
MUST bool custody_sign_evidence(
    struct ctx *, struct custody *, const struct custody_evidence *, struct str *ret_jws);
/* The public halves of the loaded signing keys, {"keys": [JWK with kid, use and alg, …]}. */
MUST bool custody_jwks(struct ctx *, struct custody *, struct str *ret_json);

#endif
