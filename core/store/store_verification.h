/*
 * store, the part about suspects: what tells copies apart by their answers, what is held against a
 * release, what a black box was asked, and what was found. Included by store.h, never alone.
 */
#ifndef STORE_VERIFICATION_H
#define STORE_VERIFICATION_H

#include "store.h"

/* ---- Slots ------------------------------------------------------------------------------- */

enum slot_set_state { SLOT_SET_MAKING, SLOT_SET_READY, SLOT_SET_FAILED };
extern const char *const slot_set_state_names[]; /* "making" …, NULL at the end */
/* Its pictures are its blob "content". */
struct slot_set_row {
	struct id id, vendor, model; /* model: whose copies are told apart */
	struct str name;             /* the model's; filled in by the store */
	enum slot_set_state state;
	struct id job;                /* that makes it */
	struct id key;                /* the data key that is its secret */
	int64_t customers, colluders; /* what it was planned for */
	int64_t slots, classes;       /* once ready, as what follows */
	struct digest256 commitment;  /* to the pictures */
	struct str facts;             /* compact JSON */
	struct str error_code, error_text;
	int64_t created, version;
};
/*
 * Fills `version`. E_CONFLICT unless the model is ready, no copy itself, and without slots. Insert
 * its data key in the same act.
 */
MUST bool slot_set_insert(struct ctx *, struct db *, struct slot_set_row *);
MUST bool slot_set_by_id(
    struct ctx *, struct db *, struct str vendor, struct str id, struct slot_set_row *ret);
/* The one that is ready, or being made. */
MUST bool slot_set_of_model(struct ctx *, struct db *, struct str vendor, struct str model,
    bool *ret_found, struct slot_set_row *ret);
/* The one that a release's copy was made with, or that copies of its model are; a ready one. */
MUST bool slot_set_of_release(struct ctx *, struct db *, struct str vendor, struct str release,
    bool *ret_found, struct slot_set_row *ret);
MUST bool slot_set_list(struct ctx *, struct db *, struct str vendor, struct str after,
    size_t max, struct slot_set_row **ret, size_t *ret_n);
/* Everybody with a copy that is ready, each once, by their numbers. */
MUST bool slot_set_copies(struct ctx *, struct db *, struct str id, customer_each *, void *arg);
/* From making to ready (colluders, slots, classes, commitment, facts), or to failed. */
MUST bool slot_set_ready(struct ctx *, struct db *, const struct slot_set_row *);
MUST bool slot_set_fail(
    struct ctx *, struct db *, struct str id, struct str code, struct str text);

/* ---- Suspects ---------------------------------------------------------------------------- */

enum suspect_state { SUSPECT_EMPTY, SUSPECT_READY };
extern const char *const suspect_state_names[]; /* "empty", "ready", NULL at the end */
struct suspect_row {
	struct id id, vendor;
	struct str name, note;
	enum suspect_state state;
	struct id challenge;     /* that it answers; empty: none */
	int64_t bytes;           /* once ready, as the next */
	struct digest256 digest; /* of its bytes, which are its blob "content" */
	int64_t appeared;        /* when it was first known to exist; milliseconds */
	int64_t created, version;
};
/* E_ABSENT if there is no such vendor. */
MUST bool suspect_insert(struct ctx *, struct db *, const struct suspect_row *);
MUST bool suspect_by_id(
    struct ctx *, struct db *, struct str vendor, struct str id, struct suspect_row *ret);
MUST bool suspect_list(struct ctx *, struct db *, struct str vendor, struct str after,
    size_t max, struct suspect_row **ret, size_t *ret_n);
/* All its bytes are there. E_CONFLICT if they were already. */
MUST bool suspect_ready(
    struct ctx *, struct db *, struct str id, int64_t bytes, const struct digest256 *);
/*
 * Deletes it with its blob and that one's key; what was found about it stays. E_STALE unless
 * `version` is current (0: any); E_CONFLICT while a verification of it runs.
 */
MUST bool suspect_delete(struct ctx *, struct db *, struct str vendor, struct str id,
    int64_t version, struct blob_row **ret_gone, size_t *ret_n);

/* ---- Challenges -------------------------------------------------------------------------- */

enum challenge_state { CHALLENGE_MAKING, CHALLENGE_READY, CHALLENGE_FAILED };
extern const char *const challenge_state_names[]; /* "making" …, NULL at the end */
struct challenge_row {
	struct id id, vendor;
	struct id watermark; /* whose pairs are asked; empty: none's */
	struct id slots;     /* whose pictures are asked; empty: none's */
	enum challenge_state state;
	struct id job;               /* that makes it */
	struct id key;               /* the data key that is its secret */
	int64_t first, pairs;        /* which part of the key set it shows */
	int64_t decoys;              /* how many other pictures, once ready as asked for */
	struct digest256 commitment; /* to the order of its pictures; once ready */
	struct str error_code, error_text;
	int64_t created, version;
};
/*
 * Takes its pairs out of those that nobody was asked yet, which begin with `first`. E_CONFLICT if
 * there are fewer, E_BUSY if another challenge has taken them since they were looked at. Insert its
 * data key in the same act. Fills `version`.
 */
MUST bool challenge_insert(struct ctx *, struct db *, struct challenge_row *);
MUST bool challenge_by_id(
    struct ctx *, struct db *, struct str vendor, struct str id, struct challenge_row *ret);
MUST bool challenge_list(struct ctx *, struct db *, struct str vendor, struct str after,
    size_t max, struct challenge_row **ret, size_t *ret_n);
/* From making to ready (decoys, commitment), or to failed: what it took stays taken. */
MUST bool challenge_ready(struct ctx *, struct db *, const struct challenge_row *);
MUST bool challenge_fail(
    struct ctx *, struct db *, struct str id, struct str code, struct str text);

/* ---- Verifications ----------------------------------------------------------------------- */

enum verification_state { VERIFICATION_RUNNING, VERIFICATION_DONE, VERIFICATION_FAILED };
extern const char *const verification_state_names[]; /* "running" …, NULL at the end */
/* As the evidence has them: "no-evidence" …, NULL at the end. */
extern const char *const verification_verdict_names[];
struct verification_row {
	struct id id, vendor, suspect, release;
	enum verification_state state;
	struct id job;
	int verdict;             /* index of its name; once done, as what follows */
	int64_t accused;         /* how many customers */
	struct str facts;        /* compact JSON */
	struct digest256 report; /* of the blob "report" */
	struct str statement;    /* JWS about it */
	struct str error_code, error_text;
	int64_t created, version;
};
/* E_CONFLICT unless the suspect is there, and ready. Fills `version`. */
MUST bool verification_insert(struct ctx *, struct db *, struct verification_row *);
MUST bool verification_by_id(
    struct ctx *, struct db *, struct str vendor, struct str id, struct verification_row *ret);
/* Without facts and statement. */
MUST bool verification_list(struct ctx *, struct db *, struct str vendor, struct str after,
    size_t max, struct verification_row **ret, size_t *ret_n);
/* From running to done (everything that done rows have), or to failed. */
MUST bool verification_done(struct ctx *, struct db *, const struct verification_row *);
MUST bool verification_fail(
    struct ctx *, struct db *, struct str id, struct str code, struct str text);

/* ---- Red teams --------------------------------------------------------------------------- */

enum red_team_state { RED_TEAM_RUNNING, RED_TEAM_DONE, RED_TEAM_FAILED };
extern const char *const red_team_state_names[];   /* "running" …, NULL at the end */
extern const char *const red_team_profile_names[]; /* "quick" …, NULL at the end */
struct red_team_row {
	struct id id, vendor, release;
	enum red_team_state state;
	struct id job;
	int profile; /* index of its name */
	/* Once done: attacks that were tried, those that won, how often innocents were accused. */
	int64_t attacks, wins, accusations;
	struct str facts;        /* compact JSON */
	struct digest256 report; /* of the blob "report" */
	struct str error_code, error_text;
	int64_t created, version;
};
/* E_CONFLICT unless the release is there, and ready. Fills `version`. */
MUST bool red_team_insert(struct ctx *, struct db *, struct red_team_row *);
MUST bool red_team_by_id(
    struct ctx *, struct db *, struct str vendor, struct str id, struct red_team_row *ret);
/* Without facts. */
MUST bool red_team_list(struct ctx *, struct db *, struct str vendor, struct str after,
    size_t max, struct red_team_row **ret, size_t *ret_n);
/* From running to done (everything that done rows have), or to failed. */
MUST bool red_team_done(struct ctx *, struct db *, const struct red_team_row *);
MUST bool red_team_fail(
    struct ctx *, struct db *, struct str id, struct str code, struct str text);

/* ---- What a verification stands on ------------------------------------------------------- */

/*
 * Everybody who has, or ever had, a license to the release, each once, by their numbers. Nothing
 * of it is kept in memory.
 */
MUST bool release_licensed(
    struct ctx *, struct db *, struct str release, customer_each *, void *arg);
/* When the audit was told that this job of the vendor is done; *ret 0: it never was. */
MUST bool audit_job_ended(
    struct ctx *, struct db *, struct str vendor, struct str job, int64_t *ret);

#endif
