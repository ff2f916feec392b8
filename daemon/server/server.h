/*
 * server: what the parts of hallmarkd know of each other. main.c builds one `struct server` and
 * hands it to every part; each part below has its own file of the same name.
 *
 *   http -> request -> routes -> (authority, limits, keys, jobs) -> store
 *   admin -> commands ---------/
 */
#ifndef SERVER_H
#define SERVER_H

#include "base.h"
#include "conf.h"
#include "crypto.h"
#include "log.h"
#include "store.h"

struct authority;
struct proofs;
struct limits;
struct keys;
struct jobs;
struct http;
struct admin;
struct metrics;
struct upkeep;
struct uploads;
struct hooks;
struct viewers;
struct live;

struct server {
	struct conf conf;
	const char *conf_path;
	struct store *store;
	struct keys *keys;
	struct authority *authority;
	struct proofs *proofs;
	struct limits *limits;
	struct jobs *jobs;
	struct viewers *viewers;
	struct live *live;
	struct uploads *uploads;
	struct http *http;
	struct admin *admin;
	struct metrics *metrics;
	struct upkeep *upkeep;
	struct hooks *hooks;
	int64_t started;
	_Atomic bool draining;
	_Atomic int64_t last_seen; /* these two are clock.c's */
	_Atomic bool clock_back;
};

/* A reader of this thread, opened at first use and kept. */
MUST bool server_reader(struct ctx *, struct server *, struct db **ret);
/*
 * Free space of the state folder is above the reserve, and the last commit went well: E_FULL or
 * E_STORE otherwise. Looked at each second by the upkeep; costs two loads here.
 */
MUST bool server_storage_ok(struct ctx *, struct server *);
/* Asks main's loop to end, as SIGTERM does. */
void server_stop(struct server *);

/* ---- keys: the custodian's supervisor, and every use of a key ---------------------------- */

enum keys_state { KEYS_UNINITIALISED, KEYS_SEALED, KEYS_OPEN };
struct keys_status {
	enum keys_state state;
	unsigned have, need; /* shares, while sealed */
	int64_t keyring;     /* current version; 0 if none */
	bool rotating;
	int64_t rotated,
	    to_rotate;    /* keys resealed and to be resealed by the running rotation */
	char reason[192]; /* a sentence, if something keeps the keys from being open */
};
struct shares {
	struct str v[16];
	size_t n;
};
/* Wipes the texts. */
void shares_done(struct shares *);

/*
 * Starts the custodian and a thread that starts it again when it dies and finishes rotations.
 */
MUST bool keys_start(struct ctx *, struct server *, struct keys **ret);
void keys_stop(struct keys **);
enum keys_state keys_state(const struct keys *);
void keys_status(struct keys *, struct keys_status *ret);
/* Refuses with E_SEALED or E_UNINITIALISED unless the keys are open. */
MUST bool keys_open(struct ctx *, const struct keys *);

/*
 * What administrators do to the keys. `who` is the audit row to write (actor, action, request,
 * address): it is written here, in the act's own transaction if there is one, however the call
 * ends; the caller writes none.
 */
/*
 * The first keys; k of n shares are handed out once, n = 0 unless the root key comes as shares.
 * With shares the daemon is sealed afterwards, until they have been given; E_CONFLICT once they
 * were. With another root key it is open afterwards, and there is no second time.
 */
MUST bool keys_init(struct ctx *, struct keys *, const struct audit_entry *who, unsigned n,
    unsigned k, struct shares *ret);
/* One share; or, the share being empty, the root key is read from its source again. */
MUST bool keys_unseal(
    struct ctx *, struct keys *, const struct audit_entry *who, struct str share);
/* Every key is wiped, whether or not the audit row can be written. */
MUST bool keys_seal(struct ctx *, struct keys *, const struct audit_entry *who);
/* Begins a rotation, which goes on by itself; E_CONFLICT while one is under way. */
MUST bool keys_rotate(struct ctx *, struct keys *, const struct audit_entry *who);

/*
 * Uses of keys, from any thread but the writer's (a key may take milliseconds): before the act is
 * submitted. All fail with E_SEALED, E_UNINITIALISED or E_PEER at once when keys are not there.
 */
/* A vendor's first key; insert the row in the vendor's own transaction. */
MUST bool keys_vendor_new(
    struct ctx *, struct keys *, struct str vendor, struct vendor_key_row *ret);
/*
 * A data key for an object; insert the row in the object's own transaction. If data_key_insert
 * fails with E_BUSY, a rotation has just replaced the vendor's key: call this again and submit
 * again; more than twice in a row does not happen.
 */
MUST bool keys_data_new(struct ctx *, struct keys *, struct db *, struct str vendor, struct id,
    struct key256 *ret, struct data_key_row *ret_row);
MUST bool keys_data_open(
    struct ctx *, struct keys *, struct db *, struct str id, struct key256 *ret);
/*
 * A license to a release that is ready: its claims (of license_claims_put; empty: none) signed,
 * and the head of its unlock keys, with the license's content key for the holder of `jwk`
 * (empty: none).
 */
struct keys_license {
	const struct release_row *release;
	struct str license, claims, jwk;
};
MUST bool keys_license(struct ctx *, struct keys *, struct db *, const struct keys_license *,
    struct str *ret_token, struct str *ret_wrap);
/* Thumbprint of the key that signs now: what a license's claims must name. */
MUST bool keys_signer(struct ctx *, struct keys *, struct db *, struct digest256 *ret);
/* Signs a payload of revocations_put. */
MUST bool keys_sign_revocations(
    struct ctx *, struct keys *, struct str payload, struct str *ret_token);
/* One customer's unlock key to a release that is ready. */
struct keys_unlock {
	const struct release_row *release;
	uint32_t customer; /* number */
	struct str license, jwk;
	struct str wrap; /* head of the license's keys, for that jwk; empty: a key of its own */
	int64_t issued, expires;
};
/*
 * Writes it, encrypted to the customer's public key, to the file `out`: a compact JWE. With a wrap,
 * the same question always gives the same bytes.
 */
MUST bool keys_unlock_key(struct ctx *, struct keys *, struct db *, const struct keys_unlock *,
    int out, uint64_t *ret_bytes);
/* What vouches for a ready release's artifact: a JWS, and the same as a model-signing bundle. */
MUST bool keys_sign_release(struct ctx *, struct keys *, const struct release_row *,
    struct str model_name, struct str *ret_manifest, struct str *ret_bundle);
/* What was found about a suspect: a JWS about the report, of now. */
struct keys_evidence {
	const struct verification_row *row;
	struct digest256 suspect;
	const uint32_t *accused; /* numbers, as the report has them */
	size_t n;
};
MUST bool keys_sign_evidence(
    struct ctx *, struct keys *, const struct keys_evidence *, struct str *ret_statement);
/* Signs the audit's head now if it has moved; called by the upkeep, at stop, and by admins. */
MUST bool keys_checkpoint(struct ctx *, struct keys *);
/* Verifies one checkpoint against the public signing keys in the store; for audit_verify. */
MUST bool keys_checkpoint_verify(struct ctx *, struct db *, const struct checkpoint *);

/* ---- jobs: the queue and its workers ----------------------------------------------------- */

struct job_progress {
	int64_t done, total; /* total 0: unknown */
	char note[128];
	uint64_t serial; /* never 0; grows with every change of this job */
};
/*
 * A new job of this vendor: its parameters are checked and sealed under a data key of its own.
 * What they name must be there and ready (what is to be described need not be). Insert the key and
 * the row, with its object, in one act. And the way back, for the scheduler.
 */
MUST bool job_new(struct ctx *, struct server *, struct db *, struct str vendor,
    struct str kind, struct str params, struct job_row *ret, struct data_key_row *ret_key);
MUST bool job_unseal(
    struct ctx *, struct server *, struct db *, const struct job_row *, struct str *ret_params);
/* A secret that only workers get to see: a data key. Insert its row with what it belongs to. */
MUST bool job_secret_new(
    struct ctx *, struct server *, struct db *, struct str vendor, struct data_key_row *ret);
/* The job that makes `object`, which has a secret of its own; all three for one act. */
struct job_making {
	struct job_row row;
	struct data_key_row key, secret;
};
MUST bool job_making_new(struct ctx *, struct server *, struct db *, const struct id *vendor,
    const struct id *object, const char *kind, struct str params, struct job_making *ret);
/* In the act, before the object itself: E_RATE if the vendor's queue is full. */
MUST bool job_making_insert(
    struct ctx *, struct server *, struct db *, const struct job_making *);
/*
 * Within an act: as job_cancel; and if the job is over by that, what it worked for is failed, too.
 * *ret_gone: blobs whose files are to be removed after the commit.
 */
MUST bool job_cancel_all(struct ctx *, struct db *, struct str vendor, struct str id,
    int64_t version, int64_t at, struct blob_row **ret_gone, size_t *ret_n);
MUST bool jobs_start(struct ctx *, struct server *, struct jobs **ret);
/*
 * Stops taking jobs, kills the running workers; their rows stay running and are queued again.
 */
void jobs_stop(struct jobs **);
/* There may be something to claim: call after the commit of a new job. */
void jobs_wake(struct jobs *);
/*
 * A job was cancelled, or marked so: call after that commit. Its worker is ended now, those who
 * watch it are told.
 */
void jobs_cancel(struct jobs *, struct str id);
/* Live progress of a running job; *ret_found is false if it does not run. */
void jobs_progress(struct jobs *, struct str id, bool *ret_found, struct job_progress *ret);
/*
 * Calls `changed(arg)` once, from the jobs' thread, when the running job's serial is no longer
 * `serial`, when it ends, and, serial being 0 (it does not run yet), when it starts. Row and
 * progress tell the rest. `changed` must not call jobs_*. Returns a handle for jobs_unwatch, 0
 * when too many watch.
 */
uint64_t jobs_watch(
    struct jobs *, struct str id, uint64_t serial, void (*changed)(void *), void *arg);
/* After this `changed` is neither called nor running. Harmless when it was called already. */
void jobs_unwatch(struct jobs *, uint64_t handle);

/* ---- hooks: what vendors are told of ----------------------------------------------------- */

/*
 * A thread, and a courier that is its child, which bring the messages of events to the vendors'
 * webhooks. It notices by itself that something was committed. After keys_start.
 */
MUST bool hooks_start(struct ctx *, struct server *, struct hooks **ret);
/* Waits a moment for what is under way. What has not been recorded then is sent again. */
void hooks_stop(struct hooks **);
/* There may be a message: it is looked for now, not in a moment. */
void hooks_wake(struct hooks *);
/* Since the start, for the metrics. */
struct hooks_counts {
	uint64_t delivered, failed, given_up; /* attempts, attempts, messages */
	uint64_t couriers;                    /* started */
};
struct hooks_counts hooks_counts(const struct hooks *);

/* ---- upkeep: pruning, checkpoints, free space -------------------------------------------- */

/* Starts the thread; after keys_start. */
MUST bool upkeep_start(struct ctx *, struct server *, struct upkeep **ret);
/* Signs a last checkpoint; before keys_stop. */
void upkeep_stop(struct upkeep **);

/* ---- authority: who holds which token ---------------------------------------------------- */

/* Whoever asks: a vendor's program, by its token, or a customer, by a proof. */
struct principal {
	struct id id, vendor; /* id: tok_… or cus_… */
	unsigned roles;
	int64_t expires;
};
/* What customers may do, beside the roles that tokens have. */
enum { ROLE_CUSTOMER = 16 };
MUST bool authority_start(struct ctx *, struct server *, struct authority **ret);
void authority_stop(struct authority **);
/* E_AUTH for anything but a live token of a live vendor. */
MUST bool authority_check(
    struct ctx *, struct authority *, struct db *, struct str secret, struct principal *ret);
/* What was checked once still holds; E_AUTH if not. For an answer that goes on for long. */
MUST bool authority_holds(struct ctx *, struct db *, const struct principal *);
/*
 * Forgets what is remembered: after the commit of any change to tokens or vendors, before its
 * answer.
 */
void authority_forget(struct authority *);
/*
 * A new secret and its digest: what kind it is ("hmt_" a token, "hmc_" an enrolment code, "hmd_" a
 * delivery) and 256 random bits.
 */
#define TOKEN_PREFIX "hmt_"
struct token_secret {
	char s[64];
};
MUST bool token_secret_new(
    struct ctx *, const char *kind, struct token_secret *ret, struct digest256 *ret_digest);

/* ---- limits: how often ------------------------------------------------------------------- */

enum limit_kind { LIMIT_TOKEN, LIMIT_CUSTOMER, LIMIT_ADDRESS, LIMIT_FAILURE, LIMIT_KINDS };
MUST bool limits_start(struct ctx *, const struct conf *, struct limits **ret);
void limits_stop(struct limits **);
/*
 * Takes one from the bucket; E_RATE, with the seconds to wait in *ret_wait, when it is empty.
 */
MUST bool limit_take(
    struct ctx *, struct limits *, enum limit_kind, struct str who, int64_t *ret_wait);
/* Other rates and bursts from now on. */
void limits_set(struct limits *, const struct conf *);
/* E_RATE if the bucket is empty, without taking. */
MUST bool limit_look(
    struct ctx *, struct limits *, enum limit_kind, struct str who, int64_t *ret_wait);

/* ---- http: the edge ---------------------------------------------------------------------- */

MUST bool http_start(struct ctx *, struct server *, struct http **ret);
/* Refuses new connections, lets those in flight finish until the deadline. May be called again. */
void http_drain(struct http *, int64_t ms);
void http_stop(struct http **);
/* Reads the certificates again; keeps the old ones and says why when they do not fit. */
MUST bool http_reload(struct ctx *, struct http *, const struct conf *);

/* ---- upkeep: what nobody asks for -------------------------------------------------------- */

/* A thread that prunes old answers and jobs, and watches the free space. */
MUST bool upkeep_start(struct ctx *, struct server *, struct upkeep **ret);
void upkeep_stop(struct upkeep **);

/* ---- admin: the local socket ------------------------------------------------------------- */

MUST bool admin_start(struct ctx *, struct server *, struct admin **ret);
void admin_stop(struct admin **);
/* One command of hallmarkctl without a daemon (doctor, db restore); returns the exit status. */
int admin_offline(const char *conf_path, int words, char **word);

/* ---- metrics ----------------------------------------------------------------------------- */

MUST bool metrics_start(struct ctx *, struct server *, struct metrics **ret);
void metrics_stop(struct metrics **);
void metrics_request(struct metrics *, int status, int64_t microseconds);
void metrics_connection(struct metrics *, int delta);
void metrics_cut(struct metrics *); /* a connection ended by a deadline or a limit */
void metrics_bytes(struct metrics *, int64_t received, int64_t sent); /* of files */
/* Prometheus text. */
MUST bool metrics_print(struct ctx *, struct server *, struct buf *);

#endif
