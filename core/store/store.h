/*
 * store: the database. One function per question, the only SQL. One writer thread groups the acts
 * of many requests into one durable transaction; readers have connections of their own that cannot
 * write. Every act leaves its audit row in its own transaction, chained to the row before.
 */
#ifndef STORE_H
#define STORE_H

#include "base.h"
#include "crypto.h"

/* ---- The database, its writer and its readers -------------------------------------------- */

struct store;
struct db; /* one connection with its prepared statements: the writer's, or a reader's */

struct store_conf {
	const char *dir;    /* state folder; hallmark.db lies in it, backups in backup/ */
	unsigned group_max; /* acts in one commit at most */
	unsigned queue_max; /* acts that may wait; beyond it E_BUSY */
	unsigned lazy_ms;   /* how long an audit row of store_note may wait for a commit */
	unsigned check_ms;  /* time for the integrity check at open; 0: the whole file */
};

/*
 * Takes the folder's lock (E_CONFLICT if another daemon has it), opens or creates the database,
 * backs it up and upgrades it if its schema is older, refuses a newer one (E_CONFLICT), checks its
 * integrity (E_INTEGRITY), verifies that the audit's head matches its last row, starts the writer.
 */
MUST bool store_open(struct ctx *, const struct store_conf *, struct store **ret);
/* Finishes what is queued, checkpoints the log, stops the writer. */
void store_close(struct store **);

/*
 * A connection for reading; for one thread at a time. Sees every act whose `done` was called.
 */
MUST bool reader_open(struct ctx *, struct store *, struct db **ret);
/*
 * From now on the reader keeps its view of the database from one question to the next while nothing
 * is committed: for a thread that asks many short ones. Close it before the store.
 */
MUST bool reader_keep(struct ctx *, struct store *, struct db *);
void reader_close(struct db **);

/* ---- The audit --------------------------------------------------------------------------- */

/* Who did what to which thing, and how it ended. Views; text only, never a secret. */
struct audit_entry {
	struct str vendor;  /* empty: the installation itself */
	struct str actor;   /* tok_…, admin:uid, system */
	struct str action;  /* token.create, job.cancel, audit.read, … */
	struct str object;  /* the id it acted on; empty if none */
	struct str outcome; /* the error table's wire code; written by the writer */
	struct str request; /* request id */
	struct str address; /* network peer; empty for local ones */
	struct str detail;  /* compact JSON object, or empty */
};
struct audit_row {
	int64_t seq, at; /* from 1 without gaps; milliseconds */
	struct audit_entry e;
	struct digest256 hash;
};
struct checkpoint {
	int64_t seq, at;
	struct digest256 hash; /* of the row with that seq */
	struct str jws;        /* the custodian's signature over seq, hash, time */
};

/* ---- Acts: what the writer does ---------------------------------------------------------- */

/*
 * One unit of work, whole or not at all. The writer calls `run` inside the group's transaction
 * with the writer's connection (NULL: nothing to do but the audit row), appends `audit` with the
 * outcome (a refused act is rolled back alone, its audit row stays), commits the group, and calls
 * `done` once, from its own thread, with `ok` set and c->err filled in when not. `run` may complete
 * the audit entry (object, detail) and must not block or touch the network. If the commit itself
 * fails every act of the group has failed, with E_FULL or E_STORE (E_INTEGRITY if the database is
 * damaged). An act that runs into the disk takes its group with it.
 */
struct act {
	bool (*run)(struct ctx *, struct db *, struct act *);
	void (*done)(struct act *);
	struct ctx *c;
	struct audit_entry audit;
	bool unaudited; /* bookkeeping that no request asked for: job progress, pruning */
	bool erases;    /* what it deletes must not stay in the database's log either */
	bool ok;
	struct act *next; /* the queue's */
};

/* Queues an act; the caller keeps it alive until `done`. E_BUSY when the queue is full. */
MUST bool store_submit(struct ctx *, struct store *, struct act *);
/* Submits and waits: for admin commands and start-up. */
MUST bool store_do(struct ctx *, struct store *, struct act *);
/*
 * Queues an audit row of a read, copied, without waiting for its commit (at most lazy_ms later).
 * E_BUSY when too many wait, E_FULL or E_STORE while the last commit has failed: no audit, no
 * answer.
 */
MUST bool store_note(struct ctx *, struct store *, const struct audit_entry *);
/* The last commit's outcome: E_NONE, E_FULL or E_STORE. While failed, it is tried every second. */
enum err_code store_health(const struct store *);
/* The writer does not hang in one group for half a minute: for the watchdog. */
bool store_alive(const struct store *);
/* Commits, acts and notes since start, for the metrics. */
struct store_counts {
	uint64_t commits, acts, notes, failed;
};
struct store_counts store_counts(const struct store *);

/* ---- Audit questions --------------------------------------------------------------------- */

/*
 * Rows after `seq` in order, of one vendor (all when empty), at most `max`. Strings in c->mem.
 */
MUST bool audit_list(struct ctx *, struct db *, struct str vendor, int64_t after, size_t max,
    struct audit_row **ret, size_t *ret_n);
MUST bool audit_head(struct ctx *, struct db *, int64_t *ret_seq, struct digest256 *ret_hash);
/*
 * Walks the whole chain in bounded memory: every row's hash, no gap, head and checkpoints at their
 * places. `signature` checks one checkpoint's JWS. E_INTEGRITY names the first wrong row in
 * c->err.text and *ret_bad_seq. `progress` may be NULL.
 */
struct audit_check {
	bool (*signature)(struct ctx *, const struct checkpoint *, void *);
	void (*progress)(int64_t done, int64_t total, void *);
	void *arg;
};
MUST bool audit_verify(struct ctx *, struct db *, const struct audit_check *, int64_t *ret_rows,
    int64_t *ret_bad_seq);
/* The last checkpoint; *ret_found is false when there is none. */
MUST bool checkpoint_last(struct ctx *, struct db *, bool *ret_found, struct checkpoint *ret);
MUST bool checkpoint_insert(struct ctx *, struct db *, const struct checkpoint *);

/* ---- Vendors and tokens ------------------------------------------------------------------ */

struct vendor {
	struct id id;
	struct str name;
	bool suspended;
	int64_t created, version; /* version: counts changes, for ETag */
};
/* E_CONFLICT when another vendor's name folds to the same text. */
MUST bool vendor_insert(struct ctx *, struct db *, const struct vendor *);
MUST bool vendor_by_id(struct ctx *, struct db *, struct str id, struct vendor *ret);
MUST bool vendor_by_name(struct ctx *, struct db *, struct str name, struct vendor *ret);
MUST bool vendor_list(struct ctx *, struct db *, struct str after, size_t max,
    struct vendor **ret, size_t *ret_n);
MUST bool vendor_suspend(struct ctx *, struct db *, struct str id, bool suspended);

enum role {
	ROLE_ADMIN = 1,
	ROLE_ISSUER = 2,
	ROLE_VERIFIER = 4,
	ROLE_AUDITOR = 8,
	ROLE_ALL = 15
};

struct token {
	struct id id, vendor;
	struct digest256 digest; /* of the secret */
	struct str name;
	unsigned roles;
	int64_t created, expires, revoked; /* 0: never */
	int64_t version;
	bool vendor_suspended; /* filled in by token_by_digest */
};
MUST bool token_insert(struct ctx *, struct db *, const struct token *);
/* Revoked and expired ones too: the caller decides. */
MUST bool token_by_digest(
    struct ctx *, struct db *, const struct digest256 *, bool *ret_found, struct token *ret);
MUST bool token_by_id(
    struct ctx *, struct db *, struct str vendor, struct str id, struct token *ret);
/* After the id `after` (empty: from the first), in the order of ids. */
MUST bool token_list(struct ctx *, struct db *, struct str vendor, struct str after, size_t max,
    struct token **ret, size_t *ret_n);
/* E_STALE unless `version` is current (0: any); E_CONFLICT if revoked already. */
MUST bool token_revoke(
    struct ctx *, struct db *, struct str vendor, struct str id, int64_t version, int64_t at);

/* ---- Idempotency ------------------------------------------------------------------------- */

struct answer {
	struct digest256 request; /* of method, path and body */
	int status;
	struct str sealed; /* the body, readable with the caller's own credential only */
	int64_t at;
};
/* `key` is the digest of principal and Idempotency-Key. */
MUST bool answer_find(struct ctx *, struct db *, const struct digest256 *key, bool *ret_found,
    struct answer *ret);
MUST bool answer_insert(
    struct ctx *, struct db *, const struct digest256 *key, const struct answer *);
/* Deletes at most `max` answers older than `before`. */
MUST bool answer_prune(struct ctx *, struct db *, int64_t before, size_t max, size_t *ret_n);

/* ---- Jobs -------------------------------------------------------------------------------- */

enum job_state { JOB_QUEUED, JOB_RUNNING, JOB_DONE, JOB_FAILED, JOB_CANCELLED };
extern const char *const job_state_names[]; /* "queued" …, NULL at the end */

struct job_row {
	struct id id, vendor;
	struct str kind;
	struct id object; /* what it works for: a model, data set or release; empty: nothing */
	enum job_state state;
	struct str input;                  /* sealed parameters */
	struct id data_key;                /* what opens them */
	int64_t done, total;               /* progress; total 0: unknown */
	struct str note;                   /* what it is doing */
	struct str result;                 /* compact JSON, when done */
	struct str error_code, error_text; /* when failed */
	int64_t attempts;
	bool cancel; /* asked to stop */
	int64_t created, started, finished;
	int64_t version; /* counts changes of state, not progress */
};
MUST bool job_insert(struct ctx *, struct db *, const struct job_row *);
/* vendor empty: any vendor's (the scheduler, administrators). */
MUST bool job_by_id(
    struct ctx *, struct db *, struct str vendor, struct str id, struct job_row *ret);
MUST bool job_list(struct ctx *, struct db *, struct str vendor, struct str after, size_t max,
    struct job_row **ret, size_t *ret_n);
/*
 * The oldest queued job of the vendor with fewest running ones: sets it running, attempts + 1.
 */
MUST bool job_claim(
    struct ctx *, struct db *, int64_t at, bool *ret_found, struct job_row *ret);
MUST bool job_progress(
    struct ctx *, struct db *, struct str id, int64_t done, int64_t total, struct str note);
/* To one of the final states, or back to queued; E_CONFLICT unless it is running. */
MUST bool job_finish(struct ctx *, struct db *, const struct job_row *);
/* A queued job is cancelled at once, a running one is marked; E_CONFLICT when it has ended. */
MUST bool job_cancel(struct ctx *, struct db *, struct str vendor, struct str id,
    int64_t version, int64_t at, enum job_state *ret);
/*
 * What a killed daemon left running is queued again, its attempt not counted (and its cancel, if
 * one was asked, still asked); returns how many.
 */
MUST bool job_requeue(struct ctx *, struct db *, size_t *ret_n);
/* E_RATE if `max` jobs of the vendor are queued. */
MUST bool job_queue_room(struct ctx *, struct db *, struct str vendor, int64_t max);
/* Deletes at most `max` jobs that ended before `before`, and the data keys that open them. */
MUST bool job_prune(struct ctx *, struct db *, int64_t before, size_t max, size_t *ret_n);
MUST bool job_count(struct ctx *, struct db *, int64_t ret_by_state[static JOB_CANCELLED + 1]);

/* ---- Sealed keys: root -> keyring -> vendor keys -> data keys ---------------------------- */

struct keyring_row {
	int64_t version, created;
	bool retired; /* a rotation away from it is under way */
	struct str sealed;
};
struct signing_row {
	struct str kid; /* RFC 7638 thumbprint */
	int64_t keyring, created;
	struct str sealed, jwk; /* jwk: the public half */
};
struct vendor_key_row {
	struct id vendor;
	int64_t version, keyring;
	struct str sealed;
};
struct data_key_row {
	struct id id, vendor;
	int64_t version; /* of the vendor key that seals it */
	struct str sealed;
};
MUST bool keyring_list(struct ctx *, struct db *, struct keyring_row **ret, size_t *ret_n);
/* Adds a version and retires the ones before it. */
MUST bool keyring_insert(struct ctx *, struct db *, const struct keyring_row *);
/* Replaces all rows: `init` repeated before the first unseal. */
MUST bool keyring_clear(struct ctx *, struct db *);
/* E_CONFLICT while anything is still sealed under it. */
MUST bool keyring_delete(struct ctx *, struct db *, int64_t version);
MUST bool signing_list(struct ctx *, struct db *, struct signing_row **ret, size_t *ret_n);
MUST bool signing_insert(struct ctx *, struct db *, const struct signing_row *);
/* Replaces sealed bytes and keyring version of one kid. */
MUST bool signing_reseal(struct ctx *, struct db *, const struct signing_row *);
MUST bool vendor_key_insert(struct ctx *, struct db *, const struct vendor_key_row *);
MUST bool vendor_key_current(
    struct ctx *, struct db *, struct str vendor, struct vendor_key_row *ret);
MUST bool vendor_key_version(
    struct ctx *, struct db *, struct str vendor, int64_t version, struct vendor_key_row *ret);
/* One vendor's newest key that is sealed under a keyring version older than `keyring`. */
MUST bool vendor_key_behind(
    struct ctx *, struct db *, int64_t keyring, bool *ret_found, struct vendor_key_row *ret);
/* One vendor key, newest or not, that is. */
MUST bool vendor_key_older(
    struct ctx *, struct db *, int64_t keyring, bool *ret_found, struct vendor_key_row *ret);
/* E_CONFLICT while a data key is still sealed under it. */
MUST bool vendor_key_delete(struct ctx *, struct db *, struct str vendor, int64_t version);
/* E_BUSY when that vendor key version is gone: wrap it anew and try again. */
MUST bool data_key_insert(struct ctx *, struct db *, const struct data_key_row *);
MUST bool data_key_by_id(struct ctx *, struct db *, struct str id, struct data_key_row *ret);
MUST bool data_key_list_version(struct ctx *, struct db *, struct str vendor, int64_t version,
    size_t max, struct data_key_row **ret, size_t *ret_n);
MUST bool data_key_reseal(struct ctx *, struct db *, const struct data_key_row *);
MUST bool data_key_delete(struct ctx *, struct db *, struct str id);
/* Signing, vendor and data keys in all, and those that hang from an older keyring version. */
MUST bool sealed_count(
    struct ctx *, struct db *, int64_t keyring, int64_t *ret_older, int64_t *ret_all);

/* ---- The vault: models, data sets, releases, and their files ----------------------------- */

/*
 * A sealed file of the state folder, named by its id. Its row is there before the file is, and
 * goes, with the key that opens it, before the file goes: a file without a row is rubbish.
 */
enum blob_state { BLOB_ARRIVING, BLOB_WHOLE };
struct blob_row {
	struct id id, vendor, owner; /* owner: mod_…, dat_…, rel_…, sus_…, … */
	struct str part;             /* of its owner: content, samples, artifact, … */
	enum blob_state state;
	struct id data_key;
	int64_t size;            /* plain bytes: announced, then there; 0: not known yet */
	struct digest256 sha256; /* of the plain bytes: announced, then verified */
	int64_t created;
};
/* E_CONFLICT if the owner has that part already. Insert its data key in the same act. */
MUST bool blob_insert(struct ctx *, struct db *, const struct blob_row *);
MUST bool blob_by_id(struct ctx *, struct db *, struct str id, struct blob_row *ret);
MUST bool blob_find(struct ctx *, struct db *, struct str owner, struct str part,
    bool *ret_found, struct blob_row *ret);
MUST bool blob_list(
    struct ctx *, struct db *, struct str owner, struct blob_row **ret, size_t *ret_n);
/* It is all there: size and digest as they were verified. E_CONFLICT if it was whole already. */
MUST bool blob_whole(
    struct ctx *, struct db *, struct str id, int64_t size, const struct digest256 *);
/* Deletes the row and its data key: what the file holds cannot be read any more. */
MUST bool blob_delete(struct ctx *, struct db *, struct str id);
/* At most `max` of those that arrive since before `before` and belong to no job that may run. */
MUST bool blob_stale(struct ctx *, struct db *, int64_t before, size_t max,
    struct blob_row **ret, size_t *ret_n);
/* The ids of all, in their order, from after `after` on: for a comparison with the folder. */
MUST bool blob_ids(
    struct ctx *, struct db *, struct str after, size_t max, struct id **ret, size_t *ret_n);

/* What a vendor uploads: a model or a data set. */
enum asset_kind { ASSET_MODEL, ASSET_DATASET };
enum asset_state { ASSET_EMPTY, ASSET_CHECKING, ASSET_READY, ASSET_REFUSED };
extern const char *const asset_state_names[]; /* "empty" …, NULL at the end */
struct asset_row {
	enum asset_kind kind;
	struct id id, vendor; /* mod_… or dat_… */
	struct str name;      /* unique for vendor and kind, whatever the case */
	enum asset_state state;
	struct str parts; /* that have to come, separated by blanks: "samples labels" */
	struct str facts; /* compact JSON, once checked */
	struct str error_code, error_text; /* why it was refused */
	struct id job;                     /* that checks it; empty: none yet */
	/* Of a customer's copy: with which slots it was made, and whose it is. */
	struct id slots, personal;
	int64_t created, version;
};
/* E_CONFLICT if its name is taken, or the customer has a copy with these slots already. */
MUST bool asset_insert(struct ctx *, struct db *, const struct asset_row *);
MUST bool asset_by_id(struct ctx *, struct db *, enum asset_kind, struct str vendor,
    struct str id, struct asset_row *ret);
MUST bool asset_list(struct ctx *, struct db *, enum asset_kind, struct str vendor,
    struct str after, size_t max, struct asset_row **ret, size_t *ret_n);
/* From empty to checking, by that job. */
MUST bool asset_check(struct ctx *, struct db *, struct str id, struct str job);
/* It was made by one job, and is checked by another from now on. E_CONFLICT if it was not. */
MUST bool asset_hand_on(
    struct ctx *, struct db *, struct str id, struct str from_job, struct str to_job);
/* From checking to ready, with facts, or to refused, with code and text. */
MUST bool asset_ready(struct ctx *, struct db *, struct str id, struct str facts);
MUST bool asset_refuse(
    struct ctx *, struct db *, struct str id, struct str code, struct str text);
/* What went with something that was deleted: files, and secrets beside their keys. */
struct erased {
	struct blob_row *blob;
	size_t n, secrets;
};
/*
 * Deletes it with its blobs and their keys, and its watermark and its slots with their secrets.
 * E_STALE unless `version` is current (0: any); E_CONFLICT while a release, a copy that was made of
 * it, or a job that may run needs it.
 */
MUST bool asset_delete(struct ctx *, struct db *, enum asset_kind, struct str vendor,
    struct str id, int64_t version, struct erased *ret);

enum release_state { RELEASE_MAKING, RELEASE_READY, RELEASE_FAILED };
extern const char *const release_state_names[]; /* "making" …, NULL at the end */
struct release_row {
	struct id id, vendor, model;
	int64_t number; /* of the model: 1, 2, …; given by the insertion */
	struct str name;
	enum release_state state;
	unsigned locks;                   /* of mark.h; once ready */
	struct id job;                    /* that makes it */
	struct id key;                    /* the data key that is its secret */
	struct digest256 artifact, plain; /* once ready: of the file; of the plain weights */
	int64_t bytes;                    /* of the artifact */
	unsigned log_l;                   /* of the marks; 0: none */
	double kappa;
	struct id watermark; /* its network has that one; empty: none; given by the insertion */
	struct id personal;  /* the customer whose copy it is; empty: nobody's; the model's */
	struct str facts;    /* compact JSON, once ready */
	struct str manifest; /* JWS, once ready */
	struct str bundle;   /* model-signing bundle, JSON, once ready */
	struct str error_code, error_text;
	int64_t created, version;
};
/* Fills `number`, `watermark`, `personal` and `version`. Insert its data key in the same act. */
MUST bool release_insert(struct ctx *, struct db *, struct release_row *);
/* `model` empty: of any; vendor empty: any vendor's (administrators). */
MUST bool release_by_id(struct ctx *, struct db *, struct str vendor, struct str model,
    struct str id, struct release_row *ret);
/* The same without its texts, watermark, times and version: for what is asked often. */
MUST bool release_outline(
    struct ctx *, struct db *, struct str vendor, struct str id, struct release_row *ret);
MUST bool release_list(struct ctx *, struct db *, struct str vendor, struct str model,
    struct str after, size_t max, struct release_row **ret, size_t *ret_n);
/* From making to ready (everything that ready rows have), or to failed. */
MUST bool release_ready(struct ctx *, struct db *, const struct release_row *);
MUST bool release_fail(
    struct ctx *, struct db *, struct str id, struct str code, struct str text);
/* Deletes it with its blobs, their keys and its secret; as asset_delete. */
MUST bool release_delete(struct ctx *, struct db *, struct str vendor, struct str model,
    struct str id, int64_t version, struct blob_row **ret_gone, size_t *ret_n);

/* ---- Settings, upkeep -------------------------------------------------------------------- */

/* Facts about the installation by name. */
MUST bool setting_get(
    struct ctx *, struct db *, struct str name, bool *ret_found, struct str *ret);
MUST bool setting_put(struct ctx *, struct db *, struct str name, struct str value);

/* A committed prefix of the database into a new file (0600), while serving. */
MUST bool store_backup(struct ctx *, struct store *, const char *to);
/*
 * Puts a backup in the place of a database that no daemon has open; keeps the old one beside
 * it.
 */
MUST bool store_restore(struct ctx *, const char *dir, const char *from);
/* integrity_check, foreign_key_check, every CHECK; problems as text lines in c->mem. */
MUST bool store_check(struct ctx *, struct db *, struct str *ret_problems);

/* Customers by their numbers; ends the walk by failing. */
typedef bool customer_each(struct ctx *, void *arg, uint32_t number, const struct id *customer);

#include "store_licensing.h"

#include "store_images.h"

#include "store_verification.h"

#endif
