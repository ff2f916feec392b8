/*
 * What the files of the store share: one connection with its prepared questions, the asking of one
 * question, the audit's links, the ring of notes, and the store itself.
 */
#ifndef STORE_IMPL_H
#define STORE_IMPL_H

#include <pthread.h>
#include <sqlite3.h>
#include <stdatomic.h>

#include "store.h"

#define STORE_FILE "hallmark.db"
#define STORE_APPLICATION_ID 0x484d524b /* "HMRK" */

/* ---- Connections and questions (query.c) ------------------------------------------------- */

/*
 * Every file keeps its SQL in one table of its own, `X_questions`, indexed by an enum beside it. A
 * connection prepares each question at its first asking and keeps it.
 */
enum part {
	PART_WRITER,
	PART_AUDIT,
	PART_VERIFY,
	PART_PEOPLE,
	PART_ANSWERS,
	PART_JOBS,
	PART_KEYS,
	PART_SETTINGS,
	PART_BLOBS,
	PART_ASSETS,
	PART_RELEASES,
	PART_CUSTOMERS,
	PART_POLICIES,
	PART_LICENSES,
	PART_MACHINES,
	PART_LEASES,
	PART_DELIVERIES,
	PART_REVOCATIONS,
	PART_WEBHOOKS,
	PART_MESSAGES,
	PART_KEY_IMAGES,
	PART_IMAGE_SECRETS,
	PART_WATERMARKS,
	PART_SUSPECTS,
	PART_CHALLENGES,
	PART_VERIFICATIONS,
	PART_SLOTS,
	PART_RED_TEAMS,
	PART_COUNT
};
enum { QUESTIONS_MAX = 32 };
struct questions {
	enum part part;
	const char *const *sql;
	size_t n;
};
extern const struct questions writer_questions, audit_questions, verify_questions,
    people_questions, answer_questions, job_questions, key_questions, setting_questions,
    blob_questions, asset_questions, release_questions, customer_questions, policy_questions,
    license_questions, machine_questions, lease_questions, delivery_questions,
    revocation_questions, webhook_questions, message_questions, key_image_questions,
    image_secret_questions, watermark_questions, suspect_questions, challenge_questions,
    verification_questions, slot_questions, red_team_questions;
extern const struct questions *const store_questions[PART_COUNT];

struct view;
struct db {
	sqlite3 *sql;
	struct view *view; /* NULL: every question has a transaction of its own */
	sqlite3_stmt *asked[PART_COUNT][QUESTIONS_MAX];
};

/* Another program (an administrator's shell) may hold the file for a moment. */
enum { BUSY_MS = 5000 };
enum db_mode {
	DB_WRITE,
	DB_READ,
	DB_CHECK, /* reads only, but sees CHECKs: SQLite forgets them in a file it may not write */
	DB_PLAIN, /* a backup, not in WAL mode */
};
MUST bool db_open(struct ctx *, const char *path, enum db_mode, struct db **ret);
void db_close(struct db **);
/* SQL without results, for pragmas and migrations. */
MUST bool db_exec(struct ctx *, struct db *, const char *sql);
/* The number that a pragma or a query without parameters answers. */
MUST bool db_number(struct ctx *, struct db *, const char *sql, int64_t *ret);
/* Records what SQLite's result code means for a caller. */
MUST bool fail_sql(struct ctx *, struct db *, int rc);

/*
 * One asking of a question: parameters go in from left to right, columns come out likewise. A
 * failure sticks and shows in the next call that can fail.
 */
struct question {
	struct ctx *c;
	struct db *db;
	sqlite3_stmt *st;
	int in, out; /* the next parameter and column */
	int rc;      /* SQLite's, extended */
	bool bad;
};
struct question ask(struct ctx *, struct db *, const struct questions *, size_t which);
void question_done(struct question *);

void in_number(struct question *, int64_t);
void in_real(struct question *, double);
void in_text(struct question *, struct str);
void in_id(struct question *, const struct id *); /* empty: NULL */
void in_bytes(struct question *, struct str);
void in_digest(struct question *, const struct digest256 *);

int64_t out_number(struct question *);
double out_real(struct question *);
struct str out_text(struct question *); /* copied into the arena; blobs too */
struct id out_id(struct question *);
struct digest256 out_digest(struct question *);

/* The next row, if there is one. */
MUST bool question_row(struct question *, bool *ret_found);
/* To the end, for a question without rows; how many rows it changed. */
MUST bool question_run(struct question *, int64_t *ret_changed);
/* The same, where exactly one row must have changed; else `code`, `what` being absent. */
MUST bool question_one(struct question *, enum err_code, const char *what);
typedef void row_reader(struct question *, void *ret);
/* The only row, if any. */
MUST bool question_find(struct question *, row_reader *, void *ret, bool *ret_found);
/* The only row; E_ABSENT speaks of `what`. */
MUST bool question_get(struct question *, row_reader *, const char *what, void *ret);
/* All rows, `size` bytes each, in the arena. */
MUST bool question_list(
    struct question *, row_reader *, size_t size, void **ret, size_t *ret_n);
/* All rows, each a customer's number and id; none is kept. */
MUST bool question_customers(struct question *, customer_each *, void *arg);

/* ---- Files of the vault (blobs.c) --------------------------------------------------------- */

/* Deletes all blobs of an owner, and their keys; what they were. */
MUST bool blobs_delete(
    struct ctx *, struct db *, struct str owner, struct blob_row **ret, size_t *ret_n);
/* The same, added to what was erased already. */
MUST bool blobs_erase(struct ctx *, struct db *, struct str owner, struct erased *);
/* E_CONFLICT while a job works for this thing, or may yet. */
MUST bool job_free_of(struct ctx *, struct db *, struct str object);
/* Deletes the watermark that the model has, if any, and its secret. */
MUST bool watermark_erase(
    struct ctx *, struct db *, struct str vendor, struct str model, bool *ret_found);
/* The same of all slot sets that the model has or had; E_CONFLICT while there are copies. */
MUST bool slot_sets_erase(struct ctx *, struct db *, struct str model, struct erased *);

/* ---- Webhooks (webhooks.c) ----------------------------------------------------------------- */

/* The columns of a struct webhook_row. */
row_reader webhook_row;

/* ---- Views (view.c) ----------------------------------------------------------------------- */

/* Around each question of a reader that keeps its view. */
void view_enter(struct view *);
void view_leave(struct view *);
/* With the connection. */
void view_free(struct db *);
/* Ends the views of all readers that ask nothing at this moment. */
void views_rest(struct store *);

/* ---- The log's writes (log.c) ------------------------------------------------------------- */

/* The layer that gathers them, to be named when the writer's connection is opened. */
#define LOG_LAYER "hallmark"
void log_layer(void);

/* ---- The audit's links (audit.c) ---------------------------------------------------------- */

enum { AUDIT_BLOCK = 256, AUDIT_KNOWN = 16 };
/* A vendor whose row in the table of blocks is known to be there. */
struct audit_known {
	int64_t block; /* block + 1; 0: nobody */
	size_t n;
	char vendor[48];
};
struct audit_end {
	int64_t seq;
	struct digest256 hash;
	struct audit_known known[AUDIT_KNOWN];
};
enum { AUDIT_TEXTS = 8 };
/* The longest each text of an entry may be, in the order of struct audit_entry. */
extern const size_t audit_text_max[AUDIT_TEXTS];
/* The texts of an entry as a list, and back. */
void audit_texts(const struct audit_entry *, struct str ret[static AUDIT_TEXTS]);
void audit_entry_of(const struct str texts[static AUDIT_TEXTS], struct audit_entry *ret);
/* E_LIMIT when a text is too long for its column. */
MUST bool audit_fits(struct ctx *, const struct audit_entry *);
MUST bool audit_link(struct ctx *, const struct digest256 *before, int64_t seq, int64_t at,
    const struct str texts[static AUDIT_TEXTS], struct digest256 *ret);
/* Adds a row after `end` and moves `end` to it. */
MUST bool audit_append(
    struct ctx *, struct db *, struct audit_end *end, int64_t at, const struct audit_entry *);
MUST bool audit_head_put(struct ctx *, struct db *, const struct audit_end *);
/* E_INTEGRITY unless the head speaks of the last row. */
MUST bool audit_end_check(struct ctx *, struct db *, struct audit_end *ret);

/* ---- The ring of notes (notes.c) ---------------------------------------------------------- */

/* Audit rows that wait for a commit, in memory that is taken once. Positions only ever grow. */
struct notes {
	char *ring;
	uint64_t in, out;
	unsigned n; /* notes between out and in */
};
MUST bool notes_new(struct ctx *, struct notes *);
void notes_done(struct notes *);
bool notes_put(struct notes *, int64_t at, const struct audit_entry *);
/* The note at `*at`, as views into the ring; moves `*at` behind it. False at `end`. */
bool notes_next(
    const struct notes *, uint64_t *at, uint64_t end, int64_t *ret_at, struct audit_entry *ret);
/* Frees the space of n notes before `at`. */
void notes_drop(struct notes *, uint64_t at, unsigned n);

/* ---- The store (open.c, writer.c) --------------------------------------------------------- */

struct store {
	struct store_conf conf;
	char *dir, *path;
	int folder, lock;
	struct db *db; /* the writer's */
	struct audit_end end;
	struct arena *mem;
	struct ctx c;             /* the writer's */
	int wal_pages, wal_tried; /* in the log after the last commit; when it was last moved */
	bool erasing;             /* something was erased that is still in the log */
	bool running;
	pthread_t writer;

	pthread_mutex_t m; /* of all below */
	pthread_cond_t wake;
	struct act *first, **last;
	unsigned waiting;
	unsigned hasty; /* so many groups are not waited for */
	struct notes notes;
	int64_t notes_due, probe_due; /* on the monotonic clock */
	bool stop;

	pthread_mutex_t views_m;
	struct view *views; /* by views_m */

	_Atomic enum err_code health;
	_Atomic uint64_t commits, acts, noted, failed;
	_Atomic int64_t busy_since; /* on the monotonic clock; 0 while the writer waits */
};
/* So many notes are worth a commit of their own. */
enum { NOTES_ENOUGH = 2048 };
MUST bool writer_start(struct ctx *, struct store *);
void writer_stop(struct store *);

/* ---- Files of the state folder (folder.c) ------------------------------------------------- */

/* Opens the folder: the caller's own, closed to everybody else. */
MUST bool folder_open(struct ctx *, const char *dir, int *ret);
/* Takes the lock of the folder, which lasts as long as the descriptor. */
MUST bool folder_lock(struct ctx *, int folder, int *ret);
MUST bool folder_sync(struct ctx *, int folder);
/* Creates an empty file, 0600, if there is none; refuses one that others may read. */
MUST bool file_claim(struct ctx *, int folder, const char *name);
/* A time for file names: 20260201T120000.000Z. */
struct id time_name(int64_t ms);

/* ---- Schema, checks, copies (upgrade.c, check.c, backup.c) --------------------------------- */

extern const char *const store_migrations[];
extern const size_t store_migration_count;
/* Brings the writer's database to the last of these migrations, after a backup of an older one. */
MUST bool schema_upgrade(
    struct ctx *, struct db *, const char *dir, const char *const migrations[], size_t n);
/* integrity_check until the time is over (0: to the end); E_INTEGRITY names the first problem. */
MUST bool db_integrity(struct ctx *, struct db *, unsigned ms);
/* A copy of the database that `from` reads, as one durable file of mode 0600. */
MUST bool db_copy(struct ctx *, struct db *from, const char *to);

#endif
