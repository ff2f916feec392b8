/*
 * redteam: what thieves do to a released model, done by its vendor first. Each attack is a row of
 * one table; each makes a suspect out of a customer's copy, and every suspect is measured alike:
 * what it is still worth, what each test of a verification says of it alone and all together, and
 * whether the customer, nobody, or somebody innocent is named.
 *
 * An attack wins against a test if the test alone falls below "proven" while the suspect loses less
 * than five points of accuracy. Whatever names an innocent customer fails the whole run.
 */
#ifndef REDTEAM_H
#define REDTEAM_H

#include "protect.h"
#include "verify.h"

/* ---- The table (table.c) ----------------------------------------------------------------- */

/* By how long a run may take; each has the rows and points of those before it. */
enum redteam_profile { REDTEAM_QUICK, REDTEAM_STANDARD, REDTEAM_FULL, REDTEAM_PROFILES };
extern const char *const redteam_profile_names[]; /* "quick" …, NULL at the end */

/* What a row cannot do without. */
enum redteam_needs {
	REDTEAM_DATA = 1,   /* samples of the thief's own */
	REDTEAM_KEYS = 2,   /* a key set: pictures that the release's network answers */
	REDTEAM_COPIES = 4, /* several customers' copies, which are marked */
	REDTEAM_IMAGES = 8, /* the network takes pictures */
	REDTEAM_LOCK = 16,  /* the release is locked by parameters */
};

struct redteam;
struct redteam_suspect;
struct redteam_row {
	const char *id, *title; /* "W1", "magnitude pruning" */
	const char *does;       /* what the thief does, a sentence */
	const char *axis;       /* what `x` of a point is, "share of weights"; "": nothing */
	unsigned needs;
	bool accuses; /* somebody else claims the vendor's model: it wins if that is proven */
	enum redteam_profile least;
	/* The points, mildest first, and how many of them each profile has. */
	const double *x;
	size_t points[REDTEAM_PROFILES];
	/* Makes the suspect of one point; it comes as the victim's copy, untouched. */
	bool (*run)(struct ctx *, struct redteam *, double x, struct redteam_suspect *);
};
extern const struct redteam_row redteam_rows[];
extern const size_t redteam_row_count;
/* NULL: there is no such row. */
const struct redteam_row *redteam_row_by_id(struct str id);

/* ---- A run (case.c) ---------------------------------------------------------------------- */

/* A release, and what its vendor lends the red team. All of it stays the caller's. */
struct redteam_case {
	struct verify_release release;
	int artifact;                         /* what customers get: a descriptor */
	struct digest256 locked;              /* its digest */
	unsigned locks;                       /* enum unlock_locks */
	const struct keyset *keys;            /* NULL: the release has none */
	bool raw;                             /* bytes are 0 to 255 for the network */
	struct protect_model work;            /* the vendor's own, plain */
	const struct train_data *data, *test; /* NULL data: none; test may be data */
	enum redteam_profile profile;
	uint64_t seed;
	int threads;
};
/*
 * Divides the data: the thief has one half of it. Copies are those of customers 1 to 8, who join
 * the release's customers if they are not among them; the first one is the victim. E_CONFLICT, with
 * a sentence, where a run would say nothing: the release has neither marks nor keys.
 */
MUST bool redteam_new(struct ctx *, const struct redteam_case *, struct redteam **ret);
void redteam_free(struct redteam **);
/* Why this release cannot be put to the row, a sentence; NULL: it can. */
const char *redteam_impossible(const struct redteam *, const struct redteam_row *);

/* ---- What is left (measure.c) ------------------------------------------------------------ */

/* Shares of 1, or -1 where it was not measured. */
struct redteam_point {
	double x;
	char what[64];              /* for a person: "60 % of the weights" */
	double accuracy;            /* on the vendor's test samples */
	double keys, twins, labels; /* answered with the additional class; runner-up labels */
	double weights_z;           /* of the best customer; not a number: not measured */
	double log10_p[TEST_COUNT]; /* adjusted, of each test; 0: it says nothing */
	/* What each test decides by itself: no evidence if it was to run and could not, nothing
	 * (VERDICT_CANNOT_DECIDE) if there was no occasion to. */
	enum verdict alone[TEST_COUNT];
	enum verdict verdict; /* all together */
	bool named;           /* the right customer is accused */
	int innocents;        /* others who are */
	char why[200];        /* nothing could be decided, or the attack failed: a sentence */
	double seconds;       /* of the attack, not of measuring it */
};
/*
 * Did it win: against this test, if that is proof of the untouched copy `base`; against all of them
 * together? A test that the suspect gives no occasion to is not lost.
 */
bool redteam_wins(const struct redteam_row *, const struct redteam_point *,
    const struct redteam_point *base, enum evidence_test_id);
bool redteam_wins_all(
    const struct redteam_row *, const struct redteam_point *, const struct redteam_point *base);

struct redteam_watch {
	void (*progress)(void *arg, int64_t done, int64_t total, struct str note);
	void *arg;
};
/* The victim's copy as it is: what everything else is compared with. */
MUST bool redteam_base(struct ctx *, struct redteam *, struct redteam_point *ret);
/* Any file in the copy's place, measured as a suspect. */
MUST bool redteam_other(
    struct ctx *, struct redteam *, struct str file, struct redteam_point *ret);
/*
 * One point of a row. What a suspect's own bytes cause is a sentence in `why`, not a failure. The
 * same case and seed give the same point, but for its seconds.
 */
MUST bool redteam_point(struct ctx *, struct redteam *, const struct redteam_row *,
    size_t point, const struct redteam_watch *, struct redteam_point *ret);

/* ---- The report (report_json.c, report_html.c) ------------------------------------------- */

struct redteam_result {
	const struct redteam_row *row;
	const char *why; /* it was left out: a sentence; NULL: it was run */
	struct redteam_point *point;
	size_t points;
};
struct redteam_report {
	struct id release;
	enum redteam_profile profile;
	uint64_t seed;
	struct redteam_point base;
	struct redteam_result *result;
	size_t results;
	double seconds;
};
/* One point as one compact JSON object, and back: what a run that was broken off goes on from. */
MUST bool redteam_point_put(struct ctx *, const struct redteam_point *, struct buf *out);
MUST bool redteam_point_read(struct ctx *, struct str json, struct redteam_point *ret);
/*
 * The whole as JSON: the rows, which of them win against what, by each test the cheapest attack
 * that wins and what the thief keeps, false accusations; and for people, a page of its own with
 * curves of accuracy against what is left.
 */
MUST bool redteam_json(struct ctx *, const struct redteam_report *, struct buf *out);
MUST bool redteam_html(struct ctx *, const struct redteam_report *, struct buf *out);

#endif
