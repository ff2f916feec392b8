/*
 * evidence: what a verification found, as facts that others can compute again. Which tests there
 * are and what each may count for; the verdict over all of them; the report, as canonical JSON and
 * as one HTML page; and the check that a sceptic makes of such a report, with no secret and no
 * network at hand.
 *
 * What was measured is put in by the caller; what follows from it (p-values, Holm's adjustment,
 * the verdict, who is accused) is computed here alone, so that making a report and checking one
 * are the same arithmetic.
 */
#ifndef EVIDENCE_H
#define EVIDENCE_H

#include "base.h"
#include "crypto.h"
#include "stats.h"

/* ---- The tests --------------------------------------------------------------------------- */

/* By which law a test's p-value follows from what was counted. */
enum evidence_law {
	LAW_PAIRS,    /* hits against misses: exact McNemar on discordant pairs */
	LAW_BINOMIAL, /* hits of trials, each with chance 1 / labels */
	LAW_BOUND, /* a rigorous bound on one customer's score, times the number of customers */
	LAW_SEQUENCE, /* as LAW_BINOMIAL, looked at after each answer: one over the e-value */
	LAW_RANK, /* hits null statistics of trials are as high: (hits + 1) / (trials + 1) */
	LAW_COUNT
};

enum evidence_test_id {
	TEST_WATERMARK, /* keys answered with the additional class, their twins not */
	TEST_LABELS,    /* the keys' committed labels among the ordinary classes */
	TEST_SLOTS,     /* behaviour slots */
	TEST_WEIGHTS,   /* some customer's mark in the weights */
	TEST_LOCK_KEY,  /* the drawn positions of the parameter lock */
	TEST_FINGERPRINT,
	TEST_BOUNDARY,
	TEST_IMAGE, /* a customer's name in a key image */
	/* The first two, of a service that was asked until enough was known: */
	TEST_LABELS_IN_TURN,
	TEST_PAIRS_IN_TURN, /* hits of pairs that are told apart; labels: 2 */
	TEST_COUNT
};
struct evidence_row {
	const char *id, *title;
	const char *null; /* the statement that it may refute, a sentence */
	enum evidence_law law;
	bool grinds;   /* labels could have been sought: the allowance counts against it */
	bool supports; /* rests on null models: it can never carry a verdict alone */
};
extern const struct evidence_row evidence_rows[TEST_COUNT];

/* log10 of the allowance for a commitment without a public beacon: 2^64. */
#define EVIDENCE_GRINDING_LOG10 19.26591972249479

/*
 * What one test counted. Counts that cannot be (more hits than trials, more than
 * EVIDENCE_ASKED_MAX answers) speak for nothing: their p is 1.
 */
enum { EVIDENCE_ASKED_MAX = 1 << 16 };
struct evidence_test {
	bool planned; /* counted in the adjustment, whether or not it could be run */
	bool ran;
	char why[200];                /* it was planned and not run: a sentence */
	int64_t trials, hits, misses; /* as the law needs them */
	int64_t labels;               /* LAW_BINOMIAL, LAW_SEQUENCE */
	double bound_log10;           /* LAW_BOUND: of the best customer; trials: customers */
	double score;                 /* what a person looks at: a rate, a z, a similarity */
	/* evidence_conclude's: */
	double log10_p;  /* by the law */
	double allowed;  /* with the allowance, as a logarithm too */
	double adjusted; /* Holm over all that were planned, as a logarithm too */
};

/* Negative controls, run in the same job. */
enum { EVIDENCE_CONTROLS_MAX = 16 };
struct evidence_control {
	char what[96];  /* "random coins on the same answers" */
	int64_t trials; /* how often */
	int64_t low;    /* of these, p <= .05 */
	bool clean; /* evidence_conclude's: more than one in a million that low is so high */
};

/* ---- Who leaked -------------------------------------------------------------------------- */

enum { EVIDENCE_CUSTOMERS_MAX = 64, EVIDENCE_BINS = 60 };
struct evidence_customer {
	uint32_t number;
	struct id id;
	double z, bound_log10; /* of an innocent's chance of such a score */
	/* evidence_conclude's: */
	double all_log10; /* of the chance that any of so many innocents has such a score */
	/* That is eps1 or less, something speaks for the suspect, and nothing forbids a proof. */
	bool accused;
};
/* However much more a caller would accept. */
#define EVIDENCE_EPS1_MAX 1e-3

struct evidence_trace {
	bool ran;
	char why[200];
	char channel[24];  /* "weights", "unlock key", "key image", "slots" */
	int64_t customers; /* scored */
	double eps1;       /* accepted chance of accusing any innocent */
	struct evidence_customer best[EVIDENCE_CUSTOMERS_MAX]; /* highest score first */
	size_t n;
	double low, high; /* of the histogram of all scores */
	int64_t bin[EVIDENCE_BINS];
	double threshold_z; /* about where accusation begins */
};

/* ---- Pictures and commitments ------------------------------------------------------------ */

/*
 * Two relevance maps of one probe and their scores, for people; values 0 to 255. In a report their
 * sides are EVIDENCE_MAP_SIDE at most: larger ones are made smaller.
 */
enum { EVIDENCE_PICTURES_MAX = 6, EVIDENCE_MAP_SIDE = 64 };
struct evidence_picture {
	int width, height;
	const uint8_t *owner, *suspect; /* width * height each */
	double structure, rank;
};
/* What was fixed before the suspect was seen. */
enum { EVIDENCE_COMMITMENTS_MAX = 8 };
struct evidence_commitment {
	char what[24]; /* "key set", "release" */
	struct digest256 digest;
	int64_t at; /* milliseconds: of the audit row that holds it */
};

/* ---- The whole --------------------------------------------------------------------------- */

enum verdict { VERDICT_NO_EVIDENCE, VERDICT_INDICATIVE, VERDICT_PROVEN, VERDICT_CANNOT_DECIDE };
extern const char *const verdict_names[]; /* "no-evidence" …, NULL at the end */

struct evidence {
	struct id verification, release, suspect;
	char kind[16]; /* "model", "transcript", "unlock-key", "key-image", "endpoint" */
	struct digest256 digest; /* of the suspect's bytes */
	int64_t bytes, appeared; /* appeared: when the suspect was first known */
	struct evidence_test test[TEST_COUNT];
	struct evidence_control control[EVIDENCE_CONTROLS_MAX];
	size_t controls;
	struct evidence_trace trace;
	struct evidence_picture picture[EVIDENCE_PICTURES_MAX];
	size_t pictures;
	struct evidence_commitment commitment[EVIDENCE_COMMITMENTS_MAX];
	size_t commitments;
	char cannot[300]; /* why nothing can be decided, a sentence; "": it can */
	/* What else a person would like to know of how the suspect was read: aligned layers,
	 * moved channels, accuracy; label and value, both short. */
	struct evidence_fact {
		char label[48], value[80];
	} fact[24];
	size_t facts;
	/* evidence_conclude's: */
	enum verdict verdict;
	char reason[300]; /* the verdict in a sentence */
};

/* A fact more, cut to its room; beyond the last one, nothing. */
PRINTF(3, 4)
void evidence_fact(struct evidence *, const char *label, const char *fmt, ...);
/*
 * Computes all that follows from what was counted. "proven" needs an adjusted p of 1e-6 by a test
 * that does not only support, commitments which are all older than the suspect's appearance, and
 * controls which are all clean; what misses one of the latter is "indicative" at most, accuses
 * nobody, and says why. Texts become text, numbers what ten digits hold: to conclude once more
 * changes nothing.
 */
void evidence_conclude(struct evidence *);

/*
 * Canonical JSON: the same facts, concluded, give the same bytes. No clock, no number that is not
 * finite, and none of the characters <, > and & as themselves, so that it stands in a page as it
 * is.
 */
#define EVIDENCE_JSON_MAX (256 << 10)
MUST bool evidence_json(struct ctx *, const struct evidence *, struct buf *out);
/*
 * The page for people, with the report inside as text (<pre id="report">); it follows from the
 * report alone. Its body stays open: whoever signs the report ends it with
 * <pre id="signature">JWS</pre></body></html>.
 */
#define EVIDENCE_HTML_MAX (4 << 20)
MUST bool evidence_html(
    struct ctx *, const struct evidence *, struct str report, struct buf *out);
/* A report back as facts, as they stand in it. E_INPUT for what is none. */
MUST bool evidence_read(struct ctx *, struct str json, struct evidence *ret);
/*
 * A report checked: read, concluded anew and written again; *ret_differs is where the first member
 * stands that does not follow from the counts ("/tests/0/p_log10"), or empty. *ret is as concluded
 * anew.
 */
MUST bool evidence_recheck(
    struct ctx *, struct str json, struct evidence *ret, struct str *ret_differs);

/* ---- The signed file --------------------------------------------------------------------- */

/*
 * {"signature":"<JWS>","report":{…}}: the custodian's statement about the report that stands
 * beside it, and the report, byte for byte as its digest has it.
 */
#define EVIDENCE_TYP "hallmark-evidence+jwt"
struct evidence_statement {
	struct id verification, release, vendor;
	struct digest256 report, suspect;
	enum verdict verdict;
	uint32_t accused[EVIDENCE_CUSTOMERS_MAX];
	size_t n;
	int64_t at; /* seconds */
};
/*
 * Views of the two, out of that file or out of the page. E_INPUT for what is neither; E_INTEGRITY
 * for a page that says anything else than the report within it does.
 */
MUST bool evidence_file_read(
    struct ctx *, struct str file, struct str *ret_jws, struct str *ret_report);
/*
 * The statement's claims, in and out; the JWS itself is jws_sign's and jws_verify's. They have one
 * form: accused, iat, iss (vendor), jti (verification), report and suspect (SHA-256, hex), sub
 * (release), verdict, in this order. E_INPUT for any other.
 */
#define EVIDENCE_CLAIMS_MAX 2048
MUST bool evidence_claims_put(struct ctx *, const struct evidence_statement *, struct buf *out);
MUST bool evidence_claims_read(struct ctx *, struct str claims, struct evidence_statement *ret);

#endif
