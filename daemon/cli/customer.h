/*
 * cli, the customer's side. An identity is a key pair that a vendor knows; a license is held as a
 * few files beside it. What needs a key is done by a child of ours that ends when it has done it
 * (errand), so that a supervisor of a running program has none in its memory.
 *
 *   FOLDER/customers/<customer>/  key, identity.json, ca.pem
 *   FOLDER/licenses/<license>/    license.jws, revocations.jws, unlock.jwe, record, asking, lock;
 *                                 unlock.sealed, where a key image is asked for (see image.c)
 *   ~/.local/state/hallmark/<license>    the witness of the record, see license.h
 *   ~/.cache/hallmark/<sha256>.onnx      artifacts
 */
#ifndef CUSTOMER_H
#define CUSTOMER_H

#include "cli.h"
#include "license.h"

/* Who signs the requests of api.c: see proof.c. */
struct signer {
	const struct ec_key *key;
	struct str kid;
	char nonce[NONCE_MAX + 1]; /* empty: none is left */
};

/* ---- Folders ------------------------------------------------------------------------------ */

/* A whole file; empty if it is not there. */
MUST bool file_if_any(struct ctx *, const char *path, size_t max, struct str *ret);
/* $XDG_…_HOME/hallmark, or that folder under the home; in our own if there is no home. */
MUST bool folder_of(
    struct cli *, const char *variable, const char *under_home, const char **ret);

/* ---- Identities --------------------------------------------------------------------------- */

enum { VENDOR_KEYS = 16, IDENTITIES = 1000 };
struct identity {
	struct id customer, vendor;
	struct str vendor_name;
	const char *folder, *server;
	struct ec_key *key[VENDOR_KEYS]; /* the vendor's, public: what is signed is by one */
	size_t keys;
};
void identity_done(struct identity *);
/* --identity, or that customer's, or (NULL) the only one there is. */
MUST bool identity_choose(struct cli *, const struct id *customer, struct identity *ret);
MUST bool identity_write(struct cli *, const struct identity *);
/* Opens its private key; from then on requests go to its server and are signed with it. */
MUST bool identity_enter(struct cli *, const struct identity *, struct ec_key **ret);
/* The public keys of {"keys": […]} beside those that are there; how many are new. */
MUST bool identity_trust(struct cli *, struct str jwks, struct identity *, size_t *ret_new);
/* Of which customers there are identities here, at most IDENTITIES. */
MUST bool identity_ids(struct cli *, struct id **ret, size_t *ret_n);

/* ---- Asking ------------------------------------------------------------------------------- */

/*
 * One request of which an outage is no failure but !*ret_reached, with the reason in t->outage: no
 * answer came, or the server cannot decide now. A refusal is a failure.
 */
MUST bool ask(
    struct cli *, const struct api_request *, bool *ret_reached, struct api_answer *ret);

/* ---- A license on this machine ------------------------------------------------------------ */

enum { HELD = 10000 };
struct held {
	struct id license;
	const char *folder, *witness_path;
	int lock;                               /* held by one process at a time */
	struct str file, list, record, witness; /* empty: not there */
	struct str unlock, sealed;              /* an unlock key; the same under a key image */
	struct fingerprint machine;
};
/* Waits for the lock, reads what is there. E_ABSENT if nothing is, unless `make`. */
MUST bool held_open(struct cli *, struct str license, bool make, struct held *ret);
void held_done(struct held *);
/* Replaces one of its files, by name. */
MUST bool held_put(struct cli *, const struct held *, const char *name, struct str);
/*
 * The check that needs nobody, and its traces in record and witness. `key`: the customer's own.
 * `running`: of what has begun, or apart from the key image; else that of --image is looked at.
 */
MUST bool held_check(struct cli *, struct held *, const struct identity *,
    const struct ec_key *key, bool running, struct offline *ret_in, struct offline_result *ret);
/* Which licenses are held, at most HELD. */
MUST bool held_ids(struct cli *, struct id **ret, size_t *ret_n);
/* Writes record and witness anew, if it is that customer's and they were under the old key. */
MUST bool held_rekey(struct cli *, const struct id *license, const struct id *customer,
    const struct ec_key *old, const struct ec_key *new);
/*
 * After a license file has come from the vendor: forgets record and witness if they were altered,
 * for what they would say has been said anew.
 */
MUST bool held_forget_altered(struct cli *, struct held *, const struct ec_key *private);
/* The failure that a verdict is; true if it is a yes. */
MUST bool verdict_ok(struct ctx *, const struct verdict *);
/* The identity that it was issued to, or, if there is no file yet, the one that is chosen. */
MUST bool held_identity(struct cli *, const struct held *, struct identity *ret);
/* How this machine is known to the server: the same at each run, whoever runs it. */
MUST bool machine_name(
    struct cli *, const struct fingerprint *, unsigned components, char ret[40]);
/* The member "fingerprint" of a request, if there is anything to tell. */
void machine_put(struct js *, const struct fingerprint *);

/*
 * A fresh license file for this machine, and the newest list. Nothing is kept that is not signed
 * by the vendor.
 */
MUST bool license_fetch(struct cli *, struct held *, struct identity *,
    const struct ec_key *key, bool *ret_reached);
/* The newest list alone. */
MUST bool list_fetch(struct cli *, struct held *, const struct identity *, bool *ret_reached);

/* ---- The key image of --image -------------------------------------------------------------- */

enum { SHOWN_MAX = 1 << 20 };
struct shown {
	struct str bytes;  /* of its file */
	const char *media; /* what they are */
	struct digest256 pixels;
	struct key256 key; /* follows from the pixels */
};
/* Looks into the file, if there is the option, before a key is opened: t->shown. */
MUST bool image_ready(struct cli *);
/* It was shown, and is not needed any more. */
void image_forget(struct cli *);
/*
 * Shows t->shown to the server, a request as those of ask(): the secret is good for one unlocking,
 * soon. E_REFUSED, with the server's own name, if it is not the image.
 */
MUST bool image_authenticate(
    struct cli *, const struct id *license, bool *ret_reached, struct str *ret_secret);
/* What is kept here so that it opens with the very pixels alone; in the arena. */
MUST bool image_seal(struct cli *, const struct id *license, struct str plain, struct str *ret);
MUST bool image_unseal(
    struct cli *, const struct id *license, struct str sealed, struct str *ret);

/* ---- From a license to a model ------------------------------------------------------------ */

struct permit {
	struct id license;
	struct unlock_key key;
	char *artifact;       /* its file */
	int64_t lease, until; /* seconds of a seat; until when it may be used without asking */
	bool online;
};
void permit_done(struct permit *);
/* All that is needed to unlock: from the server, or without it as long as the terms allow. */
MUST bool permit_get(struct cli *, struct permit *ret);

/* A request for an unlock key: see asking.c. */
struct asking {
	char *key; /* its Idempotency-Key */
	struct digest256 question;
	struct str secret; /* of image_authenticate; empty: none */
	bool old;          /* from an earlier attempt at the same */
};
MUST bool asking_begin(
    struct cli *, const struct held *, struct str question, struct asking *ret);
MUST bool asking_shown(struct cli *, const struct held *, struct str secret, struct asking *);
/* The answer is spent, or there will be none: the next unlocking is another. */
void asking_over(struct cli *, const struct held *);

/* ---- Seats -------------------------------------------------------------------------------- */

/* What a supervisor is told. */
struct news {
	enum { NEWS_GOOD, NEWS_OUTAGE, NEWS_END } what;
	int64_t lease;           /* seconds that the seat lasts */
	int64_t left;            /* seconds that the program may go on; -1: without end */
	char why[256];           /* a sentence, unless it is good */
	struct digest256 pixels; /* of an errand that looked into a picture, as the next */
	struct key256 picture;
	int status;  /* of NEWS_END: the exit status that belongs to it */
	bool failed; /* the errand itself did; for errand_end */
	struct err err;
	char name[64]; /* of the error */
};
/*
 * Takes a seat for this machine, or keeps it: a request as those of ask(). *ret_lease: seconds that
 * it lasts, if the server was reached.
 */
MUST bool seat_keep(struct cli *, const struct held *, const struct license_claims *,
    bool *ret_reached, int64_t *ret_lease);
/* Errands for the license that the command names: a heartbeat; giving the seat back. */
MUST bool seat_beat(struct cli *, void *, struct news *ret);
MUST bool seat_leave(struct cli *, void *, struct news *ret);

/* ---- Errands ------------------------------------------------------------------------------ */

/* What a child does for us; it fails as any function, and that reaches the parent. */
typedef bool errand(struct cli *, void *arg, struct news *ret);
struct errand_run {
	pid_t pid; /* 0: none is under way */
	int from;
};
/* `seconds`: it is killed after that; 0: never. */
MUST bool errand_begin(
    struct cli *, errand *, void *arg, unsigned seconds, struct errand_run *ret);
/* Waits for its end. */
MUST bool errand_end(struct cli *, struct errand_run *, struct news *ret);
/* Kills it, if it is under way. */
void errand_kill(struct errand_run *);

/* ---- Running a program -------------------------------------------------------------------- */

/* The memory file, sealed, and the words with its path in them. */
MUST bool no_dumps(struct ctx *);
MUST bool memory_file(struct ctx *, int *ret);
MUST bool memory_file_seal(struct ctx *, int fd);
MUST bool words_fill(struct cli *, int fd, char ***ret);
/*
 * Runs it on the memory file until it ends or the license does; the exit status is t->ends. The
 * descriptor is closed here, so that the program alone has the model.
 */
MUST bool supervise(struct cli *, char **word, int *fd, const struct news *begun);

#endif
